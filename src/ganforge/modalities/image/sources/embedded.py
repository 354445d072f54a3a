"""A data set that needs no download: scans of handwritten digits, in a file of this folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.data.base import DataSource
from ganforge.modalities.image.sources import arrays


class Digits(DataSource, kind="digits"):
    """1,797 handwritten digits, 8×8 px, gray, with labels; included in ganforge, so there is no download.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998,
    https://doi.org/10.24432/C50P49, CC BY 4.0; its test part, as in scikit-learn.
    """

    def open(self) -> Dataset:
        with np.load(Path(__file__).with_name("digits.npz")) as file:
            ink, labels = file["ink"], file["labels"]  # uint8 [1797, 8, 8], 0 to 16; uint8 [1797]
        images = np.rint(ink * (255 / 16)).astype(np.uint8)
        return arrays.from_arrays("digits", images, labels.astype(np.int64), [str(d) for d in range(10)])
