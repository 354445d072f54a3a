"""Films from a critic that sees a few frames of each, at random times.

Skorokhodov et al. 2022, "StyleGAN-V": three frames suffice a critic that knows how far apart they are, for a fraction
of what 3-D convolutions cost. Here the frames are stacked on the channels of one 2-D critic (as Yu et al. 2022,
"DIGAN", do with two), with a plane for each gap:

    t₁ < ... < t_K    gaps from 1 to 8 frames, ln(gap) about uniform; the start is uniform over the clip
    D([x(t₁), ..., x(t_K), ln(t₂ − t₁), ...])        real and fake at the same times
    with `differences` D also sees |x(t₂) − x(t₁)|, ..., a plane each: the mean over colors

G makes just these frames. An augmentation changes all frames of a film alike, so that it moves as before. Everything
else is `synthesis`. N: clips in the batch, K: frames that D sees,
x [N, C, T, H, W] films, frames [N, K·C, H, W], gaps [N, K−1].
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.augment.base import Augment, State
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import at
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Request, Spec, Terms
from ganforge.losses.base import Penalty
from ganforge.modalities.video.nets.motion import TimedGenerator
from ganforge.nets.base import Discriminator
from ganforge.tasks.synthesis import Synthesis
from ganforge.tasks.view import View


class SparseCritic(nn.Module):
    """A 2-D net that scores frames stacked on the channels, [N, K·C, H, W], `gaps` frames [N, K−1] apart."""

    def __init__(self, net: nn.Module, frames: int, differences: bool):
        super().__init__()
        self.net, self.frames, self.differences = net, frames, differences

    def forward(self, x: Tensor, c: Tensor | None = None, *, gaps: Tensor) -> DiscriminatorOutput:
        planes = gaps.to(x.dtype).log()[:, :, None, None].expand(-1, -1, *x.shape[2:])
        seen = [x, planes]
        if self.differences:
            seen.append(x.unflatten(1, (self.frames, -1)).diff(dim=1).abs().mean(2))
        return self.net(torch.cat(seen, 1), c)


@dataclass(frozen=True)
class RepeatedRng(Rng):
    """Draws of which each holds for `each` consecutive rows."""

    each: int = 1

    def _rows(self, name, shape, draw) -> Tensor:
        return super()._rows(name, (shape[0] // self.each, *shape[1:]), draw).repeat_interleave(self.each, 0)


class FilmAugment(NamedTuple):
    """Augments films [N, K·C, H, W] as images, with the same draws for all K frames of one."""

    augment: Augment
    frames: int

    def apply(self, x: Tensor, rng: Rng, memory: State) -> Tensor:
        images = x.unflatten(1, (self.frames, -1)).flatten(0, 1)
        repeated = RepeatedRng(**vars(rng), each=self.frames)
        return self.augment.apply(images, repeated, memory).unflatten(0, (-1, self.frames)).flatten(1, 2)


class Filming(Synthesis, kind="filming"):
    """Films: a generator of frames at any time against a critic of images that sees a few frames of each film."""

    takes_times: ClassVar[bool] = True
    frames: int = Field(default=4, ge=2)
    """Frames of each film that D sees."""
    longest: int = Field(default=8, ge=1)
    """Frames from one of them to the next, at most."""
    differences: bool = False
    """Show D how much each pixel changes from one of these frames to the next, so that it sees how fast a film moves
    and how much grain it has without having to learn to subtract."""

    def adapt(self, spec: Spec) -> Spec:
        if len(spec.shape) != 4:
            raise UserError(
                f"task filming: samples of shape {list(spec.shape)} are no films [C, T, H, W]",
                code="task.not_for_shape",
            )
        if spec.shape[1] < self.frames:
            raise UserError(
                f"task.frames={self.frames}: clips have {spec.shape[1]} frames. Use longer clips (signal.frames), or "
                f"task.frames={max(2, spec.shape[1])}",
                code="task.clips_too_short",
            )
        if self.pack != 1:
            raise UserError("task.pack: films are scored one by one; leave it at 1", code="task.pack_not_for_films")
        if not isinstance(self.generator, TimedGenerator):
            raise UserError(
                f"task.generator={self.generator.kind}: this task needs a generator that makes frames at given times, "
                "such as motion; other generators of films fit the task synthesis",
                code="task.generator_without_time",
            )
        films = super().adapt(replace(spec, shape=self.seen(spec.shape)))
        return replace(films, shape=spec.shape)

    def seen(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the frames that D sees of films."""
        return (shape[0] * self.frames, *shape[2:])

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        made = self.generator.nearest(shape)
        reached = self.discriminator.nearest(self.seen(made))
        return made if reached[1:] == made[2:] else self.generator.nearest((*made[:2], *reached[1:]))

    def _check_augment(self, spec: Spec) -> None:
        super()._check_augment(replace(spec, shape=(spec.shape[0] // self.frames, *spec.shape[1:])))

    def _critic(self, discriminator: Discriminator, spec: Spec) -> nn.Module:
        channels, *size = self.seen(spec.shape)
        planes = (self.frames - 1) * (2 if self.differences else 1)
        net = discriminator.build(replace(spec, shape=(channels + planes, *size)))
        self._refuse_batch_norm(net, discriminator)
        return SparseCritic(net, self.frames, self.differences)

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        return super().d_loss(nets, self._glimpse(batch, rng), rng)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        return super().g_loss(nets, self._glimpse(batch, rng), rng)

    def _lazy(self, penalty: Penalty):
        whole = super()._lazy(penalty)
        return lambda nets, batch, rng: whole(nets, self._glimpse(batch, rng), rng)

    def _glimpse(self, batch: Batch, rng: Rng) -> Batch:
        """A few frames of each film, [N, K·C, H, W], with their `times` [N, K]."""
        times = self.times(len(batch), batch.x.shape[2], rng)
        rows = torch.arange(len(batch), device=batch.x.device)[:, None]
        return replace(batch, x=batch.x[rows, :, times].flatten(1, 2), extra={**batch.extra, "times": times})

    def times(self, n: int, length: int, rng: Rng) -> Tensor:
        """Frame numbers int64 [n, K], ascending, of films of a length."""
        most = min(self.longest, (length - 1) // (self.frames - 1))
        gaps = (rng.uniform("gaps", (n, self.frames - 1)) * math.log(most + 1)).exp().long().clamp(1, most)
        ends = torch.cat([torch.zeros_like(gaps[:, :1]), gaps.cumsum(1)], 1)
        start = (rng.uniform("start", (n, 1)) * (length - ends[:, -1:])).long()
        return start + ends

    def make(self, nets: Nets, z: Tensor, batch: Batch, rng: Rng) -> Tensor:
        codes = nets.G.codes(nets.G.length - 1)  # type: ignore[operator]
        motion = rng.normal("motion", (len(z), codes, nets.G.noise))  # type: ignore[arg-type]
        films = nets.G(z, batch.c, motion.to(z), batch.extra["times"])  # [N, C, K, H, W]
        return films.transpose(1, 2).flatten(1, 2)

    def _view(self, nets: Nets, batch: Batch, rng: Rng) -> View:
        D = partial(nets.D, gaps=batch.extra["times"].diff(dim=1))
        augment = None if self.augment is None else FilmAugment(self.augment, self.frames)
        return View(D, batch.c, rng, nets.memory, 1, at(self.noise, rng.samples), augment)  # type: ignore[arg-type]

    def sample(self, nets: Nets, request: Request) -> Tensor:
        """Films at `request.extra["times"]` [n, K] (in frames of the training), by default as long as trained. A longer
        film goes on from where a shorter one of the same seed ends."""
        G = nets.G
        times = request.extra.get("times")
        if times is None:
            times = torch.arange(G.length, dtype=torch.float32).expand(request.n, -1)  # type: ignore[arg-type]
        one = request.latents is not None  # a walk between contents keeps to one motion
        start, n = (0, 1) if one else (request.start, request.n)
        codes = range(G.codes(float(times.max())))  # type: ignore[operator]
        width = int(G.noise)  # type: ignore[arg-type]
        drawn = [block_normal(request.seed, f"motion {k}", start, n, width) for k in codes]
        motion = torch.stack(drawn, 1).expand(request.n, -1, -1)
        z = self.latents(request).to(request.device, request.dtype)
        labels = None if request.labels is None else request.labels.to(request.device)
        return G(z, labels, motion.to(z), times.to(request.device))
