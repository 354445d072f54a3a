"""`ganforge evaluate`: metrics of a run, of two sets of samples, or of several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.ui.options import Device, Language, Plugins, Quiet, examples
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ganforge.evaluation.compare import RunComparison
    from ganforge.evaluation.evaluate import Evaluation
    from ganforge.metrics.base import Result

EPILOG = examples(
    "ganforge evaluate runs/0003-dcgan",
    "ganforge evaluate runs/0003-dcgan --metrics fid50k,kid,is,pr,dc --features inception --weights FILE",
    "ganforge evaluate photos/ generated/ --out report/",
    "ganforge evaluate photos/ restored/ --metrics 'psnr(channel=Y,crop=4),ssim' --out report/",
    "ganforge evaluate adult.csv synthetic.csv --target income --out report/",
    "ganforge evaluate runs/*",
)


NARROW = 100
"""In a terminal with fewer columns, results are printed line by line, since a table would cut names and protocols."""

WIDEST = 6
"""Maximum number of metrics in the columns of a table; more are shown as rows."""


def evaluate(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN... | REAL OTHER",
            help="A run directory or model file; several of them, to compare them; or two data sets (folders, zips, "
            "arrays, tables, named sets), the real one first.",
            show_default=False,
        ),
    ],
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            help="Metrics, separated by commas, with options in parentheses: fd10k,kid,pr or "
            "'psnr(channel=Y,crop=4),ssim'. Default: those that suit the data. For psnr, ssim, lpips, texture and "
            "sharpness, the images of two data sets are paired by file name.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help="Feature extractor: inception, dinov2, clip, ... Default: a small net that is trained once on the "
            "real samples and needs no download.",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Weights file of the extractor.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for report.html and report.json, which are replaced. Default: RUN/evaluation; for several "
            "runs, the folder `comparison` next to them. With --out, the reports in RUN/evaluation do not change.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--number",
            help="Number of generated samples. Default: 10,000, or as set by the metrics (fd50k); for a table, its "
            "number of rows.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Random seed; the same seed gives the same values on the same machine.")
    ] = 0,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="Real samples to evaluate runs against, instead of the training data. For pairs: "
            '"source=FOLDER target=FOLDER".',
            show_default=False,
        ),
    ] = None,
    heldout: Annotated[
        str | None,
        typer.Option(
            "--heldout",
            help="Real samples that were not used in training; needed only if the data has no test part.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", help="Resize the images of two data sets to this size in pixels.", show_default=False),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="Convert the images of two data sets to L, RGB or RGBA.", show_default=False),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            help="For tables: the column that models learn to predict (metric `usefulness`). Default: the target "
            "set in training.",
            show_default=False,
        ),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch", help="Samples generated at a time. Default: 64, or 4,096 rows or points.", show_default=False
        ),
    ] = None,
    device: Device = None,
    lang: Language = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a run, or compare two data sets or several runs. Prints metrics and writes an HTML report."""
    from dataclasses import replace

    from ganforge.core.progress import Stages
    from ganforge.core.refusals import PartlyDone
    from ganforge.evaluation import compare as comparison
    from ganforge.evaluation.asked import is_model
    from ganforge.evaluation.evaluate import evaluate as run_evaluation
    from ganforge.registry import load_all
    from ganforge.ui.console import stdout

    load_all()
    names = None if metrics is None else split(metrics)
    options = {
        "metrics": names, "features": features, "weights": weights, "n": n, "seed": seed, "data": data,
        "heldout": heldout, "size": size,
        "mode": mode, "target": target, "batch": batch, "device": device,
        "language": lang,
    }  # fmt: skip
    runs = [source for source in sources if is_model(Path(source))]
    with Stages(quiet=quiet) as progress:
        if len(sources) == 1 or (len(sources) == 2 and not runs):
            done = run_evaluation(sources[0], *sources[1:], out=out, progress=progress, **options)
        else:
            done = comparison.compare([Path(source) for source in sources], out, progress, **options)
    several = isinstance(done, comparison.RunComparison)
    each = done.evaluations if isinstance(done, comparison.RunComparison) else (done,)
    if as_json:
        emit(plain_figures(each))
    elif isinstance(done, comparison.RunComparison):
        show_several(done, stdout())
    else:
        show_one(done, stdout())
    refused = [replace(one, what=f"{e.title}: {one.what}" if several else one.what) for e in each for one in e.refused]
    if refused:
        places = ", ".join(str(e.json.with_name("refused.json")) for e in each if e.refused and e.json is not None)
        raise PartlyDone(refused, places)


def plain_figures(evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """All results in the format of `report.json`, each with the name of its run."""
    from ganforge.evaluation.output import plain_result

    return [{"run": one.title, **plain_result(result)} for one in evaluations for result in one.results]


def show_one(done: Evaluation, console: Console) -> None:
    """Prints the results, problems that were found, and the path of the report."""
    from ganforge.evaluation.report.values import shared
    from ganforge.ui.console import say

    if console.width < NARROW:
        show_lines(figure_lines(done), console)
    else:
        console.print(figures(done))
        common = shared([result.protocol for result in done.results])
        if common:
            console.print(f"all: {provenance(common)}", soft_wrap=True)
    for finding in done.report.findings:
        if finding.level in ("bad", "warn"):
            say(f"{finding.title}: {finding.why}", console, "yellow")
    console.print(f"report: {done.html}", soft_wrap=True)


def show_several(done: RunComparison, console: Console) -> None:
    """Prints the runs side by side, what was left out or is not comparable, and the path of the report."""
    from ganforge.ui.console import say

    if console.width < NARROW:
        show_lines(run_lines(done.evaluations), console)
    else:
        console.print(side_by_side(done.evaluations))
    for name, why in done.left_out.items():
        say(f"left out: {name}: {why}", console, "yellow")
    for note in done.notes:
        say(note, console, "yellow")
    console.print(f"comparison: {done.html}", soft_wrap=True)


def show_lines(lines: Sequence[str], console: Console) -> None:
    """Prints lines, wrapped between words, but never within the name of a metric or an entry of a protocol."""
    from textwrap import TextWrapper

    for line in lines:
        indent = " " * (len(line) - len(line.lstrip()))
        wrapper = TextWrapper(
            console.width, subsequent_indent=f"{indent}  ", break_long_words=False, break_on_hyphens=False
        )
        console.print("\n".join(wrapper.wrap(line) or [""]), soft_wrap=True)


def split(text: str) -> list[str]:
    """`fd50k, psnr(channel=Y, crop=4)` → ["fd50k", "psnr(channel=Y, crop=4)"].

    Raises:
        UserError: an empty name.
    """
    from ganforge.core.errors import UserError
    from ganforge.core.overrides import parts

    names = parts(text, ",")
    if not all(names):
        raise UserError(
            f"--metrics {text}: expected names separated by commas, for example fd10k,kid,pr", code="metric.empty_name"
        )
    return names


def figures(done: Evaluation) -> Table:
    """A table of names, values, directions and protocols, without the entries that all protocols share."""
    from rich.table import Table
    from rich.text import Text

    from ganforge.evaluation.report.values import shared
    from ganforge.evaluation.report.words import meaning_of

    common = shared([result.protocol for result in done.results])
    table = Table(box=None, padding=(0, 2, 0, 0), title=done.title, title_justify="left")
    table.add_column("metric", overflow="fold", style="bold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("better", no_wrap=True)
    table.add_column("protocol", overflow="fold", min_width=28)
    for result in done.results:
        own = {name: value for name, value in result.protocol.items() if name not in common}
        lines = [Text(provenance(own))] + [Text(note, "yellow") for note in result.detail.get("notes", ())]
        meaning = meaning_of(result.name)
        at = f" {meaning.ideal:g}" if meaning.direction in ("near", "at most") else ""
        table.add_row(result.name, shown_value(result), meaning.direction + at, Text("\n").join(lines))
    return table


def figure_lines(done: Evaluation) -> list[str]:
    """The content of `figures` as lines of any length, for terminals that are too narrow for a table."""
    from ganforge.evaluation.report.values import shared
    from ganforge.evaluation.report.words import meaning_of

    common = shared([result.protocol for result in done.results])
    lines = [done.title]
    for result in done.results:
        meaning = meaning_of(result.name)
        better = f"  ({meaning.better})" if meaning.better else ""
        lines.append(f"{result.name}  {shown_value(result)}{better}")
        own = provenance({name: value for name, value in result.protocol.items() if name not in common})
        lines += [f"    {line}" for line in (own, *result.detail.get("notes", ())) if line]
    return [*lines, f"all: {provenance(common)}"] if common else lines


def run_lines(evaluations: Sequence[Evaluation]) -> list[str]:
    """The content of `side_by_side` as lines: a value per line under the name of each run; a star marks the best."""
    from ganforge.evaluation.compare import columns_of

    columns = columns_of(evaluations)
    lines = []
    for k, evaluation in enumerate(evaluations):
        lines.append(evaluation.title)
        lines += [f"    {c.name}  {' '.join(c.cell(k)).rstrip()}{' *' if k == c.best else ''}" for c in columns]
    return lines


def provenance(protocol: Mapping[str, Any]) -> str:
    from ganforge.evaluation.report.values import plain, short_hash

    return ", ".join(f"{name} {short_hash(plain(value))}" for name, value in protocol.items() if value != "")


def before(result: Result) -> str:
    """The value of the baseline, if there is one: `28.43 → `."""
    from ganforge.evaluation.report.values import number

    baseline = result.detail.get("baseline")
    return f"{number(baseline['value'])} → " if baseline else ""


def shown_value(result: Result) -> str:
    """The value, preceded by the value of the baseline and followed by its uncertainty."""
    from ganforge.evaluation.report.values import number, spread

    return f"{before(result)}{number(result.value)} {spread(result.detail)}".rstrip()


def side_by_side(evaluations: Sequence[Evaluation]) -> Table:
    """One row per run and one column per metric; with many metrics, one row per metric. The best value of each metric
    is green if its lead is larger than its uncertainty."""
    from rich.table import Table
    from rich.text import Text

    from ganforge.evaluation.compare import columns_of

    columns = columns_of(evaluations)
    runs = range(len(evaluations))
    cells = [[Text(" ".join(c.cell(k)).rstrip(), "green" if k == c.best else "") for k in runs] for c in columns]
    table = Table(box=None, padding=(0, 2, 0, 0))
    if len(columns) > WIDEST:
        table.add_column("metric", style="bold", overflow="fold")
        for evaluation in evaluations:
            table.add_column(evaluation.title, justify="right", overflow="fold")
        for column, row in zip(columns, cells, strict=True):
            table.add_row(column.name, *row)
        return table
    table.add_column("run", style="bold", overflow="fold")
    for column in columns:
        table.add_column(column.name, justify="right", overflow="fold")
    for k, evaluation in enumerate(evaluations):
        table.add_row(evaluation.title, *(row[k] for row in cells))
    return table


VERB = Verb(evaluate, order=50, epilog=EPILOG)
