"""The net that completes volumes: down to a coarse grid and up again, with what was seen on each grid (a U-Net).

    s → cells of 2³ as channels → conv 3³ c → conv 4³/2 2c → conv 4³/2 4c → conv 3³ 4c
      → conv-T 4³/2 2c, ‖ → conv-T 4³/2 c, ‖ → conv 3³ → cells → (1, 2, 1)³
      → + 2 s → tanh

BN and ReLU after each hidden layer. N samples, C channels, S cells a side.  s, x [N, C, S, S, S].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.shape.nets.voxels import cells_to_channels, channels_to_cells, smoothed

MULTIPLE = 8
KEPT = 2.0
"""Weight of what is seen, before tanh: without a change, the output is nearly the source."""


def hidden(layer: nn.Conv3d | nn.ConvTranspose3d) -> nn.Sequential:
    return nn.Sequential(layer, nn.BatchNorm3d(layer.out_channels), nn.ReLU())


class CompletionNet(nn.Module):
    """Volumes of which a part is hidden → whole volumes."""

    def __init__(self, channels: int, spec: Spec):
        super().__init__()
        if len(spec.shape) != 4 or spec.shape[1] % MULTIPLE:
            raise UserError(
                f"completion nets are for volumes whose sides are multiples of {MULTIPLE}, not {list(spec.shape)}",
                code="nets.not_for_shape",
            )
        c, cells = channels, 8 * spec.shape[0]
        self.first = hidden(nn.Conv3d(cells, c, 3, 1, 1, bias=False))
        self.down = hidden(nn.Conv3d(c, 2 * c, 4, 2, 1, bias=False))
        self.lower = hidden(nn.Conv3d(2 * c, 4 * c, 4, 2, 1, bias=False))
        self.middle = hidden(nn.Conv3d(4 * c, 4 * c, 3, 1, 1, bias=False))
        self.rise = hidden(nn.ConvTranspose3d(4 * c, 2 * c, 4, 2, 1, bias=False))
        self.up = hidden(nn.ConvTranspose3d(4 * c, c, 4, 2, 1, bias=False))
        self.last = nn.Conv3d(2 * c, cells, 3, 1, 1)

    def forward(self, source: Tensor) -> Tensor:
        fine = self.first(cells_to_channels(source, 2))
        coarse = self.down(fine)
        h = self.rise(self.middle(self.lower(coarse)))
        h = self.up(torch.cat([h, coarse], 1))
        change = smoothed(channels_to_cells(self.last(torch.cat([h, fine], 1)), 2))
        return (change + KEPT * source).tanh()
