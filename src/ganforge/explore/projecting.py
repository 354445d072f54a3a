"""Projection: the latents of given samples, found by gradient descent on how far generated samples are from them.

    min over p of  d(G(p), x),   d = MSE + mean over halvings of their MSE,   several starts at once, the best is kept

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", appendix D: Adam with β = (0.9, 0.999) and
a rate of 0.1 that rises over the first 5 % of the steps and falls as a cosine over the last 25 %; noise on the point,
of 0.05 · σ · (1 − t / 0.75)² (there on w alone), where t is the share of the steps done. Departures: any latent space
and generator; several starts; a distance that needs no net (there LPIPS); the noise inputs of the generator stay fixed.

A sample that the generator cannot make is approached by latents that are unlike those of training. Their spread is
therefore reported, and can be bounded:

    spread = √(mean over the dimensions of ((p − p̄) / σ)²),  1 for latents as in training

N: samples, S: starts, p [S·N, ...] points of z or w, x [N, *shape] encoded samples.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from ganforge.core.errors import UserError
from ganforge.explore.space import Space, refuse_underivable, space_of
from ganforge.inference.codes import Codes
from ganforge.inference.model import Model
from ganforge.metrics.samples import Progress, silent

RISE, FALL = 0.05, 0.25
NOISE, QUIET = 0.05, 0.75
HALVINGS, SMALLEST = 5, 4
FILMED = 24
"""Moments that are kept for a film."""
POOLS = {2: functional.avg_pool1d, 3: functional.avg_pool2d, 4: functional.avg_pool3d}
"""How samples are halved, by the number of their axes: channels and one to three of space and time."""


@dataclass(frozen=True)
class Projected:
    """Latents of given samples.

    Attributes:
        codes: the best point for each. samples: what the generator makes of them, decoded.
        before: PSNR of the best start of each sample, in dB, with a range of 2. after: that of `codes`.
        spread: how far each point is from the mean, relative to points of training samples.
        floor: the mean PSNR of held-out samples that were projected in the same way; None if there were none.
        film: decoded samples of the best point at moments of the search, each of all N.
    """

    codes: Codes
    samples: Any
    before: list[float]
    after: list[float]
    spread: list[float]
    floor: float | None = None
    film: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Settings:
    """How points are sought.

    Attributes:
        steps, starts: of the descent; the best start counts.
        lr: the highest learning rate.
        bound: the largest spread that points may have; None: any.
        seed: of the starts and the noise.
    """

    steps: int = 200
    starts: int = 8
    lr: float = 0.1
    bound: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, least in (("steps", self.steps, 1), ("starts", self.starts, 1), ("lr", self.lr, 1e-6)):
            if not least <= value <= 100_000:
                raise UserError(f"--{name} {value:g}: it must be at least {least:g}", code="project.out_of_range")
        if self.bound is not None and not 0 < self.bound < 100:
            raise UserError(
                f"--bound {self.bound:g}: it must be above 0, and is usually 1", code="project.out_of_range"
            )


def project(
    model: Model,
    x: Tensor,
    label: Any = None,
    *,
    space: str | None = None,
    settings: Settings = Settings(),
    held_out: Tensor | None = None,
    progress: Progress = silent,
) -> Projected:
    """The latents of given samples.

    Args:
        x: encoded samples [N, *spec.shape], as `explore.given.given_samples` reads them.
        label: the class of all; by default each start of a conditional model has the next one, and the best is kept.
        space: "z" or "w"; by default w if the model has styles.
        held_out: encoded samples that the model was not trained on, whose projections show what can be reached.

    Raises:
        UserError: the model has no such space, or its samples have no derivative.
    """
    where = space_of(model, space)
    refuse_underivable(where)
    search = Search(where, label, settings)
    points, labels, before, after, film = search.best(x, progress, "projecting")
    with torch.no_grad():
        samples = where.decoded(where.make(points, labels))
    floor = None
    if held_out is not None and len(held_out):
        floor = float(search.best(held_out, progress, "projecting held-out samples")[3].mean())
    codes = where.codes(points, labels)
    return Projected(codes, samples, before.tolist(), after.tolist(), search.spread(points).tolist(), floor, film)


class Search:
    """The descent for a model and a class."""

    def __init__(self, space: Space, label: Any, settings: Settings):
        self.space, self.label, self.settings = space, label, settings
        classes = len(space.model.labels)
        self.starts = max(settings.starts, classes if classes and label is None else 1)
        width = space.width
        if space.name == "w":
            w = space.styles(10_000, settings.seed)
            self.mean, self.sigma = w.mean(0), w.std(0)  # [K]
            self.noise = self.sigma.square().mean().sqrt()
        else:
            bundle = space.model.bundle
            self.mean = torch.zeros(width, device=bundle.device, dtype=bundle.dtype)
            self.sigma, self.noise = torch.ones_like(self.mean), 1.0

    def best(self, x: Tensor, progress: Progress, title: str):
        """The best points of samples x [N, ...], their labels, PSNR before and after, and decoded moments."""
        space, settings, n = self.space, self.settings, len(x)
        request = space.request(self.starts * n, settings.seed, label=self.label)
        labels = request.labels
        if labels is not None and self.label is None and labels.ndim == 1:  # each start of a sample another class
            labels = (torch.arange(self.starts) % len(space.model.labels)).repeat_interleave(n)
        base = space.points_of(request)
        start = base if space.name == "z" else base[:, 0]  # one style for all layers
        if space.name == "w":
            start = start.reshape(self.starts, n, -1).clone()
            start[0] = self.mean
            start = start.flatten(0, 1)
        point = start.clone().requires_grad_()
        optimizer = torch.optim.Adam([point], lr=settings.lr, betas=(0.9, 0.999))
        draws = torch.Generator().manual_seed(settings.seed)
        moments = set(torch.linspace(0, settings.steps - 1, min(FILMED, settings.steps)).long().tolist())
        film, first = [], None
        for step in range(settings.steps):
            t = step / settings.steps
            optimizer.param_groups[0]["lr"] = settings.lr * ramp(t)
            strength = NOISE * float(self.noise) * max(0.0, 1 - t / QUIET) ** 2
            noisy = point + strength * torch.randn(point.shape, generator=draws).to(point) if strength else point
            made = space.make(self.placed(noisy), labels).reshape(self.starts, n, *x.shape[1:])
            errors = distance(made, x)  # [S, N]
            (point.grad,) = torch.autograd.grad(errors.sum(), point)
            if step in moments:
                best = errors.detach().argmin(0)
                film.append(space.decoded(made[best, torch.arange(n)]))
            if first is None:
                first = squared(space.make(self.placed(start), labels).reshape(made.shape), x).min(0).values
            optimizer.step()
            self.keep_within(point)
            progress(title, step + 1, settings.steps)
        with torch.no_grad():
            last = squared(space.make(self.placed(point), labels).reshape(self.starts, n, *x.shape[1:]), x)
        error, best = last.min(0)
        rows = best.cpu() * n + torch.arange(n)
        assert first is not None
        found = self.placed(point.detach())[rows.to(point.device)]
        return found, None if labels is None else labels[rows], psnr(first), psnr(error), film

    def placed(self, point: Tensor) -> Tensor:
        """Points of the space: in w, one style for all layers."""
        return point if self.space.name == "z" else point[:, None].expand(-1, *self.space.shape)

    def spread(self, points: Tensor) -> Tensor:
        flat = points if points.ndim == 2 else points[:, 0]
        return ((flat - self.mean) / self.sigma.clamp(min=1e-8)).square().mean(1).sqrt()

    @torch.no_grad()
    def keep_within(self, point: Tensor) -> None:
        if self.settings.bound is not None:
            share = (self.settings.bound / self.spread(point).clamp(min=1e-8)).clamp(max=1)
            point.copy_(self.mean + (point - self.mean) * share[:, None])


def ramp(t: float) -> float:
    """The learning rate at the share t of the steps, relative to the highest one."""
    fall = 0.5 - 0.5 * math.cos(min(1.0, (1 - t) / FALL) * math.pi)
    return fall * min(1.0, (t + 0.005) / RISE)


def squared(made: Tensor, x: Tensor) -> Tensor:
    """Mean squared errors [S, N] of made [S, N, ...]."""
    return (made - x).square().flatten(2).mean(2)


def distance(made: Tensor, x: Tensor) -> Tensor:
    """The distance [S, N] that is made small: squared errors, and those of copies that are halved again and again."""
    levels = [squared(made, x)]
    pool = POOLS.get(x.ndim - 1)
    for _ in range(HALVINGS):
        if pool is None or min(x.shape[2:]) < 2 * SMALLEST:
            break
        made = pool(made.flatten(0, 1), 2).unflatten(0, made.shape[:2])
        x = pool(x, 2)
        levels.append(squared(made, x))
    return levels[0] + (torch.stack(levels[1:]).mean(0) if len(levels) > 1 else 0)


def psnr(error: Tensor) -> Tensor:
    """Peak signal-to-noise ratios in dB of mean squared errors of values in [-1, 1]."""
    return 10 * torch.log10(4 / error.double().clamp(min=1e-12))
