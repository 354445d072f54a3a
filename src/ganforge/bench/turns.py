"""Measurements by turns: A B, B A, A B ..., so that a machine that gets slower or faster is so for both."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ganforge.bench.ceilings import synchronize
from ganforge.bench.parts import Part
from ganforge.core.words import significant


@dataclass(frozen=True)
class Spread:
    """Several measurements of one value: their median, and the lowest and the highest."""

    median: float
    low: float
    high: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        return Spread(statistics.median(values), min(values), max(values))

    def __str__(self) -> str:
        return f"{significant(self.median)} ({significant(self.low)} to {significant(self.high)})"


def by_turns(sides: Sequence[Part], pairs: int, seconds: float, device: torch.device) -> list[list[float]]:
    """The seconds of one call of each side, one value a pair; sides change places from one pair to the next.

    Args:
        sides: the same part of different settings, at least one.
        pairs: how many stretches of each side.
        seconds: how long a stretch lasts at least; it is one call or more.
    """
    calls = []
    for side in sides:
        stretch(side, 1, device)  # warms up
        calls.append(max(1, round(seconds / max(stretch(side, 1, device), 1e-9))))
    taken: list[list[float]] = [[] for _ in sides]
    for k in range(pairs):
        for place in range(len(sides)) if k % 2 == 0 else reversed(range(len(sides))):
            taken[place].append(stretch(sides[place], calls[place], device) / calls[place])
    return taken


def stretch(part: Part, calls: int, device: torch.device) -> float:
    """The seconds of some calls."""
    synchronize(device)
    start = time.perf_counter()
    for _ in range(calls):
        part.call()
    synchronize(device)
    return time.perf_counter() - start
