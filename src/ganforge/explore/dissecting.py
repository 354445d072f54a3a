"""Dissection: what the units of a hidden layer draw, by what changes when they are switched off.

Bau et al. 2019, "GAN Dissection: Visualizing and Understanding Generative Adversarial Networks".

    effect of unit u on class c     mean over samples of c of |G(z) − G(z; u off)|   (root mean square)
    selectivity                     effect on c − mean effect on the other classes
    agreement with a region r       IoU of {a_u > t} and r; t such that both have the same share of pixels

There, t is the 0.5 % quantile and r comes from a segmentation net. Here regions are what can be seen without one
(bright, dark, edges, red, green, blue) or are painted by the user.

N samples, U units, a [N, U, H, W] activations at the size of the samples, r bool [N, H, W].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.explore.hidden import Grid, grid_of, resized
from ganforge.explore.space import Space, space_of
from ganforge.inference.model import Model
from ganforge.metrics.samples import Progress, silent

PART = 64
STRONG = 0.99
"""Quantile of a unit's activations that it has when it is switched on."""
BRIGHT, DARK, EDGE, COLORED = 0.75, 0.25, 0.15, 0.2


@dataclass(frozen=True)
class Unit:
    """A unit and how much it has to do with a concept: the score of the concept's ranking.

    Attributes:
        effect: mean change of the samples of a class, or of all samples, when it is switched off.
    """

    unit: int
    score: float
    effect: float


@dataclass(frozen=True, eq=False)
class Dissected:
    """The units of a hidden layer.

    Attributes:
        grid: the layer. points: of the samples. samples: encoded, [N, *shape]. labels: int64 [N] or None.
        effects: rms change of each sample when each unit is off, [U, N].
        concepts: units by concept ("class 3", "bright", "all"), the first has most to do with it.
        on: what each unit is set to when it is switched on, [U].
    """

    space: Space
    grid: Grid
    points: Tensor
    samples: Tensor
    labels: Tensor | None
    effects: Tensor
    concepts: dict[str, list[Unit]]
    on: Tensor

    @torch.no_grad()
    def switched(self, off: Sequence[int] = (), on: Sequence[int] = ()) -> Tensor:
        """The samples with some units switched off and others on, encoded.

        Raises:
            UserError: there is no such unit.
        """
        if wrong := [unit for unit in (*off, *on) if not 0 <= unit < self.grid.units]:
            raise UserError(
                f"unit {wrong[0]}: the layer {self.grid.name} has units 0-{self.grid.units - 1}",
                code="explore.unit_out_of_range",
            )
        with self.grid.switched(off, {unit: float(self.on[unit]) for unit in on}):
            return made(self.space, self.points, self.labels)


@torch.no_grad()
def dissect(
    model: Model,
    n: int = 64,
    *,
    layer: str | None = None,
    seed: int = 0,
    label: Any = None,
    masks: Mapping[str, np.ndarray] | None = None,
    progress: Progress = silent,
) -> Dissected:
    """Ranks the units of a hidden layer by what they draw.

    Args:
        n: samples that are looked at; of a conditional model all classes in turn, unless `label` chooses one.
        layer: its name in the generator; by default the one nearest to half the size of samples.
        masks: regions by name, bool [H, W] or one per sample [n, H, W].

    Raises:
        UserError: the generator has no hidden grid, or no such layer, or a mask has another size.
    """
    space = space_of(model)
    grid = grid_of(space, layer)
    if n < 2:
        raise UserError(f"-n {n}: at least 2 samples are needed", code="cli.out_of_range")
    request = space.request(n, seed, label=label)
    points, labels = space.points_of(request), request.labels
    with grid.kept() as kept:
        samples = made(space, points, labels)
    features = torch.cat(kept)
    effects = torch.zeros(grid.units, n)
    for unit in range(grid.units):
        with grid.switched([unit]):
            change = made(space, points, labels) - samples
        effects[unit] = change.square().flatten(1).mean(1).sqrt().cpu()
        progress(f"units of {grid.name}", unit + 1, grid.units)
    flat = features.movedim(1, 0).flatten(1)
    on = flat.float().quantile(STRONG, dim=1) if flat.shape[1] < 2**24 else flat.float().amax(1)
    mean = effects.mean(1)
    concepts = {"all": ranked(mean, mean)}
    if labels is not None and labels.ndim == 1:
        concepts |= by_class(model, effects, labels)
    for name, region in regions(space, samples, masks).items():
        concepts[name] = ranked(agreement(resized(features, model.spec.shape[1:]), region), mean)
    return Dissected(space, grid, points, samples, labels, effects, concepts, on.cpu())


def made(space: Space, points: Tensor, labels: Tensor | None) -> Tensor:
    """Encoded samples of points, a part at a time."""
    rows = range(0, len(points), PART)
    return torch.cat([space.make(points[k : k + PART], None if labels is None else labels[k : k + PART]) for k in rows])


def ranked(scores: Tensor, effects: Tensor) -> list[Unit]:
    """The units, the highest score first."""
    order = torch.argsort(scores, descending=True, stable=True).tolist()
    return [Unit(unit, float(scores[unit]), float(effects[unit])) for unit in order]


def by_class(model: Model, effects: Tensor, labels: Tensor) -> dict[str, list[Unit]]:
    """For each class the units that change its samples more than those of others."""
    found = {}
    for k in torch.unique(labels).tolist():
        own = effects[:, labels == k].mean(1)
        others = effects[:, labels != k]
        found[f"class {model.labels[k]}"] = ranked(own - (others.mean(1) if others.shape[1] else 0), own)
    return found


def agreement(activations: Tensor, region: Tensor) -> Tensor:
    """IoU of each unit's strongest activations [N, U, ...] with a region bool [N, ...], of equal shares, [U]."""
    share = float(region.float().mean())
    found = torch.zeros(activations.shape[1])
    inside = region.flatten()
    for unit in range(activations.shape[1]):
        a = activations[:, unit].flatten()
        active = a > torch.kthvalue(a, max(1, min(a.numel(), round((1 - share) * a.numel())))).values
        found[unit] = (active & inside).sum() / (active | inside).sum().clamp(min=1)
    return found


def regions(space: Space, samples: Tensor, masks: Mapping[str, np.ndarray] | None) -> dict[str, Tensor]:
    """Regions of samples, bool [N, H, W]: given ones, and those that can be seen if samples are images.

    Raises:
        UserError: a given one has another size.
    """
    size, n = tuple(space.model.spec.shape[1:]), len(samples)
    found = {}
    for name, mask in (masks or {}).items():
        region = torch.from_numpy(np.asarray(mask, bool)).to(samples.device)
        if region.shape not in (size, (n, *size)):
            raise UserError(
                f"mask {name}: it is of size {'×'.join(map(str, region.shape[-2:]))}, and samples are of "
                f"{'×'.join(map(str, size))}",
                code="explore.mask_of_other_size",
            )
        found[name] = region.expand(n, *size)
    frames = np.stack(space.frames(samples))
    if frames.shape[1:3] != size:  # drawings of samples, whose pixels are not those of the grid
        return found
    colors = torch.from_numpy(frames.astype(np.float32) / 255)  # [N, H, W, 3]
    gray = colors.mean(3)
    across = torch.zeros_like(gray)
    across[:, :, 1:] += (gray[:, :, 1:] - gray[:, :, :-1]).abs()
    across[:, 1:] += (gray[:, 1:] - gray[:, :-1]).abs()
    seen = {"bright": gray > BRIGHT, "dark": gray < DARK, "edges": across > EDGE}
    for k, name in enumerate(("red", "green", "blue")):
        seen[name] = colors[..., k] - colors[..., [j for j in range(3) if j != k]].amax(3) > COLORED
    shown = {
        name: region.to(samples.device) for name, region in seen.items() if 0.005 < float(region.float().mean()) < 0.9
    }
    return found | shown
