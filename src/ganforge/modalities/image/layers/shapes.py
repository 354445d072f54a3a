"""Image sizes supported by convolutional nets that halve and double grids."""

from __future__ import annotations

from typing import NamedTuple

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.image.layers import grid


class Layout(NamedTuple):
    """The grids of an image: a base grid that is doubled."""

    colors: int
    """C."""
    size: tuple[int, int]
    """(H, W) of the image."""
    base: tuple[int, int]
    """(h, w) of the smallest grid."""
    doublings: int
    """H = h · 2^doublings, and W = w · 2^doublings."""

    @property
    def grids(self) -> list[tuple[int, int]]:
        """(height, width) of every grid, coarsest first."""
        return [(self.base[0] << k, self.base[1] << k) for k in range(self.doublings + 1)]


def nearest_picture(shape: tuple[int, ...], who: str) -> tuple[int, ...]:
    """The closest [C, H, W] whose sides are those of a base grid times a power of two (`grid.split`).

    Raises:
        UserError: `shape` is not the shape of an image.
    """
    if len(shape) != 3:
        raise UserError(
            f"{who} nets are for images [C, H, W], not for samples of shape {list(shape)}; try mlp",
            code="nets.not_for_shape",
        )
    return (shape[0], *grid.nearest(shape[1], shape[2]))


def layout(spec: Spec, who: str) -> Layout:
    """The grids for the images of a spec.

    Raises:
        UserError: the net does not support that size; the message states the closest supported one.
    """
    near = nearest_picture(spec.shape, who)
    colors, height, width = spec.shape
    found = grid.split(height, width, base_min=4) or grid.split(height, width)  # 48 from 6×6, as in the papers
    if found is None:
        raise UserError(
            f"{who}: does not support {height}×{width} images; the nearest size is {near[1]}×{near[2]} "
            f"(sides must be a grid of {grid.BASE_MIN} to {grid.BASE_MAX} cells, doubled one or more times)",
            code="nets.unreachable_size",
        )
    return Layout(colors, (height, width), found[:2], found[2])
