"""Linear layers and convolutions whose weights have a norm that training does not change (weight norm).

Salimans & Kingma 2016, "Weight Normalization", with the norm g fixed, as Salimans et al. 2016 use it for classifiers
with noise on hidden layers: a net that could scale its activations would drown the noise.

    y = g · (w / ‖w‖) * x + b,   g = 1/√v

With v the mean square of the inputs, the variance of a unit is about 1 at first. (In that paper the first batch sets g
and b. Here that made D win for thousands of steps: it amplifies whatever the first fakes have and the data has not.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, conv2d, linear, normalize

INITIAL = 0.1
"""Standard deviation of weights before they are normed, as in the paper: it sets how fast they turn."""
CONVOLUTIONS = {1: conv1d, 2: conv2d}


class Normed(nn.Module):
    """A linear layer [N, before] → [N, after], or with `axes` a convolution over as many axes.

    Args:
        square: v, the mean square of the inputs, with their noise.
        axes: 0, 1 or 2. size, stride, padding: of a convolution.
    """

    def __init__(
        self, before: int, after: int, square: float, axes: int = 0, size: int = 1, stride: int = 1, padding: int = 0
    ):
        super().__init__()
        self.gain, self.stride, self.padding = square**-0.5, stride, padding
        self.weight = nn.Parameter(INITIAL * torch.randn(after, before, *[size] * axes))
        self.bias = nn.Parameter(torch.zeros(after))

    def forward(self, x: Tensor) -> Tensor:
        weight = (self.gain * normalize(self.weight.flatten(1), dim=1)).view_as(self.weight)
        if weight.ndim == 2:
            return linear(x, weight, self.bias)
        return CONVOLUTIONS[weight.ndim - 2](x, weight, self.bias, self.stride, self.padding)
