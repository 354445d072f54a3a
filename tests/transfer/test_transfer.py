"""A run that starts from a trained model: what is taken, what stays fresh, what stays as it is, and what is refused."""

from __future__ import annotations

import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from PIL import Image
from torch import Tensor, nn

from ganforge import recipes
from ganforge.api import unnamed
from ganforge.artifacts import checkpoint
from ganforge.artifacts.rundir import stored_recipe
from ganforge.cli.train_words import resolve
from ganforge.core.component import fields_of, to_plain
from ganforge.core.errors import UserError
from ganforge.core.events import read_events
from ganforge.core.types import Spec
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.freeze import is_layer, lower
from ganforge.engine.plan import plan
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.engine.trainer import Trainer
from ganforge.engine.transfer import label_shapes, start
from ganforge.nets.base import Discriminator
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from refused import refused

load_all()
TINY = ["task.generator.channels=8", "task.discriminator.channels=8", "task.generator.latent=8"]
QUICK = [*TINY, "samples=64", "batch=16", "checkpoint_every=32", "callbacks=[]", "health=off", "precision=fp32"]
CPU = torch.device("cpu")


def write(path: Path, names: str, side: int = 8) -> Path:
    """A set of noise, eight images of each class."""
    draws, labels = np.random.default_rng(len(names)), np.repeat(np.arange(len(names)), 8)
    images = draws.integers(0, 255, (len(labels), side, side, 1), np.uint8)
    for image, label in zip(images, labels, strict=True):
        folder = path / names[label]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(folder / f"{len(list(folder.iterdir()))}.png")
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """Two sets, abc/ and bcde/, and a conditional run on the first, trained."""
    folder = tmp_path_factory.mktemp("transfer")
    for names in ("abc", "bcde", "xyz"):
        write(folder / names, names)
    train(recipe(folder / "abc"), run_dir=folder / "run", device="cpu")
    return folder


def recipe(data: Path, *items: str, name: str = "cdcgan", quick: list[str] = QUICK) -> Recipe:
    return make_recipe(name, (), [f"data={data}", *quick, *items])


def trainer_of(recipe: Recipe) -> Trainer:
    dataset, spec = open_data(recipe)
    return Trainer(recipe, spec, make_loader(recipe, dataset, spec, CPU), CPU)


def begun(recipe: Recipe) -> tuple[Trainer, list[str]]:
    trainer = trainer_of(recipe)
    return trainer, start(trainer)


def weight(trainer: Trainer, name: str) -> Tensor:
    return trainer.state()[f"net.{name}"]


def state_of(run: Path) -> dict[str, Tensor]:
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    return checkpoint.read(point)[0]


KNOW_LABELS = [
    "cdcgan",
    "acgan",
    pytest.param("cgan-pd", marks=pytest.mark.slow),
    pytest.param("biggan", marks=pytest.mark.slow),
    "stylegan2-cifar",
    "r3gan-cifar10",
]


class TestWhatIsTaken:
    def test_every_player_and_the_averages_of_a_run(self, place):
        trainer, told = begun(recipe(place / "abc", f"init={place / 'run'}", "seed=9"))
        there = state_of(place / "run")
        for prefix, players in (("net", trainer.nets), ("ema", trainer.averages)):
            for name, net in players.items():
                for key, tensor in net.state_dict().items():
                    assert torch.equal(tensor, there[f"{prefix}.{name}.{key}"]), key
        assert "G, D with the weights of" in told[0]
        assert trainer.samples == 0
        assert not any(optimizer.state for optimizer in trainer.optimizers.values())

    def test_a_bundle_has_generators_alone_and_says_so(self, place):
        fresh = trainer_of(recipe(place / "abc"))
        trainer, told = begun(recipe(place / "abc", f"init={place / 'run' / 'model.safetensors'}"))
        there = safetensors.torch.load_file(place / "run" / "model.safetensors")
        for players in (trainer.nets, trainer.averages):
            assert all(torch.equal(t, there[f"G.{key}"]) for key, t in players["G"].state_dict().items())
        for mine, theirs in zip(trainer.nets["D"].parameters(), fresh.nets["D"].parameters(), strict=True):
            assert torch.equal(mine, theirs)
        assert any("D starts from random weights" in line for line in told)

    @pytest.mark.parametrize("name", KNOW_LABELS)
    def test_labels_known_by_name_keep_their_rows(self, place, tmp_path, name):
        """From a, b, c to b, c, d, e: rows of b and c move along, d and e are fresh, all else is taken."""
        small = [f"task.{p}.{f}=8" for p in ("generator", "discriminator") for f in ("channels", "max_channels")]
        known: Any = make_recipe(name).task
        fields = {p: fields_of(type(getattr(known, p))) for p in ("generator", "discriminator")}
        quick = [item for item in small if item.split("=")[0].split(".")[2] in fields[item.split(".")[1]]]
        quick += ["batch=8", "samples=8", "accumulate=1", "callbacks=[]", "health=off", "task.generator.latent=8"]
        if name == "biggan":
            quick[-1] = "task.generator.latent=12"
        size = ["signal.size=null"]
        run = tmp_path / "run"
        train(recipe(place / "abc", *size, name=name, quick=quick), run_dir=run, device="cpu")
        other = recipe(place / "bcde", *size, name=name, quick=quick)
        fresh = trainer_of(other)
        trainer, told = begun(recipe(place / "bcde", *size, f"init={run}", name=name, quick=quick))
        assert "labels: 2 matched by name, 2 new" in told
        shapes = label_shapes(other.task, fresh.spec, 4)
        assert {key.split(".")[0] for key in shapes.axes} == {"G", "D"}, "both players know labels"
        there = state_of(run)
        for player, net in trainer.nets.items():
            for key, tensor in net.state_dict().items():
                was, axis = there[f"net.{player}.{key}"], shapes.axes.get(f"{player}.{key}")
                if axis is None:
                    assert torch.equal(tensor, was), key
                    continue
                drawn = fresh.nets[player].state_dict()[key]
                for k, old in ((0, 1), (1, 2)):
                    assert torch.equal(tensor.select(axis, k), was.select(axis, old)), key
                for k in (2, 3):
                    assert torch.equal(tensor.select(axis, k), drawn.select(axis, k)), key

    def test_as_many_labels_of_other_names_are_fresh(self, place):
        trainer, told = begun(recipe(place / "xyz", f"init={place / 'run'}"))
        fresh = trainer_of(recipe(place / "xyz"))
        assert torch.equal(weight(trainer, "D.label.weight"), weight(fresh, "D.label.weight"))
        assert torch.equal(weight(trainer, "D.head.weight"), state_of(place / "run")["net.D.head.weight"])
        assert "labels: 0 matched by name, 3 new" in told

    def test_labels_may_come_and_go(self, place, tmp_path):
        without = recipe(place / "abc", name="dcgan")
        trainer, _ = begun(replace(without, init=recipe(place / "abc", f"init={place / 'run'}").init))
        assert torch.equal(weight(trainer, "G.project.weight"), state_of(place / "run")["net.G.project.weight"])
        train(without, run_dir=tmp_path / "plain", device="cpu")
        trainer, _ = begun(recipe(place / "abc", f"init={tmp_path / 'plain'}"))
        fresh = trainer_of(recipe(place / "abc"))
        assert torch.equal(weight(trainer, "G.label.weight"), weight(fresh, "G.label.weight"))
        assert torch.equal(weight(trainer, "G.project.weight"), state_of(tmp_path / "plain")["net.G.project.weight"])


class TestFreeze:
    """FreezeD: the lower layers of D stay as they were."""

    def test_frozen_layers_stay_and_the_others_learn(self, place, tmp_path):
        run = train(recipe(place / "bcde", f"init={place / 'run'}", "init.freeze=1"), run_dir=tmp_path / "run").folder
        before, after = state_of(place / "run"), state_of(run)
        assert torch.equal(after["net.D.layers.1.weight"], before["net.D.layers.1.weight"])
        assert torch.equal(after["net.D.layers.1.bias"], before["net.D.layers.1.bias"])
        assert not torch.equal(after["net.D.layers.3.weight"], before["net.D.layers.3.weight"])
        assert not torch.equal(after["net.G.project.weight"], before["net.G.project.weight"])

    def test_penalties_and_weight_decay_leave_them_alone(self, place, tmp_path):
        items = ["task.objective=rpgan", 'task.penalties=[{"kind":"r1","weight":0.1}]', "task.discriminator.norm=none"]
        quick = [*QUICK, *items, "optimizers.D.weight_decay=0.1"]
        run = train(recipe(place / "abc", quick=quick), run_dir=tmp_path / "first").folder
        tuned = recipe(place / "bcde", f"init={run}", "init.freeze=2", quick=quick)
        after = state_of(train(tuned, run_dir=tmp_path / "second").folder)
        before = state_of(run)
        names = [name for name in before if name.startswith("net.D.layers.")]
        assert names
        assert all(torch.equal(after[name], before[name]) for name in names)
        assert not torch.equal(after["net.D.head.weight"], before["net.D.head.weight"])

    @pytest.mark.parametrize("kind", sorted(Discriminator.kinds))
    def test_layers_are_counted_as_samples_meet_them(self, kind):
        """What `lower` takes from the order of registration is what a sample meets first in every net of ours."""
        cls = Discriminator.kinds[kind]
        if not cls.__module__.startswith("ganforge."):
            pytest.skip("a toy of another test")
        small = {k: v for k, v in {"channels": 4, "max_channels": 8, "widths": (8, 8)}.items() if k in fields_of(cls)}
        component = cls(**small)
        try:
            shape = tuple(component.nearest((3, 32, 32)))
            net = component.build(Spec(shape)).eval()
        except UserError:
            pytest.skip("not for pictures alone")
        if any(getattr(module, "in_order", True) is False for module in net.modules()):
            with refused("init.no_first_layers", "init.freeze=1"):
                lower(net, 1)
            return
        met: list[nn.Module] = []
        for module in net.modules():
            if is_layer(module):
                module.register_forward_pre_hook(lambda module, _: met.append(module) if module not in met else None)
        net(torch.randn(2, *shape))
        registered = [module for module in net.modules() if is_layer(module)]
        if len(met) < 2:
            pytest.skip("layers that are not called one by one")
        assert registered[0] is met[0]
        first = {id(p) for p in lower(net, 1)}
        assert {id(p) for p in met[0].parameters()} <= first
        assert not first & {id(p) for module in met[1:] for p in module.parameters()}
        half = len(met) // 2
        assert {id(m) for m in registered[:half]} <= {id(m) for m in met[: half + 3]}, (
            "a skip may come before its block"
        )

    def test_more_layers_than_there_are(self, place):
        with refused("init.too_many_layers", "D has 3 layers", "at most 2"):
            trainer_of(recipe(place / "abc", f"init={place / 'run'}", "init.freeze=3"))

    def test_no_critic_in_a_bundle(self, place):
        with refused("init.player_missing", "does not contain D", "model.safetensors"):
            begun(recipe(place / "abc", f"init={place / 'run' / 'model.safetensors'}", "init.freeze=1"))

    def test_no_critic_at_all(self, place, tmp_path):
        items = ["batch=8", "samples=8", "callbacks=[]", "health=off"]
        items += [f"task.{player}.channels=8" for player in ("encoder", "generator")]
        train(recipe(place / "abc", name="vae", quick=items), run_dir=tmp_path / "run")
        with refused("init.no_critic", "init.freeze=1"):
            trainer_of(recipe(place / "abc", f"init={tmp_path / 'run'}", "init.freeze=1", name="vae", quick=items))

    def test_not_with_privacy(self, place):
        private = make_recipe("dp-gan", (), [f"data={place / 'abc'}", f"init={place / 'run'}", "init.freeze=1"])
        with refused("privacy.freeze_not_supported", "init.freeze=1", "privacy=dp_sgd"):
            train(private, run_dir=place / "never")
        assert not (place / "never").exists()


class TestResume:
    def test_is_exact(self, place, tmp_path):
        """The init is read once: a run that was stopped goes on bit for bit, though the init is no longer there."""
        shutil.copytree(place / "run", tmp_path / "init")
        tuned = recipe(place / "bcde", f"init={tmp_path / 'init'}", "init.freeze=1")
        whole = train(tuned, run_dir=tmp_path / "whole", device="cpu").folder
        part = train(replace(tuned, samples=32), run_dir=tmp_path / "part", device="cpu").folder
        shutil.rmtree(tmp_path / "init")
        train(resume_recipe(part, None, ["samples=64"]), resume=part, device="cpu")
        wanted, found = state_of(whole), state_of(part)
        assert set(wanted) == set(found)
        assert all(torch.equal(wanted[name], found[name]) for name in wanted)

    def test_the_run_says_where_it_came_from(self, place, tmp_path):
        run = train(recipe(place / "bcde", f"init={place / 'run'}"), run_dir=tmp_path / "run", device="cpu").folder
        stored = stored_recipe(run).init
        assert stored is not None
        assert getattr(stored, "path", "") == str(place / "run")
        (event,) = read_events(run / "events.jsonl", "init")
        assert any("labels: 2 matched by name, 2 new" in line for line in event["notes"])

    def test_another_init_is_no_way_to_go_on(self, place, tmp_path):
        run = train(recipe(place / "bcde", f"init={place / 'run'}"), run_dir=tmp_path / "run", device="cpu").folder
        with refused("run.recipe_differs", "init.path"):
            resume_recipe(run, None, ["init=elsewhere"])

    def test_a_dry_run_tells(self, place):
        notes = plan(recipe(place / "bcde", f"init={place / 'run'}", "init.freeze=1"), "cpu").notes
        assert any("labels: 2 matched by name" in note for note in notes)
        assert any("weights of the critics are frozen" in note for note in notes)


class TestWithoutARecipe:
    """The recipe is then that of the model, at the size of its samples."""

    def test_in_python_and_at_the_command_line(self, place):
        init = f"init={place / 'run'}"
        found, why = unnamed([f"data={place / 'bcde'}", init, "samples=128"], (), 10.0, "cpu")
        assert found.name == "cdcgan"
        assert to_plain(found.signal)["size"] == [8, 8]
        assert found.samples == 128
        assert found.task == stored_recipe(place / "run").task
        assert "recipe: that of" in why[0]
        shown, said = resolve([str(place / "bcde"), init, "samples=128"], None, [], 10.0, "cpu")
        assert (shown, said) == (found, why)

    def test_other_pictures_come_to_its_size_and_colors(self, place, tmp_path):
        write(tmp_path / "large", "ab", side=20)
        for path in (tmp_path / "large").rglob("*.png"):
            Image.open(path).convert("RGB").save(path)
        found, _ = unnamed([f"data={tmp_path / 'large'}", f"init={place / 'run'}"], (), None, "cpu")
        assert begun(found)[0].spec.shape == (1, 8, 8)


class TestRefusals:
    """Before training, with a list, and with nothing written."""

    def refused(self, recipe: Recipe, place: Path, code: str = "init.nets_differ") -> str:
        with refused(code) as error:
            train(recipe, run_dir=place / "never", device="cpu")
        assert not (place / "never").exists()
        return str(error.value)

    def test_another_family(self, place):
        other = make_recipe("cgan", (), [f"data={place / 'abc'}", "batch=8", "callbacks=[]", f"init={place / 'run'}"])
        text = self.refused(other, place)
        assert "task.generator.kind: 'dcgan' there, 'mlp' here" in text
        assert "trained with the recipe 'cdcgan'" in text
        assert "more" in text, "the list is cut"

    def test_other_players(self, place):
        other = make_recipe("vae", (), [f"data={place / 'abc'}", f"init={place / 'run'}", "batch=8", "callbacks=[]"])
        text = self.refused(other, place)
        assert "task.kind: 'synthesis' there, 'autoencode' here" in text

    def test_other_shapes(self, place):
        text = self.refused(recipe(place / "abc", f"init={place / 'run'}", "signal.size=16"), place)
        assert "sample: 1×8×8 there, 1×16×16 here" in text
        text = self.refused(recipe(place / "abc", f"init={place / 'run'}", "task.generator.channels=4"), place)
        assert "task.generator.channels: 8 there, 4 here" in text
        assert "G.project.weight: [64, 8] there, [32, 8] here" in text

    @pytest.mark.parametrize(
        ("init", "code"),
        [("nowhere", "model.not_found"), ("abc", "run.not_found"), ("torn.safetensors", "model.damaged")],
    )
    def test_no_model(self, place, init, code):
        (place / "torn.safetensors").write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
        text = self.refused(recipe(place / "abc", f"init={place / init}"), place, code)
        assert text.startswith(f"init={place / init}: "), "the field that is wrong, as it was typed"

    def test_a_wrong_field(self, place):
        with refused("config.invalid_value", "init.freeze: ", "got -1"):
            recipe(place / "abc", f"init={place / 'run'}", "init.freeze=-1")
        with refused("config.field_is_null", "'init.freeze=1'", "init=..."):
            recipe(place / "abc", "init.freeze=1")


def test_the_trainer_is_as_it_was_after_a_refusal(place):
    trainer = trainer_of(recipe(place / "abc", f"init={place / 'run'}", "task.discriminator.channels=4"))
    before: dict[str, Any] = {name: t.clone() for name, t in trainer.state().items()}
    with refused("init.nets_differ"):
        start(trainer)
    assert all(torch.equal(t, before[name]) for name, t in trainer.state().items())


FIELDS_OF_NETS = {"generator", "discriminator", "encoder", "translator", "critics", "likelihood", "pack", "conditional"}
FIELDS_OF_NETS |= {"sentence_encoder"}


def test_which_fields_decide_what_the_nets_are():
    """They are found by what they build. What the list above lacks are nets too."""
    more = {"contrastive": {"critic"}, "unpaired": {"critic"}, "lapgan": {"refiner", "judge"}, "latent": {"decoder"}}
    seen = set()
    for name in recipes.names():
        task = recipes.get(name).task
        seen.add(task.kind)
        own = {field.name for field in fields(task)}
        wanted = (own & FIELDS_OF_NETS) | more.get(task.kind, set()) | ({*task.shaping} & own)
        assert set(task.net_fields()) == wanted, task.kind
    assert len(seen) > 10


def test_the_critics_are_the_players_whose_names_begin_with_d():
    task = recipes.get("dcgan").task
    assert task.critic_players(["E", "D1", "G", "D_a", "H"]) == ["D1", "D_a"]
