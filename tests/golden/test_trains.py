"""Every recipe trains as a user has it: in float32, into a run folder with events, a checkpoint and a model."""

from __future__ import annotations

import json

import pytest
from systems import SMALL, SYSTEMS

from ganforge.engine.train import train
from ganforge.recipes import get, make_recipe
from ganforge.registry import load_all

load_all()


def one_of_each_signal() -> list:
    """All recipes; every day one of each signal, with and without privacy: what a task computes is golden."""
    found, seen = [], set()
    for name in SYSTEMS:
        recipe = get(name)
        kinds = (recipe.signal.kind, recipe.privacy.kind)
        found.append(pytest.param(name, marks=pytest.mark.slow if kinds in seen else ()))
        seen.add(kinds)
    return found


@pytest.mark.parametrize("name", one_of_each_signal())
def test_trains(name, tmp_path):
    form = [*SMALL, *SYSTEMS[name], "callbacks=[]"]
    samples = 2 * make_recipe(name, overrides=form).batch
    steps = [f"samples={samples}", f"log_every={samples}", f"checkpoint_every={samples}"]
    result = train(make_recipe(name, overrides=[*form, *steps]), run_dir=tmp_path / "run", device="cpu")
    assert result.samples >= samples  # more with several steps of D
    assert (result.folder / "model.safetensors").is_file()
    events = [json.loads(line) for line in (result.folder / "events.jsonl").read_text().splitlines()]
    assert [e for e in events if e["event"] == "end"]
