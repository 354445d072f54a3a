"""Images for display: grids, PNG files, and descriptions of a sample."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from ganforge.core import media
from ganforge.core.language import phrase
from ganforge.core.marks import marked
from ganforge.core.media import Media
from ganforge.core.types import Spec
from ganforge.modalities.image.pixels import to_depth, to_mode
from ganforge.modalities.image.png import PngWriter
from ganforge.signals import Card

GAP = 2
GAP_GRAY = 128
VISIBLE = 64  # px: smaller images are enlarged in previews


def size_of(spec: Spec) -> str:
    """The size of a sample as text: `28×28×1` for [1, 28, 28]; which side is which where they differ."""
    channels, height, width = spec.shape
    order = "" if height == width else " (height × width × channels)"
    return f"{height}×{width}×{channels}{order}"


def card_of(spec: Spec) -> Card:
    """`Signal.card` of images."""
    channels, height, width = spec.shape
    colors = {1: phrase("gray"), 3: phrase("color"), 4: phrase("color with transparency")}
    color = colors.get(channels, phrase("{count} channels", count=channels))
    samples = "images of {width}×{height} pixels (width × height), {color}"
    return Card(phrase(samples, width=width, height=height, color=color))


def sheet(samples: np.ndarray | Sequence[np.ndarray], columns: int) -> Media:
    """Samples [N, H, W, C] as a grid in one PNG, `columns` per row; alpha over a checkerboard, small ones enlarged."""
    n, (height, width) = len(samples), samples[0].shape[:2]
    factor = max(1, round(VISIBLE / height))
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    cell_h, cell_w = height * factor + GAP, width * factor + GAP
    grid = np.full((rows * cell_h - GAP, columns * cell_w - GAP, 3), GAP_GRAY, np.uint8)
    for k, sample in enumerate(samples):
        tile = enlarge(to_depth(sample, 8), factor)
        tile = to_mode(tile, "RGB", checks(*tile.shape[:2]))
        top, left = k // columns * cell_h, k % columns * cell_w
        grid[top : top + cell_h - GAP, left : left + cell_w - GAP] = tile
    return media.png(grid)


def write_files(samples: np.ndarray, folder: Path, start: int) -> list[Path]:
    """Writes samples as PNG files numbered from `start`, marked as generated."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{start + k:06d}.png" for k in range(len(samples))]
    for sample, path in zip(samples, paths, strict=True):
        path.write_bytes(marked(png_of(sample)))
    return paths


def png_of(item: np.ndarray) -> bytes:
    """An item, uint8 or uint16 [H, W, C], as a PNG file."""
    found = io.BytesIO()
    if item.dtype == np.uint16 and item.shape[2] > 1:  # Pillow cannot write these
        height, width, channels = item.shape
        with PngWriter(found, (height, width, channels), "uint16") as png:
            png.write(item)
    else:
        Pillow.fromarray(np.ascontiguousarray(item[..., 0] if item.shape[2] == 1 else item)).save(found, "PNG")
    return found.getvalue()


def enlarge(item: np.ndarray, factor: int) -> np.ndarray:
    return item.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else item


def checks(height: int, width: int) -> np.ndarray:
    """[H, W, 1]: a checkerboard of two light grays, which represents transparency."""
    cell = max(4, height // 8)
    rows, columns = np.indices((height, width)) // cell
    return np.where((rows + columns) % 2 == 0, 255, 204)[..., None]
