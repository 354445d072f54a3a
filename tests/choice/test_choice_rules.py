"""The rules by which a recipe is chosen, over many facts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ganforge import recipes
from ganforge.core.errors import UserError
from ganforge.recipes import make_recipe
from ganforge.recipes.choice import LEAST_A_CLASS, LEAST_PICTURES, Choice, Facts, choose
from ganforge.registry import load_all

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


def facts(count: int = 60_000, size: tuple[int, int] = (28, 28), **fields) -> Facts:
    return Facts("photos", "pictures", count, *size, **fields)


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
        assert "ganforge train dcgan data=./photos" in lines[-1]
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
        wanted = "bf16" if each.device == "cpu" and each.bf16 else None
        assert value(choose(each), "precision") == wanted


def test_large_recipes_need_a_large_accelerator_and_hours():
    large = {"fastgan", "stylegan2-ada", "stylegan2-256", "r3gan-cifar10", "r3gan-64", "r3gan-256"}
    for each in everywhere():
        patient = each.minutes is None or each.minutes >= 240
        assert (choose(each).recipe in large) == (each.device == "cuda" and each.memory > 16 and patient)


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
    assert choose(Facts("adult.csv", "table", 32_561, 1, 15)).recipe == "ctgan-fast"
    assert choose(Facts("adult.csv", "table", 32_561, 1, 15)).fields == ()
    few = choose(Facts("penguins.csv", "table", 344, 1, 8))
    assert int(value(few, "batch") or 0) <= 344 // 2
    assert choose(Facts("ring8", "points", 5_000, 1, 2)).recipe == "toy"


@pytest.mark.parametrize(
    ("few", "way"),
    [
        (facts(LEAST_PICTURES - 1), "ganforge train fastgan data=photos"),
        (Facts("tiny.csv", "table", 12, 1, 3), "ganforge train ctgan-fast"),
    ],
)
def test_too_few_is_refused_with_a_way_to_go_on(few, way):
    with pytest.raises(UserError, match="too few to choose a recipe for") as told:
        choose(few)
    assert way in str(told.value)


def test_facts_in_words():
    assert str(facts(1_000, (100, 90), channels=3, classes=10, minutes=10.0)) == (
        "1,000 pictures of 100×90, RGB, 10 labels; a CPU (2 threads); 10 minutes"
    )
    assert "no limit of time" in str(replace(facts(), minutes=None))
    assert "a GPU of 80 GiB" in str(facts(device="cuda", memory=80.0))


def test_no_recipe_has_the_name_of_a_set():
    """The first word of `ganforge train` is one or the other."""
    from ganforge.data.base import DataSource

    assert not set(recipes.names()) & set(DataSource.kinds)
