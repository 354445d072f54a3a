"""Image sizes supported by convolutional nets: a small base grid, doubled n times."""

from __future__ import annotations

BASE_MIN = 3
BASE_MAX = 8
DOUBLINGS_MAX = 10


def split(height: int, width: int, base_min: int = BASE_MIN, base_max: int = BASE_MAX) -> tuple[int, int, int] | None:
    """(base height, base width, doublings) with height = base height · 2^doublings, and so for the width.

    The base is the smallest grid whose shorter side has at least `base_min` cells, with at least one doubling: 28 →
    7·2², 32 → 4·2³, 8 → 4·2¹, 48×64 → 3×4·2⁴. None if the shorter side of the base has more than `base_max` cells: 100
    → 25·2².
    """
    doublings = 0
    while height % 2 == 0 and width % 2 == 0 and min(height, width) // 2 >= base_min and doublings < DOUBLINGS_MAX:
        height, width, doublings = height // 2, width // 2, doublings + 1
    return (height, width, doublings) if doublings and base_min <= min(height, width) <= base_max else None


def nearest(height: int, width: int, base_max: int = BASE_MAX) -> tuple[int, int]:
    """The closest size that `split` accepts, by the number of rows and columns added or removed; the smaller one of
    two."""
    candidates = {
        (h << n, w << n)
        for n in range(1, DOUBLINGS_MAX + 1)
        for h in _around(height, n)
        for w in _around(width, n)
        if min(h, w) <= base_max
    }
    reachable = [c for c in candidates if split(*c, base_max=base_max)]
    return min(reachable, key=lambda c: (abs(c[0] - height) + abs(c[1] - width), c))


def _around(side: int, doublings: int) -> set[int]:
    cells = side >> doublings
    return {max(cells, BASE_MIN), max(cells + 1, BASE_MIN)}
