"""What is said of a run's needs before its first step, and of its length after its first few."""

from __future__ import annotations

import dataclasses
import shutil
from types import SimpleNamespace

import pytest
import torch
import toys

from ganforge import recipes
from ganforge.core.overrides import to_yaml
from ganforge.engine import preflight
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.plan import plan
from ganforge.engine.train import train
from ganforge.engine.trainer import Trainer
from ganforge.registry import load_all
from refused import refused


@pytest.fixture
def trainer():
    recipe = toys.toy_gan()
    dataset, spec = open_data(recipe)
    loader = make_loader(recipe, dataset, spec, torch.device("cpu"))
    yield Trainer(recipe, spec, loader, torch.device("cpu"))
    loader.close()


def test_the_size_of_a_checkpoint_is_foretold(trainer, tmp_path):
    need = preflight.needs(trainer, tmp_path)
    train(trainer.recipe, run_dir=tmp_path / "run")
    point = max((tmp_path / "run" / "checkpoints").iterdir())
    real = (point / "state.safetensors").stat().st_size
    header = 8 + int.from_bytes((point / "state.safetensors").read_bytes()[:8], "little")
    assert need.checkpoint == pytest.approx(real - header, rel=0.1)  # counters of steps are not counted
    assert need.disk > 2 * need.checkpoint
    assert plan(trainer.recipe).checkpoint_bytes == need.checkpoint


def test_a_disk_that_is_too_small_is_refused_before_anything_is_made(monkeypatch, tmp_path):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=100))
    with refused("run.disk_too_small", "keep=1", "--run-dir"):
        train(toys.toy_gan(), run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_too_little_memory_is_said(monkeypatch, trainer, tmp_path, notices):
    monkeypatch.setattr(preflight, "free_memory", lambda: -(10**9))
    assert "lack of memory" in preflight.check(trainer, tmp_path)[0]
    train(trainer.recipe, run_dir=tmp_path / "run")
    assert "lack of memory" in notices.text


def test_a_batch_larger_than_the_data_is_said(trainer, tmp_path):
    assert preflight.check(trainer, tmp_path) == []
    trainer.recipe = dataclasses.replace(trainer.recipe, batch=len(trainer.loader) + 1)
    assert f"batch={trainer.recipe.batch} is larger" in preflight.check(trainer, tmp_path)[0]


def test_how_long_a_run_takes():
    load_all()
    recipe = recipes.get("denoise")
    text, warn = preflight.forecast(recipe, recipe.samples / 3600, None, "cpu")
    assert "60 min" in text
    assert not warn
    text, warn = preflight.forecast(recipe, 0.16, None, "cpu")
    assert "days" in text
    assert "denoise-small" in text
    assert warn
    text, warn = preflight.forecast(recipe, 0.16, 1, "cpu")
    assert "1 minute of training" in text
    assert "denoise-small" in text
    assert warn
    half = recipe.samples / 2 / 600
    text, warn = preflight.forecast(recipe, half, 10, "cpu")
    assert "(50%)" in text
    assert not warn


def test_the_small_recipe_of_a_kind():
    load_all()
    assert preflight.small_recipe("denoise") == "denoise-small"
    assert preflight.small_recipe("stylegan2-256") == "stylegan2-small"
    assert preflight.small_recipe("denoise-small") is None
    assert preflight.small_recipe("dcgan") is None
    assert all(preflight.small_recipe(name) in {None, *recipes.names()} for name in recipes.names())


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "40 s"), (600, "10 min"), (8640, "2.4 hours"), (86_400 * 464, "464 days")]
)
def test_spans(seconds, text):
    assert preflight.span(seconds) == text


def test_a_recipe_is_written_with_its_patience():
    load_all()
    assert "patience: null" in to_yaml(recipes.get("gan"))


def test_what_it_needs_is_said_before_the_first_step(ganforge, tmp_path):
    said = ganforge("train", "toy", "samples=128", "batch=64", "callbacks=[]", "--run-dir", tmp_path / "run")
    assert said.status == 0, said.err
    first, second = said.err.splitlines()[:2]
    assert first.startswith("memory: ")
    assert "for checkpoints" in first
    assert second.startswith("toy to 128 samples")
