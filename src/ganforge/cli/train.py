"""`ganforge train`: from data to a trained model in a run directory."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from ganforge.cli.train_results import plain_end, plain_plan, show_plan, show_result
from ganforge.cli.train_words import fitted_here, is_field, resolve
from ganforge.ui.notices import JSON_FLAG
from ganforge.ui.options import Device, Plugins, Quiet, examples
from ganforge.ui.output import FLAG, AsJson, emit
from ganforge.ui.verb import Verb

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

log = logging.getLogger("ganforge")


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


VERB = Verb(train, order=10, epilog=EPILOG)
