"""Degradations one after the other."""

from __future__ import annotations

import math
from typing import Annotated, Self

from pydantic import Field, model_validator
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import Degrade, refused


class Chain(Degrade, kind="chain"):
    """Several degradations in sequence, each applied to the output of the one before."""

    steps: Annotated[tuple[Degrade, ...], Field(min_length=1)]
    """The degradations, first to last."""

    @model_validator(mode="after")
    def _mask_last(self) -> Self:
        if any(step.mask for step in self.steps[:-1]):
            raise refused("a degradation with a mask must come last in a chain, or the mask would be degraded too")
        return self

    @property
    def scale(self) -> int:
        return math.prod(step.scale for step in self.steps)

    @property
    def mask(self) -> bool:
        return self.steps[-1].mask

    def channels(self, channels: int) -> int:
        for step in self.steps:
            channels = step.channels(channels)
        return channels

    def check(self) -> None:
        for step in self.steps:
            step.check()

    def apply(self, x: Tensor, rng: Rng) -> Tensor:
        for k, step in enumerate(self.steps):
            x = step.apply(x, rng.at(str(k)))
        return x
