"""The Python API's functions that need more than one part of the package; `ganforge` itself offers them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import torch

from ganforge import recipes
from ganforge.core import overrides
from ganforge.core.component import build, to_plain
from ganforge.core.device import has_bf16_cpu, pick_device
from ganforge.core.errors import UserError
from ganforge.data.base import DataSource
from ganforge.data.objects import is_object, source_of
from ganforge.engine import train as engine
from ganforge.engine import transfer
from ganforge.engine.fitting_batch import fitted
from ganforge.engine.resume import resume_recipe
from ganforge.inference.model import Model, load
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe
from ganforge.recipes.callback import Calling, Listener, RunView
from ganforge.recipes.choice import Choice, Machine, choose
from ganforge.recipes.fields import Fields
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
    fields: Mapping[str, Any] | None = None,
    **common: Unpack[Fields],
) -> Model:
    """Trains a GAN and returns it, ready to sample from.

        model = gf.train("dcgan", data="mnist", samples=600_000)
        model = gf.train("cdcgan", data="./photos", minutes=30, fields={"optimizers.G.lr": 1e-4})
        model = gf.train(data="./photos", minutes=30)       # chooses a recipe that suits the data and the time
        model = gf.train(data="./few", init="runs/0003-dcgan", minutes=10)      # goes on from what another run learned

    Args:
        recipe: a name, or a `Recipe`; by default that of the run or model that `resume` or `init` names, else the one
            that suits `data` (it says which, and why), or without any of these the demo.
        minutes: stop and save after so much training.
        run_dir: where to write; by default the next free `runs/NNNN-name`.
        resume: a run directory to go on with.
        device: "cpu", "cuda", ...; by default the best there is.
        progress: show a progress bar on stderr, or in a notebook a table with the newest samples.
        fields: fields of the recipe by their dotted path, {"optimizers.G.lr": 1e-4, "task.augment": "ada"}.
        common: the fields that every recipe has: `data`, `samples`, `batch`, `seed`, `checkpoint_every`, ...
            `data` may be the samples themselves: an array or a tensor, a list of images, a pair (samples, labels), a
            DataFrame, a torch Dataset or DataLoader (each item is read once), a Dataset of `datasets`.
            `callbacks` may hold functions: each is called with the run (`folder`, `samples`, `generate`, ...) and
            every event, a mapping with "event" ("tick", "checkpoint", "evaluate", ...), "samples" and what was logged.
            A subclass of `ganforge.recipes.callback.Listener` is built with the run. Both watch in addition to the
            recipe's own callbacks; callbacks that are named replace those.

    Returns:
        The trained model; its run directory is `model.folder`.

    Raises:
        UserError: the data, the recipe or a folder cannot be used.
        TrainingError: training could not go on; the message names the last good checkpoint.
    """
    given, functions = _functions({**common, **(fields or {})})
    listeners: list[Callable[[RunView], Listener]] = [
        one if isinstance(one, type) and issubclass(one, Listener) else partial(Calling, function=one)
        for one in functions
    ]
    told = None
    if progress:
        from ganforge.ui.console import stderr
        from ganforge.ui.notebook import progress_here

        listeners.append(lambda run: progress_here(run, minutes))
        told = stderr().print
    auto = given.get("batch") == "auto"
    chosen = _resolve(
        recipe, resume, {k: v for k, v in given.items() if not (auto and k == "batch")}, minutes, device, told
    )
    if auto:
        chosen, line = fitted(chosen, device)
        if told is not None:
            told(line)
    result = engine.train(
        chosen,
        run_dir=run_dir,
        resume=resume,
        minutes=minutes,
        listeners=listeners,
        device=device,
    )
    return load(result.folder, device)


def _functions(fields: dict[str, Any]) -> tuple[dict[str, Any], list[Callable[..., Any]]]:
    """Fields without the functions among their callbacks, and these."""
    watchers = fields.get("callbacks")
    if not isinstance(watchers, (list, tuple)):
        return fields, []
    functions = [one for one in watchers if callable(one)]
    named = [one for one in watchers if not callable(one)]
    rest = {name: value for name, value in fields.items() if name != "callbacks"}
    return rest if functions and not named else {**rest, "callbacks": named}, functions


def _resolve(
    recipe: str | Recipe | None,
    resume: Path | str | None,
    fields: dict[str, Any],
    minutes: float | None,
    device: str | None,
    told: Callable[[str], None] | None,
) -> Recipe:
    load_all()
    held = fields.get("data")
    if not (is_object(held) or isinstance(held, DataSource)):
        return _resolve_items(recipe, resume, as_items(fields), minutes, device, told)
    if of_data := [name for name in fields if name.startswith("data.")]:
        raise UserError(
            f"{of_data[0]}: data is an object, which has no fields; leave {of_data[0]} out", code="data.not_a_path"
        )
    source = source_of(held)
    items = as_items({name: value for name, value in fields.items() if name != "data"})
    if recipe is None and resume is None and named(items, "init") is None:
        choice = choose(source.open(), machine(pick_device(device), minutes))
        if told is not None:
            for line in choice.lines(type(held).__name__):
                told(line)
        found = make_recipe(choice.recipe, (), items, choice.fields)
    else:
        found = _resolve_items(recipe, resume, items, minutes, device, told)
    return replace(found, data=source if found.privacy.kind == "off" else source.undisclosed())


def _resolve_items(
    recipe: str | Recipe | None,
    resume: Path | str | None,
    items: Sequence[str],
    minutes: float | None,
    device: str | None,
    told: Callable[[str], None] | None,
) -> Recipe:
    if resume is not None:
        if isinstance(recipe, Recipe):
            raise UserError(
                "resume= reads the recipe from the run: leave the recipe out, and give only the fields to change",
                code="run.recipe_on_resume",
            )
        return resume_recipe(resume, recipe, list(items))
    if isinstance(recipe, Recipe):
        return build(Recipe, overrides.apply(to_plain(recipe), items, Recipe)) if items else recipe
    if recipe is not None:
        return make_recipe(recipe, (), list(items))
    found, why = unnamed(list(items), (), minutes, device)
    if told is not None:
        for line in why:
            told(line)
    return found


def unnamed(
    items: Sequence[str], with_files: Sequence[Path | str], minutes: float | None, device: str | None
) -> tuple[Recipe, list[str]]:
    """The recipe where none is named, and what there is to say of that: what a model to start from was trained with,
    else what suits the data, else the demo."""
    data, init = named(items, "data"), named(items, "init")
    if init is not None:
        base, line = recipe_of(init)
        return make_recipe(base, with_files, items), [line]
    kind = named(items, "data.kind")
    if data is None and kind is None:
        return make_recipe(None, with_files, items), []
    choice = choose_recipe(data, items, minutes=minutes, device=device)
    said = data or named(items, "data.path") or str(kind)
    return make_recipe(choice.recipe, with_files, items, choice.fields), choice.lines(said)


def named(items: Sequence[str], field: str) -> str | None:
    """The value that overrides give a field, `field=VALUE`, or None."""
    return next((item.partition("=")[2] for item in reversed(items) if item.startswith(f"{field}=")), None)


def recipe_of(init: str) -> tuple[Recipe, str]:
    """The recipe that a model was trained with, for samples of the same shape, and a line that says so.

    Raises:
        UserError: no model there.
    """
    found, spec, _ = transfer.model(init)
    found = replace(found, signal=found.signal.at(spec))
    size = "×".join(map(str, spec.shape))
    return found, f"recipe: that of {init} ({found.name}), for samples of {size}, as its weights ask for"


def choose_recipe(
    data: str | None, items: Sequence[str] = (), *, minutes: float | None = None, device: str | None = None
) -> Choice:
    """The recipe that suits some data, a machine and a time.

    Args:
        data: a path, or the name of a set; None: `data.kind` and its fields are among the items.
        items: overrides; of these, `data.FIELD=value` say how the data is read, also in short (`labels=`, `captions=`).
        minutes: that training may take.
        device: "cpu", "cuda", ...; by default the best there is.

    Raises:
        UserError: the data cannot be read, is too little, or is of a kind that there is no rule for.
    """
    pairs = [(field, value) for field, _, value in (item.partition("=") for item in items)]
    full = [f"{Recipe.aliases.get(field, field)}={value}" for field, value in pairs]
    plain = overrides.apply({"data": data or {}}, [item for item in full if item.startswith("data.")])
    source = build(DataSource, plain if isinstance(plain := plain["data"], dict) else DataSource.from_text(plain))
    return choose(source.open(), machine(pick_device(device), minutes))


def machine(device: torch.device, minutes: float | None) -> Machine:
    """What this machine gives a run."""
    if device.type == "cpu":
        return Machine(device.type, cores=torch.get_num_threads(), bf16=has_bf16_cpu(), minutes=minutes)
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory / 2**30
        return Machine(device.type, memory=memory, minutes=minutes)
    return Machine(device.type, minutes=minutes)


def as_items(fields: dict[str, Any]) -> list[str]:
    """Keyword arguments as the `path=value` of the command line, so that both mean the same."""
    return [f"{path}={_as_text(value)}" for path, value in fields.items()]


def _as_text(value: Any) -> str:
    plain = to_plain(value)
    return plain if isinstance(plain, str) else json.dumps(plain)
