"""Watching over a run's health, and what to do when it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from ganforge.core.component import Component


class Health(Component, family="health"):
    """What to do about a run that goes wrong: nothing, reporting it, or going back."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        if isinstance(value, Mapping) and value.get("kind") is False:
            value = {**value, "kind": "off"}
        return super().parse("off" if value is False else value)  # YAML reads a bare `off` as false


class Off(Health, kind="off"):
    """No checks; the run ends only where its numbers are no longer finite."""


class Watch(Health, kind="watch"):
    """Checks the run regularly and reports what it finds, in the progress and in `events.jsonl`; changes nothing."""

    every: int = Field(default=50, ge=1)
    """Iterations between two checks. A check takes about a fifth of an iteration's time."""


class Rollback(Watch, kind="rollback"):
    """As `watch`; a run that has gone wrong returns to its last healthy checkpoint and continues with other draws."""

    times: int = Field(default=3, ge=1)
    """How often, at most. After that the run continues as it is, or ends where its numbers are no longer finite."""
    slower: float = Field(default=0.5, gt=0, le=1)
    """Factor of all learning rates at each rollback."""
