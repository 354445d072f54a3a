"""The conditions of a data set or a model: what its samples are known by, and the combinations that occur together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ganforge.core.condition_kinds import Condition, Value, condition_of
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.rng import seed_of
from ganforge.core.text_condition import Text

OBSERVED = 512
"""Combinations of values that a model file keeps of the data, at most; sampling draws from them what is not asked."""
BLOCK = 64


@dataclass(frozen=True)
class Conditions:
    """The conditions of a data set or a model.

    Attributes:
        each: the conditions, in the order of their numbers.
        observed: some combinations of values in the training data, spread evenly: what sampling draws from. A row is
            one value per condition.
    """

    each: tuple[Condition, ...] = ()
    observed: tuple[tuple[Value, ...], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.each)

    @property
    def width(self) -> int:
        """K, the length of the vector of a sample."""
        return sum(one.width for one in self.each)

    def said(self) -> str:
        """All of them, as a phrase: `color (category: red, blue), angle (angle: 0 to 360, periodic)`."""
        return ", ".join(f"{one.name} ({one.kind}: {one.said()})" for one in self.each)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.each)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where the numbers of each condition are in the vector."""
        ends = np.cumsum([one.width for one in self.each]).tolist()
        return {one.name: slice(end - one.width, end) for one, end in zip(self.each, ends, strict=True)}

    def __getitem__(self, name: str) -> Condition:
        """The condition of this name.

        Raises:
            UserError: there is none.
        """
        for one in self.each:
            if one.name == name:
                return one
        raise UserError(
            f"no condition {name!r}{did_you_mean(name, self.names)} (conditions: {', '.join(self.names)})",
            code="condition.not_found",
        )

    @property
    def texts(self) -> tuple[Text, ...]:
        """Those that are texts."""
        return tuple(one for one in self.each if isinstance(one, Text))

    @cached_property
    def besides_texts(self) -> Conditions:
        """Those that are not texts."""
        kept = [k for k, one in enumerate(self.each) if not isinstance(one, Text)]
        rows = tuple(tuple(row[k] for k in kept) for row in self.observed) if kept else ()
        return Conditions(tuple(self.each[k] for k in kept), rows)

    def numbers_of(self, others: Conditions, vectors: np.ndarray) -> np.ndarray:
        """The columns [N, others.width] of vectors [N, K] that belong to some of these conditions."""
        return np.concatenate([vectors[:, self.slices[name]] for name in others.names], 1)

    def encode(self, rows: Sequence[Sequence[Value]]) -> np.ndarray:
        """Rows of values as vectors float32 [N, K]."""
        columns = [one.encode([row[k] for row in rows]) for k, one in enumerate(self.each)]
        return np.concatenate(columns, 1) if columns else np.zeros((len(rows), 0), np.float32)

    def decode(self, vectors: np.ndarray) -> list[tuple[Value, ...]]:
        """The values of vectors [N, K], row by row."""
        columns = [one.decode(vectors[:, self.slices[one.name]]) for one in self.each]
        return list(zip(*columns, strict=True))

    def translated(self, other: Conditions, vectors: np.ndarray) -> list[tuple[Value, ...]]:
        """Rows of values of these conditions from vectors of others, by name; None for what is not there or unknown."""
        columns: list[list[Value]] = []
        for one in self.each:
            if one.name not in other.names:
                columns.append([None] * len(vectors))
                continue
            there = other[one.name]
            texts = [there.text(v) for v in there.decode(vectors[:, other.slices[one.name]])]
            columns.append([one.known_value(text) for text in texts])
        return list(zip(*columns, strict=True))

    def draw(self, seed: int, start: int, n: int, among: Sequence[int] | None = None) -> list[tuple[Value, ...]]:
        """Combinations of values start..start+n of a seed, drawn from the observed ones; combination k of a seed is
        always the same.

        Args:
            among: which of the observed ones; by default all.
        """
        pool = list(range(len(self.observed))) if among is None else list(among)
        if not pool:
            return [(None,) * len(self.each)] * n
        first, last = start // BLOCK, (start + n - 1) // BLOCK
        drawn = [
            np.random.Generator(np.random.PCG64(seed_of(seed, "conditions", k))).integers(len(pool), size=BLOCK)
            for k in range(first, last + 1)
        ]
        chosen = np.concatenate(drawn)[start - first * BLOCK :][:n] if drawn else np.empty(0, int)
        return [self.observed[pool[k]] for k in chosen.tolist()]

    def vectors(self, seed: int, start: int, n: int) -> np.ndarray:
        """Drawn combinations as vectors float32 [n, K]."""
        return self.encode(self.draw(seed, start, n))

    def unknown(self) -> np.ndarray:
        """The vector of a sample of which nothing is known, float32 [K]."""
        return self.encode([(None,) * len(self.each)])[0]

    def with_observed(self, rows: Sequence[Sequence[Value]]) -> Conditions:
        """These conditions with up to `OBSERVED` rows of the data, spread evenly."""
        places = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), OBSERVED)).round().astype(int)) if rows else []
        return Conditions(self.each, tuple(tuple(rows[k]) for k in places))

    def to_plain(self) -> dict[str, Any]:
        """JSON."""
        observed = [[list(v) if isinstance(v, tuple) else v for v in row] for row in self.observed]
        return {"each": [one.to_plain() for one in self.each], "observed": observed}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Conditions:
        """The inverse of `to_plain`.

        Raises:
            ValueError: a condition, or an observed value, is not valid.
        """
        each = tuple(condition_of(one) for one in plain["each"])
        if len({one.name for one in each}) < len(each):
            raise ValueError("two conditions have one name")
        rows = tuple(tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in plain["observed"])
        found = cls(each, rows[:OBSERVED])
        try:
            found.encode(found.observed)
        except (LookupError, TypeError) as error:
            raise ValueError(f"observed values do not fit the conditions ({error})") from None
        return found
