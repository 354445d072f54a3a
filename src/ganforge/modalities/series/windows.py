"""Windows of equal length, or whole series, as arrays; and what the nets see of them, channel by channel.

A row of an item holds, in this order: the C columns (filled); for each of the G columns with gaps 1 where a value was
missing; of whole series 1 after their end; where a calendar is asked for, the seconds of the local clock; where
attributes are, those of the series. Its channels: a number one, a category one for each word, a flag one; and those of
what is known in advance (`known`).

    number  x = scaled value          word  x = ±1 + noise          flag  x = ±1 + noise        noise uniform in ±½

The noise, drawn at each look, keeps D from telling real samples by values that are exactly ±1; signs decide on the
way back. C: columns, K: channels, T: steps, N: samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.series import known, scaling
from ganforge.modalities.series.source import SeriesSet

NOISE = 0.5


class Windows(Dataset):
    """Pieces of all series of a set: item k is float64 [window, C + flags].

    Args:
        window: steps; 0 takes whole series, filled up at their end to the length of the longest.
        stride: steps from one window to the next.
        levels: the series before changes were taken; by default the same.
        calendar, attributes: whether items hold the clock, and what describes their series.
        conditions: names of conditions of windows, as `known.conditions_of` takes them, in place of labels.
    """

    signal = "series"

    def __init__(
        self,
        whole: SeriesSet,
        window: int,
        stride: int,
        levels: SeriesSet | None = None,
        calendar: bool = False,
        attributes: bool = False,
        conditions: Sequence[str] = (),
    ):
        self.levels = levels or whole
        self.calendar, self.attributes = calendar and known.has_calendar(whole), attributes and bool(whole.attributes)
        self.whole, self.window = whole, window or max(len(rows) for rows in whole.series.values())
        self.ends = window == 0
        self.name, self.notes, self.skipped = whole.name, whole.notes, whole.skipped
        self.digest = hashlib.sha256(f"{whole.digest} {window} {stride}".encode()).hexdigest()[:16]
        self.stride = stride
        self.gaps = [k for k, column in enumerate(whole.columns) if column.gaps]
        lengths = np.array([len(rows) for rows in whole.series.values()])
        counts = np.ones(len(lengths), int) if self.ends else np.maximum((lengths - window) // stride + 1, 0)
        self.firsts = np.concatenate([[0], np.cumsum(counts)])
        self.names = list(whole.series)
        if not len(self):
            raise UserError(
                f"data {whole.name}: its longest series has {lengths.max():,} rows, and a window needs {window}. "
                f"Use signal.window={max(4, int(lengths.max()) // 4)} or longer series",
                code="series.shorter_than_window",
            )
        if conditions:
            places = [self.place(k) for k in range(len(self))]
            self.conditions, self.vectors = known.conditions_of(whole, conditions, places)
        elif whole.kinds:
            self.classes = whole.kinds
            self.labels = np.repeat([whole.kind_of[name] for name in self.names], counts).astype(np.int64)

    def __len__(self) -> int:
        return int(self.firsts[-1])

    def place(self, index: int) -> tuple[str, int]:
        """The series of a window and its first row."""
        k = int(np.searchsorted(self.firsts, index, side="right")) - 1
        return self.names[k], (index - int(self.firsts[k])) * self.stride

    def read(self, index: int) -> np.ndarray:
        return self.rows(*self.place(index), self.window)

    def rows(self, name: str, start: int, count: int) -> np.ndarray:
        """Rows of a series with flags and what is known of them."""
        rows = rows_of(self.whole, name, start, count, self.ends)
        if not (self.calendar or self.attributes):
            return rows
        return np.hstack([rows, facts_of(self.whole, name, start, count, self.calendar, self.attributes)])

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        width = len(self.whole.columns) + len(self.gaps) + self.ends + self.calendar
        width += len(self.whole.attributes) if self.attributes else 0
        return {((self.window, width), "float64"): len(self)}


def rows_of(whole: SeriesSet, name: str, start: int, count: int, ends: bool = False) -> np.ndarray:
    """Rows of a series with their flags, [count, C + flags]; after its end the last row again."""
    series, missing = whole.series[name][start : start + count], whole.missing[name][start : start + count]
    flags = missing[:, [k for k, column in enumerate(whole.columns) if column.gaps]]
    rows = np.hstack([series, flags])
    if ends:
        rest = count - len(rows)
        after = np.arange(count) >= len(rows)
        rows = np.hstack([np.pad(rows, ((0, rest), (0, 0)), mode="edge"), after[:, None]])
    return rows


def as_long(item: np.ndarray, spec: Spec) -> np.ndarray:
    """A whole series [T, C + flags + facts] as long as those of a spec: other parts of the data have a longest of their
    own. Lengthened by its last row, which lies after its end; or cut."""
    more = spec.shape[1] - len(item)
    if not spec.state.get("ends") or not more:
        return item
    if more < 0:
        return item[:more]
    after = item[-1:].repeat(more, 0)
    after[:, len(spec.state["columns"]) + len(gaps_of(spec.state))] = 1
    return np.vstack([item, after])


def facts_of(
    whole: SeriesSet, name: str, start: int, count: int, calendar: bool = True, attributes: bool = True
) -> np.ndarray:
    """The local clock of rows, and what describes their series, [count, calendar + A]; after the end the last again."""
    found = []
    if calendar:
        assert whole.clock is not None
        times = whole.times[name][start : start + count]
        seconds = known.local_seconds(times, whole.clock.zone)
        found.append(np.pad(seconds, (0, count - len(seconds)), mode="edge")[:, None])
    if attributes:
        found.append(np.tile(whole.described[name], (count, 1)))
    return np.hstack(found)


def words_of(column: Mapping[str, Any]) -> Sequence[str]:
    """The words of a category; none of numbers, and of all columns in models of earlier versions."""
    return column.get("words") or ()


def channels(state: Mapping[str, Any]) -> int:
    """How many channels samples of a spec have, without those that are known in advance."""
    return values_in(state) + len(gaps_of(state)) + bool(state.get("ends"))


def values_in(state: Mapping[str, Any]) -> int:
    """How many channels hold values."""
    return sum(len(words_of(c)) or 1 for c in state["columns"])


def known_in(state: Mapping[str, Any]) -> int:
    """How many channels hold what is known in advance: the last ones of a sample."""
    return known.width(state.get("known", ()))


def gaps_of(state: Mapping[str, Any]) -> list[int]:
    """The columns with gaps."""
    return [k for k, c in enumerate(state["columns"]) if c.get("gaps")]


def discrete(state: Mapping[str, Any]) -> list[int]:
    """The channels that are ±1: words and flags."""
    found, k = [], 0
    for column in state["columns"]:
        width = len(words_of(column)) or 1
        found += range(k, k + width) if words_of(column) else []
        k += width
    return [*found, *range(k, channels(state))]


def to_channels(item: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
    """A window [T, C + flags + facts] as float32 [K, T], without noise."""
    found = []
    flags = len(state["columns"]) + len(gaps_of(state)) + bool(state.get("ends"))
    for k, column in enumerate(state["columns"]):
        if words_of(column):
            found += [np.where(item[:, k] == word, 1.0, -1.0) for word in range(len(words_of(column)))]
        else:
            found.append(scaling.scaled(item[:, k], state["scales"][k]))
    found += [np.where(flag > 0.5, 1.0, -1.0) for flag in item[:, len(state["columns"]) : flags].T]
    if facts := state.get("known"):
        clock = state["calendar"]
        found += list(known.features(item[:, flags] if clock else None, item[:, flags + clock :], facts))
    return np.stack(found).astype(np.float32)


def noisy(x: Tensor, state: Mapping[str, Any], rng: Rng) -> Tensor:
    """Channels [N, K, T] with noise on words and flags; the same tensor where there are none."""
    at = discrete(state)
    if not at:
        return x
    noise = rng.uniform("dequantize", (len(x), len(at), x.shape[2]), -NOISE, NOISE)
    return x.to(noise.dtype).index_add(1, torch.tensor(at, device=x.device), noise)


def cut(stored: Tensor, length: int, rng: Rng) -> Tensor:
    """A window at random out of each entity, [N, K, length].

    Args:
        stored: [N, K + 1, T]; the last channel holds the number of rows.
    """
    rows = stored[:, -1, 0]
    start = (rng.uniform("window", (len(stored),)) * (rows - length + 1).clamp_min(1)).floor().long()
    at = start[:, None] + torch.arange(length, device=stored.device)  # [N, length]
    return stored[:, :-1].gather(2, at[:, None].expand(-1, stored.shape[1] - 1, -1))


def to_values(x: np.ndarray, state: Mapping[str, Any]) -> np.ndarray:
    """Channels [N, K, T] as values float64 [N, T, C]; NaN where missing and after the end.

    They are within the bounds of the data, but for the scalings standard and lambert.
    """
    found, k = [], 0
    for c, column in enumerate(state["columns"]):
        if words_of(column):
            width = len(words_of(column))
            found.append(x[:, k : k + width].argmax(1).astype(np.float64))
            k += width
        else:
            found.append(scaling.restored(x[:, k], state["scales"][c]))
            if scaling.bounded(state["scales"][c]):
                found[-1] = found[-1].clip(column["low"], column["high"])
            k += 1
    values = np.stack(found, 2)
    for c in gaps_of(state):
        values[..., c][x[:, k] > 0] = np.nan
        k += 1
    if state.get("ends"):
        over = np.maximum.accumulate(x[:, k] > 0, axis=1)
        over[:, 0] = False
        values[over] = np.nan
    return values
