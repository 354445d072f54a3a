"""What is known of a film before it is decoded, and how its frames come to the times and the size of a clip.

A clip shows at time t what a player shows: the newest frame that is not later than t. So films of variable rate, with
frames left out or repeated, need no special care.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from ganforge.core.dataset import BadItem

Fit = Literal["crop", "pad", "stretch"]


class Header(NamedTuple):
    """Frames, size in px (upright), frames a second (None: nothing says so), and the seconds that the file claims where
    it breaks off before (else None)."""

    frames: int
    height: int
    width: int
    fps: float | None
    claimed: float | None = None


def picked(
    frames: Iterable[tuple[float, np.ndarray]], times: Sequence[float], size: tuple[int, int], fit: Fit, where: str
) -> np.ndarray:
    """The frames shown at some times, in order, each brought to a size: uint8 [len(times), H, W, 3].

    Args:
        frames: (seconds, pixels), in order.
        times: in seconds, ascending.

    Raises:
        BadItem: the film ends before the last of the times.
    """
    out = np.empty((len(times), *size, 3), np.uint8)
    step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0
    done, shown, at, apart = 0, None, 0.0, 0.0
    for seconds, pixels in frames:
        while done < len(times) and shown is not None and seconds > times[done] + 1e-3:
            out[done] = fitted(shown, size, fit)
            done += 1
        if done == len(times):
            return out
        apart = seconds - at if shown is not None else 0.0
        shown, at = pixels, seconds
    if shown is None:
        raise BadItem(where, "none of its frames can be decoded")
    if times[-1] > at + 1.5 * max(apart, step) + 1e-3:
        raise BadItem(where, f"breaks off after {at:.2f} s, and this clip lasts until {times[-1]:.2f} s")
    out[done:] = fitted(shown, size, fit)
    return out


def fitted(pixels: np.ndarray, size: tuple[int, int], fit: Fit) -> np.ndarray:
    """A frame uint8 [h, w, 3] at another size: its middle ("crop"), all of it with black bars ("pad"), or all of it
    with other proportions ("stretch")."""
    from PIL import Image

    (height, width), (h, w) = size, pixels.shape[:2]
    if (h, w) == (height, width):
        return pixels
    image = Image.fromarray(pixels)
    if fit == "stretch":
        return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=2.0))
    scales = (height / h, width / w)
    if fit == "crop":
        scale = max(scales)
        box_h, box_w = min(h, height / scale), min(w, width / scale)
        box = ((w - box_w) / 2, (h - box_h) / 2, (w + box_w) / 2, (h + box_h) / 2)
        return np.asarray(image.resize((width, height), Image.Resampling.LANCZOS, box=box, reducing_gap=2.0))
    scale = min(scales)
    inner = max(1, round(h * scale)), max(1, round(w * scale))
    small = np.asarray(image.resize((inner[1], inner[0]), Image.Resampling.LANCZOS, reducing_gap=2.0))
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    out = np.zeros((height, width, 3), np.uint8)
    out[top : top + inner[0], left : left + inner[1]] = small
    return out
