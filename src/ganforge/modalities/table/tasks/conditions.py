"""Conditions: the categories of a table that rows are made on condition of, and training by sampling.

C: conditions, all categories of all discrete columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ganforge.core import scratch
from ganforge.core.dataset import Order
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Spec

CONDITION = "condition"
"""Its name in `Batch.extra` and `Request.extra`: int64 [N], a position in the conditional vector; −1 for any."""


FINE = 2**53
"""Number of values that a draw can have: as fine as a double can represent."""


def conditions_of(spec: Spec) -> list[dict]:
    """The discrete columns whose categories can be asked for, in the order of the conditional vector."""
    return spec.state.get("conditions", [])


def with_conditions(spec: Spec) -> Spec:
    """The spec as the nets see it: every category of every discrete column is a label."""
    return replace(spec, classes=sum(c["width"] for c in conditions_of(spec)))


def column_shares(spec: Spec, of_target: float | None) -> list[float]:
    """How often each discrete column is the one that a row is made on condition of; they add up to 1.

    Args:
        of_target: the share of the target column, where it is discrete; None: as much as of any other.
    """
    names = [c["column"] for c in conditions_of(spec)]
    even = 1 / max(len(names), 1)
    target = spec.state.get("target")
    if of_target is None or target not in names or len(names) == 1:
        return [even] * len(names)
    return [of_target if name == target else (1 - of_target) / (len(names) - 1) for name in names]


class BySampling(Order):
    """Rows by condition: a column by its share, a category by the logarithm of how often it occurs, a row that has it.

    Args:
        conditions: the discrete columns, as `Spec.state["conditions"]` lists them.
        data: all rows once, encoded.
        shares: how often each column is the one.
    """

    def __init__(self, conditions: Sequence[dict], data: Iterable[Batch], shares: Sequence[float] | None = None):
        chosen = [scratch.Growing() for _ in conditions]
        counts = [np.zeros(c["width"], np.int64) for c in conditions]
        for batch in data:
            for k, c in enumerate(conditions):
                found = _block(batch.x, c).argmax(1).to("cpu", torch.int32).numpy()
                chosen[k].add(found)
                counts[k] += np.bincount(found, minlength=c["width"])
        n = chosen[0].count
        self.pool = scratch.zeros((len(conditions) * n,), np.int32)  # rows by category, column by column
        for k, of in enumerate(chosen):
            _by_category(of.whole(np.int32), counts[k], self.pool[k * n : (k + 1) * n])
        self.count = np.concatenate(counts)  # [C]
        starts = [k * n + np.cumsum(of) - of for k, of in enumerate(counts)]
        self.start = np.concatenate(starts)  # [C] in the pool
        logs = [np.log1p(of) for of in counts]  # 0 for a category that no row has
        shares = [1 / len(conditions)] * len(conditions) if shares is None else shares
        self.edges = np.cumsum(
            np.concatenate([p * log / log.sum() for p, log in zip(shares, logs, strict=True)])
        )  # [C]

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        draws = Rng(seed, start, "by sampling").integers("draws", (2, count), FINE).numpy() / FINE  # in [0, 1)
        condition = np.searchsorted(self.edges, draws[0] * self.edges[-1], side="right")
        rows = self.pool[self.start[condition] + (draws[1] * self.count[condition]).astype(np.int64)]
        return rows.astype(np.int64), {CONDITION: condition}


def _by_category(codes: np.ndarray, counts: np.ndarray, pool: np.ndarray) -> None:
    """Writes the rows [n] in order of their category, and within one in their own, to `pool` [n]."""
    following = np.cumsum(counts) - counts  # where the next row of each category goes
    for part in scratch.pieces(len(codes)):
        order = np.argsort(codes[part], kind="stable")
        sorted_codes = codes[part][order]
        here = np.bincount(sorted_codes, minlength=len(counts))
        rank = np.arange(len(order)) - (np.cumsum(here) - here)[sorted_codes]
        pool[following[sorted_codes] + rank] = part.start + order
        following += here


def _block(x: Tensor, column: dict) -> Tensor:
    return x[:, column["block_start"] : column["block_start"] + column["width"]]
