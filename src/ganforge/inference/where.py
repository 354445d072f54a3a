"""Samples that meet a condition: by conditional generation if the task supports it, and by rejection sampling.

Every generated sample is checked, so all returned samples meet the condition.
"""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ganforge.core.errors import UserError
from ganforge.core.types import Request, Spec
from ganforge.signals import Condition, Signal

log = logging.getLogger("ganforge")

DRAWS_EACH, DRAWS_MORE = 100, 100_000
"""Maximum number of generated samples: per requested sample, and in addition; then the search ends with what was
found."""


Where = str | Sequence[str] | Mapping[str, Any]
"""A condition on the rows of a table: `"age>40"`, a list of these, or values by column."""


@dataclass(frozen=True)
class Found:
    """The result of sampling under a condition.

    Attributes:
        samples: samples that meet it, at most as many as requested.
        count: their number. drawn: number of samples generated to find them.
    """

    samples: Any
    count: int
    drawn: int


def fulfil(
    generate: Callable[[Request], Any], signal: Signal, spec: Spec, condition: Condition, n: int, request: Request
) -> Found:
    """`n` samples that meet a condition, or fewer if the limit is reached, with the seed and truncation of `request`.

    Sample k of a seed and a condition is always the same: samples are generated in consecutive blocks of `request.n`.

    Raises:
        UserError: no sample within the limit meets it.
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
            f"where {condition.text}: none of {drawn:,} sampled rows meets it. The model does not generate such rows; "
            "use fewer conditions, or train it longer",
            code="where.never_met",
        )
    if count < n:
        log.warning(
            "where %s: found %s of %s rows; %s were sampled, and %.3g %% of them meet it",
            condition.text, f"{count:,}", f"{n:,}", f"{drawn:,}", 100 * count / drawn,
        )  # fmt: skip
    return Found(signal.join(parts, spec), count, drawn)


def as_texts(where: Where) -> list[str]:
    """A `where` in any of its forms as a list of texts."""
    if isinstance(where, str):
        return [where]
    if isinstance(where, Mapping):
        return [_as_text(name, value) for name, value in where.items()]
    return list(where)


def _as_text(name: str, value: Any) -> str:
    """A condition on a column: one value, a list or a set of them, or None for missing."""
    if value is None:
        return f"{name} is missing"
    if isinstance(value, (list, tuple, set, frozenset)):
        line = io.StringIO()
        csv.writer(line).writerow(["(missing)" if one is None else one for one in value])
        return f"{name} in {line.getvalue().removesuffix(chr(13) + chr(10))}"
    return f"{name}={value}"
