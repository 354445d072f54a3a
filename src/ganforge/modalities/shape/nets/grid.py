"""The sides of cubic grids that nets of volumes can make."""

from __future__ import annotations

from ganforge.core.errors import UserError

BASES = (4, 5, 6, 7)
"""Cells of a side of the coarsest grid."""
MOST_DOUBLINGS = 6


def sides(least: int = 1) -> dict[int, int]:
    """Side → how often its coarsest grid is doubled, at least `least` times."""
    return {base << k: k for k in range(least, MOST_DOUBLINGS + 1) for base in BASES}


def nearest_cube(shape: tuple[int, ...], who: str, least: int = 1) -> tuple[int, ...]:
    """The nearest [C, S, S, S] whose side is one of `sides`.

    Raises:
        UserError: the shape is not that of a volume.
    """
    if len(shape) != 4:
        raise UserError(
            f"{who} nets are for volumes [C, D, H, W], not for samples of shape {list(shape)}",
            code="nets.not_for_shape",
        )
    wanted = max(shape[1:])
    return (shape[0], *(min(sides(least), key=lambda side: (abs(side - wanted), -side)),) * 3)


def doublings(shape: tuple[int, ...], who: str, least: int = 1) -> int:
    """How often the coarsest grid of a volume is doubled.

    Raises:
        UserError: the nets cannot make this size (says the nearest).
    """
    near = nearest_cube(shape, who, least)
    if near != tuple(shape):
        raise UserError(
            f"{who} nets cannot make volumes of {'×'.join(map(str, shape[1:]))} cells; the nearest side is {near[1]}",
            code="nets.unreachable_size",
        )
    return sides(least)[near[1]]
