"""What one sees of a table: charts of its columns, and a row as a card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core import scratch
from ganforge.core.plot.charts import PAD, histogram, legend, tiled
from ganforge.core.plot.drawing import Drawing
from ganforge.core.plot.text import cut
from ganforge.modalities.table.columns import grid, kinds

if TYPE_CHECKING:
    import pandas as pd
    from PIL import Image

BINS = 20
SHOWN = 12  # values of a column of categories
MOST_CHARTS = 30
ACROSS = 5
WIDE, TALL = 220, 106  # px of a chart's width and of its highest bar
CARD, LINE = 360, 18

Heights = tuple[list[float], list[float], str, str]
"""Real shares, generated ones, the texts at the left and the right end of the axis."""


def bins(v: np.ndarray) -> dict[str, list[float]]:
    """The histogram of a column, float64 [N] sorted, in [-1, 1]: "edges" over all but its outermost hundredth,
    "shares"."""
    low, high = _at(v, 0.005), _at(v, 0.995)
    low, high = (low, high) if high > low else (-1.0, 1.0)
    edges = np.linspace(low, high, BINS + 1)
    return {"edges": edges.tolist(), "shares": _shares(v, edges).tolist()}


def _at(v: np.ndarray, share: float) -> float:
    """The quantile of sorted numbers as `np.quantile` has it, which would copy them."""
    place = (len(v) - 1) * share
    first = int(place)
    return float(np.quantile(v[first : first + 2], place - first)) if first + 1 < len(v) else float(v[-1])


def charts(samples: Any, spec: Any) -> Image.Image:
    """A chart a column that is learned: real shares in gray where they are known, those of the samples in blue."""
    columns = [c for c in spec.state["columns"] if c["encoding"] != "none"][:MOST_CHARTS]
    measured = spec.state.get("measured", True)
    drawn = []
    for column in columns:
        real, fake, first, last = _heights(samples[column["name"]], column, measured)
        drawn.append(histogram(real, fake, [first, last], title=column["name"], width=WIDE, tall=TALL))
    return legend(tiled(drawn, ACROSS)).image()


def card(row: Any, spec: Any) -> np.ndarray:
    """A row's values, one a line, uint8 [H, W, 3]."""
    import pandas as pd

    names = spec.state["names"]
    drawing = Drawing(CARD, len(names) * LINE + 2 * PAD)
    for k, (name, value) in enumerate(zip(names, row, strict=True)):
        y = PAD + k * LINE + 12
        drawing.text(PAD, y, cut(name, CARD // 2 - 2 * PAD))
        shown = "(missing)" if pd.isna(value) else str(value)
        drawing.text(CARD // 2, y, cut(shown, CARD // 2 - PAD), style="strong")
    return np.asarray(drawing.image())


def _heights(values: pd.Series, column: dict[str, Any], measured: bool) -> Heights:
    """Shares of the real table (0 where they are not known) and of the samples, and what stands at both ends."""
    if column["encoding"] == "onehot":
        real, fake, first, last = _picked(values, column)
        return (real if measured else [0.0] * len(real)), fake, first, last
    known = column["bins"] if measured else {"edges": np.linspace(-1, 1, BINS + 1), "shares": np.zeros(BINS)}
    numbers = kinds.as_numbers(values, column)
    edges = np.asarray(known["edges"])
    fake = _shares(grid.to_unit(numbers, column), edges)
    first, last = (_short(v, column) for v in grid.from_unit(edges[[0, -1]], column).tolist())
    real = np.asarray(known["shares"]) * (1 - column["missing"])
    return real.tolist(), (fake * float(values.notna().mean())).tolist(), first, last


def _picked(values: pd.Series, column: dict[str, Any]) -> Heights:
    from ganforge.modalities.table.columns import categories

    counts = np.asarray(column["counts"])
    found = categories.codes(values, column).astype(int)
    made = np.bincount(found[found >= 0], minlength=len(counts))
    shown = np.arange(len(counts)) if column["kind"] != "categorical" else np.argsort(-counts, kind="stable")
    shown = shown[:SHOWN] if len(shown) <= SHOWN else np.sort(np.argsort(-counts, kind="stable")[:SHOWN])
    real, fake = counts[shown] / counts.sum(), made[shown] / max(len(values), 1)
    more = "" if len(counts) <= SHOWN else f", {SHOWN} of {len(counts)}"
    first, last = (categories.printable(int(k), column) for k in shown[[0, -1]])
    return real.tolist(), fake.tolist(), first, last + more


def _shares(v: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """The share of numbers in each bin; what is beyond counts in the outermost ones."""
    counts = np.zeros(len(edges) - 1, np.int64)
    for part in scratch.pieces(len(v)):
        some = v[part]
        counts += np.histogram(some[~np.isnan(some)].clip(edges[0], edges[-1]), edges)[0]
    return counts / max(int(counts.sum()), 1)


def _short(value: float, column: dict[str, Any]) -> str:
    if column["kind"] == "datetime":
        return str(np.datetime64(int(value), column["unit"]).astype("datetime64[D]"))
    short = float(f"{value:.4g}")
    return f"{short:,.0f}" if short == int(short) else f"{short:,}"
