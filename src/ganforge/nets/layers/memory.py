"""Memory layout of images."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelsLast(nn.Module):
    """Converts images to the channels-last memory layout, which subsequent convolutions preserve.

    The values are unchanged; small convolutional GANs train about 10 % faster on a CPU, and tensor cores of GPUs
    require this layout in half precision. Weights are not converted, so optimizers and checkpoints are unaffected.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)
