"""Balanced sampling: an order in which each value of a condition, or each class, comes equally often.

Values are drawn in shuffled passes over all values, and the samples of a value in shuffled passes over these, so that a
rare value is repeated and a frequent one is not seen whole for a while. Unknown values count as one more value. Of
several labels per sample, each label is a value, and so is having none; numbers and angles are taken in ten equal parts
of their range.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from ganforge.core.condition_kinds import Angle, Labels, Listed, Number
from ganforge.core.dataset import Dataset, Order
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.passes import indices
from ganforge.core.rng import seed_of

PARTS = 10
CLASS = "class"
"""The name for the classes of a data set without conditions."""


class Balanced(Order):
    """Batches in which each group of items comes equally often.

    Args:
        groups: the items of each, int64, none empty; an item may be in several.
    """

    def __init__(self, groups: Sequence[np.ndarray]):
        self.groups = list(groups)
        self._pass = functools.lru_cache(maxsize=2 * len(groups))(self._shuffled)

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        chosen = indices(len(self.groups), seed_of(seed, "balance"), start, count)
        found = np.empty(count, np.int64)
        for k, group in enumerate(chosen.tolist()):
            use = (start + k) // len(self.groups)  # each pass over the groups uses each once
            round_, place = divmod(use, len(self.groups[group]))
            found[k] = self._pass(seed, group, round_)[place]
        return found, {}

    def _shuffled(self, seed: int, group: int, round_: int) -> np.ndarray:
        draws = np.random.Generator(np.random.PCG64(seed_of(seed, "balance", group, round_)))
        return draws.permutation(self.groups[group])


def groups_of(dataset: Dataset, name: str) -> list[np.ndarray]:
    """The items of each value of a condition, or of each class if `name` is `class`, without empty groups.

    Raises:
        UserError: there is no such condition, or all samples have one value.
    """
    if name == CLASS and dataset.labels is not None:
        found = [np.flatnonzero(dataset.labels == k) for k in range(len(dataset.classes))]
    else:
        found = _values(dataset, name)
    found = [group for group in found if len(group)]
    if len(found) < 2:
        raise UserError(f"balance={name}: all samples have the same value", code="data.balance_of_one_value")
    return found


def _values(dataset: Dataset, name: str) -> list[np.ndarray]:
    known = [*dataset.conditions.names, *([CLASS] if dataset.labels is not None else [])]
    if dataset.vectors is None or name not in dataset.conditions.names:
        has = f"{did_you_mean(name, known)} (it has: {', '.join(known)})" if known else "; its samples have no labels"
        raise UserError(
            f"balance={name}: {dataset.name} has no condition of this name{has}", code="data.balance_not_found"
        )
    one = dataset.conditions[name]
    block = dataset.vectors[:, dataset.conditions.slices[name]]
    unknown = block[:, -1] > 0.5
    groups = [np.flatnonzero(unknown)]
    if isinstance(one, Labels):
        none = ~unknown & (block[:, :-1] < 0.5).all(1)
        return [*groups, np.flatnonzero(none), *(np.flatnonzero(column > 0.5) for column in block[:, :-1].T)]
    if isinstance(one, (Number, Angle)):
        low, high = (one.low, one.high) if isinstance(one, Number) else (0.0, one.period)
        values = np.array([np.nan if v is None else float(v) for v in one.decode(block)])  # type: ignore[arg-type]
        values = values if isinstance(one, Number) else values % one.period
        part = np.clip((values - low) / (high - low) * PARTS, 0, PARTS - 1)
        return [*groups, *(np.flatnonzero(~unknown & (np.floor(part) == k)) for k in range(PARTS))]
    if not isinstance(one, Listed):
        raise UserError(
            f"balance={name}: a {one.kind} has no values that could come equally often. Name a category, labels or a "
            "number",
            code="data.balance_not_found",
        )
    values_of = np.array(["" if v is None else str(v) for v in one.decode(block)])
    return [*groups, *(np.flatnonzero(~unknown & (values_of == value)) for value in one.values)]
