"""A column in the real table and among generated rows, as a histogram."""

from __future__ import annotations

import numpy as np

from ganforge.core.language import phrase
from ganforge.core.plot import charts
from ganforge.core.plot.drawing import Drawing

BINS = 24
SHOWN = 14  # values of a column of categories
SPIKE = 0.1  # share of a single number that is shown by itself


def edges_of(real: np.ndarray, whole: bool) -> np.ndarray:
    """Edges of bins over all of a column but its outermost hundredth; whole numbers get bins of whole width.

    Args:
        real: float64 [N], nothing missing.
    """
    low, high = np.quantile(real, [0.005, 0.995])
    if whole:
        step = max(1, int(np.ceil((high - low + 1) / BINS)))
        return np.arange(np.floor(low) - 0.5, high + step, step)
    if high <= low:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, BINS + 1)


def histogram(real: np.ndarray, fake: np.ndarray, whole: bool, dates: bool, name: str) -> Drawing:
    """Shares of the values in bins.

    Args:
        real, fake: float64 [N] and [M], nothing missing. What lies beyond the bins counts in the outermost ones.
        name: of the horizontal axis.
    """
    edges = edges_of(real, whole)
    often, share = most_frequent(real)
    note: str = ""
    if share >= SPIKE:  # in a bin with others, one would not see it
        generated = np.mean(fake == often) if len(fake) else 0
        note = phrase(
            "{value} alone: real {real:.1%}, generated {fake:.1%}",
            value=as_text(often, whole, dates), real=share, fake=generated,
        )  # fmt: skip
    first, last = (edges[0] + 0.5, edges[-1] - 0.5) if whole else (edges[0], edges[-1])
    axis = [as_text(value, whole, dates) for value in (first, (first + last) / 2, last)]
    shares = in_bins(real, edges), in_bins(fake, edges)
    return charts.legend(charts.histogram(*shares, axis, note=note, across=name, up=phrase("share of rows")))


def bars(names: list[str], real: list[float], fake: list[float]) -> Drawing:
    """Shares of categories."""
    return charts.legend(charts.bars(names, {"real": real, "fake": fake}, "{:.1%}".format))


def most_frequent(values: np.ndarray) -> tuple[float, float]:
    """The value that occurs most often, and its share."""
    found, counts = np.unique(values, return_counts=True)
    k = int(counts.argmax())
    return float(found[k]), float(counts[k] / len(values))


def in_bins(values: np.ndarray, edges: np.ndarray) -> list[float]:
    """The share of the values in each bin."""
    inner = np.nextafter(edges[-1], edges[0])
    counts, _ = np.histogram(values.clip(edges[0], inner), edges)
    return (counts / max(len(values), 1)).tolist()


def as_text(value: float, whole: bool, dates: bool) -> str:
    """A number, or a date from seconds since 1970."""
    if dates:
        return str(np.datetime64(round(value), "s"))[:16].replace("T00:00", "").replace("T", " ")
    return f"{round(value):,}" if whole else f"{value:,.4g}" if abs(value) < 1e5 else f"{value:.3g}"
