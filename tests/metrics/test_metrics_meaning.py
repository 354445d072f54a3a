"""What figures tell, and which way each is better: said by its metric, and read by all that chooses or marks a best."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from ganforge.evaluation.report.beside import best_of
from ganforge.evaluation.report.words import meanings
from ganforge.metrics.base import Extractor, Meaning, Metric, SampleSet
from ganforge.registry import load_all
from refused import refused

load_all()


@pytest.mark.parametrize("kind", sorted(Metric.kinds))
def test_every_metric_says_what_its_figures_tell(kind):
    values = Metric.kinds[kind].values
    assert values, "no figure of this metric would be explained, nor any model be the best by it"
    assert next(iter(values.values())).direction, "the first one chooses the best model"
    for stem, meaning in values.items():
        assert meanings()[stem] == meaning, "two metrics say different things of one figure"
        assert meaning.text.endswith(".")


def test_which_value_is_better():
    lower, higher, near, neither = Meaning("", "lower"), Meaning("", "higher"), Meaning("", "near", 0.5), Meaning("")
    assert lower.is_better(1.0, 2.0)
    assert not lower.is_better(2.0, 1.0)
    assert not lower.is_better(1.0, 1.0)
    assert higher.is_better(2.0, 1.0)
    assert not higher.is_better(1.0, 2.0)
    assert near.is_better(0.4, 0.7)
    assert near.is_better(0.6, 0.2)
    assert not near.is_better(0.0, 0.9)
    assert not neither.is_better(1.0, 2.0)
    assert not neither.is_better(1.0, None)
    for meaning in (lower, higher, near):
        assert meaning.is_better(1.0, None)
        assert meaning.is_better(1.0, math.nan)
        assert meaning.is_better(1.0, math.inf)
        assert not meaning.is_better(None, 1.0)
        assert not meaning.is_better(math.nan, None)


def test_memorising_is_best_by_chance_and_not_far_from_everything():
    """A model whose samples lie nowhere near the data has no copies: that is not what makes it the best."""
    copies = Metric.parse("nn").meaning_of("copies5k[raw]")
    assert copies.is_better(0.012, 0.0)
    assert copies.is_better(0.012, 0.3)
    assert Metric.parse({"kind": "nn", "quantile": 0.05}).meaning_of("copies5k[raw]").ideal == 0.05
    assert Metric.parse("detection").meaning_of("detection100[boosting]").is_better(0.55, 1.0)
    assert Metric.parse("detection").meaning_of("detection100[boosting]").is_better(0.55, 0.2)
    assert best_of("copies5k[raw]", [0.0, 0.012, 0.3], [None, None, None]) == 1


def test_the_first_of_equal_values_is_marked_and_one_alone_is_not():
    assert best_of("fd5k[raw]", [None, 2.0, 1.0, 1.0], [None, None, None, None]) == 2
    assert best_of("precision5k[raw]", [0.5, 0.7, 0.7], [None, None, None]) == 1
    assert best_of("fd5k[raw]", [None, 2.0], [None, None]) is None
    assert best_of("nobody-knows5k", [1.0, 2.0], [None, None]) is None


def test_raw_features_are_of_numbers():
    rows = SampleSet.of(pd.DataFrame({"city": ["Oslo", "Lima"]}), name="people.csv")
    with refused("metric.no_features", "people.csv"):
        Extractor.parse("raw").open(rows)
    assert Extractor.parse("raw").open(SampleSet.of(np.zeros((3, 24, 6), np.float32))).dim == 144


def test_two_metrics_that_share_a_name_mean_the_same():
    """Reports look the meaning up by the name alone."""
    load_all()
    seen: dict[str, Meaning] = {}
    for metric in Metric.members().values():
        for name, meaning in metric.values.items():
            assert seen.setdefault(name, meaning) == meaning, name
