"""A small convolutional net for images of up to 32 × 32 px, used if no pretrained weights are available.

Blocks with strides as in the all-convolutional net of Springenberg et al. 2015 ("Striving for Simplicity"), batch
norm (Ioffe & Szegedy 2015), the mean over each quadrant, one hidden layer whose output is the feature.

x [N, C, S, S] 0 to 255 → feature [N, 64] → logits [N, K].
"""

from __future__ import annotations

from torch import Tensor, nn

FEATURES = 64


def _block(before: int, after: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(after), nn.ReLU(inplace=True)]


class SmallNet(nn.Module):
    """Features and logits of small images.

    Args:
        channels: of the images: 1 or 3.
        classes: K.
    """

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.body = nn.Sequential(
            *_block(channels, 24, 2),
            *_block(24, 48, 2),
            *_block(48, 96, 1),
            nn.AdaptiveAvgPool2d(2),  # keeps the position, by quadrant
            nn.Flatten(),
            nn.Linear(4 * 96, FEATURES),
        )
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(FEATURES, classes))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(features [N, 64], logits [N, K])."""
        features = self.body(x / 127.5 - 1)
        return features, self.head(features)
