"""Shapes that can be turned, as a page of its own that asks nothing of any other place.

The page draws points of surfaces, as `drawing` does; a drag turns all shapes together.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ganforge.core.language import phrase
from ganforge.core.media import Media
from ganforge.modalities.shape.geometry import generator

PAGE = Path(__file__).with_name("viewer.html")
MOST_POINTS, MOST_SHAPES = 2_000, 32
"""Of a shape, and of a page: more would make a report slow to open."""


def page(surfaces: Sequence[tuple[np.ndarray, np.ndarray | None]], columns: int) -> Media:
    """The page for shapes given as points [P, 3] in a cube from -1 to 1, with normals [P, 3] or None."""
    shapes = [packed(points, normals) for points, normals in surfaces[:MOST_SHAPES]]
    text = PAGE.read_text(encoding="utf-8").replace("SHAPES", json.dumps(shapes)).replace("COLUMNS", str(columns))
    return Media(text.encode(), "text/html", phrase("Drag to turn the shapes; turn the wheel to enlarge them."), True)


def packed(points: np.ndarray, normals: np.ndarray | None) -> str:
    """Points and normals as bytes in base64, six a point; of more than `MOST_POINTS`, as many drawn evenly."""
    if len(points) > MOST_POINTS:
        kept = generator("viewer").choice(len(points), MOST_POINTS, replace=False)
        points, normals = points[kept], None if normals is None else normals[kept]
    both = np.concatenate([points, np.zeros_like(points) if normals is None else normals], 1)
    return base64.b64encode((both.clip(-1, 1) * 127).round().astype(np.int8).tobytes()).decode()
