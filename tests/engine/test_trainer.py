"""The engine holds what is coming: several players and critics, second derivatives, memory, other signals."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading

import numpy as np
import pytest
import torch
import toys
from torch import nn

from ganforge.artifacts import bundle, checkpoint
from ganforge.artifacts.rundir import RunDir
from ganforge.core.errors import TrainingError
from ganforge.core.events import read_events
from ganforge.core.types import Batch, Nets, Request
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.plan import plan
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.engine.trainer import Trainer
from ganforge.recipes.callback import Listener
from ganforge.recipes.ema import Ema
from ganforge.recipes.optimizer import SGD
from refused import refused

CPU = torch.device("cpu")


def trainer_of(recipe) -> Trainer:
    dataset, spec = open_data(recipe)
    return Trainer(recipe, spec, make_loader(recipe, dataset, spec, CPU), CPU)


def weights(nets: Nets) -> dict[str, torch.Tensor]:
    return {f"{n}.{k}": v.clone() for n, net in nets.items() for k, v in net.state_dict().items()}


def test_a_run_directory_holds_what_it_should(tmp_path):
    result = train(toys.toy_gan(), run_dir=tmp_path / "run")
    assert (result.samples, result.reason) == (640, "finished")
    names = {p.name for p in result.folder.iterdir()}
    assert {"recipe.yaml", "environment.json", "events.jsonl", "checkpoints", "model.safetensors"} <= names
    assert [p.name for p in sorted((result.folder / "checkpoints").iterdir())] == ["000000000480", "000000000640"], (
        "keep=2"
    )
    assert json.loads((result.folder / "environment.json").read_text())["torch"] == torch.__version__
    events = list(read_events(result.folder / "events.jsonl"))
    assert events[0]["event"] == "start"
    assert events[-1]["event"] == "end"
    tick = next(e for e in events if e["event"] == "tick")
    assert {"loss/D", "loss/G", "acc/real", "acc/fake", "sps", "data_share", "lr/G", "grad_norm/D"} <= set(tick)
    assert 0 <= tick["acc/real"] <= 1


def test_run_folders_are_numbered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    short = dataclasses.replace(toys.toy_gan(), samples=32)
    assert str(train(short).folder) == os.path.join("runs", "0001-toy-gan")  # noqa: PTH118
    assert str(train(short).folder) == os.path.join("runs", "0002-toy-gan")  # noqa: PTH118


@pytest.mark.slow
def test_the_toy_gan_learns_its_four_spots(tmp_path):
    recipe = dataclasses.replace(toys.toy_gan(), samples=12_000, log_every=4000)
    model = bundle.load(train(recipe, run_dir=tmp_path / "run").folder)
    labels = torch.arange(64) % 4
    points = model.generate(Request(64, labels=labels))
    angle = labels.numpy() * np.pi / 2
    distance = np.linalg.norm(points - np.stack([np.cos(angle), np.sin(angle)], 1), axis=1)
    assert np.median(distance) < 0.35, "samples lie near the spot of their label"


def test_several_players_critics_and_memory():
    trainer = trainer_of(toys.toy_crowd())
    before = weights(trainer.nets)
    for _ in range(3):
        trainer.iterate()
    after = weights(trainer.nets)
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"G", "H", "D1", "D2", "D3"}
    assert trainer.samples == 3 * 2 * 16, "two batches an iteration: the critics repeat twice"
    assert int(trainer.nets.memory["steps"]) == 6
    with pytest.raises(KeyError, match="was not declared"):
        trainer.nets.memory["other"] = torch.zeros(1)


def test_a_phase_trains_its_players_only():
    trainer = trainer_of(toys.toy_gan())
    gan, before = {p.name: p for p in trainer.phases}, weights(trainer.nets)
    trainer._update(gan["G"], trainer.batch_at(0), 0)
    moved = {n.split(".")[0] for n, t in weights(trainer.nets).items() if not torch.equal(before[n], t)}
    assert moved == {"G"}


def test_lazy_phases_run_when_due():
    trainer, seen = trainer_of(toys.toy_crowd()), []
    spied = []
    for phase in trainer.phases:

        def loss(nets, batch, rng, phase=phase):
            seen.append((phase.name, rng.samples))
            return phase.loss(nets, batch, rng)

        spied.append(dataclasses.replace(phase, loss=loss))
    trainer.phases = spied
    for _ in range(4):
        trainer.iterate()
    assert [s for n, s in seen if n == "critics"] == [16 * i for i in range(8)], (
        "each repeat has a fresh batch and draws of its own"
    )
    assert [s for n, s in seen if n == "gradient"] == [0, 96]
    assert [s for n, s in seen if n == "makers"] == [0, 32, 64, 96]


def test_a_lazy_penalty_is_as_strong_as_an_eager_one():
    phases = {p.name: p for p in toys.toy_gan().task.phases()}
    lazy = phases["D/toy-squared-gradient"]
    assert (lazy.every, lazy.gain, lazy.order, lazy.trains) == (2, 2, 2, ("D",))
    assert phases["D"].order == 1


def test_accumulated_parts_equal_the_whole_batch():
    """Without batch statistics and dropout, splitting a batch changes rounding alone: draws belong to rows."""
    whole = toys.toy_crowd()
    a, b = trainer_of(whole), trainer_of(dataclasses.replace(whole, accumulate=4))
    # The running mean in memory is told of each part in turn; the pull towards it is not what is tested here.
    for trainer in (a, b):
        trainer.phases = [p for p in trainer.phases if p.name != "makers"]
        for _ in range(5):
            trainer.iterate()
    left, right = weights(a.nets), weights(b.nets)
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=1e-4, atol=1e-6)
    with refused("recipe.accumulate_not_a_divisor", "accumulate=3", "batch=16"):
        train(dataclasses.replace(whole, accumulate=3))


def test_clipping_bounds_the_step():
    recipe = toys.toy_crowd()
    settings = {**recipe.optimizers, "D3": SGD(lr=1.0, clip=1e-3)}
    trainer = trainer_of(dataclasses.replace(recipe, optimizers=settings))
    before = weights(trainer.nets)
    trainer._update(trainer.phases[0], trainer.batch_at(0), 0)
    after = weights(trainer.nets)
    step = sum((after[n] - before[n]).square().sum() for n in before if n.startswith("D3.")) ** 0.5
    assert 0 < step <= 1.01e-3


def test_schedules_follow_the_samples_seen(tmp_path):
    train(toys.toy_gan(), run_dir=tmp_path / "run")
    rates = [e["lr/G"] for e in read_events(tmp_path / "run" / "events.jsonl", "tick")]
    assert rates[0] == pytest.approx(1e-2 - 9e-3 * (64 - 32) / 640), "the rate of the last step before the tick"
    assert rates == sorted(rates, reverse=True)


def test_ema_has_the_half_life_it_says():
    net, ema = nn.Linear(1, 1, bias=False), Ema(half_life=100, warmup=0)
    with torch.no_grad():
        net.weight.zero_()
    average = ema.copy(net)
    with torch.no_grad():
        net.weight.fill_(1.0)
    for step in range(10):
        ema.update(average, net, batch=10, samples=10 * (step + 1))
    assert average.weight.item() == pytest.approx(0.5)
    assert not average.weight.requires_grad
    assert not average.training
    Ema(half_life=0).update(average, net, 10, 10)
    assert average.weight.item() == 1.0


@pytest.mark.parametrize(
    ("player", "at", "message"),
    [("D", 352, "a loss is no longer a finite number at 384 samples"), ("G", 480, r"the weights G\..* at 480 samples")],
)
def test_numbers_that_are_not_finite_stop_the_run_and_are_never_saved(player, at, message, tmp_path):
    class Poison(Listener):
        def __init__(self, run):
            self.run = run

        def on_step(self, before, after):
            if after == at:  # at 480 a checkpoint is due, before any loss has seen the bad weight
                with torch.no_grad():
                    next(self.run.trainer.nets[player].parameters()).view(-1)[0] = float("nan")

    with pytest.raises(TrainingError, match=rf"{message}.*last good checkpoint is .*000000000320"):
        train(toys.toy_gan(), run_dir=tmp_path / "run", listeners=[Poison])
    point = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert point is not None
    assert all(torch.isfinite(t).all() for t in checkpoint.read(point)[0].values())
    assert [e["event"] for e in read_events(tmp_path / "run" / "events.jsonl")][-1] == "failed"


def test_minutes_stop_and_save(tmp_path):
    recipe = dataclasses.replace(toys.toy_gan(), samples=100_000_000, log_every=1000)
    result = train(recipe, run_dir=tmp_path / "run", minutes=0.01)
    assert result.reason == "minutes"
    point = checkpoint.newest(tmp_path / "run" / "checkpoints")
    assert point is not None
    assert int(point.name) == result.samples


def test_interrupt_finishes_the_step_and_saves(tmp_path):
    class Interrupt(Listener):
        def __init__(self, run):
            pass

        def on_step(self, before, after):
            if after == 96:
                os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    result = train(toys.toy_gan(), run_dir=tmp_path / "run", listeners=[Interrupt])
    assert (result.samples, result.reason) == (96, "interrupted")
    assert signal.getsignal(signal.SIGINT) is handler, "the handler is put back"
    train(resume_recipe(tmp_path / "run"), resume=tmp_path / "run")
    train(toys.toy_gan(), run_dir=tmp_path / "whole")
    a, b = (checkpoint.read(checkpoint.newest(tmp_path / n / "checkpoints"))[0] for n in ("run", "whole"))
    assert all(torch.equal(a[k], b[k]) for k in b)


def test_training_works_outside_the_main_thread(tmp_path):
    results = []
    short = dataclasses.replace(toys.toy_gan(), samples=64)
    thread = threading.Thread(target=lambda: results.append(train(short, run_dir=tmp_path / "run")))
    thread.start()
    thread.join()
    assert results[0].reason == "finished"


def test_the_callers_randomness_is_left_alone(tmp_path):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(dataclasses.replace(toys.toy_gan(), samples=64), run_dir=tmp_path / "run")
    assert torch.equal(torch.rand(3), expected)


def test_a_run_in_use_is_refused(tmp_path):
    train(dataclasses.replace(toys.toy_gan(), samples=64), run_dir=tmp_path / "run")
    with RunDir(tmp_path / "run"), refused("run.in_use", str(tmp_path / "run")):
        train(resume_recipe(tmp_path / "run", None, ["samples=128"]), resume=tmp_path / "run")


def test_a_run_is_never_overwritten(tmp_path):
    short = dataclasses.replace(toys.toy_gan(), samples=64)
    train(short, run_dir=tmp_path / "run")
    with refused("run.already_exists", str(tmp_path / "run")):
        train(short, run_dir=tmp_path / "run")
    (tmp_path / "file").write_text("x")
    with refused("output.not_a_folder", str(tmp_path / "file")):
        train(short, run_dir=tmp_path / "file")


def test_optimizers_must_be_the_players(tmp_path):
    recipe = toys.toy_gan()
    with refused("recipe.unknown_player", "optimizers.g", "did you mean 'G'?"):
        trainer_of(dataclasses.replace(recipe, optimizers={**recipe.optimizers, "g": SGD()}))
    with refused("recipe.no_optimizer", "for D", "optimizers.D="):
        train(dataclasses.replace(recipe, optimizers={"G": SGD()}), run_dir=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_dry_run_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    told = plan(toys.toy_gan())
    assert not list(tmp_path.iterdir())
    assert told.players == {"G": (8 * 16 + 16) + 32 + (16 * 2 + 2), "D": (6 * 16 + 16) + 17}
    assert told.dataset_size == 512
    assert told.seconds_total == pytest.approx(20 * told.step_seconds)
    assert told.memory_bytes > 0


def test_batches_carry_labels_only_where_the_task_uses_them():
    assert trainer_of(toys.toy_crowd()).batch_at(0).c is None
    c = trainer_of(toys.toy_gan()).batch_at(0).c
    assert c is not None
    assert c.shape == (16,)
    assert len(Batch(torch.zeros(4, 2), torch.arange(4)).rows(1, 3)) == 2


def test_bf16_runs_and_stays_near_fp32(tmp_path):
    results = {}
    for precision in ("fp32", "bf16"):
        trainer = trainer_of(dataclasses.replace(toys.toy_gan(), precision=precision))
        for _ in range(5):
            trainer.iterate()
        results[precision] = trainer.stats.take()["loss/D"]
    assert results["bf16"] != results["fp32"]
    assert results["bf16"] == pytest.approx(results["fp32"], rel=0.05)


def test_samples_are_not_compared_while_a_generator_waits_for_its_training():
    """As in the task `latent`, whose GAN begins after the autoencoder: what G makes until then says nothing."""
    trainer, labels = trainer_of(toys.toy_gan()), torch.zeros(4, dtype=torch.int64)
    assert trainer.live_samples(4, labels, {}) is not None
    trainer.phases = [dataclasses.replace(p, after=1_000) if "G" in p.trains else p for p in trainer.phases]
    assert trainer.live_samples(4, labels, {}) is None
    trainer.samples = 1_000
    assert trainer.live_samples(4, labels, {}) is not None
