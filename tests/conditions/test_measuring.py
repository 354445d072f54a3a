"""Asked against made: the metric knows images that obey from images that do not, and states its own error."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganforge.core.condition_kinds import Angle, Category, Labels, Number, Ordinal
from ganforge.core.conditions import Conditions
from ganforge.metrics.base import Comparison, Encoder, SampleSet
from ganforge.metrics.sliding import SlidingFrechet
from ganforge.modalities.image.metrics import conditions as measuring
from ganforge.modalities.image.metrics.conditions import ConditionsMet, f_one, phases, score, values_of
from refused import refused

CONDITIONS = Conditions((Category("shade", ("dark", "light")), Number("width", 2.0, 6.0)))


def bars(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Images of a bar whose shade and width are the conditions."""
    draws = np.random.default_rng(seed)
    rows = [(("dark", "light")[k % 2], float(draws.uniform(2, 6))) for k in range(n)]
    images = draws.integers(0, 20, (n, 8, 8, 1)).astype(np.uint8)
    for image, (shade, width) in zip(images, rows, strict=True):
        reach = np.clip(width - np.arange(8), 0, 1)
        image[:] += (reach * (200 if shade == "light" else 80)).astype(np.uint8)[None, :, None]
    return images, CONDITIONS.encode(rows)


def side(images, vectors, name) -> SampleSet:
    n = len(images)

    def draw(size):
        for start in range(0, n, size):
            yield images[start : start + size]

    return SampleSet(name, n, draw, vectors=vectors)


@pytest.fixture(scope="module")
def results():
    images, vectors = bars(1200, 0)
    made, asked = bars(300, 1)
    swapped = asked.copy()
    swapped[:150] = asked[150:]  # half of the fakes were asked for what they are not
    comparison = Comparison(
        side(images, vectors, "real"), side(made, swapped, "fake"), conditions=CONDITIONS,
        train=side(images, vectors, "train"), unseen=side(made, asked, "unseen"),
    )  # fmt: skip
    return {one.name: one for one in ConditionsMet(steps=150).compute(comparison)}


def test_what_was_not_made_as_asked_is_noticed(results):
    assert set(results) == {
        "asked_accuracy300[shade]", "asked_error300[width]", "asked_accuracy300[shade, unseen]",
        "asked_error300[width, unseen]",
    }  # fmt: skip
    assert results["asked_accuracy300[shade, unseen]"].value > 0.97
    assert results["asked_error300[width, unseen]"].value < 0.3
    assert results["asked_error300[width]"].value > 0.5


def test_the_error_of_the_net_itself_stands_beside(results):
    assert results["asked_accuracy300[shade]"].protocol["on_reals"] > 0.97
    assert results["asked_error300[width]"].protocol["on_reals"] < 0.3
    assert results["asked_error300[width]"].protocol["n_test"] == 120


def test_too_few_images_and_no_conditions_are_refused():
    images, vectors = bars(50, 0)
    few = side(images, vectors, "few")
    with refused("metric.too_few_samples", "50"):
        ConditionsMet().compute(Comparison(few, few, conditions=CONDITIONS, train=few))
    bare = side(images, None, "bare")
    assert "conditions" in ConditionsMet().lacks(Comparison(bare, bare, train=bare))
    assert not ConditionsMet().lacks(Comparison(few, few, conditions=CONDITIONS, train=few))


def test_scores_of_each_kind():
    assert score(Category("c", ("a", "b")), ["a", "b", None], ["a", "a", "a"]) == ("asked_accuracy", 0.5)
    assert score(Ordinal("o", ("1", "2")), ["1", "2"], ["1", "2"]) == ("asked_accuracy", 1.0)
    assert score(Angle("a"), [350.0, 10.0], [10.0, 10.0]) == ("asked_error", 10.0)
    assert score(Number("n", 0.0, 1.0), [0.5, None], [1.0, 0.0]) == ("asked_error", 0.5)
    assert math.isnan(score(Number("n", 0.0, 1.0), [None], [1.0])[1])
    assert score(Labels("l", ("x", "y")), [("x",), ()], [("x",), ("x",)])[0] == "asked_f_one"
    assert f_one([{"x"}, set()], [{"x"}, {"x"}], ("x", "y")) == pytest.approx(2 / 3)


def test_values_are_read_from_outputs_of_each_kind():
    each = (
        Category("c", ("a", "b", "d")), Labels("l", ("x", "y")), Ordinal("o", ("1", "2", "3")),
        Number("n", 0.0, 10.0), Angle("a"),
    )  # fmt: skip
    rows = [("b", ("y",), "2", 2.5, 300.0), ("a", (), "3", 10.0, 0.5)]
    conditions = Conditions(each)
    vectors = torch.from_numpy(conditions.encode(rows))
    parts = []
    for one in each:
        block = vectors[:, conditions.slices[one.name]][:, :-1]
        parts.append(block if isinstance(one, (Number, Angle)) else torch.where(block > 0, 3.0, -3.0))
    for row, *found in zip(rows, *values_of(torch.cat(parts, 1), conditions), strict=True):
        assert tuple(found[:3]) == row[:3]
        assert found[3:] == pytest.approx(row[3:], abs=0.2)


def test_a_phase_is_read_from_noisy_harmonics():
    true = torch.linspace(-3, 3, 40)
    turns = true[:, None] * torch.arange(1, 5)
    noise = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    outputs = torch.cat([turns.cos(), turns.sin()], 1) + 0.1 * noise
    assert (phases(outputs, False) - true).abs().max() < 0.15


def test_sliding_distances_see_a_condition_that_is_ignored():
    """Features that follow the condition on one side only have the same distribution on the whole."""
    draws = np.random.default_rng(0)
    vectors = CONDITIONS.encode([("dark", float(v)) for v in draws.uniform(2, 6, 3000)])
    values = np.array(CONDITIONS["width"].decode(vectors[:, 3:]))

    class Known(Encoder):
        tag, identity, dim, provenance = "known", "known", 2, {}

        def __init__(self):
            self.given = iter([])

        def encode(self, part):
            return torch.from_numpy(part.reshape(len(part), -1).astype(np.float32)), None

    real = np.stack([values, draws.normal(size=3000)], 1).astype(np.float32)
    for fake, low, high in ((real, 0, 0.02), (draws.permutation(real), 1, 10)):
        comparison = Comparison(
            side(real, vectors, "real"), side(fake, vectors, "fake"), Known(), conditions=CONDITIONS
        )
        (found,) = SlidingFrechet(intervals=4).compute(comparison)
        assert found.name == "sfid3k[width]"
        assert low <= found.value <= high
        assert len(found.detail["per_interval"]) == 4
    with refused("metric.no_numbers"):
        SlidingFrechet().compute(Comparison(side(real, vectors, "r"), side(real, vectors, "f"), Known(),
                                            conditions=Conditions(CONDITIONS.each[:1])))  # fmt: skip


def test_the_net_takes_images_of_other_sizes():
    for size in (8, 28, 64):
        assert measuring.ReadingNet(3, size, 5)(torch.zeros(2, 3, size, size)).shape == (2, 5)
