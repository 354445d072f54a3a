"""Images as arrays, for every signal with images: modes, depths, geometry, crops.

Items are [H, W, C] with C 1 (gray), 2 (gray, alpha), 3 or 4, uint8 or uint16. Kept items are [C, H, W], uint8 or (for
16 bits) int16 with value - 32768, since torch supports few operations on uint16.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from PIL import Image as Pillow
from torch import Tensor

from ganforge.core.rng import Rng

CHANNELS = {"L": 1, "RGB": 3, "RGBA": 4}
Fit = Literal["crop", "pad", "stretch"]


# --- one item


def fitted(item: np.ndarray, mode: str, height: int, width: int, fit: Fit, background: int, depth: int) -> np.ndarray:
    """Converts an item of any mode and size to the given mode, depth and size: [height, width, C]."""
    item = to_depth(item, depth)
    level = background if depth == 8 else background * 257
    if fit == "crop":
        item = center(item, height, width)
    item = to_mode(item, mode, level)
    if item.shape[:2] != (height, width):
        item = padded(item, height, width, level) if fit == "pad" else resize(item, height, width)
    if item.shape[2] == 4:
        item = np.where(item[..., 3:] == 0, clear(level, item.dtype), item)
    return item


def kept(item: np.ndarray) -> np.ndarray:
    """[H, W, C] in the form kept in memory: [C, H, W], uint8 or int16."""
    if item.dtype == np.uint16:
        item = (item.astype(np.int32) - 32768).astype(np.int16)
    return np.ascontiguousarray(item.transpose(2, 0, 1))


def to_depth(item: np.ndarray, depth: int) -> np.ndarray:
    """The item with 8 or 16 bits per channel."""
    if depth == 8 and item.dtype == np.uint16:
        return ((item.astype(np.uint32) + 128) // 257).astype(np.uint8)  # 65535 = 255 · 257: round to nearest
    if depth == 16 and item.dtype == np.uint8:
        return item.astype(np.uint16) * 257
    return item


def to_mode(item: np.ndarray, mode: str, background: int | np.ndarray) -> np.ndarray:
    """Converts [H, W, 1 to 4] to the channels of `mode`. Without alpha in `mode`, alpha is blended over
    `background`."""
    channels = item.shape[2]
    if channels == CHANNELS[mode]:
        return item
    top = np.iinfo(item.dtype).max
    if mode == "RGBA":
        alpha = item[..., -1:] if channels == 2 else np.full_like(item[..., :1], top)
        color = item if channels == 3 else np.repeat(item[..., :1], 3, axis=2)
        return np.concatenate([color, alpha], axis=2)
    if channels in (2, 4):
        alpha = item[..., -1:].astype(np.int64)
        item = ((item[..., :-1] * alpha + background * (top - alpha) + top // 2) // top).astype(item.dtype)
    if item.shape[2] == CHANNELS[mode]:
        return item
    if mode == "RGB":
        return np.repeat(item, 3, axis=2)
    # Rec. 601 luma in integers, as in common image software.
    r, g, b = (item[..., k : k + 1].astype(np.int64) for k in range(3))
    return ((r * 299 + g * 587 + b * 114 + 500) // 1000).astype(item.dtype)


def center(item: np.ndarray, height: int, width: int) -> np.ndarray:
    """Center crop: the largest part with the aspect ratio height : width."""
    h, w = item.shape[:2]
    keep_h = min(h, max(1, round(w * height / width)))
    keep_w = min(w, max(1, round(h * width / height)))
    top, left = (h - keep_h) // 2, (w - keep_w) // 2
    return item[top : top + keep_h, left : left + keep_w]


def resize(item: np.ndarray, height: int, width: int) -> np.ndarray:
    """Antialiased resizing. Colors are weighted by alpha, otherwise hidden colors would bleed into edges."""
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
    """The whole image, as large as fits, centered on the background (transparent if there is alpha)."""
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
    """Kept items scaled to [-1, 1] by a single division of integers, so that `decoded` restores them exactly."""
    x = stored.to(dtype)
    return x / 127.5 - 1 if depth == 8 else (x * 2 + 1) / 65535


def crop_places(rng: Rng, n: int, spare: int, centered: bool) -> Tensor:
    """Positions of crops in kept items that are `spare` px higher and wider: (top, left), int64 [N, 2]."""
    if centered or not spare:
        return torch.full((n, 2), spare // 2, device=rng.device)
    return rng.integers("crop", (n, 2), spare + 1)


def crop(x: Tensor, places: Tensor, height: int, width: int) -> Tensor:
    """The crop [N, C, height, width] of each item [N, C, H, W] at its position."""
    if x.shape[2:] == (height, width):
        return x
    rows = places[:, :1] + torch.arange(height, device=x.device)  # [N, height]
    columns = places[:, 1:] + torch.arange(width, device=x.device)
    n = torch.arange(x.shape[0], device=x.device)
    # Advanced indices on both sides of the slice of channels move channels to the end: [N, height, width, C].
    return x[n[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def mirrored(x: Tensor, chosen: Tensor) -> Tensor:
    """Flips the chosen items (bool [N]) of [N, C, H, W] left to right."""
    return torch.where(chosen[:, None, None, None], x.flip(-1), x)


def presented(kept: Tensor) -> np.ndarray:
    """Kept items [N, C, H, W], uint8 or int16 → uint8 or uint16 [N, H, W, C]: what `decoded` makes of `scaled`."""
    shown = kept.permute(0, 2, 3, 1)
    if kept.dtype == torch.uint8:
        return shown.cpu().numpy()
    return (shown.to(torch.int32) + 32768).cpu().numpy().astype(np.uint16)


def decoded(x: Tensor, depth: int) -> np.ndarray:
    """[N, C, H, W] in [-1, 1] (values beyond are clipped) → uint8 or uint16 [N, H, W, C]."""
    top = 255 if depth == 8 else 65535
    whole = ((x.detach().float().clamp(-1, 1) + 1) * (top / 2)).round().permute(0, 2, 3, 1)
    if top == 255:
        return whole.to(torch.uint8).cpu().numpy()
    return whole.to(torch.int32).cpu().numpy().astype(np.uint16)
