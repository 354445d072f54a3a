"""Metrics of pairs of a generated image and its ground truth: PSNR, SSIM, and their base.

    PSNR = 10 log₁₀( 255² / mean (x − y)² ), per image, then the mean SSIM: Wang, Bovik, Sheikh & Simoncelli 2004,
    "Image Quality Assessment: From Error Visibility to Structural Similarity":
        l = (2 μx μy + c₁) / (μx² + μy² + c₁),   cs = (2 σxy + c₂) / (σx² + σy² + c₂),   SSIM = mean of l · cs over
        Gaussian windows of 11 × 11, σ = 1.5, inside the image; c₁ = (0.01 · 255)², c₂ = (0.03 · 255)²

Libraries that reflect the image at its edges instead, such as torchmetrics, give other values: 0.947 instead of 0.959
for an image of 48 px. Papers use windows inside the image.

There are different conventions, whose values differ by about a decibel: papers on super-resolution use Y of ITU-R
BT.601 (16 to 235), and crop as many pixels from each edge as the scale factor.

Images may have any size, which may differ between pairs, but not within a pair. A baseline (the source itself, its
bicubic enlargement), if there is one, is measured in the same way and reported in the detail of the result.

x, y uint8 [N, H, W, C].
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import conv2d

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.image.extractors.resize import rgb

CEILING = 100.0  # dB: the value for equal images
WINDOW, SIGMA = 11, 1.5  # px
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def psnr(x: Tensor, y: Tensor) -> Tensor:
    """PSNR [N] in dB of float64 images [N, C, H, W], 0 to 255; at most `CEILING`."""
    error = (x - y).square().flatten(1).mean(1)
    return (10 * torch.log10(255.0**2 / error)).clamp(max=CEILING)


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """SSIM [N] in [−1, 1] of float64 images [N, C, H, W], 0 to 255; the mean over the channels.

    Raises:
        UserError: they are smaller than a window.
    """
    return structure(x, y)[0]


def structure(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """(mean of l · cs, mean of cs), both [N]: SSIM, and its part without brightness. See `ssim`."""
    if min(x.shape[2:]) < WINDOW:
        raise UserError(
            f"SSIM needs images of at least {WINDOW}×{WINDOW} px; these are {x.shape[2]}×{x.shape[3]}",
            code="metric.images_too_small",
        )
    mean_x, mean_y, xx, yy, xy = (blurred(part) for part in (x, y, x * x, y * y, x * y))
    luminance = (2 * mean_x * mean_y + C1) / (mean_x.square() + mean_y.square() + C1)
    both = xx - mean_x.square() + yy - mean_y.square()
    contrast = (2 * (xy - mean_x * mean_y) + C2) / (both + C2)
    return (luminance * contrast).flatten(1).mean(1), contrast.flatten(1).mean(1)


def blurred(x: Tensor) -> Tensor:
    """Means over Gaussian windows inside the image, [N, C, H − 10, W − 10]."""
    at = torch.arange(WINDOW, dtype=x.dtype, device=x.device) - WINDOW // 2
    weights = (-at.square() / (2 * SIGMA**2)).exp()
    kernel = (weights / weights.sum()).expand(x.shape[1], 1, 1, WINDOW)
    return conv2d(conv2d(x, kernel, groups=x.shape[1]), kernel.transpose(2, 3), groups=x.shape[1])


def luma(x: Tensor) -> Tensor:
    """Y of ITU-R BT.601 in 16 to 235, [N, 1, H, W], of RGB images [N, 3, H, W], 0 to 255."""
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=x.dtype, device=x.device) / 255
    return (x * weights.view(1, 3, 1, 1)).sum(1, keepdim=True) + 16


def pair_by_pair(
    metric: Metric, comparison: Comparison, of: Callable[[np.ndarray, np.ndarray], Tensor]
) -> tuple[int, dict[str, Tensor]]:
    """The number of pairs, and the values [n] of `of` for each, as "fake" and, if there is one, "baseline".

    Args:
        of: real images and generated ones, each [k, H, W, C] → [k].

    Raises:
        UserError: the images of a pair differ in shape.
    """
    n, found = comparison.count("fake", metric.n), {}
    for side in ["fake"] if comparison.baseline is None else ["fake", "baseline"]:
        values, done = [], 0
        for real, other in zip(comparison.batches("real", n, 16), comparison.batches(side, n, 16), strict=True):
            if real.shape != other.shape:
                raise UserError(
                    f"metric {metric.kind!r}: the images of a pair differ in shape: {list(real.shape[1:])} in "
                    f"{comparison.real.name} and {list(other.shape[1:])} in {comparison.side(side).name}",
                    code="metric.shapes_differ",
                )
            values.append(of(real, other).double().cpu())
            done += len(real)
            comparison.progress(f"{metric.kind} of {comparison.side(side).name}", done, n)
        found[side] = torch.cat(values)
    return n, found


def pair_result(
    name: str, comparison: Comparison, n: int, found: Mapping[str, Tensor], provenance: dict[str, Any]
) -> Result:
    """The mean over all pairs, with the value of the baseline in the detail, {of, value, sd}."""
    sd = float(found["fake"].std(correction=0))
    detail: dict[str, Any] = {"sd": sd, "error": sd / n**0.5}
    if "baseline" in found:
        values = found["baseline"]
        detail["baseline"] = {
            "of": comparison.side("baseline").name,
            "value": float(values.mean()),
            "sd": float(values.std(correction=0)),
        }
    return Result(name, float(found["fake"].mean()), comparison.protocol(n) | {"n_real": n} | provenance, detail)


def seen(pictures: np.ndarray, channel: str, crop: int) -> Tensor:
    """Images [N, H, W, C] as float64 [N, C, H, W]: all channels ("RGB"), or only Y; without `crop` px at each edge."""
    if channel == "Y" or pictures.shape[3] == 4:
        pictures = rgb(pictures)
    if pictures.dtype == np.uint16:
        pictures = pictures / 257
    x = torch.from_numpy(pictures.astype(np.float64)).permute(0, 3, 1, 2)
    if channel == "Y":
        x = luma(x)
    return x[..., crop : x.shape[2] - crop, crop : x.shape[3] - crop]


class _Pairs(Metric):
    """A mean over pairs of images."""

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    signals: ClassVar[tuple[str, ...]] = ("image", "pair")
    any_size: ClassVar[bool] = True
    channel: Literal["RGB", "Y"] = "RGB"
    """RGB: all channels (gray stays gray). Y: only the luma of BT.601, as in papers on super-resolution."""
    crop: int = Field(default=0, ge=0)
    """Number of pixels to crop from each edge first."""

    def of(self, x: Tensor, y: Tensor) -> Tensor:
        raise NotImplementedError

    def compute(self, comparison: Comparison) -> list[Result]:
        n, found = pair_by_pair(
            self, comparison, lambda *pair: self.of(*(seen(x, self.channel, self.crop) for x in pair))
        )
        crop = f", crop {self.crop}" if self.crop else ""
        name = f"{self.kind}{short_count(n)}[{self.channel}{crop}]"
        return [pair_result(name, comparison, n, found, {"channel": self.channel, "crop": self.crop})]


class Psnr(_Pairs, kind="psnr"):
    """Peak signal-to-noise ratio in dB of generated images and their ground truth; 100 dB for equal ones."""

    values: ClassVar[Mapping[str, Meaning]] = {
        "psnr": Meaning("Peak signal-to-noise ratio of pairs, in dB.", "higher"),
    }

    def of(self, x: Tensor, y: Tensor) -> Tensor:
        return psnr(x, y)


class Ssim(_Pairs, kind="ssim"):
    """Structural similarity of generated images and their ground truth; 1 for equal ones."""

    values: ClassVar[Mapping[str, Meaning]] = {
        "ssim": Meaning("Structural similarity of pairs.", "higher", 1),
    }

    def of(self, x: Tensor, y: Tensor) -> Tensor:
        return ssim(x, y)
