"""Sets of sound files: a folder or a zip, with labels from its class folders or from the names of its files.

Names are read as fields between underscores, `7_jackson_32.wav`: where every file has at least two, and the first takes
few values, it is the label. Single digits become `zero` to `nine`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.progress import Bar
from ganforge.data.store import Store, common_folder, is_hidden
from ganforge.modalities.audio import files as sounds

SPLITS = {"train": ("train", "training"), "test": ("test", "testing")}
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LEAST_A_NAME = 5
"""Files a label, on average, below which the first field of the names is no label."""


class SoundFiles(Dataset):
    """Sound files, decoded when they are read.

    Attributes:
        files: their names in the store, sorted.
        headers: of each, None where it cannot be read.
    """

    signal = "audio"

    def __init__(
        self, name: str, store: Store, files: Sequence[str], labels: np.ndarray | None, classes: Sequence[str]
    ):
        self.name, self.store, self.files = name, store, list(files)
        self.labels, self.classes = labels, tuple(classes)
        self.skipped: list[tuple[str, str]] = []
        self._headers: list[sounds.Header | None] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> np.ndarray:
        """The whole recording, float32 [T, C], at its own rate."""
        return self.part(index)[0]

    def part(self, index: int, start: int = 0, frames: int = -1) -> tuple[np.ndarray, int]:
        """A part of a recording, float32 [T, C], and its rate: only that part is held in memory."""
        file = self.files[index]
        return sounds.decode(self.store.open(file), file, start, frames)

    def describe(self, index: int) -> str:
        return self.files[index]

    @property
    def headers(self) -> list[sounds.Header | None]:
        """The first call reads them all; the answer is kept."""
        if self._headers is None:
            found = []
            with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, Bar("reading sounds", len(self)) as bar:
                for one in pool.map(self._header, self.files, chunksize=64):
                    bar.advance(1)
                    found.append(one)
            self._headers = found
        return self._headers

    def readable(self) -> list[sounds.Header]:
        """The headers of those that can be read.

        Raises:
            UserError: there is none (says why).
        """
        found = [one for one in self.headers if one is not None]
        if not found:
            try:
                self.read(0)
                why = "their headers cannot be read"
            except BadItem as error:
                why = str(error)
            raise UserError(
                f"data {self.name}: none of its {len(self)} sound files can be read ({why}). Convert them to wav or "
                "flac",
                code="data.mostly_unreadable",
            )
        return found

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """Of the recordings, (samples, channels), each at its own rate."""
        return dict(Counter(((one.frames, one.channels), "float32") for one in self.readable()))

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [one and (one.frames, one.channels) for one in self.headers]

    def _header(self, file: str) -> sounds.Header | None:
        try:
            return sounds.header(self.store.open(file), file)
        except BadItem:  # counted and named when it is read
            return None


def open_store(store: Store, name: str, split: str) -> SoundFiles | None:
    """The set of all sounds in a store; None where there is none.

    Raises:
        UserError: the split asked for is not there.
    """
    files = [n for n in sorted(store.names()) if not is_hidden(n) and sounds.is_sound(n)]
    if not files:
        return None
    files, prefix = _split(files, split, name)
    labels, classes = _by_folder(files, prefix)
    if labels is None:
        labels, classes = _by_name(files)
    return SoundFiles(name, store, files, labels, classes)


def _split(files: list[str], split: str, name: str) -> tuple[list[str], str]:
    """The files of train/ or test/ where the top folders are these two; all files where they are not."""
    prefix = common_folder(files)
    tops = {f[len(prefix) :].split("/", 1)[0] for f in files if "/" in f[len(prefix) :]}
    known = {top: part for top in tops for part, names in SPLITS.items() if top.lower() in names}
    if set(known.values()) == set(SPLITS) and len(known) == len(tops):
        chosen = {top for top, part in known.items() if part == split}
        files = [f for f in files if f[len(prefix) :].split("/", 1)[0] in chosen]
        return files, common_folder(files)
    if split != "train" and prefix.strip("/").rsplit("/", 1)[-1].lower() not in SPLITS[split]:
        raise UserError(
            f"data {name}: split={split} needs the folders train and test; without data.split all are used",
            code="data.split_not_found",
        )
    return files, prefix


def _by_folder(files: Sequence[str], prefix: str) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels by folder, where every sound lies exactly one folder deep; else none."""
    inner = [f[len(prefix) :].split("/") for f in files]
    if any(len(parts) != 2 for parts in inner):
        return None, ()
    return _numbered([parts[0] for parts in inner])


def _by_name(files: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels by the first field of the names; none where that is no label."""
    fields = [Path(f).stem.split("_") for f in files]
    first = [parts[0] for parts in fields]
    if any(len(parts) < 2 for parts in fields) or not 2 <= len(set(first)) <= len(files) / LEAST_A_NAME:
        return None, ()
    if all(len(word) == 1 and word.isdecimal() and word.isascii() for word in first):
        first = [DIGITS[int(word)] for word in first]
    return _numbered(first)


def _numbered(words: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    names = sorted(set(words))
    if all(name.isdecimal() for name in names):
        names.sort(key=lambda name: (int(name), name))  # 2 before 10
    elif set(names) <= set(DIGITS):
        names.sort(key=DIGITS.index)
    number = {name: k for k, name in enumerate(names)}
    return np.array([number[word] for word in words], np.int64), tuple(names)
