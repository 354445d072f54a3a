"""A data set that needs no download: scikit-learn's scans of handwritten digits."""

from __future__ import annotations

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.data.base import DataSource
from ganforge.modalities.image.sources import arrays


class Digits(DataSource, kind="digits"):
    """1,797 handwritten digits, 8×8 px, gray, with labels; included in scikit-learn, so there is no download.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998.
    """

    def open(self) -> Dataset:
        from sklearn.datasets import load_digits  # slow to import

        ink, labels = load_digits(return_X_y=True)  # 0 to 16, [1797, 64]
        images = np.rint(np.asarray(ink).reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)
        return arrays.from_arrays("digits", images, np.asarray(labels), [str(d) for d in range(10)])
