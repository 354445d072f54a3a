"""GANSynth: notes as images of log magnitude and instantaneous frequency.

Engel et al. 2019, "GANSynth: Adversarial Neural Audio Synthesis", Table 3 (mel, high frequency resolution); the blocks
are those of Karras et al. 2018 (ProGAN).

    G: (z, e(c)) → conv of the base grid's size → PN(LReLU) → [double → conv 3×3 → conv 3×3]ₙ → conv 1×1 → tanh → x
    D: x → conv 1×1 → [conv 3×3 → conv 3×3 → half]ₙ → minibatch deviation → conv 3×3 → dense → logit

PN: divided by the root mean square over the channels; doubling repeats cells, halving takes means. Weights are N(0, 1),
scaled by He's constant when they are used. 2×16 cells become 128×1,024 in six steps, with 256 channels up to 16×128 and
half as many on each finer grid: 32 on the finest.

Departures: the grids are not grown one after the other; the label is a learned vector, not a one-hot.

x [N, 2, F, T] (log magnitude and instantaneous frequency: signal.form=mel_if), z [N, L].
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, leaky_relu

from ganforge.core.errors import UserError
from ganforge.core.types import Spec, wide
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.labels import LabelTable

MOST_STEPS = 6


class Equal(nn.Conv2d):
    """A convolution whose weights are N(0, 1) and scaled by He's constant when used."""

    def __init__(self, inputs: int, outputs: int, kernel: int | tuple[int, int], padding: int = 0):
        super().__init__(inputs, outputs, kernel, padding=padding)
        nn.init.normal_(self.weight)
        assert self.bias is not None
        nn.init.zeros_(self.bias)
        self.scale = math.sqrt(2 / math.prod(self.weight.shape[1:]))

    def forward(self, input: Tensor) -> Tensor:
        return self._conv_forward(input, self.weight * self.scale, self.bias)


def pixel_norm(h: Tensor) -> Tensor:
    return h * torch.rsqrt(wide(h).square().mean(1, keepdim=True) + 1e-8).to(h.dtype)


def layout(spec: Spec, channels: int) -> tuple[tuple[int, int], list[int]]:
    """The base grid, and the channels of all grids, coarsest first.

    Raises:
        UserError: spectra of another form or size (says the nearest).
    """
    near = nearest_grid(spec.shape, "gansynth")
    if near != tuple(spec.shape):
        raise UserError(
            f"gansynth: cannot reach {spec.shape[1]}×{spec.shape[2]} spectra; the nearest size is {near[1]}×{near[2]}",
            code="nets.unreachable_size",
        )
    steps = steps_for(spec.shape)
    widths = [max(1, min(channels, channels // 8 << (steps - k))) for k in range(steps + 1)]
    return (spec.shape[1] >> steps, spec.shape[2] >> steps), widths


def steps_for(shape: tuple[int, ...]) -> int:
    """How often a grid is halved: at most six times, down to two cells along the shorter axis."""
    return max(1, min(MOST_STEPS, int(math.log2(min(shape[1:]))) - 1))


def nearest_grid(shape: tuple[int, ...], who: str) -> tuple[int, ...]:
    """The nearest [C, F, T] whose sides can be halved as often as needed; raises UserError for other samples."""
    if len(shape) != 3:
        raise UserError(
            f"{who} nets are for spectra [C, F, T], not for samples of shape {list(shape)}. For sounds use "
            "signal.form=mel_if; for others try mlp",
            code="nets.not_for_shape",
        )
    unit = 2 ** steps_for((1, *(max(4, side) for side in shape[1:])))
    return shape[0], *(max(2, round(side / unit)) * unit for side in shape[1:])


class GansynthG(nn.Module):
    """The net of `GansynthGenerator`."""

    def __init__(self, latent: int, channels: int, spec: Spec):
        super().__init__()
        base, widths = layout(spec, channels)
        self.base = base
        self.label = LabelTable(spec.classes, latent, 0.6 * spec.classes**-0.5) if spec.classes else None
        inputs = latent * (2 if spec.classes else 1)
        self.start = Equal(inputs, widths[0], base)
        self.second = Equal(widths[0], widths[0], 3, 1)
        self.layers = nn.ModuleList()
        for before, after in pairwise(widths):
            self.layers += [Equal(before, after, 3, 1), Equal(after, after, 3, 1)]
        self.paint = Equal(widths[-1], spec.shape[0], 1)

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        if self.label is not None:
            z = torch.cat([z, self.label(c)], 1)
        wanted = [2 * side - 1 for side in self.base]  # a convolution of the grid's size sees z at each of its places
        h = torch.zeros(*z.shape, *wanted, dtype=z.dtype, device=z.device)
        h[:, :, wanted[0] // 2, wanted[1] // 2] = pixel_norm(z[:, :, None, None])[:, :, 0, 0]
        h = pixel_norm(leaky_relu(self.start(h), 0.2))
        h = pixel_norm(leaky_relu(self.second(h), 0.2))
        for k, layer in enumerate(self.layers):
            if k % 2 == 0:
                h = interpolate(h, scale_factor=2.0, mode="nearest")
            h = pixel_norm(leaky_relu(layer(h), 0.2))
        return self.paint(h).tanh()


class GansynthD(nn.Module):
    """The net of `GansynthDiscriminator`."""

    couples_batch = True

    def __init__(self, channels: int, spec: Spec):
        super().__init__()
        base, widths = layout(spec, channels)
        self.read = Equal(spec.shape[0], widths[-1], 1)
        self.layers = nn.ModuleList()
        for after, before in zip(widths[-2::-1], widths[:0:-1], strict=False):
            self.layers += [Equal(before, before, 3, 1), Equal(before, after, 3, 1)]
        self.late = Equal(widths[0] + 1, widths[0], 3, 1)
        self.dense = nn.Linear(widths[0] * math.prod(base), widths[0])
        self.last = nn.Linear(widths[0], 1)
        self.label = LabelTable(spec.classes, widths[0], spec.classes**-0.5) if spec.classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = leaky_relu(self.read(x), 0.2)
        for k, layer in enumerate(self.layers):
            h = leaky_relu(layer(h), 0.2)
            if k % 2:
                h = avg_pool2d(h, 2)
        spread = (wide(h) - wide(h).mean(0)).square().mean(0).add(1e-8).sqrt().mean()
        h = torch.cat([h, spread.to(h.dtype).expand(len(h), 1, *h.shape[2:])], 1)
        h = leaky_relu(self.dense(leaky_relu(self.late(h), 0.2).flatten(1)), 0.2)
        logits = self.last(h)[:, 0]
        return DiscriminatorOutput(logits if self.label is None else logits + (self.label(c) * h).sum(1), h)


class GansynthGenerator(Generator, kind="gansynth"):
    """Log magnitudes and instantaneous frequencies of notes, from a grid of 2×16 up."""

    latent: int = 256
    """Dimension of the latent z, drawn from a standard normal."""
    channels: int = Field(default=256, ge=1)
    """Channels of the coarse grids; the finest has an eighth."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_grid(shape, "gansynth")

    def build(self, spec: Spec) -> nn.Module:
        return GansynthG(self.latent, self.channels, spec)


class GansynthDiscriminator(Discriminator, kind="gansynth"):
    """The mirror image of the generator, with the deviation over the batch."""

    channels: int = Field(default=256, ge=1)
    """Channels of the coarse grids; the finest has an eighth."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_grid(shape, "gansynth")

    def build(self, spec: Spec) -> nn.Module:
        return GansynthD(self.channels, spec)
