"""What a probe of a run measures: whether D tells fakes from reals, and whether fakes lie where reals do.

Nothing here knows a method. D is assessed by the order of its logits alone, so that an offset, which relativistic and
Wasserstein critics are free to have, changes nothing. Samples are compared as they are, pooled to a coarse grid where
they have one, so that any signal's tensors will do.

    auc         P(logit of a real > logit of a fake): 1 when D is always right, ½ when it guesses
    gap         mean logit of reals − mean logit of fakes
    diversity   E‖y − y′‖ / E‖x − x′‖, between samples of the same label where there are labels: 1 when right
    distance    (2 E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖) / E‖x − x′‖, energy distance (Székely & Rizzo 2013): 0 when right
    precision   share of fakes nearer to some real than that real's K-th neighbor (Kynkäänniemi et al. 2019)
    coverage    share of reals with a fake nearer than their K-th neighbor (Naeem et al. 2020)

x [N, *shape] real samples, y [N, *shape] fakes with the same labels, c [N] labels or None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

MOST = 64
"""Samples that a probe compares, at most: the table of their distances then costs less than a step's first layer."""
FEWEST = 12
"""With fewer samples in a batch their distances say nothing, and only D, gradients and finiteness are watched."""
GRID = 8
"""Cells a side that samples with sides are pooled to."""
NEIGHBOR = 5
"""K of precision and coverage."""

POOLS: tuple[Callable[..., Tensor], ...] = (
    functional.adaptive_avg_pool1d,
    functional.adaptive_avg_pool2d,
    functional.adaptive_avg_pool3d,
)


def features(x: Tensor) -> Tensor:
    """Samples [N, *shape] as rows [N, F]: a point as it is, what has sides pooled to at most `GRID` cells a side."""
    x = x.float()
    sides = x.shape[2:]
    if 1 <= len(sides) <= 3 and max(sides) > GRID:
        x = POOLS[len(sides) - 1](x, tuple(min(side, GRID) for side in sides))
    return x.flatten(1)


def compare(real: Tensor, fake: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
    """diversity, distance, precision and coverage, each a scalar, of [N, *shape] against [N, *shape]."""
    x, y = features(real), features(fake)
    # Fake k has the label of real k, so the pair (k, k) is likelier of one kind than others are, and is left out.
    # By differences, not by a matrix product: that would lose the digits of small distances.
    xx, yy, xy = (torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist") for a, b in ((x, x), (y, y), (x, y)))
    n = len(x)
    others = ~torch.eye(n, dtype=torch.bool, device=x.device)
    spread, made = (mean_where(t, others) for t in (xx, yy))
    diversity = made / spread
    if labels is not None:
        same = others & (labels[:, None] == labels[None, :])
        # A label that is in the batch once has no pair. With few pairs the ratio is noise, and the other one stands.
        enough = same.sum() >= n
        alike = torch.minimum(diversity, mean_where(yy, same) / mean_where(xx, same))
        diversity = torch.where(enough, alike, diversity)
    radius = xx.kthvalue(min(NEIGHBOR, n - 1) + 1, dim=1).values  # the nearest one is the sample itself
    within = xy < radius[:, None]  # [real, fake]
    return {
        "diversity": diversity,
        "distance": (2 * mean_where(xy, others) - spread - made) / spread,
        "precision": within.any(0).float().mean(),
        "coverage": within.any(1).float().mean(),
    }


def mean_where(values: Tensor, mask: Tensor) -> Tensor:
    """The mean of the values that a mask picks; at least a tiny number, for it is divided by."""
    return ((values * mask).sum() / mask.sum().clamp_min(1)).clamp_min(1e-12)


def logit_stats(stats: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """auc and gap from what a task reports of D's logits; nothing where it reports none."""
    if "logit/real" not in stats or "logit/fake" not in stats:
        return {}
    real, fake = stats["logit/real"].detach().float().flatten(), stats["logit/fake"].detach().float().flatten()
    difference = real[:, None] - fake[None, :]
    return {"auc": ((difference > 0).float() + 0.5 * (difference == 0)).mean(), "gap": real.mean() - fake.mean()}


def read(found: Mapping[str, Tensor]) -> dict[str, float | None]:
    """Scalars as numbers, in one wait for the device; None for what is not finite, which JSON has no word for."""
    values = torch.stack([t.detach().float().reshape(()) for t in found.values()]).tolist() if found else []
    return {name: float(f"{v:.6g}") if math.isfinite(v) else None for name, v in zip(found, values, strict=True)}
