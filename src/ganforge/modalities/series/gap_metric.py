"""How good filled gaps are, beside rules that need no model: of blocks that were removed from windows on purpose.

    gap_crps, gap_energy, gap_coverage   as the scores of forecasts (`forecast_metric`), over the removed values
    gap_error                            mean absolute error of the median

    linear           a straight line across the gap
    persistence      the value before the gap
    seasonal naive   the last season before the gap, again and again

Each rule is a distribution: errors that it makes in training windows with the same gap are added, whole blocks at once.
All in units of the standard deviation of each column in training; categories do not count.

N: windows, M: fillings, T: steps, S: steps of a gap, C: columns of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ganforge.core.language import joined, phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.series import baselines
from ganforge.modalities.series.forecast_metric import covered, crps, energy
from ganforge.modalities.series.windows import words_of

RULES = {
    "linear": phrase("linear interpolation"),
    "persistence": phrase("persistence"),
    "seasonal_naive": phrase("seasonal naive"),
}
MOST_ERRORS = 4_000


def ruled(rule: str, windows: np.ndarray, first: int, size: int, season: int) -> np.ndarray:
    """What a rule fills into the gap of steps first to first + size, [N, S, C]."""
    if rule == "linear":
        before, after = windows[:, first - 1], windows[:, first + size]
        share = (np.arange(1, size + 1) / (size + 1))[None, :, None]
        return before[:, None] * (1 - share) + after[:, None] * share
    back = season if rule == "seasonal_naive" and season <= first else 1
    return windows[:, first - back + np.arange(size) % back]


class GapScores(Metric, kind="imputation"):
    """CRPS, energy score, coverage and error of filled gaps, beside a line, persistence and seasonal naive."""

    signals: ClassVar[tuple[str, ...]] = ("series",)
    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "gap_crps": Meaning("Error of filled gaps as distributions, in standard deviations of the column.", "lower"),
        "gap_energy": Meaning("The same of all values of a gap together.", "lower"),
        "gap_coverage": Meaning("Share of removed values within the middle 80 % of the fillings.", "near", 0.8),
        "gap_error": Meaning("Mean absolute error of the median of the fillings.", "lower"),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        numbers = [k for k, c in enumerate(comparison.facts["columns"]) if not words_of(c)]
        windows, made = comparison.samples("real"), comparison.samples("fake", self.n)
        train = comparison.samples("train")[..., numbers]
        windows, made = windows[: len(made), :, numbers], made[..., numbers]
        scale = np.nanstd(train.reshape(-1, train.shape[2]), 0)
        scale = np.where(scale > 0, scale, 1.0)
        train, windows, made = train / scale, windows / scale, made / scale
        season = baselines.season_of((comparison.facts.get("clock") or {}).get("step"), windows.shape[1])
        draws = comparison.draws("gap rules")
        removed = ~np.isnan(made[:, 0])  # [N, T, C]
        sums: dict[str, dict[str, list[np.ndarray]]] = {name: {v: [] for v in self.values} for name in ("", *RULES)}
        by_size: dict[str, dict[int, float]] = {name: {} for name in ("", *RULES)}
        blocks = np.array([(int(w.any(1).argmax()), int(w.any(1).sum())) for w in removed])  # first step, steps
        for first, size in np.unique(blocks, axis=0):
            rows = (blocks == (first, size)).all(1)
            columns = removed[rows][0].any(0)
            block = slice(first, first + size)
            real, seen = windows[rows][:, block][..., columns], windows[rows][..., columns]
            known = train[..., columns]
            known = known[~np.isnan(known).any((1, 2))]
            known = known[draws.permutation(len(known))[:MOST_ERRORS]]
            for name in sums:
                if name:
                    errors = known[:, block] - ruled(name, known, first, size, season)
                    at = draws.integers(len(errors), size=made[rows].shape[:2])
                    paths = ruled(name, seen, first, size, season)[:, None] + errors[at]
                else:
                    paths = made[rows][:, :, block][..., columns]
                found = measured(paths, real)
                by_size[name][int(size)] = float(found["gap_crps"].mean())
                for value, part in found.items():
                    sums[name][value].append(part)
        means = {
            name: {value: float(np.concatenate(parts).mean()) for value, parts in found.items()}
            for name, found in sums.items()
        }
        protocol = comparison.protocol(self.n) | {
            "gaps": sorted({int(size) for _, size in blocks}), "paths": made.shape[1], "season": season,
        }  # fmt: skip
        results = []
        for value, figure in means[""].items():
            detail: dict[str, Any] = {name: means[name][value] for name in RULES}
            beside = [phrase("{name} {value:.4g}", name=RULES[name], value=detail[name]) for name in RULES]
            detail["notes"] = [joined(beside)]
            if value == "gap_crps":
                detail["by_length"] = {name or "model": sizes for name, sizes in by_size.items()}
            results.append(Result(f"{value}[{len(made)}]", figure, protocol, detail))
        return results


def measured(paths: np.ndarray, real: np.ndarray) -> dict[str, np.ndarray]:
    """The values of some gaps of one length; values that the data lacks do not count.

    Args:
        paths: [N, M, S, C]. real: [N, S, C].
    """
    there = ~np.isnan(real) & ~np.isnan(paths).any(1)
    whole = there.all((1, 2))
    paths, real = np.nan_to_num(paths), np.nan_to_num(real)
    return {
        "gap_crps": crps(paths, real)[there],
        "gap_energy": energy(paths, real)[whole],
        "gap_coverage": covered(paths, real)[there].astype(float),
        "gap_error": np.abs(np.median(paths, 1) - real)[there],
    }
