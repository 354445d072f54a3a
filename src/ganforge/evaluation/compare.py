"""Several runs side by side: a table, a page, and why some of their scores cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ganforge.core.errors import UserError
from ganforge.core.names import writable
from ganforge.evaluation.asked import is_model, not_a_run
from ganforge.evaluation.evaluate import Evaluation, evaluate
from ganforge.evaluation.output import JSON, plain_result, write_pair
from ganforge.evaluation.report import charts, page
from ganforge.evaluation.report.content import Chart, Finding
from ganforge.evaluation.report.words import meaning_of, stem_of
from ganforge.inference.film import check_folder
from ganforge.metrics.base import Progress

PER_RUN = ("fake", "model", "samples", "ema")
"""Protocol entries about the run itself: they may differ between runs whose scores can be compared."""


@dataclass(frozen=True)
class RunComparison:
    """Several evaluated runs side by side.

    Attributes:
        left_out: paths that are no runs, or cannot be evaluated, with the reason.
        notes: why some scores cannot be compared.
    """

    evaluations: tuple[Evaluation, ...]
    left_out: dict[str, str]
    notes: tuple[str, ...]
    html: Path
    json: Path


@dataclass(frozen=True)
class Column:
    """One metric of all runs; None where a run does not have it. `best` is the position of the best one, or None."""

    name: str
    values: tuple[float | None, ...]
    best: int | None


def compare(sources: Sequence[Path], out: Path | None, progress: Progress, **options: Any) -> RunComparison:
    """Evaluates each run, and writes a page that compares them.

    What is no run is passed over and named: `runs/*` may hold more than runs.

    Args:
        out: where the page goes, with the report of each run in a folder of the run's name; by default the folder
            `comparison` beside the first run, and each report to its run, whose earlier report it replaces.
        options: as `evaluate` takes them.

    Raises:
        UserError: none of the runs can be evaluated.
    """
    target = out if out is not None else sources[0].absolute().parent / "comparison"
    check_folder(target)
    left_out: dict[str, str] = {}
    found = []
    taken: set[str] = set()
    for k, source in enumerate(sources):
        progress("runs", k, len(sources))
        if not is_model(source):
            if not (source / JSON).is_file():  # a comparison of before
                left_out[str(source)] = not_a_run(source).split(": ", 1)[1]
            continue
        try:
            own = out is None and source.is_dir()
            folder = None if own else target / free_name(source, taken)
            found.append(evaluate(source, out=folder, progress=progress, **options))
        except UserError as error:
            left_out[str(source)] = str(error)
    progress("runs", len(sources), len(sources))
    if not found:
        reasons = "\n  ".join(f"{name}: {why}" for name, why in left_out.items())
        raise UserError(f"none of these can be evaluated:\n  {reasons}", code="evaluate.no_runs")
    notes = tuple(differences(found))
    html = page.page("Comparison", parts_of(found, left_out, notes, target))
    plain = [{"run": one.title, **plain_result(result)} for one in found for result in one.results]
    written = write_pair(target, html, writable(json.dumps(plain, ensure_ascii=False, indent=2, allow_nan=False)))
    return RunComparison(tuple(found), left_out, notes, *written)


def free_name(source: Path, taken: set[str]) -> str:
    """What a run is called in a comparison: its own name, with a number where others have the same one. It is then
    taken."""
    own = source.absolute().name if source.is_dir() else source.stem
    name, again = own, 2
    while name in taken:
        name, again = f"{own}-{again}", again + 1
    taken.add(name)
    return name


def columns_of(evaluations: Sequence[Evaluation]) -> list[Column]:
    """The scores that any run has, under the name that all agree on, or as `fd10k[differ]` where they do not."""
    by_stem: dict[str, list[tuple[int, str, float, dict[str, Any]]]] = {}
    for k, evaluation in enumerate(evaluations):
        for result in evaluation.results:
            by_stem.setdefault(result.name.split("[")[0], []).append((k, result.name, result.value, result.protocol))
    columns = []
    for short, entries in by_stem.items():
        names = {name for _, name, _, _ in entries}
        values: list[float | None] = [None] * len(evaluations)
        for k, _, value, _ in entries:
            values[k] = value
        alike = len({protocol_of(protocol) for _, _, _, protocol in entries}) == 1
        best = best_of(short, values) if alike else None
        columns.append(Column(names.pop() if len(names) == 1 else f"{short}[differ]", tuple(values), best))
    return columns


def protocol_of(protocol: dict[str, Any]) -> str:
    """What must agree for two scores to be compared."""
    return json.dumps({k: v for k, v in protocol.items() if k not in PER_RUN}, sort_keys=True)


def best_of(name: str, values: Sequence[float | None]) -> int | None:
    """The position of the best of at least two scores."""
    meaning = meaning_of(name)
    if sum(value is not None and value == value for value in values) < 2:
        return None
    best, place = None, None
    for k, value in enumerate(values):
        if meaning.is_better(value, best):
            best, place = value, k
    return place


def differences(evaluations: Sequence[Evaluation]) -> list[str]:
    """Which protocol entries differ between scores of one name."""
    of_stem: dict[str, list[dict[str, Any]]] = {}
    for evaluation in evaluations:
        for result in evaluation.results:
            of_stem.setdefault(stem_of(result.name), []).append(result.protocol)
    stems_of: dict[tuple[str, ...], list[str]] = {}  # by what keeps them apart
    for stem, protocols in of_stem.items():
        keys = {key for protocol in protocols for key in protocol if key not in PER_RUN}
        apart = [k for k in sorted(keys) if len({json.dumps(p.get(k), sort_keys=True) for p in protocols}) > 1]
        if apart:
            stems_of.setdefault(tuple(apart), []).append(stem)
    return [
        f"{', '.join(stems)}: not to be compared between all of these runs, since their protocols differ in "
        f"{', '.join(apart)}."
        for apart, stems in stems_of.items()
    ]


def parts_of(
    evaluations: Sequence[Evaluation], left_out: dict[str, str], notes: Sequence[str], target: Path
) -> list[str]:
    """The page from the top."""
    columns = columns_of(evaluations)
    head = "".join(
        f'<th style="text-align:right">{page.text(column.name)}<span class="better">'
        f"{page.text(meaning_of(column.name).better)}</span></th>"
        for column in columns
    )
    rows = []
    for k, one in enumerate(evaluations):
        cells = "".join(
            f'<td class="value{" best" if k == column.best else ""}">{page.number(column.values[k])}</td>'
            for column in columns
        )
        faults = [finding for finding in one.report.findings if finding.level in ("bad", "warn")]
        said = "; ".join(finding.title for finding in faults) or "its scores show no fault"
        rows.append(
            f'<tr><td><div class="name">{page.text(one.title)}</div><div class="said">{page.text(said)}</div></td>'
            f"{cells}</tr>"
        )
    body = f"<thead><tr><th>run</th>{head}</tr></thead>{''.join(rows)}"
    facts = {"runs": str(len(evaluations))} | shared_facts(evaluations)
    findings = [Finding("warn", "scores that cannot be compared", note) for note in notes]
    findings += [Finding("note", f"left out: {name}", why) for name, why in left_out.items()]
    shown = [
        replace(panel, title=one.title)
        for one in evaluations
        for panel in one.report.panels
        if panel.title == "generated"
    ]
    stamps = page.shared([result.protocol for one in evaluations for result in one.results])
    return [
        "<h1>Comparison</h1>",
        f'<p class="lead">{len(evaluations)} runs, each evaluated on its data with one protocol.</p>'
        if not notes
        else "",
        page.facts(facts),
        page.findings(findings, "To be known first") if findings else "",
        "<h2>Figures</h2>",
        '<p class="quiet">The best of each column is green, where protocols agree. All of them:</p>',
        page.provenance(stamps),
        f'<div class="scroll"><table class="figures">{body}</table></div>',
        page.panels(shown),
        page.wall("How training went", [charts.lines(chart) for chart in overlaid(evaluations)]),
    ]


def shared_facts(evaluations: Sequence[Evaluation]) -> dict[str, str]:
    facts = [one.report.facts for one in evaluations]
    return {name: value for name, value in facts[0].items() if all(other.get(name) == value for other in facts)}


def overlaid(evaluations: Sequence[Evaluation]) -> list[Chart]:
    """Charts with a line a run, of what each run has one line of."""
    found: dict[str, dict[str, Any]] = {}
    shape: dict[str, Chart] = {}
    for one in evaluations:
        for chart in one.report.charts:
            if len(chart.series) == 1:
                shape.setdefault(chart.title, chart)
                found.setdefault(chart.title, {})[one.title] = next(iter(chart.series.values()))
    return [replace(shape[title], series=series) for title, series in found.items()]
