"""What a run computes depends on its recipe alone: not on where it was stopped, killed or resumed."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest
import toys
from safetensors.torch import load_file

from ganforge.artifacts import checkpoint
from ganforge.core.events import read_events
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from processes import started
from refused import refused

HERE = Path(__file__).parent
RECIPES = {"toy-gan": toys.toy_gan, "toy-crowd": toys.toy_crowd}


def final_state(folder: Path) -> dict[str, bytes]:
    """Every tensor of a run's newest checkpoint and of its bundle, as bytes."""
    point = checkpoint.newest(folder / "checkpoints")
    assert point is not None
    tensors = checkpoint.read(point)[0] | load_file(folder / "model.safetensors")
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()} | {"at": point.name.encode()}


@pytest.mark.parametrize("name", RECIPES)
def test_stop_and_resume_changes_nothing(name, tmp_path):
    train(RECIPES[name](), run_dir=tmp_path / "whole")
    first = train(resume_recipe_with(RECIPES[name](), samples=320), run_dir=tmp_path / "parts")
    assert first.samples == 320
    train(resume_recipe(tmp_path / "parts", name, ["samples=480"]), resume=tmp_path / "parts")
    last = train(resume_recipe(tmp_path / "parts", None, ["samples=640"]), resume=tmp_path / "parts")
    assert last.reason == "finished"
    assert final_state(tmp_path / "parts") == final_state(tmp_path / "whole")


def resume_recipe_with(recipe, **fields):
    import dataclasses

    return dataclasses.replace(recipe, **fields)


def test_resume_without_a_checkpoint_starts_over(tmp_path):
    recipe = toys.toy_gan()
    train(recipe, run_dir=tmp_path / "whole")
    train(recipe, run_dir=tmp_path / "lost")
    for point in (tmp_path / "lost" / "checkpoints").iterdir():
        for file in point.iterdir():
            file.unlink()
        point.rmdir()
    train(resume_recipe(tmp_path / "lost"), resume=tmp_path / "lost")
    assert final_state(tmp_path / "lost") == final_state(tmp_path / "whole")


def test_resuming_a_finished_run_leaves_its_checkpoint_alone_and_mends_its_bundle(tmp_path):
    """Written again, the newest checkpoint would be gone for a moment, and a kill then would lose it."""
    run = tmp_path / "run"
    train(toys.toy_gan(), run_dir=run)
    newest = checkpoint.newest(run / "checkpoints")
    assert newest is not None
    wanted, before = final_state(run), (newest.stat().st_ino, (newest / "state.json").read_bytes())
    (run / "model.safetensors").unlink()
    assert train(resume_recipe(run), resume=run).reason == "finished"
    assert (newest.stat().st_ino, (newest / "state.json").read_bytes()) == before
    assert final_state(run) == wanted


def test_resume_takes_back_what_it_says_again(tmp_path):
    run = tmp_path / "run"
    train(toys.toy_gan(), run_dir=run)
    newest = checkpoint.newest(run / "checkpoints")
    assert newest is not None
    for file in newest.iterdir():
        file.unlink()
    newest.rmdir()
    train(resume_recipe(run), resume=run)
    ticks = [event["samples"] for event in read_events(run / "events.jsonl", "tick")]
    assert ticks == sorted(set(ticks)), "every moment is logged once"


def start_or_resume(folder: Path, name: str, mode: str) -> None:
    if mode == "start":
        train(toys.toy_gan() if name == "toy-gan" else toys.toy_crowd(), run_dir=folder)
    else:
        train(resume_recipe(folder), resume=folder)


def run_until_killed(folder: Path, name: str, mode: str, delay: float | None) -> bool:
    """Starts a training process, kills it `delay` seconds after its first event; True when it finished first."""
    files = [folder.with_suffix(f".{stream}") for stream in ("out", "err")]
    process = started(start_or_resume, folder, name, mode, place=folder.parent, files=files)
    if delay is not None:
        events = folder / "events.jsonl"
        size = events.stat().st_size if events.exists() else 0
        while process.is_alive() and (not events.exists() or events.stat().st_size <= size):
            time.sleep(0.002)
        time.sleep(delay)
        process.kill()
    process.join(120)
    assert process.exitcode in (0, -signal.SIGKILL), files[1].read_text()
    return process.exitcode == 0


def kill_and_resume(folder: Path, name: str, rng: random.Random, kills: int) -> int:
    """A run that is killed at random instants, `kills` times at most, then let go; returns the kills that hit."""
    finished = run_until_killed(folder, name, "start", rng.uniform(0, 0.06))
    hits = 0 if finished else 1
    while not finished and hits < kills:
        finished = run_until_killed(folder, name, "resume", rng.uniform(0, 0.06))
        hits += not finished
    if not finished:
        run_until_killed(folder, name, "resume", None)
    return hits


@pytest.mark.parametrize("name", ["toy-gan", pytest.param("toy-crowd", marks=pytest.mark.slow)])
def test_killed_at_random_instants_and_resumed_gives_the_same_weights(name, tmp_path, single_thread):
    train(RECIPES[name](), run_dir=tmp_path / "whole")
    hits = kill_and_resume(tmp_path / "killed", name, random.Random(time.time_ns()), kills=2)
    assert final_state(tmp_path / "killed") == final_state(tmp_path / "whole"), f"after {hits} kills"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_twenty_kills_of_twenty(tmp_path, single_thread):
    train(toys.toy_gan(), run_dir=tmp_path / "whole")
    wanted, total = final_state(tmp_path / "whole"), 0
    for seed in range(20):
        rng = random.Random(seed)
        total += kill_and_resume(tmp_path / f"killed-{seed}", "toy-gan", rng, kills=2)
        assert final_state(tmp_path / f"killed-{seed}") == wanted, f"seed {seed}"
    assert total >= 20, f"only {total} kills hit a run that was still training"


def test_other_recipe_is_refused_and_said_how_it_differs(tmp_path):
    train(resume_recipe_with(toys.toy_gan(), samples=64), run_dir=tmp_path / "run")
    before = final_state(tmp_path / "run")
    with refused("run.recipe_differs", "batch: 16 in the run, 32 now", "optimizers.D.lr: 0.01 in the run, 0.1 now"):
        resume_recipe(tmp_path / "run", "toy-gan", ["batch=32", "optimizers.D.lr=0.1"])
    with refused("run.recipe_name_differs", "'toy-gan', not 'toy-crowd'"):
        resume_recipe(tmp_path / "run", "toy-crowd")
    assert final_state(tmp_path / "run") == before


def test_changed_data_is_refused(tmp_path):
    train(resume_recipe_with(toys.toy_gan(), samples=64), run_dir=tmp_path / "run")
    recipe = resume_recipe_with(toys.toy_gan(), samples=128, data=toys.ToyPoints(count=500))
    with refused("run.data_differs", str(tmp_path / "run")):
        train(recipe, resume=tmp_path / "run")


def test_nothing_to_resume(tmp_path):
    with refused("run.not_found", "recipe.yaml"):
        resume_recipe(tmp_path)
    with refused("run.not_found", "recipe.yaml"):
        train(toys.toy_gan(), resume=tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
