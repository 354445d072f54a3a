"""The convolutional trunks of LPIPS, compatible with the public weight files.

AlexNet as in Krizhevsky 2014 ("One weird trick for parallelizing convolutional neural networks"), VGG-16 (Simonyan &
Zisserman 2015), SqueezeNet 1.1 (Iandola et al. 2016). `features.N` is the N-th layer, so that common files of ImageNet
weights match by name; the classifiers are omitted.

x [N, 3, H, W] → one map [N, C_l, H_l, W_l] for each stage l.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Trunk(nn.Module):
    """A sequence of layers with several outputs.

    Args:
        layers: all of them.
        cuts: number of layers before each output map, ascending.
        channels: number of channels of each map.
    """

    def __init__(self, layers: Sequence[nn.Module], cuts: Sequence[int], channels: Sequence[int]):
        super().__init__()
        self.features = nn.Sequential(*layers)
        self.cuts, self.channels = tuple(cuts), tuple(channels)

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for k in range(1, self.cuts[-1] + 1):
            x = self.features[k - 1](x)
            if k in self.cuts:
                maps.append(x)
        return maps


def alex() -> Trunk:
    """AlexNet: five convolutions, a map after the ReLU of each."""
    layers = [
        nn.Conv2d(3, 64, 11, 4, 2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, 2),
    ]  # fmt: skip
    return Trunk(layers, (2, 5, 8, 10, 12), (64, 192, 384, 256, 256))


def vgg() -> Trunk:
    """VGG-16: a map after the last ReLU of each of its five blocks."""
    layers: list[nn.Module] = []
    cuts, before = [], 3
    for width, times in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(times):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.ReLU()]
            before = width
        cuts.append(len(layers))
        layers.append(nn.MaxPool2d(2, 2))
    return Trunk(layers, cuts, (64, 128, 256, 512, 512))


class Fire(nn.Module):
    """SqueezeNet's block: few 1 × 1 filters, then 1 × 1 and 3 × 3 ones side by side. [N, C, H, W] → [N, 2E, H, W]."""

    def __init__(self, before: int, squeezed: int, expanded: int):
        super().__init__()
        self.squeeze = nn.Conv2d(before, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.squeeze(x).relu()
        return torch.cat([self.expand1x1(x), self.expand3x3(x)], 1).relu()


def squeeze() -> Trunk:
    """SqueezeNet 1.1: a map after the first ReLU, then before two poolings, then after each of the last blocks."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers = [
        nn.Conv2d(3, 64, 3, 2), nn.ReLU(), pool(),
        Fire(64, 16, 64), Fire(128, 16, 64), pool(),
        Fire(128, 32, 128), Fire(256, 32, 128), pool(),
        Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256),
    ]  # fmt: skip
    return Trunk(layers, (2, 5, 8, 10, 11, 12, 13), (64, 128, 256, 384, 384, 512, 512))


TRUNKS = {"alex": alex, "vgg": vgg, "squeeze": squeeze}
