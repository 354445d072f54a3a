"""How a report looks: contrast, names of rows, columns and axes, and what is marked in a comparison."""

from __future__ import annotations

import re

import pytest

from ganforge.core.media import Media
from ganforge.core.plot import charts, drawing
from ganforge.core.plot.charts import Chart
from ganforge.core.plot.drawing import Text
from ganforge.evaluation.report import beside, page, values
from ganforge.evaluation.report.content import Finding, Panel, Report
from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.report.findings import find
from ganforge.metrics.meaning import Meaning

STYLE = page.STYLE.read_text(encoding="utf-8")
LEAST = 4.5
TEXTS = ("ink", "soft", "accent", "bad", "warn", "note", "good")
DECORATION = ("axis", "grid", "empty")
"""Styles of charts that carry no value."""


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def themes() -> list[dict[str, str]]:
    """The variables of the light and of the dark page."""
    blocks = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)
    return [dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block)) for block in blocks]


def test_contrast_is_computed_as_the_standard_does():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_text_stands_out_from_its_ground(theme):
    colors = themes()[theme]
    found = {(text, ground): contrast(colors[text], colors[ground]) for text in TEXTS for ground in ("page", "card")}
    assert len(found) == 14
    assert min(found.values()) >= LEAST, min(found.items(), key=lambda item: item[1])


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_every_line_and_bar_stands_out_from_its_ground(theme):
    card = themes()[theme]["card"]
    found = {n: contrast(pair[theme], card) for n, pair in drawing.COLORS.items() if n not in DECORATION}
    assert min(found.values()) >= LEAST, min(found.items(), key=lambda item: item[1])


def test_no_text_is_small():
    sizes = [float(size) for size in re.findall(r"(?:font-size|font): ([\d.]+)px", STYLE)]
    assert len(sizes) > 10
    assert min(sizes) >= 12


def test_axes_have_titles_and_one_that_does_not_start_at_0_says_so():
    cut = charts.lines(Chart("speed", "", {"": [(0, 100.0), (10, 104.0)]}, axis="samples per second"))
    texts = [mark.text for mark in cut.marks if isinstance(mark, Text)]
    assert "samples per second" in texts
    assert "real samples seen" in texts
    assert any(text.startswith("axis starts at 99") for text in texts)
    whole = charts.lines(Chart("loss", "", {"": [(0, 0.1), (10, 4.0)]}, axis="loss"))
    assert not any(mark.text.startswith("axis starts") for mark in whole.marks if isinstance(mark, Text))
    bins = charts.histogram([0.2, 0.8], [0.4, 0.6], ["0", "9"], across="age", up="share of rows")
    texts = [mark.text for mark in bins.marks if isinstance(mark, Text)]
    assert {"age", "share of rows", "0%"} <= set(texts)


def test_images_say_what_they_show_and_name_their_rows_and_columns():
    shown = page.Page().panel(
        Panel("source, made, real", "photos.", [Media(b"png", "image/png")], ("cat", "dog"), ("source", "made", "real"))
    )
    assert 'alt="source, made, real: photos. Columns: source, made, real. Rows: cat, dog."' in shown
    assert re.findall(r"<li>(\w+)</li>", shown) == ["cat", "dog"]
    assert re.findall(r"<span>(\w+)</span>", shown) == ["source", "made", "real"]


def test_a_drawing_of_a_metric_is_a_part_of_the_page_and_has_a_text():
    drawn = charts.histogram([1.0], [1.0], ["0", "1"])
    made = page.Page().plot({"title": "age", "drawing": drawn})
    assert '<svg xmlns="http://www.w3.org/2000/svg"' in made
    assert 'role="img" aria-label="age"' in made
    other = page.Page().plot({"title": "age", "svg": "<svg><script>1</script></svg>"})
    assert "<script" not in other
    assert 'alt="age"' in other


def test_names_break_after_signs_only():
    assert page.breakable("precision10k[small@a4eb3066]") == "precision10k[<wbr>small@<wbr>a4eb3066]"
    assert "overflow-wrap: anywhere" not in re.search(r"\.figures \.name \{(.*?)\}", STYLE)[1]


class TestTheBest:
    LOWER, NONE = "fd10k[s]", (None, None)

    def test_is_named_where_nothing_is_known_of_the_spread(self):
        assert beside.best_of(self.LOWER, (3.0, 2.0), self.NONE) == 1

    def test_is_named_only_beyond_both_spreads(self):
        assert beside.best_of("kid100[s]", (6.44, -1.155), (12.9, 12.9)) is None
        assert beside.best_of("kid100[s]", (6.44, 1.0), (2.0, 2.0)) == 1
        assert beside.best_of("kid100[s]", (6.44, 1.0, 1.5), (0.1, 0.1, 0.6)) is None, "two of them are as good"

    def test_needs_two_values(self):
        assert beside.best_of(self.LOWER, (3.0, None), self.NONE) is None
        assert beside.best_of(self.LOWER, (3.0, float("nan")), self.NONE) is None
        assert beside.best_of("nobody-knows", (3.0, 2.0), self.NONE) is None

    def test_shows_its_uncertainty(self):
        column = beside.Column("kid100[s]", (6.44, 1.0), (12.9, None), None)
        assert column.cell(0) == ("6.44", "± 13")
        assert column.cell(1) == ("1", "")
        assert values.spread({"sd": 4.0, "error": 0.4}) == "± 0.4", "of a mean over samples its own"


def test_what_does_not_exceed_its_ideal_is_right():
    meaning = Meaning("", "at most", 0.5)
    assert meaning.better == "ideal: 0.5 or less"
    assert meaning.is_better(0.5, 0.6)
    assert not meaning.is_better(0.7, 0.6)
    assert beside.best_of("dcr10k[closest row]", (0.02, 0.4), (None, None)) == 1, "the nearest, as while training"
    assert beside.best_of("dcr10k[closest row]", (0.46, 0.48), (0.02, 0.02)) is None


def figure(name: str, value: float, **detail):
    protocol = {"n_real": 60_000, "n_fake": 10_000}
    return {"name": f"{name}10k[s]", "value": value, "protocol": protocol, "detail": detail}


def test_advice_fits_the_stage_of_the_run():
    poor = [figure("precision", 0.02), figure("recall", 0.01)]
    young = find(Evidence(poor, samples=8_000, wanted=1_200_000, run="runs/0001-dcgan"))
    assert any(finding.title == "training has only begun" for finding in young)
    faults = [finding for finding in young if finding.level in ("bad", "warn")]
    assert len(faults) == 2
    for finding in faults:
        assert finding.advice == "Train on before you change anything: ganforge train --resume runs/0001-dcgan"
    late = find(Evidence(poor, samples=1_000_000, wanted=1_200_000))
    assert any("packing" in finding.advice for finding in late)
    assert not any(finding.title == "training has only begun" for finding in late)


def test_lists_say_how_many_more_there_are_and_what_comes_too_often():
    from ganforge.evaluation.report.classes import Classes

    names = [str(k) for k in range(10)]
    real = dict.fromkeys(names, 0.1)
    fake = dict.fromkeys(names, 0.0) | {"7": 1.0}
    (found,) = [f for f in find(Evidence([], classes=Classes(real, fake, None))) if "too rare" in f.title]
    assert "and 4 more" in found.why
    assert "Too frequent: 7 (100.0% instead of 10.0%)" in found.why


def test_a_dcr_below_a_half_is_no_fault_and_its_text_says_so():
    from ganforge.evaluation.report.words import meaning_of
    from ganforge.modalities.table.findings import RULES

    known = Evidence([figure("dcr", 0.022, closer=False), figure("exact_copies", 0.0, copying=False, by_chance=0.0)])
    assert [finding.level for finding in find(known, RULES)] == ["good"]
    assert meaning_of("dcr10k[closest row]").better == "ideal: 0.5 or less"


def test_a_phone_gets_rows_as_blocks():
    phone = STYLE[STYLE.index("@media (max-width: 640px)") :]
    assert "display: block" in phone
    assert "content: attr(data-label)" in phone
    column = beside.Column("fd10k[s]", (1.0, 2.0), (None, None), 0)
    assert beside.cell(column, 0) == '<td class="value best" data-label="fd10k"><span>1 <small></small></span></td>'


def test_findings_come_worst_first():
    made = page.render(Report("t", "", {}, [], [Finding("note", "n", "w"), Finding("bad", "b", "w")]))
    assert made.index("Wrong: b") < made.index("Note: n")
