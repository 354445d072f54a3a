"""All that the rules of a report may read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ganforge.evaluation.report.classes import Classes
from ganforge.evaluation.report.words import stem_of


@dataclass(frozen=True)
class Evidence:
    """All that rules may read.

    Attributes:
        results: as `Result.to_plain` gives them.
        appearance: what `Signal.compare_appearance` measured, or None. classes: as measured, or None.
        events: of the run, oldest first; empty without a run.
        samples, wanted: real samples seen, and how many the recipe plans; 0 without a run.
        notes: what the page says in any case.
        run: the run directory or bundle, for commands; empty without one.
    """

    results: Sequence[Mapping[str, Any]]
    appearance: Any = None
    classes: Classes | None = None
    events: Sequence[Mapping[str, Any]] = ()
    samples: int = 0
    wanted: int = 0
    notes: Sequence[str] = ()
    run: str = ""

    def value(self, stem: str) -> float | None:
        """The first finite value of that stem."""
        for result in self.results:
            if stem_of(result["name"]) == stem and isinstance(result["value"], (int, float)):
                return float(result["value"])
        return None

    def detail_of(self, stem: str) -> Mapping[str, Any]:
        for result in self.results:
            if stem_of(result["name"]) == stem:
                return result.get("detail", {})
        return {}
