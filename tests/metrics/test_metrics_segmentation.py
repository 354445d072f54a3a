"""Photos made from label maps: right ones, gray ones and those of other maps are distinguished by a net trained on real
pairs, and every figure is what its definition says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ganforge.metrics.base import Comparison, Metric, SampleSet, measure
from ganforge.modalities.pair.metrics.segmentation import FIGURES, MOST, Segmentation, notes_on, per_class, spread
from refused import refused

COLORS = np.array([[200, 60, 40], [40, 180, 70], [60, 80, 210]])
SIZE = 16
METRIC = Segmentation(steps=45)


def pairs(n: int, seed: int, void: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Photos whose colors say the class, with noise, and their label maps of 4×4 patches; void is any color."""
    draws = np.random.default_rng(seed)
    maps = draws.integers(0, 3, (n, 4, 4))
    maps[draws.random((n, 4, 4)) < void] = 3
    maps = np.kron(maps, np.ones((1, 4, 4), int))
    photos = np.concatenate([COLORS, [[0, 0, 0]]])[maps] + draws.integers(-20, 21, (n, SIZE, SIZE, 3))
    photos = np.where((maps == 3)[..., None], draws.integers(0, 256, photos.shape), photos)
    return photos.clip(0, 255).astype(np.uint8), maps[..., None].astype(np.uint8)


def side(photos: np.ndarray, maps: np.ndarray, name: str) -> SampleSet:
    return replace(SampleSet.of(photos, name=name), sources=SampleSet.of(maps, name=f"{name} (sources)"))


def facts(classes=(0, 1, 2), mode="classes"):
    return {"source": {"mode": mode, "classes": list(classes)}}


def compared(fake: np.ndarray, real: SampleSet, classes=(0, 1, 2), **more) -> Comparison:
    return Comparison(real, SampleSet.of(fake, name="made"), paired=True, facts=facts(classes), **more)


def found(comparison: Comparison, metric: Metric = METRIC) -> dict[str, float]:
    return {result.name.split("[")[0].rstrip("0123456789"): result.value for result in measure([metric], comparison)}


@pytest.fixture(scope="module")
def real() -> SampleSet:
    return side(*pairs(32, 0), "real")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """Shared, so that the net is trained once."""
    return tmp_path_factory.mktemp("cache")


@pytest.mark.slow
def test_real_photos_are_right_gray_and_shuffled_ones_are_not(real, cache):
    photos = next(real.draw(32))
    same = found(compared(photos, real, cache=cache))
    for name in FIGURES:
        assert same[name] == same[f"{name}-of-real"] > 0.9, name
    gray = found(compared(np.full_like(photos, 128), real, cache=cache))
    shuffled = found(compared(np.roll(photos, 1, 0), real, cache=cache))
    for name in FIGURES:
        assert gray[f"{name}-of-real"] == shuffled[f"{name}-of-real"] == same[name]
    assert gray["iou"] < 0.4, "of three classes one is named, or few"
    assert 0.15 < shuffled["iou"] < 0.3, "by chance: 1/9 of the pixels are right, of 5/9"
    assert 0.2 < shuffled["pixel-accuracy"] < 0.45, "by chance: a third"


def test_what_comes_by_chance_is_said(real, cache):
    photos = next(real.draw(32))
    right, *_ = measure([METRIC], compared(photos, real, cache=cache))
    assert 0.1 < right.detail["by_chance"] < 0.35
    assert "notes" not in right.detail
    shuffled, *_ = measure([METRIC], compared(np.roll(photos, 1, 0), real, cache=cache))
    assert any("do not follow their label maps" in note for note in shuffled.detail["notes"])


def test_training_and_judged_pairs_are_disjoint(real, cache):
    """A quarter of the pairs are the yardstick; photos of others may be anything."""
    photos = next(real.draw(32))
    (result, *_) = measure([METRIC], compared(photos, real, cache=cache))
    assert result.protocol["learnt_from"] == "24 of the pairs"
    assert result.protocol["judged"] == "8 other ones"
    assert result.name.startswith("iou8[segmenter@")
    assert result.protocol["resolution"] == "16×16"


@pytest.mark.slow
def test_pairs_of_the_training_teach_where_others_are_judged(real, cache):
    others = side(*pairs(6, 1), "test")
    read = []

    def train() -> SampleSet:
        read.append(1)
        return real

    (result, *_) = measure([METRIC], compared(next(others.draw(6)), others, train=train))
    assert read == [1], "read when it was asked for, once"
    assert result.protocol["learnt_from"] == "32 training pairs"
    assert result.protocol["judged"] == "6 other ones"
    assert result.value > 0.9
    again = replace(real, name="the same once more")
    (result, *_) = measure([METRIC], compared(next(real.draw(32)), real, train=again, cache=cache))
    assert result.protocol["judged"] == "8 other ones", "what it was trained on is not judged"


def test_the_net_is_trained_once(real, tmp_path):
    titles = []
    more = {"cache": tmp_path, "progress": lambda title, done, total: titles.append(title)}
    metric = Segmentation(steps=3)
    first = measure([metric], compared(next(real.draw(32)), real, **more))
    assert any("training a segmenter" in title for title in titles)
    titles.clear()
    second = measure([metric], compared(next(real.draw(32)), real, **more))
    assert not any("training a segmenter" in title for title in titles)
    assert [result.to_plain() for result in first] == [result.to_plain() for result in second]
    (file,) = (tmp_path / "extractors").iterdir()
    file.write_bytes(b"broken")
    third = measure([metric], compared(next(real.draw(32)), real, **more))
    assert third[0].value == first[0].value, "a damaged file is made again"


@pytest.mark.slow
def test_void_pixels_count_for_nothing(cache):
    """Level 255 beside small ones is void by custom; a void class may look like anything."""
    photos, maps = pairs(32, 2, void=0.3)
    given = side(photos, maps, "real")
    (result, *_) = measure([METRIC], compared(photos, given, classes=(0, 1, 2, 255), cache=cache))
    assert result.value > 0.9
    assert result.protocol["classes"] == 3
    assert 0.2 < result.protocol["void"] < 0.4
    assert set(result.detail["per_class"]) == {"0", "1", "2"}
    wrong = np.where(maps == 3, 255 - photos, photos)
    (other, *_) = measure([METRIC], compared(wrong, given, classes=(0, 1, 2, 255), cache=cache))
    assert other.value > 0.85, "what stands in void pixels is passed over"


def test_which_classes_are_void():
    assert Segmentation().void_of([0, 1, 2, 255]) == {"255"}
    assert Segmentation().void_of([0, 255]) == set(), "black and white"
    assert Segmentation().void_of([0, 128, 255]) == set(), "gray levels of a drawing"
    assert Segmentation().void_of(["#000000", "#ff0000"]) == set()
    assert Segmentation(void=("11",)).void_of([*range(12)]) == {"11"}
    assert Segmentation(void=("#E0E0C0",)).void_of(["#000000", "#e0e0c0"]) == {"#e0e0c0"}
    with refused("metric.unknown_class", "void 12", "(0, 1"):
        Segmentation(void=("12",)).void_of([*range(12)])


def test_figures_by_hand():
    table = np.array([[6, 2, 0], [1, 1, 0], [0, 0, 0]])  # no label map holds the third class
    assert FIGURES["pixel-accuracy"](table) == pytest.approx(7 / 10)
    assert FIGURES["class-accuracy"](table) == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert FIGURES["iou"](table) == pytest.approx((6 / 9 + 1 / 4) / 2)
    assert per_class(table, "abc") == pytest.approx({"a": 6 / 9, "b": 1 / 4})
    good, chance = np.array([[8, 0], [1, 1]]), np.array([[4, 4], [1, 1]])
    assert not notes_on(good, good, chance)
    (note,) = notes_on(chance, good, chance)
    assert "do not follow their label maps" in note
    (note,) = notes_on(table[:2, :2], np.array([[6, 2], [3, 1]]), chance)
    assert "58% of the pixels of real photos, and always predicting the most common class in 67%" in note


def test_of_many_pairs_some_are_trained_on():
    rows = spread(np.arange(3 * MOST))
    assert len(rows) == MOST
    assert (rows[0], rows[-1]) == (0, 3 * MOST - 1)
    assert spread(np.array([4, 9])).tolist() == [4, 9]


def test_what_it_lacks(real):
    photos = next(real.draw(32))
    pictures = Comparison(real, SampleSet.of(photos), paired=True, facts=facts((), "RGB"))
    with refused("metric.requirement_missing", "label maps", "signal.source=classes"):
        measure([METRIC], pictures)
    with refused("metric.requirement_missing", "needs pairs"):
        measure([METRIC], Comparison(real, SampleSet.of(photos), facts=facts()))
    few = side(photos[:3], np.zeros((3, SIZE, SIZE, 1), np.uint8), "few")
    with refused("metric.too_few_samples", "few: 3 pairs"):
        measure([METRIC], compared(photos[:3], few))
