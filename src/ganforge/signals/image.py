"""Pictures: grey, RGB or RGBA, 8 or 16 bits deep, any size that the nets can make."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from PIL import Image as Pillow
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Dataset, Spec
from ganforge.signals.base import Nearest, Signal

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
GAP = 2
GAP_GREY = 128
VISIBLE = 64  # px: smaller pictures are enlarged in previews
Side = Annotated[int, Field(ge=1, le=16384)]


class Image(Signal, kind="image"):
    """Pictures. Whatever the files are, all are brought to one mode, depth and size.

    Kept in memory as [C, H, W]: uint8, or for 16 bits int16 that holds value - 32768, since torch can compute little
    with uint16. The nets see float32 in [-1, 1], alpha included. Alpha is straight, not premultiplied, so that every
    channel uses its whole range; the colour under fully transparent pixels, which nobody sees, is set to `background`
    so that the nets need not learn it.
    """

    metrics: ClassVar[tuple[str, ...]] = ("fd", "kid", "is", "pr", "dc", "ifd", "nn")
    extractor: ClassVar[str] = "small"

    size: Side | tuple[Side, Side] | None = None
    """Side in px of square pictures, or [height, width]. By default the size of the data (the median where sizes
    differ), brought down to `max_size` and to what the nets can make."""
    max_size: int = Field(default=64, ge=1)
    """The longer side in px that a size found by itself may have."""
    mode: Literal["auto", "L", "RGB", "RGBA"] = "auto"
    """Channels: L is grey. auto takes RGBA if any picture has alpha, else RGB if any has colour, else L."""
    depth: Literal[8, 16] = 8
    """Bits a channel."""
    fit: Literal["crop", "pad", "stretch"] = "crop"
    """How a picture of another aspect comes to the size: cut to its centre, framed by `background`, or distorted."""
    background: int = Field(default=255, ge=0, le=255)
    """Grey level, 0 to 255, behind transparent pixels and around padded pictures."""
    flip: bool = False
    """Show half of the pictures mirrored left to right, drawn anew each time."""

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        shapes = dataset.shapes()
        if not shapes:
            raise UserError(f"data {dataset.name}: none of its {len(dataset)} pictures can be read")
        if any(len(shape) != 3 for shape, _ in shapes):
            raise UserError(
                f"data {dataset.name}: the image signal needs pictures, and this set holds "
                f"{_rows_of(shapes)}, or a set of pictures"
            )
        mode = _richest({shape[2] for shape, _ in shapes}) if self.mode == "auto" else self.mode
        if self.size is None:
            wanted = (CHANNELS[mode], *_bounded(_median(shapes), self.max_size))
            shape = tuple(nearest(wanted))
        else:
            height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
            wanted = (CHANNELS[mode], height, width)
            shape = tuple(nearest(wanted))
            if shape != wanted:
                h, w = shape[1:]
                say = str(h) if h == w else f"[{h},{w}]"
                raise UserError(
                    f"signal.size: these nets cannot make pictures {height} high and {width} wide. "
                    f"The nearest that they can is {h} high and {w} wide: signal.size={say}"
                )
        state = {"mode": mode, "depth": self.depth}
        return Spec(shape, len(dataset.classes), tuple(dataset.classes), state)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """[H, W, C] uint8 or uint16, C 1 (grey), 2 (grey, alpha), 3 or 4 → [C, H, W], uint8 or (16 bits) int16."""
        channels, height, width = spec.shape
        if self.depth == 8 and item.dtype == np.uint8 and item.shape == (height, width, channels) and channels < 4:
            return item.transpose(2, 0, 1)  # nothing to do: sets of arrays come this way, a million a few seconds
        item = _to_depth(item, self.depth)
        if self.fit == "crop":
            item = _centre(item, height, width)
        item = _to_mode(item, spec.state["mode"], self._level())
        if item.shape[:2] != (height, width):
            item = self._padded(item, height, width) if self.fit == "pad" else _resize(item, height, width)
        if channels == 4:
            item = np.where(item[..., 3:] == 0, _clear(self._level(), item.dtype), item)
        if self.depth == 16:
            item = (item.astype(np.int32) - 32768).astype(np.int16)
        return np.ascontiguousarray(item.transpose(2, 0, 1))

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        x = stored.float()
        # Integers divided once: `decode` rounds back to the very same ones.
        x = x / 127.5 - 1 if spec.state["depth"] == 8 else (x * 2 + 1) / 65535
        if self.flip:
            mirrored = (rng.uniform("flip", (x.shape[0],)) < 0.5).to(x.device)
            x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
        return x

    def still(self) -> Self:
        return replace(self, flip=False)

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, C, H, W] in [-1, 1] (beyond is cut) → uint8 or uint16 [N, H, W, C]."""
        top = 255 if spec.state["depth"] == 8 else 65535
        whole = ((x.detach().float().clamp(-1, 1) + 1) * (top / 2)).round().permute(0, 2, 3, 1)
        if top == 255:
            return whole.to(torch.uint8).cpu().numpy()
        return whole.to(torch.int32).cpu().numpy().astype(np.uint16)

    def preview(self, samples: np.ndarray, path: Path, columns: int, spec: Spec) -> None:
        n, height, width = samples.shape[:3]
        factor = max(1, round(VISIBLE / height))
        columns = max(1, min(columns, n))
        rows = -(-n // columns)
        cell_h, cell_w = height * factor + GAP, width * factor + GAP
        grid = np.full((rows * cell_h - GAP, columns * cell_w - GAP, 3), GAP_GREY, np.uint8)
        for k, sample in enumerate(samples):
            tile = _enlarge(_to_depth(sample, 8), factor)
            tile = _to_mode(tile, "RGB", _checks(*tile.shape[:2]))
            top, left = k // columns * cell_h, k % columns * cell_w
            grid[top : top + cell_h - GAP, left : left + cell_w - GAP] = tile
        Pillow.fromarray(grid).save(path, "PNG")

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        if samples.dtype == np.uint16 and samples.shape[3] > 1:
            raise UserError(
                "pictures of 16 bits in colour cannot be written as PNG files here. "
                "Write them as arrays with --npz, or train with signal.depth=8"
            )
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / f"{start + k:06d}.png" for k in range(len(samples))]
        for sample, path in zip(samples, paths, strict=True):
            Pillow.fromarray(sample[..., 0] if sample.shape[2] == 1 else sample).save(path, "PNG")
        return paths

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return _to_mode(_to_depth(sample, 8), "RGB", self.background)

    def _level(self) -> int:
        return self.background if self.depth == 8 else self.background * 257

    def _padded(self, item: np.ndarray, height: int, width: int) -> np.ndarray:
        """The whole picture, as large as fits, in the middle of the background (transparent where there is alpha)."""
        scale = min(height / item.shape[0], width / item.shape[1])
        h = min(height, max(1, round(item.shape[0] * scale)))
        w = min(width, max(1, round(item.shape[1] * scale)))
        canvas = np.full((height, width, item.shape[2]), self._level(), item.dtype)
        if item.shape[2] == 4:
            canvas[...] = _clear(self._level(), item.dtype)
        top, left = (height - h) // 2, (width - w) // 2
        canvas[top : top + h, left : left + w] = _resize(item, h, w)
        return canvas


def _rows_of(shapes: dict[tuple[tuple[int, ...], str], int]) -> str:
    """What a set without pictures holds, and which recipe it is for."""
    if any(dtype == "object" for _, dtype in shapes):
        return "the rows of a table. Take a recipe for tables, such as ctgan"
    return "vectors of numbers. Take a recipe for points, such as toy"


def _richest(channels: set[int]) -> str:
    if channels & {2, 4}:
        return "RGBA"
    return "RGB" if 3 in channels else "L"


def _median(shapes: dict[tuple[tuple[int, ...], str], int]) -> tuple[int, int]:
    """The median height and width, in px, of all pictures; of two middle ones the smaller, which some picture has."""

    def middle(axis: int) -> int:
        sizes = sorted((shape[axis], count) for (shape, _), count in shapes.items())
        left = (sum(count for _, count in sizes) - 1) // 2
        for size, count in sizes:
            left -= count
            if left < 0:
                return size
        raise AssertionError("no shapes")

    return middle(0), middle(1)


def _bounded(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _to_depth(item: np.ndarray, depth: int) -> np.ndarray:
    if depth == 8 and item.dtype == np.uint16:
        return ((item.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 = 255 · 257: round to nearest
    if depth == 16 and item.dtype == np.uint8:
        return item.astype(np.uint16) * 257
    return item


def _to_mode(item: np.ndarray, mode: str, background: int | np.ndarray) -> np.ndarray:
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
    # Rec. 601 luma in whole numbers, as every picture program has it.
    r, g, b = (item[..., k : k + 1].astype(np.int64) for k in range(3))
    return ((r * 299 + g * 587 + b * 114 + 500) // 1000).astype(item.dtype)


def _centre(item: np.ndarray, height: int, width: int) -> np.ndarray:
    """The largest part around the centre that has the aspect height : width."""
    h, w = item.shape[:2]
    keep_h = min(h, max(1, round(w * height / width)))
    keep_w = min(w, max(1, round(h * width / height)))
    top, left = (h - keep_h) // 2, (w - keep_w) // 2
    return item[top : top + keep_h, left : left + keep_w]


def _resize(item: np.ndarray, height: int, width: int) -> np.ndarray:
    """Antialiased. Colours are weighted with their alpha, else the hidden ones would bleed into the edges."""
    if item.shape[:2] == (height, width):
        return item
    if item.dtype == np.uint8:
        picture = Pillow.fromarray(np.ascontiguousarray(item[..., 0] if item.shape[2] == 1 else item))
        small = np.asarray(picture.resize((width, height), Pillow.Resampling.LANCZOS))
        return small[..., None] if item.shape[2] == 1 else small
    # Pillow has no 16-bit colour: channel by channel in float32.
    top = float(np.iinfo(item.dtype).max)
    x = item.astype(np.float32)
    if item.shape[2] == 4:
        x[..., :3] *= x[..., 3:] / top
    planes = [Pillow.fromarray(np.ascontiguousarray(x[..., k])) for k in range(item.shape[2])]
    x = np.stack([np.asarray(p.resize((width, height), Pillow.Resampling.LANCZOS)) for p in planes], axis=2)
    if item.shape[2] == 4:
        x[..., :3] *= top / np.maximum(x[..., 3:], 1)
    return np.clip(np.rint(x), 0, top).astype(item.dtype)


def _clear(level: int, dtype: np.dtype) -> np.ndarray:
    """A fully transparent pixel over the background."""
    return np.array([level, level, level, 0], dtype)


def _enlarge(item: np.ndarray, factor: int) -> np.ndarray:
    return item.repeat(factor, axis=0).repeat(factor, axis=1) if factor > 1 else item


def _checks(height: int, width: int) -> np.ndarray:
    """[H, W, 1] of two light greys in squares: what people know to mean transparent."""
    cell = max(4, height // 8)
    rows, columns = np.indices((height, width)) // cell
    return np.where((rows + columns) % 2 == 0, 255, 204)[..., None]
