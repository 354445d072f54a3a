"""Resuming a run: its recipe and its data."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from ganforge.artifacts.rundir import stored_recipe
from ganforge.core import overrides
from ganforge.core.component import build, to_plain
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, as_sentence
from ganforge.core.files import atomic_file
from ganforge.core.types import Spec
from ganforge.engine.build import fingerprint, is_same_data, open_data
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all

log = logging.getLogger("ganforge")

FREE_ON_RESUME = (
    "samples",
    "checkpoint_every",
    "keep",
    "log_every",
    "callbacks",
    "metrics",
    "every",
    "patience",
    "health",
    "privacy.epsilon",
)
"""Fields that may be changed when a run is resumed, because they do not affect the steps, in addition to those of its
data source (`free_on_resume`). Moved data is identified by its fingerprint. Rollbacks do affect steps, but they are
requested explicitly, and their effects are stored in the checkpoint."""


def data_of_run(recipe: Recipe, folder: Path | str, known: str | None) -> tuple[Recipe, Dataset, Spec]:
    """Like `open_data`, for an existing run; also returns the recipe, updated with how the data was read.

    Args:
        known: the fingerprint of the training data, if stored. Older runs were trained on train and val together; they
            continue with both.
    """
    try:
        dataset, spec = open_data(recipe)
        if known is None or is_same_data(known, fingerprint(dataset)) or recipe.data.kind != "path":
            return recipe, dataset, spec
        for items in (["data.split=all"], ["data.split=all", "data.labels=none"]):
            both = build(Recipe, overrides.apply(to_plain(recipe), items, Recipe))
            other, other_spec = open_data(both)
            if is_same_data(known, fingerprint(other)):
                log.warning("this run was trained on all parts of its data: it continues with %s", " ".join(items))
                with atomic_file(Path(folder) / "recipe.yaml") as file:
                    file.write_text(overrides.to_yaml(both), encoding="utf-8")
                return both, other, other_spec
        return recipe, dataset, spec
    except UserError as error:
        if error.code != "data.not_found":
            raise
        fields = " ".join(f"data.{name}=PATH" for name in recipe.data.places if getattr(recipe.data, name, ""))
        raise UserError(
            f"{as_sentence(error)} If the data of {folder} has moved, set its new path: {fields}", code=error.code
        ) from None


def resume_recipe(folder: Path | str, name: str | None = None, items: Sequence[str] = ()) -> Recipe:
    """The recipe for resuming a run: the stored one with `items` (`path=value`) applied.

    Raises:
        UserError: there is no run, it has another recipe, or items would change what the run computes (the message
            lists the differences).
    """
    load_all()
    stored = stored_recipe(folder)
    if name is not None and name != stored.name:
        raise UserError(
            f"{folder}: this run has the recipe {stored.name!r}, not {name!r}. Leave the name out, or start a new run",
            code="run.recipe_name_differs",
        )
    recipe = build(Recipe, overrides.apply(to_plain(stored), items, Recipe))
    free_fields = (*FREE_ON_RESUME, *(f"data.{name}" for name in stored.data.free_on_resume))
    changed = [
        f"{path}: {old!r} in the run, {new!r} now"
        for path, old, new in overrides.diff(stored, recipe)
        if not any(path == free or path.startswith(f"{free}.") for free in free_fields)
    ]
    if changed:
        raise UserError(
            f"{folder} cannot be resumed with a different recipe; differences:\n  " + "\n  ".join(changed) + "\n"
            f"Leave these out, or start a new run. These may be changed: {', '.join(free_fields)}",
            code="run.recipe_differs",
        )
    return recipe
