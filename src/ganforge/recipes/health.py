"""Watching over a run's health, and what to do when it is lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from ganforge.core.component import Component


class Health(Component, family="health"):
    """What is done about a run that goes wrong: nothing, naming it, or going back."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        if isinstance(value, Mapping) and value.get("kind") is False:
            value = {**value, "kind": "off"}
        return super().parse("off" if value is False else value)  # YAML reads a bare `off` as false


class Off(Health, kind="off"):
    """Nobody watches; only numbers that are no longer finite end the run."""


class Watch(Health, kind="watch"):
    """Looks at the run now and then and says what it sees, in the progress and in `events.jsonl`; changes nothing."""

    every: int = Field(default=50, ge=1)
    """Iterations between two looks. One look takes about a fifth of an iteration's time."""


class Rollback(Watch, kind="rollback"):
    """As `watch`; and when the run has gone wrong it goes back to the last healthy checkpoint, to try other draws."""

    times: int = Field(default=3, ge=1)
    """How often, at most. After that the run goes on as it is, or ends where its numbers are no longer finite."""
    slower: float = Field(default=0.5, gt=0, le=1)
    """What all learning rates are multiplied with each time."""
