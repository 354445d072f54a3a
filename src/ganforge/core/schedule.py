"""Values that change during training, as functions of the samples seen."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Self

import pydantic
from pydantic_core import PydanticCustomError

from ganforge.core.component import Component, Count, PositiveCount
from ganforge.core.words import is_number


class Schedule(Component, family="schedule"):
    """A value that depends on the number of samples seen."""

    def value(self, samples: int) -> float:
        """The value at `samples` samples seen."""
        raise NotImplementedError

    def scaled(self, factor: float) -> Self:
        """The same values over `factor` as many samples."""
        raise NotImplementedError


class Ramp(Schedule):
    """From `start` to `end` over `over` samples, beginning after `after` samples; constant before and afterward."""

    start: float
    end: float
    over: PositiveCount
    after: Count = 0

    def share(self, samples: int) -> float:
        """How much of it has passed, in [0, 1]."""
        return min(max((samples - self.after) / self.over, 0.0), 1.0)

    def scaled(self, factor: float) -> Self:
        return replace(self, over=max(1, round(self.over * factor)), after=round(self.after * factor))


class Linear(Ramp, kind="linear"):
    """Linear from `start` to `end` over `over` samples, beginning after `after` samples; constant before and
    afterward."""

    def value(self, samples: int) -> float:
        return self.start + (self.end - self.start) * self.share(samples)


def falling(lr: float, samples: int) -> Linear:
    """A rate that is constant in the first half of training and falls linearly to 0 in the second."""
    return Linear(start=lr, end=0.0, over=samples // 2, after=samples // 2)


class Cosine(Ramp, kind="cosine"):
    """Half a cosine from `start` to `end` over `over` samples, beginning after `after` samples; constant before and
    afterward."""

    def value(self, samples: int) -> float:
        return self.end + (self.start - self.end) * (1 + math.cos(math.pi * self.share(samples))) / 2


class Steps(Schedule, kind="steps"):
    """`start`, multiplied by `factor` at each number of samples in `at`."""

    start: float
    factor: float
    at: tuple[Count, ...]

    def value(self, samples: int) -> float:
        return self.start * self.factor ** sum(samples >= point for point in self.at)

    def scaled(self, factor: float) -> Self:
        return replace(self, at=tuple(round(point * factor) for point in self.at))


def _read(value: Any) -> Any:
    if isinstance(value, Schedule):
        return value
    if isinstance(value, str) and not is_number(value) and value not in Schedule.kinds:
        raise _expected(repr(value))
    if isinstance(value, Mapping) or (isinstance(value, str) and value in Schedule.kinds):
        return Schedule.parse(value)
    if isinstance(value, bool):
        raise _expected(str(value).lower())
    return value


def _expected(got: str) -> PydanticCustomError:
    text = "expected a number or a schedule like {{kind: linear, start: 2e-4, end: 0, over: 1M}}, got {got}"
    return PydanticCustomError("component", "{message}", {"message": text.format(got=got)})


Rate = Annotated[float | Schedule, pydantic.BeforeValidator(_read)]
"""A number or a schedule: `2e-4` or `{kind: linear, start: 2e-4, end: 0, over: 1M}`."""


def at(rate: float | Schedule, samples: int) -> float:
    """The value of a field of type `Rate` at `samples` samples seen."""
    return rate.value(samples) if isinstance(rate, Schedule) else float(rate)
