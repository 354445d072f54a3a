"""`ganforge train`: from data to a trained model in a run directory."""

from __future__ import annotations

import logging
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.ui.notices import JSON_FLAG
from ganforge.ui.options import Device, Plugins, Quiet, examples
from ganforge.ui.output import FLAG, AsJson, emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from rich.console import Console

    from ganforge.engine.plan import Plan
    from ganforge.engine.train import TrainResult
    from ganforge.recipes.base import Recipe

EPILOG = examples(
    "ganforge train",
    "ganforge train ./photos --minutes 30",
    "ganforge train dcgan data=mnist samples=600k",
    "ganforge train cdcgan data=./photos --minutes 30",
    "ganforge train ctgan data=adult.csv target=income --minutes 10",
    "ganforge train restyle-small content.jpg style.jpg --minutes 10",
    "ganforge train ./few init=runs/0003-dcgan init.freeze=2",
    "ganforge train --resume runs/0003-dcgan",
)
WORDS = (
    "The name of a recipe (see `ganforge recipes`), or a data set, for which a suitable recipe is chosen; nothing for "
    "the demo. A recipe for two data sets can be followed by their two paths. All further arguments change fields of "
    "the recipe: data=mnist samples=600k batch=64 seed=1 optimizers.G.lr=1e-4"
)
RESULTS = {
    "timelapse": "timelapse.gif",
    "curves": "curves.png",
    "model": "model.safetensors",
    "best": "best.safetensors",
}
"""Output files of a run that are listed at its end, if they exist."""

ENDS = {
    "finished": "finished",
    "patience": "stopped early, since the metric no longer improved",
    "minutes": "time limit reached",
    "interrupted": "stopped and saved",
}
log = logging.getLogger("ganforge")

FIELD = re.compile(r'[A-Za-z_](?:"(?:[^"\\]|\\.)*"|[^=/\\])*=')
"""The start of `field=value`; quoted names may contain any character."""


def train(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="RECIPE|PATH FIELD=VALUE", show_default=False, help=WORDS),
    ] = None,
    run_dir: Annotated[
        Path | None,
        typer.Option("--run-dir", help="Output folder. Default: the next free runs/NNNN-name.", show_default=False),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option("--resume", help="Resume the run in this folder exactly where it stopped.", show_default=False),
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", help="Stop and save after this many minutes of training.", show_default=False),
    ] = None,
    procs: Annotated[
        int,
        typer.Option(
            "--procs",
            help="Number of processes on this machine, for example one per GPU; each computes a part of every batch.",
        ),
    ] = 1,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write nothing; show the full recipe, net sizes, memory and training time."),
    ] = False,
    with_files: Annotated[
        list[Path] | None,
        typer.Option("--with", help="A YAML file with fields that override those of the recipe.", show_default=False),
    ] = None,
    plugins: Plugins = None,
    device: Device = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
    progress_json: Annotated[
        bool, typer.Option(JSON_FLAG, help="Print progress as lines of JSON on stderr, instead of the bar.")
    ] = False,
) -> None:
    """Train a GAN on your own data, a named data set, or the built-in digits.

    Given a PATH, ganforge chooses a recipe for the data (--dry-run shows why).
    init=RUN starts from the weights of an earlier run.
    """
    from ganforge.core.errors import UserError
    from ganforge.recipes.listing import refuse_misspelled, refuse_misspelled_fields

    if minutes is not None and not minutes > 0:
        raise UserError(f"--minutes {minutes:g}: it must be greater than 0", code="cli.out_of_range")
    if resume is not None and run_dir is not None:
        raise UserError("--resume continues in the folder of the run: leave --run-dir out", code="run.folder_on_resume")
    if procs < 1:
        raise UserError(f"--procs {procs}: it must be at least 1", code="cli.out_of_range")
    if words and not is_field(words[0]):
        refuse_misspelled(words[0])
    refuse_misspelled_fields((word for word in words or [] if is_field(word)), plugins=bool(plugins))

    from ganforge.engine import train as engine  # with torch, which a misspelled name need not wait for
    from ganforge.engine.fitting_batch import without_auto
    from ganforge.engine.plan import plan
    from ganforge.engine.processes import leads
    from ganforge.registry import load_all
    from ganforge.ui.console import say, stderr, stdout

    load_all()
    words, auto = without_auto(words or [])
    recipe, why = resolve(words, resume, with_files or [], minutes, device)
    if auto:
        recipe, line = fitted_here(recipe, resume, device, procs)
        words, why = [*words, f"accumulate={recipe.accumulate}"], [*why, line]
    if dry_run:
        planned = plan(recipe, device)
        if as_json:
            emit({**plain_plan(planned), "reasons": why})
            return
        show_plan(planned, minutes, stdout())
        for line in why:
            say(line, stdout())
        return
    if procs > 1:
        from ganforge.engine.launch import launch

        engine.check(recipe)  # an error is reported once, and not by every process
        given = {"--run-dir": run_dir, "--resume": resume, "--minutes": minutes, "--device": device}
        flags = {"--quiet": quiet, FLAG: as_json, JSON_FLAG: progress_json}
        options = [text for name, value in given.items() if value is not None for text in (name, str(value))]
        options += [text for file in with_files or [] for text in ("--with", str(file))]
        options += [text for file in plugins or [] for text in ("--plugin", str(file))]
        options += [name for name, value in flags.items() if value]
        for line in why if auto and not quiet else ():
            say(line, stderr())
        raise typer.Exit(launch(procs, ["train", *words, *options]))
    if not leads():  # process 0 prints for all
        quiet, as_json, progress_json = True, False, False
    listeners = []
    if progress_json:
        from ganforge.ui.progress import ProgressJson

        for line in why:
            log.info("%s", line)
        listeners = [lambda run: ProgressJson(run, minutes, sys.stderr)]
    elif not quiet:
        from ganforge.ui.progress import Progress

        for line in why:
            say(line, stderr())
        listeners = [lambda run: Progress(run, minutes, stderr())]
    result = engine.train(recipe, run_dir=run_dir, resume=resume, minutes=minutes, listeners=listeners, device=device)
    if as_json:
        emit(plain_end(result, recipe))
    elif not quiet:
        show_result(result, recipe, stdout())


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


def show_plan(plan: Plan, minutes: float | None, console: Console) -> None:
    """Prints the recipe and the results of a dry run; `minutes` is the time limit of training."""
    from rich.table import Table

    from ganforge.core import overrides
    from ganforge.engine.preflight import forecast
    from ganforge.ui.progress import clock

    console.print(overrides.to_yaml(plan.recipe), soft_wrap=True)
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("data", f"{plan.dataset_size:,} samples")
    table.add_row(
        "sample", " × ".join(map(str, plan.spec.shape)) + (f", {plan.spec.classes} labels" if plan.spec.classes else "")
    )
    for player, count in plan.players.items():
        table.add_row(f"player {player}", f"{count:,} parameters")
    table.add_row("device", plan.device)
    table.add_row("memory", f"about {plan.memory_bytes / 2**20:,.0f} MiB")
    table.add_row("disk", f"about {plan.checkpoint_bytes / 2**20:,.1f} MiB per checkpoint, {plan.recipe.keep} kept")
    table.add_row(
        "speed", f"{plan.samples_per_second:,.0f} samples/s (a step takes {1000 * plan.step_seconds:,.1f} ms)"
    )
    whole = f"about {clock(plan.seconds_total)} for {plan.recipe.samples:,} samples"
    if minutes is None or 60 * minutes >= plan.seconds_total:
        table.add_row("time", whole)
    else:
        within = 60 * minutes * plan.samples_per_second
        table.add_row("time", f"{minutes:g} min for some {within:,.0f} samples ({whole})")
    for note in plan.notes:
        table.add_row("note", note)
    text, warn = forecast(plan.recipe, plan.samples_per_second, minutes, plan.device)
    if warn:
        table.add_row("warning", text)
    console.print(table)


def plain_plan(plan: Plan) -> dict[str, Any]:
    """The results of a dry run, for JSON."""
    from dataclasses import fields

    from ganforge.core.component import to_plain

    facts = {field.name: getattr(plan, field.name) for field in fields(plan) if field.name not in ("recipe", "spec")}
    return {**facts, "shape": plan.spec.shape, "classes": plan.spec.classes, "recipe": to_plain(plan.recipe)}


def show_result(result: TrainResult, recipe: Recipe, console: Console) -> None:
    """Prints where the outputs are, and the next steps."""
    ended = ENDS[result.reason]
    lines = [f"{ended}: {result.samples:,} of {recipe.samples:,} samples"]
    lines += [f"  {what:<10}{text}" for what, text in [*files_of(result.folder), *steps_after(result, recipe)]]
    console.print("\n".join(lines), soft_wrap=True)


def plain_end(result: TrainResult, recipe: Recipe) -> dict[str, Any]:
    """How a run ended, for JSON: as `ganforge runs --json` describes it, with files and commands."""
    from ganforge.artifacts.summary import summary_of
    from ganforge.cli.runs import as_plain

    files = {what: str(file) for what, file in files_of(result.folder)}
    return {**as_plain(summary_of(result.folder)), "files": files, "next": dict(steps_after(result, recipe))}


def files_of(folder: Path) -> list[tuple[str, Path]]:
    """Labels and paths of the output files of a run."""
    from ganforge.engine.callbacks.previews import latest

    found = [("samples", file) for file in latest(folder).values()]
    found += [(what, folder / file) for what, file in RESULTS.items()]
    return [(what, file) for what, file in found if file.exists()]


def steps_after(result: TrainResult, recipe: Recipe) -> list[tuple[str, str]]:
    """Next steps after a run, as commands."""
    from ganforge.core.commands import command, with_plugins
    from ganforge.registry import PLUGIN_FILES

    folder = result.folder
    steps = [*(recipe.task.next_steps(folder, result.spec) or recipe.signal.next_steps(folder, result.spec))]
    more = {"finished": [f"samples={2 * recipe.samples}"], "patience": ["patience=null"]}.get(result.reason, [])
    steps += [("evaluate", command("evaluate", folder)), ("resume", command("train", "--resume", folder, *more))]
    return [(what, with_plugins(step, PLUGIN_FILES)) for what, step in steps]


VERB = Verb(train, order=10, epilog=EPILOG)
