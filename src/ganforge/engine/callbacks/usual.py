"""The callbacks that recipes have, with previews in step with their length."""

from __future__ import annotations

from ganforge.engine.callbacks.curves import Curves
from ganforge.engine.callbacks.previews import Previews
from ganforge.engine.callbacks.timelapse import Timelapse


def seen(every: int, rows: int | None = None, columns: int = 8) -> tuple[Previews, Curves, Timelapse]:
    """Previews at a regular interval, curves, and a timelapse."""
    return Previews(every=every, rows=rows, columns=columns), Curves(), Timelapse()
