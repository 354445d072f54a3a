"""Formatting of numbers and names in charts, and the width of texts."""

from __future__ import annotations

import unicodedata

SIZE = 11.5
"""Font size of a chart, in px."""
WIDE, NARROW = 1.09, 0.62
"""Width of a letter relative to the font size: East Asian scripts, and all others."""


def text_width(text: str) -> float:
    """The approximate width of a text in px; the exact width depends on the fonts of the viewer."""
    return SIZE * sum(WIDE if unicodedata.east_asian_width(c) in "WF" else NARROW for c in text)


def cut(text: str, room: float) -> str:
    """The text on one line; shortened with an ellipsis if it is wider than `room` px."""
    flat = " ".join(text.split())
    if text_width(flat) <= room:
        return text if flat == text else flat  # a phrase stays one
    text = flat
    while text and text_width(text) > room - SIZE * WIDE:
        text = text[:-1]
    return f"{text}…"


def short(value: float) -> str:
    """A short form of a number: 1.2M, 60k, 3.41, 2.10e-04."""
    size = abs(value)
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            scale = 1e3 if letter == "k" else limit
            return f"{value / scale:.4g}{letter}"
    if size and size < 1e-3:
        return f"{value:.2e}"
    return f"{value:.4g}"
