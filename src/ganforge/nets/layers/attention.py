"""Self-attention over the cells of a grid.

Zhang et al. 2019, "Self-Attention Generative Adversarial Networks" (SAGAN), with pooling as in its code and in BigGAN.

    θ = W_θ x,  φ = pool(W_φ x),  g = pool(W_g x)           1×1 convolutions; pool: the largest of 2×2 cells
    β_ij = softmax_j(θ_iᵀ φ_j)                              how much cell i attends to pooled cell j
    y = x + γ · W_o Σ_j β_ij g_j                            γ starts at 0: at first, y = x

x, y [N, C, H, W]; θ, φ have C/8 channels, g has C/2; P = H·W cells, Q of them after pooling. No biases, no scale.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, softmax


class SelfAttention(nn.Module):
    """Self-attention, written out explicitly so that it has a second derivative on every device.

    Args:
        channels: C.
    """

    def __init__(self, channels: int):
        super().__init__()
        keys, values = max(1, channels // 8), max(1, channels // 2)
        self.theta = nn.Conv2d(channels, keys, 1, bias=False)
        self.phi = nn.Conv2d(channels, keys, 1, bias=False)
        self.g = nn.Conv2d(channels, values, 1, bias=False)
        self.out = nn.Conv2d(values, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        """x [N, C, H, W] → the same shape. `code` is ignored; it exists for compatibility with conditional blocks."""
        theta = self.theta(x).flatten(2)  # [N, C/8, P]
        phi = pooled(self.phi(x)).flatten(2)  # [N, C/8, Q]
        g = pooled(self.g(x)).flatten(2)  # [N, C/2, Q]
        beta = softmax(theta.transpose(1, 2) @ phi, dim=2)  # [N, P, Q]
        seen = g @ beta.transpose(1, 2)  # [N, C/2, P]
        seen = seen.unflatten(2, x.shape[2:]).contiguous(memory_format=torch.channels_last)
        return x + self.gamma * self.out(seen)


def pooled(x: Tensor) -> Tensor:
    return max_pool2d(x, 2, ceil_mode=True)  # includes the last row and column of an odd grid
