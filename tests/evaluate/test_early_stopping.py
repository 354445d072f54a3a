"""`patience`: a run ends when its metric no longer improves, at the same sample wherever it was stopped or killed."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
from judged import FAST
from safetensors.torch import load_file

from ganforge.artifacts import checkpoint
from ganforge.core.component import build, to_plain
from ganforge.core.events import read_events
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import check, train
from ganforge.evaluation import callback
from ganforge.metrics.base import Result
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe
from refused import refused

BEST_AT = 64


@pytest.fixture
def scripted(monkeypatch):
    """A metric that falls until `BEST_AT` samples and rises from there on."""
    monkeypatch.setattr(callback.Evaluator, "_comparison", lambda self: self.run.samples)
    monkeypatch.setattr(
        callback, "measure", lambda metrics, samples: [Result("fd40[raw]", abs(samples - BEST_AT) / 10, {})]
    )


def recipe(npz, stops: int | None, **fields) -> Recipe:
    made = make_recipe("cdcgan", (), [f"data={npz}", *FAST, "samples=400"])
    evaluation = {"kind": "evaluation", "metrics": ["fd"], "every": 16, "n": 40, "extractor": "raw"}
    plain = to_plain(made) | {"callbacks": [evaluation | {"patience": stops}]} | fields
    return build(Recipe, plain)


def final_state(folder):
    point = checkpoint.newest(folder / "checkpoints")
    assert point is not None
    tensors = checkpoint.read(point)[0] | load_file(folder / "model.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def measured(folder):
    return [(event["samples"], event["best"]) for event in read_events(folder / "events.jsonl", "evaluate")]


def test_it_stops_after_so_many_without_improvement(npz, tmp_path, scripted):
    result = train(recipe(npz, 3), run_dir=tmp_path / "run")
    assert (result.reason, result.samples) == ("patience", BEST_AT + 3 * 16)
    assert [samples for samples, best in measured(tmp_path / "run") if best] == [16, 32, 48, 64]
    point = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert point is not None
    assert int(point.name) == result.samples, "what was reached is saved"
    assert train(recipe(npz, None), run_dir=tmp_path / "all").reason == "finished"


def test_a_run_that_was_stopped_or_killed_ends_at_the_same_sample(npz, tmp_path, scripted, single_thread):
    whole = tmp_path / "whole"
    train(recipe(npz, 3), run_dir=whole)
    parts = tmp_path / "parts"
    train(recipe(npz, 3, samples=96), run_dir=parts)
    assert train(resume_recipe(parts, None, ["samples=400"]), resume=parts).reason == "patience"
    assert final_state(parts) == final_state(whole)
    assert measured(parts) == measured(whole)
    killed = tmp_path / "killed"  # after its last checkpoint, before the log says that it has ended
    shutil.copytree(whole, killed)
    lines = [line for line in (whole / "events.jsonl").read_text().splitlines(keepends=True) if '"end"' not in line]
    (killed / "events.jsonl").write_text("".join(lines))
    again = train(resume_recipe(killed), resume=killed)
    assert (again.reason, again.samples) == ("patience", BEST_AT + 3 * 16)
    assert final_state(killed) == final_state(whole)


def test_with_more_patience_it_goes_on(npz, tmp_path, scripted, single_thread):
    run = tmp_path / "run"
    train(recipe(npz, 2), run_dir=run)
    more = replace(resume_recipe(run), callbacks=recipe(npz, 4).callbacks)
    result = train(more, resume=run)
    assert (result.reason, result.samples) == ("patience", BEST_AT + 4 * 16)
    train(recipe(npz, 4), run_dir=tmp_path / "whole")
    assert final_state(run) == final_state(tmp_path / "whole")


def test_the_field_of_a_recipe_is_short_for_it(npz, tmp_path, scripted):
    fields = {"metrics": ["fd40"], "every": 16, "patience": 1, "callbacks": []}
    result = train(recipe(npz, None, **fields), run_dir=tmp_path / "run")
    assert (result.reason, result.samples) == ("patience", BEST_AT + 16)
    with refused("recipe.patience_without_metrics", "patience=2"):
        check(recipe(npz, None, metrics=[], patience=2, callbacks=[]))
    resumed = resume_recipe(tmp_path / "run", None, ["patience=null"])
    assert train(resumed, resume=tmp_path / "run").reason == "finished"
