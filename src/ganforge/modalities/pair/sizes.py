"""Sizes of pairs: of each target, and the scale of its source."""

from __future__ import annotations

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError

LOOK = 32  # images that are read to tell label maps from photos


def paired_sizes(target: Dataset, source: Dataset) -> tuple[list[tuple[int, int] | None], int]:
    """Height and width of each target whose pair can be read, and how many times smaller the sources are.

    Raises:
        UserError: sizes differ within a pair (lists them), or the scale is not the same for all.
    """
    sizes: list[tuple[int, int] | None] = []
    ratios: dict[tuple[float, float], int] = {}
    for k, shapes in enumerate(zip(target.each_shape(), source.each_shape(), strict=True)):
        large, small = (size_of(shape) for shape in shapes)
        sizes.append(None if small is None else large)
        if large and small:
            ratios.setdefault((large[0] / small[0], large[1] / small[1]), k)
    whole = [ratio for ratio in ratios if ratio[0] == ratio[1] and ratio[0] == int(ratio[0])]
    if len(ratios) == len(whole) == 1:
        return sizes, int(whole[0][0])
    if not ratios:
        raise UserError(f"data {target.name}: none of its pairs can be read", code="data.none_readable")
    shown = []
    for ratio, k in ratios.items():
        if ratio not in whole or len(whole) > 1:
            sides = " and ".join(
                f"{'×'.join(map(str, dataset.each_shape()[k][:2]))} ({dataset.name}: {dataset.describe(k)})"  # type: ignore[index]
                for dataset in (source, target)
            )
            shown.append(sides)
    raise UserError(
        "data: source and target of a pair must have the same size, or all targets the same multiple of the size of "
        "their sources. These do not:\n  " + "\n  ".join(shown[:5]),
        code="data.sizes_differ",
    )


def size_of(shape: tuple[int, ...] | None) -> tuple[int, int] | None:
    """Height and width of a shape [H, W, C]."""
    return None if shape is None else (shape[0], shape[1])
