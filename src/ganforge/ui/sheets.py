"""Images in rows in one PNG, marked as generated: strips of directions, mixtures, comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file, output_to
from ganforge.core.marks import marked
from ganforge.core.media import png

if TYPE_CHECKING:
    import numpy as np

SMALLEST = 64
"""Images are enlarged by a whole factor to at least this many px."""
GAP = 2


def strip(frames: Sequence[np.ndarray], smallest: int = SMALLEST) -> np.ndarray:
    """Images [h, w, 3] of one size side by side, uint8 [H, W, 3]."""
    import numpy as np

    from ganforge.inference.film import enlarge

    parts: list[np.ndarray] = []
    for frame in frames:
        large = enlarge(frame, smallest)
        parts += [np.full((len(large), GAP, 3), 255, np.uint8)] * bool(parts) + [large]
    return np.concatenate(parts, 1)


def heat(frame: np.ndarray, values: np.ndarray) -> np.ndarray:
    """An image in gray with a map of values [h, w] of its size over it: red above 0, blue below."""
    import numpy as np

    most = float(np.abs(values).max()) or 1.0
    strength = (np.abs(values) / most)[..., None] ** 0.75
    color = np.where(values[..., None] >= 0, np.array([230, 60, 20]), np.array([40, 90, 230]))
    gray = 0.6 * frame.mean(2, keepdims=True)
    return ((1 - strength) * gray + strength * color).astype(np.uint8)


def write_sheet(path: Path, rows: Sequence[tuple[str, Sequence[np.ndarray]]], smallest: int = SMALLEST) -> None:
    """Writes rows of images, each next to its name.

    Raises:
        UserError: the file cannot be written.
    """
    from PIL import Image

    from ganforge.ui.rows import named_rows

    sheet = named_rows([(name, Image.fromarray(strip(frames, smallest))) for name, frames in rows])
    write_png(path, png(sheet).data)


def write_png(path: Path, data: bytes) -> None:
    """Writes a PNG with the mark of generated images.

    Raises:
        UserError: the file cannot be written.
    """
    with output_to(path), atomic_file(path) as file:
        file.write_bytes(marked(data))


def marked_points(
    frame: np.ndarray, points: Sequence[tuple[float, float]], goals: Sequence[tuple[float, float]]
) -> np.ndarray:
    """An image, enlarged, with points (red) and where they are to go (blue), in px of the image as it was."""
    import numpy as np
    from PIL import Image, ImageDraw

    from ganforge.inference.film import enlarge

    large = Image.fromarray(enlarge(frame, 256))
    scale = large.width / frame.shape[1]
    draw = ImageDraw.Draw(large)
    for places, color in ((goals, (40, 90, 230)), (points, (230, 40, 20))):
        for x, y in places:
            u, v = (x + 0.5) * scale, (y + 0.5) * scale
            draw.ellipse((u - 5, v - 5, u + 5, v + 5), fill=color, outline="white")
    return np.asarray(large)


def read_mask(path: Path | None, size: tuple[int, ...]) -> np.ndarray | None:
    """A mask from an image file, bool [H, W], white where it is true.

    Raises:
        UserError: no image, or of another size.
    """
    import numpy as np
    from PIL import Image, UnidentifiedImageError

    if path is None:
        return None
    try:
        with Image.open(path) as image:
            mask = np.asarray(image.convert("L")) > 127
    except (OSError, UnidentifiedImageError) as error:
        raise UserError(
            f"--mask {path}: cannot be read as an image ({error})", code="explore.unreadable_mask"
        ) from None
    if mask.shape != size:
        raise UserError(
            f"--mask {path}: it is of {'×'.join(map(str, mask.shape))} pixels (height × width), and samples are of "
            f"{'×'.join(map(str, size))}",
            code="explore.mask_of_other_size",
        )
    return mask
