"""Sets of films: files, strips, folders of numbered frames, and arrays, with labels from class folders or from names.

Folders mean what they mean for images (`data/layout.py`): parts (train, val, test) or labels. Without class folders the
first field of the names is the label (`walk_anna_1.mp4`), where it takes few values.

Where no folder is a test part, some films are held back from training for evaluation, each drawn by its name, so that
adding films changes nothing for the others. Whole films are held back: clips of one film are too much alike.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.names import readable
from ganforge.core.rng import seed_of
from ganforge.data import file_sets, layout
from ganforge.data.store import Store, is_hidden, notice_of, without_runs
from ganforge.modalities.video import container, stills
from ganforge.modalities.video.film import Fit, Header, picked

LEAST_A_NAME = 4
"""Films a label, on average, below which the first field of the names is no label."""
LOOKED_AT = 6
"""Images that are opened to see what a folder of them holds."""


class Film(NamedTuple):
    """A film in a store: how it lies there (container, animation, strip, frames), its name, and its files in order."""

    kind: str
    name: str
    files: tuple[str, ...]


class Films(Dataset):
    """Films, decoded when they are read.

    Attributes:
        films: sorted by name.
        headers: of each, None where it cannot be read.
    """

    signal = "film"

    def __init__(
        self, name: str, store: Store, films: Sequence[Film], labels: np.ndarray | None, classes: Sequence[str]
    ):
        self.name, self.store, self.films = name, store, list(films)
        self.labels, self.classes = labels, tuple(classes)
        self.skipped: list[tuple[str, str]] = []
        self._headers: list[Header | None] | None = None

    def __len__(self) -> int:
        return len(self.films)

    def some(self, rows: np.ndarray) -> Films:
        """Some of the films, as a set of its own."""
        part = copy.copy(self)
        part.films = [self.films[k] for k in rows]
        part.labels = None if self.labels is None else self.labels[rows]
        part._headers = None if self._headers is None else [self._headers[k] for k in rows]
        part.skipped = []
        return part

    def read(self, index: int) -> np.ndarray:
        """The whole film at its own size and rate, uint8 [T, H, W, 3]."""
        return np.stack([pixels for _, pixels in self.frames(index, 25.0)])

    def header(self, index: int) -> Header:
        """Size, rate and length of a film; raises `BadItem`."""
        kind, _, files = self.films[index]
        source, where = self.store.open(files[0]), self.describe(index)
        match kind:
            case "container":
                return container.header(source, where)
            case "animation":
                return stills.animation_header(source, where)
            case "strip":
                return stills.strip_header(source, where)
            case _:
                image = stills.opened(source, readable(files[0]))
                return Header(len(files), image.height, image.width, None)

    def frames(self, index: int, fps: float, start: float = 0.0):
        """(seconds, uint8 [H, W, 3]) of a film's frames, from a time on or a little before.

        Args:
            fps: rate of films that do not say theirs.
        """
        kind, _, files = self.films[index]
        where = self.describe(index)
        if kind == "container":
            return container.frames(self.store.open(files[0]), where, start)
        if kind == "animation":
            return stills.animation_frames(self.store.open(files[0]), where)
        if kind == "strip":
            numbered = stills.strip_frames(self.store.open(files[0]), where)
            return ((k / fps, pixels) for k, pixels in numbered)
        first = int(start * fps)
        numbered = stills.folder_frames([(self.store.open(f), readable(f)) for f in files[first:]])
        return (((first + k) / fps, pixels) for k, pixels in numbered)

    def clip(self, index: int, fps: float, times: Sequence[float], size: tuple[int, int], fit: Fit) -> np.ndarray:
        """Some frames of a film, uint8 [len(times), H, W, 3]; only these are held in memory. Raises `BadItem`."""
        return picked(self.frames(index, fps, times[0]), times, size, fit, self.describe(index))

    def describe(self, index: int) -> str:
        return readable(self.films[index].name)

    def identity(self) -> str:
        return file_sets.identity(self.store, [file for film in self.films for file in film.files])

    @property
    def headers(self) -> list[Header | None]:
        """The first call reads them all; the answer is kept."""
        if self._headers is None:
            number = {film.name: k for k, film in enumerate(self.films)}
            self._headers = file_sets.of_each(lambda name: self._header(number[name]), list(number), "reading films")
        return self._headers

    def readable(self) -> list[Header]:
        """The headers of those that can be read.

        Raises:
            UserError: there is none (says why).
        """
        found = [one for one in self.headers if one is not None]
        if not found:
            try:
                self.header(0)
                why = "their headers cannot be read"
            except BadItem as error:
                why = str(error)
            raise UserError(
                f"data {self.name}: none of its {len(self)} films can be read ({why}). Convert them to mp4, for "
                "example: ffmpeg -i film.xyz film.mp4",
                code="data.mostly_unreadable",
            )
        return found

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """Of the films, (frames, height, width, 3)."""
        return dict(Counter(((one.frames, one.height, one.width, 3), "uint8") for one in self.readable()))

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [one and (one.frames, one.height, one.width, 3) for one in self.headers]

    def _header(self, index: int) -> Header | None:
        try:
            return self.header(index)
        except BadItem:  # notice_of and named when it is read
            return None


def kind_of_images(store: Store, names: Sequence[str]) -> str:
    """What the images of a store are: "animation", "strip", "frames" (numbered, at least two a folder) or ""."""
    images = [n for n in names if PurePosixPath(n).suffix.lower() in stills.IMAGES]
    if not images:
        return ""
    some = [images[k] for k in np.unique(np.linspace(0, len(images) - 1, LOOKED_AT).round().astype(int)).tolist()]
    for kind, holds in (("animation", stills.is_animated), ("strip", stills.is_strip)):
        if all(_opens(store, name, holds) for name in some):
            return kind
    numbered = sum(any(char.isdigit() for char in PurePosixPath(n).stem) for n in images)
    folders = Counter(n.rpartition("/")[0] for n in images)
    return "frames" if numbered == len(images) and min(folders.values()) > 1 else ""


def _opens(store: Store, name: str, holds) -> bool:
    try:
        return holds(store.open(name))
    except BadItem:
        return False


def open_store(
    store: Store, name: str, split: str = "train", labels: layout.Labels = "auto", holdout: float = 0.0
) -> Films | None:
    """The set of all films in a store; None where there is none.

    Args:
        holdout: the share of the films that is held back where the folders name no test part.

    Raises:
        UserError: the split asked for is not there.
    """
    names, runs = without_runs(store.names())
    shown = [n for n in sorted(names, key=stills.natural) if not is_hidden(n)]
    films = {film.name: film for film in _films(store, shown)}
    if not films:
        return None
    parts = layout.has_parts(sorted(films), labels, name)
    found = layout.read(sorted(films), split if parts else "train", labels, name)
    sentences, number, classes = list(found.sentences), found.labels, found.classes
    if number is None and labels in ("auto", "names"):
        number, classes = _by_name(found.files)
        if classes:
            sentences = [sentence for sentence in sentences if not sentence.startswith("no labels")]
            sentences.append(f"labels from the names of its films: {', '.join(classes[:12])} (data.labels=none: none)")
    dataset = Films(name, store, [films[one] for one in found.files], number, classes)
    kinds = Counter(film.kind for film in dataset.films)
    said = {"strip": "strips of square frames", "frames": "folders of numbered frames"}
    sentences += [f"{many:,} {said[kind]}" for kind, many in kinds.items() if kind in said]
    used = {file for film in films.values() for file in film.files}
    sentences += notice_of([n for n in shown if n not in used], "file", "left out, no films by their names")
    sentences += [*notice_of(runs, "folder", "left out, which hold runs"), *store.notices()]
    dataset.understood, dataset.left_out = tuple(sentences), found.left_out
    dataset.no_labels = "" if classes else found.no_labels
    return dataset if parts else part_of(dataset, split, holdout)


def part_of(whole: Films, split: str, holdout: float) -> Films:
    """The films to train on, or those held back: each is drawn by its name. Nothing is held back of a set so small that
    the share is less than one film.

    Raises:
        UserError: the part held back is asked for, and it is empty.
    """
    if split == "all":
        return whole
    back = np.array([seed_of("held back", film.name) / 2**63 < holdout for film in whole.films])
    if holdout * len(whole) < 1 or back.all():
        back[:] = False
    if split == "test":
        if not back.any():
            raise UserError(
                f"data {whole.name}: there is no test folder, and none of its {len(whole):,} films are held back. "
                "Make a folder test next to train, or set data.holdout=0.2",
                code="data.split_not_found",
            )
        return whole.some(np.flatnonzero(back))
    if not back.any():
        return whole
    part = whole.some(np.flatnonzero(~back))
    said = f"{back.sum():,} of {len(back):,} films are held back for evaluation (data.holdout=0: none)"
    part.understood = (*part.understood, said)
    return part


def _films(store: Store, names: Sequence[str]) -> list[Film]:
    containers = [Film("container", n, (n,)) for n in names if Path(n).suffix.lower() in container.ENDINGS]
    rest = [n for n in names if PurePosixPath(n).suffix.lower() in stills.IMAGES]
    if containers and not all(PurePosixPath(n).suffix.lower() in stills.ANIMATED for n in rest):
        rest = [n for n in rest if PurePosixPath(n).suffix.lower() == ".gif"]  # covers and posters beside films
    kind = kind_of_images(store, rest)
    if kind in ("animation", "strip"):
        return containers + [Film(kind, n, (n,)) for n in rest]
    if containers or not kind:
        return containers + [Film("animation", n, (n,)) for n in rest if _opens(store, n, stills.is_animated)]
    folders: dict[str, list[str]] = defaultdict(list)
    for n in rest:
        folders[n.rpartition("/")[0]].append(n)
    return [Film("frames", folder or "film", tuple(files)) for folder, files in folders.items()]


def _by_name(names: Sequence[str]) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels by the first field of the names; none where that is no label."""
    fields = [PurePosixPath(n).stem.replace("-", "_").split("_") for n in names]
    first = [parts[0] for parts in fields]
    if any(len(parts) < 2 for parts in fields) or not 2 <= len(set(first)) <= len(names) / LEAST_A_NAME:
        return None, ()
    classes = sorted(set(first), key=stills.natural)
    return np.array([classes.index(word) for word in first], np.int64), tuple(classes)
