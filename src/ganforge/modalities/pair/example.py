"""Pairs to try things out with: colored shapes, and the same ones in gray."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from PIL import Image as Pillow

from ganforge.modalities.image.example import write_example


def write_pairs(folder: Path, n: int) -> Mapping[str, str]:
    """Writes `n` pairs or a few more: see `Signal.example`."""
    write_example(folder / "target", n, side=32)
    for file in sorted((folder / "target").glob("*/*.png")):
        gray = folder / "source" / file.parent.name / file.name
        gray.parent.mkdir(parents=True, exist_ok=True)
        with Pillow.open(file) as image:
            image.convert("L").save(gray)
    return {"kind": "pairs", "source": str(folder / "source"), "target": str(folder / "target")}
