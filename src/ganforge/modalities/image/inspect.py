"""Inspection of a data set, image by image."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from ganforge.core.commands import command
from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.progress import Bar
from ganforge.core.types import Spec
from ganforge.core.words import counted
from ganforge.data.base import DataSource
from ganforge.recipes import fitting
from ganforge.signals import Inspection

FEW = 2_000
SHOWN = 5
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass
class Report:
    """Properties of a data set.

    Attributes:
        name: the user's name for it.
        count: number of images found, including unreadable ones.
        looked_at: number of decoded images; less than `count` if a limit was given.
        classes: number of readable images per class, in the order of the labels; empty without labels.
        balance: size of the largest class divided by that of the smallest; None without labels or with an empty class.
        sizes: number of images of each (height, width), most frequent first.
        smallest, median, largest: (height, width) in px, separately for each side; None if nothing can be read.
        modes: number of images of each mode (L, LA, RGB, RGBA).
        depths: number of images of each depth in bits.
        duplicates: groups of names of images with identical pixels.
        unreadable: (item, reason).
        ignored: number of files of other types, by extension.
        nbytes: size of the files or the array in bytes.
        reading: how the folders were interpreted, and what was left out.
        conditions: by name, what each is and can be, if the images have any.
        source: for pairs, the report on the source images.
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
    reading: tuple[str, ...] = ()
    conditions: dict[str, str] = field(default_factory=dict)
    source: Report | None = None

    @property
    def readable(self) -> int:
        return self.looked_at - len(self.unreadable)

    def to_plain(self) -> dict[str, Any]:
        """As JSON-compatible values; sizes as "height×width"."""
        plain = asdict(self)
        plain["readable"] = self.readable
        plain["sizes"] = {f"{h}×{w}": count for (h, w), count in self.sizes.items()}
        plain["depths"] = {str(depth): count for depth, count in self.depths.items()}
        plain["source"] = self.source and self.source.to_plain()
        return plain


def inspect(source: DataSource, limit: int | None = None) -> Report:
    """Decodes all images of a source, or `limit` evenly spaced ones, and reports their properties.

    Raises:
        UserError: the source cannot be opened, or does not contain images.
    """
    return inspect_dataset(source.open(), limit)


def inspect_dataset(dataset: Dataset, limit: int | None = None) -> Report:
    """Like `inspect`, for an open data set."""
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
    report.conditions = {one.name: f"{one.kind}: {one.said()}" for one in dataset.conditions.each}
    report.classes = {name: classes[k] for k, name in enumerate(dataset.classes)}
    if report.classes and min(report.classes.values()) > 0:
        report.balance = max(report.classes.values()) / min(report.classes.values())
    report.duplicates = [[dataset.describe(k) for k in group] for group in same.values() if len(group) > 1]
    report.ignored = dict(getattr(dataset, "ignored", {}))
    report.nbytes = int(getattr(dataset, "nbytes", 0))
    dataset.shapes()  # reads the headers, for frames and bits
    report.reading = tuple(line.text for line in dataset.reading())
    report.source = inspect_dataset(dataset.source, limit) if dataset.source is not None else None
    return report


def picture_shape(dataset: Dataset, shape: tuple[int, ...]) -> tuple[int, int, int]:
    """The shape of an item as (height, width, channels).

    Raises:
        UserError: the data set does not contain images.
    """
    if tuple(dtype for _, dtype in dataset.shapes()) == ("object",):
        raise UserError(
            f"data {dataset.name}: holds the rows of a table, but this command reads images", code="data.not_images"
        )
    if len(shape) != 3:
        raise UserError(
            f"data {dataset.name}: holds vectors of {shape[0]} numbers, but this command reads images. "
            "To train on them: " + command("train", "toy", f"data={dataset.name}"),
            code="data.not_images",
        )
    height, width, channels = shape
    return height, width, channels


def fingerprint(item: np.ndarray) -> bytes:
    """A hash that is equal for two images if and only if pixels, shape and depth are."""
    digest = hashlib.blake2b(repr((item.shape, str(item.dtype))).encode(), digest_size=16)
    digest.update(np.ascontiguousarray(item).data)
    return digest.digest()


def _decoded(dataset: Dataset, chosen: np.ndarray):
    """(index, facts or BadItem) in order, decoded in parallel."""

    def look(index: int) -> tuple[tuple[int, ...], int, bytes] | BadItem:
        try:
            item = dataset.read(index)
        except BadItem as error:
            return error
        return item.shape, item.dtype.itemsize * 8, fingerprint(item)

    # In chunks, since a queue of a million jobs takes memory, too.
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool, Bar("reading images", len(chosen)) as bar:
        for k in range(0, len(chosen), 1024):
            part = [int(i) for i in chosen[k : k + 1024]]
            for index, found in zip(part, pool.map(look, part), strict=True):
                bar.advance(1)
                yield index, found


def _pair(sides: np.ndarray) -> tuple[int, int]:
    return int(sides[0]), int(sides[1])


def inspection(dataset: Dataset, limit: int | None) -> Inspection:
    """`ganforge data inspect` for images."""
    report = inspect_dataset(dataset, limit)
    return with_recipes(dataset, report, lambda: [as_table(report)])


def with_recipes(dataset: Dataset, report: Report, shown: Callable[[], list[Any]]) -> Inspection:
    """A report, with its display, the recipes that fit the data, and advice."""
    fits = fitting.fitting(dataset, in_channels)
    hints = advice(report)
    plain = {**report.to_plain(), "recipes": fitting.to_plain(fits), "hints": hints}
    return Inspection(plain, lambda: [*shown(), "", fitting.as_table(fits)], tuple(hints))


def in_channels(spec: Spec) -> str:
    """28×28, 1 channel."""
    channels, height, width = spec.shape
    order = "" if height == width else " (height × width)"
    return f"{height}×{width}{order}, {counted(channels, 'channel')}"


def advice(report: Report) -> list[str]:
    """What to set or fix before training, most important first."""
    hints = []
    if report.unreadable:
        hints.append(
            f"{len(report.unreadable)} images cannot be read and would be skipped; `ganforge data pack` leaves them out"
        )
    if report.source is not None:  # the following advice is not for pairs
        return hints
    spare = sum(len(group) - 1 for group in report.duplicates)
    if spare > report.readable // 100:
        hints.append(
            f"{spare:,} images are duplicates, which D memorizes: `ganforge data pack {report.name} OUT.zip` drops them"
        )
    if 0 < report.readable < FEW:
        hints.append(f"{report.readable:,} images are few; with fewer than several thousand, D soon memorizes them")
    if report.readable and "RGB" in report.modes and report.readable < 20_000:
        hints.append("if images can be mirrored (faces, landscapes; not letters): signal.flip=true doubles the data")
    if any(depth > 8 for depth in report.depths):
        hints.append("some images have 16 bits: signal.depth=16 keeps them, 8 is the default")
    if report.median and max(report.median) > 64:
        hints.append(
            "by default images are reduced to at most 64 px; signal.size=128 or signal.max_size=128: larger, slower"
        )
    aspects = {round(h / w, 1) for h, w in report.sizes}
    if len(aspects) > 1:
        hints.append(
            "aspect ratios differ: signal.fit=crop (default) crops to the center, pad adds a border, stretch distorts"
        )
    if report.balance and report.balance > 3:
        hints.append(
            f"the largest class is {report.balance:.1f} times the smallest: rare classes will be learned less well"
        )
    return hints


def as_table(report: Report):
    """The report as a rich table."""
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    part = "" if report.looked_at == report.count else f" ({report.looked_at:,} inspected)"
    table.add_row("data", f"{report.name}, {report.nbytes / 2**20:,.1f} MiB")
    table.add_row("images", f"{report.count:,}{part}, {report.readable:,} of these readable")
    if report.smallest and report.median and report.largest:
        sizes = [f"{h}×{w} ({count:,})" for (h, w), count in list(report.sizes.items())[:SHOWN]]
        more = f", {len(report.sizes) - SHOWN} more" if len(report.sizes) > SHOWN else ""
        table.add_row("height×width", ", ".join(sizes) + more)
        if len(report.sizes) > 1:
            low, mid, high = (f"{h}×{w}" for h, w in (report.smallest, report.median, report.largest))
            table.add_row("", f"from {low} to {high}, median {mid}")
        table.add_row("modes", ", ".join(f"{mode} ({count:,})" for mode, count in report.modes.items()))
        table.add_row("bits", ", ".join(f"{bits} ({count:,})" for bits, count in report.depths.items()))
    if report.classes:
        shown = [f"{name} ({count:,})" for name, count in list(report.classes.items())[:20]]
        more = f", {len(report.classes) - 20} more" if len(report.classes) > 20 else ""
        table.add_row("classes", f"{len(report.classes)}: " + ", ".join(shown) + more)
        balance = "a class is empty" if report.balance is None else f"largest / smallest = {report.balance:.2f}"
        table.add_row("balance", balance)
    elif report.conditions:
        table.add_row("conditions", "\n".join(f"{name} ({what})" for name, what in report.conditions.items()))
    else:
        table.add_row("classes", "none (folders become labels, a table conditions: labels=labels.csv)")
    spare = sum(len(group) - 1 for group in report.duplicates)
    table.add_row("duplicates", f"{spare:,}" + "".join(f"\n{' = '.join(group[:3])}" for group in report.duplicates[:3]))
    told = "".join(f"\n{where}: {why}" for where, why in report.unreadable[:SHOWN])
    table.add_row("unreadable", f"{len(report.unreadable):,}{told}")
    if report.reading:
        table.add_row("read as", "\n".join(report.reading))
    if report.ignored:
        table.add_row("passed over", ", ".join(f"{count:,} {suffix}" for suffix, count in report.ignored.items()))
    return table
