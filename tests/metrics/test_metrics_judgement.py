"""What metrics are for: noise, copies, held-out and training images are told apart, with the same digits twice."""

from __future__ import annotations

import re

import numpy as np
import pytest

from ganforge.data.path import PathData
from ganforge.metrics.base import Comparison, Metric, SampleSet, measure
from ganforge.modalities.image.extractors.small import Small
from ganforge.modalities.image.sources.embedded import Digits
from ganforge.registry import load_all
from refused import refused

load_all()
FAST = ["fd", {"kind": "kid", "blocks": 10}, "prdc", "nn", {"kind": "swd", "patches": 16, "directions": 64}]
METRICS = [Metric.parse(entry) for entry in [*FAST, "is", "mfd", "modes"]]


class Case:
    """Digits dealt to a training set, held-out ones and others; and four runs to be judged."""

    def __init__(self, x, y, classes, labeled, train, held, n):
        order = np.random.default_rng(0).permutation(len(x))
        x, y = x[order], y[order]
        draws = np.random.default_rng(1)
        self.classes = classes
        self.train = SampleSet.of(x[:train], y[:train] if labeled else None, "train")
        self.heldout = SampleSet.of(x[train : train + held], y[train : train + held] if labeled else None, "held-out")
        rest = slice(train + held, train + held + n)
        made = {
            "noise": (draws.integers(0, 256, (n, *x.shape[1:]), dtype=np.uint8), y[rest]),
            "ten copies": (x[np.arange(n) % 10], y[np.arange(n) % 10]),
            "held-out": (x[rest], y[rest]),
            "training": (x[:n], y[:n]),
        }
        self.made = {name: SampleSet.of(a, b if labeled else None, name) for name, (a, b) in made.items()}
        self.extractor = Small() if train > 1000 else Small(steps=120)
        self.encoder = self.extractor.open(self.train, classes=classes if labeled else ())

    def comparison(self, name):
        return Comparison(
            self.train, self.made[name], self.encoder, train=self.train, heldout=self.heldout, classes=self.classes
        )

    def figures(self, name, metrics):
        found = measure(metrics, self.comparison(name))
        return {re.split(r"\d", r.name, maxsplit=1)[0]: r for r in found}  # without the count and the extractor


@pytest.fixture(scope="module", params=[True, pytest.param(False, marks=pytest.mark.slow)], ids=["labels", "no labels"])
def case(request):
    digits = Digits().open()
    return Case(digits.array, digits.labels, digits.classes, request.param, train=900, held=450, n=440)


@pytest.fixture(scope="module")
def found(case):
    metrics = [m for m in METRICS if case.train.labels is not None or m.kind not in {"is", "modes"}]
    return {name: case.figures(name, metrics) for name in case.made}


def judge(found, labeled):
    for distance in ("fd", "kid"):
        value = {name: figures[distance].value for name, figures in found.items()}
        assert value["training"] < value["held-out"] < 0.2 * min(value["ten copies"], value["noise"]), distance
    noise, copies, held, train = (found[k] for k in ("noise", "ten copies", "held-out", "training"))
    assert noise["precision"].value < 0.2 < 0.8 < held["precision"].value, "noise is no digit"
    assert noise["coverage"].value < 0.2 < 0.7 < held["coverage"].value
    assert copies["precision"].value > 0.9, "copies are digits"
    assert copies["recall"].value < 0.2 < 0.8 < held["recall"].value, "but ten of them are few"
    assert copies["coverage"].value < 0.2
    for name, copied in {"noise": False, "held-out": False, "ten copies": True, "training": True}.items():
        assert found[name]["copies"].detail["copying"] is copied, name
    assert train["copies"].value == copies["copies"].value == 1
    assert held["copies"].value < 0.05
    assert abs(held["closer"].value - 0.5) < 0.1
    assert train["mfd"].value > 10 * held["mfd"].value, "which the plain distance would call better"
    assert held["swd"].value < 0.3 * min(copies["swd"].value, noise["swd"].value)
    if labeled:
        assert held["is"].value > 0.9 * train["is"].value > 1.5 * noise["is"].value
        assert held["modes"].value == 10 > copies["modes"].value
        assert held["mode-kl"].value < 0.05 < 0.2 < min(noise["mode-kl"].value, copies["mode-kl"].value)


def test_four_runs_are_told_apart(case, found):
    judge(found, case.train.labels is not None)


def test_without_held_out_samples_training_ones_are_held_out_in_turn(case):
    verdicts = {}
    for name, side in case.made.items():
        comparison = Comparison(case.train, side, case.encoder, train=case.train)
        copies = measure([Metric.parse("nn")], comparison)[0]
        assert copies.protocol["yardstick"] == "leave-one-out"
        verdicts[name] = copies.detail["copying"]
    assert verdicts == {"noise": False, "ten copies": True, "held-out": False, "training": True}


def test_a_few_copies_among_honest_samples_are_found(case):
    honest = next(case.made["held-out"].draw(400))
    mixed = np.concatenate([honest[:360], next(case.train.draw(40))])
    comparison = Comparison(case.train, SampleSet.of(mixed), case.encoder, train=case.train, heldout=case.heldout)
    copies = measure([Metric.parse("nn")], comparison)[0]
    assert copies.detail["copying"]
    assert 0.08 < copies.value < 0.16
    closest = copies.detail["neighbors"][0]
    assert closest["distance"] == pytest.approx(0, abs=1e-4)
    assert closest["sample"] - 360 == closest["train"]


@pytest.mark.slow
def test_two_evaluations_give_the_same_digits(case, found):
    """The extractor is trained again, and every draw is made again."""
    again = case.extractor.open(case.train, classes=case.classes if case.train.labels is not None else ())
    comparison = case.comparison("held-out")
    comparison._encoder = again
    metrics = [Metric.parse(entry) for entry in FAST]
    second = {r.name: r.to_plain() for r in measure(metrics, comparison)}
    first = {r.name: r.to_plain() for r in found["held-out"].values() if r.name in second}
    assert first == second


@pytest.mark.slow
def test_per_class_figures_find_the_class_that_is_wrong():
    """The 3s of this model are 8s: one class in ten, which FD over all hardly sees."""
    digits = Digits().open()
    x, y = digits.array[:1200], digits.labels[:1200]
    rest, labels = digits.array[1200:].copy(), digits.labels[1200:]
    eights = rest[labels == 8]
    threes = np.flatnonzero(labels == 3)
    rest[threes] = eights[np.arange(len(threes)) % len(eights)]
    train, fake = SampleSet.of(x, y, "train"), SampleSet.of(rest, labels, "made")
    encoder = Small(steps=100).open(train, classes=digits.classes)
    comparison = Comparison(train, fake, encoder, heldout=train, classes=digits.classes)
    intra, score = measure([Metric.parse("ifd"), Metric.parse({"kind": "cas", "steps": 100})], comparison)
    per_class = intra.detail["per_class"]
    assert max(per_class, key=per_class.__getitem__) == "3"
    assert per_class["3"] > 3 * np.median(list(per_class.values()))
    accuracy = score.detail["per_class"]
    assert set(sorted(accuracy, key=accuracy.__getitem__)[:2]) == {"3", "8"}, "pictures of 8 have two labels"
    assert score.value > 0.6


def test_a_class_that_is_not_made_is_left_out_and_said():
    digits = Digits().open()
    some = digits.labels != 7
    train = SampleSet.of(digits.array, digits.labels, "train")
    fake = SampleSet.of(digits.array[some], digits.labels[some], "made")
    encoder = Small(steps=20).open(train, classes=digits.classes)
    (intra,) = measure([Metric.parse("ifd")], Comparison(train, fake, encoder, classes=digits.classes))
    assert "7" not in intra.detail["per_class"]
    assert "class '7' is left out" in intra.detail["notes"][0]


def test_figures_of_pairs_state_channel_and_crop():
    draws = np.random.default_rng(0)
    x = draws.integers(0, 256, (5, 24, 24, 3), dtype=np.uint8)
    y = np.clip(x.astype(int) + draws.integers(-9, 10, x.shape), 0, 255).astype(np.uint8)
    y[:, :4] = 0  # the edge is wrong, and cut off
    comparison = Comparison(SampleSet.of(x), SampleSet.of(y), paired=True)
    whole, cut, ssim = measure(
        [Metric.parse("psnr"), Metric.parse({"kind": "psnr", "channel": "Y", "crop": 4}), Metric.parse("ssim")],
        comparison,
    )
    assert [r.name for r in (whole, cut, ssim)] == ["psnr5[RGB]", "psnr5[Y, crop 4]", "ssim5[RGB]"]
    assert cut.value > whole.value + 10
    small = SampleSet.of(x[:, :8, :8])
    with refused("metric.images_too_small", "11×11 px", "8×8"):
        measure([Metric.parse("ssim")], Comparison(small, small, paired=True))


def test_likeness_of_pairs_sees_a_model_that_repeats_itself():
    draws = np.random.default_rng(0)
    x = np.kron(draws.integers(0, 256, (60, 8, 8, 1)), np.ones((1, 4, 4, 1))).astype(np.uint8)
    metric = Metric.parse({"kind": "ms-ssim", "pairs": 40})
    (varied,) = measure([metric], Comparison(SampleSet.of(x), SampleSet.of(x[30:])))
    (same,) = measure([metric], Comparison(SampleSet.of(x), SampleSet.of(x[:1].repeat(30, 0))))
    assert same.value == pytest.approx(1)
    assert varied.value == pytest.approx(varied.detail["real"], abs=0.1)
    assert varied.value < 0.5
    labels = np.arange(30) % 3
    one_a_class = SampleSet.of(x[labels], labels)
    (within,) = measure([metric], Comparison(SampleSet.of(x), one_a_class))
    assert within.value == pytest.approx(1), "pairs are of one class"


@pytest.mark.slow
def test_mnist(real_data):
    train = PathData(path=str(real_data / "mnist"), split="train").open()
    mnist = Case(train.array[::3], train.labels[::3], train.classes, True, train=8000, held=4000, n=4000)
    judge({name: mnist.figures(name, METRICS) for name in mnist.made}, True)
