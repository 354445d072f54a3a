"""The rules by which a recipe is chosen, over many facts."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ganforge import recipes
from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.modalities.image.choose import LEAST_A_CLASS, LEAST_PICTURES, Facts, choose
from ganforge.modalities.points.source import Ring8
from ganforge.modalities.table.source import from_frame
from ganforge.recipes import choice as any_data
from ganforge.recipes import make_recipe
from ganforge.registry import load_all
from ganforge.signals import Noun, Signal
from refused import refused

load_all()
COUNTS = (LEAST_PICTURES, 372, 1_000, 3_235, 60_000, 1_300_000)
SIZES = ((8, 8), (28, 28), (32, 32), (64, 64), (100, 100), (533, 400), (256, 256), (1024, 1024))
CLASSES = (0, 1, 2, 10, 1_000)
MACHINES = (
    {"device": "cpu", "cores": 1},
    {"device": "cpu", "cores": 2, "bf16": True},
    {"device": "cpu", "cores": 64},
    {"device": "mps"},
    {"device": "cuda", "memory": 8.0},
    {"device": "cuda", "memory": 80.0},
)
MINUTES = (None, 1.0, 10.0, 60.0, 600.0)


def facts(count: int = 60_000, size: tuple[int, int] = (28, 28), channels=1, classes=0, **machine) -> Facts:
    return Facts("photos", count, *size, channels, classes, Machine(**machine))


def table(rows: int, columns: int) -> Choice:
    frame = pd.DataFrame({f"c{k}": range(rows) for k in range(columns)})
    return any_data.choose(from_frame("people.csv", frame), Machine())


def everywhere() -> list[Facts]:
    return [
        facts(count, size, classes=classes, minutes=minutes, **machine)
        for count, size, classes, machine, minutes in itertools.product(COUNTS, SIZES, CLASSES, MACHINES, MINUTES)
    ]


def value(choice: Choice, path: str) -> str | None:
    return next((field.partition("=")[2] for field in choice.fields if field.startswith(f"{path}=")), None)


def test_every_choice_is_a_recipe_with_fields_that_it_has():
    found = {(choice.recipe, choice.fields) for choice in map(choose, everywhere())}
    assert len({recipe for recipe, _ in found}) >= 6, "machine, number and size make a difference"
    for name, fields in found:
        recipe = make_recipe(name, (), (), fields)  # a field or a value that it cannot have raises
        assert recipe.name == name


def test_every_choice_says_why():
    for choice in map(choose, everywhere()):
        assert choice.reasons[0].startswith(f"{choice.recipe}: ")
        lines = choice.lines("./photos")
        assert choice.facts in lines[0]
        assert lines[1] == f"chosen: {' '.join([choice.recipe, *choice.fields])}"
        assert f"ganforge train {choice.recipe} data=./photos" in lines[-1]
        told = [field for field in choice.fields if not field.startswith("signal.size")]
        for field in told:
            assert any(reason.startswith(f"{field}:") for reason in choice.reasons), field


def test_more_time_never_means_smaller_pictures():
    for size, count in itertools.product(SIZES, COUNTS):
        sides = [
            int(value(choose(facts(count, size, minutes=minutes)), "signal.max_size") or max(size))
            for minutes in (1.0, 5.0, 10.0, 29.0, 30.0, 600.0, None)
        ]
        assert sides == sorted(sides)
        assert max(sides) <= max(size)


def test_more_pictures_never_bring_augmentation():
    for minutes, machine in itertools.product(MINUTES, MACHINES[:3]):
        shown = [value(choose(facts(count, minutes=minutes, **machine)), "task.augment") for count in COUNTS]
        without = [kind is None for kind in shown]
        assert without == sorted(without), shown


@pytest.mark.parametrize(
    ("count", "classes", "told"),
    [(60_000, 10, True), (60_000, 0, False), (60_000, 1, False), (10 * LEAST_A_CLASS, 10, True), (199, 10, False)],
)
def test_labels_are_used_where_there_are_pictures_of_each(count, classes, told):
    choice = choose(facts(count, classes=classes))
    assert value(choice, "task.conditional") == str(told).lower()


def test_bf16_is_for_processors_that_have_it():
    for each in everywhere():
        wanted = "bf16" if each.machine.device == "cpu" and each.machine.bf16 else None
        assert value(choose(each), "precision") == wanted


def test_large_recipes_need_a_large_accelerator_and_hours():
    large = {"fastgan", "stylegan2-ada", "stylegan2-256", "r3gan-cifar10", "r3gan-64", "r3gan-256"}
    for each in everywhere():
        patient = each.machine.minutes is None or each.machine.minutes >= 240
        assert (choose(each).recipe in large) == (
            each.machine.device == "cuda" and each.machine.memory > 16 and patient
        )


@pytest.mark.parametrize(
    ("count", "size", "recipe"),
    [
        (100, (512, 512), "fastgan"),
        (3_000, (128, 128), "stylegan2-ada"),
        (60_000, (28, 28), "r3gan-cifar10"),
        (60_000, (80, 64), "r3gan-64"),
        (60_000, (128, 128), "stylegan2-256"),
        (60_000, (1024, 1024), "r3gan-256"),
    ],
)
def test_on_a_large_accelerator_number_and_size_decide(count, size, recipe):
    assert choose(facts(count, size, device="cuda", memory=80.0)).recipe == recipe


def test_tables_and_points():
    assert table(2_000, 15).recipe == "ctgan-fast"
    assert table(2_000, 15).fields == ()
    few = table(344, 8)
    assert int(value(few, "batch") or 0) <= 344 // 2
    assert few.facts == "344 rows of 8 columns; a CPU (2 threads); no time limit"
    points = any_data.choose(Ring8(count=5_000).open(), Machine(device="mps", minutes=3))
    assert (points.recipe, points.facts) == ("toy", "5,000 vectors of 2 numbers; mps; 3 minutes")


def test_what_is_said_of_a_table_is_true_of_it():
    steps = np.random.default_rng(0).normal(size=(2_000, 3))

    def reasons(frame):
        return " ".join(any_data.choose(from_frame("t.csv", frame), Machine()).reasons)

    walks = pd.DataFrame(steps.cumsum(0), columns=["open", "high", "low"])
    assert "3 columns of numbers or dates" in reasons(walks)
    assert "categor" not in reasons(walks)
    assert "data.signal=series" in reasons(walks)
    rows = pd.DataFrame(steps, columns=["a", "b", "c"]).assign(kind=["x", "y"] * 1_000)
    assert "1 column of categories" in reasons(rows)
    sized = rows.assign(b=rows["a"] * 2, c=rows["a"] ** 3)
    for no_series in (rows, sized.sort_values("a")):  # a table that is sorted by a column has no order in time
        assert "data.signal=series" not in reasons(no_series)


def test_too_few_images_are_refused_with_a_way_to_go_on():
    with refused("data.too_few_samples", "49 images", "at least 50", "ganforge train fastgan data=photos"):
        choose(facts(LEAST_PICTURES - 1))


def test_too_few_rows_are_refused_with_a_way_to_go_on():
    with refused("table.too_few_rows", "12 rows", "ganforge train ctgan-fast"):
        table(12, 3)


def test_facts_of_images_are_those_of_the_set():
    """The median size, and the most channels that any has."""
    shapes = {((8, 6, 1), "uint8"): 3, ((9, 7, 3), "uint8"): 2, ((30, 20, 1), "uint8"): 1}
    data = Shapes(shapes)
    assert Facts.of(data, Machine()) == Facts("photos", 6, 8, 6, 3, 2)


@pytest.mark.parametrize("signal", ["", "sound"])
def test_there_is_no_rule_for_unknown_samples(signal):
    data = Shapes({((44_100,), "float32"): 6})
    data.signal = signal
    with refused("recipe.no_default", "data photos", "shape 44100"):
        any_data.choose(data, Machine())
    with refused("data.none_readable", "photos", "0 samples"):
        any_data.choose(Shapes({}), Machine())


def test_a_signal_without_rules_gets_its_one_recipe(monkeypatch):
    def recipe(kind: str):
        return lambda: SimpleNamespace(signal=SimpleNamespace(kind=kind, reads=()))

    class Sound(Signal):
        """Of a plugin."""

        noun = Noun("clip", "clips")

    monkeypatch.setattr(Sound, "kind", "sound")
    monkeypatch.setitem(Signal.kinds, "sound", Sound)
    monkeypatch.setitem(recipes.RECIPES, "wavegan", recipe("sound"))
    data = Shapes({((16_000,), "float32"): 6})
    data.signal = "sound"
    choice = any_data.choose(data, Machine(minutes=5))
    assert (choice.recipe, choice.fields) == ("wavegan", ())
    assert choice.facts == "6 clips; a CPU (2 threads); 5 minutes"
    assert choice.reasons == ("wavegan: the only recipe for the signal sound",)
    monkeypatch.setitem(recipes.RECIPES, "other", recipe("sound"))
    with refused("recipe.no_default", "ganforge recipes"):
        any_data.choose(data, Machine())


class Shapes(Dataset):
    """Images of which the sizes alone are known."""

    name, signal, classes = "photos", "image", ("a", "b")

    def __init__(self, shapes):
        self.found, self.skipped = shapes, []

    def __len__(self) -> int:
        return sum(self.found.values())

    def shapes(self):
        return self.found


def test_facts_in_words():
    assert str(facts(1_000, (100, 90), channels=3, classes=10, minutes=10.0)) == (
        "1,000 images of 100×90 (height × width), RGB, 10 labels; a CPU (2 threads); 10 minutes"
    )
    assert "no time limit" in str(facts(minutes=None))
    assert "a GPU of 80 GiB" in str(facts(device="cuda", memory=80.0))


def test_no_recipe_has_the_name_of_a_set():
    """The first word of `ganforge train` is one or the other."""
    from ganforge.data.base import DataSource

    assert not set(recipes.names()) & set(DataSource.kinds)
