"""Health monitoring: detection of failing training, and the reaction to it."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from ganforge.core.component import Component, off_if_false


class Health(Component, family="health"):
    """Reaction to failing training: none, report it, or roll back."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        return super().parse(off_if_false(value))


class Off(Health, kind="off"):
    """No checks; training stops only if losses or weights are no longer finite."""


class Watch(Health, kind="watch"):
    """Checks the run regularly and reports problems in the progress display and in `events.jsonl`; does not affect
    training."""

    every: int = Field(default=50, ge=1)
    """Interval between checks, in iterations. A check takes about a fifth of the time of an iteration."""


class Rollback(Watch, kind="rollback"):
    """Like `watch`; in addition, a failing run returns to its last healthy checkpoint and continues with other random
    draws."""

    times: int = Field(default=3, ge=1)
    """Maximum number of rollbacks. After that the run continues anyway, or stops if losses or weights are no longer
    finite."""
    slower: float = Field(default=0.5, gt=0, le=1)
    """All learning rates are multiplied by this factor at each rollback."""
