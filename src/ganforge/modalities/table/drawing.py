"""What one sees of a table: charts of its columns, and a row as a card."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from ganforge.modalities.table.columns import grid, kinds

if TYPE_CHECKING:
    import pandas as pd

BINS = 20
SHOWN = 12  # values of a column of categories
MOST_CHARTS = 30
ACROSS = 5
WIDE, HIGH = 220, 150  # px of a chart, with its title
PAD, TITLE, FOOT = 10, 18, 16
REAL, FAKE, GRAY = (190, 190, 190), (31, 91, 163), (110, 110, 110)
CARD, LINE = 360, 18
LATIN = 0x24F
"""The last character that Pillow's own font may know."""
FONTS = (
    "NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc",
    "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf", "PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Light.ttc",
    "msyh.ttc", "simsun.ttc", "malgun.ttf", "YuGothM.ttc", "DejaVuSans.ttf",
)  # fmt: skip
"""Files of fonts with many scripts, as systems have them; the first that is there is taken."""

Heights = tuple[list[float], list[float], str, str]
"""Real shares, those made, what stands at the left end of the axis and at the right one."""


def bins(v: np.ndarray) -> dict[str, list[float]]:
    """The histogram of a column, float64 [N] in [-1, 1]: "edges" over all but its outermost hundredth, "shares"."""
    low, high = np.quantile(v, [0.005, 0.995]).tolist()
    low, high = (low, high) if high > low else (-1.0, 1.0)
    edges = np.linspace(low, high, BINS + 1)
    return {"edges": edges.tolist(), "shares": _shares(v, edges).tolist()}


def charts(samples: Any, spec: Any) -> Pillow.Image:
    """A chart a column that is learned: real shares in gray where they are known, those of the samples in blue."""
    columns = [c for c in spec.state["columns"] if c["encoding"] != "none"][:MOST_CHARTS]
    across = min(ACROSS, len(columns))
    down = -(-len(columns) // across)
    canvas = Pillow.new("RGB", (across * WIDE, down * HIGH + FOOT), "white")
    draw = _pen(canvas, [str(v) for c in columns for v in (c["name"], *c.get("values", ()))])
    told = "gray: the real table  " if spec.state.get("measured", True) else ""
    draw.text((PAD, down * HIGH), told, fill=GRAY)
    draw.text((PAD + draw.textlength(told), down * HIGH), "blue: generated", fill=FAKE)
    for k, column in enumerate(columns):
        heights = _heights(samples[column["name"]], column, spec.state.get("measured", True))
        _chart(draw, k % across * WIDE, k // across * HIGH, heights, column["name"])
    return canvas


def card(row: Any, spec: Any) -> np.ndarray:
    """A row's values, one a line, uint8 [H, W, 3]."""
    import pandas as pd

    names = spec.state["names"]
    canvas = Pillow.new("RGB", (CARD, len(names) * LINE + 2 * PAD), "white")
    draw = _pen(canvas, [*names, *map(str, row)])
    for k, (name, value) in enumerate(zip(names, row, strict=True)):
        draw.text((PAD, PAD + k * LINE), _fits(draw, name, CARD // 2 - 2 * PAD), fill=GRAY)
        said = "(missing)" if pd.isna(value) else str(value)
        draw.text((CARD // 2, PAD + k * LINE), _fits(draw, said, CARD // 2 - PAD), fill="black")
    return np.asarray(canvas)


def _pen(canvas: Pillow.Image, texts: Iterable[str]) -> ImageDraw.ImageDraw:
    """What draws on an image, with letters for all of some texts where the system has a font of such."""
    draw = ImageDraw.Draw(canvas)
    if any(ord(letter) > LATIN for text in texts for letter in text) and (font := _font()) is not None:
        draw.font = font
    return draw


@cache
def _font() -> ImageFont.FreeTypeFont | None:
    for name in FONTS:
        try:
            return ImageFont.truetype(name, 11)
        except OSError:  # this system has another one
            continue
    return None


def _chart(draw: ImageDraw.ImageDraw, left: int, top: int, heights: Heights, name: str) -> None:
    real, fake, first, last = heights
    inner, base, tall = WIDE - 2 * PAD, top + HIGH - FOOT - 4, HIGH - TITLE - FOOT - 8
    highest = max(*real, *fake, 1e-9)
    step = inner / len(real)
    for k, (r, f) in enumerate(zip(real, fake, strict=True)):
        x = left + PAD + k * step
        if r > 0:
            draw.rectangle((x, base - r / highest * tall, x + step - 1, base), fill=REAL)
        if f > 0:
            draw.rectangle((x + step * 0.25, base - f / highest * tall, x + step * 0.75 - 1, base), fill=FAKE)
    draw.line((left + PAD, base + 1, left + WIDE - PAD, base + 1), fill=GRAY)
    draw.text((left + PAD, top + 4), _fits(draw, name, inner), fill="black")
    draw.text((left + PAD, base + 3), _fits(draw, first, inner // 2), fill=GRAY)
    draw.text((left + WIDE - PAD, base + 3), _fits(draw, last, inner // 2), fill=GRAY, anchor="ra")


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
    v = v[~np.isnan(v)].clip(edges[0], edges[-1])
    return np.histogram(v, edges)[0] / max(len(v), 1)


def _short(value: float, column: dict[str, Any]) -> str:
    if column["kind"] == "datetime":
        return str(np.datetime64(int(value), column["unit"]).astype("datetime64[D]"))
    short = float(f"{value:.4g}")
    return f"{short:,.0f}" if short == int(short) else f"{short:,}"


def _fits(draw: ImageDraw.ImageDraw, text: str, width: int) -> str:
    """The text on one line, or as much of it as has room."""
    text = " ".join(text.split())
    if draw.textlength(text) <= width:
        return text
    while text and draw.textlength(text + "...") > width:
        text = text[:-1]
    return text + "..."
