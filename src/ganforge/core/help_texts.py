"""Help texts of components: docstrings of classes, and those below their fields, which are read from the source."""

from __future__ import annotations

import ast
import dataclasses
import functools
import inspect
import linecache
from collections.abc import Iterator
from itertools import pairwise


def help_text(cls: type) -> str:
    """The first paragraph of a class's docstring, on one line."""
    return " ".join((inspect.getdoc(cls) or "").split("\n\n")[0].split())


def field_help(cls: type) -> dict[str, str]:
    """The docstrings below the fields of a component, including inherited ones, by field name."""
    docs: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if dataclasses.is_dataclass(base):
            docs |= _own_help(base)
    return docs


@functools.cache  # to find the file of a class takes longer than to look it up
def _own_help(cls: type) -> dict[str, str]:
    try:
        file = inspect.getsourcefile(cls)
    except (OSError, TypeError):  # a class defined interactively has no source
        return {}
    return _help_in(file).get(cls.__qualname__, {}) if file else {}


@functools.cache  # a file is parsed once for all of its classes, most of which occur in many recipes
def _help_in(file: str) -> dict[str, dict[str, str]]:
    """The docstrings below the fields of each class of a file, by the class's qualified name and the field's."""
    found: dict[str, dict[str, str]] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, ast.ClassDef):
                found[prefix + node.name] = dict(_documented(node.body))
                visit(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                visit(node.body, f"{prefix}{node.name}.<locals>.")

    visit(ast.parse("".join(linecache.getlines(file))).body, "")
    return found


def _documented(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for field, doc in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(doc, ast.Expr)
            and isinstance(doc.value, ast.Constant)
            and isinstance(doc.value.value, str)
        ):
            yield field.target.id, " ".join(doc.value.value.split())
