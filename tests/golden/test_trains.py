"""Every recipe trains as a user has it: in float32, into a run folder with events, a checkpoint and a model."""

from __future__ import annotations

import json

import pytest
from systems import SMALL, SYSTEMS

from ganforge.engine.train import train
from ganforge.recipes import make_recipe


@pytest.mark.parametrize("name", SYSTEMS)
def test_trains(name, tmp_path):
    form = [*SMALL, *SYSTEMS[name], "callbacks=[]"]
    samples = 2 * make_recipe(name, overrides=form).batch
    steps = [f"samples={samples}", f"log_every={samples}", f"checkpoint_every={samples}"]
    result = train(make_recipe(name, overrides=[*form, *steps]), run_dir=tmp_path / "run", device="cpu")
    assert result.samples >= samples  # more with several steps of D
    assert (result.folder / "model.safetensors").is_file()
    events = [json.loads(line) for line in (result.folder / "events.jsonl").read_text().splitlines()]
    assert [e for e in events if e["event"] == "end"]
