"""Dragging: points of a sample are moved to where a user wants them, by a search for the latent that puts them there.

Pan et al. 2023, "Drag Your GAN: Interactive Point-based Manipulation on the Generative Image Manifold".

    motion      minimize Σ_i Σ_q |F(q) − F(q + d_i)|  over the latent; the first F(q) is held constant,
                q within r₁ of handle p_i,  d_i the unit vector from p_i to its target
                + λ |(F − F₀) (1 − M)|,  M the part that may change
    tracking    p_i ← argmin over q within r₂ of p_i of |F(q) − F₀(p_i)|

F: features of a hidden layer at the size of the sample, F₀ those at the start. Departures: any generator with a hidden
grid, where there are no styles the latent z moves; radii are those of the paper at 512 px, scaled, but at least 1 and
2 px; the learning rate is in standard deviations of the latent; Adam has one scale for all numbers of the latent
(there one for each), since otherwise those that have hardly an effect on the points move as far as all others.

P points, F [U, H, W], handles and targets (x, y) in px from the top left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ganforge.core.errors import UserError
from ganforge.explore.hidden import Grid, grid_of, resized
from ganforge.explore.space import Space, refuse_underivable, space_of
from ganforge.inference.codes import Codes
from ganforge.inference.model import Model
from ganforge.metrics.samples import Progress, silent

FIRST_LAYERS = 6
"""Layers whose styles move; those of finer layers keep color and texture."""
REFERENCE = 512
"""The size in px that radii are given for."""
FILMED = 48

Point = tuple[float, float]


@dataclass(frozen=True)
class Dragged:
    """A sample whose points were moved.

    Attributes:
        codes: its latent. before, after: decoded samples [1, ...].
        handles: where the points are now. left: their distances to the targets, in px.
        steps: how many were made.
        film: decoded samples on the way, [1, ...] each, and where the points were.
    """

    codes: Codes
    before: Any
    after: Any
    handles: list[Point]
    left: list[float]
    steps: int
    film: list[tuple[Any, list[Point]]] = field(default_factory=list)


@dataclass(frozen=True)
class Pull:
    """How points are moved.

    Attributes:
        steps: maximum number. lr: learning rate, in standard deviations of the latent.
        near: points have arrived within this many px; by default 2 px at 512, at least 1.
        keep: weight λ of what is to stay.
    """

    steps: int = 300
    lr: float = 0.03
    near: float | None = None
    keep: float = 10.0


def drag(
    model: Model,
    handles: Sequence[Point],
    targets: Sequence[Point],
    *,
    latents: Codes | None = None,
    seed: int = 0,
    label: Any = None,
    mask: np.ndarray | None = None,
    layer: str | None = None,
    space: str | None = None,
    pull: Pull = Pull(),
    progress: Progress = silent,
) -> Dragged:
    """Moves points of a sample.

    Args:
        handles, targets: (x, y) in px from the top left, in pairs.
        latents: of the sample, as `ganforge project` saves them; by default those of `seed` and `label`.
        mask: bool [H, W], what may change; by default everything.
        layer: whose features are followed; by default one of half the size of samples, or of a quarter from 128 px on.
        space: "z" or "w"; by default that of `latents`, or w if the model has styles.

    Raises:
        UserError: the generator has no hidden grid or the model no such space, a point is outside of the sample, or
            the mask is of another size.
    """
    where = space_of(model, space or (latents.space if latents is not None else None))
    shape = model.spec.shape
    if len(shape) != 3:
        raise UserError(
            f"{model.folder}: points are moved in samples with height and width, and those of this model are "
            f"{model.recipe.signal.describe(model.spec)}",
            code="explore.not_an_image",
        )
    checked(handles, targets, shape[1:], mask)
    refuse_underivable(where)
    grid = grid_of(where, layer, 0.25 if max(shape[1:]) >= 128 else 0.5)
    if latents is None:
        request = where.request(1, seed, label=label)
        point, labels = where.points_of(request), request.labels
    else:
        point, labels = latents.values[:1].to(model.bundle.device, model.bundle.dtype), latents.labels
        labels = None if labels is None else labels[:1]
    return Dragging(where, grid, point, labels, mask, pull).to(handles, targets, progress)


def checked(handles: Sequence[Point], targets: Sequence[Point], size: Sequence[int], mask: np.ndarray | None) -> None:
    """Raises UserError for points or a mask that do not fit a sample of `size` (height, width)."""
    if len(handles) != len(targets) or not handles:
        raise UserError(
            f"{len(handles)} points and {len(targets)} targets: give one target for each point, and at least one",
            code="drag.points_differ_in_number",
        )
    for x, y in (*handles, *targets):
        if not (0 <= x <= size[1] - 1 and 0 <= y <= size[0] - 1):
            raise UserError(
                f"point {x:g},{y:g} is outside of the sample: x is 0 to {size[1] - 1}, y 0 to {size[0] - 1}",
                code="drag.point_outside",
            )
    if mask is not None and mask.shape != tuple(size):
        raise UserError(
            f"the mask is of {'×'.join(map(str, mask.shape))} pixels, and samples are of {'×'.join(map(str, size))}",
            code="explore.mask_of_other_size",
        )


class Dragging:
    """The search for one sample."""

    def __init__(
        self, space: Space, grid: Grid, point: Tensor, labels: Tensor | None, mask: np.ndarray | None, pull: Pull
    ):
        self.space, self.grid, self.labels, self.pull = space, grid, labels, pull
        self.size = space.model.spec.shape[1:]
        side = max(self.size)
        self.r1, self.r2 = max(1, round(3 / REFERENCE * side)), max(2, round(12 / REFERENCE * side))
        self.near = pull.near if pull.near is not None else max(1.0, 2 / REFERENCE * side)
        self.start = point
        self.fixed = None if mask is None else torch.from_numpy(~mask).to(point.device)
        sigma = 1.0 if space.name == "z" else float(space.styles(1000).std(0).square().mean().sqrt())
        self.lr = pull.lr * sigma

    def look(self, point: Tensor) -> tuple[Tensor, Tensor]:
        """The encoded sample and its features [1, U, H, W]."""
        with self.grid.kept() as kept:
            x = self.space.make(point, self.labels)
        return x, resized(kept[-1], self.size)

    def to(self, handles: Sequence[Point], targets: Sequence[Point], progress: Progress) -> Dragged:
        """Moves the handles to the targets."""
        device = self.start.device
        at, goal = (torch.tensor(points, dtype=torch.float32, device=device) for points in (handles, targets))  # [P, 2]
        with torch.no_grad():
            before, first = self.look(self.start)
        own = sampled(first, at)  # [P, U]: what each point looks like
        moving = self.start.clone().requires_grad_()
        descent = Descent(moving, self.lr)
        film: list[tuple[Any, list[Point]]] = []
        every = max(1, self.pull.steps // FILMED)
        step = 0
        for step in range(self.pull.steps):
            x, features = self.look(moving)
            if step:
                at = self.tracked(features.detach(), own, at)
            if step % every == 0:
                film.append((self.space.decoded(x), as_points(at)))
            left = (goal - at).norm(dim=1)
            progress("moving points", step + 1, self.pull.steps)
            if bool((left <= self.near).all()):
                break
            loss = self.motion(features, at, goal)
            if self.fixed is not None:
                loss = loss + self.pull.keep * ((features - first).abs() * self.fixed).mean()
            (slope,) = torch.autograd.grad(loss, moving)
            if self.space.name == "w":
                slope[:, FIRST_LAYERS:] = 0
            descent.step(slope)
        with torch.no_grad():
            after, features = self.look(moving)
            at = self.tracked(features, own, at)
        film.append((self.space.decoded(after), as_points(at)))
        left = (goal - at).norm(dim=1).tolist()
        decoded = self.space.decoded
        codes = self.space.codes(moving, self.labels)
        return Dragged(codes, decoded(before), decoded(after), as_points(at), left, step + 1, film)

    def motion(self, features: Tensor, at: Tensor, goal: Tensor) -> Tensor:
        """The loss that moves what is around each point one px toward its target."""
        offsets = disk(self.r1, at.device)  # [Q, 2]
        way = goal - at
        length = way.norm(dim=1, keepdim=True)
        one = way / length.clamp(min=1e-6) * length.clamp(max=1)
        q = at[:, None] + offsets  # [P, Q, 2]
        here = sampled(features, q.flatten(0, 1)).detach()
        there = sampled(features, (q + one[:, None]).flatten(0, 1))
        return (here - there).abs().mean()

    def tracked(self, features: Tensor, own: Tensor, at: Tensor) -> Tensor:
        """Where each point is now: the place near it whose features are most like its own."""
        offsets = disk(self.r2, at.device)
        q = at[:, None] + offsets  # [P, Q, 2]
        limits = torch.tensor([self.size[1] - 1, self.size[0] - 1], device=at.device)
        q = torch.minimum(q.clamp(min=0), limits)
        found = sampled(features, q.flatten(0, 1)).unflatten(0, q.shape[:2])  # [P, Q, U]
        best = (found - own[:, None]).abs().sum(2).argmin(1)
        return q[torch.arange(len(q)), best]


class Descent:
    """Adam with one scale of the steps for all numbers of a latent, so that those that hardly matter hardly move."""

    def __init__(self, point: Tensor, lr: float):
        self.point, self.lr, self.steps = point, lr, 0
        self.mean, self.square = torch.zeros_like(point), torch.zeros((), device=point.device, dtype=point.dtype)

    @torch.no_grad()
    def step(self, slope: Tensor) -> None:
        self.steps += 1
        self.mean.lerp_(slope, 0.1)
        self.square.lerp_(slope.square().mean(), 0.001)
        mean, square = self.mean / (1 - 0.9**self.steps), self.square / (1 - 0.999**self.steps)
        self.point -= self.lr * mean / (square.sqrt() + 1e-12)


def disk(radius: int, device: torch.device) -> Tensor:
    """Offsets (x, y) within a radius, the center first."""
    side = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    y, x = torch.meshgrid(side, side, indexing="ij")
    points = torch.stack([x.flatten(), y.flatten()], 1)
    points = points[points.norm(dim=1) <= radius]
    return points[points.norm(dim=1).argsort(stable=True)]


def sampled(features: Tensor, points: Tensor) -> Tensor:
    """Features [1, U, H, W] at points (x, y) [K, 2], between pixels interpolated, [K, U]."""
    height, width = features.shape[2:]
    scale = torch.tensor([max(width - 1, 1), max(height - 1, 1)], device=points.device)
    places = (2 * points / scale - 1)[None, None].to(features.dtype)
    found = functional.grid_sample(features, places, align_corners=True, padding_mode="border")
    return found[0, :, 0].T


def as_points(at: Tensor) -> list[Point]:
    return [(float(x), float(y)) for x, y in at.tolist()]
