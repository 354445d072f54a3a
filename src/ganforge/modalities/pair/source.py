"""Two sets of images that belong together: image by image (pairs), or as sets (domains)."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from ganforge.core.dataset import BadItem, Dataset, Reading
from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.data.base import DataSource
from ganforge.data.path import PathData
from ganforge.data.store import FolderStore, common_folder
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.sources import folder

SHOWN = 10  # names in a message
LOOK, SMALL = 16, 64  # images that are read to recognize label maps; a photo would use higher levels, too


class Pairs(DataSource, kind="pairs"):
    """Pairs of source and target images: two folders or zips with files of the same names (endings are ignored), or one
    folder or zip of images side by side."""

    words: ClassVar[tuple[str, ...]] = ("source", "target")
    places: ClassVar[tuple[str, ...]] = ("path", "source", "target")

    source: str = ""
    """The folder or zip of the input images: label maps, sketches, damaged images."""
    target: str = ""
    """The folder or zip of the target images."""
    path: str = ""
    """Instead of these two: a folder or zip of images that contain both, side by side."""
    sides: Literal["source,target", "target,source"] = "source,target"
    """Which is left and which is right in those."""
    unpaired: Literal["refuse", "skip"] = "refuse"
    """What to do with files without a partner."""
    split: Literal["train", "test"] = "train"
    """Which part to use if the data has both, or if some pairs are held out."""
    holdout: float = Field(default=0.0, ge=0, lt=1)
    """The share of the pairs held out from training for `ganforge evaluate`; always the same ones, chosen by name."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def open(self) -> Dataset:
        if self.path and (self.source or self.target):
            raise UserError(
                "data: give either data.path (images side by side), or data.source and data.target",
                code="data.given_twice",
            )
        if self.path:
            return self._side_by_side(open_images(self.path, self._folders))
        if not self.source or not self.target:
            raise UserError(
                "data: say which images: data.source=FOLDER data.target=FOLDER (files of the same names), "
                "or data.path=FOLDER of images side by side",
                code="data.field_missing",
            )
        source, target = (open_images(path, self._folders) for path in (self.source, self.target))
        for dataset in (source, target):
            refuse_non_images(dataset)
        names, rows = partners(
            source,
            target,
            lambda both: f"Fix their names, or train only on the {both} pairs: data.unpaired=skip",
            skip=self.unpaired == "skip",
        )
        kept = part_of(names, self.split, self.holdout, target.name)
        names = [names[k] for k in kept]
        pairs = Chosen(target, rows[1][kept], names)
        pairs.source, pairs.signal = Chosen(source, rows[0][kept], names), "pair"
        return pairs

    @property
    def _folders(self) -> Literal["train", "test"]:
        """Which part of a path is opened: pairs are held out from the training part."""
        return "train" if self.holdout else self.split

    def _side_by_side(self, dataset: Dataset) -> Dataset:
        refuse_non_images(dataset)
        dataset = some_of(dataset, self.split, self.holdout)
        left, right = Half(dataset, 0), Half(dataset, 1)
        source, target = (left, right) if self.sides == "source,target" else (right, left)
        target.source, target.signal = source, "pair"
        return target


class Domains(DataSource, kind="domains"):
    """Two sets of images, A and B, to be translated into each other. They need not be paired."""

    words: ClassVar[tuple[str, ...]] = ("a", "b")
    places: ClassVar[tuple[str, ...]] = ("a", "b")

    a: str = ""
    """A folder or zip of images, or one image."""
    b: str = ""
    """The other one."""
    maps: Literal["colours", "levels"] = "colours"
    """How label maps (gray images of small values only) are shown: in colors, one per class, or unchanged, nearly
    black."""
    split: Literal["train", "test"] = "train"
    """Which part to use if the data has both, or if some images are held out."""
    holdout: float = Field(default=0.0, ge=0, lt=1)
    """The share of the images of each set held out from training for `ganforge evaluate`; always the same ones,
    chosen by name."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def open(self) -> Dataset:
        if not self.a or not self.b:
            raise UserError(
                "data: say which two sets of images: data.a=FOLDER data.b=FOLDER", code="data.field_missing"
            )
        parts = [open_one_or_many(path, "train" if self.holdout else self.split) for path in (self.a, self.b)]
        for dataset in parts:
            refuse_non_images(dataset)
        parts = [some_of(dataset, self.split, self.holdout) for dataset in parts]
        if self.maps == "colours":
            parts = [Colored(dataset) if holds_maps(dataset) else dataset for dataset in parts]
        names = [Path(path).stem for path in (self.a, self.b)]
        return Joined(f"{self.a} and {self.b}", parts, names if names[0] != names[1] else ["a", "b"])


class Chosen(Dataset):
    """Some items of a set, in an order of their own."""

    def __init__(self, dataset: Dataset, rows: np.ndarray, names: Sequence[str]):
        self.dataset, self.rows = dataset, rows
        self.name, self.signal, self.skipped = dataset.name, dataset.signal, list(dataset.skipped)
        self.digest = hashlib.sha256("\n".join([dataset.digest, *names]).encode()).hexdigest()
        self.nbytes = getattr(dataset, "nbytes", 0)

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> np.ndarray:
        return self.dataset.read(int(self.rows[index]))

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        if len(self.rows) == len(self.dataset):
            return self.dataset.shapes()
        kinds = dict(self.dataset.shapes().keys())
        return dict(Counter((shape, kinds[shape]) for shape in self.each_shape() if shape is not None))

    def each_shape(self) -> list[tuple[int, ...] | None]:
        shapes = self.dataset.each_shape()
        return [shapes[k] for k in self.rows]

    def reading(self) -> list[Reading]:
        return self.dataset.reading()

    def identity(self) -> str:
        return self.dataset.identity()

    def describe(self, index: int) -> str:
        return self.dataset.describe(int(self.rows[index]))


class Half(Dataset):
    """The left (0) or the right (1) half of every image."""

    def __init__(self, dataset: Dataset, which: int):
        self.dataset, self.which = dataset, which
        self.name, self.signal = dataset.name, dataset.signal
        self.skipped, self.digest = list(dataset.skipped), dataset.digest
        self.nbytes = getattr(dataset, "nbytes", 0)

    def __len__(self) -> int:
        return len(self.dataset)

    def read(self, index: int) -> np.ndarray:
        item = self.dataset.read(index)
        if item.shape[1] % 2:
            raise BadItem(
                self.describe(index), f"{item.shape[1]} px wide: two images side by side must have an even width"
            )
        half = item.shape[1] // 2
        return item[:, self.which * half : (self.which + 1) * half]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        counts: Counter[tuple[tuple[int, ...], str]] = Counter()
        for (shape, dtype), count in self.dataset.shapes().items():
            counts[(shape[0], shape[1] // 2, *shape[2:]), dtype] += count
        return dict(counts)

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [s and (s[0], s[1] // 2, *s[2:]) for s in self.dataset.each_shape()]

    def reading(self) -> list[Reading]:
        return self.dataset.reading()

    def identity(self) -> str:
        return self.dataset.identity()

    def describe(self, index: int) -> str:
        return self.dataset.describe(index)


class Joined(Dataset):
    """Several sets one after the other; which one an item is of is its label."""

    def __init__(self, name: str, parts: Sequence[Dataset], classes: Sequence[str]):
        self.name, self.parts, self.classes = name, list(parts), tuple(classes)
        self.signal = parts[0].signal
        self.coloured = tuple(name for name, part in zip(classes, parts, strict=True) if isinstance(part, Colored))
        self.skipped = [one for part in parts for one in part.skipped]
        self.digest = "".join(part.digest for part in parts)
        self.part = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        self.labels = self.part
        self.first = np.cumsum([0, *(len(part) for part in parts)])
        self.nbytes = sum(getattr(part, "nbytes", 0) for part in parts)

    def __len__(self) -> int:
        return len(self.part)

    def read(self, index: int) -> np.ndarray:
        part = self.part[index]
        return self.parts[part].read(index - int(self.first[part]))

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        counts: Counter[tuple[tuple[int, ...], str]] = Counter()
        for part in self.parts:
            counts.update(part.shapes())
        return dict(counts)

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [shape for part in self.parts for shape in part.each_shape()]

    def reading(self) -> list[Reading]:
        return [line for part in self.parts for line in part.reading()]

    def identity(self) -> str:
        return "".join(part.identity() for part in self.parts)

    def describe(self, index: int) -> str:
        part = self.part[index]
        return self.parts[part].describe(index - int(self.first[part]))


class Colored(Dataset):
    """Label maps with a color for each gray level: that of PASCAL VOC (Everingham et al. 2010)."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self.name, self.signal = dataset.name, dataset.signal
        self.skipped, self.digest = list(dataset.skipped), dataset.digest
        self.nbytes = getattr(dataset, "nbytes", 0)

    def __len__(self) -> int:
        return len(self.dataset)

    def read(self, index: int) -> np.ndarray:
        return in_colors(self.dataset.read(index))

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((*shape[:2], 3), dtype): count for (shape, dtype), count in self.dataset.shapes().items()}

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [s and (*s[:2], 3) for s in self.dataset.each_shape()]

    def reading(self) -> list[Reading]:
        return self.dataset.reading()

    def identity(self) -> str:
        return self.dataset.identity()

    def describe(self, index: int) -> str:
        return self.dataset.describe(index)


def part_of(names: Sequence[str], split: str, holdout: float, where: str) -> np.ndarray:
    """The indices of the images to train on, or of those held out: each is drawn from its name alone.

    So adding or removing images changes nothing for the others, and runs with other seeds hold out the same ones.

    Raises:
        UserError: none would be held out, or all.
    """
    back = np.array([seed_of("held back", name) / 2**63 < holdout for name in names])
    if holdout and back.all() == back.any():
        raise UserError(
            f"data {where}: a share of {holdout:g} of {len(names)} images holds out "
            f"{'all' if back.all() else 'none'} of them; choose another data.holdout",
            code="data.bad_holdout",
        )
    return np.flatnonzero(back if holdout and split == "test" else ~back)


def some_of(dataset: Dataset, split: str, holdout: float) -> Dataset:
    """A set, or the part of it for training or evaluation."""
    if not holdout:
        return dataset
    names = list(by_name(dataset) or map(str, range(len(dataset))))
    rows = part_of(names, split, holdout, dataset.name)
    return Chosen(dataset, rows, [names[k] for k in rows])


def colors() -> np.ndarray:
    """A color for each level, uint8 [256, 3]: every third bit of it is a bit of red, of green or of blue."""
    levels = np.arange(256)[:, None]
    bits = (levels >> (3 * np.arange(3)[:, None, None] + np.arange(3))) & 1  # [bit, level, channel]
    return (bits << np.array([7, 6, 5])[:, None, None]).sum(0).astype(np.uint8)


COLORS = colors()


def in_colors(levels: np.ndarray) -> np.ndarray:
    """Label maps, uint8 [..., 1], with a color for each level, uint8 [..., 3]."""
    return COLORS[levels[..., 0]]


def holds_maps(dataset: Dataset) -> bool:
    """Whether a set holds gray images of small numbers alone, by some of them."""
    if {(shape[2], dtype) for shape, dtype in dataset.shapes()} != {(1, "uint8")}:
        return False
    highest = []
    for k in np.unique(np.linspace(0, len(dataset) - 1, LOOK).round().astype(int)):
        try:
            highest.append(int(dataset.read(int(k)).max()))
        except BadItem:  # counted and named when the loader reads it
            continue
    return bool(highest) and max(highest) < SMALL


def open_images(path: str, split: Literal["train", "test"]) -> Dataset:
    """The set at a path, where nothing but images will do."""
    return PathData(path=path, split=split, signal="image").open()


def open_one_or_many(path: str, split: Literal["train", "test"]) -> Dataset:
    """The set at a path; of one image where the path is one."""
    file = Path(path).expanduser()
    if file.is_file() and pictures.is_picture(file.name):
        return folder.PictureDataset(path, FolderStore(file.parent), [file.name], None, (), Counter())
    return open_images(path, split)


def partners(
    source: Dataset, target: Dataset, fix: Callable[[int], str], skip: bool = False
) -> tuple[list[str], tuple[np.ndarray, np.ndarray]]:
    """The names that both sets have, and the items of each by these names.

    Args:
        fix: given the number of pairs, says what can be done about files without a partner.
        skip: leave those out.

    Raises:
        UserError: names without a partner (lists them), or none with one.
    """
    left, right = by_name(source), by_name(target)
    if left is None or right is None:  # arrays have no names: the order pairs them
        if len(source) != len(target):
            raise UserError(
                f"data: {source.name} contains {len(source)} images and {target.name} {len(target)}; without file "
                "names they are paired in order, so both must contain the same number",
                code="data.counts_differ",
            )
        return [str(k) for k in range(len(target))], (np.arange(len(source)), np.arange(len(target)))
    both = [name for name in right if name in left]
    lonely = [f"{source.name}: {name}" for name in left if name not in right]
    lonely += [f"{target.name}: {name}" for name in right if name not in left]
    if not both:
        raise UserError(
            f"data: no file of {source.name} has the name of a file of {target.name} (endings are ignored), for "
            f"instance:\n  {first(lonely)}",
            code="data.no_pairs",
        )
    if lonely and not skip:
        raise UserError(
            f"data: {len(lonely)} files have no partner of the same name in the other set:\n  {first(lonely)}\n"
            f"{fix(len(both))}",
            code="data.unpaired_files",
        )
    return both, (np.array([left[name] for name in both]), np.array([right[name] for name in both]))


def by_name(dataset: Dataset) -> dict[str, int] | None:
    """Items by their file's name below the folder that all lie in, without its ending; None without files.

    Raises:
        UserError: two files that differ in their endings alone.
    """
    if not isinstance(dataset, folder.PictureDataset):
        return None
    prefix = common_folder(dataset.files)
    found: dict[str, int] = {}
    for k, file in enumerate(dataset.files):
        name = PurePosixPath(file[len(prefix) :]).with_suffix("").as_posix()
        if name in found:
            raise UserError(
                f"data {dataset.name}: {dataset.files[found[name]]} and {file} have the same name; keep one of them",
                code="data.duplicate_names",
            )
        found[name] = k
    return found


def refuse_non_images(dataset: Dataset) -> None:
    """Raises UserError if a set contains anything but images, or none that can be read."""
    shapes = dataset.shapes()
    if any(len(shape) != 3 for shape, _ in shapes):
        raise UserError(f"data {dataset.name}: expected images, found other data", code="data.not_images")
    if not shapes:
        raise UserError(
            f"data {dataset.name}: none of its {len(dataset)} images can be read", code="data.none_readable"
        )


def first(lines: Sequence[str]) -> str:
    """The first few of many, one a line."""
    more = [f"... and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    return "\n  ".join([*lines[:SHOWN], *more])
