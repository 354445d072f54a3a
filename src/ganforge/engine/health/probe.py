"""The measurements of a probe: how well D separates fakes from reals, and how close the distributions of both are.

They are independent of the GAN method. D is assessed only by the order of its logits, because relativistic and
Wasserstein critics may have an arbitrary offset. Samples are compared directly (images pooled to a coarse grid), so
that it works for tensors of any signal.

    auc         P(logit of a real > logit of a fake): 1 for perfect separation, ½ for chance
    gap         mean logit of reals − mean logit of fakes
    diversity   E‖y − y′‖ / E‖x − x′‖, between samples of the same label if there are labels: ideal 1
    distance    (2 E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖) / E‖x − x′‖, energy distance (Székely & Rizzo 2013): ideal 0
    precision   fraction of fakes nearer to some real than that real's K-th neighbor (Kynkäänniemi et al. 2019)
    coverage    fraction of reals with a fake nearer than their K-th neighbor (Naeem et al. 2020)

x [N, *shape] real samples, y [N, *shape] fakes with the same labels, c [N] labels or None.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional

MOST = 64
"""Maximum number of samples to compare: computing their distances then costs less than the first layer of a step."""
FEWEST = 12
"""Minimum batch size for comparing samples; with fewer, only D, gradients and finiteness are checked."""
GRID = 8
"""Samples with spatial axes are pooled to at most this many cells per axis."""
NEIGHBOR = 5
"""K, for precision and coverage."""

POOLS: tuple[Callable[..., Tensor], ...] = (
    functional.adaptive_avg_pool1d,
    functional.adaptive_avg_pool2d,
    functional.adaptive_avg_pool3d,
)


def features(x: Tensor) -> Tensor:
    """Samples [N, *shape] as rows [N, F]; spatial axes are pooled to at most `GRID` cells each."""
    x = x.float()
    sides = x.shape[2:]
    if 1 <= len(sides) <= 3 and max(sides) > GRID:
        x = POOLS[len(sides) - 1](x, tuple(min(side, GRID) for side in sides))
    return x.flatten(1)


def compare(real: Tensor, fake: Tensor, labels: Tensor | None) -> dict[str, Tensor]:
    """Scalars diversity, distance, precision and coverage of fakes [N, *shape] against reals [N, *shape]."""
    x, y = features(real), features(fake)
    # Fake k has the label of real k, so the pair (k, k) is more similar than others, and is left out. By differences,
    # not by a matrix product: which would be inaccurate for small distances.
    xx, yy, xy = (torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist") for a, b in ((x, x), (y, y), (x, y)))
    n = len(x)
    others = ~torch.eye(n, dtype=torch.bool, device=x.device)
    spread, made = (mean_where(t, others) for t in (xx, yy))
    diversity = made / spread
    if labels is not None and labels.ndim == 1:  # vectors of conditions rarely agree
        same = others & (labels[:, None] == labels[None, :])
        # A label that occurs once in the batch has no pair. With too few pairs the ratio is noise: labels are then
        # ignored.
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
    """The mean of the values where the mask is true; at least a tiny positive value, since it is used as a divisor."""
    return ((values * mask).sum() / mask.sum().clamp_min(1)).clamp_min(1e-12)


def logit_stats(stats: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """auc and gap from the logits that a task reports; {} if it reports none."""
    if "logit/real" not in stats or "logit/fake" not in stats:
        return {}
    real, fake = stats["logit/real"].detach().float().flatten(), stats["logit/fake"].detach().float().flatten()
    difference = real[:, None] - fake[None, :]
    return {"auc": ((difference > 0).float() + 0.5 * (difference == 0)).mean(), "gap": real.mean() - fake.mean()}


def read(found: Mapping[str, Tensor]) -> dict[str, float | None]:
    """Scalars as Python floats, with a single device synchronization; None for non-finite values, which JSON cannot
    hold."""
    values = torch.stack([t.detach().float().reshape(()) for t in found.values()]).tolist() if found else []
    return {name: float(f"{v:.6g}") if math.isfinite(v) else None for name, v in zip(found, values, strict=True)}
