"""What every signal must do: its example data goes the whole way, to figures and to a model to hand on.

A plugin's signal is held to the same by `tests/test_heartbeats.py`.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import shrunk

import ganforge as gf
from ganforge import recipes
from ganforge.core.choice import Machine
from ganforge.core.component import build, to_plain
from ganforge.core.errors import UserError
from ganforge.core.media import ENDINGS
from ganforge.core.overrides import apply
from ganforge.data.base import DataSource
from ganforge.engine.build import open_data
from ganforge.engine.train import train
from ganforge.export.folder import export
from ganforge.metrics.base import Metric
from ganforge.modalities.image.extractors import fit as images
from ganforge.modalities.video.extractors import fit as films
from ganforge.recipes.base import Recipe
from ganforge.recipes.choice import choose
from ganforge.registry import load_all
from ganforge.signals import Signal

load_all()

SAMPLES = 64  # images below 50 are too few to recommend a recipe for
KINDS = sorted(kind for kind, cls in Signal.kinds.items() if cls.__module__.startswith("ganforge."))


def test_there_are_signals():
    assert {"image", "pair", "points", "table"} <= set(KINDS)


@pytest.fixture(scope="module", params=KINDS)
def signal(request) -> type[Signal]:
    return Signal.kinds[request.param]


@pytest.fixture(scope="module")
def data(signal, tmp_path_factory) -> DataSource:
    folder = tmp_path_factory.mktemp(f"{signal.kind}-data")
    return build(DataSource, signal.example(folder, SAMPLES))


def recipe_for(signal: type[Signal], data: DataSource) -> Recipe:
    """What the signal recommends for its example, small; or the first recipe that fits it."""
    for name in (choose(data.open(), Machine()).recipe, *recipes.names()):
        found = recipes.get(name)
        if type(found.signal) is not signal:
            continue
        plain: dict[str, Any] = {**to_plain(found), "data": to_plain(data), "callbacks": ["previews"]}
        small = [*shrunk(found), "callbacks.0.rows=2", "callbacks.0.columns=2"]
        if "size" in plain["signal"]:
            small += ["signal.size=32", "signal.jitter=0"] if "jitter" in plain["signal"] else ["signal.size=8"]
        recipe = build(Recipe, apply(plain, small))
        try:
            open_data(recipe)
        except UserError:
            continue
        return recipe
    raise AssertionError(f"no recipe fits the example of {signal.kind}")


@pytest.fixture(scope="module")
def run(signal, data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp(f"{signal.kind}-run") / "run"
    return train(recipe_for(signal, data), run_dir=folder, device="cpu").folder


def test_data_is_inspected(signal, data):
    found = signal.inspect(data.open())
    assert json.loads(json.dumps(found.facts)), "facts are JSON"
    assert found.shown(), "something to read"


def test_it_recommends_what_there_is(signal, data):
    choice = choose(data.open(), Machine())
    assert choice.recipe in recipes.names()
    assert choice.facts
    assert choice.reasons


def test_training_leaves_a_model_and_previews(run):
    assert (run / "model.safetensors").is_file()
    assert list((run / "previews").glob("latest.*")), "what a signal renders is seen while it trains"


def samples_of(run: Path) -> tuple[gf.Model, Any]:
    """What a trained model makes: samples, or of a translator what it makes of its own data's sources."""
    model = gf.load(run, device="cpu")
    if model.recipe.task.can_sample:
        return model, model.sample(6, seed=1)
    dataset = model.recipe.data.open()
    assert dataset.source is not None
    return model, model.recipe.signal.join(
        [np.asarray(model.translate(dataset.source.read(k)))[None] for k in range(6)], model.spec
    )


def test_samples_are_shown_and_written(run, tmp_path):
    model, samples = samples_of(run)
    used = model.recipe.signal
    shown = used.render(samples, model.spec, 3)
    assert shown, "nothing to see or hear"
    assert all(media.mime in ENDINGS and media.data for media in shown)
    for ending, write in used.exporters.items():
        write(samples, tmp_path / f"all{ending}", model.spec)
        assert (tmp_path / f"all{ending}").stat().st_size, ending
    files = used.write(samples, tmp_path / "single", 0, model.spec)
    assert files
    assert all(file.is_file() for file in files)
    assert all(frame.dtype == np.uint8 and frame.shape[2:] == (3,) for frame in model.frames(samples))
    assert len(model.frames(samples)) == 6
    assert used.describe(model.spec)
    assert used.noun.one != used.noun.many


@pytest.fixture
def short_trainings(signal, monkeypatch):
    """Usual metrics and extractors train nets of their own for a few steps: their values are tested elsewhere."""
    for module in (images, films):
        monkeypatch.setattr(module, "steps_for", lambda n: 5)
    usual = signal.default_metrics

    def short(text: str) -> str:
        fields = {field.name for field in dataclasses.fields(Metric.kinds[text.partition("(")[0]])}
        few = [
            f"{name}={value}"
            for name, value in {
                "steps": 5,
                "repeats": 1,
                "texts": 20,
                "points": 64,
                "emd_shapes": 8,
                "emd_points": 32,
            }.items()
            if name in fields
        ]
        return f"{text}({','.join(few)})" if few and "(" not in text else text

    monkeypatch.setattr(signal, "default_metrics", lambda *a, **k: [short(text) for text in usual(*a, **k)])


def test_figures_and_a_report(run, tmp_path, short_trainings):
    found = gf.evaluate(run, n=30, out=tmp_path / "report", progress=False, device="cpu")
    assert found.results
    assert len(json.loads(found.json.read_text())["results"]) == len(found.results)
    assert "<html" in found.html.read_text(encoding="utf-8")


def test_a_model_to_hand_on(run, tmp_path):
    made = export(run, tmp_path / "export")
    names = {file.name for file in made.files}
    assert {"README.md", "model.safetensors"} <= names
    assert gf.load(tmp_path / "export" / "model.safetensors", device="cpu").samples == 8
