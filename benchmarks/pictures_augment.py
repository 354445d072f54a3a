"""What D is shown: every change of DiffAugment and of ADA, on a photo.

    python benchmarks/pictures_augment.py docs/images/augment.png

The photo comes with scikit-learn. Each row shows one change, drawn four times; the last rows of each half show all
changes together, as D gets them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from sklearn.datasets import load_sample_image
from torch import Tensor

from ganforge.augment.draws import Draws
from ganforge.core.rng import Rng
from ganforge.core.types import Memory
from ganforge.modalities.image.augment import ada, pipe
from ganforge.modalities.image.augment.diffaugment import DiffAugment

SIDE, TIMES, LABEL, GAP = 64, 4, 92, 2
BACKGROUND, INK = (255, 255, 255), (40, 40, 40)
COLORS = 200  # of the palette: keeps the file small


class Only(Draws):
    """Draws with which nothing happens but what is named, and that for sure."""

    names: frozenset[str]

    def chosen(self, name: str, p: Tensor | float) -> Tensor:
        return super().chosen(name, 1.0 if name in self.names else 0.0)


def only(*names: str) -> Only:
    draws = Only(Rng(7), TIMES, torch.float32)
    object.__setattr__(draws, "names", frozenset(names))
    return draws


def photo() -> Tensor:
    """A square of a photo [1, 3, SIDE, SIDE] in [-1, 1]."""
    whole = Image.fromarray(load_sample_image("china.jpg"))
    small = whole.crop((150, 20, 490, 360)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 127.5 - 1


def of_ada() -> dict[str, Callable[[Tensor], Tensor]]:
    everything = ada.FixedAda(p=0.8)
    return {
        "mirror": lambda x: pipe.blits(x, only("mirror"), 1),
        "quarter turns": lambda x: pipe.blits(x, only("quarters"), 1),
        "whole pixels": lambda x: pipe.blits(x, only("move"), 1),
        "scale": lambda x: pipe.geometry(x, only("scale"), 1),
        "stretch": lambda x: pipe.geometry(x, only("stretch"), 1),
        "turn": lambda x: pipe.geometry(x, only("first turn"), 1),
        "move": lambda x: pipe.geometry(x, only("float"), 1),
        "brightness": lambda x: pipe.recolor(x, only("brightness"), 1),
        "contrast": lambda x: pipe.recolor(x, only("contrast"), 1),
        "luma": lambda x: pipe.recolor(x, only("negative"), 1),
        "hue": lambda x: pipe.recolor(x, only("hue"), 1),
        "saturation": lambda x: pipe.recolor(x, only("saturation"), 1),
        "filter": lambda x: pipe.band_gains(x, only(*(f"band {k}" for k in range(4))), 1),
        "noise": lambda x: pipe.add_noise(x, only("noise"), 1),
        "cutout": lambda x: pipe.cut(x, only("cutout"), 1),
        "ADA, p = 0.8": lambda x: everything.apply(x, Rng(3), Memory()),
    }


def of_diffaugment() -> dict[str, Callable[[Tensor], Tensor]]:
    def part(**strengths: float) -> Callable[[Tensor], Tensor]:
        off = dict.fromkeys(("brightness", "saturation", "contrast", "translation", "cutout"), 0.0)
        return lambda x: DiffAugment(**{**off, **strengths}).apply(x, Rng(7), Memory())

    return {
        "brightness (Diff.)": part(brightness=0.5),
        "saturation (Diff.)": part(saturation=1.0),
        "contrast (Diff.)": part(contrast=0.5),
        "translation (Diff.)": part(translation=0.125),
        "cutout (Diff.)": part(cutout=0.5),
        "DiffAugment": lambda x: DiffAugment().apply(x, Rng(7), Memory()),
    }


def gray_and_rgba() -> dict[str, Callable[[Tensor], Tensor]]:
    """Other modes: the same pipe on gray, and on RGBA, where alpha moves and is not colored."""
    pipe = ada.FixedAda(p=0.8)

    def gray(x: Tensor) -> Tensor:
        return pipe.apply(x.mean(1, keepdim=True), Rng(3), Memory()).expand(-1, 3, -1, -1)

    def rgba(x: Tensor) -> Tensor:
        along = torch.linspace(-1, 1, SIDE)
        disc = torch.where(along.square()[:, None] + along.square() < 0.9, 1.0, -1.0).expand(len(x), 1, -1, -1)
        y = pipe.apply(torch.cat([x, disc], 1), Rng(3), Memory())
        share = (y[:, 3:].clamp(-1, 1) + 1) / 2
        return y[:, :3] * share + (1 - share)

    return {"ADA, gray": gray, "ADA, RGBA": rgba}


def column(rows: dict[str, Callable[[Tensor], Tensor]]) -> Image.Image:
    x = photo().expand(TIMES, -1, -1, -1)
    sheet = Image.new("RGB", (LABEL + TIMES * (SIDE + GAP), len(rows) * (SIDE + GAP)), BACKGROUND)
    pen = ImageDraw.Draw(sheet)
    for k, (name, change) in enumerate(rows.items()):
        top = k * (SIDE + GAP)
        pen.text((4, top + SIDE // 2 - 6), name, fill=INK)
        pixels = ((change(x).clamp(-1, 1) + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()
        for j, tile in enumerate(pixels):
            sheet.paste(Image.fromarray(tile), (LABEL + j * (SIDE + GAP), top))
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    path = parser.parse_args().out
    rows = list(of_ada().items())
    left = dict(rows[:12])
    right = dict(rows[12:]) | gray_and_rgba() | of_diffaugment()
    columns = [column({"the photo": lambda x: x, **left}), column(right)]
    sheet = Image.new("RGB", (sum(c.width for c in columns), max(c.height for c in columns)), BACKGROUND)
    sheet.paste(columns[0], (0, 0))
    sheet.paste(columns[1], (columns[0].width, 0))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
