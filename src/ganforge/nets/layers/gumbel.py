"""Draws of categories that pass a derivative back (Jang et al. 2017, Maddison et al. 2017).

g = −log(−log u),  u = Φ(normal)         argmax (l + g) is distributed as softmax(l)
straight-through: onehot(argmax (l + g)), with the derivative of softmax((l + g)/τ)
"""

from __future__ import annotations

import torch
from torch import Tensor

from ganforge.core.types import wide

EDGE = 1e-6
"""Uniform draws keep this distance from 0 and 1, where Gumbel noise is infinite."""


def gumbel(normal: Tensor) -> Tensor:
    """Gumbel noise of standard normal draws."""
    return -torch.log(-torch.log(torch.special.ndtr(wide(normal)).clamp(EDGE, 1 - EDGE)))


def straight_through(logits: Tensor, noise: Tensor, tau: float = 1.0) -> Tensor:
    """One-hot draws [..., K] of logits with Gumbel noise [..., K], with the derivative of the softmax at τ."""
    soft = ((wide(logits) + noise) / tau).softmax(-1)
    hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
    return hard + (soft - soft.detach())  # the difference is 0, so that the draw is exactly one-hot
