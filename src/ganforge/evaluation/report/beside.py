"""The page of several runs beside each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ganforge.core.language import joined, phrase
from ganforge.core.plot.charts import Chart
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.page import Page, breakable, protocol, raw
from ganforge.evaluation.report.values import number, shared
from ganforge.evaluation.report.words import meaning_of

if TYPE_CHECKING:
    from ganforge.evaluation.evaluate import Evaluation

ACROSS = 10
"""Metrics that stand beside each other; further ones form another table."""


@dataclass(frozen=True)
class Column:
    """One metric of all runs.

    Attributes:
        values: one a run; None where it has none. spreads: how much each varies by chance; None where that was not
            measured.
        best: the position of the best run; None where protocols differ, or no run leads by more than the spreads.
    """

    name: str
    values: tuple[float | None, ...]
    spreads: tuple[float | None, ...]
    best: int | None

    def cell(self, run: int) -> tuple[str, str]:
        """The value of a run as text, and its spread."""
        sd = self.spreads[run]
        return number(self.values[run]), "" if sd is None else f"± {sd:.2g}"


def best_of(name: str, values: Sequence[float | None], spreads: Sequence[float | None]) -> int | None:
    """The position of the best of at least two values, if it leads each other by more than both spreads together."""
    meaning = meaning_of(name)
    known = [k for k, value in enumerate(values) if value is not None and math.isfinite(value)]
    best = None
    for k in known:
        if best is None or meaning.is_better(values[k], values[best]):
            best = k
    if best is None or len(known) < 2 or not meaning.direction:
        return None
    for k in known:
        apart = abs((values[best] or 0) - (values[k] or 0))
        both = (spreads[best] or 0) + (spreads[k] or 0)
        if k != best and 0 < both >= apart:
            return None
    return best


def render(
    evaluations: Sequence[Evaluation], columns: Sequence[Column], left_out: Mapping[str, str], notes: Sequence[str],
    language: str,
) -> str:  # fmt: skip
    """The page from the top."""
    page = Page(language)
    facts = {"runs": str(len(evaluations))} | shared_facts(evaluations)
    findings = [Finding("warn", "values that cannot be compared", note) for note in notes]
    findings += [Finding("note", phrase("left out: {name}", name=name), why) for name, why in left_out.items()]
    shown = [
        replace(panel, title=one.title, caption="")
        for one in evaluations
        for panel in one.report.panels
        if panel.title in ("generated", "source, made, real")
    ]
    lead = phrase("{count} runs, each evaluated on its data by the same protocol.", count=len(evaluations))
    alike = shared([result.protocol for one in evaluations for result in one.results])
    marked = phrase(
        "The best value of a column is marked with a star where protocols agree and its lead is larger than both "
        "uncertainties (±) together; of values without ± none was measured. The same for all of them:"
    )
    parts = [
        f"<h1>{page.text(phrase('Comparison'))}</h1>",
        "" if notes else f'<p class="lead">{page.text(lead)}</p>',
        page.facts(facts),
        page.findings(findings, phrase("Before you compare")) if findings else "",
        f"<h2>{page.text(phrase('Metrics'))}</h2>",
        f'<p class="quiet">{page.text(marked)}</p>',
        protocol(alike),
        *(table(page, evaluations, columns[k : k + ACROSS], first=k == 0) for k in range(0, len(columns), ACROSS)),
        page.panels(shown),
        page.wall(phrase("How training went"), [page.lines(chart) for chart in overlaid(evaluations)]),
    ]
    return page.whole(phrase("Comparison"), parts)


def table(page: Page, evaluations: Sequence[Evaluation], columns: Sequence[Column], first: bool) -> str:
    """A row a run, a column a metric; the first table also says what is wrong with each run."""
    tags = {column.name.partition("[")[2] for column in columns}
    heads = "".join(head(page, column.name, tagged=len(tags) > 1) for column in columns)
    rows = []
    for k, one in enumerate(evaluations):
        faults = [finding.title for finding in one.report.findings if finding.level in ("bad", "warn")]
        said = joined(faults) or phrase("nothing in its values points to a fault")
        below = f'<div class="said">{page.text(said)}</div>' if first else ""
        cells = "".join(cell(column, k) for column in columns)
        rows.append(f'<tr><td><div class="name">{breakable(one.title)}</div>{below}</td>{cells}</tr>')
    run = page.text(phrase("run"))
    return (
        f'<div class="scroll"><table class="figures compared"><thead><tr><th scope="col">{run}</th>{heads}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def head(page: Page, name: str, tagged: bool) -> str:
    """The head of a column; with the extractor's tag where columns differ in it."""
    short, _, tag = name.partition("[")
    rest = f"<span>{breakable('[' + tag)}</span>" if tag and tagged else ""
    return f'<th scope="col"><b>{breakable(short)}</b>{rest}<span>{page.text(meaning_of(name).better)}</span></th>'


def cell(column: Column, run: int) -> str:
    value, spread = column.cell(run)
    best = " best" if run == column.best else ""
    label = raw(column.name.partition("[")[0])
    return f'<td class="value{best}" data-label="{label}"><span>{value} <small>{spread}</small></span></td>'


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
