"""In what order an image's numbers lie in memory."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ChannelsLast(nn.Module):
    """Passes an image on with its channels side by side in memory, an order that every convolution after it keeps.

    The values are the same; on a CPU a small convolutional GAN trains about a tenth faster, and in half precision the
    matrix units of GPUs want it so. The weights stay as they are: optimizers and checkpoints see nothing unusual.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.contiguous(memory_format=torch.channels_last)
