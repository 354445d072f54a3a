"""The meaning of a metric's value, and which direction is better; declared by the metric."""

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
    """The meaning of a value.

    Attributes:
        text: a sentence that explains it; may be empty.
        direction: which direction is better; "near" means near `ideal`; "" if neither.
        ideal: the value of a perfect generator, if defined.
    """

    text: str
    direction: Direction = ""
    ideal: float | None = None

    def __post_init__(self) -> None:
        assert self.direction != "near" or self.ideal is not None, "near to what?"

    @property
    def better(self) -> str:
        """Which direction is better, as a phrase."""
        if self.direction == "near":
            return f"ideal: {self.ideal:g}"
        at = f", {self.ideal:g} at best" if self.ideal is not None else ""
        return f"{self.direction} is better{at}" if self.direction else ""

    def is_better(self, value: float | None, than: float | None) -> bool:
        """Whether a value is better than another; any finite value is better than None and non-finite ones."""
        if value is None or not math.isfinite(value) or not self.direction:
            return False
        if than is None or not math.isfinite(than):
            return True
        if self.direction == "near":
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
