"""Sentences about sprites, in English and Chinese, and what a sentence says.

    "a small red heart on a dark night, lit from the left"         "黑夜里一个小的红色爱心，光从左边照来"

A sentence names shape, color, size, period, and the light as one of eight directions; some leave a part of it out.
Where a sprite is and where it points to is never said. Which wording a sprite gets is a function of its seed.
`said` is the inverse: the values that a sentence names.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from ganforge.core.condition_kinds import Value
from ganforge.core.rng import seed_of
from ganforge.core.text_condition import Text, tokens_of
from ganforge.modalities.image.sources.sprite_drawing import COLORS, PERIODS, SHAPES, SIZES, Sprite

LANGUAGES = ("en", "zh")
NAMED = ("shape", "color", "size", "period", "light")
"""What a sentence can say; the values of `light` are the middles of eight directions, in degrees."""
SIDES = {
    "en": ("the right", "the upper right", "above", "the upper left", "the left", "the lower left", "below",
           "the lower right"),
    "zh": ("右边", "右上方", "上方", "左上方", "左边", "左下方", "下方", "右下方"),
}  # fmt: skip
"""The directions of the light, counterclockwise from the right."""
CHINESE: dict[str, str] = {
    "arrow": "箭头", "drop": "水滴", "fish": "小鱼", "heart": "爱心", "leaf": "树叶", "moon": "月亮",
    "red": "红色", "orange": "橙色", "yellow": "黄色", "green": "绿色", "blue": "蓝色", "purple": "紫色",
    "small": "小号", "medium": "中号", "large": "大号", "day": "白天", "night": "黑夜",
}  # fmt: skip
FORMS = {
    "en": (
        "{size} {color} {shape} {scene}, lit from {side}",
        "{time}, {size} {color} {shape} with light from {side}",
        "{color} {shape} of {size} size {scene}; the light comes from {side}",
    ),
    "zh": (
        "{period}里一个{size}的{color}{shape}，光从{side}照来",
        "一个{size}的{color}{shape}，在{period}里，{side}有光",
        "{color}的{shape}，{size}，背景是{period}，被{side}的光照亮",
    ),
}
SHORT = {
    "en": ("{color} {shape}", "{size} {color} {shape}", "{color} {shape} {scene}", "{color} {shape}, lit from {side}"),
    "zh": (
        "{color}的{shape}",
        "一个{size}的{color}{shape}",
        "{period}里的{color}{shape}",
        "{color}{shape}，光从{side}照来",
    ),
}
SHORT_SHARE = 0.2
"""Share of the sentences that leave something out."""
SCENES = {"day": "on a bright day", "night": "on a dark night"}
TIMES = {"day": "by day", "night": "at night"}


def side_of(light: float) -> int:
    """The number of the direction that is nearest to an angle in degrees."""
    return round(light / 45) % len(SIDES["en"])


def worded(form: str, language: str, sprite: Sprite) -> str:
    """The sentence that a form makes of a sprite."""
    side = SIDES[language][side_of(sprite.light)]
    if language == "zh":
        words = {name: CHINESE[getattr(sprite, name)] for name in NAMED[:-1]}
        return form.format(**words, side=side)
    words = {"shape": sprite.shape, "color": sprite.color, "size": sprite.size, "side": side}
    text = form.format(**words, scene=SCENES[sprite.period], time=TIMES[sprite.period])
    head, comma, tail = text.partition(", ") if text.startswith(tuple(TIMES.values())) else ("", "", text)
    return f"{head}{comma}{'an' if tail[0] in 'aeiou' else 'a'} {tail}"


def sentence(sprite: Sprite, language: str, whole: bool = False) -> str:
    """The sentence of a sprite.

    Args:
        whole: it names everything that a sentence can name.
    """
    draws = np.random.Generator(np.random.PCG64(seed_of("sentence", language, sprite.seed)))
    short = draws.random() < SHORT_SHARE and not whole
    forms = (SHORT if short else FORMS)[language]
    return worded(forms[int(draws.integers(len(forms)))], language, sprite)


def sentences(sprites: Sequence[Sprite], languages: Sequence[str], whole: bool = False) -> list[str]:
    """One sentence per sprite, each in one of the languages."""
    return [sentence(one, languages[one.seed % len(languages)], whole) for one in sprites]


def condition(languages: Sequence[str]) -> Text:
    """The condition that all sentences of some languages are values of."""
    every = (
        Sprite(shape, color, size, period, 0.0, 45.0 * side, 0.0, 0.0)
        for shape, color, size, period, side in product(SHAPES, COLORS, SIZES, PERIODS, range(8))
        if (shape == SHAPES[0]) + (color == "red") + (size == "small") + (period == "day") + (side == 0) >= 4
    )
    forms = [(language, form) for language in languages for form in (*FORMS[language], *SHORT[language])]
    return Text.of("text", [worded(form, language, one) for one in every for language, form in forms])


def said(text: str) -> dict[str, Value]:
    """What a sentence names, by condition; what it does not name is left out."""
    tokens = tokens_of(text)
    run = "".join(tokens)
    found: dict[str, Value] = {}
    for name, values in zip(NAMED, (SHAPES, tuple(COLORS), tuple(SIZES), PERIODS), strict=False):
        named = [value for value in values if value in tokens or CHINESE[value] in run]
        if len(named) == 1:
            found[name] = named[0]
    side = _side(tokens, run)
    return found if side is None else found | {"light": 45.0 * side}


def _side(tokens: Sequence[str], run: str) -> int | None:
    """The direction that a sentence names: the one whose words it holds, longest first."""
    ways = sorted(((words, k) for names in SIDES.values() for k, words in enumerate(names)), key=lambda w: -len(w[0]))
    for words, k in ways:
        parts = tokens_of(words)
        here = any(list(tokens[at : at + len(parts)]) == parts for at in range(len(tokens)))
        if here or (not words.isascii() and words in run):
            return k
    return None
