"""Numbers and names as charts show them, and the room that they take."""

from __future__ import annotations

import unicodedata

SIZE = 11.5
"""Font size of a chart, in px."""
WIDE, NARROW = 1.09, 0.62
"""Width of a letter as a share of the font size: East Asian scripts, and all others."""


def text_width(text: str) -> float:
    """The approximate width of a text in px; fonts differ from reader to reader, so it cannot be exact."""
    return SIZE * sum(WIDE if unicodedata.east_asian_width(c) in "WF" else NARROW for c in text)


def cut(text: str, room: float) -> str:
    """The text on one line; shortened with an ellipsis where it is wider than `room` px."""
    flat = " ".join(text.split())
    if text_width(flat) <= room:
        return text if flat == text else flat  # a phrase stays one
    text = flat
    while text and text_width(text) > room - SIZE * WIDE:
        text = text[:-1]
    return f"{text}…"


def short(value: float) -> str:
    """A number in few characters: 1.2M, 60k, 3.41, 2.10e-04."""
    size = abs(value)
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            scale = 1e3 if letter == "k" else limit
            return f"{value / scale:.4g}{letter}"
    if size and size < 1e-3:
        return f"{value:.2e}"
    return f"{value:.4g}"
