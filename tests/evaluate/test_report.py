"""What a report says: rules over figures, charts, and a page in which nothing is run and nothing is missing."""

from __future__ import annotations

import base64
import io
import json
import wave
from typing import ClassVar

import numpy as np
import pytest

from ganforge.core.component import build
from ganforge.core.media import ENDINGS, Media
from ganforge.core.types import Spec
from ganforge.evaluation.report import gallery, page
from ganforge.evaluation.report.classes import Classes
from ganforge.evaluation.report.content import Bars, Chart, Finding, Panel, Report
from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.report.findings import find
from ganforge.evaluation.report.values import shared
from ganforge.evaluation.report.words import meaning_of, meanings, stem_of
from ganforge.evaluation.subject import Subject
from ganforge.metrics.base import SampleSet
from ganforge.modalities.image.appearance import RULES, Appearance, compare_appearance
from ganforge.signals import Gallery, Signal


def figure(name: str, value: float, **detail):
    return {
        "name": f"{name}10k[small@12345678]",
        "value": value,
        "protocol": {"n_real": 60_000, "n_fake": 10_000},
        "detail": detail,
    }


SOUND = [figure("fd", 3.0), figure("precision", 0.8), figure("recall", 0.7), figure("coverage", 0.9)]


def titles(known: Evidence, *levels: str) -> list[str]:
    return [finding.title for finding in find(known, RULES) if finding.level in (levels or ("bad", "warn"))]


def test_a_sound_run_is_left_in_peace():
    assert titles(Evidence(SOUND)) == []
    calm = Appearance(0.1, 1.02, {"R": 1.0, "G": 0.0, "B": -1.0})
    even = {"a": 0.5, "b": 0.5}
    assert titles(Evidence(SOUND, appearance=calm, classes=Classes(even, {"a": 0.45, "b": 0.55}, None))) == []


@pytest.mark.parametrize(
    ("known", "word"),
    [
        (Evidence([figure("precision", 0.3), figure("recall", 0.7)]), "do not look like the data"),
        (Evidence([figure("precision", 0.02)]), "hardly look"),
        (Evidence([figure("precision", 0.9), figure("recall", 0.1)]), "lack variety"),
        (Evidence([figure("coverage", 0.05)]), "never generated"),
        (Evidence([figure("copies", 0.4, copying=True, by_chance=0.01)]), "training samples are repeated"),
        (Evidence(SOUND, appearance=Appearance(1.5, 1.0, {"gray": 0.0})), "too bright"),
        (Evidence(SOUND, appearance=Appearance(-1.5, 1.0, {"gray": 0.0})), "too dark"),
        (Evidence(SOUND, appearance=Appearance(0.0, 0.5, {"gray": 0.0})), "too little contrast"),
        (Evidence(SOUND, appearance=Appearance(0.0, 1.0, {"R": 20.0, "G": -10.0, "B": -10.0})), "colors are off"),
        (Evidence(SOUND, classes=Classes({"a": 0.5, "b": 0.5}, {"a": 0.97, "b": 0.03}, None)), "too rare or too freq"),
        (Evidence(SOUND, classes=Classes({"a": 1.0}, {"a": 1.0}, {"a": 0.4})), "not generated as requested"),
        (Evidence(SOUND, events=[{"event": "health", "state": "collapsing", "samples": 9, "why": "-"}]), "collapsing"),
        (Evidence(SOUND, events=[{"event": "failed", "message": "no longer finite"}]), "stopped with an error"),
        (Evidence([{"name": "fd", "value": 1.0, "protocol": {"n_real": 90, "n_fake": 90}}]), "few samples"),
    ],
)  # fmt: skip
def test_each_fault_is_named(known, word):
    assert any(word in title for title in titles(known)), titles(known)


def test_what_is_only_worth_knowing_is_no_fault():
    healed = [
        {"event": "health", "state": "G wins", "samples": 5, "why": ""},
        {"event": "health", "state": "healthy", "samples": 9, "why": ""},
    ]
    best = [
        {"event": "evaluate", "samples": s, "best": b, "metric/fd": v, "results": [{"name": "fd"}]}
        for s, b, v in ((10, True, 1.0), (20, False, 2.0))
    ]
    known = Evidence(
        SOUND, events=[*healed, *best, {"event": "skipped", "count": 3}], samples=20, wanted=40, notes=["so"]
    )
    assert titles(known) == []
    said = titles(known, "note")
    for word in ("recovered", "an earlier model was better", "3 samples of the data", "not finished"):
        assert any(word in title for title in said), (word, said)


def test_look_sees_what_was_done():
    draws = np.random.default_rng(0)
    real = (
        (draws.integers(60, 180, (200, 6, 6, 3)) + draws.integers(-30, 30, (200, 1, 1, 1)))
        .clip(0, 255)
        .astype(np.uint8)
    )
    same = compare_appearance(real[:100], real[100:])
    assert abs(same.brightness) < 0.4
    assert same.contrast == pytest.approx(1, abs=0.1)
    brighter = (real[100:].astype(int) + 60).clip(0, 255).astype(np.uint8)
    assert compare_appearance(real[:100], brighter).brightness > 2
    flat = (real[100:] // 2 + 60).astype(np.uint8)
    assert compare_appearance(real[:100], flat).contrast < 0.6
    red = real[100:].copy()
    red[..., 0] = (red[..., 0].astype(int) + 40).clip(0, 255)
    assert compare_appearance(real[:100], red).color["R"] == pytest.approx(40 * 2 / 3, rel=0.2)
    gray = compare_appearance(real[:100, ..., :1], real[100:, ..., :1])
    assert gray.color == {"gray": 0.0}


def test_names_lead_to_words():
    assert stem_of("fd5k[small@12345678]") == "fd"
    assert stem_of("precision10000[raw]") == "precision"
    assert stem_of("ssim_y[rgb]") == "ssim"
    assert stem_of("ms_ssim2k") == "ms_ssim"
    assert meaning_of("nobody-knows5k").text == ""
    assert all(meaning.text for meaning in meanings().values())


def test_a_page_shows_text_as_text_and_runs_nothing():
    evil = "<script>alert(1)</script>"
    report = Report(
        title=evil,
        lead=evil,
        facts={evil: evil},
        results=[{"name": evil, "value": float("nan"), "protocol": {evil: evil}, "detail": {"notes": [evil]}}],
        findings=[Finding("bad", evil, evil, evil)],
        panels=[
            Panel(evil, evil, [Media(evil.encode(), mime, evil) for mime in ENDINGS], (evil,)),
            Panel(evil, "", [Media(b"png", "image/png")]),
        ],
        charts=[Chart(evil, evil, {evil: [(0, 1.0), (10, float("nan")), (20, 2.0)]})],
        bars=[Bars(evil, evil, {evil: 1.0})],
        plots=[{"title": evil, "svg": f"<svg>{evil}</svg>"}],
        command=evil,
    )
    made = page.render(report)
    assert "<script" not in made
    assert "&lt;script&gt;" in made
    assert "nan" not in made.split("</style>")[1]


def test_what_stamps_share_stands_once():
    protocols = [{"a": 1, "b": 2}, {"a": 1, "b": 3}]
    assert shared(protocols) == {"a": 1}
    assert shared(protocols[:1]) == {}


def test_charts_are_written_into_the_page_with_their_titles():
    made = page.Page().lines(Chart("losses <b>", "u", {"a": [(5, 3.0)]}))
    assert made.startswith("<figure")
    assert 'aria-label="losses &lt;b&gt;, line chart over 5 real samples seen; at the end: a 3"' in made
    assert "<style>" not in made, "the page has it once"
    assert page.Page().lines(Chart("t", "u", {"a": []})) == ""


def test_comparisons_tell_the_best_only_where_protocols_agree(tmp_path):
    from ganforge.evaluation.compare import columns_of, differences
    from ganforge.evaluation.evaluate import Evaluation
    from ganforge.metrics.base import Result

    def run(name, *results):
        return Evaluation(name, results, Report(name, "", {}, []), tmp_path, tmp_path)

    def result(name, value, **protocol):
        return Result(name, value, {"n_real": 100, "fake": "x", **protocol})

    alike = [run("a", result("fd5k[s]", 3.0, fake="a"), result("recall5k[s]", 0.2)),
             run("b", result("fd5k[s]", 2.0, fake="b"), result("recall5k[s]", 0.6))]  # fmt: skip
    assert [(column.name, column.best) for column in columns_of(alike)] == [("fd5k[s]", 1), ("recall5k[s]", 1)]
    assert differences(alike) == []
    apart = [run("a", result("fd5k[s]", 3.0)), run("b", result("fd5k[t]", 2.0, n_real=50))]
    (column,) = columns_of(apart)
    assert (column.name, column.best) == ("fd5k[differ]", None)
    assert "n_real" in differences(apart)[0]


def test_results_that_are_not_finite_are_null(tmp_path):
    from ganforge.evaluation.output import plain_result
    from ganforge.metrics.base import Result

    assert json.loads(json.dumps(plain_result(Result("kid", float("nan"), {})), allow_nan=False))["value"] is None


def test_a_page_plays_sounds_and_films_and_shows_texts():
    """What a signal renders is shown whatever it is: a sound with a player, HTML in a frame without scripts."""
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(np.zeros(80, np.int16).tobytes())
    media = [
        Media(sound.getvalue(), "audio/wav", "a second of nothing"), Media(b"film", "video/mp4"),
        Media(b"<b>bold</b>", "text/html"), Media(b"a < b", "text/plain"), Media(b"v 0 0 0", "model/obj", "a mesh"),
        Media(b"<svg/>", "image/svg+xml"),
    ]  # fmt: skip
    made = page.render(Report("t", "", {}, [], panels=[Panel("heard", "all of them", media)]))
    data = base64.b64encode(sound.getvalue()).decode()
    assert f'<audio controls title="a second of nothing" src="data:audio/wav;base64,{data}"></audio>' in made
    assert '<div class="quiet">a second of nothing</div>' in made
    assert '<video controls title="heard: all of them" src="data:video/mp4;base64,' in made
    assert '<iframe sandbox title="heard: all of them" srcdoc="&lt;b&gt;bold&lt;/b&gt;"></iframe>' in made
    assert "<pre>a &lt; b</pre>" in made
    assert '<a download="a mesh.obj" href="data:model/obj;base64,' in made
    assert "<h2>Samples</h2>" in made
    assert "<b>bold" not in made


@pytest.fixture
def hum():
    """A signal whose samples are sounds."""

    class Hum(Signal, kind="hum"):
        gallery: ClassVar[Gallery | None] = Gallery(most=3, columns=3)

        def render(self, samples, spec, columns=8):
            return [Media(bytes(sample.tolist()), "audio/wav", f"sound {k}") for k, sample in enumerate(samples)]

    yield Hum()
    del Signal.kinds["hum"]


def test_a_signal_of_sounds_is_shown_without_an_edit(hum):
    """The gallery asks the signal alone: how many samples, and what they are as media."""
    sides = [SampleSet.of(np.arange(40, dtype=np.uint8).reshape(10, 4) + 100 * k, name=name)
             for k, name in enumerate(("real", "fake"))]  # fmt: skip
    judged, real = gallery.panels(Subject("t", hum, Spec((4,)), *sides, {}), [], 0)
    assert (judged.title, real.title) == ("evaluated", "real")
    assert [media.data for media in judged.media] == [bytes(range(100 + k, 104 + k)) for k in (0, 16, 36)]
    assert page.Page().panel(real).count("<audio") == 3


def test_a_signal_that_shows_nothing_has_no_panels():
    table = build(Signal, {"kind": "table"})
    side = SampleSet.of(np.zeros((4, 2)))
    assert list(gallery.panels(Subject("t", table, Spec((2,)), side, side, {}), [], 0)) == []
