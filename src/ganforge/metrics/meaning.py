"""The meaning of a metric's value, and which direction is better; declared by the metric."""

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
    """The meaning of a value.

    Attributes:
        text: a sentence that explains it; may be empty.
        direction: which direction is better; "near" means near `ideal`; "at most" means that all values up to `ideal`
            are fine, and the nearest is the best; "" if neither.
        ideal: the value of a perfect generator, if defined.
    """

    text: str
    direction: Direction = ""
    ideal: float | None = None

    def __post_init__(self) -> None:
        assert self.direction not in ("near", "at most") or self.ideal is not None, "near to what?"

    @property
    def better(self) -> str:
        """Which direction is better, as a phrase."""
        if not self.direction:
            return ""
        if self.direction == "near":
            return phrase("ideal: {ideal:g}", ideal=self.ideal)
        if self.direction == "at most":
            return phrase("ideal: {ideal:g} or less", ideal=self.ideal)
        way = phrase("lower is better") if self.direction == "lower" else phrase("higher is better")
        return way if self.ideal is None else phrase("{way}, {ideal:g} at best", way=way, ideal=self.ideal)

    def is_better(self, value: float | None, than: float | None) -> bool:
        """Whether a value is better than another; any finite value is better than None and non-finite ones."""
        if value is None or not math.isfinite(value) or not self.direction:
            return False
        if than is None or not math.isfinite(than):
            return True
        if self.direction in ("near", "at most"):
            return abs(value - (self.ideal or 0)) < abs(than - (self.ideal or 0))
        return value < than if self.direction == "lower" else value > than


def stem_of(name: str, known: Container[str]) -> str:
    """The known stem that the name of a result begins with: `fd` of `fd5k[small@1a2b3c4d]`, `ssim` of `ssim_y[...]`.

    If there is none, the first word of the name.
    """
    bare = NUMBER.sub("", name.split("[")[0]).lower().replace("-", "_")
    while bare not in known and "_" in bare:
        bare = bare.rsplit("_", 1)[0]
    return bare
