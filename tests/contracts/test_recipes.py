"""What every recipe must do: load, say what it is, survive YAML, and train."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydantic
import pytest
import yaml
from PIL import Image
from small import shrunk

from ganforge import recipes
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply, to_yaml
from ganforge.engine.train import train
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all

load_all()

NAMES = [name for name in recipes.names() if recipes.RECIPES[name].__module__.startswith("ganforge.")]
DRAWN_HERE = {"image", "pair", "points", "table", "series"}
"""The signals whose data is written in this file; of all others it is their example."""


def tiny_pictures(folder: Path, kind: str) -> list[str]:
    """Two folders of twelve images, and how data of a kind is told of them."""
    rng = np.random.default_rng(0)
    for side in ("one", "two"):
        (folder / side).mkdir()
        for k in range(12):
            Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(folder / side / f"{k:02d}.png")
    names = {"pairs": ("source", "target"), "domains": ("a", "b")}.get(kind)
    if names is None:
        return [f"data={folder / 'one'}"]
    return [f"data.{names[0]}={folder / 'one'}", f"data.{names[1]}={folder / 'two'}"]


def test_there_are_recipes():
    assert {"demo", "gan", "gan-minimax", "cgan", "dcgan", "cdcgan", "dcgan-article"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEveryRecipe:
    def test_loads(self, name):
        recipe = recipes.get(name)
        assert recipe.name == name
        assert recipe == recipes.get(name)

    def test_says_what_it_is(self, name):
        text = recipes.RECIPES[name].__doc__ or ""
        assert 20 < len(recipes.summary(name)) < 160
        assert "Command: `ganforge train" in text
        assert "Paper" in text or "Source" in text

    def test_survives_yaml(self, name):
        recipe = recipes.get(name)
        assert build(Recipe, yaml.safe_load(to_yaml(recipe))) == recipe

    def test_optimizers_are_those_of_the_players(self, name):
        assert set(recipes.get(name).optimizers) == {
            player for p in recipes.get(name).task.phases() for player in p.trains
        }

    def test_trains_two_steps(self, name, tmp_path):
        data = tmp_path / "tiny.npz"
        rng = np.random.default_rng(0)
        np.savez(data, images=rng.integers(0, 256, (12, 8, 8, 1), np.uint8), labels=np.arange(12) % 3)
        plain = to_plain(recipes.get(name))
        shrink = shrunk(recipes.get(name))
        shrink += ["signal.size=null"] if plain["signal"].get("size") else []  # of the tiny data, whatever is asked for
        if plain["signal"]["kind"] == "table":
            data = tmp_path / "tiny.csv"
            data.write_text("age,city\n" + "".join(f"{20 + k % 30},{'abc'[k % 3]}\n" for k in range(60)))
            shrink += ["task.pack=2"] if "pack" in plain["task"] else []
            known = "{age: {kind: integer, min: 0, max: 99}, city: {kind: categorical, values: [a, b, c]}}"
            shrink += [f"signal.public={known}"] if plain["privacy"]["kind"] != "off" else []
        if plain["signal"]["kind"] == "series":
            data = tmp_path / "tiny.csv"
            rows = [f"2024-{1 + k // 28:02d}-{1 + k % 28:02d},{1 + k % 7},{1 + k / 3:.2f}\n" for k in range(300)]
            data.write_text("day,visits,sales\n" + "".join(rows))
            if plain["privacy"]["kind"] != "off":  # each number of visits as an entity, described by hand
                columns = {"sales": {"min": 0, "max": 200}}
                known = {"entity": "visits", "time": "day", "longest": 30, "columns": columns}
                shrink += [f"signal.public={json.dumps(known)}"]
                data = json.dumps({"kind": "entities", "path": str(data)})
        if plain["signal"]["kind"] not in DRAWN_HERE:  # samples of its own signal, as a user would have them
            data = json.dumps(type(recipes.get(name).signal).example(tmp_path, 12))
        if plain["signal"]["kind"] == "pair" or plain["data"]["kind"] == "domains":
            shrink = [s for s in shrink if s != "signal.size=null"] + ["signal.size=48", "signal.jitter=0"]
            shrink += tiny_pictures(tmp_path, plain["data"]["kind"])
        else:
            drawn = plain["signal"]["kind"] == "points" or plain["data"]["kind"] == "sprites"
            shrink.append("data.count=12" if drawn else f"data={data}")
        recipe = build(Recipe, apply(plain, [*shrink, "callbacks=[]"]))
        result = train(recipe, run_dir=tmp_path / "run", device="cpu")
        assert result.samples == 8
        assert (result.folder / "model.safetensors").is_file()
        events = [json.loads(line) for line in (result.folder / "events.jsonl").read_text().splitlines()]
        assert [e for e in events if e["event"] == "end"]


def test_schema():
    schema = json.dumps(pydantic.TypeAdapter(Recipe).json_schema())
    for kind in ("dcgan", "mlp", "non_saturating", "wgan_gp", "adam"):
        assert f'"{kind}"' in schema
