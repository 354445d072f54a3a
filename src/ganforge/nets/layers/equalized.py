"""Equalized learning rates: weights are initialized from N(0, 1) and scaled to He initialization at every use.

Karras et al. 2018, "Progressive Growing of GANs", section 4.1:   y = (W · lr/√fan_in) x + b · lr,   W ~ N(0, 1/lr²)

The step size of Adam does not depend on the scale of a weight, so all layers learn at the same rate, and a layer with
lr = 0.01 at a hundredth of it. act is LeakyReLU 0.2 times √2, which preserves the scale of activations.

h [N, H, W, C], channels last.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, leaky_relu, linear


def act(x: Tensor) -> Tensor:
    """LeakyReLU 0.2, scaled to preserve the variance of its input."""
    return leaky_relu(x, 0.2) * math.sqrt(2)


class EqualLinear(nn.Module):
    """[..., inputs] → [..., outputs]; on images with channels last it is a 1×1 convolution.

    Args:
        lr: learning rate, relative to that of the optimizer.
        bias: initial value of the biases; None for no biases.
    """

    def __init__(self, inputs: int, outputs: int, lr: float = 1.0, bias: float | None = 0.0):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / lr)
        self.bias = None if bias is None else nn.Parameter(torch.full((outputs,), bias / lr))
        self.scale, self.lr = lr / math.sqrt(inputs), lr

    def forward(self, x: Tensor) -> Tensor:
        bias = self.bias if self.bias is None or self.lr == 1 else self.bias * self.lr
        return linear(x, self.weight * self.scale, bias)

    def for_inference(self) -> nn.Linear:
        """A linear layer with the weights as they are used."""
        outputs, inputs = self.weight.shape
        layer = nn.Linear(inputs, outputs, bias=self.bias is not None)
        layer.weight = nn.Parameter(self.weight * self.scale, requires_grad=False)
        if self.bias is not None:
            layer.bias = nn.Parameter(self.bias * self.lr, requires_grad=False)
        return layer

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, lr={self.lr:g}"


class EqualConv(nn.Module):
    """A 3×3 convolution of [N, H, W, inputs]; with `stride` 2 there is no padding, since a preceding filter adds it."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.scale, self.stride = 1 / math.sqrt(9 * inputs), stride

    def forward(self, h: Tensor) -> Tensor:
        x = h.permute(0, 3, 1, 2)  # an image in channels_last
        x = conv2d(x, self.weight * self.scale, self.bias, self.stride, padding=2 - self.stride)
        return x.permute(0, 2, 3, 1)

    def extra_repr(self) -> str:
        return f"{self.weight.shape[1]}, {self.weight.shape[0]}, stride={self.stride}"
