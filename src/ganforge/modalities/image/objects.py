"""Images passed in from Python: Pillow images, arrays or tensors, channels first or last, integers or floats.

They are converted to pixels, uint8 or uint16 [H, W, C], and results are converted back to the form of the input.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image

from ganforge.core.errors import UserError

CHANNELS = (1, 2, 3, 4)
DEEP = 65535


@dataclass(frozen=True)
class Held:
    """Pixels, and the conversion back.

    Attributes:
        pixels: uint8 or uint16 [H, W, C].
        returned: pixels [h, w, C'] → an object of the type and layout of the input.
    """

    pixels: np.ndarray
    returned: Callable[[np.ndarray], Any]


def held(image: Any) -> Held:
    """Converts an image in memory.

    Floats are interpreted as [0, 1], or as [-1, 1] if some are negative, and converted to 16 bits.

    Raises:
        UserError: it is not an image: it has another type, shape or range, or no pixels.
    """
    if isinstance(image, Image.Image):
        return Held(_checked(of_pillow(image), "a Pillow image"), to_pillow)
    if isinstance(image, torch.Tensor):
        array = image.detach().cpu()
        inner = _of_array((array.float() if array.dtype == torch.bfloat16 else array).numpy(), first=True)
        place, dtype = image.device, image.dtype

        def back(pixels: np.ndarray) -> torch.Tensor:
            return torch.from_numpy(inner.returned(pixels)).to(place, dtype if dtype.is_floating_point else None)

        return Held(inner.pixels, back)
    if isinstance(image, np.ndarray):
        return _of_array(image, first=False)
    raise UserError(
        f"a {type(image).__name__} is not an image. Expected a file, a Pillow image, an array or a tensor",
        code="data.not_an_image",
    )


def of_pillow(image: Image.Image) -> np.ndarray:
    """Pixels of a Pillow image: uint8 or uint16 [H, W, C], or float [H, W, 1] for mode F."""
    if image.mode.startswith("I"):
        pixels = np.asarray(image)
        if pixels.size and (pixels.min() < 0 or pixels.max() > DEEP):
            raise UserError(
                "a Pillow image of the mode I holds levels beyond 0..65535", code="data.pixels_out_of_range"
            )
        return pixels.astype(np.uint16)[..., None]
    if image.mode not in ("L", "LA", "RGB", "RGBA", "F"):
        clear = image.mode in ("PA", "La", "RGBa") or "transparency" in image.info
        image = image.convert("L" if image.mode == "1" else "RGBA" if clear else "RGB")
    pixels = np.asarray(image)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def to_pillow(pixels: np.ndarray) -> Image.Image:
    """A Pillow image from pixels; for 16-bit color, which Pillow does not support, the upper 8 bits."""
    if pixels.dtype == np.uint16 and pixels.shape[2] > 1:
        pixels = (pixels >> 8).astype(np.uint8)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def _of_array(image: np.ndarray, first: bool) -> Held:
    """
    Args:
        first: channels come first if both the first and the last axis could be channels.
    """
    layouts = [axis for axis in ((0, 2) if first else (2, 0)) if image.ndim == 3 and image.shape[axis] in CHANNELS]
    if image.ndim != 2 and not layouts:
        raise _refused(image)
    axis = None if image.ndim == 2 else layouts[0]
    upright = image[..., None] if axis is None else np.moveaxis(image, axis, 2)
    if image.dtype.kind == "b":
        pixels, unit = upright.astype(np.uint8) * 255, lambda made: made >= 128
    elif image.dtype.kind == "f":
        pixels, unit = _of_floats(_checked(upright, "an array"), image.dtype)
    elif image.dtype in (np.uint8, np.uint16):
        pixels, unit = upright, lambda made: made
    else:
        raise _refused(image)

    def back(made: np.ndarray) -> np.ndarray:
        values = unit(made)
        if axis is None and values.shape[2] == 1:
            return values[..., 0]
        return np.ascontiguousarray(np.moveaxis(values, 2, 0)) if axis == 0 else values

    return Held(_checked(pixels, "an array"), back)


def _of_floats(image: np.ndarray, dtype: np.dtype) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    low, high = float(image.min()), float(image.max())
    if not -1 <= low <= high <= 1:  # also rejects NaN
        raise UserError(
            f"an image of floats ranges from {low:g} to {high:g}; scale it to 0..1 or -1..1, or give uint8",
            code="data.pixels_out_of_range",
        )
    offset, scale = (1.0, DEEP / 2) if low < 0 else (0.0, float(DEEP))
    pixels = np.rint((image.astype(np.float64) + offset) * scale).astype(np.uint16)

    def unit(made: np.ndarray) -> np.ndarray:
        share = made / np.iinfo(made.dtype).max
        return (share * 2 - 1 if offset else share).astype(dtype)

    return pixels, unit


def _checked(pixels: np.ndarray, what: str) -> np.ndarray:
    if pixels.size == 0:
        raise UserError(f"{what} of {list(pixels.shape)} has no pixels", code="data.empty")
    return pixels


def _refused(image: np.ndarray) -> UserError:
    return UserError(
        f"expected an image [H, W], [H, W, C] or [C, H, W] with C from 1 to 4, of bool, uint8, uint16 or floats; got "
        f"{image.dtype} {list(image.shape)}",
        code="data.wrong_array",
    )
