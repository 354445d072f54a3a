"""Training by sampling: rows of a table by condition, so that rare categories are seen (Xu et al. 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ganforge.core.dataset import Order
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Spec

CONDITION = "condition"
"""Its name in `Batch.extra` and `Request.extra`: int64 [N], a position in the conditional vector; −1 for any."""

FINE = 2**53
"""A draw is one of so many, as fine as a double can tell them apart."""


class BySampling(Order):
    """Rows by condition: a column, all alike, a category by the logarithm of how often it occurs, a row that has it.

    Args:
        conditions: the discrete columns, as `Spec.state["conditions"]` lists them.
        data: all rows once, encoded.
    """

    def __init__(self, conditions: Sequence[dict], data: Iterable[Batch]):
        chosen = [
            torch.stack([_block(batch.x, c).argmax(1).to(torch.int32) for c in conditions]).to("cpu").numpy()
            for batch in data
        ]
        codes = np.concatenate(chosen, axis=1)  # [K, n]: the category of every row in each discrete column
        counts = [np.bincount(of, minlength=c["width"]) for of, c in zip(codes, conditions, strict=True)]
        self.pool = np.stack(
            [np.argsort(of, kind="stable").astype(np.int32) for of in codes]
        ).ravel()  # rows by category
        self.count = np.concatenate(counts)  # [C]
        starts = [k * codes.shape[1] + np.cumsum(of) - of for k, of in enumerate(counts)]
        self.start = np.concatenate(starts)  # [C] in the pool
        logs = [np.log1p(of) for of in counts]  # 0 for a category that no row has
        self.edges = np.cumsum(np.concatenate([log / log.sum() / len(conditions) for log in logs]))  # [C]

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        draws = Rng(seed, start, "by sampling").integers("draws", (2, count), FINE).numpy() / FINE  # in [0, 1)
        condition = np.searchsorted(self.edges, draws[0] * self.edges[-1], side="right")
        rows = self.pool[self.start[condition] + (draws[1] * self.count[condition]).astype(np.int64)]
        return rows.astype(np.int64), {CONDITION: condition}


def _block(x: Tensor, column: dict) -> Tensor:
    return x[:, column["block_start"] : column["block_start"] + column["width"]]


def conditions_of(spec: Spec) -> list[dict]:
    """The discrete columns whose categories can be asked for, in the order of the conditional vector."""
    return spec.state.get("conditions", [])


def with_conditions(spec: Spec) -> Spec:
    """The spec as the nets see it: every category of every discrete column is a label."""
    return replace(spec, classes=sum(c["width"] for c in conditions_of(spec)))
