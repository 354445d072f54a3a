"""Sets of images passed in from Python: arrays, tensors, lists of images of any size, `datasets`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.given import Given
from ganforge.modalities.image.objects import of_pillow
from ganforge.modalities.image.sources import arrays
from ganforge.modalities.image.sources.hub import table_of_images

NAME = "the images"


def open_given(given: Given) -> Dataset | None:
    """The data set for the given samples; None if they are not images.

    Raises:
        UserError: images cannot be used, or labels do not match them.
    """
    samples = given.samples
    if type(samples).__module__.startswith("datasets."):
        return table_of_images(samples)
    if isinstance(samples, np.ndarray) and samples.ndim in (3, 4):
        return arrays.from_arrays(NAME, samples, given.labels, given.classes)
    if not isinstance(samples, list) or not samples or not all(_may_be_image(item) for item in samples):
        return None
    items = [of_pillow(item) if isinstance(item, Image.Image) else item for item in samples]
    if len({(item.shape, item.dtype) for item in items}) == 1:
        return arrays.from_arrays(NAME, np.stack(items), given.labels, given.classes)
    return images_of_sizes(items, given)


def _may_be_image(item: Any) -> bool:
    return isinstance(item, Image.Image) or (isinstance(item, np.ndarray) and item.ndim in (2, 3))


def images_of_sizes(items: Sequence[np.ndarray], given: Given) -> ListOfImages:
    """A set of images of different sizes or dtypes. The range of values is determined from all of them."""
    if len({item.dtype.kind == "f" for item in items}) > 1:
        raise UserError(
            "data: some of these images are floating-point and some integer arrays; convert them to one dtype",
            code="data.pixel_type",
        )
    whole = all(item.dtype in (np.uint8, np.uint16) for item in items)
    flat = None if whole else arrays.as_pixels(NAME, np.concatenate([item.ravel() for item in items]))
    images, start = [], 0
    for item in items:
        pixels = item if flat is None else flat[start : start + item.size].reshape(item.shape)
        start += item.size
        images.append(arrays.as_nhwc(NAME, pixels[None])[0])
    labels = np.zeros((len(images), 1, 1), np.uint8)  # labels are handled as for arrays of one size
    numbered = arrays.from_arrays(NAME, labels, given.labels, given.classes)
    return ListOfImages(images, numbered.labels, numbered.classes)


class ListOfImages(Dataset):
    """Images in memory, each uint8 or uint16 [H, W, C]."""

    signal = "image"

    def __init__(self, images: list[np.ndarray], labels: np.ndarray | None, classes: tuple[str, ...]):
        self.name, self.images, self.labels, self.classes = NAME, images, labels, classes
        self.skipped: list[tuple[str, str]] = []

    def __len__(self) -> int:
        return len(self.images)

    def read(self, index: int) -> np.ndarray:
        return self.images[index]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return dict(Counter((image.shape, str(image.dtype)) for image in self.images))
