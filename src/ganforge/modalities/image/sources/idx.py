"""Sets of images in MNIST's format, idx.

A file holds two zero bytes, a type, the number of axes, the sizes (big-endian) and the data.
"""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data.arrays import ArrayDataset
from ganforge.modalities.image.sources.arrays import from_arrays

IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}

IDX_NAME = re.compile(r"(?P<before>.*?)(?P<part>train|t10k|test)-images[-.]idx3-ubyte(\.gz)?$", re.IGNORECASE)


def is_idx(start: bytes) -> bool:
    """Whether the first bytes of a file are those of an idx file."""
    return len(start) >= 4 and start[:2] == b"\0\0" and start[2] in IDX_TYPES and 1 <= start[3] <= 4


def read_idx(path: Path) -> np.ndarray:
    """The array of an idx file, gzipped or not.

    Raises:
        UserError: it is truncated or not an idx file.
    """
    data = _unpacked(path)
    if not is_idx(data[:4]):
        raise UserError(f"{path}: not an idx file (MNIST's format)", code="data.unsupported_format")
    kind, axes = data[2], data[3]
    offset = 4 + 4 * axes
    if len(data) < offset:
        raise UserError(f"{path}: truncated in its header; download the file again", code="data.damaged")
    shape = struct.unpack(f">{axes}I", data[4:offset])
    dtype = np.dtype(IDX_TYPES[kind])
    expected = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    if len(data) - offset != expected:
        raise UserError(
            f"{path}: expected {expected:,} bytes from its header, got {len(data) - offset:,}; download the file again",
            code="data.damaged",
        )
    return np.frombuffer(data, dtype, offset=offset).reshape(shape)


def _unpacked(path: Path) -> bytes:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
    try:
        return gzip.decompress(path.read_bytes()) if zipped else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path}: damaged or truncated ({error}); download the file again", code="data.damaged"
        ) from None


def open_idx(path: Path, name: str, classes: Sequence[str] = ()) -> ArrayDataset:
    """The data set of an idx file of images, with labels from the corresponding file next to it, if any."""
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
    """The idx files of images in a folder: {"train": ..., "test": ...}."""
    parts: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        match = IDX_NAME.match(path.name)
        if match and path.is_file():
            parts.setdefault("train" if match["part"].lower() == "train" else "test", path)
    return parts
