"""`ganforge data`: what a data set is before anybody trains on it, and a clean copy of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganforge.ui.options import Plugins
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from ganforge.core.dataset import Dataset
    from ganforge.data.base import DataSource
    from ganforge.modalities.image.inspect import Report

app = typer.Typer(help="Look at data, or make a clean zip of it.", no_args_is_help=True)
VERB = Verb(app, "data", order=90)

PATH = "A folder, zip, idx, .npy/.npz or CIFAR file, a table (.csv, .parquet), or a named set such as mnist."
Where = Annotated[str, typer.Argument(metavar="PATH", help=PATH, show_default=False)]
WORDS = (
    f"{PATH} Two paths are sources and targets of the same names. Or fields, as in kind=pairs path=./facades "
    "sides=target,source."
)
FEW = 2_000
SHOWN = 5


@app.command("inspect")
def inspect(
    words: Annotated[list[str], typer.Argument(metavar="PATH...", help=WORDS, show_default=False)],
    limit: Annotated[
        int | None, typer.Option("--limit", help="Look at so many pictures only, spread evenly.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The facts as JSON.")] = False,
    plugins: Plugins = None,
) -> None:
    """Tell what a data set holds, and which recipes and settings fit it."""
    import json
    from dataclasses import replace

    from ganforge.core.errors import UserError
    from ganforge.data.path import PathData
    from ganforge.modalities.image.inspect import inspect_dataset
    from ganforge.modalities.table.inspect import describe, lines, show
    from ganforge.modalities.table.source import TableSet
    from ganforge.registry import load_all
    from ganforge.ui.console import stdout

    if limit is not None and limit < 1:
        raise UserError(f"--limit {limit}: it must be at least 1")
    load_all()
    source, path = source_of(*words), words[0]
    dataset = (replace(source, holdout=0.0) if isinstance(source, PathData) else source).open()  # all rows of a table
    if isinstance(dataset, TableSet):
        told = describe(dataset)
        if as_json:
            typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
            return
        console = stdout()
        console.print(show(told))
        for line in lines(told):
            console.print(f"- {line}", soft_wrap=True, markup=False)
        return
    report = inspect_dataset(dataset, limit)
    fits = fitting(dataset)
    hints = advice(report, path)
    if as_json:
        told = {name: {"fits": good, "says": what} for name, (good, what) in fits.items()}
        plain = {**report.to_plain(), "recipes": told, "hints": hints}
        typer.echo(json.dumps(plain, ensure_ascii=False, indent=2))
        return
    console = stdout()
    if report.source is not None:
        for line in pair_lines(dataset):
            console.print(line, soft_wrap=True, markup=False)
        console.print(facts(report.source))
        console.print()
    console.print(facts(report))
    console.print()
    console.print(recipe_table(fits))
    for hint in hints:
        console.print(f"- {hint}", soft_wrap=True)


@app.command("pack")
def pack(
    path: Where,
    out: Annotated[Path, typer.Argument(metavar="OUT.zip", help="The zip to write.", show_default=False)],
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Keep pictures with the same pixels.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of the same name.")] = False,
) -> None:
    """Write a clean zip: upright PNG files in class folders, without unreadable files and duplicates."""
    from ganforge.core.errors import UserError
    from ganforge.modalities.image.pack import pack as write
    from ganforge.registry import load_all
    from ganforge.ui.console import stdout

    if out.suffix.lower() != ".zip":
        raise UserError(f"{out}: the name must end in .zip")
    load_all()
    made = write(source_of(path), out, duplicates=duplicates, force=force)
    left_out = f"{len(made['unreadable'])} unreadable and {len(made['duplicates'])} duplicates left out"
    line = f"{out}: {made['count']:,} pictures, {left_out}, {out.stat().st_size / 2**20:,.1f} MiB"
    stdout().print(line, soft_wrap=True)
    stdout().print(f"train on it: ganforge train dcgan data={out}", soft_wrap=True)


def source_of(*words: str) -> DataSource:
    """The data source that words on the command line stand for: one path or name, two paths of a pair, or fields."""
    from ganforge.core.component import build
    from ganforge.core.errors import UserError
    from ganforge.core.overrides import split
    from ganforge.data.base import DataSource

    if len(words) == 1 and ("=" not in words[0] or Path(words[0]).exists()):
        return build(DataSource, DataSource.from_text(words[0]), what=words[0])
    fields = {".".join(path): value for path, value in (split(word) for word in words if "=" in word)}
    kind = fields.setdefault("kind", "pairs")
    known = DataSource.kinds[kind].words if kind in DataSource.kinds else ()
    paths = [word for word in words if "=" not in word]
    if len(paths) > len(known):
        raise UserError(f"{' '.join(paths)}: {len(paths)} paths, where data of the kind {kind} takes {len(known)}")
    return build(DataSource, {**fields, **dict(zip(known, paths, strict=False))}, what=" ".join(words))


def pair_lines(dataset: Dataset) -> list[str]:
    """What there is to say of pairs, beside what each side is.

    Raises:
        UserError: sizes differ within pairs.
    """
    from ganforge.modalities.pair import labelmaps
    from ganforge.modalities.pair.signal import LOOK, paired_sizes

    assert dataset.source is not None
    _, scale = paired_sizes(dataset, dataset.source)
    lines = [f"{len(dataset):,} pairs, " + (f"sources {scale} times as small" if scale > 1 else "of one size each")]
    if labelmaps.look_like(dataset.source, LOOK):
        classes = labelmaps.found_in(dataset.source)
        lines.append(f"sources are label maps of {len(classes)} classes: {', '.join(map(str, classes))}")
    return [*lines, "first the sources, then the targets:", ""]


def fitting(dataset: Dataset) -> dict[str, tuple[bool, str]]:
    """Every recipe for pictures with whether it can be trained on the data, and what it would make of it or why not."""
    from ganforge import recipes
    from ganforge.core.errors import UserError

    found = {}
    for name in recipes.names():
        recipe = recipes.get(name)
        if recipe.signal.kind not in (("image", "pair") if dataset.source is None else ("pair",)):
            continue
        try:
            spec = recipe.task.adapt(recipe.signal.spec(recipe.signal.items(dataset), recipe.task.nearest))
        except UserError as error:
            found[name] = (False, str(error))
            continue
        what = "×".join(map(str, spec.shape[1:])) + f", {spec.shape[0]} channel{'s' if spec.shape[0] > 1 else ''}"
        what += f", {spec.classes} labels" if spec.classes else ""
        if len(dataset) < recipe.batch:
            found[name] = (
                False,
                f"its batch of {recipe.batch} is more than there are: batch={max(2, len(dataset) // 4)}",
            )
        else:
            found[name] = (True, f"makes {what}")
    return found


def advice(report: Report, path: str) -> list[str]:
    """What one would want to set or mend before training, most important first."""
    hints = []
    if report.unreadable:
        hints.append(
            f"{len(report.unreadable)} cannot be read and would be skipped; `ganforge data pack` leaves them out"
        )
    if report.source is not None:  # what follows is of pictures that stand for themselves
        return hints
    spare = sum(len(group) - 1 for group in report.duplicates)
    if spare > report.readable // 100:
        hints.append(
            f"{spare:,} pictures repeat others, which D learns by heart: `ganforge data pack {path} OUT.zip` drops them"
        )
    if 0 < report.readable < FEW:
        hints.append(f"{report.readable:,} pictures are few; with less than some thousands D soon knows them by heart")
    if report.readable and "RGB" in report.modes and report.readable < 20_000:
        hints.append(
            "where left and right mean nothing (faces, landscapes; not letters): signal.flip=true doubles the data"
        )
    if any(depth > 8 for depth in report.depths):
        hints.append("there are pictures of 16 bits: signal.depth=16 keeps them so, 8 is the default")
    if report.median and max(report.median) > 64:
        hints.append(
            "by default no side is longer than 64; larger with signal.size=128 or signal.max_size=128 (and slower)"
        )
    aspects = {round(h / w, 1) for h, w in report.sizes}
    if len(aspects) > 1:
        hints.append("shapes differ: signal.fit=crop (default) cuts to the centre, pad adds a border, stretch distorts")
    if report.balance and report.balance > 3:
        hints.append(f"the largest class is {report.balance:.1f} times the smallest: rare labels will be learnt worse")
    return hints


def facts(report: Report):
    """The report as a table."""
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    part = "" if report.looked_at == report.count else f" (looked at {report.looked_at:,})"
    table.add_row("data", f"{report.name}, {report.nbytes / 2**20:,.1f} MiB")
    table.add_row("pictures", f"{report.count:,}{part}, {report.readable:,} of these readable")
    if report.smallest and report.median and report.largest:
        sizes = [f"{h}×{w} ({count:,})" for (h, w), count in list(report.sizes.items())[:SHOWN]]
        more = f", {len(report.sizes) - SHOWN} more" if len(report.sizes) > SHOWN else ""
        table.add_row("height×width", ", ".join(sizes) + more)
        if len(report.sizes) > 1:
            low, mid, high = (f"{h}×{w}" for h, w in (report.smallest, report.median, report.largest))
            table.add_row("", f"from {low} to {high}, median {mid}")
        table.add_row("modes", ", ".join(f"{mode} ({count:,})" for mode, count in report.modes.items()))
        table.add_row("bits", ", ".join(f"{bits} ({count:,})" for bits, count in report.depths.items()))
    if report.classes:
        shown = [f"{name} ({count:,})" for name, count in list(report.classes.items())[:20]]
        more = f", {len(report.classes) - 20} more" if len(report.classes) > 20 else ""
        table.add_row("classes", f"{len(report.classes)}: " + ", ".join(shown) + more)
        balance = "a class is empty" if report.balance is None else f"largest / smallest = {report.balance:.2f}"
        table.add_row("balance", balance)
    else:
        table.add_row("classes", "none (folders in the folder become labels)")
    spare = sum(len(group) - 1 for group in report.duplicates)
    table.add_row("duplicates", f"{spare:,}" + "".join(f"\n{' = '.join(group[:3])}" for group in report.duplicates[:3]))
    told = "".join(f"\n{where}: {why}" for where, why in report.unreadable[:SHOWN])
    table.add_row("unreadable", f"{len(report.unreadable):,}{told}")
    if report.ignored:
        table.add_row("passed over", ", ".join(f"{count:,} {suffix}" for suffix, count in report.ignored.items()))
    return table


def recipe_table(fits: dict[str, tuple[bool, str]]):
    """Which recipes fit, as a table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), title="recipes", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, (good, what) in fits.items():
        table.add_row(Text(name, "bold"), Text("fits", "green") if good else Text("no", "red"), Text(what))
    return table
