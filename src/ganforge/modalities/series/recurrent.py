"""Recurrent nets: those of RCGAN (Esteban, Hyland & Rätsch 2017), and an autoencoder as RTSGAN's (Pei et al. 2021).

    rcgan    G: z_t → LSTM 100 → linear → tanh, a step at a time;  D: (x_t) → LSTM 100 → linear, a logit a step
    series   E: x → GRU → max ‖ mean ‖ last state → linear → latents;  R: latents, at every step → GRU → linear → x

Latents [N, L] become noise of L / T numbers a step; where L is less, they are repeated along time. A label joins the
input of every step as a one-hot.

N samples, T steps, K channels, x [N, K, T].
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.types import Spec
from ganforge.modalities.series.nets import check
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Encoder, Generator
from ganforge.nets.layers.labels import as_vectors

LABEL = 0.1  # of the weights of labels, in those of the noise


def along_time(z: Tensor, steps: int) -> Tensor:
    """Latents [N, L] as noise [N, ⌈L / T⌉, T]; where they do not fill it, they begin again."""
    width = -(-z.shape[1] // steps)
    times = -(-width * steps // z.shape[1])
    return z.repeat(1, times)[:, : width * steps].unflatten(1, (width, steps))


class Labeled(nn.Module):
    """Joins a one-hot label to every step: [N, T, K] → [N, T, K + classes]."""

    def __init__(self, classes: int):
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor, c: Tensor | None) -> Tensor:
        if not self.classes:
            return x
        return torch.cat([x, as_vectors(c, self.classes, x.dtype)[:, None].expand(-1, x.shape[1], -1)], 2)


class RcG(nn.Module):
    """The net of `RcganGenerator`."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        self.steps = spec.shape[1]
        self.labeled = Labeled(spec.classes)
        self.lstm = nn.LSTM(-(-latent // self.steps) + spec.classes, channels, batch_first=True)
        self.out = nn.Linear(channels, spec.shape[0])
        if spec.classes:
            with torch.no_grad():  # a label that is as large as the noise would drown it at first
                self.lstm.get_parameter("weight_ih_l0")[:, -spec.classes :] *= LABEL

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        states, _ = self.lstm(self.labeled(along_time(z, self.steps).transpose(1, 2), c))
        return torch.tanh(self.out(states)).transpose(1, 2)


class RcganGenerator(Generator, kind="rcgan"):
    """An LSTM that makes a step from noise of that step."""

    latent: int = 120
    """Numbers of noise of a whole window; five a step of 24 in the paper."""
    channels: int = Field(default=100, ge=1)
    """Units of the LSTM."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return RcG(self.latent, self.channels, spec)


class RcD(nn.Module):
    """The net of `RcganDiscriminator`."""

    def __init__(self, channels: int, spec: Spec):
        super().__init__()
        self.labeled = Labeled(spec.classes)
        self.lstm = nn.LSTM(spec.shape[0] + spec.classes, channels, batch_first=True)
        self.out = nn.Linear(channels, 1)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        states, _ = self.lstm(self.labeled(x.transpose(1, 2), c))
        maps = states.transpose(1, 2)[:, :, None]  # [N, F, 1, T]
        return DiscriminatorOutput(self.out(states)[..., 0], states.mean(1), layers=[maps])


class RcganDiscriminator(Discriminator, kind="rcgan"):
    """An LSTM that scores every step by itself and what came before."""

    channels: int = Field(default=100, ge=1)
    """Units of the LSTM."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return RcD(self.channels, spec)


class SeriesE(nn.Module):
    """The net of `SeriesEncoder`."""

    def __init__(self, channels: int, layers: int, spec: Spec, latent: int):
        super().__init__()
        self.labeled = Labeled(spec.classes)
        self.gru = nn.GRU(spec.shape[0] + spec.classes, channels, layers, batch_first=True, bidirectional=True)
        self.out = nn.Linear((4 + 2 * layers) * channels, 2 * latent)

    def forward(self, x: Tensor, c: Tensor | None = None) -> tuple[Tensor, Tensor]:
        states, last = self.gru(self.labeled(x.transpose(1, 2), c))
        h = torch.cat([states.amax(1), states.mean(1), last.transpose(0, 1).flatten(1)], 1)
        mean, log_variance = self.out(h).chunk(2, 1)
        return mean, log_variance


class SeriesEncoder(Encoder, kind="series"):
    """A GRU over windows of time series, read both ways."""

    channels: int = Field(default=48, ge=1)
    """Units of each direction."""
    layers: int = Field(default=1, ge=1)
    """Layers of the GRU."""

    def build(self, spec: Spec, latent: int) -> nn.Module:
        check(spec.shape)
        return SeriesE(self.channels, self.layers, spec, latent)


class SeriesR(nn.Module):
    """The net of `SeriesDecoder`."""

    place: Tensor

    def __init__(self, latent: int, channels: int, layers: int, spec: Spec):
        super().__init__()
        self.steps = spec.shape[1]
        turns = torch.arange(self.steps)[:, None] / self.steps * 2.0 ** torch.arange(5) * torch.pi
        self.register_buffer("place", torch.cat([turns.sin(), turns.cos()], 1), persistent=False)  # [T, 10]
        self.labeled = Labeled(spec.classes)
        self.gru = nn.GRU(latent + 10 + spec.classes, channels, layers, batch_first=True, bidirectional=True)
        self.out = nn.Linear(2 * channels, spec.shape[0])

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        every = z[:, None].expand(-1, self.steps, -1)
        where = self.place.to(z.dtype).expand(len(z), -1, -1)
        states, _ = self.gru(self.labeled(torch.cat([every, where], 2), c))
        return self.out(states).transpose(1, 2)


class SeriesDecoder(Generator, kind="series_gru"):
    """A GRU that makes all steps of a window from one latent, run both ways."""

    latent: int = 48
    channels: int = Field(default=64, ge=1)
    """Units of each direction."""
    layers: int = Field(default=1, ge=1)
    """Layers of the GRU."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return SeriesR(self.latent, self.channels, self.layers, spec)
