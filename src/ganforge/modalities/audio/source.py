"""Sets of sound files: a folder or a zip, with labels from its class folders or from the names of its files.

Folders mean what they mean for images (`data/layout.py`): parts (train, val, test) or labels.

Names are read as fields between underscores, `7_jackson_32.wav`: where every file has at least two, and the first takes
few values, it is the label. Single digits become `zero` to `nine`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.names import readable
from ganforge.data import file_sets, layout
from ganforge.data.store import Store, counted, is_hidden, without_runs
from ganforge.modalities.audio import files as sounds

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
        return sounds.decode(self.store.open(file), readable(file), start, frames)

    def describe(self, index: int) -> str:
        return readable(self.files[index])

    def identity(self) -> str:
        return file_sets.identity(self.store, self.files)

    @property
    def headers(self) -> list[sounds.Header | None]:
        """The first call reads them all; the answer is kept."""
        if self._headers is None:
            self._headers = file_sets.of_each(self._header, self.files, "reading sounds")
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
        except BadItem:  # reported when it is read
            return None


def open_store(store: Store, name: str, split: str = "train", labels: layout.Labels = "auto") -> SoundFiles | None:
    """The set of all sounds in a store; None where there is none.

    Args:
        labels: which folder is the label. Where no folder is one ("auto"), the names of the files may hold it.

    Raises:
        UserError: the split asked for is not there.
    """
    names, runs = without_runs(store.names())
    shown = [n for n in sorted(names) if not is_hidden(n)]
    files = [n for n in shown if sounds.is_sound(n)]
    if not files:
        return None
    found = layout.read(files, split, labels, name)
    sentences, number, classes = list(found.sentences), found.labels, found.classes
    if number is None and labels == "auto":
        number, classes = _by_name(found.files)
        if classes:
            sentences = [sentence for sentence in sentences if not sentence.startswith("no labels")]
            sentences.append(f"labels from the names of its files: {', '.join(classes[:12])} (data.labels=none: none)")
    dataset = SoundFiles(name, store, found.files, number, classes)
    sentences += counted([n for n in shown if not sounds.is_sound(n)], "file", "left out, no sound by their names")
    sentences += [*counted(runs, "folder", "left out, which hold runs"), *store.notices()]
    dataset.understood, dataset.left_out = tuple(sentences), found.left_out
    dataset.no_labels = "" if classes else found.no_labels
    return dataset


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
