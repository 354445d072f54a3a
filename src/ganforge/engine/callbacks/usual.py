"""The usual callbacks of recipes, with the interval of the previews suited to the length of training."""

from __future__ import annotations

from ganforge.engine.callbacks.curves import Curves
from ganforge.engine.callbacks.previews import Previews
from ganforge.engine.callbacks.timelapse import Timelapse


def seen(every: int, rows: int | None = None, columns: int = 8) -> tuple[Previews, Curves, Timelapse]:
    """Previews every `every` samples, curves, and a timelapse."""
    return Previews(every=every, rows=rows, columns=columns), Curves(), Timelapse()
