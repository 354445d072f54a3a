"""Sizes and modes of the images in a data set, and the resulting shape of a sample."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, TypeVar

from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.signals import Nearest, Signal

T = TypeVar("T", bound=Signal)

Side = Annotated[int, Field(ge=1, le=16384)]
Size = Side | tuple[Side, Side] | None
Shapes = dict[tuple[tuple[int, ...], str], int]


def picture_shapes(dataset: Dataset) -> Shapes:
    """The shapes of the images in a data set.

    Raises:
        UserError: it does not contain images, or none is readable.
    """
    shapes = dataset.shapes()
    if not shapes:
        raise UserError(
            f"data {dataset.name}: none of its {len(dataset)} images can be read{why_unreadable(dataset)}",
            code="data.none_readable",
        )
    if any(len(shape) != 3 for shape, _ in shapes):
        raise UserError(
            f"data {dataset.name}: the image signal needs images, and this set holds "
            f"{rows_of(shapes)}, or use a set of images",
            code="data.not_images",
        )
    return shapes


def why_unreadable(dataset: Dataset) -> str:
    """The reasons why files cannot be read, with counts, as the end of a sentence; may be empty."""
    reasons = getattr(dataset, "unreadable", dict)()
    return "".join(f"; {count:,} of them: {why}" for why, count in list(reasons.items())[:3])


def sample_shape(
    channels: int, size: Size, shapes: Shapes, max_size: int, nearest: Nearest, field: str = "signal.size"
) -> tuple[int, ...]:
    """The shape [C, H, W] of a sample: as requested, or the median of the data, limited by `max_size` and by the nets.

    Raises:
        UserError: the nets do not support the requested size; the message states the closest supported one.
    """
    if size is None:
        return tuple(nearest((channels, *bounded(median(shapes), max_size))))
    height, width = pair_of(size)
    shape = tuple(nearest((channels, height, width)))
    if shape != (channels, height, width):
        h, w = shape[1:]
        say = str(h) if h == w else f"[{h},{w}]"
        raise UserError(
            f"{field}: these nets do not support images of {height}×{width} (height × width). "
            f"The nearest size is {h}×{w}: {field}={say}",
            code="nets.unreachable_size",
        )
    return shape


def pair_of(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of a size."""
    return (size, size) if isinstance(size, int) else size


def rows_of(shapes: Shapes) -> str:
    """What a data set without images contains, and a suitable recipe."""
    if any(dtype == "object" for _, dtype in shapes):
        return "the rows of a table. Use a recipe for tables, such as ctgan"
    return "vectors of numbers. Use a recipe for points, such as toy"


def mode_of(shapes: Shapes) -> str:
    """RGBA if any image has alpha, else RGB if any has color, else L."""
    channels = {shape[2] for shape, _ in shapes}
    if channels & {2, 4}:
        return "RGBA"
    return "RGB" if 3 in channels else "L"


def median(shapes: Shapes) -> tuple[int, int]:
    """The median height and width, in px, of all images; the smaller of two middle values."""

    def middle(axis: int) -> int:
        sizes = sorted((shape[axis], count) for (shape, _), count in shapes.items())
        left = (sum(count for _, count in sizes) - 1) // 2
        for size, count in sizes:
            left -= count
            if left < 0:
                return size
        raise AssertionError("no shapes")

    return middle(0), middle(1)


def bounded(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def sized_as(signal: T, spec: Spec) -> T:
    """A signal of images with the size and mode of a spec."""
    if len(spec.shape) != 3 or "mode" not in spec.state:
        return signal
    return replace(signal, size=spec.shape[1:], mode=spec.state["mode"])  # type: ignore[type-var]
