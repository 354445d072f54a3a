"""Inception-v3 as in TensorFlow's graph of 2015-12-05, which defines FID and the Inception score.

Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision"; the graph differs from the paper and
from later implementations, which affects the values:

    average pooling in the blocks of 35 × 35, 17 × 17 and the first of 8 × 8 excludes the padding
    the last block uses max pooling instead
    the classifier has 1008 outputs; the Inception score takes its logits without the bias
    images are resized to 299 × 299 by TensorFlow 1's bilinear rule, without antialiasing, and scaled to (x − 128) / 128

x [N, 3, 299, 299] → features [N, 2048], logits without bias [N, 1008]. Names of layers are those of the weight file.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, max_pool2d

from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet
from ganforge.modalities.image.extractors import weights
from ganforge.modalities.image.extractors.resize import Resizer, resize, rgb

SIDE = 299
CLASSES = 1008
ORIGINAL = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
KNOWN = weights.KnownWeights(
    "inception-2015-12-05.safetensors",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    ORIGINAL,
    "the extractor small (--features small, the default), whose metric is called fd, not FID",
)


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(
        self,
        before: int,
        after: int,
        size: int | tuple[int, int],
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ):
        super().__init__()
        self.conv = nn.Conv2d(before, after, size, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x)).relu()


def _mean(x: Tensor) -> Tensor:
    return avg_pool2d(x, 3, 1, 1, count_include_pad=False)


def _maximum(x: Tensor) -> Tensor:
    return max_pool2d(x, 3, 1, 1)


class BlockA(nn.Module):
    """35 × 35: four branches, 224 channels and those of the pooling branch."""

    def __init__(self, before: int, pooled: int):
        super().__init__()
        self.branch1x1 = Conv(before, 64, 1)
        self.branch5x5_1 = Conv(before, 48, 1)
        self.branch5x5_2 = Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Conv(before, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, padding=1)
        self.branch_pool = Conv(before, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(_mean(x))], 1)


class BlockB(nn.Module):
    """35 × 35 → 17 × 17: 480 channels and those of the input."""

    def __init__(self, before: int):
        super().__init__()
        self.branch3x3 = Conv(before, 384, 3, stride=2)
        self.branch3x3dbl_1 = Conv(before, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, max_pool2d(x, 3, 2)], 1)


class BlockC(nn.Module):
    """17 × 17: 7 × 7 filters as a row and a column; 768 channels."""

    def __init__(self, width: int):
        super().__init__()
        row, column = ((1, 7), (0, 3)), ((7, 1), (3, 0))
        self.branch1x1 = Conv(768, 192, 1)
        self.branch7x7_1 = Conv(768, width, 1)
        self.branch7x7_2 = Conv(width, width, row[0], padding=row[1])
        self.branch7x7_3 = Conv(width, 192, column[0], padding=column[1])
        self.branch7x7dbl_1 = Conv(768, width, 1)
        self.branch7x7dbl_2 = Conv(width, width, column[0], padding=column[1])
        self.branch7x7dbl_3 = Conv(width, width, row[0], padding=row[1])
        self.branch7x7dbl_4 = Conv(width, width, column[0], padding=column[1])
        self.branch7x7dbl_5 = Conv(width, 192, row[0], padding=row[1])
        self.branch_pool = Conv(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_mean(x))], 1)


class BlockD(nn.Module):
    """17 × 17 → 8 × 8: 512 channels and those of the input."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = Conv(768, 192, 1)
        self.branch3x3_2 = Conv(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Conv(768, 192, 1)
        self.branch7x7x3_2 = Conv(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Conv(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Conv(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, max_pool2d(x, 3, 2)], 1)


class BlockE(nn.Module):
    """8 × 8: branches that fork into a row and a column; 2048 channels.

    Args:
        pool: "mean" in the first of the two blocks, "maximum" in the last.
    """

    def __init__(self, before: int, pool: Literal["mean", "maximum"]):
        super().__init__()
        self.pool = _mean if pool == "mean" else _maximum
        self.branch1x1 = Conv(before, 320, 1)
        self.branch3x3_1 = Conv(before, 384, 1)
        self.branch3x3_2a = Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = Conv(before, 448, 1)
        self.branch3x3dbl_2 = Conv(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Conv(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = Conv(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = Conv(before, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        forks = [self.branch3x3_2a(three), self.branch3x3_2b(three)]
        forks += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return torch.cat([self.branch1x1(x), *forks, self.branch_pool(self.pool(x))], 1)


class InceptionV3(nn.Module):
    """x [N, 3, 299, 299] in [−1, 1] → (features [N, 2048], logits without bias [N, 1008])."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = (BlockC(w) for w in (128, 160, 160, 192))
        self.Mixed_7a = BlockD()
        self.Mixed_7b, self.Mixed_7c = BlockE(1280, "mean"), BlockE(2048, "maximum")
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))  # [N, 64, 147, 147]
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(max_pool2d(x, 3, 2)))  # [N, 192, 71, 71]
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(max_pool2d(x, 3, 2))))  # [N, 288, 35, 35]
        x = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(x)))  # [N, 768, 17, 17]
        x = self.Mixed_7a(self.Mixed_6e(self.Mixed_6d(x)))  # [N, 1280, 8, 8]
        x = self.Mixed_7c(self.Mixed_7b(x)).mean((2, 3))  # [N, 2048]
        return x, x @ self.fc.weight.T


class Inception(Extractor, kind="inception"):
    """TensorFlow's Inception-v3, which defines FID; with weights from a file or from torch-fidelity.

    The distance is called FID only if the header of the file shows that it was made from the standard weights.
    """

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")

    weights: str | None = None
    """Path of the weights (safetensors); by default inception-2015-12-05.safetensors in the cache."""
    resizer: Literal["tf-bilinear", "clean"] = "tf-bilinear"
    """How images are resized to 299 × 299: as in the FID of 2017, or antialiased as in clean-fid."""

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        path = weights.find(self.weights, context.cache, KNOWN, "the extractor inception")
        tensors, header, digest = weights.read(path)
        net = weights.blank(InceptionV3)
        weights.load_into(net, tensors, path, ignore=("AuxLogits.",))
        return InceptionEncoder(net, digest, self.resizer, header.get("source_sha256", "") == ORIGINAL, context.device)


class InceptionEncoder(Encoder):
    """The encoder with this net."""

    name = "inception"
    dim = 2048
    classes = tuple(f"class {k}" for k in range(CLASSES))

    def __init__(self, net: InceptionV3, digest: str, resizer: Literal["tf-bilinear", "clean"], original: bool, device):
        self.net = net.eval().requires_grad_(False).to(device)
        self.digest, self.device = digest, device
        self.how: Resizer = resizer
        self.resizer = f"{resizer} {SIDE}×{SIDE}"
        self.reference = original and resizer == "tf-bilinear"
        self.detail = {"weights_from": ORIGINAL if original else "unknown"}

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        features, probabilities = [], []
        for start in range(0, len(samples), 32):  # activations of an image take some tens of megabytes
            x = resize(rgb(samples[start : start + 32]), SIDE, SIDE, self.how).to(self.device)
            found, logits = self.net((x - 128) / 128)
            features.append(found)
            probabilities.append(logits.softmax(1))
        return torch.cat(features), torch.cat(probabilities)
