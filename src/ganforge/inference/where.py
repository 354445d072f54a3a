"""Samples that meet a condition: generated under it where the task can, and drawn until enough meet it where it cannot.

Every sample is checked after it was generated, so all that is returned meet the condition.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ganforge.core.errors import UserError
from ganforge.core.types import Request, Spec
from ganforge.signals import Condition, Signal

log = logging.getLogger("ganforge")

DRAWS_EACH, DRAWS_MORE = 100, 100_000
"""Draws per requested sample, and draws in addition, before the search stops with what was found."""


@dataclass(frozen=True)
class Found:
    """What was drawn for a condition.

    Attributes:
        samples: those that meet it, at most as many as were wanted.
        count: how many they are. drawn: how many were looked at for them.
    """

    samples: Any
    count: int
    drawn: int


def fulfil(
    generate: Callable[[Request], Any], signal: Signal, spec: Spec, condition: Condition, n: int, request: Request
) -> Found:
    """`n` samples that meet a condition, or as many as the bound allows; of `request` the seed and truncation.

    Sample k of a seed and a condition is always the same: rows are drawn in blocks of `request.n`, one after the other.

    Raises:
        UserError: not one sample within the bound meets it.
    """
    parts, count, drawn = [], 0, 0
    most = DRAWS_EACH * n + DRAWS_MORE
    while count < n and drawn < most:
        extra = {name: value.repeat(request.n, *[1] * value.ndim) for name, value in condition.extra.items()}
        made = generate(replace(request, start=drawn, extra=extra))
        kept = made[condition.holds(made)][: n - count]
        drawn += request.n
        if len(kept):
            parts.append(kept)
            count += len(kept)
    if not count:
        raise UserError(
            f"where {condition.text}: none of {drawn:,} sampled rows meets it. The model generates no such rows; "
            "use fewer conditions, or train it longer",
            code="where.never_met",
        )
    if count < n:
        log.warning(
            "where %s: found %s of %s rows; %s were sampled, and %.3g %% of them meet it",
            condition.text, f"{count:,}", f"{n:,}", f"{drawn:,}", 100 * count / drawn,
        )  # fmt: skip
    return Found(signal.join(parts, spec), count, drawn)
