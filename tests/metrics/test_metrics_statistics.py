"""Moments: streamed, merged, exact, and known again when they come from a file."""

from __future__ import annotations

import numpy as np
import pytest

from ganforge.metrics import statistics
from ganforge.metrics.base import Comparison, Encoder, Metric, SampleSet, fingerprint_of, measure, short_count
from ganforge.metrics.raw import Raw, RawEncoder
from ganforge.metrics.statistics import Gather, moments
from ganforge.registry import load_all
from refused import refused

load_all()

N, D = 700, 12


@pytest.fixture
def features():
    draws = np.random.default_rng(0)
    return draws.standard_normal((N, D)) @ draws.standard_normal((D, D)) + 3


def near(a, b, tolerance=1e-12):
    return np.abs(a - b).max() <= tolerance * np.abs(b).max()


@pytest.mark.parametrize("sizes", [[N], [1] * N, [300, 1, 399], [0, N]])
def test_batches_of_any_size_give_the_same(features, sizes, monkeypatch):
    monkeypatch.setattr(statistics, "ROWS", 64)
    gather, start = Gather(), 0
    for size in sizes:
        gather.add(features[start : start + size])
        start += size
    found = gather.moments()
    assert found.n == N
    assert near(found.mean, features.mean(0))
    assert near(found.covariance, np.cov(features, rowvar=False))


def test_processes_are_merged(features):
    a, b, c = (moments(part) for part in (features[:1], features[1:350], features[350:]))
    for merged in (a.merge(b).merge(c), c.merge(a.merge(b)), Gather().moments().merge(a.merge(c)).merge(b)):
        assert merged.n == N
        assert near(merged.mean, features.mean(0))
        assert near(merged.covariance, np.cov(features, rowvar=False))


def test_features_far_from_zero_lose_no_digits(features):
    """A sum of squares less the square of a sum would lose all of them at 1e8."""
    found = moments(features + 1e8)
    assert near(found.covariance, np.cov(features, rowvar=False), 1e-6)


def test_a_file_of_another_extractor_is_refused(features, tmp_path):
    path = tmp_path / "inner" / "real.safetensors"
    statistics.save(path, moments(features), '{"extractor": "small", "weights": "1a2b3c4d", "resizer": "none"}')
    again = statistics.load(path, '{"extractor": "small", "weights": "1a2b3c4d", "resizer": "none"}')
    assert again.n == N
    assert (again.scatter == moments(features).scatter).all()
    with refused("statistics.other_extractor", "small (weights 1a2b3c4d"):
        statistics.load(path, '{"extractor": "inception", "weights": "ff", "resizer": "clean"}')
    path.write_bytes(path.read_bytes()[:-9])
    with refused("statistics.unreadable", str(path)):
        statistics.load(path, "")
    with refused("statistics.not_found", "nothing"):
        statistics.load(tmp_path / "nothing", "")


class Counting(Encoder):
    """Raw numbers, and how many samples it has seen."""

    name, digest, dim = "counting", "12345678", 4
    classes = ("a", "b")

    def __init__(self):
        self.seen = 0

    def encode(self, samples):
        import torch

        self.seen += len(samples)
        x = torch.from_numpy(samples)
        return x, x[:, :2].softmax(1)


@pytest.fixture
def sides():
    draws = np.random.default_rng(1)
    real, fake = (draws.standard_normal((n, 4)).astype(np.float32) for n in (600, 500))
    return SampleSet.of(real, name="real"), SampleSet.of(fake, name="fake")


@pytest.mark.parametrize("metrics", [["fd"], ["fd", "kid", "prdc", "is", "nn", "mfd"], ["fd100", "fd"]])
def test_each_side_goes_through_the_extractor_once(sides, metrics):
    encoder = Counting()
    measure([Metric.parse(m) for m in metrics], Comparison(*sides, encoder))
    assert encoder.seen == 600 + 500


def test_the_real_side_is_remembered_in_the_cache(sides, tmp_path):
    def run(metrics, encoder, real=sides[0]):
        comparison = Comparison(real, sides[1], encoder, cache=tmp_path)
        return [r.to_plain() for r in measure([Metric.parse(m) for m in metrics], comparison)]

    first, again, other = Counting(), Counting(), Counting()
    assert run(["fd", "kid"], first) == run(["fd", "kid"], again)
    assert (first.seen, again.seen) == (1100, 500)
    other.digest = "87654321"
    run(["fd", "kid"], other)
    assert other.seen == 1100, "statistics of other weights are of no use"
    changed = SampleSet.of(next(sides[0].draw(600)) + 1, name="real")
    run(["fd"], again, changed)
    assert again.seen == 500 + 1100, "other data, other statistics"


def test_streamed_and_kept_features_give_the_same_distance(sides):
    alone = measure([Metric.parse("fd")], Comparison(*sides, Counting()))[0]
    among = measure([Metric.parse("fd"), Metric.parse("kid")], Comparison(*sides, Counting()))[0]
    assert alone.value == pytest.approx(among.value, rel=1e-12)
    assert alone.name == "fd500[counting@12345678]"
    assert {"extractor", "weights", "resizer", "n_real", "n_fake", "seed"} <= set(alone.protocol)


def test_a_reference_file_stands_for_the_real_side(sides, tmp_path):
    encoder = Counting()
    path = tmp_path / "reference.safetensors"
    statistics.save(path, moments(next(sides[0].draw(600))), encoder.identity)
    found = measure([Metric.parse("fd")], Comparison(sides[1], sides[1], encoder, reference=path))[0]
    assert found.protocol["n_real"] == 600
    assert found.value == pytest.approx(measure([Metric.parse("fd")], Comparison(*sides, encoder))[0].value)


def test_features_that_are_no_numbers_are_named(sides):
    bad = next(sides[1].draw(500)).copy()
    bad[321, 2] = np.nan
    with refused("metric.features_not_finite", "made: sample 321"):
        measure([Metric.parse("fd")], Comparison(sides[0], SampleSet.of(bad, name="made"), Counting()))


@pytest.mark.parametrize(
    ("metric", "code", "named"),
    [
        ("fd50k", "metric.too_few_samples", ["fake: 50,000 samples", "500"]),
        ("fid", "metric.requirement_missing", ["'fid' needs the extractor inception", "called fd"]),
        ("ifd", "metric.requirement_missing", ["'ifd' needs labels"]),
        ("psnr", "metric.requirement_missing", ["'psnr' needs pairs"]),
        ("ppl", "metric.requirement_missing", ["'ppl' needs the generator itself"]),
    ],
)
def test_what_is_missing_is_said_before_anything_is_computed(sides, metric, code, named):
    encoder = Counting()
    with refused(code, *named):
        measure([Metric.parse("kid"), Metric.parse(metric)], Comparison(*sides, encoder))
    assert encoder.seen == 0


@pytest.mark.parametrize("metric", ["fd", "kid", "prdc", "nn"])
def test_one_sample_is_too_few(sides, metric):
    one = SampleSet.of(next(sides[1].draw(1)), name="one")
    with refused("metric.too_few_samples", "need"):
        measure([Metric.parse(metric)], Comparison(one, one, Counting()))


def test_fewer_samples_than_features_is_said(sides):
    three = SampleSet.of(next(sides[1].draw(3)), name="three")
    result = measure([Metric.parse("fd")], Comparison(sides[0], three, Counting()))[0]
    assert "n_fake=3 is below the feature dimension 4" in result.detail["notes"][0]
    assert not measure([Metric.parse("fd")], Comparison(*sides, Counting()))[0].detail


def test_names():
    assert [short_count(n) for n in (5, 1797, 5000, 50_000, 2_000_000)] == ["5", "1797", "5k", "50k", "2M"]
    assert Metric.parse("fd5k") == Metric.parse({"kind": "fd", "n": 5000})
    assert fingerprint_of(np.zeros(4)) != fingerprint_of(np.zeros((2, 2)))


def test_raw_features_serve_points(sides):
    encoder = Raw().open(sides[0])
    assert (encoder.dim, encoder.tag) == (4, "raw")
    assert measure([Metric.parse("fd")], Comparison(*sides, encoder))[0].value < 0.1


def test_a_cache_that_fails_costs_time_and_nothing_else(tmp_path, notices):
    """A full disk, a folder that may not be written and a damaged file end no evaluation: the figure is the same."""
    rng = np.random.default_rng(0)
    real, fake = (SampleSet.of(rng.normal(size=(64, 3)).astype(np.float32)) for _ in range(2))

    def distance(cache):
        return measure([Metric.parse("fd")], Comparison(real, fake, RawEncoder(3), cache=cache))[0].value

    wanted = distance(tmp_path / "good")
    blocked = tmp_path / "a file, not a folder"
    blocked.write_text("")
    assert distance(blocked) == wanted
    assert "could not be saved" in notices.text
    for kept in (tmp_path / "good").rglob("*.safetensors"):
        kept.write_bytes(kept.read_bytes()[:50])
    assert distance(tmp_path / "good") == wanted
    assert "computed again" in notices.text
    notices.records.clear()
    assert distance(tmp_path / "good") == wanted
    assert not notices.text, "the damaged files were replaced"
