"""Sets of images in numpy files: .npy contains one array, .npz several named ones."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data import arrays as any_arrays
from ganforge.data.arrays import ArrayDataset
from ganforge.modalities.image.sources.arrays import from_arrays

IMAGE_KEYS = ("images", "image", "x", "data", "arr_0")

SIDE = 8  # px: smaller integer arrays may be something other than images

LABEL_KEYS = ("labels", "label", "y", "targets", "arr_1")


@dataclass(frozen=True)
class Header:
    """The header of an array.

    Attributes:
        key: name of the array in an .npz file; empty for an .npy file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    key: str = ""

    @property
    def may_be_images(self) -> bool:
        """Whether it is numeric, in a possible layout of images."""
        if self.dtype.kind not in "biuf" or 0 in self.shape:
            return False
        return len(self.shape) == 3 or (len(self.shape) == 4 and (self.shape[3] <= 4 or self.shape[1] in (1, 3, 4)))

    @property
    def are_images(self) -> bool:
        """Whether it certainly contains images, by its name, its axis of channels, or its dtype."""
        if not self.may_be_images:
            return False
        if len(self.shape) == 4 or "image" in self.key.lower():
            return True
        return self.dtype.kind == "u" and self.dtype.itemsize <= 2 and min(self.shape[1:]) >= SIDE


def header_of(path: Path) -> Header | None:
    """The header of the array of images in an .npy or .npz file; None if there is none that can be read."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            file.seek(0)
            found = any_arrays.header_of(file)
            return None if found is None else Header(*found)
    try:
        with zipfile.ZipFile(path) as archive:
            keys = {name.removesuffix(".npy").lower(): name for name in archive.namelist() if name.endswith(".npy")}
            key = _pick(keys, IMAGE_KEYS, "train") or _pick(keys, IMAGE_KEYS, "test")
            if key is None and len(keys) == 1:
                key = next(iter(keys.values()))
            if key is None:
                return None
            with archive.open(key) as file:
                found = any_arrays.header_of(file)
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return None
    return None if found is None else Header(*found, key)


def open_npy(path: Path, name: str) -> ArrayDataset:
    """The data set of an .npy file of images; memory-mapped if no conversion is needed."""
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: cannot be read as an array ({_short(error)})", code="data.unreadable") from None
    return from_arrays(name, images, None)


def open_npz(path: Path, name: str, split: str) -> ArrayDataset:
    """The data set of an .npz file with the arrays `images`, `x`, `data` or `arr_0`, and `labels`, `y` or `arr_1`; or
    `x_train`, `y_test` etc."""
    try:
        with np.load(path, allow_pickle=False) as file:
            keys = {k.lower(): k for k in file.files}
            images_key = _pick(keys, IMAGE_KEYS, split)
            if images_key is None and (len(keys) == 1):
                images_key = next(iter(keys.values()))
            if images_key is None:
                wanted = ", ".join((*IMAGE_KEYS, f"x_{split}"))
                raise UserError(
                    f"{path}: none of its arrays ({', '.join(file.files)}) is named {wanted}",
                    code="data.array_not_found",
                )
            labels_key = _pick(keys, LABEL_KEYS, split)
            images = file[images_key]
            labels = file[labels_key] if labels_key else None
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UserError(f"{path}: cannot be read as arrays ({_short(error)})", code="data.unreadable") from None
    return from_arrays(name, images, labels)


def _pick(keys: dict[str, str], wanted: Sequence[str], split: str) -> str | None:
    candidates = [f"{k}_{split}" for k in wanted] + [f"{split}_{k}" for k in wanted]
    if split == "train":
        candidates += wanted
    return next((keys[k] for k in candidates if k in keys), None)


def _short(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "pickle" in text or "Python objects" in text:
        return "it holds Python objects, which are never loaded"
    return text[:120]
