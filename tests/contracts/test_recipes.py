"""What every recipe must do: load, say what it is, and survive YAML. (That it trains: `golden/test_trains.py`.)"""

from __future__ import annotations

import json

import pydantic
import pytest

from ganforge import recipes
from ganforge.core.component import build
from ganforge.core.overrides import to_yaml
from ganforge.core.parse_yaml import parse_yaml
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all

load_all()

NAMES = [name for name in recipes.names() if recipes.RECIPES[name].__module__.startswith("ganforge.")]


def test_there_are_recipes():
    assert {"demo", "gan", "gan-minimax", "cgan", "dcgan", "cdcgan", "dcgan-article"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEveryRecipe:
    def test_loads_and_says_what_it_is(self, name):
        recipe = recipes.get(name)
        assert recipe.name == name
        assert recipe == recipes.get(name)
        assert set(recipe.optimizers) == {player for p in recipe.task.phases() for player in p.trains}
        text = recipes.RECIPES[name].__doc__ or ""
        assert 20 < len(recipes.summary(name)) < 160
        assert "Command: `ganforge train" in text
        assert "Paper" in text or "Source" in text

    def test_survives_yaml(self, name):
        recipe = recipes.get(name)
        assert build(Recipe, parse_yaml(to_yaml(recipe))) == recipe


def test_schema():
    schema = json.dumps(pydantic.TypeAdapter(Recipe).json_schema())
    for kind in ("dcgan", "mlp", "non_saturating", "wgan_gp", "adam"):
        assert f'"{kind}"' in schema
