"""Previews of tables in other scripts than Latin show letters where the system has them, and never fail."""

import numpy as np
import pytest
from PIL import Image

from ganforge.modalities.table import drawing as picture


def drawn(text: str) -> np.ndarray:
    canvas = Image.new("RGB", (60, 20), "white")
    picture._pen(canvas, [text]).text((2, 2), text, fill="black")
    return np.asarray(canvas)


def test_two_characters_do_not_look_alike():
    font = picture._font()
    if font is None:
        pytest.skip("this system has no font of many scripts")
    only_dejavu = "DejaVu" in font.getname()[0]  # the last in the list: many scripts, but none of China
    for one, other in [("Ж", "Щ")] if only_dejavu else [("Ж", "Щ"), ("价", "格")]:
        assert (drawn(one) != drawn(other)).any(), "both are the box of a missing letter"


def test_a_system_without_fonts_draws_all_the_same(monkeypatch):
    monkeypatch.setattr(picture, "FONTS", ())
    picture._font.cache_clear()
    try:
        assert drawn("价格").shape == (20, 60, 3)
    finally:
        picture._font.cache_clear()


def test_latin_letters_are_drawn_as_ever(monkeypatch):
    monkeypatch.setattr(picture, "_font", lambda: pytest.fail("no other font is needed for these"))
    assert (drawn("prix élevé") < 255).any()
