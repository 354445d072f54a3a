"""Sets of images in numpy's files: .npy holds one array, .npz several with names."""

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

SIDE = 8  # px: smaller arrays of whole numbers may as well be something else than images

LABEL_KEYS = ("labels", "label", "y", "targets", "arr_1")


@dataclass(frozen=True)
class Header:
    """What the header of an array says, before it is read.

    Attributes:
        key: what it is called in an .npz file; empty in an .npy file.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    key: str = ""

    @property
    def may_be_images(self) -> bool:
        """Whether there are numbers in it, in a layout that images may have."""
        if self.dtype.kind not in "biuf" or 0 in self.shape:
            return False
        return len(self.shape) == 3 or (len(self.shape) == 4 and (self.shape[3] <= 4 or self.shape[1] in (1, 3, 4)))

    @property
    def are_images(self) -> bool:
        """Whether it holds images and nothing else, by its name, its axis of channels, or the type that pixels have."""
        if not self.may_be_images:
            return False
        if len(self.shape) == 4 or "image" in self.key.lower():
            return True
        return self.dtype.kind == "u" and self.dtype.itemsize <= 2 and min(self.shape[1:]) >= SIDE


def header_of(path: Path) -> Header | None:
    """Of the array of images in an .npy or an .npz file; None where there is none that can be read."""
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
    """The set of a .npy file of images; mapped, not read, where its numbers can stay as they are."""
    try:
        images = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: cannot be read as an array ({_short(error)})", code="data.unreadable") from None
    return from_arrays(name, images, None)


def open_npz(path: Path, name: str, split: str) -> ArrayDataset:
    """The set of a .npz file: `images`, `x`, `data` or `arr_0`, `labels`, `y` or `arr_1`; `x_train`, `y_test` too."""
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
