"""Label maps: images in which the gray level or the color of a pixel is its class (road, sky, ...).

A class is written as the gray level (an int), or as the color ("#804080"). Maps come to the nets one-hot: [K, H, W]
with 1 in the channel of the pixel's class and 0 in the others.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.modalities.image import pixels as pictures

MOST = 255
"""Classes that one set may have: kept maps are bytes."""
FEW = 64
"""Maps that use no more levels or colors are recognized as label maps."""

Class = int | str


def codes(item: np.ndarray) -> np.ndarray:
    """[H, W, C] → int64 [H, W], one number a level or a color; alpha is passed over."""
    if item.shape[2] <= 2:
        return item[..., 0].astype(np.int64)
    r, g, b = (pictures.to_depth(item, 8)[..., k].astype(np.int64) for k in range(3))
    return (r << 16) + (g << 8) + b


def named(code: int, color: bool) -> Class:
    return f"#{code:06x}" if color else code


def look_like(dataset: Dataset, most: int) -> bool:
    """Whether a set holds label maps: by the numbers and colors in `most` of its items, spread evenly."""
    found: set[int] = set()
    color = False
    for item in _items(dataset, np.unique(np.linspace(0, len(dataset) - 1, most).round().astype(int))):
        color |= item.shape[2] > 2
        found |= set(np.unique(codes(item)).tolist())
        if len(found) > FEW:
            return False
    if not color:
        return max(found, default=FEW) < FEW  # an image would use lighter levels, too
    # Three and more: black and white alone are a drawing.
    return len(found) > 2 and any(len({code >> 16, code >> 8 & 255, code & 255}) > 1 for code in found)


def found_in(dataset: Dataset) -> list[Class]:
    """The classes in all maps of a set, in order. Reads every one.

    Raises:
        UserError: too many for label maps, or both gray ones and colors.
    """
    found: set[int] = set()
    kinds: set[bool] = set()
    for item in _items(dataset, np.arange(len(dataset))):
        kinds.add(item.shape[2] > 2)
        found |= set(np.unique(codes(item)).tolist())
        if len(found) > MOST:
            raise UserError(
                f"data {dataset.name}: more than {MOST} {'colors' if True in kinds else 'levels'}, too many for the "
                "classes of label maps (were they saved as JPEG?). If these are images: signal.source=RGB",
                code="data.too_many_classes",
            )
    if len(kinds) > 1:
        raise UserError(
            f"data {dataset.name}: some label maps are gray and some are in color; convert them all to one kind",
            code="data.mixed_label_maps",
        )
    return [named(code, True in kinds) for code in sorted(found)]


def parse(classes: Sequence[str]) -> list[Class]:
    """Classes as they are written in a recipe.

    Raises:
        UserError: neither all levels nor all colors, or one twice.
    """
    texts = [text.strip().lower() for text in classes]
    if len(set(texts)) < len(texts):
        twice = next(text for text in texts if texts.count(text) > 1)
        raise UserError(f"signal.classes: {twice} is listed more than once", code="signal.duplicate_classes")
    if len(texts) > MOST:
        raise UserError(
            f"signal.classes: {len(texts)} are listed; at most {MOST} are possible", code="signal.too_many_classes"
        )
    if all(text.isdecimal() for text in texts):
        return [int(text) for text in texts]
    if all(len(text) == 7 and text[0] == "#" and set(text[1:]) <= set("0123456789abcdef") for text in texts):
        return list(texts)
    raise UserError(
        "signal.classes: list either gray levels only, as in [0, 1, 2], or colors only, as in ['#804080', '#464646']",
        code="signal.invalid_classes",
    )


def indices(item: np.ndarray, classes: Sequence[Class], where: str) -> np.ndarray:
    """A map [H, W, C] as places in `classes`: uint8 [H, W].

    Raises:
        UserError: it holds something that is no class (says what; `where` names the map).
    """
    color = isinstance(classes[0], str)
    if item.shape[2] > 2 and not color:
        raise UserError(
            f"{where}: is in color, but the classes are gray levels ({_list(classes)})",
            code="data.wrong_label_map_mode",
        )
    if item.shape[2] <= 2 and color:
        item = np.repeat(item[..., :1], 3, axis=2)
    known = np.array([int(c[1:], 16) if isinstance(c, str) else c for c in classes])
    order = np.argsort(known)
    here = codes(item)
    found = order[np.searchsorted(known, here, sorter=order).clip(max=len(known) - 1)]
    strange = np.unique(here[known[found] != here])
    if len(strange):
        raise UserError(
            f"{where}: contains {_list([named(int(code), color) for code in strange])}, not among the classes "
            f"({_list(classes)})",
            code="data.unknown_class",
        )
    return found.astype(np.uint8)


def fitted(found: np.ndarray, height: int, width: int, fit: pictures.Fit) -> np.ndarray:
    """A map [H, W] brought to a size by taking nearest pixels; a frame is of the map's own corner."""
    if found.shape == (height, width):
        return found
    if fit == "pad":
        scale = min(height / found.shape[0], width / found.shape[1])
        h, w = (min(most, max(1, round(side * scale))) for most, side in zip((height, width), found.shape, strict=True))
        canvas = np.full((height, width), found[0, 0], np.uint8)
        top, left = (height - h) // 2, (width - w) // 2
        canvas[top : top + h, left : left + w] = fitted(found, h, w, "stretch")
        return canvas
    if fit == "crop":
        found = pictures.center(found[..., None], height, width)[..., 0]
    small = Pillow.fromarray(np.ascontiguousarray(found)).resize((width, height), Pillow.Resampling.NEAREST)
    return np.asarray(small)


def one_hot(found: Tensor, count: int) -> Tensor:
    """uint8 [N, H, W] → float32 [N, count, H, W]."""
    classes = torch.arange(count, device=found.device)[:, None, None]
    return (found[:, None] == classes).float()


def _items(dataset: Dataset, chosen: np.ndarray):
    """Those of the items that can be read."""

    def read(index: int) -> np.ndarray | None:
        try:
            return dataset.read(index)
        except BadItem:  # counted and named when the loader reads it
            return None

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        for k in range(0, len(chosen), 256):
            yield from (item for item in pool.map(read, chosen[k : k + 256].tolist()) if item is not None)


def _list(classes: Sequence[Class]) -> str:
    shown = ", ".join(map(str, classes[:8]))
    return shown + (f" and {len(classes) - 8} more" if len(classes) > 8 else "")
