"""LAPGAN: a GAN for each level of a Laplacian pyramid, each of which adds a finer frequency band.

Denton et al. 2015, "Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks".

    pyramid    x_K = x,  x_k = d(x_{k+1});   l_k = u(x_{k−1}),  h_k = x_k − l_k      so that  x_k = l_k + h_k  exactly
    level 0    G0 and D0 are trained by `synthesis` on the x_0
    level k    G_k and D_k likewise, on real l_k + h_k and generated l_k + G_k(z_k, l_k, c), both with the same real l_k
    to sample  x̃_0 = G0(z_0, c),  l̃_k = u(x̃_{k−1}),  x̃_k = l̃_k + G_k(z_k, l̃_k, c)

d halves an image with a triangle filter, u doubles it by interpolation. The paper counts levels from the finest; here 0
is the coarsest. All levels are trained simultaneously, each on real pyramids, none on the output of another. The input
of D_k is the sum of band and low-pass image, as in the paper, so it scores images, and all options of `synthesis`
(losses, augmentation, noise, packing) apply to every level.

N samples. x_k, l_k, h_k [N, C, H_k, W_k], z_0 [N, L], z_k [N, H_k·W_k], c [N] or None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast

from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.types import Batch, Memory, Nets, Request, Spec, Terms
from ganforge.modalities.image.layers.pyramid import Size, halved
from ganforge.nets.base import Discriminator, Refiner
from ganforge.tasks import latent
from ganforge.tasks.base import Phase
from ganforge.tasks.synthesis import Synthesis


class Lapgan(Synthesis, kind="lapgan"):
    """LAPGAN, new images from coarse to fine: `generator` and `discriminator` for the coarsest grid, another pair for
    each finer one."""

    levels: int = Field(default=3, ge=2, le=8)
    """Number of levels; each has half the size of the next. Each needs optimizers for its G and D: G0, D0, G1, D1,
    ..."""
    refiner: Refiner = Field(default="lapgan", validate_default=True)
    """The generators of the finer levels (G1, G2, ...), which add a frequency band to the upsampled image."""
    judge: Discriminator = Field(default="lapgan", validate_default=True)
    """The discriminators of the finer levels: D1, D2, ..."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if len(shape) != 3:
            raise UserError(
                f"task.kind=lapgan is for images [C, H, W], not for samples of shape {list(shape)}",
                code="task.not_for_shape",
            )
        coarsest = (shape[0], *self.sizes(shape)[0])
        reached = latent.nearest_for_both(self.generator, self.discriminator, coarsest)
        if reached != coarsest:
            shape = (shape[0], *(side << (self.levels - 1) for side in reached[1:]))
        return self.judge.nearest(shape)

    def sizes(self, shape: Sequence[int]) -> list[Size]:
        """(height, width) of every level, coarsest first."""
        found = [(shape[1], shape[2])]
        for _ in range(self.levels - 1):
            found.insert(0, (halved(found[0][0]), halved(found[0][1])))
        return found

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        specs = [replace(spec, shape=(spec.shape[0], *size)) for size in self.sizes(spec.shape)]
        found = {"G0": self.generator.build(specs[0]), "D0": self._critic(self.discriminator, specs[0])}
        for k, level in enumerate(specs[1:], start=1):
            found |= {f"G{k}": self.refiner.build(level), f"D{k}": self._critic(self.judge, level)}
        return found

    def generators(self) -> tuple[str, ...]:
        return tuple(f"G{k}" for k in range(self.levels))

    def memory(self, spec: Spec) -> Memory:
        found: dict[str, Tensor] = {}
        for k in range(self.levels):
            own = self._initial_memory(lambda k=k: pair(self.players(spec), k, None))
            found |= {f"{k}.{name}": tensor for name, tensor in own.items()}
        return Memory(found)

    def phases(self) -> list[Phase]:
        """The phases of `synthesis` for each level: D0, G0, D1, G1, ..."""
        return [self._of_level(k, phase) for k in range(self.levels) for phase in super(Lapgan, self).phases()]

    def _of_level(self, k: int, phase: Phase) -> Phase:
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            level = real_level(batch, self.levels, k)
            own = Nets(pair(nets, k, level.extra.get("low")), nets.memory.part(str(k)))
            terms = phase.loss(own, level, rng)
            # Stats of the finest level have no suffix; those of other levels have their level as a suffix.
            tag = "" if k == self.levels - 1 else f"/level{k}"
            return Terms(terms.losses, {f"{name}{tag}": value for name, value in terms.stats.items()})

        player, _, rest = phase.name.partition("/")
        name = f"{player}{k}/{rest}" if rest else f"{player}{k}"
        return replace(phase, name=name, loss=loss, trains=tuple(f"{player}{k}" for player in phase.trains))

    def _latents(self, batch: Batch, rng: Rng) -> Tensor:
        low = batch.extra.get("low")
        if low is None:
            return super()._latents(batch, rng)
        return rng.normal("z", (len(low), low.shape[2] * low.shape[3]))

    def sample(self, nets: Nets, request: Request) -> Tensor:
        """Generates all levels in sequence. If latents are given, the noise of the finer levels is the same for all
        samples."""
        labels = None if request.labels is None else request.labels.to(request.device)
        x = nets["G0"](self.latents(request).to(request.device, request.dtype), labels)
        for k in range(1, self.levels):
            size = cast(Sized, nets[f"G{k}"]).size
            start, n = (request.start, request.n) if request.latents is None else (0, 1)
            z = block_normal(request.seed, f"z{k}", start, n, size[0] * size[1]) * request.truncation
            low = doubled(x, size)
            x = low + nets[f"G{k}"](z.expand(len(x), -1).to(x), low, labels)
        return x


class Sized(Protocol):
    """The interface required of a refiner's module."""

    size: Size
    """(H, W) of the images."""


class Raised(nn.Module):
    """G_k as a generator of images: z, c → l + h̃, with a given low-pass image l."""

    def __init__(self, net: nn.Module, low: Tensor | None):
        super().__init__()
        self.net, self.low = net, low

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.low + self.net(z, self.low, c)


def pair(players: Mapping[str, nn.Module], k: int, low: Tensor | None) -> dict[str, nn.Module]:
    """G and D of a level, as expected by `synthesis`."""
    G = players[f"G{k}"]
    return {"G": Raised(G, low) if k else G, "D": players[f"D{k}"]}


def smaller(x: Tensor) -> Tensor:
    """d: [N, C, H, W] → half the size, rounded up, with a triangle filter whose weights also sum to 1 at the edges."""
    size = (halved(x.shape[2]), halved(x.shape[3]))
    return interpolate(x, size, mode="bilinear", antialias=True, align_corners=False)


def doubled(x: Tensor, size: Size) -> Tensor:
    """u: [N, C, h, w] → `size`, by linear interpolation."""
    return interpolate(x, size, mode="bilinear", align_corners=False)


def real_level(batch: Batch, levels: int, k: int) -> Batch:
    """The real images of level k and, except at the coarsest level, their l_k as `extra["low"]`."""
    x = batch.x
    for _ in range(levels - 1 - k):
        x = smaller(x)
    if k == 0:
        return replace(batch, x=x)
    low = doubled(smaller(x), (x.shape[2], x.shape[3]))
    return replace(batch, x=x, extra={**batch.extra, "low": low})
