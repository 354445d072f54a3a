"""Metrics while a run trains: they are seen, the best model is kept, and the run is the same with and without them."""

from __future__ import annotations

import shutil

import pytest
from judged import FAST
from safetensors import safe_open
from safetensors.torch import load_file

from ganforge.artifacts import checkpoint
from ganforge.core.component import build, to_plain
from ganforge.core.events import read_events
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import check, train
from ganforge.evaluation.callback import Evaluation
from ganforge.metrics.base import Metric, Result
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe
from refused import refused

EVALUATION = {"kind": "evaluation", "metrics": ["fd", "kid"], "every": 48, "n": 40, "extractor": "raw"}


def recipe(npz, *items: str, evaluation: bool = True) -> Recipe:
    made = make_recipe("cdcgan", (), [f"data={npz}", *FAST, *items])
    plain = to_plain(made)
    plain["callbacks"] = [EVALUATION] if evaluation else []
    return build(Recipe, plain)


def evaluations(folder):
    return list(read_events(folder / "events.jsonl", "evaluate"))


def measured(folder):
    return [(event["samples"], event["best"], event["metric/fd40[raw]"]) for event in evaluations(folder)]


def final_state(folder):
    point = checkpoint.newest(folder / "checkpoints")
    assert point is not None
    tensors = checkpoint.read(point)[0] | load_file(folder / "model.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def test_it_changes_nothing(npz, tmp_path, single_thread):
    train(recipe(npz), run_dir=tmp_path / "with")
    train(recipe(npz, evaluation=False), run_dir=tmp_path / "without")
    assert len(evaluations(tmp_path / "with")) == 3
    assert final_state(tmp_path / "with") == final_state(tmp_path / "without")
    losses = [
        [
            (tick["samples"], tick["loss/D"], tick["loss/G"])
            for tick in read_events(tmp_path / name / "events.jsonl", "tick")
        ]
        for name in ("with", "without")
    ]
    assert losses[0] == losses[1]


def test_the_best_is_kept(npz, tmp_path):
    train(recipe(npz), run_dir=tmp_path / "run")
    found = measured(tmp_path / "run")
    assert [samples for samples, _, _ in found] == [48, 96, 128], "every 48 samples, and at the end"
    best = None
    for _, was_best, value in found:
        assert was_best == (best is None or value < best)
        best = value if was_best else best
    with safe_open(tmp_path / "run" / "best.safetensors", framework="pt") as file:
        assert int(file.metadata()["samples"]) == min(found, key=lambda item: item[2])[0]
    (result, *_) = evaluations(tmp_path / "run")[0]["results"]
    assert result["protocol"]["n_real"] == 240
    assert result["protocol"]["samples"] == 48


@pytest.mark.parametrize(("kind", "name", "values", "best"), [
    ("nn", "copies40[raw]", [0.0, 0.012, 0.4], [True, True, False]),  # an honest model has the 1 % that chance gives
    ("nn", "copies40[raw]", [0.03, 0.0, 0.011], [True, True, True]),
    ("fd", "fd40[raw]", [3.0, 2.0, 2.5], [True, True, False]),
])  # fmt: skip
def test_the_best_is_the_nearest_to_the_ideal(kind, name, values, best, npz, tmp_path, monkeypatch):
    """A model that is far from all data has no copies at all, and is not the best for that."""
    left = list(values)

    def compute(self, comparison):
        return [Result(name, left.pop(0), comparison.protocol())]

    monkeypatch.setattr(Metric.kinds[kind], "compute", compute)
    plain = to_plain(recipe(npz)) | {"callbacks": [EVALUATION | {"metrics": [kind]}]}
    train(build(Recipe, plain), run_dir=tmp_path / "run")
    found = evaluations(tmp_path / "run")
    assert [event["best"] for event in found] == best
    with safe_open(tmp_path / "run" / "best.safetensors", framework="pt") as file:
        last = [event["samples"] for event in found if event["best"]][-1]
        assert int(file.metadata()["samples"]) == last


def test_a_killed_run_finds_the_same_best(npz, tmp_path, single_thread):
    """Evaluations after the last checkpoint are taken back and made again, with the same figures and the same best."""
    run = tmp_path / "run"
    train(recipe(npz), run_dir=run)
    wanted, best = measured(run), (run / "best.safetensors").read_bytes()
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    shutil.rmtree(point)  # as if it had been killed just before
    train(resume_recipe(run), resume=run)
    assert measured(run) == wanted
    assert (run / "best.safetensors").read_bytes() == best


def test_fields_of_the_recipe_are_short_for_it(ganforge, npz, tmp_path):
    said = ganforge(
        "train", "cdcgan", f"data={npz}", *FAST, "metrics=[fd60]", "every=64", "--run-dir", tmp_path / "run"
    )
    assert said.status == 0, said.err
    found = evaluations(tmp_path / "run")
    assert [event["samples"] for event in found] == [64, 128]
    name = next(key for key in found[0] if key.startswith("metric/")).removeprefix("metric/")
    assert name.startswith("fd60[small@")
    assert f"{name} {found[0][f'metric/{name}']:.4g} (best so far)" in said.err
    assert "best.safetensors" in said.out
    went_on = ganforge("train", "--resume", tmp_path / "run", "samples=192", "every=32", "-q")
    assert went_on.status == 0, went_on.err
    assert [event["samples"] for event in evaluations(tmp_path / "run")] == [64, 128, 160, 192]


def test_mistakes(ganforge, npz, tmp_path):
    said = ganforge("train", "cdcgan", f"data={npz}", *FAST, "metrics=[fdd5k]", "--run-dir", tmp_path / "run")
    assert said.status == 2
    assert "metrics.0: unknown metric 'fdd'; did you mean 'fd'" in said.err
    assert not (tmp_path / "run").exists()
    with refused("recipe.metrics_given_twice", "metrics", "callbacks"):
        check(recipe(npz, "metrics=[fd]"))


def test_defaults_are_valid():
    assert Evaluation().metrics[0].kind == "fd"
