"""Grids of films that convolutions halve in time and space together, as the nets of the papers do."""

from __future__ import annotations

from torch import nn

from ganforge.core.errors import UserError
from ganforge.modalities.video.nets.motion import nearest_film

SLOPE = 0.2
Grid = tuple[int, int, int]
"""(T, H, W)."""


def halvings(shape: tuple[int, ...], fewest: int) -> tuple[int, Grid]:
    """How often a film [C, T, H, W] can be halved, at least once, until a side has 4 px or `fewest` frames are left;
    and what remains then. 32 frames of 64 px: four times, to (2, 4, 4)."""
    frames, height, width = shape[1:]
    count = 1
    while (
        frames % 2 ** (count + 1) == 0
        and frames >> (count + 1) >= fewest
        and all(side % 2 ** (count + 1) == 0 and side >> (count + 1) >= 4 for side in (height, width))
    ):
        count += 1
    return count, (frames >> count, height >> count, width >> count)


def nearest_even(shape: tuple[int, ...], who: str) -> tuple[int, ...]:
    """[C, T, H, W] with an even number of frames, at least 4, and sides that are multiples of 8 px."""
    near = nearest_film(shape, who)
    return (near[0], max(4, 2 * round(near[1] / 2)), *near[2:])


def check_shape(shape: tuple[int, ...], near: tuple[int, ...], who: str) -> None:
    """
    Raises:
        UserError: a net reaches another shape only.
    """
    if tuple(shape) != tuple(near):
        raise UserError(
            f"{who}: cannot make films of {shape[1]} frames of {shape[2]}×{shape[3]} px; the nearest are {near[1]} "
            f"frames of {near[2]}×{near[3]}",
            code="nets.unreachable_size",
        )


def normal(net: nn.Module, std: float) -> None:
    """Weights of convolutions and linear layers from N(0, std²), biases zero, as in DCGAN."""
    for layer in net.modules():
        if isinstance(layer, nn.modules.conv._ConvNd | nn.Linear):
            nn.init.normal_(layer.weight, 0.0, std)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
