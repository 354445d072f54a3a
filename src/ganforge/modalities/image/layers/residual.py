"""The residual blocks of WGAN-GP, SNGAN, SAGAN and BigGAN.

Gulrajani et al. 2017, appendix F; Miyato et al. 2018, figure 8; Brock et al. 2019, figure 15.

    G:  x → norm ReLU (2×) conv3 → norm ReLU conv3 → + skip,     skip: (2×) conv1
    D:  x → norm ReLU conv3 → norm ReLU conv3 (½) → + skip,      skip: conv1 (½), or x if the shape is unchanged

(2×): each cell is repeated 2×2 times; (½): the mean of 2×2 cells. A 1×1 convolution commutes with both, so the skips
apply it to the smaller grid. ReLUs are not in place, since the skip needs x unchanged.

x [N, C, H, W].
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

Norm = Callable[[int], nn.Module]
"""Number of channels → a norm, called with (x, code)."""


def doubled(x: Tensor) -> Tensor:
    return interpolate(x, scale_factor=2, mode="nearest")


def halved(x: Tensor) -> Tensor:
    return avg_pool2d(x, 2)


class UpBlock(nn.Module):
    """G's block: [N, before, H, W] → [N, after, 2H, 2W]."""

    def __init__(self, before: int, after: int, norm: Norm):
        super().__init__()
        self.norm1, self.norm2 = norm(before), norm(after)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.skip = nn.Conv2d(before, after, 1)

    def forward(self, x: Tensor, code: Tensor | None) -> Tensor:
        h = self.conv1(doubled(relu(self.norm1(x, code))))
        h = self.conv2(relu(self.norm2(h, code)))
        return h + doubled(self.skip(x))


class DownBlock(nn.Module):
    """D's block: [N, before, H, W] → [N, after, H/2, W/2], or the same size without `down`.

    Args:
        hidden: channels between the two convolutions; `before` in SNGAN, `after` in BigGAN.
        norm: creates the norms before the ReLUs.
        first: its input is the image, for which a ReLU (and a norm) would lose information.
    """

    def __init__(self, before: int, hidden: int, after: int, down: bool, norm: Norm, first: bool = False):
        super().__init__()
        self.norm1 = nn.Identity() if first else norm(before)
        self.norm2 = norm(hidden)
        self.conv1 = nn.Conv2d(before, hidden, 3, padding=1)
        self.conv2 = nn.Conv2d(hidden, after, 3, padding=1)
        self.skip = nn.Conv2d(before, after, 1) if down or before != after else nn.Identity()
        self.down, self.first = down, first

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(x if self.first else relu(self.norm1(x)))
        h = self.conv2(relu(self.norm2(h)))
        if self.down:
            h, x = halved(h), halved(x)
        return h + self.skip(x)
