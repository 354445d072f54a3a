"""Sets that are one array in one file: MNIST's idx, numpy's npy and npz, CIFAR's binary batches."""

from __future__ import annotations

import gzip
import io
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data import arrays as any_arrays
from ganforge.data.arrays import ArrayDataset

CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
CIFAR_RECORD = 1 + 3 * 32 * 32
IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
IDX_NAME = re.compile(r"(?P<before>.*?)(?P<part>train|t10k|test)-images[-.]idx3-ubyte(\.gz)?$", re.IGNORECASE)
IMAGE_KEYS = ("images", "image", "x", "data", "arr_0")
SIDE = 8  # px: smaller arrays of whole numbers may as well be something else than images
LABEL_KEYS = ("labels", "label", "y", "targets", "arr_1")


def from_arrays(name: str, images: np.ndarray, labels: np.ndarray | None, classes: Sequence[str] = ()) -> ArrayDataset:
    """A set from any arrays that hold images: images [N, H, W], [N, H, W, C] or [N, C, H, W], labels [N] or none.

    Raises:
        UserError: another shape or kind of number, or labels that do not go with the images.
    """
    array = as_pixels(name, as_nhwc(name, images))
    if len(array) == 0:
        raise UserError(f"data {name}: the array of images is empty", code="data.empty")
    if labels is None:
        return ArrayDataset(name, array, signal="image")
    labels = np.asarray(labels)
    if labels.ndim == 2 and labels.shape[1] == 1:  # as Keras saves CIFAR's
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
    """Images [N, H, W, C], of what is [N, H, W], [N, H, W, C] or [N, C, H, W].

    Raises:
        UserError: another shape.
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
    """uint8 or uint16. Other numbers are taken for [0, 1], [-1, 1] or [0, 255], the smallest that holds them."""
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
    for k in range(0, len(images), 1024):  # piece by piece: a float64 copy of everything may not fit
        pixels[k : k + 1024] = np.rint((images[k : k + 1024].astype(np.float64) + offset) * scale)
    return pixels


# --- idx (MNIST's format): two zero bytes, a type, the number of axes, the sizes (big-endian), the data


def is_idx(start: bytes) -> bool:
    """Whether the first bytes of a file are those of an idx file."""
    return len(start) >= 4 and start[:2] == b"\0\0" and start[2] in IDX_TYPES and 1 <= start[3] <= 4


def read_idx(path: Path) -> np.ndarray:
    """The array of an idx file, gzipped or not.

    Raises:
        UserError: it is cut short or no idx file.
    """
    data = _unpacked(path)
    if not is_idx(data[:4]):
        raise UserError(f"{path}: not an idx file (MNIST's format)", code="data.unsupported_format")
    kind, axes = data[2], data[3]
    offset = 4 + 4 * axes
    if len(data) < offset:
        raise UserError(f"{path}: truncated in its header; get the file again", code="data.damaged")
    shape = struct.unpack(f">{axes}I", data[4:offset])
    dtype = np.dtype(IDX_TYPES[kind])
    expected = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if len(data) - offset != expected:
        raise UserError(
            f"{path}: expected {expected:,} bytes from its header, got {len(data) - offset:,}; get the file again",
            code="data.damaged",
        )
    return np.frombuffer(data, dtype, offset=offset).reshape(shape)


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        return gzip.decompress(path.read_bytes()) if zipped else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged or cut short ({error}); get the file again", code="data.damaged") from None


def open_idx(path: Path, name: str, classes: Sequence[str] = ()) -> ArrayDataset:
    """The set of an idx file of images, with the labels of the file beside it where there is one."""
    images = read_idx(path)
    if images.ndim == 1:
        raise UserError(
            f"{path}: an idx file of labels; pass the file of the images, or the folder of both",
            code="data.only_labels",
        )
    other = path.name.replace("images", "labels").replace("idx3", "idx1")
    stem = other.removesuffix(".gz")
    found = [path.with_name(n) for n in (other, stem, f"{stem}.gz") if n != path.name and path.with_name(n).is_file()]
    return from_arrays(name, images, read_idx(found[0]) if found else None, classes)


def idx_parts(folder: Path) -> dict[str, Path]:
    """The files of images in MNIST's form in a folder: {"train": ..., "test": ...}."""
    parts: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = IDX_NAME.match(path.name)
        if match and path.is_file():
            parts.setdefault("train" if match["part"].lower() == "train" else "test", path)
    return parts


# --- numpy


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


# --- CIFAR-10 binary: records of one label byte and 3 · 32 · 32 pixels, channel after channel


def cifar_parts(names: Sequence[str]) -> dict[str, list[str]]:
    """Of some file names, CIFAR-10's binary batches in their order: {"train": [...], "test": [...]}."""
    found: dict[str, list[str]] = {}
    for name in sorted(names):
        base = name.rsplit("/", 1)[-1]
        if re.fullmatch(r"data_batch_\d+\.bin", base):
            found.setdefault("train", []).append(name)
        elif base == "test_batch.bin":
            found.setdefault("test", []).append(name)
    return found


def from_cifar(name: str, batches: Sequence[tuple[str, bytes]], classes: Sequence[str] = CIFAR10) -> ArrayDataset:
    """The set of some (file name, content) of CIFAR-10's binary batches.

    Raises:
        UserError: a batch is cut short.
    """
    arrays = []
    for where, data in batches:
        if not data or len(data) % CIFAR_RECORD:
            raise UserError(
                f"{where}: {len(data):,} bytes are not a whole number of CIFAR-10 records of {CIFAR_RECORD} bytes; "
                "it is truncated or not a CIFAR-10 batch",
                code="data.damaged",
            )
        arrays.append(np.frombuffer(data, np.uint8).reshape(-1, CIFAR_RECORD))
    records = np.concatenate(arrays)
    images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return from_arrays(name, images, records[:, 0], classes)


def read_tar(path: Path, split: str) -> list[tuple[str, bytes]] | None:
    """CIFAR-10's batches of a .tar or .tar.gz file; None where it has none for that split.

    Members are read, never unpacked, so a hostile name in the archive can do nothing.
    """
    try:
        with tarfile.open(path) as archive:
            members = {m.name: m for m in archive.getmembers() if m.isfile()}
            names = cifar_parts(list(members)).get(split)
            if not names:
                return None
            return [(f"{path}:{n}", _content(archive, members[n])) for n in names]
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path}: damaged or cut short ({error}); get the file again", code="data.damaged") from None


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = archive.extractfile(member)
    return (file or io.BytesIO()).read()
