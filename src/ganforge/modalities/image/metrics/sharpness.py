"""How sharp images are, held against the very images that they should be: the share of fine detail that is there.

    y, x      luma of the image that was made and of the real one, less its mean, under a Hann window
    P(o)      power of the Fourier coefficients in an octave o of radial frequency, plus what rounding to whole levels
              brings, 1/12 a pixel: flat images are as sharp as each other
    sharpness = mean over the octaves 1/8 … 1/4 and 1/4 … 1/2 cycles a pixel of  √( P_y(o) / P_x(o) )

1 is as sharp as the real image, a blurred one has less, a noisy or ringing one more. On parts of 160 px of two
photographs of BSD100, bicubic images made from a quarter of the size have 0.12, from half of it 0.46; noise of 20
levels gives 1.2 and 1.4. It says how much detail there is, not whether it is right: hold it against ssim or texture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.image.metrics.pairwise import pair_by_pair, pair_result, seen

OCTAVES = ((1 / 8, 1 / 4), (1 / 4, 1 / 2))
"""In cycles a pixel."""
SMALLEST = 16  # px: a smaller image has next to no frequencies to tell apart
ROUNDING = 1 / 12  # variance of what is rounded off


def sharpness(x: Tensor, y: Tensor) -> Tensor:
    """[N], of real images x and others y, float64 [N, 1, H, W], 0 to 255."""
    ratios = [(b / a).sqrt() for a, b in zip(octaves(x), octaves(y), strict=True)]
    return torch.stack(ratios).mean(0)


def octaves(x: Tensor) -> list[Tensor]:
    """The power [N] of images [N, 1, H, W] in each octave."""
    height, width = x.shape[2:]
    if min(height, width) < SMALLEST:
        raise UserError(
            f"sharpness needs images of at least {SMALLEST} px; these are {height}×{width}",
            code="metric.images_too_small",
        )
    down, across = (torch.hann_window(side, periodic=False, dtype=x.dtype, device=x.device) for side in (height, width))
    window = down[:, None] * across
    power = torch.fft.fft2((x - x.mean((2, 3), keepdim=True)) * window).abs().square()
    power = power[:, 0] + ROUNDING * window.square().sum()
    frequency = torch.fft.fftfreq(height, device=x.device)[:, None].hypot(torch.fft.fftfreq(width, device=x.device))
    return [power[:, (frequency >= low) & (frequency < high)].sum(1) for low, high in OCTAVES]


class Sharpness(Metric, kind="sharpness"):
    """Fine detail of images relative to their real ones: 1 is as sharp, below 1 blurred, above 1 noisy."""

    needs: ClassVar[frozenset[str]] = frozenset({"pairs"})
    signals: ClassVar[tuple[str, ...]] = ("image", "pair")
    values: ClassVar[Mapping[str, Meaning]] = {
        "sharpness": Meaning(
            "Fine detail relative to that of the real image: below 1 is blurred, above 1 noisy.", "near", 1
        ),
    }
    any_size: ClassVar[bool] = True

    def compute(self, comparison: Comparison) -> list[Result]:
        def of(real: np.ndarray, other: np.ndarray) -> Tensor:
            return sharpness(seen(real, "Y", 0), seen(other, "Y", 0))

        n, found = pair_by_pair(self, comparison, of)
        return [pair_result(f"sharpness{short_count(n)}", comparison, n, found, {"channel": "Y"})]
