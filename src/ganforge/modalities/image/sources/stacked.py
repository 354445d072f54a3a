"""Stacked MNIST: a data set with a thousand modes, which are known by construction.

Metz et al. 2017, "Unrolled Generative Adversarial Networks", also used by Srivastava et al. 2017 (VEEGAN) and Lin et
al. 2018 (PacGAN): three random digits are the red, green and blue channels of an image, and the three-digit number from
000 to 999 is its mode.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.data.base import DataSource
from ganforge.data.path import PathData
from ganforge.modalities.image.sources.named import Mnist


class StackedDigits(Dataset):
    """Images [28, 28, 3], combined on access.

    Args:
        name: for messages.
        digits: digits with one channel and labels 0 to 9.
        count: number of images.
        seed: random seed of the combinations.
    """

    signal = "image"

    def __init__(self, name: str, digits: Dataset, count: int, seed: int):
        assert digits.labels is not None
        self.name, self.skipped, self.digits = name, list(digits.skipped), digits
        draws = np.random.Generator(np.random.PCG64(seed_of(seed, "stacked-mnist")))
        self.parts = draws.integers(len(digits), size=(count, 3))  # which digits are the R, G and B of each image
        self.labels = digits.labels[self.parts].astype(np.int64) @ np.array([100, 10, 1])
        self.classes = tuple(f"{k:03d}" for k in range(1000))

    def __len__(self) -> int:
        return len(self.parts)

    def read(self, index: int) -> np.ndarray:
        return np.concatenate([self.digits.read(int(k)) for k in self.parts[index]], axis=2)

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        (((height, width, _), dtype),) = self.digits.shapes()
        return {((height, width, 3), dtype): len(self)}


class StackedMnist(DataSource, kind="stacked-mnist"):
    """Three random MNIST digits as the red, green and blue channels of an image: 1,000 modes, for measuring mode
    collapse.

    Source: Metz et al. 2017; 128,000 images as in Lin et al. 2018.
    """

    path: str | None = None
    """Path of MNIST; by default the named set `mnist`, which is downloaded once."""
    split: Literal["train", "test"] = "train"
    """Which split of MNIST to use."""
    count: int = Field(default=128_000, ge=2)
    """Number of images."""
    seed: int = Field(default=0, ge=0)
    """Seed of the random combinations of digits."""

    def open(self) -> Dataset:
        if self.path is None:
            digits = Mnist(split=self.split).open()
        else:
            digits = PathData(path=self.path, split=self.split, signal="image").open()
        if digits.labels is None or len(digits.classes) != 10:
            raise UserError(
                f"data.path={self.path}: holds {len(digits.classes) or 'no'} classes; stacked-mnist needs 10, "
                "the digits. Pass the folder of MNIST's four files",
                code="data.not_digits",
            )
        shapes = list(digits.shapes())
        if len(shapes) != 1 or shapes[0][0][2] != 1:
            raise UserError(
                f"data.path={self.path}: stacked-mnist needs gray digits, all of one size", code="data.not_digits"
            )
        return StackedDigits(self.kind, digits, self.count, self.seed)
