"""Pairs as a user meets them: words on the command line, what is said of data, runs that stop and go on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from ganforge.cli.main import app
from ganforge.cli.train_words import with_data
from ganforge.core.rng import Rng
from ganforge.data.path import PathData
from ganforge.engine.build import fingerprint, make_loader, open_data
from ganforge.modalities.image.signal import Image as ImageSignal
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.source import Domains, Pairs
from ganforge.recipes import RECIPES, get, make_recipe, recipe
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from refused import refused

load_all()


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """Label maps and photos, 20 px."""
    draws = np.random.default_rng(0)
    for k in range(8):
        for folder, array in (
            ("label", draws.integers(0, 3, (20, 20), np.uint8)),
            ("photo", draws.integers(0, 256, (20, 20, 3), np.uint8)),
        ):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(array).save(tmp_path / folder / f"{k}.png")
    return tmp_path / "label", tmp_path / "photo"


def a_recipe(**fields) -> Recipe:
    return replace(get("dcgan"), batch=4, **fields)


def test_words_are_the_data_of_a_recipe_that_takes_two_sets(clean_registries):
    recipe("two-sets")(lambda: a_recipe(name="two-sets", data=Pairs()))
    recipe("two-domains")(lambda: a_recipe(name="two-domains", data=Domains()))
    assert {"two-sets", "two-domains"} <= set(RECIPES)
    assert with_data("two-sets", ["a/", "seed=3", "b/"]) == ["data.source=a/", "data.target=b/", "seed=3"]
    assert with_data("two-domains", ["content.jpg", "style.jpg"]) == ["data.a=content.jpg", "data.b=style.jpg"]
    made = make_recipe("two-domains", (), with_data("two-domains", ["content.jpg", "style.jpg"]))
    assert made.data == Domains(a="content.jpg", b="style.jpg")
    with refused("config.not_an_assignment", "'c'", "field=value", "and its data"):
        with_data("two-sets", ["a", "b", "c"])
    with refused("config.not_an_assignment", "'photos'", "field=value"):
        with_data("dcgan", ["photos"])


def test_degrade_is_a_field_of_the_signal(clean_registries):
    recipe("restore")(lambda: a_recipe(name="restore", signal=Pair(degrade=Degrade.parse("gray"))))
    made = make_recipe("restore", (), ["degrade=gaussian(sigma=5..50)+jpeg30"])
    assert made.signal == Pair(degrade=Degrade.parse("gaussian(sigma=5..50)+jpeg30"))
    with refused("config.unknown_field", "signal 'image'", "'degrade'"):
        make_recipe("dcgan", (), ["degrade=gray"])


def test_inspect_describes_both_sides(folders):
    label, photo = folders
    said = CliRunner().invoke(app, ["data", "inspect", str(label), str(photo)])
    assert said.exit_code == 0
    assert "8 pairs, source and target of equal size" in said.output
    assert "label maps of 3 classes: 0, 1, 2" in said.output
    plain = json.loads(CliRunner().invoke(app, ["data", "inspect", str(label), str(photo), "--json"]).stdout)
    assert plain["modes"] == {"RGB": 8}
    assert plain["source"]["modes"] == {"L": 8}
    assert plain["sizes"] == plain["source"]["sizes"] == {"20×20": 8}


def test_inspect_names_what_is_no_pair(folders):
    label, photo = folders
    Image.new("L", (10, 20)).save(label / "3.png")
    found = CliRunner().invoke(app, ["data", "inspect", str(label), str(photo)])
    assert found.exit_code != 0
    assert "3.png" in str(found.exception)
    (label / "3.png").unlink()
    found = CliRunner().invoke(app, ["data", "inspect", str(label), str(photo)])
    assert f"{photo}: 3" in str(found.exception)
    said = CliRunner().invoke(app, ["data", "inspect", "unpaired=skip", str(label), str(photo)])
    assert "7 pairs" in said.output


@pytest.mark.parametrize(
    "signal",
    [
        Pair(size=16, jitter=4, flip=True),
        Pair(size=8, jitter=2, patches=True, turn=True),
    ],
)
def test_kept_in_memory_or_read_again_the_batches_are_the_same(folders, signal):
    label, photo = folders
    found = []
    for in_memory in (True, False):
        pairs = Pairs(source=str(label), target=str(photo), in_memory=in_memory)
        config = a_recipe(data=pairs, signal=signal)
        dataset, spec = open_data(config)
        loader = make_loader(config, dataset, spec, torch.device("cpu"))
        found.append([loader.batch(start)[0] for start in (0, 4, 20)])
        loader.close()
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_data_is_known_again_by_its_names(folders):
    label, photo = folders
    config = a_recipe(data=Pairs(source=str(label), target=str(photo)), signal=Pair(size=16))
    before = fingerprint(open_data(config)[0])
    assert fingerprint(open_data(config)[0]) == before
    for folder in folders:
        (folder / "7.png").rename(folder / "8.png")
    assert fingerprint(open_data(config)[0]) != before


def test_patches_of_two_pictures(folders):
    """What `restyle` learns from: parts of the one, then parts of the other, and which are which."""
    domains = Domains(a=str(folders[0] / "0.png"), b=str(folders[1] / "1.png"))
    config = a_recipe(data=domains, signal=ImageSignal(size=8, patches=True))
    dataset, spec = open_data(config)
    assert spec.shape == (3, 8, 8)
    assert spec.labels == ()  # dcgan uses none
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [0] * 9 + [1] * 9
    corner = np.asarray(Image.open(folders[1] / "1.png"))[12:, 12:]
    assert np.array_equal(dataset.read(17), corner)


def test_jitter_keeps_more_than_is_seen(folders):
    """CycleGAN's 286 → 256: the place is drawn again, and is the middle where samples are judged."""
    signal = ImageSignal(size=16, jitter=4)
    config = a_recipe(data=PathData(path=str(folders[1])), signal=signal)
    dataset, spec = open_data(config)
    assert spec.shape == (3, 16, 16)
    stored = torch.from_numpy(signal.prepare(dataset.read(0), spec))[None]
    assert stored.shape[1:] == signal.stored(spec) == (3, 20, 20)
    seen = {signal.encode(stored, spec, Rng(k)).numpy().tobytes() for k in range(40)}
    assert 15 < len(seen) <= 25
    middle = signal.deterministic().encode(stored, spec, Rng(1))
    assert torch.equal(middle, (stored[..., 2:18, 2:18].float() / 127.5 - 1))
