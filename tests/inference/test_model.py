"""A trained model in Python: seeded, labeled, the same in every batch."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import ganforge as gf
from refused import refused

TINY = {"task.generator.channels": 8, "task.discriminator.channels": 8, "task.generator.latent": 8}
FAST = {**TINY, "samples": 96, "batch": 16, "log_every": 32, "callbacks": []}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "x.npz"
    draws = np.random.default_rng(0)
    np.savez(path, images=draws.integers(0, 255, (60, 8, 12, 3), dtype=np.uint8), labels=np.arange(60) % 3)
    return path


@pytest.fixture(scope="module")
def trained(data, tmp_path_factory):
    run = tmp_path_factory.mktemp("run") / "run"
    return gf.train("cdcgan", data=data, run_dir=run, progress=False, **FAST)


@pytest.fixture(scope="module")
def model(trained):
    """The same model with loud weights: after six steps all samples are nearly gray, and any two look the same."""
    loud = gf.load(trained.folder)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in loud.bundle.nets.G.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.7)
    return loud


def near(a, b):
    return np.abs(a.astype(int) - b).max() <= 1


def test_train_returns_a_model_that_load_finds_again(trained):
    assert trained.recipe.task.generator.latent == 8, "dotted fields of the call reach the recipe"
    assert (trained.samples, trained.labels) == (96, ("0", "1", "2"))
    assert "cdcgan" in repr(trained)
    again = gf.load(trained.folder)
    assert (again.sample(5) == trained.sample(5)).all()
    assert (gf.load(trained.folder / "model.safetensors").sample(5) == trained.sample(5)).all()


def test_sample_is_seeded_and_the_same_in_every_batch(model):
    whole = model.sample(20, seed=3)
    assert (whole.shape, whole.dtype) == ((20, 8, 12, 3), np.uint8)
    assert near(model.sample(20, seed=3, batch=7), whole)
    assert near(model.sample(6, seed=3), whole[:6]), "sample k does not depend on how many are asked for"
    assert not near(model.sample(20, seed=4), whole)


def test_labels_by_name_by_number_in_turn_and_one_each(model):
    assert (model.sample(4, label="2") == model.sample(4, label=2)).all()
    assert (model.sample(6) == model.sample(6, label=[0, 1, 2, 0, 1, 2])).all()
    labels = [part for _, part in model.batches(5, label="1", batch=2)]
    assert [part.tolist() for part in labels] == [[1, 1], [1, 1], [1]]


def test_truncation_makes_samples_alike(model):
    spread = [model.sample(64, label=0, truncation=t).astype(float).std(axis=0).mean() for t in (1.0, 0.5, 0.01)]
    assert spread[0] > spread[1] > spread[2]


@pytest.mark.parametrize("truncation", [1.0, 0.5])
def test_a_walk_begins_and_ends_with_the_samples_of_its_seeds(model, truncation):
    film = model.walk([1, 2], frames=9, label=2, truncation=truncation, batch=4)
    assert film.shape == (9, 8, 12, 3)
    assert near(film[0], model.sample(1, seed=1, label=2, truncation=truncation)[0])
    assert near(film[-1], model.sample(1, seed=2, label=2, truncation=truncation)[0])
    assert model.frame(film[0]).shape == (8, 12, 3)


def test_batches_check_before_the_first_is_asked_for(model):
    with refused("sample.number_out_of_range", "got 0", "at least 1"):
        model.batches(0)


@pytest.mark.parametrize(
    ("label", "code", "named"),
    [
        ("three", "sample.unknown_label", "label 'three'"),
        (3, "sample.unknown_label", "label 3"),
        (-1, "sample.unknown_label", "label -1"),
        ([0, 1], "sample.labels_differ_in_number", "2 labels for 4"),
    ],
)
def test_wrong_labels(model, label, code, named):
    with refused(code, named):
        model.sample(4, label=label)


def test_a_recipe_value_trains_and_goes_on(data, tmp_path):
    recipe = gf.recipe("dcgan")
    assert isinstance(recipe, gf.Recipe)
    first = gf.train(recipe, data=str(data), run_dir=tmp_path / "run", progress=False, **FAST)
    assert not first.labels
    with refused("sample.no_labels", "label 1", "dcgan"):
        first.sample(2, label=1)
    second = gf.train(resume=first.folder, samples=128, progress=False)
    assert (second.samples, second.folder) == (128, first.folder)
    with refused("run.recipe_on_resume", "resume="):
        gf.train(recipe, resume=first.folder)


def test_names_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        gf.nonsense  # noqa: B018  # the access is what is tested
    with refused("recipe.unknown", "'dcgun'; did you mean 'dcgan'"):
        gf.train("dcgun")
