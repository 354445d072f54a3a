"""StarGAN: one generator for all attributes; its losses, its size, and how a user asks it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import ganforge as gf
from ganforge import recipes
from ganforge.cli.main import main
from ganforge.core.condition_kinds import Category, Number, Ordinal
from ganforge.core.conditions import Conditions
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.modalities.image.sources.sprites import Sprites
from ganforge.modalities.pair.critics.stargan import StarganCritic
from ganforge.modalities.pair.edits import changes
from ganforge.modalities.pair.nets.stargan import StarganTranslator
from ganforge.modalities.pair.tasks.attributes import Attributes
from ganforge.registry import load_all
from ganforge.web.description import attributes
from refused import refused

load_all()

EVERY = Conditions(
    (Number("x", 0.0, 1.0), Category("color", ("red", "blue", "green")), Ordinal("size", ("s", "m", "l")))
)
ROWS = [(0.1, "red", "s"), (0.2, "blue", "m"), (0.3, "green", None), (0.4, "blue", "l")]
SPEC = Spec((3, 16, 16), conditions=EVERY)
TASK = Attributes(translator=StarganTranslator(channels=4, blocks=1), discriminator=StarganCritic(channels=4, layers=3))


def nets_of(task: Attributes, spec: Spec = SPEC) -> Nets:
    torch.manual_seed(0)
    return Nets(task.players(spec.for_nets), task.memory(spec.for_nets))


def batch() -> Batch:
    return Batch(
        torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(1)), torch.from_numpy(EVERY.encode(ROWS))
    )


def test_the_size_is_that_of_the_paper():
    """53.2 million parameters for eight domains at 128 px (table 3)."""
    recipe = recipes.get("stargan")
    nets = recipe.task.players(Spec((3, 128, 128), 8, tuple("abcdefgh")))
    assert round(sum(p.numel() for net in nets.values() for p in net.parameters()) / 1e6, 1) == 53.2


def test_attributes_are_the_conditions_whose_values_are_listed():
    assert TASK.attributes(SPEC).names == ("color", "size")
    assert Attributes(translator=TASK.translator, discriminator=TASK.discriminator, conditions=("x",)).attributes(
        SPEC
    ).names == ("x",)
    assert TASK.attributes(Spec((3, 16, 16), 2, ("cat", "dog"))).said() == "label (category: cat, dog)"
    with refused("task.no_attributes", "labels"):
        TASK.adapt(Spec((3, 16, 16)))


@pytest.mark.parametrize("ask", [1.0, 0.5])
def test_losses(ask):
    """What is asked for is compared with what D sees, the rest with what the image has; the way back leads to it."""
    task = Attributes(translator=TASK.translator, discriminator=TASK.discriminator, ask=ask)
    nets, given = nets_of(task), batch()
    G, own = nets.G, nets.G.own(given.c)
    assert own.shape == (4, G.chosen.width)
    rng = Rng(3)
    wanted, asked = task._asked(G, own, rng)
    assert asked.all() == (ask == 1)
    told = G.asked_for(wanted, asked)
    rows, others = G.chosen.decode(told.numpy()), G.chosen.decode(wanted.numpy())
    for row, other, mask in zip(rows, others, asked, strict=True):
        assert row == tuple(v if m else None for v, m in zip(other, mask.tolist(), strict=True))
    terms = task.g_loss(nets, given, rng)
    made = G(given.x, told)
    back = G(made, G.asked_for(own, asked))
    assert torch.allclose(terms.losses["cycle"], 10 * (back - given.x).abs().mean((1, 2, 3)), atol=1e-5)
    assert torch.allclose(terms.losses["adversarial"], -nets.D(made).logits.mean(1), atol=1e-6)
    d = task.d_loss(nets, given, rng)
    assert set(d.losses) == {"D", "classify"}
    color = nets.D(given.x).classes[:, :3].log_softmax(1)[torch.arange(4), torch.tensor([0, 1, 2, 1])]
    assert (d.losses["classify"] >= -color - 1e-5).all(), "and the size, where it is known"
    assert torch.allclose(d.losses["classify"][2], -color[2], atol=1e-5)


def test_classes_are_one_attribute():
    spec = Spec((3, 16, 16), 3, ("a", "b", "c"))
    nets = nets_of(TASK, spec)
    terms = TASK.g_loss(nets, Batch(batch().x, torch.tensor([0, 1, 2, 0])), Rng(0))
    assert all(torch.isfinite(loss).all() for loss in terms.losses.values())
    columns = TASK.visualize(nets, Batch(batch().x, torch.tensor([0, 1, 2, 0])))
    assert len(columns) == 4, "the image, and one of each class"


def test_one_attribute_changes_at_a_time():
    vectors = EVERY.encode(ROWS * 5)
    chosen = TASK.attributes(SPEC)
    wanted, told = changes(vectors, EVERY, chosen, 0)
    for before, after, asked in zip(ROWS * 5, EVERY.decode(wanted), chosen.decode(told), strict=True):
        differs = [k for k in range(1, 3) if before[k] != after[k]]
        assert after[0] == pytest.approx(before[0], abs=1e-4)
        assert len(differs) == 1
        assert [v for v in asked if v is not None] == [after[differs[0]]]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("edited") / "run"
    words = ["stargan-small", "data.count=400", "samples=16", "batch=8", "callbacks=[]", "task.translator.channels=4"]
    words += ["task.translator.blocks=1", "task.discriminator.channels=4"]
    with pytest.raises(SystemExit) as ended:
        main(["train", *words, "--run-dir", str(folder), "--quiet"])
    assert ended.value.code in (0, None)
    return folder


def results_of(capsys) -> list[dict]:
    return json.loads(capsys.readouterr().out)


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code or 0


def test_a_page_knows_what_can_be_changed(run):
    model = gf.load(run)
    assert attributes(model) == [one.to_plain() for one in model.bundle.nets.G.chosen.each]
    assert [one["kind"] for one in attributes(model)]


def test_translating_a_file(run, tmp_path, capsys):
    photo, out = tmp_path / "photo.png", tmp_path / "blue.png"
    image = Sprites(count=2).open().read(0)
    Image.fromarray(np.tile(image, (2, 3, 1))[:50]).save(photo)
    assert command("translate", run, photo, "--where", "color=blue", "--where", "size=large", "--out", out) == 0
    with Image.open(out) as made:
        assert made.size == (96, 50), "of any size"
        blue = np.asarray(made)
    model = gf.load(run)
    where = {"color": "blue", "size": "large"}
    assert np.array_equal(model.translate(photo, where=where), blue)
    assert not np.array_equal(model.translate(photo, where="color=red"), blue)
    for code, asked, named in (
        ("condition.unknown_value", "color=bleu", "did you mean 'blue'"),
        ("condition.not_found", "angle=30", "shape"),
        ("translate.one_value", "color in red,blue", "color=VALUE"),
        ("translate.nothing_asked", (), "--where"),
    ):
        with refused(code, named):
            model.translate(image, where=asked)
    capsys.readouterr()


def test_models_that_change_no_attributes_say_so(run, tmp_path):
    model = gf.load(run)
    task = recipes.get("pix2pix-small").task
    assert not hasattr(task, "attributes")
    with refused("model.not_a_generator", "translate"):
        model.sample(1)


@pytest.mark.slow
def test_evaluation_asks_for_changes(run, capsys):
    words = ["--metrics", "conditions40(steps=3)", "--json", "--out", run.parent / "evaluation"]
    assert command("evaluate", run, *words) == 0
    results = {r["name"]: r for r in results_of(capsys)}
    assert "asked_accuracy40[color]" in results
    assert all(r["protocol"]["changed"] == "one attribute" for r in results.values())
