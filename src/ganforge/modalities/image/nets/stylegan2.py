"""StyleGAN2: the latent is mapped to a style w, which scales the channels of every convolution of G.

Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN"; settings per data set are those of Karras
et al. 2020, "Training Generative Adversarial Networks with Limited Data".

    mapping      w = MLP(z / |z|, e(c) / |e(c)|),  |·|: the root mean square
    convolution  s = A w + 1;   y_j = d_j · Σ_i W_ji ∗ (s_i x_i),   d_j = 1/√(Σ_i,k (W_jik s_i)²)  (demodulation)
                 y + strength · noise + b → act
    G            4×4 constant → convolution → (double → convolution → convolution) for each finer grid;
                 every grid adds its image to the upsampled one of the previous grid (skips)
    D            x → (convolution → convolution, half) for each coarser grid, each averaged with a shortcut
                 (residual) or not (plain) → minibatch stddev → convolution → linear → logit

The style scales the input of a convolution, and d its output. This is equivalent to scaling the weights per sample, but
uses one shared convolution instead of N grouped ones, and has derivatives of any order.

In training, noise is drawn in every step. In evaluation mode it is a fixed image per layer, part of the state, so that
a sample depends only on its latent. Truncation interpolates styles toward the mean of w, which is tracked during
training:

    w' = w̄ + ψ (w − w̄)

N samples, L latents, z [N, L], w [N, K] with K = L, ws [N, layers, K], x [N, C, H, W], h [N, h, w, C] channels last.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, normalize

from ganforge.core.rng import normal_like
from ganforge.core.types import Spec
from ganforge.modalities.image.layers.fir import SMOOTH, around, double, half, within
from ganforge.modalities.image.layers.pyramid import Size, check_picture, grids, nearest_picture
from ganforge.modalities.image.layers.styled import InferenceStyledConv, InferenceToPicture
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.nets.layers.equalized import EqualConv, EqualLinear, act
from ganforge.nets.layers.labels import as_vectors
from ganforge.nets.layers.minibatch import MinibatchStddev

MAPPING_LR = 0.01
MEAN_MOVES = 0.005
"""Update rate of the running mean of w: 1 − 0.995."""


def unit(x: Tensor) -> Tensor:
    """Normalizes rows to mean square 1."""
    return normalize(x, dim=1) * math.sqrt(x.shape[1])


class Mapping(nn.Module):
    """z [N, L] and c [N] → w [N, width]. Without latents (L = 0) it maps only labels, as in D."""

    def __init__(self, latent: int, width: int, layers: int, classes: int):
        super().__init__()
        self.label = EqualLinear(classes, width) if classes else None
        inputs = latent + (width if classes else 0)
        sizes = [inputs, *[width] * layers]
        self.layers = nn.ModuleList(EqualLinear(a, b, lr=MAPPING_LR) for a, b in pairwise(sizes))
        self.classes = classes

    def forward(self, z: Tensor | None, c: Tensor | None) -> Tensor:
        parts = [] if z is None else [unit(z)]
        if self.label is not None:
            parts.append(unit(self.label(as_vectors(c, self.classes, self.label.weight.dtype))))
        w = torch.cat(parts, 1)
        for layer in self.layers:
            w = act(layer(w))
        return w


class StyledConv(nn.Module):
    """A convolution whose inputs are scaled by the style and whose outputs are normalized (demodulation).

    Args:
        size: size of the output; with `up`, the input has half of it, rounded up.
    """

    noise: Tensor

    def __init__(self, width: int, inputs: int, outputs: int, size: Size, up: bool = False):
        super().__init__()
        self.style = EqualLinear(width, inputs, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(*size, 1))
        self.scale = 1 / math.sqrt(9 * inputs)
        self.fir = within(size, SMOOTH) if up else None

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        s = self.style(w)  # [N, inputs]
        weight = self.weight * self.scale
        x = (h * s[:, None, None]).permute(0, 3, 1, 2)  # an image in channels_last
        if self.fir is None:
            h = conv2d(x, weight, padding=1).permute(0, 2, 3, 1)
        else:
            h = self.fir(conv_transpose2d(x, weight.transpose(0, 1), stride=2).permute(0, 2, 3, 1))
        power = s.square() @ weight.square().sum((2, 3)).T  # [N, outputs]
        h = h * (power + 1e-8).rsqrt()[:, None, None]
        noise = normal_like(h[..., :1]) if self.training else self.noise
        return act(h + self.strength * noise + self.bias)

    def for_inference(self) -> nn.Module:
        style, offset = self.style.for_inference(), self.strength * self.noise + self.bias
        return InferenceStyledConv(style, self.weight * self.scale, offset, up=self.fir is not None)


class ToPicture(nn.Module):
    """A styled 1×1 convolution to an image (ToRGB), without demodulation: [N, h, w, C] → [N, h, w, colors]."""

    def __init__(self, width: int, inputs: int, colors: int):
        super().__init__()
        self.style = EqualLinear(width, inputs, bias=1.0)
        self.paint = EqualLinear(inputs, colors)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        return self.paint(h * self.style(w)[:, None, None])

    def for_inference(self) -> nn.Module:
        paint = self.paint.for_inference()
        return InferenceToPicture(self.style.for_inference(), paint.weight, paint.bias)


class StyleGan2G(nn.Module):
    """The net of `StyleGan2Generator`."""

    unit_axis = -1
    """The axis of hidden layers that holds the channels."""
    mean: Tensor

    def __init__(self, latent: int, mapping: int, widths: list[int], sizes: list[Size], colors: int, classes: int):
        super().__init__()
        self.mapping = Mapping(latent, latent, mapping, classes)
        self.register_buffer("mean", torch.zeros(latent))
        self.constant = nn.Parameter(torch.randn(*sizes[0], widths[0]))
        self.convs = nn.ModuleList([StyledConv(latent, widths[0], widths[0], sizes[0])])
        self.pictures = nn.ModuleList([ToPicture(latent, widths[0], colors)])
        self.doubles = nn.ModuleList()
        for (before, after), size in zip(pairwise(widths), sizes[1:], strict=True):
            self.convs.append(StyledConv(latent, before, after, size, up=True))
            self.convs.append(StyledConv(latent, after, after, size))
            self.pictures.append(ToPicture(latent, after, colors))
            self.doubles.append(double(size, SMOOTH))
        self.layers = len(self.convs) + 1
        """Number of styles of a sample; the last one is only for the output image."""

    def styles(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        """w [N, K]; in training mode, updates their running mean."""
        w = self.mapping(z, c)
        if self.training:
            with torch.no_grad():
                self.mean.lerp_(w.mean(0).to(self.mean), MEAN_MOVES)
        return w

    def truncated(self, w: Tensor, truncation: float) -> Tensor:
        """w [N, K], moved toward their mean; `truncation` in (0, 1], where 1 leaves them unchanged."""
        return w if truncation == 1 else self.mean.lerp(w, truncation)

    def start(self, n: int) -> Tensor:
        """The input of the first convolution, [N, h, w, C]."""
        return self.constant.expand(n, -1, -1, -1)

    def synthesis(self, ws: Tensor, start: Tensor | None = None) -> Tensor:
        """ws [N, layers, K] → x [N, C, H, W]; `start` [N, h, w, C] in place of the constant."""
        w = ws.unbind(1)
        h = self.convs[0](self.start(ws.shape[0]) if start is None else start, w[0])
        x = self.pictures[0](h, w[1])
        for k, double_ in enumerate(self.doubles):
            h = self.convs[2 * k + 1](h, w[2 * k + 1])
            h = self.convs[2 * k + 2](h, w[2 * k + 2])
            x = double_(x) + self.pictures[k + 1](h, w[2 * k + 3])
        return x.permute(0, 3, 1, 2).contiguous()

    def forward(self, z: Tensor, c: Tensor | None = None) -> Tensor:
        return self.synthesis(self.styles(z, c)[:, None].expand(-1, self.layers, -1))


class DownBlock(nn.Module):
    """Two convolutions, the second with downsampling by 2; with `residual`, averaged with a shortcut."""

    def __init__(self, before: int, after: int, size: Size, residual: bool):
        super().__init__()
        self.first = EqualConv(before, before)
        self.fir = around(size, SMOOTH)
        self.second = EqualConv(before, after, stride=2)
        self.straight = nn.Sequential(half(size, SMOOTH), EqualLinear(before, after, bias=None)) if residual else None

    def forward(self, h: Tensor) -> Tensor:
        deep = act(self.second(self.fir(act(self.first(h)))))
        return deep if self.straight is None else (deep + self.straight(h)) / math.sqrt(2)


class StyleGan2D(nn.Module):
    """The net of `StyleGan2Discriminator`."""

    def __init__(
        self, widths: list[int], sizes: list[Size], colors: int, classes: int, mapping: int, group: int, residual: bool
    ):
        super().__init__()
        self.read = EqualLinear(colors, widths[-1])
        blocks = zip(reversed([*pairwise(widths)]), reversed(sizes[1:]), strict=True)
        self.blocks = nn.Sequential(*(DownBlock(b, a, size, residual) for (a, b), size in blocks))
        self.across = MinibatchStddev(group) if group > 1 else None
        self.last = EqualConv(widths[0] + (group > 1), widths[0])
        self.flat = EqualLinear(widths[0] * math.prod(sizes[0]), widths[0])
        self.head = EqualLinear(widths[0], widths[0] if classes else 1)
        self.mapping = Mapping(0, widths[0], mapping, classes) if classes else None

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        h = self.blocks(act(self.read(x.permute(0, 2, 3, 1).contiguous())))
        if self.across is not None:
            h = self.across(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        features = act(self.flat(act(self.last(h)).flatten(1)))  # [N, F]
        outputs = self.head(features)
        if self.mapping is None:
            return DiscriminatorOutput(outputs.squeeze(1), features)
        e = unit(self.mapping(None, c))
        return DiscriminatorOutput((outputs * e).sum(1) / math.sqrt(e.shape[1]), features)


def levels(channels: int, top: int, count: int) -> list[int]:
    """Number of channels of each grid, coarsest first: `channels` on the finest, doubled on each coarser one, at most
    `top`."""
    return [min(channels << k, top) for k in reversed(range(count))]


class StyleGan2Generator(Generator, kind="stylegan2"):
    """Convolutions modulated by styles that a mapping network computes from the latent (StyleGAN2); for images of any
    size."""

    within_one: ClassVar[bool] = False
    latent: int = 512
    """Dimension of the latent z and of the style w."""
    mapping: int = Field(default=8, ge=1)
    """Number of layers of the mapping network from z to w: 8, or 2 for small images."""
    channels: int = Field(default=32, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=256, ge=1)
    """Maximum number of channels of a grid; 512 in the paper."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "stylegan2")

    def truncate(self, z: Tensor, truncation: float) -> Tensor:
        return z  # tasks/stylegan2.py truncates the styles instead; the length of z has no effect

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "stylegan2")
        sizes = grids(*spec.shape[1:])
        widths = levels(self.channels, self.max_channels, len(sizes))
        return StyleGan2G(self.latent, self.mapping, widths, sizes, spec.shape[0], spec.classes)


class StyleGan2Discriminator(Discriminator, kind="stylegan2"):
    """Convolutions with antialiased downsampling and minibatch standard deviation (StyleGAN2); for images of any
    size."""

    channels: int = Field(default=32, ge=1)
    """Number of channels of the finest grid; doubled on each coarser grid."""
    max_channels: int = Field(default=256, ge=1)
    """Maximum number of channels of a grid; 512 in the paper."""
    architecture: Literal["residual", "plain"] = "residual"
    """Blocks with residual connections, or plain ones (for CIFAR-10 in the paper)."""
    group: int = Field(default=4, ge=1)
    """Group size of the minibatch standard deviation; 1 turns it off."""
    mapping: int = Field(default=8, ge=1)
    """Number of layers of the mapping network for labels, whose output is multiplied with D's features (projection)."""

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return nearest_picture(shape, "stylegan2")

    def build(self, spec: Spec) -> nn.Module:
        check_picture(spec, "stylegan2")
        sizes = grids(*spec.shape[1:])
        widths = levels(self.channels, self.max_channels, len(sizes))
        residual = self.architecture == "residual"
        return StyleGan2D(widths, sizes, spec.shape[0], spec.classes, self.mapping, self.group, residual)
