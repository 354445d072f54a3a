"""The watch over a run: what it measures, what it calls it, and going back to where all was well."""

from __future__ import annotations

import dataclasses
import json

import health_runs
import pytest
import torch
import toys
import yaml
from test_resume import final_state

from ganforge.artifacts import checkpoint
from ganforge.core.component import build, to_plain
from ganforge.core.errors import TrainingError
from ganforge.core.events import read_events
from ganforge.core.overrides import apply, from_yaml, to_yaml
from ganforge.core.types import Batch
from ganforge.engine.health import probe as trace
from ganforge.engine.health.diagnosis import diagnose, leap, sign_of
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.recipes.base import Recipe
from ganforge.recipes.callback import Listener
from ganforge.recipes.health import Off, Rollback, Watch
from ganforge.tasks.synthesis import Synthesis

FINE = {"auc": 0.8, "gap": 1.0, "diversity": 0.95, "distance": 0.01, "precision": 0.9, "coverage": 0.9}


def draw(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class TestSight:
    @pytest.mark.parametrize("shape", [(2,), (40,), (3, 32, 32), (1, 100), (2, 4, 16, 16)])
    def test_samples_of_one_distribution_are_near_and_as_diverse(self, shape):
        found = trace.read(trace.compare(draw(0, 64, *shape), draw(1, 64, *shape), None))
        assert abs(found["distance"]) < 0.05
        assert found["diversity"] == pytest.approx(1, abs=0.15)
        assert found["coverage"] > 0.6

    def test_scale_and_place_do_not_matter(self):
        x, y = draw(0, 64, 3), draw(1, 64, 3) * 1.5
        there = trace.read(trace.compare(x, y, None))
        assert trace.read(trace.compare(x * 100 + 7, y * 100 + 7, None)) == pytest.approx(there, rel=1e-3)

    def test_one_picture_has_no_diversity(self):
        found = trace.read(trace.compare(draw(0, 64, 1, 8, 8), draw(1, 1, 1, 8, 8).expand(64, 1, 8, 8), None))
        assert found["diversity"] < 1e-6
        assert found["distance"] > 0.2

    def test_one_picture_a_label_has_none_either(self):
        c = torch.arange(64) % 4
        spots = 10 * draw(0, 4, 5)[c]
        found = trace.read(trace.compare(spots + draw(1, 64, 5), spots, c))
        assert found["diversity"] < 1e-6
        assert trace.read(trace.compare(spots + draw(1, 64, 5), spots, None))["diversity"] > 0.8

    def test_two_of_eight_modes_are_precise_and_cover_little(self):
        angle = torch.arange(64) % 8 * torch.pi / 4
        ring = torch.stack([angle.cos(), angle.sin()], 1)
        fake = ring[(torch.arange(64) % 2) * 4] + 0.01 * draw(1, 64, 2)
        found = trace.read(trace.compare(ring + 0.01 * draw(0, 64, 2), fake, None))
        assert found["precision"] > 0.75
        assert found["coverage"] <= 0.25
        assert found["diversity"] > 0.7, "the mean distance alone does not see it"
        assert sign_of({**FINE, **found}, 64, 1.0) == "collapsing"

    def test_auc_is_the_share_of_pairs_in_the_right_order(self):
        real, fake = draw(0, 50) + 1, draw(1, 40)
        stats = {"logit/real": real, "logit/fake": fake}
        found = trace.read(trace.logit_stats(stats))
        assert found["auc"] == pytest.approx(sum(r > f for r in real for f in fake).item() / 2000)
        moved = trace.read(trace.logit_stats({name: t + 1000 for name, t in stats.items()}))
        assert moved == pytest.approx(found, abs=1e-3)
        assert trace.logit_stats({"acc/real": real}) == {}

    def test_what_is_not_finite_is_none(self):
        assert trace.read({"a": torch.tensor(float("nan")), "b": torch.tensor(1.5)}) == {"a": None, "b": 1.5}
        assert trace.read({}) == {}


class TestDiagnosis:
    @pytest.mark.parametrize(
        ("changed", "name"),
        [
            ({}, ""),
            ({"gap": None}, "diverging"),
            ({"gap": -5000.0}, "diverging"),
            ({"diversity": 9.0}, "diverging"),
            ({"diversity": 0.001, "auc": 1.0, "distance": 0.9}, "collapsing"),
            ({"diversity": 0.1, "auc": 1.0, "distance": 0.9}, "collapsing"),
            ({"diversity": 0.6, "auc": 1.0, "distance": 0.9}, "D wins"),
            ({"auc": 1.0}, ""),
            ({"auc": 0.1, "distance": 0.9}, "G wins"),
            ({"auc": 0.5}, ""),
            ({"auc": 0.8, "distance": 0.4}, "oscillating"),
        ],
    )
    def test_signs(self, changed, name):
        assert sign_of({**FINE, **changed}, 64, peak=0.9) == name

    def test_an_untrained_generator_has_not_collapsed(self):
        young = {**FINE, "diversity": 0.1, "auc": 1.0, "distance": 0.9}
        assert sign_of(young, 64, peak=0.1) == "D wins"

    def test_without_samples_or_logits_there_is_less_to_see(self):
        assert sign_of({}, 0, 0.0) == ""
        assert sign_of({"gradient/G": None}, 0, 0.0) == "diverging"
        assert sign_of({"diversity": 1.0, "distance": 0.01, "precision": 1, "coverage": 1}, 64, 1.0) == ""

    def probes(self, *signs: str, **figures):
        return [{**FINE, **figures, "sign": sign} for sign in signs]

    def test_a_sign_must_stay(self):
        assert diagnose([]).state == "unsettled"
        assert diagnose(self.probes(*[""] * 6)).state == "healthy"
        assert diagnose(self.probes(*[""] * 6, "collapsing")).state == "healthy"
        assert diagnose(self.probes(*[""] * 6, *["collapsing"] * 3)).state == "unsettled"
        assert diagnose(self.probes(*["collapsing"] * 5, "")).state == "collapsing"
        assert diagnose(self.probes(*["D wins"] * 6)).state == "unsettled", "a slow start looks like that"
        assert diagnose(self.probes(*["D wins"] * 10)).state == "D wins"

    def test_getting_nearer_is_no_trouble(self):
        young = [{**probe, "distance": 0.95**i} for i, probe in enumerate(self.probes(*["D wins"] * 10))]
        assert diagnose(young).state == "unsettled"

    def test_what_is_not_finite_is_named_at_once(self):
        told = diagnose([{**FINE, "gradient/D": None, "sign": "diverging"}])
        assert told.state == "diverging"
        assert "gradient/D" in told.why

    def test_a_gradient_that_leaps_is_named_at_once(self):
        """What a regression that blows up looks like: 15 for a long time, then 40,000 (`old-photo-small`)."""
        before = [{"gradient/G": 15.0 + k, "gradient/D": 0.4, "sign": ""} for k in range(10)]
        figures = {"gradient/G": 40_000.0, "gradient/D": 0.4}
        found = leap(before, figures, ("G",))
        assert found["leap"] == pytest.approx(40_000 / 19.5)
        sign = sign_of(figures | found, 0, 0.0)
        told = diagnose([*before, {**figures, **found, "sign": sign}])
        assert told.state == "diverging"
        assert "2,051 times" in told.why
        calm = [*before, {**figures, **found, "sign": sign}, {**figures, "gradient/G": 20.0, "sign": ""}]
        assert diagnose(calm).state == "healthy"

    def test_what_leaps_little_or_early_or_in_d_is_not(self):
        before = [{"gradient/G": 15.0, "gradient/D": 0.4, "sign": ""}] * 10
        assert leap(before, {"gradient/G": 900.0}, ("G",)) == {}
        assert leap(before[:9], {"gradient/G": 40_000.0}, ("G",)) == {}
        assert leap(before, {"gradient/G": 15.0, "gradient/D": 9_000.0}, ("G",)) == {}
        assert leap([], {"gradient/G": None}, ("G",)) == {}

    def test_swings(self):
        probes = [{**FINE, "auc": auc, "sign": ""} for auc in (0.95, 0.5, 0.1, 0.2, 0.9, 0.1, 0.9)]
        assert diagnose(probes).state == "oscillating"
        assert diagnose(probes[:3]).state == "unsettled"


def test_watching_changes_nothing(tmp_path, single_thread):
    for name in ("toy_gan", "toy_crowd"):
        recipe = getattr(toys, name)()
        for health in (Off(), Watch(every=1)):
            train(dataclasses.replace(recipe, health=health), run_dir=tmp_path / f"{name}-{health.kind}")
        assert final_state(tmp_path / f"{name}-off") == final_state(tmp_path / f"{name}-watch")


def test_the_log_tells_of_it(tmp_path):
    run = tmp_path / "run"
    recipe = health_runs.recipe_of("toy-gan", "task.generator=toy-deaf", "samples=1600", "health.every=5")
    train(recipe, run_dir=run)
    event = next(e for e in read_events(run / "events.jsonl", "health") if e["state"] == "collapsing")
    assert "diversity of fakes is" in event["why"]
    assert any("learning" in line or "lr" in line for line in event["advice"])
    tick = list(read_events(run / "events.jsonl", "tick"))[-1]
    assert tick["health"] == "collapsing"
    assert tick["health/diversity"] < 0.02
    assert tick["health/gradient/G"] >= 0


def test_a_resumed_run_sees_what_the_whole_one_saw(tmp_path, single_thread):
    recipe = health_runs.recipe_of("toy-gan", "task.generator=toy-deaf", "samples=1920", "health.every=5")
    train(recipe, run_dir=tmp_path / "whole")
    train(dataclasses.replace(recipe, samples=960), run_dir=tmp_path / "parts")
    train(resume_recipe(tmp_path / "parts", None, ["samples=1920"]), resume=tmp_path / "parts")

    def told(folder):
        return [(e["samples"], e["state"], e["values"]) for e in read_events(folder / "events.jsonl", "health")]

    assert told(tmp_path / "whole") == told(tmp_path / "parts") != []
    states = [checkpoint.read(checkpoint.newest(tmp_path / n / "checkpoints"))[1] for n in ("whole", "parts")]
    assert states[0]["health"] == states[1]["health"]


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_good_toys_raise_no_alarm(seed, single_thread):
    recipe = health_runs.recipe_of("toy-gan", "batch=32", "health.every=10", seed=seed)
    assert health_runs.troubles(health_runs.states_of(recipe, 200)) == []


@pytest.mark.parametrize(
    ("items", "names"),
    [
        (["optimizers.G.lr=1e-7"], {"D wins", "oscillating"}),
        (["optimizers.D.lr=1e-7", "optimizers.G.lr=0.1"], {"G wins", "diverging"}),
        (["task.generator=toy-deaf"], {"collapsing"}),
        pytest.param(["optimizers.G.lr=30", "optimizers.D.lr=30"], {"diverging"}, marks=pytest.mark.slow),
        pytest.param(["optimizers.D=sgd", "optimizers.D.lr=1e6"], {"diverging", "G wins"}, marks=pytest.mark.slow),
    ],
)
def test_bad_toys_are_caught(items, names, single_thread):
    recipe = health_runs.recipe_of("toy-gan", "health.every=5", *items)
    found = health_runs.troubles(health_runs.states_of(recipe, 100))
    assert found
    assert set(found) & names


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_alarm_in_twenty_good_runs(single_thread):
    alarms = {}
    for seed, words in enumerate(health_runs.GOOD):
        found = health_runs.troubles(health_runs.states_of(health_runs.recipe_of(*words, seed=seed), 800))
        if found:
            alarms[words] = found
    assert not alarms


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_twenty_bad_runs_are_caught(single_thread):
    missed = []
    for seed, words in enumerate(health_runs.BAD):
        if not health_runs.troubles(health_runs.states_of(health_runs.recipe_of(*words, seed=seed), 800)):
            missed.append(words)
    assert not missed


class Fragile(Synthesis, kind="toy-fragile"):
    """Synthesis whose loss is not a number at one moment of a run with its first seed."""

    at: int = 416
    seed: int = 0

    def g_loss(self, nets, batch: Batch, rng):
        terms = super().g_loss(nets, batch, rng)
        if rng.samples < self.at or rng.seed != self.seed:
            return terms
        return dataclasses.replace(terms, losses={name: loss * float("nan") for name, loss in terms.losses.items()})


def fragile(health: str, *items: str) -> Recipe:
    return health_runs.recipe_of("toy-gan", "task.kind=toy-fragile", f"health={health}", *items)


def events(folder, name=None):
    return list(read_events(folder / "events.jsonl", name))


def test_a_nan_ends_a_watched_run_with_its_name(tmp_path):
    with pytest.raises(TrainingError, match="no longer a finite number"):
        train(fragile("watch"), run_dir=tmp_path / "run")
    assert [e["event"] for e in events(tmp_path / "run")][-2:] == ["health", "failed"]
    assert events(tmp_path / "run", "health")[-1]["state"] == "diverging"


def test_rollback_goes_back_with_other_draws_and_a_lower_rate(tmp_path):
    run = tmp_path / "run"
    result = train(fragile("rollback", "health.slower=0.25"), run_dir=run)
    assert (result.reason, result.samples) == ("finished", 640)
    (back,) = events(run, "rollback")
    assert back["samples"] == 320, "the checkpoint before the loss broke"
    assert back["from_samples"] == 448
    assert back["state"] == "diverging"
    assert back["rate"] == 0.25
    ticks = events(run, "tick")
    assert [t["samples"] for t in ticks] == sorted({t["samples"] for t in ticks}), "what was undone is out of the log"
    before, after = ([t for t in ticks if (t["samples"] > 320) == late] for late in (False, True))
    assert after[0]["lr/D"] == pytest.approx(before[-1]["lr/D"] / 4)
    _, state = checkpoint.read(checkpoint.newest(run / "checkpoints"))
    assert state["health"]["rollbacks"] == 1


class Crash(BaseException):
    """A process that dies: nothing is saved after it."""


def crash_at(samples: int, after_rollbacks: int):
    class Crasher(Listener):
        def __init__(self, run):
            self.run = run

        def on_step(self, before, after):
            if after >= samples and self.run.watcher.rollbacks >= after_rollbacks:
                raise Crash

    return Crasher


@pytest.mark.parametrize(
    ("samples", "rollbacks"), [(384, 0), (352, 1), *(pytest.param(n, 1, marks=pytest.mark.slow) for n in (512, 608))]
)
def test_killed_before_or_after_a_rollback_and_resumed_gives_the_same_weights(
    samples, rollbacks, tmp_path, single_thread
):
    recipe = fragile("rollback")
    train(recipe, run_dir=tmp_path / "whole")
    with pytest.raises(Crash):
        train(recipe, run_dir=tmp_path / "killed", listeners=[crash_at(samples, rollbacks)])
    train(resume_recipe(tmp_path / "killed"), resume=tmp_path / "killed")
    assert final_state(tmp_path / "killed") == final_state(tmp_path / "whole")
    memos = [checkpoint.read(checkpoint.newest(tmp_path / n / "checkpoints"))[1]["health"] for n in ("killed", "whole")]
    assert memos[0] == memos[1]


def test_where_a_run_was_stopped_does_not_change_where_it_goes_back_to(tmp_path, single_thread):
    recipe = fragile("rollback")
    train(recipe, run_dir=tmp_path / "whole")
    train(dataclasses.replace(recipe, samples=416), run_dir=tmp_path / "parts")
    assert checkpoint.newest(tmp_path / "parts" / "checkpoints").name == "000000000416"
    train(resume_recipe(tmp_path / "parts", None, ["samples=640"]), resume=tmp_path / "parts")
    assert events(tmp_path / "parts", "rollback")[0]["samples"] == 320
    assert final_state(tmp_path / "parts") == final_state(tmp_path / "whole")


def test_a_run_goes_back_to_its_start_where_it_was_never_well_since(tmp_path):
    result = train(fragile("rollback", "task.at=32"), run_dir=tmp_path / "run")
    assert result.reason == "finished"
    assert events(tmp_path / "run", "rollback")[0]["samples"] == 0


def test_rollbacks_are_counted(tmp_path):
    run = tmp_path / "run"
    recipe = health_runs.recipe_of(
        "toy-gan", "task.generator=toy-deaf", "health=rollback", "health.times=2", "health.every=5", "samples=1600"
    )
    assert train(recipe, run_dir=run).reason == "finished", "after the last rollback the run goes on as it is"
    assert [e["count"] for e in events(run, "rollback")] == [1, 2]
    assert events(run, "tick")[-1]["health"] == "collapsing"
    assert events(run, "tick")[-1]["lr/D"] == pytest.approx(0.25 * 1e-2)
    with pytest.raises(TrainingError, match="no longer a finite number"):
        train(dataclasses.replace(always_broken(), health=Rollback(times=2)), run_dir=tmp_path / "broken")


def always_broken() -> Recipe:
    return health_runs.recipe_of("toy-gan", "optimizers.D=sgd", "optimizers.D.lr=1e30")


def test_the_last_sound_checkpoint_is_kept(tmp_path):
    run = tmp_path / "run"
    recipe = health_runs.recipe_of(
        "toy-gan", "task.generator=toy-deaf", "health=rollback", "health.every=4", "samples=768",
        "checkpoint_every=32", "keep=1",
    )  # fmt: skip
    stopped = dataclasses.replace(recipe, samples=480)  # signs at every look since 128, no trouble yet
    train(stopped, run_dir=run)
    kept = sorted(p.name for p in (run / "checkpoints").iterdir())
    assert kept == ["000000000096", "000000000480"]


def test_recipes_of_before_still_load(tmp_path):
    run = tmp_path / "run"
    train(dataclasses.replace(toys.toy_gan(), samples=160), run_dir=run)
    plain = from_yaml(run / "recipe.yaml")
    del plain["health"]
    (run / "recipe.yaml").write_text(to_yaml(plain))
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    state = json.loads((point / "state.json").read_text())
    (point / "state.json").write_text(json.dumps({k: v for k, v in state.items() if k not in ("health", "sound")}))
    assert train(resume_recipe(run, None, ["samples=320"]), resume=run).samples == 320


def test_off_is_a_name_in_yaml_too():
    plain = to_plain(toys.toy_gan())
    assert build(Recipe, {**plain, "health": yaml.safe_load("off")}).health == Off()
    assert build(Recipe, {**plain, "health": yaml.safe_load("kind: off")}).health == Off()
    assert build(Recipe, yaml.safe_load(to_yaml(build(Recipe, {**plain, "health": "off"})))).health == Off()
    assert build(Recipe, apply(plain, ["health=off"], Recipe)).health == Off()
    assert build(Recipe, apply(plain, ["health=rollback", "health.times=5"], Recipe)).health == Rollback(times=5)
