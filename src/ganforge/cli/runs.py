"""`ganforge runs`: the runs that are there: list, show, compare, and put away."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from ganforge.artifacts.summary import Summary

app = typer.Typer(help="The runs that are there: list, show, compare, prune.", invoke_without_command=True)
VERB = Verb(app, "runs", order=55)

WIDE = 110
"""Columns that a table of runs takes; in a narrower terminal each run is two lines."""

Root = Annotated[Path, typer.Option("--dir", help="The folder that holds the runs.")]
States = Annotated[
    str | None,
    typer.Option(
        "--state", help="Only these: running, finished, stopped, failed, crashed; with commas.", show_default=False
    ),
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="A run directory, or its name below --dir.")]
Runs = Annotated[list[str], typer.Argument(metavar="RUN...", help="Run directories, or their names below --dir.")]


@app.callback()
def listing(
    context: typer.Context,
    root: Root = Path("runs"),
    state: States = None,
    trash: Annotated[bool, typer.Option("--trash", help="List what `prune` has put away.")] = False,
    as_json: AsJson = False,
) -> None:
    """List runs: state, recipe, data, samples, age, last and best metric. With a verb: show, compare, prune."""
    if context.invoked_subcommand is not None:
        return
    from ganforge.artifacts.summary import TRASH
    from ganforge.ui.console import stdout

    found = chosen(root / TRASH if trash else root, state)
    if as_json:
        emit([as_plain(one) for one in found])
        return
    console = stdout()
    if not found:
        console.print(f"no runs in {root / TRASH if trash else root} (another folder: --dir FOLDER)", soft_wrap=True)
        return
    console.print(table_of(found)) if console.width >= WIDE else console.print(lines_of(found), soft_wrap=True)


@app.command("show")
def show(run: Run, root: Root = Path("runs"), as_json: AsJson = False) -> None:
    """Show one run: how it went, what it has measured, its files, and how to go on."""
    from ganforge.artifacts.summary import size_of, summary_of
    from ganforge.core.commands import command
    from ganforge.ui.console import stdout

    folder = folder_of(run, root)
    found = summary_of(folder)
    facts: dict[str, Any] = {**as_plain(found), "bytes": size_of(folder), "environment": environment_of(folder)}
    facts["next"] = {"evaluate": command("evaluate", folder), "resume": command("train", "--resume", folder)}
    if as_json:
        emit(facts)
        return
    lines = [
        ("run", str(folder)),
        ("state", found.state + (f" ({found.reason})" if found.reason and found.reason != found.state else "")),
        ("recipe", found.recipe),
        ("data", found.data),
        ("samples", f"{found.samples:,} of {found.planned:,}"),
        ("trained", f"{duration(found.seconds)}, last event {age(found.updated)} ago"),
        *((f"loss {name}", f"{value:.4g}") for name, value in found.losses.items()),
        *((name, number(value)) for name, value in found.others.items()),
        ("best", f"{found.metric} {number(found.best)} at {found.best_at:,} samples" if found.best_at else ""),
        ("device", str(facts["environment"].get("device", ""))),
        ("disk", f"{facts['bytes'] / 2**20:,.1f} MiB"),
        *facts["next"].items(),
    ]
    stdout().print("\n".join(f"{name:<10}  {text}" for name, text in lines if text), soft_wrap=True)


@app.command("compare")
def compare(runs: Runs, root: Root = Path("runs"), as_json: AsJson = False) -> None:
    """Compare runs without computing anything: fields that differ, samples, time, losses and metrics of their logs.

    To measure them alike: ganforge evaluate RUN RUN.
    """
    from rich.table import Table

    from ganforge.artifacts.summary import differences, recipe_of, summary_of
    from ganforge.core.errors import UserError
    from ganforge.ui.console import stdout

    if len(runs) < 2:
        raise UserError("name two runs or more to compare", code="run.too_few")
    folders = [folder_of(run, root) for run in runs]
    found = [summary_of(folder) for folder in folders]
    fields = differences([recipe_of(folder) for folder in folders])
    if as_json:
        emit({"runs": [as_plain(one) for one in found], "fields": fields})
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("", *(folder.name for folder in folders)):
        table.add_column(title, overflow="fold")
    rows: dict[str, list[Any]] = {name: [_text(value) for value in values] for name, values in fields.items()}
    rows["state"] = [one.state for one in found]
    rows["samples seen"] = [f"{one.samples:,}" for one in found]
    rows["trained"] = [duration(one.seconds) for one in found]
    for name in dict.fromkeys(name for one in found for name in one.losses):
        rows[f"loss {name}"] = [number(one.losses.get(name)) for one in found]
    for name in dict.fromkeys(name for one in found for name in one.others):
        rows[name] = [number(one.others.get(name)) for one in found]
    rows["best"] = [f"{one.metric} {number(one.best)}" if one.metric else "" for one in found]
    for name, values in rows.items():
        if any(values):
            table.add_row(name, *values)
    stdout().print(table)


@app.command("prune")
def prune(
    runs: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="Runs to put away.", show_default=False)
    ] = None,
    root: Root = Path("runs"),
    state: States = None,
    older: Annotated[
        float | None, typer.Option("--older-than", help="Only runs idle for so many days.", show_default=False)
    ] = None,
    restore: Annotated[bool, typer.Option("--restore", help="Move the runs named back out of the trash.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Move nothing: say what would be moved.")] = False,
    as_json: AsJson = False,
) -> None:
    """Move runs to a trash folder beside them (.trash): those named, or those of a --state or an age.

    Nothing is deleted.
    """
    import shlex

    from ganforge.artifacts.summary import TRASH, restored, size_of, to_trash
    from ganforge.core.errors import UserError
    from ganforge.ui.console import stdout

    if not runs and (restore or (state is None and older is None)):
        raise UserError("name the runs, or say which: --state failed,crashed or --older-than 30", code="run.not_given")
    if restore:
        moved = [(Path(root / TRASH / name), restored(Path(name).name, root)) for name in runs or ()]
        lines = [f"restored: {place}" for _, place in moved]
    else:
        named = [folder_of(run, root) for run in runs] if runs else None
        wanted = [one.folder for one in chosen(root, state, older, named) if one.state != "running" or runs]
        size = sum(size_of(folder) for folder in wanted)
        moved = [(folder, folder if dry_run else to_trash(folder)) for folder in wanted]
        lines = [f"{'would be moved' if dry_run else 'moved'}: {folder}" for folder, _ in moved] or ["no such runs"]
        if moved and not dry_run:
            trash = moved[0][1].parent
            lines.append(
                f"{size / 2**20:,.1f} MiB in {trash}. Back: ganforge runs prune --restore NAME. To free the disk: "
                f"rm -r {shlex.quote(str(trash))}"
            )
    if as_json:
        emit({"moved": [{"from": before, "to": after} for before, after in moved], "dry_run": dry_run})
        return
    stdout().print("\n".join(lines), soft_wrap=True)


def chosen(
    root: Path, state: str | None, older: float | None = None, folders: Sequence[Path] | None = None
) -> list[Summary]:
    """The runs of a folder, or those given, that are in one of the states and idle for so many days.

    Raises:
        UserError: an unknown state.
    """
    from ganforge.artifacts.summary import STATES, runs_in, summary_of
    from ganforge.core.errors import UserError, did_you_mean

    states = None if state is None else [one.strip() for one in state.split(",")]
    for one in states or ():
        if one not in STATES:
            raise UserError(
                f"--state {one}: no such state{did_you_mean(one, STATES)} (states: {', '.join(STATES)})",
                code="run.unknown_state",
            )
    found = [summary_of(folder) for folder in (runs_in(root) if folders is None else folders)]
    idle = [(time.time() - (one.updated or one.folder.stat().st_mtime)) / 86_400 for one in found]
    return [
        one
        for one, days in zip(found, idle, strict=True)
        if (states is None or one.state in states) and (older is None or days >= older)
    ]


def folder_of(run: str, root: Path) -> Path:
    """The folder of a run that is given as a path or by its name."""
    from ganforge.artifacts.summary import is_run

    return Path(run) if is_run(Path(run)) or not is_run(root / run) else root / run


def as_plain(one: Summary) -> dict[str, Any]:
    """A run for JSON: `metrics` holds the last value of each."""
    from dataclasses import asdict

    plain = asdict(one)
    plain["metrics"] = plain.pop("others")
    return {"run": one.folder.name, **plain}


def environment_of(folder: Path) -> dict[str, Any]:
    import json

    try:
        return json.loads((folder / "environment.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a run of before, or one that was copied in part
        return {}


def table_of(found: Sequence[Summary]) -> Any:
    from rich.table import Table

    table = Table(box=None, padding=(0, 2, 0, 0))
    measured = any(one.metric for one in found)
    for title in (
        "run",
        "state",
        "recipe",
        "data",
        "samples",
        "age",
        *(("metric", "last", "best") if measured else ()),
    ):
        table.add_column(title, justify="right" if title in ("samples", "age", "last", "best") else "left",
                         no_wrap=title in ("state", "samples", "age"), overflow="fold")  # fmt: skip
    for one in found:
        metric = (one.metric, number(one.last), number(one.best)) if measured else ()
        table.add_row(one.folder.name, one.state, one.recipe, short(one.data), progress(one), age(one.updated), *metric)
    return table


def lines_of(found: Sequence[Summary]) -> str:
    """What `table_of` shows, two lines a run."""
    lines = []
    for one in found:
        lines.append(f"{one.folder.name}  {one.state}  {age(one.updated)}")
        metric = f"  {one.metric} {number(one.last)}, best {number(one.best)}" if one.metric else ""
        lines.append(f"    {one.recipe} {short(one.data)}  {progress(one)}{metric}")
    return "\n".join(lines)


def progress(one: Summary) -> str:
    share = f" ({100 * one.samples / one.planned:.0f}%)" if one.planned and one.samples < one.planned else ""
    return f"{one.samples:,}{share}"


def short(data: str) -> str:
    """The last name of a path."""
    return " ".join(Path(part).name or part for part in data.split(" ")) if len(data) > 24 else data


def age(at: float | None) -> str:
    return "" if at is None else duration(max(time.time() - at, 0))


def duration(seconds: float) -> str:
    """`12 s`, `5 min`, `3 h`, `6 d`: the largest unit that it has one of."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _text(value: Any) -> str:
    return "–" if value is None else str(value)
