"""The names of the recipes and what each is, read from their sources: to list them takes a tenth of the time that it
takes to import them, and torch with them."""

from __future__ import annotations

import ast
import importlib.metadata
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from ganforge import recipes
from ganforge.core.errors import UserError, did_you_mean, no_field
from ganforge.registry import load_all

FOLDER = Path(__file__).parents[1] / "modalities"


def listed() -> dict[str, str]:
    """Name → the first paragraph of the docstring, of every recipe, sorted by name. Those of plugins are imported."""
    if recipes.RECIPES or importlib.metadata.entry_points(group="ganforge.plugins"):
        load_all()
        return {name: recipes.summary(name) for name in recipes.names()}
    found = {}
    for text in _sources():
        if "\n@recipe(" in text:
            found |= dict(_recipes_in(text))
    return dict(sorted(found.items()))


def _sources() -> Iterator[str]:
    return (file.read_text(encoding="utf-8") for file in FOLDER.rglob("*.py"))


def _recipes_in(text: str) -> Iterator[tuple[str, str]]:
    for node in (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)):
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and ast.unparse(decorator.func) == "recipe":
                yield ast.literal_eval(decorator.args[0]), recipes.first_paragraph(ast.get_docstring(node))


def refuse_misspelled(name: str) -> None:
    """Says at once, before anything is imported, that a name is nearly that of a recipe.

    Raises:
        UserError: it is, and nothing of that name lies here.
    """
    known = listed()
    if name in known or Path(name).exists() or not did_you_mean(name, known):
        return
    if not any(f'kind="{name}"' in text for text in _sources()):  # cifar10 is a set of images, r3gan-cifar10 a recipe
        raise unknown(name, known)


def refuse_misspelled_fields(words: Iterable[str]) -> None:
    """Says at once that a word `field=value` is nearly a field that all recipes have.

    Raises:
        UserError: it is.
    """
    found = {name[0] for word in words if (name := re.match(r"[A-Za-z_]\w*(?=[^=]*=)", word)) is not None}
    if not found:
        return
    recipe = next(node for node in ast.parse((Path(__file__).parent / "base.py").read_text(encoding="utf-8")).body
                  if isinstance(node, ast.ClassDef))  # fmt: skip
    assigned = {ast.unparse(node.target): node for node in recipe.body if isinstance(node, ast.AnnAssign)}
    given = assigned.pop("aliases").value
    aliases = {} if given is None else ast.literal_eval(given)
    for name in sorted(found - assigned.keys() - aliases.keys()):
        if hint := did_you_mean(name, assigned):
            raise UserError(no_field("the recipe", name, list(assigned), hint), code="config.unknown_field")


def unknown(name: str, known: Iterable[str]) -> UserError:
    """The error of a word that is neither a recipe nor a path."""
    near = did_you_mean(name, known)
    return UserError(
        f"unknown recipe {name!r}{near}; there is no file or folder of that name either (see `ganforge recipes`)",
        code="recipe.unknown",
    )
