"""A signal that the package has never heard of is judged, explained and shown: no line of `evaluation/` is for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from ganforge.core.dataset import Dataset
from ganforge.core.media import Media
from ganforge.core.types import Spec
from ganforge.evaluation.evaluate import compared as compare
from ganforge.evaluation.evaluate import usual
from ganforge.evaluation.report import compose, page
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.sets import common, compared
from ganforge.metrics.base import Extractor, Meaning, Metric, Result, measure
from ganforge.registry import load_all
from ganforge.signals import Gallery, Noun, Rule, Signal
from refused import refused


class Hums(Dataset):
    """Sounds of eight numbers."""

    signal = "hum"

    def __init__(self, name: str, loud: float, length: int = 8):
        self.name, self.skipped = name, []
        self.items = (loud * np.random.default_rng(len(name)).standard_normal((40, length))).astype(np.float32)

    def __len__(self) -> int:
        return len(self.items)

    def read(self, index: int) -> np.ndarray:
        return self.items[index]

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {(self.items.shape[1:], "float32"): len(self.items)}


@pytest.fixture
def hum():
    load_all()

    class Loudness(Metric, kind="loudness"):
        """How loud they are."""

        signals: ClassVar[tuple[str, ...]] = ("hum",)
        values: ClassVar[dict[str, Meaning]] = {"loudness": Meaning("How loud fakes are.", "near", 1)}

        def compute(self, comparison):
            ratio = comparison.samples("fake").std() / comparison.samples("real").std()
            return [Result("loudness[all]", float(ratio), comparison.protocol())]

    def too_loud(known: Evidence):
        value = known.value("loudness")
        if value is not None and value > 2:
            yield Finding("bad", "the hums are too loud", f"{value:.1f} times as loud, peak {known.appearance:.1f}.")

    class Hum(Signal, kind="hum"):
        """Sounds."""

        noun: ClassVar[Noun] = Noun("hum", "hums", "a set of hums")
        gallery: ClassVar[Gallery | None] = Gallery(most=3)
        appearance_samples: ClassVar[int] = 10
        rules: ClassVar[Sequence[Rule]] = (too_loud,)

        def default_metrics(self, spec, *, translates, paired, sizes=()):
            return ["fd", "loudness"]

        def spec(self, dataset, nearest):
            ((shape, _),) = dataset.shapes()
            return Spec(shape)

        def prepare(self, item, spec):
            return item

        def encode(self, stored, spec, rng):
            return stored

        def decode(self, x, spec):
            return x.numpy()

        def compare_appearance(self, real: np.ndarray, fake: np.ndarray) -> Any:
            return float(np.abs(fake).max())

        def render(self, samples, spec, columns=8):
            return [Media(sample.tobytes(), "audio/wav", "a hum") for sample in samples]

    yield Hum
    del Signal.kinds["hum"], Metric.kinds["loudness"]


def judged(loud: float) -> tuple[list[Result], str]:
    subject = compared(("real", "made"), (Hums("real", 1.0), Hums("made", loud)), None, 0, {}, None)
    comparison = compare(subject, usual(subject), Extractor.parse("raw"), 0, "cpu", lambda *_: None)
    results = measure(usual(subject), comparison)
    return results, page.render(compose.report(subject, comparison, results, "ganforge evaluate real made"))


def test_it_is_judged_and_shown(hum):
    results, made = judged(3.0)
    assert [result.name for result in results] == ["fd40[raw]", "loudness[all]"]
    assert results[1].value == pytest.approx(3.0, rel=0.2)
    assert "40 hums of made against 40 of real." in made
    assert "How loud fakes are." in made
    assert "ideal: 1" in made
    assert "the hums are too loud" in made
    assert made.count("<audio controls") == 6


def test_a_sound_one_has_no_finding_of_that_kind(hum):
    _, made = judged(1.0)
    assert "too loud" not in made


def test_two_kinds_are_not_compared(hum):
    class Others(Hums):
        signal = "points"

    with refused("evaluate.signals_differ", "real is a set of hums and made is a set of points"):
        common((Hums("real", 1.0), Others("made", 1.0)), {})

    class Unknown(Hums):
        signal = ""

    with refused("data.no_signal", "made"):
        common((Hums("real", 1.0), Unknown("made", 1.0)), {})


def test_forms_that_differ_are_not_compared(hum):
    with refused("evaluate.shapes_differ", "a and b"):
        compared(("a", "b"), (Hums("a", 1.0), Hums("b", 1.0, length=9)), None, 0, {}, None)
