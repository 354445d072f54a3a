"""Charts: one drawing, as SVG and as an image, that stays within its frame and shows what it is given."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from ganforge.core.plot import charts, drawing, text
from ganforge.core.plot.charts import Chart
from ganforge.core.plot.drawing import Drawing, Line, Rect, Text

BLUE, WHITE = (47, 109, 179), (255, 255, 255)


def marks(drawn: Drawing, kind: type, style: str = "") -> list:
    return [mark for mark in drawn.marks if isinstance(mark, kind) and style in ("", mark.style)]


def whole() -> Drawing:
    """One of each mark."""
    made = Drawing(60, 40, "a & b")
    made.rect("fake", 10, 10, 20, 20)
    made.rect("heat", 40, 10, 10, 10, 0.5)
    made.line("axis", [(0, 35), (60, 35)])
    made.line("label", [(0, 38), (60, 38)], dashed=True)
    made.dot("c1", 50, 30, 3)
    made.text(2, 8, "<x>")
    made.text(58, 20, "up", upright=True)
    made.pixels(0, 20, np.full((4, 4, 3), 7, np.uint8))
    return made


def test_svg_is_one_file_that_needs_no_other():
    made = whole().svg()
    ElementTree.fromstring(made)
    assert "&lt;x&gt;" in made
    assert 'aria-label="a &amp; b"' in made
    assert made.count("<style>") == 1
    assert "<style>" not in whole().svg(whole=False)
    assert "http" not in made.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("scale", [1, 1.5, 2])
def test_an_image_has_every_mark_at_its_place(scale):
    image = whole().image(scale)
    assert image.size == (60 * scale, 40 * scale)
    at = {name: image.getpixel((round(x * scale), round(y * scale))) for name, x, y in (
        ("rect", 20, 15), ("corner", 58, 1), ("half", 45, 15), ("dot", 50, 30), ("pixels", 2, 22)
    )}  # fmt: skip
    assert at["rect"] == BLUE
    assert at["corner"] == WHITE
    assert at["pixels"] == (7, 7, 7)
    assert at["dot"] == (184, 74, 32)
    assert at["half"] == pytest.approx([(255 + c) / 2 for c in (184, 74, 32)], abs=2)
    pixels = np.asarray(image)
    assert (pixels[: round(9 * scale), : round(25 * scale)] < 200).any(), "the text"
    row = pixels[round(38 * scale)]
    assert (row < 200).any(), "the dashes"
    assert (row == 255).any(), "the gaps between them"


def test_styles_have_a_color_by_day_and_by_night():
    for name, pair in drawing.COLORS.items():
        assert all(len(color) == 7 for color in pair), name
        assert f"svg .{name}{{color:{pair[0]}}}" in drawing.STYLE
        assert f"svg .{name}{{color:{pair[1]}}}" in drawing.STYLE.split("@media")[1]


def test_letters_of_other_scripts_do_not_look_alike():
    def drawn(letter: str) -> np.ndarray:
        made = Drawing(60, 20)
        made.text(2, 14, letter)
        return np.asarray(made.image())

    font = drawing._font(text.SIZE, True)
    if font == drawing._font(text.SIZE, False) or font.getname() == drawing._font(text.SIZE, False).getname():
        pytest.skip("this system has no font of many scripts")
    only_dejavu = "DejaVu" in font.getname()[0]  # the last in the list: many scripts, but no Chinese
    for one, other in [("Ж", "Щ")] if only_dejavu else [("Ж", "Щ"), ("价", "格")]:
        assert (drawn(one) != drawn(other)).any(), "both are the box of a missing letter"


def test_a_system_without_fonts_draws_all_the_same(monkeypatch):
    monkeypatch.setattr(drawing, "FONTS", ())
    drawing._font.cache_clear()
    try:
        assert whole().image().size == (60, 40)
        made = Drawing(60, 20)
        made.text(2, 14, "价格")
        assert made.image().size == (60, 20)
    finally:
        drawing._font.cache_clear()


def test_names_take_the_room_that_they_have():
    assert text.text_width("城市") > text.text_width("abc")
    assert text.cut("城市所在地名称" * 3, 60).endswith("…")
    assert text.text_width(text.cut("城市所在地名称" * 3, 60)) <= 60
    assert text.cut("ab", 60) == "ab"
    assert text.cut("two\nlines", 200) == "two lines"


def test_numbers_are_short():
    assert [text.short(v) for v in (1_234_567, 60_000, 3.41, 2.1e-4, 0)] == ["1.235M", "60k", "3.41", "2.10e-04", "0"]


class TestLines:
    def test_stay_within_their_frame(self):
        points = [(x, float(np.sin(x / 50) * 1e5)) for x in range(5000)]
        assert len(charts.thinned(points)) <= charts.MOST_POINTS
        drawn = charts.lines(Chart("t", "u", {"a": points}))
        (line,) = marks(drawn, Line, "c0")
        assert all(
            charts.LEFT <= x <= charts.WIDTH - charts.RIGHT + 1e-6 and charts.TOP <= y <= charts.HEIGHT - charts.BOTTOM
            for x, y in line.points
        )
        assert line.title == f"a: {text.short(charts.thinned(points)[-1][1])} at 4999 samples"

    def test_without_a_finite_point_there_is_no_chart(self):
        assert charts.lines(Chart("t", "u", {"a": []})) is None
        assert charts.lines(Chart("t", "u", {"a": [(1, float("nan"))]})) is None
        assert charts.lines(Chart("t", "u", {"a": [(5, 3.0)]})) is not None

    def test_every_line_is_in_the_legend_and_within_the_drawing(self):
        series = {f"a rather long name of line {k}": [(1, k), (2, k + 1)] for k in range(9)}
        drawn = charts.lines(Chart("t", "u", series), heading=True)
        texts = marks(drawn, Text)
        for k, name in enumerate(series):
            (entry,) = [one for one in texts if one.text == f"{name} {k + 1}"]
            assert entry.y < drawn.height
            assert entry.x + text.text_width(entry.text) <= drawn.width


class TestBars:
    def test_are_as_long_as_their_values(self):
        drawn = charts.bars(["a", "b"], {"real": [0.5, 0.5], "fake": [1.0, 0.0]})
        real, fake = (marks(drawn, Rect, style) for style in ("real", "fake"))
        assert real[0].width == pytest.approx(fake[0].width / 2)
        assert fake[1].width == 0.5, "the least that one can see"
        assert [one.text for one in marks(drawn, Text)] == ["real · generated", "a", "0.5 · 1", "b", "0.5 · 0"]

    def test_a_histogram_has_the_height_of_its_shares(self):
        drawn = charts.histogram([0.2, 0.8], [0.4, 0.0], ["0", "1"], tall=100)
        assert [one.height for one in marks(drawn, Rect, "real")] == pytest.approx([25, 100])
        assert [one.height for one in marks(drawn, Rect, "fake")] == pytest.approx([50])


def test_a_heat_map_has_a_square_for_each_pair_that_differs():
    drawn = charts.heat(["a", "b"], [[float("nan"), 0.25], [0.25, 0.0]])
    cells = [one for one in marks(drawn, Rect, "heat") if one.width > 22]
    assert [one.opacity for one in cells] == [0.5, 0.5]


def test_tiles_do_not_overlap():
    one = charts.histogram([1.0], [1.0], ["0", "1"], width=100, tall=50)
    drawn = charts.legend(charts.tiled([one] * 5, 3))
    assert drawn.width == 300
    spots = {(bar.x, bar.y) for bar in marks(drawn, Rect, "real")}
    assert len(spots) == 6, "five bars and the legend's square"
    assert max(bar.x + bar.width for bar in marks(drawn, Rect)) <= drawn.width
    assert max(mark.y for mark in marks(drawn, Text)) <= drawn.height
