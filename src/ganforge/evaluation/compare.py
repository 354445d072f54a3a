"""Several runs side by side: a table, a page, and why some of their scores cannot be compared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.artifacts.protocols import PER_RUN, protocol_of
from ganforge.core.errors import UserError
from ganforge.core.files import check_folder
from ganforge.core.language import joined, language_for, phrase
from ganforge.evaluation.asked import is_model, not_a_run
from ganforge.evaluation.evaluate import Evaluation, evaluate
from ganforge.evaluation.output import JSON, to_json, write_pair
from ganforge.evaluation.report import beside
from ganforge.evaluation.report.values import uncertainty
from ganforge.evaluation.report.words import stem_of
from ganforge.metrics.base import Progress, Result


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


def compare(
    sources: Sequence[Path], out: Path | None, progress: Progress, language: str | None = None, **options: Any
) -> RunComparison:
    """Evaluates each run, and writes a page that compares them.

    What is no run is passed over and named: `runs/*` may hold more than runs.

    Args:
        out: where the page goes, with the report of each run in a folder of the run's name; by default the folder
            `comparison` beside the first run, and each report to its run, whose earlier report it replaces.
        language, options: as `evaluate` takes them.

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
            found.append(evaluate(source, out=folder, progress=progress, language=language, **options))
        except UserError as error:
            left_out[str(source)] = str(error)
    progress("runs", len(sources), len(sources))
    if not found:
        reasons = "\n  ".join(f"{name}: {why}" for name, why in left_out.items())
        raise UserError(f"none of these can be evaluated:\n  {reasons}", code="evaluate.no_runs")
    notes = tuple(differences(found))
    page = beside.render(found, columns_of(found), left_out, notes, language_for(language))
    written = write_pair(target, page, to_json([(one.title, one.results) for one in found]))
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


def columns_of(evaluations: Sequence[Evaluation]) -> list[beside.Column]:
    """The scores that any run has, under the name that all agree on, or as `fd10k[differ]` where they do not."""
    by_stem: dict[str, list[tuple[int, Result]]] = {}
    for k, evaluation in enumerate(evaluations):
        for result in evaluation.results:
            by_stem.setdefault(result.name.split("[")[0], []).append((k, result))
    columns = []
    for short, entries in by_stem.items():
        names = {result.name for _, result in entries}
        values: list[float | None] = [None] * len(evaluations)
        spreads: list[float | None] = [None] * len(evaluations)
        for k, result in entries:
            values[k], spreads[k] = result.value, uncertainty(result.detail)
        alike = len({protocol_of(result.protocol) for _, result in entries}) == 1
        best = beside.best_of(short, values, spreads) if alike else None
        name = names.pop() if len(names) == 1 else f"{short}[differ]"
        columns.append(beside.Column(name, tuple(values), tuple(spreads), best))
    return columns


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
        phrase(
            "{metrics}: not to be compared between all of these runs, since their protocols differ in {entries}.",
            metrics=joined(stems),
            entries=joined(apart),
        )
        for apart, stems in stems_of.items()
    ]
