"""Data sets stored as one array, and the header of .npy files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO

import numpy as np

from ganforge.core.dataset import Dataset


class ArrayDataset(Dataset):
    """Samples in one array, which may be memory-mapped.

    Attributes:
        array: [N, ...]: images as uint8 or uint16 [N, H, W, C], vectors as float32 [N, D].
        nbytes: size of the array in bytes.
    """

    def __init__(self, name: str, array: np.ndarray, labels: np.ndarray | None = None,
                 classes: Sequence[str] = (), *, signal: str = ""):  # fmt: skip
        self.name, self.array, self.labels, self.classes = name, array, labels, tuple(classes)
        self.signal = signal
        self.skipped: list[tuple[str, str]] = []
        self.nbytes = array.nbytes

    def __len__(self) -> int:
        return len(self.array)

    @property
    def in_memory_array(self) -> np.ndarray:
        return self.array

    def read(self, index: int) -> np.ndarray:
        return self.array[index]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {(tuple(self.array.shape[1:]), str(self.array.dtype)): len(self.array)}


def header_of(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype] | None:
    """Shape and dtype of the array in an .npy file, without reading its values; None if the header is damaged."""
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    try:
        shape, _, dtype = read[np.lib.format.read_magic(file)](file)
    except (ValueError, OSError, EOFError, KeyError):
        return None
    return tuple(shape), dtype
