"""Discriminator rejection sampling: which samples are kept, that they stay the same, and for which models it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

import ganforge as gf
from ganforge.core.types import Request
from ganforge.engine.train import train
from ganforge.inference.model import load
from ganforge.inference.rejection import scores
from ganforge.inference.workers import spread
from ganforge.losses.adversarial import Hinge, NonSaturating
from ganforge.losses.base import Objective
from ganforge.modalities.points.source import Grid25
from ganforge.recipes.ema import Ema
from ganforge.registry import load_all
from refused import refused

load_all()
RATIOS = [*(kind() for kind in Objective.members().values() if kind.estimates_ratio)]
RATIOS += [replace(one, smoothing=0.1) for one in RATIOS if hasattr(one, "smoothing")]


def points(**fields):
    """Points on a grid with the losses of the first GANs, which this short a training leaves between the spots."""
    base = gf.recipe("toy")
    own = {"generator": replace(base.task.generator, codes=0), "objective": NonSaturating(), "penalties": ()} | fields
    return replace(
        base, data=Grid25(), task=replace(base.task, **own), ema=Ema(half_life=2_000), batch=256, samples=30_000,
        callbacks=(),
    )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rejection") / "run"
    train(points(), run_dir=folder)
    return folder


@pytest.fixture(scope="module")
def labeled_run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("labeled") / "run"
    train(points(conditional=True), run_dir=folder)
    return folder


def near(points: np.ndarray) -> float:
    """Share of points within three deviations of a spot."""
    distance = np.linalg.norm(points[:, None] - Grid25.centers()[None], axis=2).min(1)
    return float((distance < 3 * Grid25.std).mean())


def test_without_a_shift_samples_are_accepted_by_the_ratio_of_the_densities():
    ratios = torch.linspace(-20, 3, 50, dtype=torch.float64)
    assert torch.allclose(scores(ratios, 3.0).sigmoid()[:-1], (ratios - 3).exp()[:-1], rtol=1e-5)
    assert scores(ratios, 3.0)[-1].sigmoid() > 0.99
    assert scores(torch.tensor([9.0]), 3.0) == scores(torch.tensor([3.0]), 3.0)  # larger than any seen


@pytest.mark.parametrize("objective", RATIOS, ids=lambda one: f"{one.kind}-{getattr(one, 'smoothing', '')}")
def test_the_best_critic_of_a_loss_says_the_ratio_of_the_densities(objective):
    """On five values with known shares among real and generated samples, D is one free number for each."""
    p = torch.tensor([0.1, 0.3, 0.2, 0.35, 0.05], dtype=torch.float64)
    q = torch.tensor([0.3, 0.1, 0.25, 0.15, 0.2], dtype=torch.float64)
    logits = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        real, fake = logits.repeat_interleave(5), logits.repeat(5)
        loss = (objective.d(real, fake) * p.repeat_interleave(5) * q.repeat(5)).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    off = objective.log_ratio(logits.detach()) - (p / q).log()
    assert off.max() - off.min() < 1e-4


def test_points_between_the_spots_are_rejected(run):
    model = load(run)
    chosen = model.rejecting(80)
    plain, kept = near(model.sample(2_000)), near(chosen.sample(2_000))
    # How far training came depends on the processor's rounding: from 3 % near a spot to half of the points.
    assert kept / (1 - kept) > 1.5 * plain / (1 - plain)
    assert chosen.rejection is not None
    assert 0.1 < chosen.rejection.acceptance < 0.35  # of those above the percentile at least half


def test_a_higher_percentile_keeps_fewer(run):
    shares = []
    for percentile in (0, 50, 90):
        model = load(run).rejecting(percentile)
        model.sample(500)
        shares.append(model.rejection.acceptance)
    assert shares[0] > shares[1] > shares[2]


def test_a_sample_stays_the_same_whatever_is_asked_for_with_it(run):
    model = load(run).rejecting(70)
    many = model.sample(700, seed=3)
    assert np.array_equal(model.sample(90, seed=3), many[:90])  # asked for again, when later ones are known
    assert np.array_equal(load(run).rejecting(70).sample(700, seed=3, batch=33), many)
    assert not np.array_equal(model.sample(90, seed=4), many[:90])


def test_moved_latents_are_judged_by_themselves(run):
    chosen = load(run).rejecting(50).rejection
    assert chosen is not None
    width = chosen.bundle.recipe.task.generator.latent

    def made(amount: float, rows: int = 1) -> np.ndarray:
        (found,) = chosen.generate_each([Request(20, seed=1, shift=torch.full((rows, width), amount))])
        return found

    still, moved = made(0.0), made(1.0)
    assert np.array_equal(still, next(chosen.generate_each([Request(20, seed=1)])))
    assert not np.array_equal(still, moved)
    assert np.array_equal(made(1.0), moved)
    with refused("sample.rejection_of_given"):
        made(0.0, rows=20)


def test_kept_samples_are_some_of_those_that_are_generated(run):
    everything = {row.tobytes() for row in load(run).sample(8_192, seed=1)}
    assert all(row.tobytes() in everything for row in load(run).rejecting(50).sample(100, seed=1))


def test_with_labels_each_class_is_compared_with_itself(labeled_run):
    """Samples of one class are all likelier to D than those of another, and yet come as often as they are asked for."""
    model = load(labeled_run)
    classes = model.spec.classes
    chosen = model.rejecting(80)
    plain, kept = near(model.sample(1_000)), near(chosen.sample(1_000))
    assert kept / (1 - kept) > 1.2 * plain / (1 - plain)
    of_three = chosen.sample(40, label=3)
    assert np.array_equal(chosen.sample(40 * classes)[3::classes], of_three)  # the same, where all come in turn
    assert (
        np.linalg.norm(of_three - Grid25.centers()[3], axis=1).mean()
        < np.linalg.norm(chosen.sample(40, label=4) - Grid25.centers()[3], axis=1).mean()
    )


def test_with_labels_a_sample_stays_the_same_whatever_is_asked_for_with_it(labeled_run):
    many = load(labeled_run).rejecting(70).sample(300, seed=3)
    model = load(labeled_run).rejecting(70)
    assert np.array_equal(model.sample(300, seed=3, batch=33), many)
    assert np.array_equal(model.sample(90, seed=3), many[:90])
    (later,) = model.rejection.generate_each([Request(40, 3, 60)])
    assert np.array_equal(later, many[60:100])
    labels = torch.tensor([0, 0, 2, 1, 0, 2, 2, 1])
    ((whole,), (rest,)) = (
        model.rejection.generate_each([Request(8 - start, 3, start, labels[start:])], labels) for start in (0, 3)
    )
    assert np.array_equal(whole[3:], rest)


@pytest.mark.slow
def test_figures_are_stamped(run, tmp_path):
    def value(reject):
        return gf.evaluate(run, metrics=["fd2k"], reject=reject, out=tmp_path / str(reject), progress=False).results[0]

    with_it, without = value(80), value(None)
    assert with_it.protocol["rejection"] == 80
    assert "rejection" not in without.protocol
    assert with_it.value != without.value
    model = load(run).rejecting(80)
    again = gf.evaluate(model, metrics=["fd2k"], out=tmp_path / "model", progress=False).results[0]
    assert again.value == with_it.value
    assert "--reject 80" in (tmp_path / "80" / "report.html").read_text(encoding="utf-8")


def test_a_loss_that_estimates_no_ratio_is_named(tmp_path, notices):
    train(replace(points(objective=Hinge()), samples=512), run_dir=tmp_path / "run")
    load(tmp_path / "run").rejecting()
    assert "hinge" in notices.text


def test_models_it_is_not_for(run, tmp_path):
    with refused("sample.rejection_out_of_range", "99.5"):
        load(run).rejecting(99.5)
    with refused("explore.no_checkpoint", "model.safetensors"):
        load(run / "model.safetensors").rejecting()
    with refused("sample.rejection_with_procs"), spread(load(run).rejecting(), 2):
        pass
    with refused("sample.rejection_of_given"):
        gf.evaluate(np.zeros((20, 2), np.float32), np.zeros((20, 2), np.float32), reject=80)
    train(replace(points(pack=2), samples=512), run_dir=tmp_path / "packs")
    with refused("sample.rejection_without_ratio", "packs"):
        load(tmp_path / "packs").rejecting()
