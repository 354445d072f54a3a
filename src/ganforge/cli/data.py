"""`ganforge data`: what a data set is before anybody trains on it, and a clean copy of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.core.files import check_new, output_to
from ganforge.ui.options import Plugins
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from ganforge.data.base import DataSource

app = typer.Typer(help="Look at data, or make a clean zip of it.", no_args_is_help=True)
VERB = Verb(app, "data", order=90)

PATH = "A folder, zip, idx, .npy/.npz or CIFAR file, a table (.csv, .parquet), or a named set such as mnist."
Where = Annotated[str, typer.Argument(metavar="PATH", help=PATH, show_default=False)]
WORDS = (
    f"{PATH} Two paths are sources and targets of the same names. Or fields, as in kind=pairs path=./facades "
    "sides=target,source."
)


@app.command("inspect")
def inspect(
    words: Annotated[list[str], typer.Argument(metavar="PATH...", help=WORDS, show_default=False)],
    limit: Annotated[
        int | None, typer.Option("--limit", help="Inspect only this many samples, spread evenly.", show_default=False)
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="FILE.yaml",
            help="Of a table: write the kinds of its columns, to edit and to train with: signal.columns=@FILE.yaml.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of the same name.")] = False,
    as_json: AsJson = False,
    plugins: Plugins = None,
) -> None:
    """Show what a data set contains, and which recipes and settings fit it."""
    from ganforge.core.errors import UserError
    from ganforge.recipes.fitting import inspection
    from ganforge.registry import load_all
    from ganforge.ui.console import say, stdout

    if limit is not None and limit < 1:
        raise UserError(f"--limit {limit}: it must be at least 1", code="cli.out_of_range")
    check_new(save, force=force)
    load_all()
    found = inspection(source_of(*words).whole().open(), limit)
    if save is not None:
        save_columns(found.facts, save)
    if as_json:
        emit(found.facts)
        return
    console = stdout()
    for part in (*found.shown(), *(f"- {hint}" for hint in found.hints)):
        if isinstance(part, str):
            say(part, console)
        else:
            console.print(part)


def save_columns(facts: Mapping[str, Any], path: Path) -> None:
    """Writes the kinds of a table's columns as YAML, each with what is in the column as a comment.

    Raises:
        UserError: the data has no columns with kinds, or the file cannot be written.
    """
    import yaml

    from ganforge.core.errors import UserError
    from ganforge.core.files import atomic_file

    columns = facts.get("columns") or []
    if not columns or not all("kind" in column for column in columns):
        raise UserError(
            f"--save {path}: this data has no columns whose kinds could be edited; that is for tables",
            code="signal.no_columns",
        )
    lines = [
        f"# The columns of {facts['name']}. Change what is wrong, delete what is right, and train with",
        f"#   ganforge train data={facts['name']} signal.columns=@{path}",
        f"# Kinds: {', '.join(facts['kinds'])}",
    ]
    for column in columns:
        entry = yaml.safe_dump({column["name"]: column["kind"]}, allow_unicode=True, width=10_000).rstrip("\n")
        comment = " ".join(str(column.get("values", "")).split())
        lines.append(f"{entry}  # {column.get('distinct', '?')} distinct: {comment}" if "\n" not in entry else entry)
    with output_to(path), atomic_file(path) as file:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@app.command("pack")
def pack(
    path: Where,
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The zip to write; with --shards the folder.", show_default=False)
    ],
    shards: Annotated[
        str | None,
        typer.Option(
            "--shards",
            help="Write a folder of tar files (WebDataset) of about this size, for example 1GB.",
            show_default=False,
        ),
    ] = None,
    duplicates: Annotated[bool, typer.Option("--duplicates", help="Keep images with identical pixels.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a file of the same name.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write a clean copy: PNG files, and JPEGs as they are, without damaged files and duplicates.

    By default a zip with class folders; with --shards a folder of tar shards, for data larger than memory.
    """
    from ganforge.core.errors import UserError
    from ganforge.core.refusals import PartlyDone
    from ganforge.registry import load_all
    from ganforge.signals import signal_of
    from ganforge.ui.console import stdout

    size = None if shards is None else bytes_of(shards)
    if shards is None and out.suffix.lower() != ".zip":
        raise UserError(f"{out}: the name must end in .zip", code="output.wrong_extension")
    load_all()
    dataset = source_of(path).open()
    refused, said, error = (), [], None
    try:
        said = signal_of(dataset).pack(dataset, out, duplicates=duplicates, force=force, shards=size)
    except PartlyDone as partly:
        refused, said, error = partly.refused, partly.said, partly
    if as_json:
        files = [out] if out.is_file() else sorted(out.iterdir())
        emit({"out": out, "bytes": sum(file.stat().st_size for file in files), "messages": said, "refused": refused})
    else:
        for line in said:
            stdout().print(line, soft_wrap=True)
    if error is not None:
        raise error


SIZES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
LEAST_SHARD = 10_000  # bytes


def bytes_of(text: str) -> int:
    """1GB → 1,000,000,000.

    Raises:
        UserError: it is not a size, or too small for a shard.
    """
    from ganforge.core.errors import UserError

    number = text.upper().rstrip("KMGTB ")
    unit = text.upper().removeprefix(number).strip()
    try:
        size = int(float(number) * SIZES[unit])
    except (ValueError, KeyError):
        size = 0
    if size < LEAST_SHARD:
        raise UserError(f"--shards {text}: expected a size of at least 10KB, such as 1GB", code="cli.out_of_range")
    return size


def _is_field(word: str) -> bool:
    return "=" in word


def source_of(*words: str) -> DataSource:
    """The data source that words on the command line stand for: one path or name, two paths of a pair, and
    fields."""
    from ganforge.core.component import build
    from ganforge.core.errors import UserError
    from ganforge.core.overrides import split
    from ganforge.data.base import DataSource

    if len(words) == 1 and ("=" not in words[0] or Path(words[0]).exists()):
        return build(DataSource, DataSource.from_text(words[0]), what=words[0])
    fields = {".".join(path).removeprefix("data."): value for path, value in map(split, filter(_is_field, words))}
    paths = [word for word in words if not _is_field(word)]
    if len(paths) == 1 and "kind" not in fields:
        return build(DataSource, {**DataSource.from_text(paths[0]), **fields}, what=" ".join(words))
    kind = fields.setdefault("kind", "pairs")
    known = DataSource.kinds[kind].words if kind in DataSource.kinds else ()
    if len(paths) > len(known):
        raise UserError(
            f"{' '.join(paths)}: got {len(paths)} paths; data of the kind {kind} takes {len(known)}",
            code="data.too_many_paths",
        )
    return build(DataSource, {**fields, **dict(zip(known, paths, strict=False))}, what=" ".join(words))
