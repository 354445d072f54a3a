"""The words after `ganforge train`: the recipe that they name, or that is chosen for the data that they name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ganforge.recipes.base import Recipe

FIELD = re.compile(r'[A-Za-z_](?:"(?:[^"\\]|\\.)*"|[^=/\\])*=')
"""The start of `field=value`; quoted names may contain any character."""


def fitted_here(recipe: Recipe, resume: Path | None, device: str | None, procs: int) -> tuple[Recipe, str]:
    """The recipe with as few parts of a batch as fit, and a sentence about it.

    Raises:
        UserError: a run that is resumed has its number of parts already, or torchrun started several processes, which
            could find different numbers.
    """
    from ganforge.core.errors import UserError
    from ganforge.engine.fitting_batch import AUTO, fitted
    from ganforge.engine.processes import started

    if resume is not None:
        raise UserError(f"{AUTO}: {resume} continues with its own batches; leave it out", code="run.recipe_differs")
    if started() > 1:
        raise UserError(
            f"{AUTO}: is found by one process. Start with `ganforge train --procs`, or find it with --dry-run and set "
            "accumulate=N",
            code="scale.no_auto",
        )
    return fitted(recipe, device, procs)


def resolve(
    words: list[str], resume: Path | None, with_files: list[Path], minutes: float | None, device: str | None
) -> tuple[Recipe, list[str]]:
    """The recipe given by the command line and, if it was chosen for the data, the reasons.

    Raises:
        UserError: an unknown recipe or field, an invalid value, or data for which no recipe can be chosen.
    """
    from ganforge import recipes
    from ganforge.api import named, unnamed
    from ganforge.core.errors import UserError
    from ganforge.engine.resume import resume_recipe
    from ganforge.recipes import make_recipe
    from ganforge.recipes.listing import unknown

    name = words[0] if words and not is_field(words[0]) else None
    items = with_data(name, words[1:] if name is not None else words)
    if resume is not None:
        if with_files:
            raise UserError(
                "--resume reads the recipe from the run: leave --with out, and give only the fields to change",
                code="run.recipe_on_resume",
            )
        return resume_recipe(resume, name, items), []
    if name is not None and name not in recipes.names() and is_data(name):
        if (other := named(items, "data")) is not None:
            raise UserError(
                f"data is given twice: {name!r} and data={other}. Leave one of them out", code="data.given_twice"
            )
        items, name = [f"data={name}", *items], None
    if name is not None and name not in recipes.names():
        raise unknown(name, recipes.names())
    if name is not None:
        return make_recipe(name, with_files, items), []
    return unnamed(items, with_files, minutes, device)


def with_data(name: str | None, items: list[str]) -> list[str]:
    """The fields; words that are not fields become the paths of the recipe's data sets.

    Raises:
        UserError: there are more such words than the recipe has data sets.
    """
    from ganforge import recipes
    from ganforge.core.errors import UserError

    strays = [word for word in items if not is_field(word)]
    fields = recipes.get(name).data.words if strays and name in recipes.RECIPES else ()
    if len(strays) > len(fields):
        raise UserError(
            f"{strays[len(fields)]!r}: expected field=value after the recipe{' and its data' * bool(fields)}, for "
            "example data=./photos",
            code="config.not_an_assignment",
        )
    data = [f"data.{field}={word}" for field, word in zip(fields, strays, strict=False)]
    return [*data, *(word for word in items if is_field(word))]


def is_field(word: str) -> bool:
    """Whether a word is `field=value`. `./a b/c=d` is a path."""
    return FIELD.match(word) is not None and not (Path(word).exists() and not word.startswith("data="))


def is_data(word: str) -> bool:
    """Whether a word is a path or the name of a data set.

    Raises:
        UserError: it looks like a path, but does not exist.
    """
    import os

    from ganforge.core.errors import UserError
    from ganforge.data.base import DataSource

    if DataSource.from_text(word)["kind"] != "path" or Path(word).expanduser().exists():
        return True
    if os.sep in word or word.startswith((".", "~")) or Path(word).suffix:
        raise UserError(
            f"{word!r}: no such file or folder, and no recipe of that name (see `ganforge recipes`)",
            code="data.not_found",
        )
    return False
