"""What an evaluation writes: report.json, report.html, and the command that reproduces the values."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.core.commands import command, with_plugins
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_files, output_to
from ganforge.core.names import writable
from ganforge.core.version import __version__
from ganforge.evaluation.asked import text_of
from ganforge.evaluation.report.content import Report
from ganforge.evaluation.report.page import render
from ganforge.metrics.base import Extractor, Metric, Result
from ganforge.registry import PLUGIN_FILES

JSON, HTML = "report.json", "report.html"


def write(report: Report, results: Sequence[Result], folder: Path, language: str) -> tuple[Path, Path]:
    """Writes both files, whole or not at all; those of an earlier evaluation are replaced.

    Args:
        language: of the page, a key of `LANGUAGES`.

    Raises:
        UserError: the disk is full, or permission denied.
    """
    return write_pair(folder, render(report, language), to_json([(report.title, results)]))


def to_json(evaluations: Sequence[tuple[str, Sequence[Result]]]) -> str:
    """What report.json holds: {ganforge, results}, each result with the run (or the sets) that it is of."""
    results = [{"run": title, **plain_result(result)} for title, results in evaluations for result in results]
    text = json.dumps({"ganforge": __version__, "results": results}, ensure_ascii=False, indent=2, allow_nan=False)
    return writable(text)


def results_in(path: Path) -> list[dict[str, Any]]:
    """The results in a report.json.

    Raises:
        UserError: it is none, or of an earlier version.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))["results"]
        return [{name: one[name] for name in ("run", "name", "value", "protocol")} for one in found]
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{path}: not a ganforge report ({type(error).__name__}: {error}). Evaluate the run again, or delete it",
            code="report.invalid",
        ) from None


def plain_result(result: Result) -> dict[str, Any]:
    """For JSON, which cannot hold a value that is not finite: it becomes null."""
    return result.to_plain() | {"value": plain_number(result.value)}


def plain_number(value: float) -> float | None:
    """None for what is not finite."""
    return float(value) if math.isfinite(value) else None


def write_pair(folder: Path, page: str, plain: str) -> tuple[Path, Path]:
    """Both files, whole or not at all.

    Raises:
        UserError: as `write`.
    """
    with output_to(folder), atomic_files(folder) as partial:
        (partial / HTML).write_text(page, encoding="utf-8")
        (partial / JSON).write_text(plain + "\n", encoding="utf-8")
    return folder / HTML, folder / JSON


def command_of(
    source: Path | str,
    against: Path | str | None,
    metrics: Sequence[Metric],
    features: str | Extractor,
    seed: int,
    more: Mapping[str, Path | str | int | None],
) -> str:
    """The command that reproduces these values; of `more`, the options that have a value."""
    words: list[str] = [str(source)]
    if against is not None:
        words.append(str(against))
    words += ["--metrics", ",".join(text_of(metric) for metric in metrics)]
    if features and isinstance(features, str):
        words += ["--features", features]
    words += [word for name, value in more.items() if value is not None for word in (name, str(value))]
    return with_plugins(command("evaluate", *words, "--seed", seed), PLUGIN_FILES)
