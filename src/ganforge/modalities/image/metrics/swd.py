"""Sliced Wasserstein distance between small patches of real and generated images, per scale.

Karras et al. 2018, "Progressive Growing of GANs", section 5; sliced distances: Rabin et al. 2011.

    levels of a Laplacian pyramid (Burt & Adelson 1983) from the full size down to 16 px
    128 patches of 7 × 7 per image and level; per level, every channel is normalized to mean 0 and standard deviation 1
    SWD = mean over 512 random directions of the mean difference between the sorted projections, times 1000

Images below 16 px have a single level. Both sides use the same number of images.

x [N, C, H, W]; patches [P, C · 7 · 7].
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import conv2d, interpolate, pad

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count

SMALLEST = 16  # px: the coarsest level
PATCH = 7  # px
BINOMIAL = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
SCALE = 1e3


def pyramid(x: Tensor) -> list[Tensor]:
    """The levels of x [N, C, H, W], finest first: differences, and the coarsest image itself."""
    levels = []
    while min(x.shape[2:]) // 2 >= SMALLEST:
        small = _smooth(x)[..., ::2, ::2]
        levels.append(x - _smooth(interpolate(small, size=x.shape[2:], mode="nearest-exact")))
        x = small
    return [*levels, x]


def _smooth(x: Tensor) -> Tensor:
    channels = x.shape[1]
    kernel = torch.outer(BINOMIAL, BINOMIAL).to(x).expand(channels, 1, 5, 5)
    return conv2d(pad(x, (2, 2, 2, 2), mode="reflect"), kernel, groups=channels)


def sliced_distance(x: Tensor, y: Tensor, directions: Tensor) -> float:
    """Mean 1-Wasserstein distance of x and y [P, F] along unit `directions` [F, S]."""
    apart = [
        ((x @ part).sort(0).values - (y @ part).sort(0).values).abs().mean(0) for part in directions.split(64, dim=1)
    ]
    return float(torch.cat(apart).mean())


def whitened(patches: Tensor) -> Tensor:
    """Patches [P, C, 7, 7] as rows [P, C · 49], each channel with mean 0 and standard deviation 1 over all of them."""
    mean = patches.mean((0, 2, 3), keepdim=True)
    spread = patches.std((0, 2, 3), keepdim=True, correction=0)
    return ((patches - mean) / spread.clamp(min=1e-8)).flatten(1)


class SlicedWasserstein(Metric, kind="swd"):
    """Sliced Wasserstein distance of patches at each scale of a Laplacian pyramid; compares texture and shape without a
    net."""

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")
    values: ClassVar[Mapping[str, Meaning]] = {
        "swd": Meaning("Difference of texture, from fine to coarse (sliced Wasserstein distance).", "lower", 0),
    }

    patches: int = Field(default=128, ge=1)
    """Patches per image and level."""
    directions: int = Field(default=512, ge=1)
    """Number of random projections of the patches."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = min(comparison.count("fake", self.n), comparison.real.n)
        if n < 2:
            raise UserError("metric 'swd' needs at least 2 real and 2 generated images", code="metric.too_few_samples")
        real, fake = self._levels(comparison, "real", n), self._levels(comparison, "fake", n)
        if list(real) != list(fake):
            raise UserError(
                f"metric 'swd': images of {max(real)} px and of {max(fake)} px; convert them to one size",
                code="metric.shapes_differ",
            )
        found = {}
        for k, size in enumerate(real):
            a, b = whitened(real[size]), whitened(fake[size])
            draws = comparison.draws(f"swd directions {size}").standard_normal((a.shape[1], self.directions))
            directions = torch.from_numpy(draws / np.linalg.norm(draws, axis=0)).to(a)
            found[str(size)] = SCALE * sliced_distance(a, b, directions)
            comparison.progress("sliced distances", k + 1, len(real))
        protocol = comparison.protocol(n) | {
            "patches": self.patches,
            "patch": PATCH,
            "directions": self.directions,
            "pyramid": "Laplacian",
            "n_real": n,
        }
        value = float(np.mean(list(found.values())))
        return [Result(f"swd{short_count(n)}[{'+'.join(found)} px]", value, protocol, {"per_level": found})]

    def _levels(self, comparison: Comparison, side: str, n: int) -> dict[int, Tensor]:
        """Random patches [P, C, 7, 7] of every level, by the level's height."""
        draws = comparison.draws(f"swd patches {side}")
        found: dict[int, list[Tensor]] = {}
        for part in comparison.batches(side, n):
            if min(part.shape[1:3]) < PATCH:
                raise UserError(
                    f"metric 'swd' takes patches of {PATCH} px; these images are only {part.shape[1]}×{part.shape[2]}",
                    code="metric.images_too_small",
                )
            x = torch.from_numpy(part.astype(np.float32)).permute(0, 3, 1, 2)
            for level in pyramid(x):
                height, width = level.shape[2:]
                windows = level.unfold(2, PATCH, 1).unfold(3, PATCH, 1)  # [N, C, rows, columns, 7, 7]
                shape = (len(level), self.patches)
                rows = torch.from_numpy(draws.integers(height - PATCH + 1, size=shape))
                columns = torch.from_numpy(draws.integers(width - PATCH + 1, size=shape))
                of = torch.arange(len(level))[:, None].expand(shape)
                found.setdefault(height, []).append(windows[of, :, rows, columns].flatten(0, 1))
        return {height: torch.cat(parts) for height, parts in found.items()}
