"""`ganforge train PATH`, `gf.train(data=PATH)`: what is chosen, what is said, and what is a mistake."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

import ganforge as gf
from ganforge.api import choose_recipe
from ganforge.artifacts.rundir import stored_recipe
from ganforge.engine.build import open_data
from ganforge.recipes import make_recipe

QUICK = ["samples=64", "batch=16", "callbacks=[]", "task.generator.channels=8", "task.discriminator.channels=8"]


def recipe_in(out: str) -> dict:
    """The recipe that a dry run shows."""
    return yaml.safe_load(out.split("\n\n")[0])


def test_a_dry_run_shows_what_was_chosen_and_why(ganforge, place):
    said = ganforge("train", "./photos", "--minutes", "10", "--dry-run", "--device", "cpu", *QUICK)
    assert said.status == 0, said.err
    shown = recipe_in(said.out)
    assert shown["name"] == "r3gan-small"
    assert shown["data"]["path"] == "./photos"
    assert shown["task"]["conditional"] is True
    assert "./photos: 80 images of 8×8, gray, 2 labels; a CPU" in said.out
    assert "chosen: r3gan-small" in said.out
    assert "  - task.conditional=true: 2 labels of 40 images each" in said.out
    assert "to change it: name a recipe, as in `ganforge train r3gan-small data=./photos`" in said.out
    assert not (place / "runs").exists()


def test_a_dry_run_tells_how_far_the_minutes_go(ganforge, place):
    few = ganforge("train", "photos", "--minutes", "1", "--dry-run", "--device", "cpu", *QUICK)
    assert re.search(r"time +about 0:[\d:]+ for 64 samples *\n", few.out)
    many = ["samples=10_000_000", *QUICK[1:]]
    cut = ganforge("train", "photos", "--minutes", "1", "--dry-run", "--device", "cpu", *many)
    assert re.search(r"time +1 min for some [\d,]+ samples \(about [\d:]+ for 10,000,000 samples\)", cut.out)


def test_it_trains_and_says_so_beside_the_results(ganforge, place):
    said = ganforge("train", "photos", *QUICK, "--device", "cpu", "--run-dir", "run")
    assert said.status == 0, said.err
    assert "chosen: r3gan-small" in said.err
    assert "chosen" not in said.out
    assert stored_recipe("run").name == "r3gan-small"
    quiet = ganforge("train", "photos", *QUICK, "--device", "cpu", "--run-dir", "quiet", "--quiet")
    assert quiet.err == ""


def test_what_is_asked_for_wins_over_what_is_chosen(ganforge, place):
    (place / "mine.yaml").write_text("task: {conditional: false}\nbatch: 8\n")
    said = ganforge("train", "photos", "--with", "mine.yaml", "batch=4", "samples=8", "--dry-run", "--device", "cpu")
    assert said.status == 0, said.err
    shown = recipe_in(said.out)
    assert shown["task"]["conditional"] is False
    assert shown["batch"] == 4


def test_data_without_a_recipe_is_the_same_as_its_path(ganforge, place):
    one = ganforge("train", "photos", "--dry-run", "--device", "cpu", *QUICK)
    other = ganforge("train", "data=photos", "--dry-run", "--device", "cpu", *QUICK)
    assert recipe_in(one.out) == recipe_in(other.out)


def test_how_the_data_is_read_counts(place):
    draws = np.random.default_rng(0)
    for part, count in (("train", 60), ("test", 100)):
        (place / "split" / part).mkdir(parents=True)
        for k in range(count):
            Image.fromarray(draws.integers(0, 255, (8, 8), np.uint8)).save(place / "split" / part / f"{k}.png")
    assert "100 images" in choose_recipe("split", ["data.split=test"], device="cpu").facts


def test_a_named_set_is_data_too(ganforge):
    said = ganforge("train", "digits", "--dry-run", "--device", "cpu", *QUICK)
    assert said.status == 0, said.err
    assert "digits: 1,797 images of 8×8, gray, 10 labels" in said.out


def test_data_may_be_given_by_its_fields_alone(ganforge, place):
    (place / "posts.csv").write_text("id,said\n" + "".join(f"{k},a small cat sees house {k % 7}\n" for k in range(90)))
    words = ["data.kind=texts", "data.path=posts.csv", "data.column=said", "batch=16", "samples=32"]
    said = ganforge("train", *words, "--dry-run", "--device", "cpu")
    assert said.status == 0, said.err
    assert recipe_in(said.out)["name"] == "text-latent-small"
    assert "posts.csv: " in said.out
    assert recipe_in(said.out)["data"]["column"] == "said"


def test_a_recipe_wins_over_a_folder_of_its_name(ganforge, place):
    (place / "photos").rename(place / "gan")
    said = ganforge("train", "gan", "data=digits", "batch=16", "--dry-run")
    assert recipe_in(said.out)["name"] == "gan"
    said = ganforge("train", "./gan", *QUICK, "--dry-run", "--device", "cpu")
    assert recipe_in(said.out)["data"]["path"] == "./gan"


def test_without_a_word_it_is_the_demo(ganforge):
    said = ganforge("train", "samples=64", "batch=16", "--dry-run")
    assert recipe_in(said.out)["name"] == "demo"
    assert "chosen" not in said.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nosuch"], "unknown recipe 'nosuch'; there is no file or folder"),
        (["dcgann"], "unknown recipe 'dcgann'; did you mean 'dcgan'?; there is no"),
        (["./nosuch"], "'./nosuch': no such file or folder, and no recipe of that name"),
        (["nosuch.zip"], "'nosuch.zip': no such file or folder"),
        (["photos", "data=ten"], "data is given twice: 'photos' and data=ten"),
        (["ten"], "data ten: 10 images are too few to choose a recipe; at least 50 are needed"),
        (["photos", "more"], "'more': expected field=value after the recipe"),
        (["photos", "data.splt=test"], "splt"),
        (["empty"], "the folder is empty"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_message_and_status_2(ganforge, place, words, message):
    (place / "empty").mkdir()
    said = ganforge("train", *words, "--dry-run")
    assert said.status == 2
    assert said.err.startswith("error: ")
    assert message in said.err
    assert not (place / "runs").exists()


def test_a_table_and_points(place):
    (place / "people.csv").write_text("age,city\n" + "".join(f"{20 + k % 30},{'abc'[k % 3]}\n" for k in range(200)))
    assert choose_recipe("people.csv", device="cpu").recipe == "ctgan-fast"
    assert choose_recipe("ring8", device="cpu").recipe == "toy"
    for data in ("people.csv", "ring8"):
        choice = choose_recipe(data, device="cpu")
        open_data(make_recipe(choice.recipe, (), [f"data={data}"], choice.fields))


def test_python_chooses_as_the_command_does(place, capsys):
    fields: dict[str, Any] = dict(item.split("=", 1) for item in QUICK if "[" not in item) | {"callbacks": []}
    model = gf.train(data="photos", run_dir=place / "run", device="cpu", minutes=10, **fields)
    assert model.recipe.name == "r3gan-small"
    assert "chosen: r3gan-small" in capsys.readouterr().err
    model = gf.train(data="photos", run_dir=place / "still", device="cpu", progress=False, **fields)
    assert capsys.readouterr().err == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "conditional", "side"),
    [
        ("mnist", True, 28),
        ("fashion_mnist", True, 28),
        pytest.param("cifar10.zip", True, 32, marks=pytest.mark.slow),
        ("emoji.zip", True, 48),
        ("sign_digits", True, 48),
        ("clothing", True, 48),
    ],
)
def test_on_real_sets(real_data, name, conditional, side):
    """Ten minutes of a processor: the choice can be built for each, at a size that can be learned in them."""
    data = real_data / name
    if not data.exists():
        pytest.skip(f"no {name}")
    choice = choose_recipe(str(data), minutes=10, device="cpu")
    assert choice.recipe == "r3gan-small"
    recipe = make_recipe(choice.recipe, (), [f"data={data}"], choice.fields)
    _, spec = open_data(recipe)
    assert bool(spec.classes) == conditional
    assert max(spec.shape[1:]) == side
