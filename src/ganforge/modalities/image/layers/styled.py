"""Styled convolutions of StyleGAN2 for inference: fewer passes over the images, constants computed in advance.

Outside of training, noise and weights are fixed, and with act(x) = √2 · leaky(x) = leaky(√2 · x) a styled convolution

    act(d · (W ∗ (s x)) + strength · noise + b)   =   leaky(√2 d · (W ∗ (s x)) + offset),    offset [H, W, C] constant

needs one pass over its output and one that makes it smaller where it is negative, in place of five. Scales of one value
per sample and channel are repeated along a row of the image, since torch is slow where the last axis that two tensors
share has only C values, most of all in bf16.

After a transposed convolution, each channel is smoothed by a convolution of its own: in inference it is several times
as fast as the matrix products of `layers.fir`, which have fast derivatives.

N samples, w [N, K], s and d [N, C], h [N, H, W, C] channels last.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu_

from ganforge.modalities.image.layers.fir import SMOOTH
from ganforge.modalities.image.layers.pyramid import Size

GAIN = math.sqrt(2)


class InferenceStyledConv(nn.Module):
    """A styled 3×3 convolution with fixed weights and noise.

    Args:
        style: w → s.
        weight: [outputs, inputs, 3, 3], as it is used.
        offset: strength · noise + bias, [H, W, outputs].
        up: whether it doubles the size of its input.
    """

    offset: Tensor
    power: Tensor

    def __init__(self, style: nn.Module, weight: Tensor, offset: Tensor, up: bool):
        super().__init__()
        outputs, inputs = weight.shape[:2]
        self.style = style
        if up:
            self.conv = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, bias=False)
            self.conv.weight = nn.Parameter(weight.transpose(0, 1).contiguous(), requires_grad=False)
        else:
            self.conv = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
            self.conv.weight = nn.Parameter(weight, requires_grad=False)
        self.smooth = Smoothing(outputs, (offset.shape[0], offset.shape[1])) if up else None
        self.register_buffer("power", weight.square().sum((2, 3)).T)
        self.register_buffer("offset", offset * GAIN)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        s = self.style(w)  # [N, inputs]
        x = self.conv(scaled(h, s).permute(0, 3, 1, 2))
        h = (x if self.smooth is None else self.smooth(x)).permute(0, 2, 3, 1)
        n, height, width, channels = h.shape
        d = GAIN * (s.float().square() @ self.power + 1e-8).rsqrt()
        rows = h.reshape(n, height, width * channels)
        offset = self.offset.to(h.dtype).view(height, width * channels)
        return leaky_relu_(torch.addcmul(offset, rows, along_rows(d.to(h.dtype), width)), 0.2).view_as(h)


class InferenceToPicture(nn.Module):
    """A styled 1×1 convolution to an image, as one matrix product per sample: [N, h, w, C] → [N, h, w, colors].

    Args:
        style: w → s.
        weight: [colors, C], as it is used. bias: [colors].
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, style: nn.Module, weight: Tensor, bias: Tensor):
        super().__init__()
        self.style = style
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)

    def forward(self, h: Tensor, w: Tensor) -> Tensor:
        weight = self.weight * self.style(w)[:, None]  # [N, colors, C]
        x = torch.baddbmm(self.bias.to(h.dtype), h.flatten(1, 2), weight.to(h.dtype).transpose(1, 2))
        return x.unflatten(1, h.shape[1:3])


def scaled(h: Tensor, s: Tensor) -> Tensor:
    """h [N, H, W, C] times s [N, C]."""
    n, height, width, channels = h.shape
    rows = h.reshape(n, height, width * channels)
    return (rows * along_rows(s.to(h.dtype), width)).view(n, height, width, channels)


def along_rows(values: Tensor, width: int) -> Tensor:
    """[N, C] → [N, 1, width·C]: repeated for each place of a row."""
    return values.repeat(1, width)[:, None]


class Smoothing(nn.Module):
    """`fir.within` with the filter `SMOOTH`, as a convolution of each channel: [N, C, 2h+1, 2w+1] → [N, C, *size]."""

    def __init__(self, channels: int, size: Size):
        super().__init__()
        taps = torch.tensor(SMOOTH) * 2 / sum(SMOOTH)
        self.conv = nn.Conv2d(channels, channels, len(taps), padding=1, groups=channels, bias=False)
        kernel = (taps[:, None] * taps).expand_as(self.conv.weight).contiguous()
        self.conv.weight = nn.Parameter(kernel, requires_grad=False)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)[:, :, : self.size[0], : self.size[1]]
