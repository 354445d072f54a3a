"""Sets of images from arrays of any layout and dtype, with labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data.arrays import ArrayDataset


def from_arrays(name: str, images: np.ndarray, labels: np.ndarray | None, classes: Sequence[str] = ()) -> ArrayDataset:
    """A data set from arrays: images [N, H, W], [N, H, W, C] or [N, C, H, W], labels [N] or none.

    Raises:
        UserError: shape or dtype is not supported, or labels do not match the images.
    """
    array = as_pixels(name, as_nhwc(name, images))
    if len(array) == 0:
        raise UserError(f"data {name}: the array of images is empty", code="data.empty")
    if labels is None:
        return ArrayDataset(name, array, signal="image")
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:  # as in Keras' CIFAR-10
        labels = labels[:, 0]
    if labels.shape != (len(array),):
        raise UserError(
            f"data {name}: {len(array)} images need {len(array)} labels; the labels have the shape "
            f"{list(labels.shape)}",
            code="data.label_count",
        )
    if classes:
        if labels.min() < 0 or labels.max() >= len(classes):
            raise UserError(
                f"data {name}: labels range from {labels.min()} to {labels.max()}; there are {len(classes)} classes",
                code="data.labels_out_of_range",
            )
        return ArrayDataset(name, array, labels.astype(np.int64), classes, signal="image")
    if labels.dtype.kind not in "iubUS":
        raise UserError(f"data {name}: labels are {labels.dtype}; expected integers or names", code="data.label_type")
    found, numbers = np.unique(labels, return_inverse=True)
    names = tuple(v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in found.tolist())
    return ArrayDataset(name, array, numbers.reshape(-1).astype(np.int64), names, signal="image")


def as_nhwc(name: str, images: np.ndarray) -> np.ndarray:
    """Converts [N, H, W], [N, H, W, C] or [N, C, H, W] to images [N, H, W, C].

    Raises:
        UserError: it has another shape.
    """
    if images.ndim == 3:
        return images[..., None]
    if images.ndim == 4 and images.shape[3] <= 4:
        return images
    if images.ndim == 4 and images.shape[1] in (1, 3, 4):
        return images.transpose(0, 2, 3, 1)
    if images.ndim == 4:
        n, *block = images.shape
        raise UserError(
            f"data {name}: an array of shape {list(images.shape)} holds {n:,} blocks of {'×'.join(map(str, block))} "
            "numbers, such as voxels, which are not supported. Images are [N, H, W, C] or [N, C, H, W] with at most 4 "
            "channels",
            code="data.wrong_shape",
        )
    raise UserError(
        f"data {name}: an array of shape {list(images.shape)} is not a set of images. "
        "Expected [N, H, W], [N, H, W, C] or [N, C, H, W] with at most 4 channels",
        code="data.wrong_shape",
    )


def as_pixels(name: str, images: np.ndarray) -> np.ndarray:
    """Converts to uint8 or uint16. The range of other dtypes is assumed to be the smallest of [0, 1], [-1, 1] and [0,
    255] that contains all values."""
    if images.dtype in (np.uint8, np.uint16):
        return images
    if images.dtype.byteorder == ">" and images.dtype.kind == "u" and images.dtype.itemsize == 2:
        return images.astype(np.uint16)
    if images.dtype.kind == "b":
        return images.astype(np.uint8) * 255
    if images.dtype.kind not in "iuf":
        raise UserError(
            f"data {name}: pixels are {images.dtype}; expected integers or floating-point numbers",
            code="data.pixel_type",
        )
    if images.size == 0:
        return images.astype(np.uint8)
    low, high = float(images.min()), float(images.max())
    if not np.isfinite([low, high]).all():
        raise UserError(
            f"data {name}: some pixels are not finite (NaN or infinite); clean the array first",
            code="data.not_finite",
        )
    if images.dtype.kind == "f" and low >= 0 and high <= 1:
        offset, scale = 0.0, 255.0
    elif images.dtype.kind == "f" and low >= -1 and high <= 1:
        offset, scale = 1.0, 127.5
    elif low >= 0 and high <= 255:
        offset, scale = 0.0, 1.0
    else:
        raise UserError(
            f"data {name}: pixels range from {low:g} to {high:g}; scale them to 0..255 (uint8), 0..1 or -1..1",
            code="data.pixels_out_of_range",
        )
    pixels = np.empty(images.shape, np.uint8)
    for k in range(0, len(images), 1024):  # in chunks: a float64 copy of everything may not fit
        pixels[k : k + 1024] = np.rint((images[k : k + 1024].astype(np.float64) + offset) * scale)
    return pixels
