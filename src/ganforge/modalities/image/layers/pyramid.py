"""Pyramids for images of any size: grids that are repeatedly halved, rounding up.

32 → 16 → 8 → 4        28 → 14 → 7 → 4        100×75 → 50×38 → 25×19 → 13×10 → 7×5 → 4×3
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from ganforge.core.errors import UserError
from ganforge.core.types import Spec

COARSEST = 4
"""The grid is halved while its shorter side is larger than this."""

Size = tuple[int, int]
"""(height, width)."""


def halved(side: int) -> int:
    """Half of a side, rounded up."""
    return (side + 1) // 2


def grids(height: int, width: int) -> list[Size]:
    """(height, width) of every grid, coarsest first, the image's own last."""
    found = [(height, width)]
    while min(found[0]) > COARSEST:
        found.insert(0, (halved(found[0][0]), halved(found[0][1])))
    return found


def shrunk(x: Tensor) -> Tensor:
    """[N, C, H, W] → half the size, rounded up: the mean of 2×2 cells, or of fewer at an odd edge."""
    return avg_pool2d(x, 2, ceil_mode=True)


def grown(x: Tensor, size: Size) -> Tensor:
    """[N, C, h, w] → `size`, of which (h, w) is half, rounded up: every cell is repeated 2×2 times, or fewer at an odd
    edge."""
    return interpolate(x, scale_factor=2.0, mode="nearest")[..., : size[0], : size[1]]


def pyramid(x: Tensor, count: int) -> list[Tensor]:
    """Images [N, C, H, W] on `count` grids, coarsest first; the last one is the input."""
    scales = [x]
    for _ in range(count - 1):
        scales.insert(0, shrunk(scales[0]))
    return scales


def nearest_picture(shape: tuple[int, ...], who: str, cell: int = 1, least: int = COARSEST) -> tuple[int, ...]:
    """The closest [C, H, W] whose sides are at least `least` cells of `cell` pixels.

    Raises:
        UserError: `shape` is not the shape of an image.
    """
    if len(shape) != 3:
        raise UserError(
            f"{who} nets are for images [C, H, W], not for samples of shape {list(shape)}; try mlp",
            code="nets.not_for_shape",
        )
    height, width = (max(round(side / cell), least) * cell for side in shape[1:])
    return (shape[0], height, width)


def check_picture(spec: Spec, who: str, cell: int = 1, least: int = COARSEST) -> None:
    """Raises UserError with the closest size if the spec's size is not supported."""
    near = nearest_picture(spec.shape, who, cell, least)
    if near != tuple(spec.shape):
        raise UserError(
            f"{who}: does not support {spec.shape[1]}×{spec.shape[2]} images; the nearest size is {near[1]}×{near[2]} "
            f"(sides must be {least} or more" + (f" cells of {cell} pixels)" if cell > 1 else ")"),
            code="nets.unreachable_size",
        )
