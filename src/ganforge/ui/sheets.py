"""Images in rows in one PNG, marked as generated: strips of directions, mixtures, comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
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
    try:
        with atomic_file(path) as file:
            file.write_bytes(marked(data))
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})", code="output.not_writable") from None


def refuse_existing(*paths: Path | None, force: bool) -> None:
    """Raises UserError if one of these files exists and is not to be replaced, before anything is computed."""
    from ganforge.inference.film import check_folder

    for path in paths:
        if path is not None and path.exists() and not force:
            raise UserError(f"{path}: already exists; --force overwrites it", code="output.exists")
        if path is not None:
            check_folder(path.parent)
