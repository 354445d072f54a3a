"""A large image in overlapping tiles, put together row by row.

The image is cut into cores of one size, from its upper left corner on. Each is computed with a margin on every side
that is not the image's own edge. With s the scale of the net:

    exact      the margin is no smaller than the net's halo: of each tile the core alone is taken. What the margin cuts
               off cannot be seen from the core, so the result is that of the whole image.
    blended    the margin is smaller: the inner half of it fades from one tile to the next, linearly, and the weights of
               the tiles add up to 1 everywhere.

Cores begin at multiples of what the net needs, so that its grids lie in a tile as they lie in the image.
Finished rows leave at once: no more than one row of tiles is ever held.

Image [H, W], output [H·s, W·s, C].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

OUTPUT = 1024
"""Default side in px of the output of one tile."""


@dataclass(frozen=True)
class Tiling:
    """How images are cut.

    Attributes:
        core: px a side of a tile's own part; a multiple of what the net needs.
        margin: px that are seen around it; such a multiple too.
        fade: px on both sides of a border over which two tiles are blended; 0 where tiles are exact.
        scale: how many times as large the output is.
    """

    core: int
    margin: int
    fade: int
    scale: int

    @property
    def side(self) -> int:
        """px that the net sees at a time."""
        return self.core + 2 * self.margin

    def spans(self, side: int) -> list[Span]:
        """Where tiles lie along an axis. An image no longer than what the net may see is one tile."""
        if side <= self.side:
            return [Span(0, side, 0, side, 0, 0)]
        starts = list(range(0, side, self.core))
        if side - starts[-1] <= self.margin:  # the last tile would see no more than its neighbor does
            starts.pop()
        return [
            Span(
                start, end, max(0, start - self.margin), min(side, end + self.margin),
                self.fade if start else 0, self.fade if end < side else 0,
            )
            for start, end in zip(starts, [*starts[1:], side], strict=True)
        ]  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A tile along one axis: its core [start, end), what it sees [low, high), and how far it fades at either end."""

    start: int
    end: int
    low: int
    high: int
    fade_in: int
    fade_out: int

    @property
    def used(self) -> tuple[int, int]:
        """The part that enters the image."""
        return self.start - self.fade_in, self.end + self.fade_out

    def weights(self, scale: int) -> np.ndarray:
        """float32 of each px of the output in the used part, rising and falling over the fades."""
        first, last = self.used
        place = (np.arange(first * scale, last * scale, dtype=np.float32) + 0.5) / scale
        weights = np.ones(len(place), np.float32)
        if self.fade_in:
            weights *= np.clip((place - first) / (2 * self.fade_in), 0, 1)
        if self.fade_out:
            weights *= np.clip((last - place) / (2 * self.fade_out), 0, 1)
        return weights


def tiling(halo: int | None, multiple: int, scale: int, tile: int | None) -> Tiling:
    """Tiles for a net.

    Args:
        halo: of the net, in px of the source; None where it looks at the whole image.
        multiple: sizes and places that the net needs.
        scale: of the net.
        tile: approximate side in px of the source per tile; by default `OUTPUT` px of the output.
    """
    side = max(tile or OUTPUT // scale, 4 * multiple)

    def whole(px: float) -> int:
        return max(multiple, -(-int(px) // multiple) * multiple)

    most = whole(side // 4)
    exact = halo is not None and whole(halo) <= most
    margin = whole(halo) if exact and halo is not None else most
    core = max(multiple, (side - 2 * margin) // multiple * multiple)
    return Tiling(core, margin, 0 if exact else margin // 2, scale)


def assembled(
    plan: Tiling, height: int, width: int, channels: int, make: Callable[[Span, Span], np.ndarray | None]
) -> Iterator[np.ndarray]:
    """The image in bands of rows, float32 [k, W·s, C], from top to bottom.

    Args:
        make: (rows, columns) → what the net makes of the part rows.low … rows.high, columns.low … columns.high,
            [C, h·s, w·s]; None for a part that is not needed, which then stays 0.
    """
    s = plan.scale
    rows, columns = plan.spans(height), plan.spans(width)
    kept = np.zeros((0, width * s, channels), np.float32)  # of the band before: what fades into this one
    for row in rows:
        top, bottom = row.used
        band = np.zeros(((bottom - top) * s, width * s, channels), np.float32)
        band[: len(kept)] = kept
        down = row.weights(s)[:, None, None]
        for column in columns:
            made = make(row, column)
            if made is None:
                continue
            left, right = column.used
            part = made[:, (top - row.low) * s : (bottom - row.low) * s, (left - column.low) * s :]
            part = part[:, :, : (right - left) * s].transpose(1, 2, 0)
            band[:, left * s : right * s] += part * down * column.weights(s)[:, None]
        finished = len(band) - 2 * row.fade_out * s
        kept = band[finished:].copy()
        yield band[:finished]


def spread(height: int, width: int, side: int, multiple: int) -> list[tuple[slice, slice]]:
    """Sixteen parts of an image at most, a quarter of `side` px each, as evenly spread over it as can be."""
    part = max(multiple, side // 4 // multiple * multiple)
    h, w = min(part, height), min(part, width)
    tops, lefts = (
        np.unique(np.linspace(0, all_ - one, 4).round().astype(int)) for all_, one in ((height, h), (width, w))
    )
    return [(slice(top, top + h), slice(left, left + w)) for top in tops.tolist() for left in lefts.tolist()]
