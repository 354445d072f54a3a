"""Scores in a terminal: of one evaluation, and of several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from ganforge.evaluation.compare import RunComparison
    from ganforge.evaluation.evaluate import Evaluation
    from ganforge.metrics.base import Result

NARROW = 100
"""In a terminal with fewer columns, results are printed line by line, since a table would cut names and protocols."""

WIDEST = 6
"""Maximum number of metrics in the columns of a table; more are shown as rows."""


def show_one(done: Evaluation, console: Console) -> None:
    """Prints the results, problems that were found, and the path of the report."""
    from ganforge.evaluation.report.values import shared
    from ganforge.ui.console import say

    if console.width < NARROW:
        show_lines(score_lines(done), console)
    else:
        console.print(score_table(done))
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


def score_table(done: Evaluation) -> Table:
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


def score_lines(done: Evaluation) -> list[str]:
    """The content of `score_table` as lines of any length, for terminals that are too narrow for a table."""
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
