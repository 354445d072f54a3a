"""Holes of an image filled smoothly from their edges: what a net may begin from.

Gortler et al. 1996, "The Lumigraph", section 3.4 (pull-push): an image with holes is made smaller by means of what is
known of each cell until the holes are closed, and then larger again, each hole taking what the smaller image has
there. Here a hole's values are also made smooth on each grid (means of 3×3), which comes close to a soap film over it.

    `CELL`   px a side of the largest cells; with grids that begin at a multiple of it parts of an image come out alike
    `REACH`  px that a hole's middle may lie from its edge; what lies further in stays 0, between dark and light

image [N, C, H, W], mask [N, 1, H, W] (1: to be filled), H and W multiples of `CELL`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

GRIDS = 4
CELL = 2**GRIDS
SPREAD = 8
"""Cells that the coarsest grid carries what is known into a hole."""
SMOOTHED = 3
"""Means that are taken on each grid."""
REACH = CELL * SPREAD
HALO = REACH + CELL * 2 + (CELL - 1) * (SMOOTHED + 1)
"""px around a pixel that can change it, at most: spreading, cells and their neighbors, and the means of all grids."""


@torch.no_grad()
def continued(image: Tensor, mask: Tensor) -> Tensor:
    """The image with its holes filled smoothly; where the mask is 0 it is unchanged."""
    known = 1 - mask
    colors = image * known  # times how well they are known
    finer: list[tuple[Tensor, Tensor]] = []
    for _ in range(GRIDS):
        finer.append((colors, known))
        colors, known = of_the_known(avg_pool2d(colors, 2), avg_pool2d(known, 2), 4)
    for _ in range(SPREAD):
        around, sure = of_the_known(avg_pool2d(colors, 3, 1, 1), avg_pool2d(known, 3, 1, 1), 9)
        colors, known = colors + (1 - known) * around, known + (1 - known) * sure
    for own, sure in reversed(finer):
        colors = own + (1 - sure) * interpolate(colors, scale_factor=2, mode="bilinear")
        for _ in range(SMOOTHED):
            colors = own + (1 - sure) * avg_pool2d(pad(colors, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return colors


def of_the_known(colors: Tensor, known: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """The mean color of the known cells of `cells`, times how well it is known: one known cell is enough."""
    sure = (cells * known).clamp(max=1)
    return colors / known.clamp_min(1e-6) * sure, sure
