"""Images as arrays, for every signal whose samples are some: modes, depths, geometry, grids and files.

Items are [H, W, C] with C 1 (gray), 2 (gray, alpha), 3 or 4, uint8 or uint16; kept items are [C, H, W], uint8 or (16
bits) int16 that holds value - 32768, since torch can compute little with uint16.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import numpy as np
import torch
from PIL import Image as Pillow
from pydantic import Field
from torch import Tensor

from ganforge.core import media
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.image.png import PngWriter
from ganforge.signals import Card, Nearest, Signal

T = TypeVar("T", bound=Signal)

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
GAP = 2
GAP_GREY = 128
VISIBLE = 64  # px: smaller images are enlarged in previews
Side = Annotated[int, Field(ge=1, le=16384)]
Size = Side | tuple[Side, Side] | None
Fit = Literal["crop", "pad", "stretch"]
Shapes = dict[tuple[tuple[int, ...], str], int]


# --- what a set holds


def picture_shapes(dataset: Dataset) -> Shapes:
    """The shapes of a set of images.

    Raises:
        UserError: it holds something else, or nothing that can be read.
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
    """The reasons for which files cannot be read, with their counts, as the end of a sentence; may be empty."""
    reasons = getattr(dataset, "unreadable", dict)()
    return "".join(f"; {count:,} of them: {why}" for why, count in list(reasons.items())[:3])


def sample_shape(
    channels: int, size: Size, shapes: Shapes, max_size: int, nearest: Nearest, field: str = "signal.size"
) -> tuple[int, ...]:
    """The shape [C, H, W] of a sample: as asked for, or the median of the data within bounds and reach of the nets.

    Raises:
        UserError: a size was asked for that the nets cannot make (says the nearest that they can).
    """
    if size is None:
        return tuple(nearest((channels, *bounded(median(shapes), max_size))))
    height, width = pair_of(size)
    shape = tuple(nearest((channels, height, width)))
    if shape != (channels, height, width):
        h, w = shape[1:]
        say = str(h) if h == w else f"[{h},{w}]"
        raise UserError(
            f"{field}: these nets cannot make images of {height}×{width} (height × width). "
            f"The nearest size is {h}×{w}: {field}={say}",
            code="nets.unreachable_size",
        )
    return shape


def pair_of(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width of a size."""
    return (size, size) if isinstance(size, int) else size


def rows_of(shapes: Shapes) -> str:
    """What a set without images holds, and which recipe it is for."""
    if any(dtype == "object" for _, dtype in shapes):
        return "the rows of a table. Take a recipe for tables, such as ctgan"
    return "vectors of numbers. Take a recipe for points, such as toy"


def mode_of(shapes: Shapes) -> str:
    """RGBA where any image has alpha, else RGB where any has color, else L."""
    channels = {shape[2] for shape, _ in shapes}
    if channels & {2, 4}:
        return "RGBA"
    return "RGB" if 3 in channels else "L"


def median(shapes: Shapes) -> tuple[int, int]:
    """The median height and width, in px, of all images; of two middle ones the smaller, which some image has."""

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


# --- one item


def fitted(item: np.ndarray, mode: str, height: int, width: int, fit: Fit, background: int, depth: int) -> np.ndarray:
    """An item of any mode and size in one mode, depth and size: [height, width, C]."""
    item = to_depth(item, depth)
    level = background if depth == 8 else background * 257
    if fit == "crop":
        item = centre(item, height, width)
    item = to_mode(item, mode, level)
    if item.shape[:2] != (height, width):
        item = padded(item, height, width, level) if fit == "pad" else resize(item, height, width)
    if item.shape[2] == 4:
        item = np.where(item[..., 3:] == 0, clear(level, item.dtype), item)
    return item


def kept(item: np.ndarray) -> np.ndarray:
    """[H, W, C] as it is kept in memory: [C, H, W], uint8 or int16."""
    if item.dtype == np.uint16:
        item = (item.astype(np.int32) - 32768).astype(np.int16)
    return np.ascontiguousarray(item.transpose(2, 0, 1))


def to_depth(item: np.ndarray, depth: int) -> np.ndarray:
    """The item with 8 or 16 bits a channel."""
    if depth == 8 and item.dtype == np.uint16:
        return ((item.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 = 255 · 257: round to nearest
    if depth == 16 and item.dtype == np.uint8:
        return item.astype(np.uint16) * 257
    return item


def to_mode(item: np.ndarray, mode: str, background: int | np.ndarray) -> np.ndarray:
    """[H, W, 1 to 4] in the channels of `mode`. Alpha that is not wanted is blended over `background`."""
    channels = item.shape[2]
    if channels == CHANNELS[mode]:
        return item
    top = np.iinfo(item.dtype).max
    if mode == "RGBA":
        alpha = item[..., -1:] if channels == 2 else np.full_like(item[..., :1], top)
        colour = item if channels == 3 else np.repeat(item[..., :1], 3, axis=2)
        return np.concatenate([colour, alpha], axis=2)
    if channels in (2, 4):
        alpha = item[..., -1:].astype(np.int64)
        item = ((item[..., :-1] * alpha + background * (top - alpha) + top // 2) // top).astype(item.dtype)
    if item.shape[2] == CHANNELS[mode]:
        return item
    if mode == "RGB":
        return np.repeat(item, 3, axis=2)
    # Rec. 601 luma in whole numbers, as every image program has it.
    r, g, b = (item[..., k : k + 1].astype(np.int64) for k in range(3))
    return ((r * 299 + g * 587 + b * 114 + 500) // 1000).astype(item.dtype)


def centre(item: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest part around the center that has the aspect height : width."""
    h, w = item.shape[:2]
    keep_h = min(h, max(1, round(w * height / width)))
    keep_w = min(w, max(1, round(h * width / height)))
    top, left = (h - keep_h) // 2, (w - keep_w) // 2
    return item[top : top + keep_h, left : left + keep_w]


def resize(item: np.ndarray, height: int, width: int) -> np.ndarray:
    """Antialiased. Colors are weighted with their alpha, else the hidden ones would bleed into the edges."""
    if item.shape[:2] == (height, width):
        return item
    if item.dtype == np.uint8:
        picture = Pillow.fromarray(np.ascontiguousarray(item[..., 0] if item.shape[2] == 1 else item))
        small = np.asarray(picture.resize((width, height), Pillow.Resampling.LANCZOS))
        return small[..., None] if item.shape[2] == 1 else small
    # Pillow has no 16-bit color: channel by channel in float32.
    top = float(np.iinfo(item.dtype).max)
    x = item.astype(np.float32)
    if item.shape[2] == 4:
        x[..., :3] *= x[..., 3:] / top
    planes = [Pillow.fromarray(np.ascontiguousarray(x[..., k])) for k in range(item.shape[2])]
    x = np.stack([np.asarray(p.resize((width, height), Pillow.Resampling.LANCZOS)) for p in planes], axis=2)
    if item.shape[2] == 4:
        x[..., :3] *= top / np.maximum(x[..., 3:], 1)
    return np.clip(np.rint(x), 0, top).astype(item.dtype)


def padded(item: np.ndarray, height: int, width: int, level: int) -> np.ndarray:
    """The whole image, as large as fits, in the middle of the background (transparent where there is alpha)."""
    scale = min(height / item.shape[0], width / item.shape[1])
    h = min(height, max(1, round(item.shape[0] * scale)))
    w = min(width, max(1, round(item.shape[1] * scale)))
    canvas = np.full((height, width, item.shape[2]), level, item.dtype)
    if item.shape[2] == 4:
        canvas[...] = clear(level, item.dtype)
    top, left = (height - h) // 2, (width - w) // 2
    canvas[top : top + h, left : left + w] = resize(item, h, w)
    return canvas


def clear(level: int, dtype: np.dtype) -> np.ndarray:
    """A fully transparent pixel over the background."""
    return np.array([level, level, level, 0], dtype)


# --- batches of kept items


def scaled(stored: Tensor, depth: int, dtype: torch.dtype) -> Tensor:
    """Kept items in [-1, 1]. Integers divided once: `decoded` rounds back to the very same ones."""
    x = stored.to(dtype)
    return x / 127.5 - 1 if depth == 8 else (x * 2 + 1) / 65535


def crop_places(rng: Rng, n: int, spare: int, centred: bool) -> Tensor:
    """Where crops lie in kept items that are `spare` px higher and wider: (top, left), int64 [N, 2]."""
    if centred or not spare:
        return torch.full((n, 2), spare // 2, device=rng.device)
    return rng.integers("crop", (n, 2), spare + 1)


def crop(x: Tensor, places: Tensor, height: int, width: int) -> Tensor:
    """The part [N, C, height, width] of each item [N, C, H, W] that begins at its place."""
    if x.shape[2:] == (height, width):
        return x
    rows = places[:, :1] + torch.arange(height, device=x.device)  # [N, height]
    columns = places[:, 1:] + torch.arange(width, device=x.device)
    n = torch.arange(x.shape[0], device=x.device)
    # Advanced indices on both sides of the channels' slice put those last: [N, height, width, C].
    return x[n[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def mirrored(x: Tensor, chosen: Tensor) -> Tensor:
    """Those of the items [N, C, H, W] that are chosen (bool [N]) mirrored left to right."""
    return torch.where(chosen[:, None, None, None], x.flip(-1), x)


def presented(kept: Tensor) -> np.ndarray:
    """Kept items [N, C, H, W], uint8 or int16 → uint8 or uint16 [N, H, W, C]: what `decoded` makes of `scaled`."""
    shown = kept.permute(0, 2, 3, 1)
    if kept.dtype == torch.uint8:
        return shown.cpu().numpy()
    return (shown.to(torch.int32) + 32768).cpu().numpy().astype(np.uint16)


def decoded(x: Tensor, depth: int) -> np.ndarray:
    """[N, C, H, W] in [-1, 1] (beyond is cut) → uint8 or uint16 [N, H, W, C]."""
    top = 255 if depth == 8 else 65535
    whole = ((x.detach().float().clamp(-1, 1) + 1) * (top / 2)).round().permute(0, 2, 3, 1)
    if top == 255:
        return whole.to(torch.uint8).cpu().numpy()
    return whole.to(torch.int32).cpu().numpy().astype(np.uint16)


# --- what people see


def size_of(spec: Spec) -> str:
    """The size of a sample as people say it: `28×28×1` of [1, 28, 28]."""
    return "×".join(map(str, (*spec.shape[1:], spec.shape[0])))


def card_of(spec: Spec) -> Card:
    """`Signal.card` of images."""
    channels, height, width = spec.shape
    colors = {1: phrase("gray"), 3: phrase("color"), 4: phrase("color with transparency")}
    color = colors.get(channels, phrase("{count} channels", count=channels))
    samples = "images of {width}×{height} pixels (width × height), {color}"
    return Card(phrase(samples, width=width, height=height, color=color))


def sheet(samples: np.ndarray | Sequence[np.ndarray], columns: int) -> Media:
    """Samples [N, H, W, C] as one PNG, `columns` a row; alpha over a checkerboard, small ones enlarged."""
    n, (height, width) = len(samples), samples[0].shape[:2]
    factor = max(1, round(VISIBLE / height))
    columns = max(1, min(columns, n))
    rows = -(-n // columns)
    cell_h, cell_w = height * factor + GAP, width * factor + GAP
    grid = np.full((rows * cell_h - GAP, columns * cell_w - GAP, 3), GAP_GREY, np.uint8)
    for k, sample in enumerate(samples):
        tile = enlarge(to_depth(sample, 8), factor)
        tile = to_mode(tile, "RGB", checks(*tile.shape[:2]))
        top, left = k // columns * cell_h, k % columns * cell_w
        grid[top : top + cell_h - GAP, left : left + cell_w - GAP] = tile
    return media.png(grid)


def write_files(samples: np.ndarray, folder: Path, start: int) -> list[Path]:
    """Writes samples as PNG files numbered from `start`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{start + k:06d}.png" for k in range(len(samples))]
    for sample, path in zip(samples, paths, strict=True):
        path.write_bytes(png_of(sample))
    return paths


def png_of(item: np.ndarray) -> bytes:
    """An item, uint8 or uint16 [H, W, C], as a PNG file."""
    found = io.BytesIO()
    if item.dtype == np.uint16 and item.shape[2] > 1:  # which Pillow cannot write
        height, width, channels = item.shape
        with PngWriter(found, (height, width, channels), "uint16") as png:
            png.write(item)
    else:
        Pillow.fromarray(np.ascontiguousarray(item[..., 0] if item.shape[2] == 1 else item)).save(found, "PNG")
    return found.getvalue()


def enlarge(item: np.ndarray, factor: int) -> np.ndarray:
    return item.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else item


def checks(height: int, width: int) -> np.ndarray:
    """[H, W, 1] of two light grays in squares: what people know to mean transparent."""
    cell = max(4, height // 8)
    rows, columns = np.indices((height, width)) // cell
    return np.where((rows + columns) % 2 == 0, 255, 204)[..., None]


def at(signal: T, spec: Spec) -> T:
    """A signal of images with the size and the mode that a spec has."""
    if len(spec.shape) != 3 or "mode" not in spec.state:
        return signal
    return replace(signal, size=spec.shape[1:], mode=spec.state["mode"])  # type: ignore[type-var]
