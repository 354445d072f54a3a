"""The names of the recipes and what each is, read from their sources: to list them takes a tenth of the time that it
takes to import them, and torch with them."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

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


def refuse_misspelled_fields(words: Iterable[str], plugins: bool = False) -> None:
    """Says at once that a word `field=value` is nearly a field that all recipes have, or leads through a name that is
    nearly a field of its kind of component: `task.generatr.channels=8`.

    Args:
        plugins: whether files are given that may define components with fields of their own.

    Raises:
        UserError: it is.
    """
    paths = {word: found[0].split(".") for word in words if (found := re.match(r"[A-Za-z_][\w.]*(?==)", word))}
    if not paths:
        return
    known = Fields((FOLDER.parent / "recipes" / "base.py").read_text(encoding="utf-8"))
    assigned = known.of("Recipe")
    for name in sorted({path[0] for path in paths.values()} - assigned.keys() - known.other_names):
        if hint := did_you_mean(name, assigned):
            raise UserError(no_field("the recipe", name, list(assigned), hint), code="config.unknown_field")
    nested = {word: path for word, path in paths.items() if len(path) > 1 and path[0] in assigned}
    if nested and not plugins and not importlib.metadata.entry_points(group="ganforge.plugins"):
        for word, path in nested.items():
            refuse_misspelled_path(word, path, fields_of_package())


@functools.cache
def fields_of_package() -> Fields:
    """Those of all classes of the package."""
    return Fields(*(file.read_text(encoding="utf-8") for file in FOLDER.parent.rglob("*.py")))


def refuse_misspelled_path(word: str, path: list[str], known: Fields) -> None:
    """Says that a word `field.of.field=value`, with this path, leads through a name that is nearly a field.

    Args:
        known: of all classes of the package.

    Raises:
        UserError: it does.
    """
    types = known.of("Recipe")[path[0]]
    for depth, name in enumerate(path[1:], start=1):
        if types and not types.by_name:  # else what follows is chosen by the user, or the place in a list
            fields = known.of(*types.classes)
            if name == "kind" or not fields or name in known.other_names:
                return
            if name not in fields:
                if hint := did_you_mean(name, fields):
                    where = ".".join(path[:depth])
                    raise UserError(f"{word!r}: no field {name!r} in {where}{hint}", code="config.unknown_field")
                return
            types = fields[name]
        else:
            types = types._replace(by_name=False)


class Types(NamedTuple):
    """The classes that the annotation of a field names; by_name: whether it holds several, by name or place."""

    classes: frozenset[str]
    by_name: bool

    def __bool__(self) -> bool:
        return bool(self.classes)


class Fields:
    """The fields of classes, read from sources: what `dataclasses.fields` says, without an import.

    Attributes:
        other_names: short and former names of fields.
    """

    CLASS = re.compile(r"^class (\w+)(?:\(([^)]*)\))?:", re.MULTILINE)
    FIELD = re.compile(r"^    (\w+): ([^=\n]+)", re.MULTILINE)
    OTHER = re.compile(r"^    (?:aliases|former)\b[^=]*= \{(.*?)\}", re.MULTILINE | re.DOTALL)

    def __init__(self, *texts: str):
        self.bases: dict[str, set[str]] = {}
        self.own: dict[str, dict[str, str]] = {}
        self.other_names: set[str] = set()
        for text in texts:
            heads = [*self.CLASS.finditer(text)]
            ends = [head.start() for head in heads[1:]] + [len(text)]
            for head, end in zip(heads, ends, strict=False):
                body = text[head.end() : end]
                self.bases.setdefault(head[1], set()).update(re.findall(r"(?<![\w=.])[A-Z]\w*", head[2] or ""))
                self.own.setdefault(head[1], {}).update(self.FIELD.findall(body))
                for inner in self.OTHER.findall(body):
                    self.other_names.update(re.findall(r'"(\w+)[^"]*":', inner))

    def of(self, *classes: str) -> dict[str, Types]:
        """The fields of any of these classes, of their bases and of all that are derived from them."""
        found, before = set(classes), set()
        while found != before:
            before = set(found)
            found |= {name for name, bases in self.bases.items() if bases & before}
        return self._with_bases(found)

    def _with_bases(self, found: set[str]) -> dict[str, Types]:
        fields: dict[str, Types] = {}
        queue, seen = list(found), set()
        while queue:
            name = queue.pop()
            if name in seen or name not in self.own:
                continue
            seen.add(name)
            queue += self.bases[name]
            for field, annotation in self.own[name].items():
                if "ClassVar" not in annotation:
                    classes = frozenset(re.findall(r"\b[A-Z]\w*", annotation)) & self.own.keys()
                    before = fields.get(field, Types(frozenset(), False))
                    by_name = re.match(r"(tuple|dict|Mapping|Sequence|list)\[", annotation) is not None
                    fields[field] = Types(before.classes | classes, before.by_name or by_name)
        return fields


def unknown(name: str, known: Iterable[str]) -> UserError:
    """The error of a word that is neither a recipe nor a path."""
    near = did_you_mean(name, known)
    return UserError(
        f"unknown recipe {name!r}{near}; there is no file or folder of that name either (see `ganforge recipes`)",
        code="recipe.unknown",
    )
