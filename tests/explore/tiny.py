"""Tiny untrained models of the package's recipes, and models around a net that a test wrote."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import torch
from torch import nn

from ganforge import recipes
from ganforge.artifacts.bundle import Bundle
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.core.types import Nets, Spec
from ganforge.engine.build import open_data
from ganforge.inference.model import Model
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all

sys.path.append(str(Path(__file__).parents[1] / "golden"))
from systems import SMALL, SYSTEMS


@cache
def tiny(name: str) -> Model:
    """An untrained model of a recipe in its small form, with weights that are always the same."""
    load_all()
    recipe = build(Recipe, apply(to_plain(recipes.get(name)), [*SMALL, *SYSTEMS[name]]), what=name)
    _, spec = open_data(recipe)
    recipe = replace(recipe, task=recipe.task.finalize(spec))
    torch.manual_seed(0)
    players = recipe.task.players(spec.for_nets)
    nets = Nets({key: players[key].eval().requires_grad_(False) for key in recipe.task.generators()})
    return Model(Bundle(recipe, spec, nets, 0, torch.device("cpu"), path=name), Path(name))


def around(net: nn.Module, spec: Spec, latent: int) -> Model:
    """A model whose generator is this net: `net(z [N, latent], c)`."""
    load_all()
    recipe = recipes.get("demo")
    task = replace(recipe.task, generator=replace(recipe.task.generator, latent=latent))
    nets = Nets({"G": net.eval().requires_grad_(False)})
    bundle = Bundle(replace(recipe, task=task), spec, nets, 0, torch.device("cpu"), path="planted")
    return Model(bundle, Path("planted"))
