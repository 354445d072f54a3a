"""Sprites: drawn images with known conditions of every kind, for measuring whether a model makes what it is asked for.

A sprite is a shape with a color, a size, a direction that it points to and a place, lit from some side, by day or by
night (`sprite_drawing`). Every image is a function of the seed, the part and its number, so there is no download.

One in ten combinations of shape, color, size and period is left out of the part `train`; the part `test` consists of
these combinations alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from ganforge.core.condition_kinds import Angle, Category, Number, Ordinal, Value
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Dataset
from ganforge.core.rng import seed_of
from ganforge.data.base import DataSource
from ganforge.modalities.image.sources import sprite_sentences
from ganforge.modalities.image.sources.sprite_drawing import COLORS, PERIODS, SHAPES, SIZES, Sprite, draw

LEFT_OUT = 10
"""One of this many combinations is left out of the training part."""
PLACE = 0.24
"""Largest distance of the middle of a shape from that of the image along x and y, where half of the image is 1."""
CONDITIONS = Conditions(
    (
        Category("shape", SHAPES),
        Category("color", tuple(COLORS)),
        Ordinal("size", tuple(SIZES)),
        Category("period", PERIODS),
        Angle("angle"),
        Angle("light"),
        Number("x", -PLACE, PLACE),
        Number("y", -PLACE, PLACE),
    )
)


class SpriteDataset(Dataset):
    """Sprites, drawn on access."""

    signal = "image"

    def __init__(self, sprites: list[Sprite], side: int, digest: str, languages: Sequence[str], whole: bool):
        self.name, self.skipped, self.sprites, self.side, self.digest = "sprites", [], sprites, side, digest
        rows: list[tuple[Value, ...]]
        if languages:
            conditions = Conditions((sprite_sentences.condition(languages),))
            rows = [(text,) for text in sprite_sentences.sentences(sprites, languages, whole)]
        else:
            conditions, rows = CONDITIONS, [row_of(sprite) for sprite in sprites]
        self.understood = (f"conditions: {conditions.said()}",)
        self.conditions, self.vectors = conditions.with_observed(rows), conditions.encode(rows)

    def __len__(self) -> int:
        return len(self.sprites)

    def read(self, index: int) -> np.ndarray:
        return draw(self.sprites[index], self.side)

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((self.side, self.side, 3), "uint8"): len(self)}


class Sprites(DataSource, kind="sprites"):
    """Drawn shapes with eight conditions (shape, color, size, period, angle, light, x, y), 32×32 or 64×64 px; included
    in ganforge. A tenth of the combinations is left out of the training part, for measuring unseen ones."""

    size: Literal[32, 64] = 32
    """Side of the images in px."""
    split: Literal["train", "test"] = "train"
    """The combinations to train on (train), or those that are left out (test)."""
    count: int = Field(default=20_000, ge=2)
    """Number of images; of the part test a tenth as many."""
    seed: int = Field(default=0, ge=0)
    """Seed of the images; which combinations are left out does not depend on it."""

    captions: Literal["none", "en", "zh", "both"] = "none"
    """Sentences about the images in place of the eight conditions: in English, in Chinese, or half in each."""

    def open(self) -> Dataset:
        count = self.count if self.split == "train" else max(self.count // LEFT_OUT, 2)
        sprites = sprites_of(self.split, count, self.seed)
        languages = {"none": (), "both": sprite_sentences.LANGUAGES}.get(self.captions, (self.captions,))
        digest = f"sprites {self.size} {self.split} {count} {self.seed}"
        return SpriteDataset(sprites, self.size, digest, languages, whole=self.split == "test")


def combinations(split: str) -> list[tuple[str, str, str, str]]:
    """The combinations of shape, color, size and period of a part."""
    every = list(itertools.product(SHAPES, COLORS, SIZES, PERIODS))
    shuffled = np.random.Generator(np.random.PCG64(seed_of("sprites left out"))).permutation(len(every))
    edge = len(every) // LEFT_OUT
    chosen = shuffled[:edge] if split == "test" else shuffled[edge:]
    return [every[k] for k in sorted(chosen.tolist())]


def sprites_of(split: str, count: int, seed: int) -> list[Sprite]:
    """The first `count` sprites of a part."""
    known = combinations(split)
    draws = np.random.Generator(np.random.PCG64(seed_of("sprites", split, seed)))
    which = draws.integers(len(known), size=count).tolist()
    turns, places = draws.uniform(0, 360, (count, 2)), draws.uniform(-PLACE, PLACE, (count, 2))
    seeds = draws.integers(2**32, size=count).tolist()
    return [
        Sprite(shape, color, size, period, float(angle), float(light), float(x), float(y), sky)
        for (shape, color, size, period), (angle, light), (x, y), sky in zip(
            (known[k] for k in which), turns, places, seeds, strict=True
        )
    ]


def row_of(sprite: Sprite) -> tuple[Value, ...]:
    """The values of the conditions of a sprite; numbers with four decimals, as a table would hold them."""
    texts = (sprite.shape, sprite.color, sprite.size, sprite.period)
    return (*texts, *(round(number, 4) for number in (sprite.angle, sprite.light, sprite.x, sprite.y)))
