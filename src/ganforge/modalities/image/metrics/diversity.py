"""Diversity of generated samples: the mean similarity of random pairs.

MS-SSIM: Wang, Simoncelli & Bovik 2003, "Multi-scale structural similarity for image quality assessment":

    MS-SSIM = SSIM_M^β_M · Π_{j<M} cs_j^β_j       (SSIM and cs: see `pairwise`; scales by 2 × 2 means)

For pairs of generated images of one class: Odena, Olah & Shlens 2017, "Conditional Image Synthesis with Auxiliary
Classifier GANs". The value of real images is the reference: lower is more diverse, but lower than reals indicates
noise.

The five scales need images of 176 px; for smaller ones fewer scales are used, with exponents scaled to the same sum.

x [N, H, W, C]; P pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import avg_pool2d

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.image.metrics.pairwise import WINDOW, structure

BETAS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # for the five scales, finest first


def scales(height: int, width: int) -> tuple[float, ...]:
    """The exponents of the scales for images of this size.

    Raises:
        UserError: they are smaller than one window.
    """
    fit = sum(min(height, width) >> k >= WINDOW for k in range(len(BETAS)))
    if not fit:
        raise UserError(
            f"MS-SSIM needs images of at least {WINDOW}×{WINDOW} px; these are {height}×{width}",
            code="metric.images_too_small",
        )
    return tuple(b * sum(BETAS) / sum(BETAS[:fit]) for b in BETAS[:fit])


def ms_ssim(x: Tensor, y: Tensor, betas: tuple[float, ...]) -> Tensor:
    """MS-SSIM [P] of float64 images [P, C, H, W], 0 to 255; 1 for equal ones; negative similarities count as 0."""
    product = x.new_ones(len(x))
    for k, beta in enumerate(betas):
        whole, contrast = structure(x, y)
        last = k == len(betas) - 1
        product = product * (whole if last else contrast).clamp(min=0) ** beta
        if not last:
            x, y = avg_pool2d(x, 2), avg_pool2d(y, 2)
    return product


def random_pairs(
    n: int, labels: np.ndarray | None, count: int, draws: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Indices of random pairs of different samples, of the same class if there are labels: two arrays int64 [P].

    Raises:
        UserError: no class has two samples.
    """
    groups = [np.arange(n)] if labels is None else [np.flatnonzero(labels == k) for k in np.unique(labels)]
    groups = [group for group in groups if len(group) > 1]
    if not groups:
        raise UserError(
            "pairs of samples of one class are compared, and no class has 2 samples", code="metric.too_few_samples"
        )
    sizes = np.array([len(group) for group in groups], float)
    first, second = np.empty(count, np.int64), np.empty(count, np.int64)
    for k, g in enumerate(draws.choice(len(groups), count, p=sizes / sizes.sum())):
        first[k], second[k] = draws.choice(groups[g], 2, replace=False)
    return first, second


class MsSsim(Metric, kind="ms-ssim"):
    """Similarity (MS-SSIM) of pairs of generated images of a class; near 1 if the model generates the same image
    repeatedly."""

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")
    values: ClassVar[Mapping[str, Meaning]] = {
        "ms_ssim": Meaning("Similarity of generated images to each other; compare with that of real images.", "lower"),
    }

    pairs: int = Field(default=1000, ge=1)
    """Number of random pairs drawn from the real and from the generated images."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        found, betas = {}, ()
        for side, count in (("fake", n), ("real", comparison.real.n)):
            labels = None if comparison.side(side).labels is None else comparison.labels(side, count)
            first, second = random_pairs(count, labels, self.pairs, comparison.draws(f"ms-ssim {side}"))
            pictures = comparison.at(side, np.concatenate([first, second]))
            betas = scales(*pictures.shape[1:3])
            x = torch.from_numpy(pictures.astype(np.float64)).permute(0, 3, 1, 2)
            parts = []
            for start in range(0, self.pairs, 32):
                stop = min(start + 32, self.pairs)
                parts.append(ms_ssim(x[start:stop], x[self.pairs + start : self.pairs + stop], betas))
                comparison.progress(f"similarity of {side} pairs", stop, self.pairs)
            found[side] = torch.cat(parts)
        protocol = comparison.protocol(n) | {
            "pairs": self.pairs,
            "scales": len(betas),
            "within_class": comparison.fake.labels is not None,
        }
        fake, real = found["fake"], found["real"]
        sd = float(fake.std(correction=0))
        detail = {"real": float(real.mean()), "sd": sd, "error": sd / self.pairs**0.5}
        return [Result(f"ms-ssim{short_count(n)}[{len(betas)} scales]", float(fake.mean()), protocol, detail)]
