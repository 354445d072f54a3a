"""What a figure tells, in plain words, and which way it is better: said once, by the metric that measures it."""

from __future__ import annotations

import math
import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

from ganforge.core.language import phrase

Direction = Literal["lower", "higher", "near", "at most", ""]
NUMBER = re.compile(r"-?\d+(\.\d+)?[kKmM]?$")


@dataclass(frozen=True)
class Meaning:
    """What a figure is about.

    Attributes:
        text: what it tells, as a sentence; may be empty.
        direction: which way is better; "near" means near to `ideal`; "at most" that no value up to it is a fault, and
            the nearest is the best; "" where neither way is.
        ideal: where a perfect generator would be, if there is such a place.
    """

    text: str
    direction: Direction = ""
    ideal: float | None = None

    def __post_init__(self) -> None:
        assert self.direction not in ("near", "at most") or self.ideal is not None, "near to what?"

    @property
    def better(self) -> str:
        """Which way is better, as a phrase."""
        if not self.direction:
            return ""
        if self.direction == "near":
            return phrase("near {ideal:g} is right", ideal=self.ideal)
        if self.direction == "at most":
            return phrase("{ideal:g} or less is right", ideal=self.ideal)
        way = phrase("lower is better") if self.direction == "lower" else phrase("higher is better")
        return way if self.ideal is None else phrase("{way}, {ideal:g} at best", way=way, ideal=self.ideal)

    def is_better(self, value: float | None, than: float | None) -> bool:
        """Whether a value beats another one; any finite one beats None and what is not finite."""
        if value is None or not math.isfinite(value) or not self.direction:
            return False
        if than is None or not math.isfinite(than):
            return True
        if self.direction in ("near", "at most"):
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
