"""What a figure tells, in plain words, and which way it is better: said once, by the metric that measures it."""

from __future__ import annotations

import math
import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

Direction = Literal["lower", "higher", "near", ""]
NUMBER = re.compile(r"-?\d+(\.\d+)?[kKmM]?$")


@dataclass(frozen=True)
class Meaning:
    """What a figure is about.

    Attributes:
        text: what it tells, as a sentence; may be empty.
        direction: which way is better; "near" means near to `ideal`; "" where neither way is.
        ideal: where a perfect generator would be, if there is such a place.
    """

    text: str
    direction: Direction = ""
    ideal: float | None = None

    def __post_init__(self) -> None:
        assert self.direction != "near" or self.ideal is not None, "near to what?"

    @property
    def better(self) -> str:
        """Which way is better, as a phrase."""
        if self.direction == "near":
            return f"near {self.ideal:g} is right"
        at = f", {self.ideal:g} at best" if self.ideal is not None else ""
        return f"{self.direction} is better{at}" if self.direction else ""

    def is_better(self, value: float | None, than: float | None) -> bool:
        """Whether a value beats another one; any finite one beats None and what is not finite."""
        if value is None or not math.isfinite(value) or not self.direction:
            return False
        if than is None or not math.isfinite(than):
            return True
        if self.direction == "near":
            return abs(value - (self.ideal or 0)) < abs(than - (self.ideal or 0))
        return value < than if self.direction == "lower" else value > than


def stem_of(name: str, known: Container[str]) -> str:
    """Which of the known stems a figure's name begins with: `fd` of `fd5k[small@1a2b3c4d]`, `ssim` of `ssim_y[...]`.

    Where none does, the first word of the name.
    """
    bare = NUMBER.sub("", name.split("[")[0]).lower().replace("-", "_")
    while bare not in known and "_" in bare:
        bare = bare.rsplit("_", 1)[0]
    return bare
