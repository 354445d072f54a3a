"""Sets made of other sets: some of their items, one half of each image, several sets in one."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from ganforge.core.dataset import BadItem, Dataset, Reading


class Rows(Dataset):
    """Some items of a set, in an order of their own, without their labels and conditions."""

    def __init__(self, dataset: Dataset, rows: np.ndarray):
        self.dataset, self.rows = dataset, rows
        self.name, self.signal, self.skipped = dataset.name, dataset.signal, list(dataset.skipped)

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, index: int) -> np.ndarray:
        return self.dataset.read(int(self.rows[index]))

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return self.dataset.shapes()

    def rows_in(self, whole: Dataset) -> np.ndarray | None:
        within = super().rows_in(whole)
        if within is None and (outer := self.dataset.rows_in(whole)) is not None:
            within = outer[self.rows]
        return within

    def describe(self, index: int) -> str:
        return self.dataset.describe(int(self.rows[index]))


class Chosen(Rows):
    """Items of a set that are matched with those of another one."""

    def __init__(self, dataset: Dataset, rows: np.ndarray, names: Sequence[str]):
        super().__init__(dataset, rows)
        self.digest = hashlib.sha256("\n".join([dataset.digest, *names]).encode()).hexdigest()
        self.nbytes = getattr(dataset, "nbytes", 0)

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


class View(Dataset):
    """Every item of a set in another form."""

    in_color = False
    """Whether its items are label maps that are shown in colors."""

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self.name, self.signal = dataset.name, dataset.signal
        self.skipped, self.digest = list(dataset.skipped), dataset.digest
        self.nbytes = getattr(dataset, "nbytes", 0)

    def __len__(self) -> int:
        return len(self.dataset)

    def reading(self) -> list[Reading]:
        return self.dataset.reading()

    def identity(self) -> str:
        return self.dataset.identity()

    def describe(self, index: int) -> str:
        return self.dataset.describe(index)


class Half(View):
    """The left (0) or the right (1) half of every image."""

    def __init__(self, dataset: Dataset, which: int):
        super().__init__(dataset)
        self.which = which

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


class Joined(Dataset):
    """Several sets one after the other; which one an item is of is its label."""

    def __init__(self, name: str, parts: Sequence[Dataset], classes: Sequence[str]):
        self.name, self.parts, self.classes = name, list(parts), tuple(classes)
        self.signal = parts[0].signal
        self.colored = tuple(
            name for name, part in zip(classes, parts, strict=True) if isinstance(part, View) and part.in_color
        )
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
