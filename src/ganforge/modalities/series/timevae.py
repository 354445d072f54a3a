"""TimeVAE (Desai et al. 2021), its base form without trend and season: a baseline that is no GAN.

    E: x → conv 3, stride 2, ReLU at 50, 100, 200 channels → linear → mean, log variance of 8 latents
    G: z → linear → transposed conv 3, stride 2, ReLU at 200 → 100 → 50 → K channels → linear over all steps → x

Trained by the task `autoencode`. N samples, T steps, K channels, x [N, K, T].
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.series.nets import check
from ganforge.modalities.series.recurrent import Labeled
from ganforge.nets.base import Encoder, Generator

WIDTHS = (50, 100, 200)


class TimeVaeE(nn.Module):
    """The net of `TimeVaeEncoder`."""

    def __init__(self, widths: tuple[int, ...], spec: Spec, latent: int):
        super().__init__()
        self.labeled = Labeled(spec.classes)
        sizes = (spec.shape[0] + spec.classes, *widths)
        self.convs = nn.Sequential(
            *(layer for a, b in pairwise(sizes) for layer in (nn.Conv1d(a, b, 3, 2, 1), nn.ReLU()))
        )
        self.out = nn.Linear(widths[-1] * -(-spec.shape[1] // 2 ** len(widths)), 2 * latent)

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = self.labeled(x.transpose(1, 2), c).transpose(1, 2)
        mean, log_variance = self.out(self.convs(h).flatten(1)).chunk(2, 1)
        return mean, log_variance


class TimeVaeEncoder(Encoder, kind="timevae"):
    """Strided convolutions along time."""

    widths: tuple[int, ...] = WIDTHS
    """Channels of the convolutions."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        check(spec.shape)
        return TimeVaeE(self.widths, spec, latent)


class TimeVaeG(nn.Module):
    """The net of `TimeVaeGenerator`."""

    def __init__(self, widths: tuple[int, ...], spec: Spec, latent: int):
        super().__init__()
        self.classes, self.shape = spec.classes, spec.shape
        self.labeled = Labeled(spec.classes)
        self.begin = -(-spec.shape[1] // 2 ** len(widths))
        sizes = (*widths[::-1], spec.shape[0])
        self.start = nn.Linear(latent + spec.classes, sizes[0] * self.begin)
        self.convs = nn.Sequential(
            *(layer for a, b in pairwise(sizes) for layer in (nn.ConvTranspose1d(a, b, 3, 2, 1, 1), nn.ReLU()))
        )
        self.out = nn.Linear(spec.shape[0] * self.begin * 2 ** len(widths), spec.shape[0] * spec.shape[1])

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        h = self.start(self.labeled(z[:, None], c)[:, 0]).relu().unflatten(1, (-1, self.begin))
        return self.out(self.convs(h).flatten(1)).unflatten(1, self.shape)


class TimeVaeGenerator(Generator, kind="timevae"):
    """Transposed convolutions along time, and a linear layer over all steps."""

    latent: int = 8
    widths: tuple[int, ...] = WIDTHS
    """Channels of the convolutions, those of the encoder: last to first."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return TimeVaeG(self.widths, spec, self.latent)
