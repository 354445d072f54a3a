"""Balanced sampling, hidden conditions, and the guidance weight at sampling."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.condition_kinds import Angle, Category, Labels, Number
from ganforge.core.conditions import Conditions
from ganforge.core.text_condition import Text
from ganforge.data.arrays import ArrayDataset
from ganforge.data.balance import Balanced, groups_of
from ganforge.evaluation.sides import vectors_of
from ganforge.nets.layers.labels import guided, hidden
from refused import refused

CONDITIONS = Conditions(
    (Category("color", ("red", "blue")), Labels("tags", ("a", "b")), Number("x", 0.0, 10.0), Angle("turn"))
)
ROWS = [("red", ("a",), 0.0, 5.0)] * 90 + [("blue", (), 9.5, 355.0)] * 9 + [(None, ("a", "b"), None, None)]


def labeled() -> ArrayDataset:
    dataset = ArrayDataset("some", np.zeros((100, 2, 2, 1), np.uint8), signal="image")
    dataset.conditions, dataset.vectors = CONDITIONS.with_observed(ROWS), CONDITIONS.encode(ROWS)
    return dataset


def sizes(name: str) -> list[int]:
    return sorted(len(group) for group in groups_of(labeled(), name))


def test_groups_are_the_values_of_a_condition():
    assert sizes("color") == [1, 9, 90]
    assert sizes("tags") == [1, 9, 91], "b, none of them, a"
    assert sizes("x") == sizes("turn") == [1, 9, 90]
    classes = ArrayDataset(
        "some", np.zeros((5, 2, 2, 1), np.uint8), np.array([0, 0, 0, 0, 1]), ("p", "q"), signal="image"
    )
    assert [group.tolist() for group in groups_of(classes, "class")] == [[0, 1, 2, 3], [4]]
    with refused("data.balance_not_found", "'color'", "color, tags, x, turn"):
        groups_of(labeled(), "colour")
    with refused("data.balance_not_found", "a text has no values"):
        sentences = labeled()
        sentences.conditions = Conditions((Text("said", ("red", "blue"), 4),))
        sentences.vectors = sentences.conditions.encode([("red blue",)] * 100)
        groups_of(sentences, "said")
    with refused("data.balance_not_found", "no labels"):
        groups_of(ArrayDataset("some", np.zeros((5, 2, 2, 1), np.uint8), signal="image"), "class")


def test_groups_come_equally_often_and_each_item_of_a_group_once_a_pass():
    order = Balanced(groups_of(labeled(), "color"))
    rows, extra = order.rows(0, 0, 270)
    assert extra == {}
    assert [int(((rows >= low) & (rows < high)).sum()) for low, high in ((0, 90), (90, 99), (99, 100))] == [90, 90, 90]
    assert sorted(rows[rows < 90].tolist()) == list(range(90))
    parts = np.concatenate([order.rows(0, k, 30)[0] for k in range(0, 270, 30)])
    assert np.array_equal(parts, rows)
    assert not np.array_equal(order.rows(1, 0, 270)[0], rows)


def test_hidden_and_guided_vectors():
    c = torch.from_numpy(CONDITIONS.encode(ROWS[:2]))
    found = hidden(c, torch.tensor([True, False]), CONDITIONS.unknown())
    assert CONDITIONS.decode(found.numpy())[0] == (None,) * 4
    assert torch.equal(found[1], c[1])
    assert torch.allclose(guided(c, 1.0, CONDITIONS.unknown()), c)
    assert CONDITIONS.decode(guided(c, 0.0, CONDITIONS.unknown()).numpy())[1] == (None,) * 4
    red, _, unknown = guided(c, 2.0, CONDITIONS.unknown())[0, :3].tolist()
    assert (red, unknown) == (2, -1)


def trained(folder, *words) -> int:
    fixed = ["samples=32", "batch=16", "callbacks=[]", "task.generator.channels=8", "task.discriminator.channels=8"]
    with pytest.raises(SystemExit) as ended:
        main(["train", "cdcgan", *words, *fixed, "--run-dir", str(folder), "-q"])
    return ended.value.code


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Of classes, which become a condition when they are hidden."""
    place = tmp_path_factory.mktemp("guided")
    draws = np.random.default_rng(0)
    np.savez(
        place / "x.npz",
        images=draws.integers(0, 255, (40, 8, 8), np.uint8),
        labels=np.array(["cat", "dog"])[np.arange(40) % 2],
    )
    assert trained(place / "run", f"data={place / 'x.npz'}", "drop_conditions=0.5", "balance=label") in (0, None)
    return place / "run"


def test_a_model_is_guided(run, tmp_path, capsys):
    model = gf.load(run)
    assert model.spec.conditions.names == ("label",)
    plain = model.sample(4, where="label=dog")
    assert np.array_equal(plain, model.sample(4, label="dog"))
    assert np.array_equal(plain, model.guided(1.0).sample(4, where="label=dog"))
    assert not np.array_equal(plain, model.guided(4.0).sample(4, where="label=dog"))
    assert np.array_equal(model.guided(0.0).sample(4, label="dog"), model.guided(0.0).sample(4, label="cat"))
    walks = [one.walk([1, 2], frames=3, where="label=cat") for one in (model, model.guided(4.0))]
    assert not np.array_equal(*walks)
    with pytest.raises(SystemExit) as ended:
        main(["sample", str(run), "-n", "4", "--label", "dog", "--guidance", "4", "--npz", str(tmp_path / "s.npz")])
    assert ended.value.code in (0, None)
    assert np.array_equal(np.load(tmp_path / "s.npz")["images"], model.guided(4.0).sample(4, label="dog"))
    with refused("sample.guidance_out_of_range", "-1"):
        model.guided(-1.0)


def test_the_guidance_of_a_model_is_that_of_the_samples_that_are_judged(run, tmp_path):
    def measured(source, name, **settings):
        done = gf.evaluate(source, metrics=["swd"], n=20, out=tmp_path / name, progress=False, **settings)
        return done.results[0]

    plain, strict = measured(run, "plain"), measured(gf.load(run).guided(4.0), "strict")
    assert "guidance" not in plain.protocol
    assert strict.protocol["guidance"] == 4.0
    assert strict.value != plain.value
    assert measured(run, "asked", guidance=4.0).value == strict.value


def test_classes_that_became_a_condition_are_evaluated_as_such(run):
    model = gf.load(run)
    dataset = model.recipe.data.open()
    found = vectors_of(dataset, model.spec, np.arange(4))
    assert model.spec.conditions.decode(found) == [("cat",), ("dog",)] * 2


def test_without_hidden_conditions_there_is_no_guidance(run, tmp_path, capsys):
    data = run.parent / "x.npz"
    assert trained(tmp_path / "plain", f"data={data}") in (0, None)
    with refused("model.no_guidance", "drop_conditions=0.1"):
        gf.load(tmp_path / "plain").guided(2.0)
    assert trained(tmp_path / "no", f"data={data}", "task.conditional=false", "drop_conditions=0.1") == 2
    assert "has no conditions that can be hidden" in capsys.readouterr().err
    assert trained(tmp_path / "no", f"data={data}", "balance=age") == 2
    assert "balance=age" in capsys.readouterr().err
