"""Temporal convolutions of QuantGAN (Wiese et al. 2020), and a critic of returns that looks at them in two ways.

    block    h → conv(kernel k, dilation d) → PReLU → conv(k, d) → PReLU → s;   h ← s + (1×1 conv of) h
    TCN      a block with k = 1, six with k = 2 and d = 1, 2, 4, 8, 16, 32; Σ s of all blocks → 1×1 conv
    G        noise [N, 3, T + 126] → TCN → x [N, K, T];      D: x [N, K, T] → TCN → logits at the steps that see 127

The receptive field is 1 + 2 · (1 + 2 + ... + 32) = 127 steps. Convolutions do not pad: what is lost at the beginning is
why G needs 126 more steps of noise. For D, windows shorter than 127 are padded by zeros at their beginning.

`quant`: the logit of `SeriesD` on y and |y|, plus the mean logit of a TCN on y, where y = asinh(2 x) is about 2 x near
0 and grows like a logarithm, so that no single crash decides.

N samples, T steps, K channels.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import pad

from ganforge.core.types import Spec
from ganforge.modalities.series.nets import SeriesD, check
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

DILATIONS = (1, 2, 4, 8, 16, 32)
FIELD = 1 + 2 * sum(DILATIONS)  # 127 steps
NOISE = 3  # channels of noise


class TemporalBlock(nn.Module):
    """A block: [N, C, T] → its part of the sum and the input of the next, both at the last steps of T."""

    def __init__(self, before: int, channels: int, kernel: int, dilation: int):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(before, channels, kernel, dilation=dilation), nn.PReLU(),
            nn.Conv1d(channels, channels, kernel, dilation=dilation), nn.PReLU(),
        )  # fmt: skip
        self.skip = nn.Conv1d(before, channels, 1) if before != channels else nn.Identity()
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d):
                nn.init.kaiming_normal_(layer.weight, a=0.25)  # the slope of a new PReLU
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        s = self.net(h)
        return s, s + self.skip(h)[..., h.shape[2] - s.shape[2] :]


class TCN(nn.Module):
    """[N, before, T + 126] → [N, after, T]."""

    def __init__(self, before: int, channels: int, after: int):
        super().__init__()
        sizes = [(before, 1, 1), *((channels, 2, d) for d in DILATIONS)]
        self.blocks = nn.ModuleList(TemporalBlock(size, channels, k, d) for size, k, d in sizes)
        self.out = nn.Conv1d(channels, after, 1)
        nn.init.normal_(self.out.weight, 0.0, 0.1 * channels**-0.5)  # the sum grows by each block

    def hidden(self, h: Tensor) -> Tensor:
        """The sum of all blocks, [N, channels, T]."""
        length = h.shape[2] - FIELD + 1
        total: Tensor | None = None
        for block in self.blocks:
            s, h = block(h)
            total = s[..., -length:] if total is None else total + s[..., -length:]
        assert total is not None
        return total

    def forward(self, h: Tensor) -> Tensor:
        return self.out(self.hidden(h))


class QuantG(nn.Module):
    """The net of `QuantGenerator`."""

    def __init__(self, channels: int, spec: Spec):
        super().__init__()
        self.steps = spec.shape[1]
        self.tcn = TCN(NOISE, channels, spec.shape[0])
        self.label = LabelTable(spec.classes, NOISE, 0.1) if spec.classes else None

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        steps = self.steps + FIELD - 1
        wanted = NOISE * steps
        noise = z.repeat(1, -(-wanted // z.shape[1]))[:, :wanted].unflatten(1, (NOISE, steps))
        if self.label is not None:
            noise = noise + self.label(c)[:, :, None]
        return self.tcn(noise)


class QuantGenerator(Generator, kind="quantgan"):
    """Temporal convolutions over noise: each step is made from the noise of 127."""

    latent: int = NOISE * (127 + FIELD - 1)
    """Numbers of noise: three for each of T + 126 steps, 759 for windows of 127; fewer are repeated."""
    channels: int = Field(default=80, ge=1)
    """Channels of the convolutions; 80 in the paper."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return QuantG(self.channels, spec)


class QuantD(nn.Module):
    """The net of `QuantganDiscriminator`: the mean of the logits of all steps that see 127."""

    def __init__(self, channels: int, spec: Spec):
        super().__init__()
        self.tcn = TCN(spec.shape[0], channels, 1)
        self.label = LabelTable(spec.classes, channels, spec.classes**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.tcn.hidden(pad(x, (max(0, FIELD - x.shape[2]), 0)))
        features = h.mean(2)
        logits = self.tcn.out(h).mean((1, 2))
        if self.label is not None:
            logits = logits + (self.label(c) * features).mean(1)
        return DiscriminatorOutput(logits, features)


class QuantganDiscriminator(Discriminator, kind="quantgan"):
    """Temporal convolutions over returns."""

    channels: int = Field(default=80, ge=1)
    """Channels of the convolutions; 80 in the paper."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return QuantD(self.channels, spec)


class TwoWays(nn.Module):
    """The net of `QuantDiscriminator`."""

    def __init__(self, channels: int, group: int, spec: Spec):
        super().__init__()
        both = Spec((2 * spec.shape[0], spec.shape[1]), spec.classes, spec.labels)
        self.shapes, self.returns = SeriesD(channels, group, both), QuantD(channels, Spec(spec.shape))

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        y = torch.asinh(2 * x)
        one, other = self.shapes(torch.cat([y, y.abs()], 1), c), self.returns(y)
        assert one.features is not None
        assert other.features is not None
        return DiscriminatorOutput(one.logits + other.logits, torch.cat([one.features, other.features], 1))


class QuantDiscriminator(Discriminator, kind="quant"):
    """A critic of returns: residual blocks on returns and their sizes, and temporal convolutions on returns."""

    channels: int = Field(default=16, ge=2)
    """Channels of both."""
    group: int = Field(default=16, ge=1)
    """Channels in a group of the residual blocks' convolutions."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def build(self, spec: Spec) -> nn.Module:
        check(spec.shape)
        return TwoWays(self.channels, self.group, spec)
