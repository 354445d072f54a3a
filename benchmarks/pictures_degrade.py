"""What degrades an image: every degradation, on a photo.

    python benchmarks/pictures_degrade.py docs/images/degrade.png

The photo comes with scikit-learn. Images that got smaller are shown enlarged, pixel by pixel; what is hidden, in red.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_image
from torch import Tensor

from ganforge.core.rng import Rng
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.registry import load_all

SIDE, COLUMNS, LABEL, GAP = 160, 6, 14, 4
BACKGROUND, INK, HIDDEN = (255, 255, 255), (40, 40, 40), (220, 60, 50)
COLORS = 256  # of the palette: keeps the file small
TEXTS = [
    "bicubic4", "area4", "blur(sigma=2)", "blur(sigma=1,aspect=4)", "motion15", "defocus4",
    "gaussian25", "gaussian(sigma=40,gray=true)", "poisson10", "salt_pepper5", "jpeg10", "gray",
    "low_light(gamma=3)", "haze(density=1.5)", "rain", "second_order2", "second_order4", "blur1.5+bicubic4+gaussian10",
    "boxes3", "strokes4", "scratches8", "dust40", "masks(path=...)", "scratches(paint=true)+dust(paint=true)",
]  # fmt: skip


def photo() -> Tensor:
    """A square of a photo [1, 3, SIDE, SIDE] in 0..255."""
    whole = Image.fromarray(load_sample_image("china.jpg"))
    small = whole.crop((150, 20, 490, 360)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float()


def a_mask(folder: Path) -> None:
    """A mask of a user's own: a ring."""
    mask = Image.new("L", (96, 96))
    ImageDraw.Draw(mask).ellipse((16, 16, 80, 80), outline=255, width=12)
    mask.save(folder / "ring.png")


def tile(x: Tensor, degrade: Degrade, seed: int) -> Image.Image:
    """The photo as it comes out."""
    y = degrade.apply(x, Rng(seed))
    if degrade.mask:
        hidden = y[:, -1:] > 0
        y = torch.where(hidden, torch.tensor(HIDDEN)[None, :, None, None].float(), y[:, :-1])
    pixels = y.byte()[0].permute(1, 2, 0).expand(-1, -1, 3).numpy()
    return Image.fromarray(np.ascontiguousarray(pixels)).resize((SIDE, SIDE), Image.Resampling.NEAREST)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    path = parser.parse_args().out
    load_all()
    x = photo()
    rows = -(-len(TEXTS) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * (SIDE + GAP) - GAP, rows * (SIDE + LABEL + GAP) - GAP), BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    with tempfile.TemporaryDirectory() as folder:
        a_mask(Path(folder))
        for k, text in enumerate(TEXTS):
            left, top = k % COLUMNS * (SIDE + GAP), k // COLUMNS * (SIDE + LABEL + GAP)
            degrade = Degrade.parse(text.replace("...", folder))
            shown = text.replace("(paint=true)", "*")
            pen.text((left + 1, top), shown, fill=INK, font_size=10)
            sheet.paste(tile(x, degrade, seed=k), (left, top + LABEL))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
