"""What is in a data set, looked at picture by picture."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.progress import Bar
from ganforge.data.base import DataSource

MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass
class Report:
    """Facts about a set.

    Attributes:
        name: what the user called it.
        count: pictures found, the unreadable ones included.
        looked_at: how many of them were decoded; fewer than `count` where a limit was given.
        classes: readable pictures a class, in the order of the labels; empty without labels.
        balance: the largest class over the smallest; None without labels or with an empty class.
        sizes: pictures of each (height, width), most frequent first.
        smallest, median, largest: (height, width) in px, each side by itself; None where nothing can be read.
        modes: pictures of each mode (L, LA, RGB, RGBA).
        depths: pictures of each depth in bits.
        duplicates: groups of pictures with the same pixels, each by name; and only these.
        unreadable: (item, why).
        ignored: files of other kinds beside them, by extension.
        nbytes: size of the files or the array.
        source: of the pictures that these are to be made from, where the set is one of pairs.
    """

    name: str
    count: int
    looked_at: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    balance: float | None = None
    sizes: dict[tuple[int, int], int] = field(default_factory=dict)
    smallest: tuple[int, int] | None = None
    median: tuple[int, int] | None = None
    largest: tuple[int, int] | None = None
    modes: dict[str, int] = field(default_factory=dict)
    depths: dict[int, int] = field(default_factory=dict)
    duplicates: list[list[str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    ignored: dict[str, int] = field(default_factory=dict)
    nbytes: int = 0
    source: Report | None = None

    @property
    def readable(self) -> int:
        return self.looked_at - len(self.unreadable)

    def to_plain(self) -> dict[str, Any]:
        """Mappings, lists and scalars that JSON can hold; sizes as "height×width"."""
        plain = asdict(self)
        plain["readable"] = self.readable
        plain["sizes"] = {f"{h}×{w}": count for (h, w), count in self.sizes.items()}
        plain["depths"] = {str(depth): count for depth, count in self.depths.items()}
        plain["source"] = self.source and self.source.to_plain()
        return plain


def inspect(source: DataSource, limit: int | None = None) -> Report:
    """Decodes all pictures of a source, or `limit` of them spread evenly, and tells what they are.

    Raises:
        UserError: the source cannot be opened, or holds something else.
    """
    return inspect_dataset(source.open(), limit)


def inspect_dataset(dataset: Dataset, limit: int | None = None) -> Report:
    """As `inspect`, of a set that is open."""
    n = len(dataset)
    chosen = np.arange(n) if limit is None or limit >= n else np.linspace(0, n - 1, limit).round().astype(int)
    report = Report(dataset.name, n, looked_at=len(chosen), unreadable=list(dataset.skipped))
    sizes: Counter[tuple[int, int]] = Counter()
    modes: Counter[str] = Counter()
    depths: Counter[int] = Counter()
    classes: Counter[int] = Counter()
    same: dict[bytes, list[int]] = {}
    for index, found in _decoded(dataset, chosen):
        if isinstance(found, BadItem):
            report.unreadable.append((found.where, found.why))
            continue
        shape, bits, key = found
        height, width, channels = picture_shape(dataset, shape)
        sizes[height, width] += 1
        modes[MODES[channels]] += 1
        depths[bits] += 1
        same.setdefault(key, []).append(index)
        if dataset.labels is not None:
            classes[int(dataset.labels[index])] += 1
    report.sizes = dict(sizes.most_common())
    report.modes, report.depths = dict(modes.most_common()), dict(depths.most_common())
    if sizes:
        sides = np.repeat(np.array(list(sizes)), list(sizes.values()), axis=0)
        report.smallest, report.largest = _pair(sides.min(0)), _pair(sides.max(0))
        report.median = _pair(np.median(sides, axis=0))
    report.classes = {name: classes[k] for k, name in enumerate(dataset.classes)}
    if report.classes and min(report.classes.values()) > 0:
        report.balance = max(report.classes.values()) / min(report.classes.values())
    report.duplicates = [[dataset.describe(k) for k in group] for group in same.values() if len(group) > 1]
    report.ignored = dict(getattr(dataset, "ignored", {}))
    report.nbytes = int(getattr(dataset, "nbytes", 0))
    report.source = inspect_dataset(dataset.source, limit) if dataset.source is not None else None
    return report


def picture_shape(dataset: Dataset, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The shape of an item as (height, width, channels).

    Raises:
        UserError: the set does not hold pictures.
    """
    if tuple(dtype for _, dtype in dataset.shapes()) == ("object",):
        raise UserError(f"data {dataset.name}: holds the rows of a table, and this looks at pictures")
    if len(shape) != 3:
        raise UserError(
            f"data {dataset.name}: holds vectors of {shape[0]} numbers, and this looks at pictures. "
            f"To train on them: ganforge train toy data={dataset.name}"
        )
    height, width, channels = shape
    return height, width, channels


def fingerprint(item: np.ndarray) -> bytes:
    """The same for two pictures exactly where all their pixels, their shape and their depth are."""
    digest = hashlib.blake2b(repr((item.shape, str(item.dtype))).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(item).data)
    return digest.digest()


def _decoded(dataset: Dataset, chosen: np.ndarray):
    """(index, facts or BadItem) in order, decoded by threads."""

    def look(index: int) -> tuple[tuple[int, ...], int, bytes] | BadItem:
        try:
            item = dataset.read(index)
        except BadItem as error:
            return error
        return item.shape, item.dtype.itemsize * 8, fingerprint(item)

    # Piece by piece: a queue of a million jobs is memory, too.
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool, Bar("looking at pictures", len(chosen)) as bar:
        for k in range(0, len(chosen), 1024):
            part = [int(i) for i in chosen[k : k + 1024]]
            for index, found in zip(part, pool.map(look, part), strict=True):
                bar.advance(1)
                yield index, found


def _pair(sides: np.ndarray) -> tuple[int, int]:
    return int(sides[0]), int(sides[1])
