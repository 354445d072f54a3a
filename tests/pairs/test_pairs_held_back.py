"""A share of pairs is held back from training: the same ones in every run, and they are what evaluations judge by."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from ganforge.core.dataset import Dataset
from ganforge.engine.train import train
from ganforge.evaluation.evaluate import evaluate
from ganforge.modalities.pair.source import Domains, Pairs
from ganforge.recipes import make_recipe
from refused import refused


def pictures(folder: Path, count: int, side: int = 24, wide: int = 1) -> str:
    folder.mkdir()
    draws = np.random.default_rng(count)
    for k in range(count):
        Image.fromarray(draws.integers(0, 256, (side, side * wide, 3), np.uint8)).save(folder / f"{k:03d}.png")
    return str(folder)


def names(dataset: Dataset) -> set[str]:
    return {dataset.describe(k) for k in range(len(dataset))}


def both(source) -> tuple[Dataset, Dataset]:
    return source.open(), replace(source, split="test").open()


def test_every_pair_is_in_one_part_and_stays_there(tmp_path):
    a, b = pictures(tmp_path / "a", 60), pictures(tmp_path / "b", 60)
    seen, unseen = both(Pairs(source=a, target=b, holdout=0.2))
    assert names(seen) | names(unseen) == {f"{k:03d}.png" for k in range(60)}
    assert not names(seen) & names(unseen)
    assert 4 <= len(unseen) <= 20
    assert unseen.source is not None
    assert names(unseen.source) == names(unseen), "a source stays with its target"
    for folder in (a, b):
        for name in ("000.png", "031.png"):
            (Path(folder) / name).unlink()
    fewer = replace(Pairs(source=a, target=b, holdout=0.2), split="test").open()
    assert names(fewer) == names(unseen) - {"000.png", "031.png"}, "what goes changes nothing for the others"
    assert len(Pairs(source=a, target=b).open()) == 58, "by default none is held back"


def test_pictures_side_by_side_and_sets_without_pairs(tmp_path):
    wide = pictures(tmp_path / "wide", 30, wide=2)
    seen, unseen = both(Pairs(path=wide, holdout=0.3))
    assert len(seen) + len(unseen) == 30
    assert unseen.source is not None
    assert (unseen.read(0).shape, unseen.source.read(0).shape) == ((24, 24, 3), (24, 24, 3))
    a, b = pictures(tmp_path / "a", 30), pictures(tmp_path / "b", 40)
    seen, unseen = both(Domains(a=a, b=b, holdout=0.3))
    assert len(seen) + len(unseen) == 70
    assert unseen.labels is not None
    assert set(unseen.labels) == {0, 1}


def test_nothing_held_back_is_said(tmp_path):
    a, b = pictures(tmp_path / "a", 3), pictures(tmp_path / "b", 3)
    with refused("data.bad_holdout", "0.001 of 3 images", "none", "data.holdout"):
        Pairs(source=a, target=b, holdout=0.001).open()


def test_a_run_is_judged_by_what_was_held_back(tmp_path):
    a = pictures(tmp_path / "a", 40)
    shutil.copytree(a, tmp_path / "b")
    items = [
        f"data.source={a}", f"data.target={tmp_path / 'b'}", "data.holdout=0.4", "signal.size=16", "signal.jitter=0",
        "task.translator.channels=4", "task.critics.0.channels=4", "task.critics.0.layers=1", "batch=4", "samples=4",
        "callbacks=[]",
    ]  # fmt: skip
    recipe = make_recipe("line2color-small", overrides=items)
    run = train(recipe, run_dir=tmp_path / "run", device="cpu").folder
    found = evaluate(run, metrics=["psnr"], progress=False, device="cpu")
    assert found.results[0].protocol["split"] == "test"
    assert found.results[0].protocol["n_fake"] == len(replace(recipe.data, split="test").open())  # type: ignore[call-arg]
    page = found.html.read_text()
    assert "held back from training (data.holdout=0.4)" in page
    assert "that it was trained on, for" not in page
