"""Conditions: what is known of a sample beside itself, and what a model can be asked for: a color, an angle, tags.

Each condition turns its values into numbers, and nets see only the numbers of all conditions, one after the other: a
vector of K numbers per sample, in place of a class. A net treats it as it treats a one-hot class
(`nets.layers.labels`), so it does not know of what kind a condition is.

    category   one of V values       one-hot                                                        V + 1 numbers
    labels     any of V labels       1 for each that applies                                        V + 1
    ordinal    one of V ordered      1 for each value that it reaches, from the second on, / √(V−1)  V
    number     low ≤ v ≤ high        cos kφ, sin kφ, / √H, φ = π (v − (low + high)/2) / (high − low)  2 H + 1
    angle      v in a period         cos kφ, sin kφ, / √H, φ = 2π v / period                          2 H + 1
    text       a sentence            the numbers of its tokens (`core.text_condition`)               length + 1

k = 1..H with H = 4. The last number of each is 1 if the value is unknown, and all others are 0 then: what is unknown
has an embedding of its own. A linear map of these numbers is a smooth function of the value, and the logit of a
projection discriminator, which is linear in them, can peak at any value. A number uses half of the circle only, so that
values a little beyond the range stay distinct.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np

from ganforge.core.errors import UserError, did_you_mean

HARMONICS = 4
RARE = 0.001
"""Share of the numbers at either end that are beyond the range of a condition, so that one odd value does not make all
others alike; they are still told apart a little beyond it."""
MOST_VALUES = 4096
"""Values of one condition, at most: more are text or identifiers."""
SHOWN = 12

Value = str | float | tuple[str, ...] | None
"""A value of a condition: text, a number, several labels; None: unknown."""


@dataclass(frozen=True)
class Condition(ABC):
    """A named condition. `kind` is its name in files and in `data.column_kinds`."""

    kinds: ClassVar[dict[str, type[Condition]]] = {}
    kind: ClassVar[str] = ""

    name: str

    def __init_subclass__(cls, kind: str = "", **kwargs: Any):
        super().__init_subclass__(**kwargs)
        if kind:
            cls.kind = kind
            Condition.kinds[kind] = cls

    @property
    def width(self) -> int:
        """How many numbers a value becomes."""
        return self.known + 1

    @property
    @abstractmethod
    def known(self) -> int:
        """How many numbers a value becomes, without that for unknown ones."""

    @abstractmethod
    def numbers(self, value: Any) -> np.ndarray:
        """A known value as float64 [known]."""

    @abstractmethod
    def value(self, numbers: np.ndarray) -> Value:
        """The inverse of `numbers`, also of numbers that are not exact."""

    @abstractmethod
    def read(self, text: str) -> Value:
        """A known value from text.

        Raises:
            UserError: it is none of the values of this condition.
        """

    @abstractmethod
    def said(self) -> str:
        """What it can be, as a phrase: `0 to 360`, `red, green, blue`."""

    def text(self, value: Value) -> str:
        """A value as people write it; empty if it is unknown."""
        if value is None:
            return ""
        return "|".join(value) if isinstance(value, tuple) else str(value)

    def known_value(self, text: str) -> Value:
        """As `read`; None for empty text, and for what is not a value of this condition."""
        try:
            return self.read(text) if text else None
        except UserError:
            return None

    def encode(self, values: Sequence[Value]) -> np.ndarray:
        """float32 [N, width]."""
        found = np.zeros((len(values), self.width))
        for row, value in zip(found, values, strict=True):
            if value is None:
                row[-1] = 1
            else:
                row[:-1] = self.numbers(value)
        return found.astype(np.float32)

    def decode(self, vectors: np.ndarray) -> list[Value]:
        """The values of vectors [N, width]."""
        return [None if row[-1] > 0.5 else self.value(row[:-1]) for row in np.asarray(vectors, np.float64)]

    def to_plain(self) -> dict[str, Any]:
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return {"kind": self.kind} | {k: list(v) if isinstance(v, tuple) else v for k, v in plain.items()}


@dataclass(frozen=True)
class Listed(Condition):
    """A condition whose values are listed."""

    values: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.values) <= MOST_VALUES or not all(isinstance(v, str) for v in (self.name, *self.values)):
            raise ValueError(f"the condition {self.name!r} has {len(self.values)} values")
        object.__setattr__(self, "places", {value: k for k, value in enumerate(self.values)})

    @property
    def known(self) -> int:
        return len(self.values)

    def place(self, value: Any) -> int:
        places: Mapping[str, int] = vars(self)["places"]
        return places[value]

    def read(self, text: str) -> Value:
        if text in self.values:
            return text
        folded = {value.casefold(): value for value in self.values}
        if text.casefold() in folded:
            return folded[text.casefold()]
        near = did_you_mean(text, self.values) or self._nearest(text)
        raise UserError(
            f"{self.name}={text}: the training data never has this value{near} (known: {self.said()})",
            code="condition.unknown_value",
        )

    def _nearest(self, text: str) -> str:
        """The nearest of values that are numbers, as a hint."""
        try:
            wanted, numbers = float(text), [float(value) for value in self.values]
        except ValueError:
            return ""
        return f"; the nearest is {min(zip(numbers, self.values, strict=True), key=lambda p: abs(p[0] - wanted))[1]}"

    def said(self) -> str:
        more = f", ... {len(self.values):,} in all" if len(self.values) > SHOWN else ""
        return ", ".join(self.values[:SHOWN]) + more


class Category(Listed, kind="category"):
    """One of several values without an order."""

    def numbers(self, value: Any) -> np.ndarray:
        return np.eye(len(self.values))[self.place(value)]

    def value(self, numbers: np.ndarray) -> Value:
        return self.values[int(np.argmax(numbers))]


class Labels(Listed, kind="labels"):
    """Any number of several labels: tags, objects in an image. A value is a tuple of them, possibly empty."""

    def numbers(self, value: Any) -> np.ndarray:
        found = np.zeros(len(self.values))
        found[[self.place(one) for one in value]] = 1
        return found

    def value(self, numbers: np.ndarray) -> Value:
        return tuple(label for label, on in zip(self.values, numbers > 0.5, strict=True) if on)

    def read(self, text: str) -> Value:
        parts = [part.strip() for part in text.replace("|", ",").replace(";", ",").replace("+", ",").split(",")]
        return tuple(dict.fromkeys(str(super(Labels, self).read(part)) for part in parts if part))


class Ordinal(Listed, kind="ordinal"):
    """One of several values, lowest first."""

    @property
    def known(self) -> int:
        return max(len(self.values) - 1, 1)

    def numbers(self, value: Any) -> np.ndarray:
        return (np.arange(1, self.known + 1) <= self.place(value)) / math.sqrt(self.known)

    def value(self, numbers: np.ndarray) -> Value:
        rank = round(float(np.sum(numbers)) * math.sqrt(self.known))
        return self.values[min(max(rank, 0), len(self.values) - 1)]


class _Circular(Condition):
    """A number that is encoded as a phase φ."""

    @property
    def known(self) -> int:
        return 2 * HARMONICS

    @abstractmethod
    def phase(self, value: float) -> float: ...

    @abstractmethod
    def at(self, phase: float) -> float:
        """The value of a phase in (-π, π]."""

    def numbers(self, value: Any) -> np.ndarray:
        turns = self.phase(float(value)) * np.arange(1, HARMONICS + 1)
        return np.concatenate([np.cos(turns), np.sin(turns)]) / math.sqrt(HARMONICS)

    def value(self, numbers: np.ndarray) -> Value:
        return self.at(math.atan2(numbers[HARMONICS], numbers[0]))

    def read(self, text: str) -> Value:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not math.isfinite(found):
            raise UserError(
                f"{self.name}={text}: not a number, and {self.name} is {self.said()}", code="condition.not_a_number"
            )
        return found

    def text(self, value: Value) -> str:
        return "" if value is None else f"{value:.6g}"


@dataclass(frozen=True)
class Number(_Circular, kind="number"):
    """A number; `low` and `high` are the ends of its range in the training data."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"the condition {self.name!r} ranges from {self.low} to {self.high}")

    @classmethod
    def spanning(cls, name: str, values: Sequence[float]) -> Number | None:
        """A condition that ranges over values but for a share of `RARE` at either end; None if all are the same."""
        if not len(values) or min(values) == max(values):
            return None
        low, high = min(values), max(values)
        if len(values) > 2 / RARE:
            inner = np.quantile(values, (RARE, 1 - RARE))
            low, high = inner if inner[0] < inner[1] else (low, high)
        return cls(name, float(low), float(high))

    def phase(self, value: float) -> float:
        # Far beyond the range the circle would be closed, and the value would be mistaken for one on the other side.
        share = (value - (self.low + self.high) / 2) / (self.high - self.low)
        return math.pi * min(max(share, -0.9), 0.9)

    def at(self, phase: float) -> float:
        return phase / math.pi * (self.high - self.low) + (self.low + self.high) / 2

    def beyond(self, value: float) -> bool:
        """Whether a value is outside the range of the training data."""
        room = 1e-6 * (self.high - self.low)
        return not self.low - room <= value <= self.high + room

    def said(self) -> str:
        return f"{self.low:.6g} to {self.high:.6g}"


@dataclass(frozen=True)
class Angle(_Circular, kind="angle"):
    """A number that is the same after a period: an angle in degrees (360), an hour of the day (24)."""

    period: float = 360.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.period) and self.period > 0):
            raise ValueError(f"the condition {self.name!r} has the period {self.period}")

    def phase(self, value: float) -> float:
        return 2 * math.pi * (value % self.period) / self.period

    def at(self, phase: float) -> float:
        return phase / (2 * math.pi) * self.period % self.period

    def apart(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The distances of values, at most half of the period."""
        difference = np.abs(a - b) % self.period
        return np.minimum(difference, self.period - difference)

    def said(self) -> str:
        return f"0 to {self.period:g}, periodic"


def condition_of(plain: Mapping[str, Any]) -> Condition:
    """The inverse of `Condition.to_plain`.

    Raises:
        ValueError: no such kind, or its fields do not fit.
    """
    given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items() if k != "kind"}
    try:
        return Condition.kinds[plain["kind"]](**given)
    except (KeyError, TypeError) as error:
        raise ValueError(f"not a condition: {plain!r} ({error})") from None
