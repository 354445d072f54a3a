"""A common size and mode for two sets of images that are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError

MODES = {1: "L", 2: "RGBA", 3: "RGB", 4: "RGBA"}


def common_fields(sets: Sequence[Dataset], fields: Mapping[str, Any]) -> dict[str, Any]:
    """`size` and `mode` of a signal that reads both sets: set by the user, or common to both.

    Raises:
        UserError: they differ; the message says how, and how to convert them.
    """
    shapes = [dataset.shapes() for dataset in sets]
    sizes = [{shape[:2] for shape, _ in found} for found in shapes]
    modes = [{MODES[shape[2]] for shape, _ in found} for found in shapes]
    size, mode = fields.get("size"), fields.get("mode")
    if size is None:
        if len(sizes[0] | sizes[1]) > 1:
            raise UserError(
                f"images of different sizes cannot be compared: {told(sets, sizes, lambda s: f'{s[0]}×{s[1]}')}. "
                "Resizing changes the metrics; to resize all images, pass for example --size 64",
                code="data.sizes_differ",
            )
        ((height, width),) = sizes[0]
        size = [height, width]
    if mode is None:
        if len(modes[0] | modes[1]) > 1:
            raise UserError(
                f"images of different modes cannot be compared: {told(sets, modes, str)}. "
                "To convert all images, pass --mode L (gray) or --mode RGB",
                code="data.modes_differ",
            )
        (mode,) = modes[0]
    return {"size": size, "mode": mode}


def told(sets: Sequence[Dataset], values: Sequence[set[Any]], say: Callable[[Any], str]) -> str:
    """`a holds 28×28, b holds 32×32 and 64×64`."""
    parts = []
    for dataset, found in zip(sets, values, strict=True):
        shown = [say(value) for value in sorted(found)]
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        parts.append(f"{dataset.name} holds {', '.join(shown[:3])}{more}")
    return "; ".join(parts)
