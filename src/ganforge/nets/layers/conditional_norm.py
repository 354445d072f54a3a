"""Conditional batch norm: scale and offset depend on a label or a latent.

Dumoulin et al. 2017, "A Learned Representation for Artistic Style"; de Vries et al. 2017. In GANs: Miyato & Koyama 2018
(a table of labels), Brock et al. 2019 (a linear layer of a latent and a shared vector of the label).

    y = (1 + gain(code)) · (x − μ) / σ + offset(code)

x, y [N, C, H, W]; μ, σ [C] over the batch; code: labels c int64 [N], or vectors [N, K]; gain, offset [N, C].
"""

from __future__ import annotations

from torch import Tensor, nn

from ganforge.nets.layers.labels import LabelTable

LABEL_STD = 0.02  # the papers use 0; with a small value, labels have an effect from the first step


class ConditionalBatchNorm(nn.Module):
    """Batch norm of C channels with a scale and an offset for each sample.

    Args:
        gain, offset: code → [N, C].
    """

    def __init__(self, channels: int, gain: nn.Module, offset: nn.Module):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.gain, self.offset = gain, offset

    def forward(self, x: Tensor, code: Tensor | None) -> Tensor:
        scale = 1 + self.gain(code)[:, :, None, None]
        return self.norm(x) * scale + self.offset(code)[:, :, None, None]


class PlainBatchNorm(nn.BatchNorm2d):
    """Unconditional batch norm with the interface of conditional batch norm."""

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:  # type: ignore[override]
        return super().forward(x)


def by_label(channels: int, classes: int) -> nn.Module:
    """Batch norm with scales and offsets per class; unconditional if there are no classes."""
    if not classes:
        return PlainBatchNorm(channels)
    gain, offset = LabelTable(classes, channels, LABEL_STD), LabelTable(classes, channels, LABEL_STD)
    return ConditionalBatchNorm(channels, gain, offset)


def by_vector(channels: int, width: int) -> nn.Module:
    """Batch norm with scales and offsets that are linear functions of a code [N, width]."""
    gain, offset = nn.Linear(width, channels, bias=False), nn.Linear(width, channels, bias=False)
    return ConditionalBatchNorm(channels, gain, offset)
