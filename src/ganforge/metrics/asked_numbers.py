"""How far samples are from a number that they were asked to have, beside what a generator would reach that does not
listen: the same of numbers that were asked of other samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ganforge.core.condition_kinds import Number
from ganforge.core.language import phrase
from ganforge.metrics.comparison import Comparison


@dataclass(frozen=True)
class AskedNumber:
    """Mean |asked − got| over `n` samples, and the detail of a result: its floor and a note."""

    error: float
    n: int
    detail: dict[str, Any]


def asked_number(comparison: Comparison, one: Number, vectors: np.ndarray, got: np.ndarray) -> AskedNumber:
    """Of samples of which a number may be unknown.

    Args:
        vectors: the conditions of the samples, [N, K]. got: what they have, [N].
    """
    wanted = one.decode(vectors[:, comparison.conditions.slices[one.name]])
    asked = np.array([np.nan if value is None else value for value in wanted], float)
    known = np.isfinite(asked)
    asked, got = asked[known], got[known]
    order = comparison.draws("asked").permutation(len(asked))
    floor = float(np.abs(asked[order] - got).mean()) if len(asked) else np.nan
    note = phrase("without listening: {floor:.3g}", floor=floor)
    error = float(np.abs(asked - got).mean()) if len(asked) else np.nan
    return AskedNumber(error, len(asked), {"floor": floor, "notes": [note]})
