"""Sets of sound files: a folder or a zip, with labels from its class folders or from the names of its files.

Folders mean what they mean for images (`data/layout.py`): parts (train, val, test) or labels.

Where no folder is a test part, some recordings are held back from training for evaluation, each drawn by its name, so
that adding files changes nothing for the others; of a single recording it is the end.

Names are read as fields between underscores, `7_jackson_32.wav`: where every file has at least two, and the first takes
few values, it is the label. Single digits become `zero` to `nine`. Where one field of every name is a note, as in
`oboe_A4_1.wav`, the notes are the labels, in the order of their pitch. Where there are labels, the first field that
is not the label may be the group of a recording, as its speaker is: `7_jackson_32.wav`, or `jackson_32.wav` in a class
folder.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.names import readable
from ganforge.core.rng import seed_of
from ganforge.data import file_sets, layout
from ganforge.data.store import Store, is_hidden, notice_of, without_runs
from ganforge.modalities.audio import files as sounds
from ganforge.modalities.audio.decoded import Decoded
from ganforge.modalities.audio.notes import STRICT, frequency_of

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
LEAST_A_NAME = 5
"""Files a label, on average, below which the first field of the names is no label."""
LEAST_A_NOTE = 2
"""Files a note, on average, below which the notes in the names are no labels."""


class SoundFiles(Dataset):
    """Sound files, decoded when they are read.

    Attributes:
        files: their names in the store, sorted.
        headers: of each, None where it cannot be read.
        span: the part of every recording that belongs to the set, as shares of its length.
    """

    signal = "audio"

    def __init__(
        self, name: str, store: Store, files: Sequence[str], labels: np.ndarray | None, classes: Sequence[str]
    ):
        self.name, self.store, self.files = name, store, list(files)
        self.labels, self.classes = labels, tuple(classes)
        self.skipped: list[tuple[str, str]] = []
        self.span = (0.0, 1.0)
        self._headers: list[sounds.Header | None] | None = None
        self._decoded = Decoded()

    def __len__(self) -> int:
        return len(self.files)

    def some(self, rows: np.ndarray, span: tuple[float, float] = (0.0, 1.0)) -> SoundFiles:
        """Some of the files, or a part of each."""
        labels = None if self.labels is None else self.labels[rows]
        part = SoundFiles(self.name, self.store, [self.files[k] for k in rows], labels, self.classes)
        part.groups = None if self.groups is None else self.groups[rows]
        part.span, part.understood, part.left_out, part.no_labels = span, self.understood, self.left_out, self.no_labels
        return part

    def read(self, index: int) -> np.ndarray:
        """The whole recording, float32 [T, C], at its own rate."""
        return self.part(index)[0]

    def part(self, index: int, start: int = 0, frames: int = -1) -> tuple[np.ndarray, int]:
        """A part of a recording, float32 [T, C], and its rate: only that part is held in memory."""
        file = self.files[index]
        if self.span != (0.0, 1.0):
            header = self.headers[index]
            first = 0 if header is None else round(self.span[0] / (self.span[1] - self.span[0]) * header.frames)
            left = max(0, (0 if header is None else header.frames) - start)
            start, frames = start + first, left if frames < 0 else min(frames, left)
        if start and (header := self.headers[index]) is not None and not header.exact:
            x = self._decoded.part(file, lambda: self.store.open(file), header.channels, start, frames)
            if not len(x):
                raise BadItem(readable(file), "it holds no samples")
            return x, header.rate
        return sounds.decode(self.store.open(file), readable(file), start, frames)

    def describe(self, index: int) -> str:
        return readable(self.files[index])

    def identity(self) -> str:
        found = file_sets.identity(self.store, self.files)
        return found if self.span == (0.0, 1.0) else f"{found} {self.span}"

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
            found = sounds.header(self.store.open(file), file)
            return found._replace(frames=max(1, round(found.frames * (self.span[1] - self.span[0]))))
        except BadItem:  # reported when it is read
            return None


def open_store(
    store: Store, name: str, split: str = "train", labels: layout.Labels = "auto", holdout: float = 0.0
) -> SoundFiles | None:
    """The set of all sounds in a store; None where there is none.

    Args:
        holdout: the share that is held back where the folders name no test part.
        labels: which folder is the label. Where no folder is one ("auto"), the names of the files may hold it.

    Raises:
        UserError: the split asked for is not there.
    """
    names, runs = without_runs(store.names())
    shown = [n for n in sorted(names) if not is_hidden(n)]
    files = [n for n in shown if sounds.is_sound(n)]
    if not files:
        return None
    parts = layout.has_parts(files, labels, name)
    found = layout.read(files, split if parts else "train", labels, name)
    sentences, number, classes = list(found.sentences), found.labels, found.classes
    if number is None and labels in ("auto", "names"):
        number, classes = _by_name(found.files)
        if classes:
            sentences = [sentence for sentence in sentences if not sentence.startswith("no labels")]
            sentences.append(f"labels from the names of its files: {', '.join(classes[:12])} (data.labels=none: none)")
    dataset = SoundFiles(name, store, found.files, number, classes)
    if number is not None and (place := group_field(found.files, number)) is not None:
        dataset.groups = np.array([Path(f).stem.split("_")[place] for f in found.files])
        known = sorted(set(dataset.groups))
        some = ", ".join(known[:5]) + (" …" if len(known) > 5 else "")
        sentences.append(f"field {place + 1} of the names is taken for the speaker or another origin: {some}")
    sentences += notice_of([n for n in shown if not sounds.is_sound(n)], "file", "left out, no sound by their names")
    sentences += [*notice_of(runs, "folder", "left out, which hold runs"), *store.notices()]
    dataset.understood, dataset.left_out = tuple(sentences), found.left_out
    dataset.no_labels = "" if classes else found.no_labels
    return dataset if parts else part_of(dataset, split, holdout)


def part_of(whole: SoundFiles, split: str, holdout: float) -> SoundFiles:
    """The recordings to train on, or those held back: each is drawn by its name. Of a single one, its end.

    Raises:
        UserError: the part held back is asked for, and it is empty.
    """
    if split == "all":
        return whole
    if len(whole) == 1:
        begin, end = (1 - holdout, 1.0) if split == "test" else (0.0, 1 - holdout)
        part = whole.some(np.arange(1 if holdout or split == "train" else 0), (begin, end))
        said = f"its last {holdout:.0%} is held back for evaluation (data.holdout=0: nothing)"
    else:
        back = np.array([seed_of("held back", file) / 2**63 < holdout for file in whole.files])
        part = whole.some(np.flatnonzero(back if split == "test" else ~back))
        said = f"{back.sum():,} of {len(back):,} are held back for evaluation (data.holdout=0: none)"
        holdout = float(back.mean())
    if not len(part):
        raise UserError(
            f"data {whole.name}: there is no test folder, and none of its {len(whole):,} recordings are held back. "
            "Make a folder test next to train, or set data.holdout=0.1",
            code="data.split_not_found",
        )
    if split == "train" and holdout:
        part.understood = (*part.understood, said)
    return part


def _by_name(files: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels by the note in the names, or else by their first field; none where that is no label."""
    fields = [Path(f).stem.split("_") for f in files]
    if any(len(parts) < 2 for parts in fields):
        return None, ()
    for words in zip(*fields, strict=False):
        if all(STRICT.fullmatch(word) for word in words) and 2 <= len(set(words)) <= len(files) / LEAST_A_NOTE:
            names = sorted(set(words), key=lambda word: (frequency_of(word), word))
            return np.array([names.index(word) for word in words], np.int64), tuple(names)
    first = [parts[0] for parts in fields]
    if not 2 <= len(set(first)) <= len(files) / LEAST_A_NAME:
        return None, ()
    if all(len(word) == 1 and word.isdecimal() and word.isascii() for word in first):
        first = [DIGITS[int(word)] for word in first]
    return _numbered(first)


def group_field(files: Sequence[str], labels: np.ndarray) -> int | None:
    """Which field of the names says the group; None where none does.

    It is the first field that does not follow from the label, if most recordings have a value of it that is found with
    several labels, and some value is found twice with one label: that of a number that counts recordings is not.
    """
    fields = [Path(f).stem.split("_") for f in files]
    for place in range(min(map(len, fields)) - 1):  # the last field counts, or is all of the name
        pairs = Counter(zip((parts[place] for parts in fields), labels.tolist(), strict=True))
        labels_of = Counter(value for value, _ in pairs)
        if max(labels_of.values()) > 1:
            shared = sum(many for (value, _), many in pairs.items() if labels_of[value] > 1)
            is_group = len(labels_of) > 1 and 2 * shared > len(files) and max(pairs.values()) > 1
            return place if is_group else None
    return None


def _numbered(words: Sequence[str]) -> tuple[np.ndarray, tuple[str, ...]]:
    names = sorted(set(words))
    if all(name.isdecimal() for name in names):
        names.sort(key=lambda name: (int(name), name))  # 2 before 10
    elif set(names) <= set(DIGITS):
        names.sort(key=DIGITS.index)
    number = {name: k for k, name in enumerate(names)}
    return np.array([number[word] for word in words], np.int64), tuple(names)
