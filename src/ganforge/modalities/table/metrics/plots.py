"""What a column looks like in the real table and among generated rows, and how pairs of columns differ, as SVG.

Each plot is a whole file: its colors follow the reader's (light or dark), its letters are the reader's own fonts, so
that names in any script are shown.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape

import numpy as np

WIDE = 440
PAD, LINE = 10, 12.5  # px: around a plot; height of a letter
BINS = 24
SHOWN = 14  # values of a column of categories
NAME_ROOM = 0.38  # of the width of a chart of categories, at most
LABELLED = 45  # columns of a heat map that get names
SPIKE = 0.1  # share of a single number that is told
FULL = 0.5  # difference that has the full color
STYLE = (
    "text{font:11.5px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Noto Sans','Noto Sans CJK SC',"
    "'PingFang SC','Microsoft YaHei','Hiragino Sans','Malgun Gothic',sans-serif;fill:#5f6168}"
    ".real{fill:#b9b5ad}.fake{fill:#2f6db3}.line{stroke:#d9d5cd}.cell{fill:#c4572b}.back{fill:#f3f1ec}"
    "@media(prefers-color-scheme:dark){text{fill:#a2a6ad}.real{fill:#5d6167}.fake{fill:#6fa8e8}.line{stroke:#373b41}"
    ".cell{fill:#f0916a}.back{fill:#24272b}}"
)


def svg(width: float, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}"><style>{STYLE}</style>{"".join(parts)}</svg>'
    )


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


def histogram(real: np.ndarray, fake: np.ndarray, whole: bool, dates: bool) -> str:
    """Shares of the values in bins: real ones as gray bars, generated ones as narrower blue ones before them.

    Args:
        real, fake: float64 [N] and [M], nothing missing. What lies beyond the bins counts in the outermost ones.
    """
    edges = edges_of(real, whole)
    heights = [in_bins(values, edges) for values in (real, fake)]
    top = max(max(part) for part in heights) or 1.0
    base, tall, step = 150.0, 132.0, (WIDE - 2 * PAD) / (len(edges) - 1)
    parts = []
    for k, (r, f) in enumerate(zip(*heights, strict=True)):
        x = PAD + k * step
        parts += [
            bar("real", x, base, step - 1, r / top * tall),
            bar("fake", x + step / 4, base, step / 2 - 1, f / top * tall),
        ]
    parts.append(f'<line class="line" x1="{PAD}" x2="{WIDE - PAD}" y1="{base}" y2="{base}"/>')
    often, share = most_frequent(real)
    if share >= SPIKE:  # in a bin with others, one would not see it
        told = f"{said(often, whole, dates)} alone: {share:.1%} · {np.mean(fake == often) if len(fake) else 0:.1%}"
        parts.append(f'<text x="{WIDE - PAD}" y="12" text-anchor="end">{told}</text>')
    ends = (edges[0] + 0.5, edges[-1] - 0.5) if whole else (edges[0], edges[-1])
    for value, anchor, x in (
        (ends[0], "start", PAD), ((ends[0] + ends[1]) / 2, "middle", WIDE / 2), (ends[1], "end", WIDE - PAD)
    ):  # fmt: skip
        parts.append(f'<text x="{x}" y="{base + 16}" text-anchor="{anchor}">{said(value, whole, dates)}</text>')
    return svg(WIDE, base + 24 + 16, [*parts, *legend(base + 34)])


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


def bars(names: Sequence[str], real: Sequence[float], fake: Sequence[float]) -> str:
    """Shares of categories: two bars for each, the real one in gray above the generated one in blue."""
    top = max(*real, *fake, 1e-9)
    widths = [text_width(name) for name in names]
    room = min(max(widths) + 8, WIDE * NAME_ROOM)
    left, numbers, row = PAD + room, 84, 23
    length = WIDE - PAD - left - numbers
    parts = []
    for k, (name, r, f) in enumerate(zip(names, real, fake, strict=True)):
        y = 4 + k * row
        parts.append(f'<text x="{left - 8:.1f}" y="{y + 13}" text-anchor="end">{escape(cut(name, room - 8))}</text>')
        for kind, share, at in (("real", r, y), ("fake", f, y + 9)):
            parts.append(
                f'<rect class="{kind}" x="{left:.1f}" y="{at}" width="{share / top * length:.1f}" height="8"/>'
            )
        parts.append(f'<text x="{WIDE - PAD}" y="{y + 13}" text-anchor="end">{r:.1%} · {f:.1%}</text>')
    height = 4 + len(names) * row
    return svg(WIDE, height + 20, [*parts, *legend(height + 13)])


def heat(names: Sequence[str], differences: np.ndarray) -> str:
    """A square for each pair of columns, the darker the more the pair differs; [C, C], NaN where there is no figure."""
    count = len(names)
    labelled = count <= LABELLED
    room = min(max(text_width(name) for name in names) + 8, 130) if labelled else 4
    cell = max(4.0, min(26.0, (WIDE * 1.6 - room) / count))
    side = cell * count
    parts = [f'<rect class="back" x="{room:.1f}" y="{room:.1f}" width="{side:.1f}" height="{side:.1f}"/>']
    for i in range(count):
        for j in range(count):
            value = differences[i, j]
            if np.isfinite(value) and value > 0:
                shade = min(1.0, value / FULL)
                parts.append(
                    f'<rect class="cell" x="{room + j * cell + 0.5:.1f}" y="{room + i * cell + 0.5:.1f}" '
                    f'width="{cell - 1:.1f}" height="{cell - 1:.1f}" fill-opacity="{shade:.2f}"/>'
                )
    if labelled:
        for k, name in enumerate(names):
            at, told, end = room + (k + 0.5) * cell + 4, escape(cut(name, room - 8)), room - 5
            parts.append(f'<text x="{end:.1f}" y="{at:.1f}" text-anchor="end">{told}</text>')
            turned = f"rotate(-90 {at:.1f} {end:.1f})"
            parts.append(f'<text x="{at:.1f}" y="{end:.1f}" transform="{turned}">{told}</text>')
    y = room + side + 18
    for k in range(6):
        place = f'x="{room + k * 22:.1f}" y="{y - 9:.1f}" width="21" height="11"'
        parts += [f'<rect class="back" {place}/>', f'<rect class="cell" {place} fill-opacity="{k / 5:.1f}"/>']
    parts.append(f'<text x="{room + 140:.1f}" y="{y:.1f}">0 to {FULL:g} and more</text>')
    return svg(max(room + side + PAD, room + 260), y + 8, parts)


def bar(kind: str, x: float, base: float, width: float, height: float) -> str:
    if height <= 0:
        return ""
    y = base - height
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0.5):.1f}" height="{height:.1f}"/>'


def legend(y: float) -> list[str]:
    """What gray and blue are."""
    return [
        f'<rect class="real" x="{PAD}" y="{y - 9}" width="10" height="10"/><text x="{PAD + 15}" y="{y}">real</text>',
        f'<rect class="fake" x="{PAD + 52}" y="{y - 9}" width="10" height="10"/>'
        f'<text x="{PAD + 67}" y="{y}">generated</text>',
    ]


def said(value: float, whole: bool, dates: bool) -> str:
    """A number, or a date from seconds since 1970, as people read it."""
    if dates:
        return str(np.datetime64(round(value), "s"))[:16].replace("T00:00", "").replace("T", " ")
    return f"{round(value):,}" if whole else f"{value:,.4g}" if abs(value) < 1e5 else f"{value:.3g}"


def text_width(text: str) -> float:
    """About how wide a text is in px: letters of East Asian scripts take twice the room."""
    return sum(LINE if unicodedata.east_asian_width(c) in "WF" else LINE * 0.52 for c in text)


def cut(text: str, room: float) -> str:
    """As much of a text as fits, with an ellipsis where something is left out."""
    if text_width(text) <= room:
        return text
    while text and text_width(text) > room - LINE:
        text = text[:-1]
    return f"{text}…"
