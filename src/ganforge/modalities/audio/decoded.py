"""Recordings in whose files no place can be found without decoding all that comes before it.

Such are mp3 files of variable bit rate: their table of contents names a place to a hundredth of their length, so that
a part that is sought there may begin seconds before or after it. Each is decoded once, into a file without a name.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np

from ganforge.core.scratch import Growing
from ganforge.modalities.audio import files as sounds

MOST = 64  # that are kept, for each holds a file open
FULL = 32_767


class Decoded:
    """The recordings that were decoded last, int16 [T, C]; several threads may ask at once."""

    def __init__(self) -> None:
        self.kept: OrderedDict[str, np.ndarray] = OrderedDict()
        self.lock = Lock()

    def part(
        self, where: str, opened: Callable[[], Path | BinaryIO], channels: int, start: int, frames: int
    ) -> np.ndarray:
        """The samples of a recording from `start` on, at most `frames` (-1: all), float32 [T, C].

        Raises:
            BadItem: as `files.decode`.
        """
        with self.lock:
            if where not in self.kept:
                whole = Growing()
                for block in sounds.blocks(opened(), where):
                    whole.add(np.rint(block.clip(-1, 1) * FULL).astype(np.int16).ravel())
                self.kept[where] = whole.whole(np.int16).reshape(-1, channels)
                if len(self.kept) > MOST:
                    self.kept.popitem(last=False)
            found = self.kept[where]
            self.kept.move_to_end(where)
        return found[start : None if frames < 0 else start + frames].astype(np.float32) / FULL
