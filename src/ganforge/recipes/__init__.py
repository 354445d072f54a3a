"""Recipes: functions without arguments that return a frozen `Recipe`. Data only, no logic.

A recipe's docstring says what it is, which paper it follows and where it departs from it, the command, the cost and the
expected result.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ganforge.core import overrides as text
from ganforge.core.component import build, to_plain
from ganforge.core.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from ganforge.recipes.base import Recipe

RECIPES: dict[str, Callable[[], Recipe]] = {}


def recipe(name: str) -> Callable[[Callable[[], Recipe]], Callable[[], Recipe]]:
    """Registers a function as the recipe `name`, and gives the `Recipe` that it returns this name."""

    def register(function: Callable[[], Recipe]) -> Callable[[], Recipe]:
        known = RECIPES.get(name)
        if known is not None and (known.__module__, known.__qualname__) != (function.__module__, function.__qualname__):
            raise TypeError(f"recipe {name!r} is registered twice: {known.__module__}, {function.__module__}")

        @functools.cache  # a recipe is frozen, and to look for those that fit some data makes them all
        @functools.wraps(function)
        def named() -> Recipe:
            return replace(function(), name=name)

        RECIPES[name] = named
        return named

    return register


def names() -> list[str]:
    """Every recipe's name, sorted."""
    return sorted(RECIPES)


def summary(name: str) -> str:
    """The first paragraph of a recipe's docstring."""
    return first_paragraph(inspect.getdoc(RECIPES[name]))


def first_paragraph(text: str | None) -> str:
    """Of a docstring, on one line."""
    return " ".join((text or "").split("\n\n")[0].split())


def get(name: str) -> Recipe:
    """The recipe called `name`.

    Raises:
        UserError: there is no such recipe.
    """
    if name not in RECIPES:
        raise UserError(
            f"unknown recipe {name!r}{did_you_mean(name, RECIPES)} (known: {', '.join(names())})", code="recipe.unknown"
        )
    return RECIPES[name]()


def make_recipe(
    name: str | Recipe | None = None,
    with_files: Sequence[Path | str] = (),
    overrides: Sequence[str] = (),
    chosen: Sequence[str] = (),
) -> Recipe:
    """The given recipe, the registered one of this name, or the demo, overridden by YAML files and then by `path=value`
    items.

    Args:
        chosen: `path=value` items of an automatically chosen recipe; the files and the other items override them.

    Raises:
        UserError: a recipe, field or kind is unknown, or a value is invalid.
    """
    from ganforge.recipes.base import Recipe
    from ganforge.registry import load_all

    load_all()
    base = name if isinstance(name, Recipe) else get(name or "demo")
    plain = text.apply(to_plain(base), chosen, Recipe)
    for file in with_files:
        plain = text.merge(plain, text.from_yaml(file))
    return build(Recipe, text.apply(plain, overrides, Recipe))
