"""The Python API's two functions that need more than one part of the package; `ganforge` itself offers them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganforge import recipes
from ganforge.core import overrides
from ganforge.core.component import build, to_plain
from ganforge.core.errors import UserError
from ganforge.engine import train as engine
from ganforge.engine.recipe import Recipe
from ganforge.inference.model import Model, load
from ganforge.recipes import make_recipe
from ganforge.registry import load_all


def recipe(name: str) -> Recipe:
    """The recipe called `name`, as `ganforge recipes` lists them.

    Raises:
        UserError: there is none of that name.
    """
    load_all()
    return recipes.get(name)


def train(
    recipe: str | Recipe | None = None,
    *,
    minutes: float | None = None,
    run_dir: Path | str | None = None,
    resume: Path | str | None = None,
    device: str | None = None,
    progress: bool = True,
    **fields: Any,
) -> Model:
    """Trains a GAN and returns it, ready to sample from.

        model = gf.train("dcgan", data="mnist", samples=600_000)
        model = gf.train("cdcgan", data="./photos", minutes=30, **{"optimizers.G.lr": 1e-4})

    Args:
        recipe: a name, or a `Recipe`; by default the demo, or the recipe of the run that `resume` names.
        minutes: stop and save after so much training.
        run_dir: where to write; by default the next free `runs/NNNN-name`.
        resume: a run directory to go on with.
        device: "cpu", "cuda", ...; by default the best there is.
        progress: show a progress bar on stderr.
        fields: fields of the recipe, by their dotted path: `data`, `samples`, `batch`, `seed`, `checkpoint_every`, ...

    Returns:
        The trained model; its run directory is `model.folder`.

    Raises:
        UserError: the data, the recipe or a folder cannot be used.
        TrainingError: training could not go on; the message names the last good checkpoint.
    """
    listeners = []
    if progress:
        from ganforge.cli.progress import Progress

        listeners = [lambda run: Progress(run, minutes)]
    result = engine.train(
        _resolve(recipe, resume, as_items(fields)),
        run_dir=run_dir,
        resume=resume,
        minutes=minutes,
        listeners=listeners,
        device=device,
    )
    return load(result.folder, device)


def _resolve(recipe: str | Recipe | None, resume: Path | str | None, items: Sequence[str]) -> Recipe:
    load_all()
    if resume is not None:
        if isinstance(recipe, Recipe):
            raise UserError(
                "resume= takes the recipe from the run: leave the recipe out, and give fields that should differ"
            )
        return engine.resume_recipe(resume, recipe, list(items))
    if isinstance(recipe, Recipe):
        return build(Recipe, overrides.apply(to_plain(recipe), items, Recipe)) if items else recipe
    return make_recipe(recipe, (), list(items))


def as_items(fields: dict[str, Any]) -> list[str]:
    """Keyword arguments as the `path=value` of the command line, so that both mean the same."""
    return [f"{path}={_as_text(value)}" for path, value in fields.items()]


def _as_text(value: Any) -> str:
    plain = to_plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain)
