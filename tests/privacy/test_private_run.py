"""A private run as users meet it: what it tells of its budget, what it keeps to itself, and that it goes on exactly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ganforge import load
from ganforge.artifacts import checkpoint
from ganforge.core.events import read_events
from ganforge.engine.privacy import secret as secrets_of_runs
from ganforge.engine.privacy.account import Account
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.recipes import make_recipe
from ganforge.registry import load_all
from ganforge.ui.progress import describe
from refused import refused

load_all()
ITEMS = [
    "data=digits", "batch=32", "samples=320", "checkpoint_every=160", "log_every=80", "callbacks=[]",
    "task.generator.channels=4", "task.discriminator.widths=[24,12]", "task.d_steps=2", "privacy.epsilon=6",
    "privacy.noise_multiplier=1.5",  # given, so that none has to be searched for
]  # fmt: skip


@pytest.fixture
def keys(monkeypatch):
    """The keys that runs are given, one after the other, so that two runs can be compared."""
    given = iter([bytes([k]) * 32 for k in range(1, 9)])
    monkeypatch.setattr(secrets_of_runs.secrets, "token_bytes", lambda size: next(given))


def private(*items: str):
    return make_recipe("dp-gan", overrides=[*ITEMS, *items])


def state_of(folder: Path) -> dict[str, bytes]:
    point = checkpoint.newest(folder / "checkpoints")
    assert point is not None
    return {name: tensor.numpy().tobytes() for name, tensor in checkpoint.read(point)[0].items()}


def test_a_stopped_run_goes_on_bit_for_bit_and_spends_the_same(tmp_path, keys, monkeypatch):
    train(private(), run_dir=tmp_path / "whole", device="cpu")  # with the key 01 01 01 ...
    again = iter([bytes([1]) * 32, bytes([99]) * 32, bytes([98]) * 32])
    monkeypatch.setattr(secrets_of_runs.secrets, "token_bytes", lambda size: next(again))
    train(private("samples=160"), run_dir=tmp_path / "parts", device="cpu")
    train(resume_recipe(tmp_path / "parts", None, ["samples=320"]), resume=tmp_path / "parts", device="cpu")
    assert state_of(tmp_path / "parts") == state_of(tmp_path / "whole")
    assert load(tmp_path / "parts").privacy == load(tmp_path / "whole").privacy


def test_another_secret_makes_another_run(tmp_path, keys):
    for name in ("one", "two"):
        train(private("samples=160"), run_dir=tmp_path / name, device="cpu")
    one, two = state_of(tmp_path / "one"), state_of(tmp_path / "two")
    assert one["net.D.head.weight"] != two["net.D.head.weight"]


def test_a_run_killed_before_its_first_checkpoint_keeps_its_secret(tmp_path, keys):
    """Else it would take the same steps again with other noise, and nobody would count both."""
    from ganforge.recipes.callback import Listener

    class Kill(Listener):
        def on_step(self, before: int, after: int) -> None:
            raise RuntimeError("the machine stops here")

    with pytest.raises(RuntimeError):
        train(private(), run_dir=tmp_path / "run", listeners=[lambda run: Kill()], device="cpu")
    assert state_of(tmp_path / "run")["privacy.secret"] == bytes([1]) * 32
    train(resume_recipe(tmp_path / "run"), resume=tmp_path / "run", device="cpu")
    train(private(), run_dir=tmp_path / "same", device="cpu")  # its key is another one
    assert state_of(tmp_path / "run")["privacy.secret"] == bytes([1]) * 32


def test_epsilon_is_told_everywhere_and_grows(tmp_path):
    folder = train(private("privacy.noise_multiplier=null"), run_dir=tmp_path / "run", device="cpu").folder
    recipe = resume_recipe(folder)
    noise, delta = recipe.privacy.noise_multiplier, recipe.privacy.delta
    assert delta == pytest.approx(0.1 / 1797)
    account = Account(noise, 32 / 1797)
    ticks = list(read_events(folder / "events.jsonl", "tick"))
    assert [tick["epsilon"] for tick in ticks] == [
        pytest.approx(account.epsilon(tick["samples"] // 32, delta), rel=1e-5) for tick in ticks
    ]
    assert [tick["epsilon"] for tick in ticks] == sorted({tick["epsilon"] for tick in ticks})
    assert f"ε {ticks[-1]['epsilon']:.3g}" in describe(ticks[-1])
    for event in read_events(folder / "events.jsonl", "checkpoint"):
        assert event["epsilon"] == pytest.approx(account.epsilon(event["samples"] // 32, delta), rel=1e-5)
    point = checkpoint.newest(folder / "checkpoints")
    assert point is not None
    stated = json.loads((point / "state.json").read_text())["privacy"]
    assert 5.9 < stated["epsilon"] <= 6
    assert stated["steps"] == 10
    assert stated["sampling_rate"] == pytest.approx(32 / 1797)
    model = load(folder)
    assert model.privacy == stated
    assert f"({stated['epsilon']:.3g}, 5.6e-05)-differentially private" in repr(model)
    assert load(folder / "model.safetensors").privacy == stated


def test_what_may_be_shown_holds_neither_the_secret_nor_figures_of_real_samples(tmp_path, keys):
    folder = train(private("callbacks=[previews,curves]"), run_dir=tmp_path / "run", device="cpu").folder
    key = bytes([1]) * 32
    seed = secrets_of_runs.Secret()
    seed.key = key
    words = [key, key.hex().encode(), str(list(key)).encode(), str(seed.seed).encode()]
    files = [path for path in folder.rglob("*") if path.is_file() and "checkpoints" not in path.parts]
    assert {"recipe.yaml", "events.jsonl", "model.safetensors", "environment.json"} <= {path.name for path in files}
    for path in files:
        assert not any(word in path.read_bytes() for word in words), path
    said = {name for event in read_events(folder / "events.jsonl") for name in event}
    assert not {name for name in said if "real" in name or name.startswith(("loss/D", "health/", "grad_norm"))}
    assert {"loss/G", "acc/fake", "epsilon", "delta"} <= said


def test_nobody_goes_on_beyond_the_budget_without_saying_so(tmp_path):
    folder = train(private("privacy.noise_multiplier=null"), run_dir=tmp_path / "run", device="cpu").folder
    before = state_of(folder)
    with refused("privacy.budget_exceeded", "privacy.epsilon=6: samples=640", "ε = ", "raise it to privacy.epsilon="):
        train(resume_recipe(folder, None, ["samples=640"]), resume=folder, device="cpu")
    assert state_of(folder) == before
    more = resume_recipe(folder, None, ["samples=640", "privacy.epsilon=12"])
    assert train(more, resume=folder, device="cpu").samples == 640
    assert 6 < load(folder).privacy["epsilon"] <= 12


def test_a_run_cannot_be_made_less_private_by_resuming(tmp_path):
    folder = train(private("samples=64"), run_dir=tmp_path / "run", device="cpu").folder
    for item in ("privacy.noise_multiplier=0.1", "privacy.clip=9", "privacy=off", "privacy.delta=1e-4"):
        with refused("run.recipe_differs", item.split("=")[0]):
            resume_recipe(folder, None, [item])


def test_the_model_is_used_without_opacus(tmp_path, monkeypatch):
    folder = train(private("samples=64"), run_dir=tmp_path / "run", device="cpu").folder
    monkeypatch.setitem(__import__("sys").modules, "opacus", None)
    assert load(folder).sample(3, label=2).shape == (3, 8, 8, 1)


def test_without_privacy_the_task_trains_as_any_other(tmp_path):
    """The same nets and game without noise: what privacy costs can be measured."""
    folder = train(private("privacy=off", "health=watch"), run_dir=tmp_path / "run", device="cpu").folder
    (last,) = list(read_events(folder / "events.jsonl", "tick"))[-1:]
    assert "epsilon" not in last
    assert torch.isfinite(torch.tensor([last["loss/D"], last["loss/D/real"], last["loss/D/fake"]])).all()
    assert load(folder).privacy == {}
