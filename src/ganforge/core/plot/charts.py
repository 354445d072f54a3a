"""Lines, histograms, bars and heat maps, each a `Drawing`."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ganforge.core.language import Phrase, phrase
from ganforge.core.plot.drawing import SERIES, Drawing
from ganforge.core.plot.text import SIZE, cut, short, text_width

Points = Sequence[tuple[float, float]]
Box = tuple[float, float, float, float]

WIDTH, HEIGHT = 520, 262
LEFT, RIGHT, TOP, BOTTOM = 52, 22, 28, 42
MOST_POINTS = 300
FEW_POINTS = 25
"""Lines with fewer points also show each point as a dot."""
PAD = 10
AXIS = 44
"""Room for the numbers of a vertical axis."""
LIGHT = 0.3
"""How strongly bars of real values are filled: their edge is what one reads."""
NAME_ROOM = 0.38
"""Maximum fraction of the width of a bar chart for the names."""
LABELED = 45
"""Maximum number of rows of a heat map with names."""
FULL = 0.5
"""The value of a heat map that is shown in full color."""


@dataclass(frozen=True)
class Chart:
    """Lines over the samples seen.

    Attributes:
        series: points (samples, value) of each line, by its name.
        bounds: bounds of the vertical axis, if it has natural ones.
        level: a reference value, shown as a dashed line, such as the accuracy of guessing.
        axis, across: titles of the vertical and the horizontal axis.
    """

    title: str
    unit: str
    series: Mapping[str, Points]
    bounds: tuple[float, float] | None = None
    level: float | None = None
    axis: str = ""
    across: Phrase = phrase("real samples seen")


def lines(chart: Chart, heading: bool = False) -> Drawing | None:
    """Draws the lines with axes and a legend; None if there is no finite point.

    Args:
        heading: show the chart's title above it.
    """
    series = {name: thinned(finite(points)) for name, points in chart.series.items()}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return None
    ys = [y for points in series.values() for _, y in points] + ([] if chart.level is None else [chart.level])
    x_high = max(x for points in series.values() for x, _ in points) or 1.0
    y_low, y_high = chart.bounds or padded(ys)
    top = TOP + (18 if heading else 0)
    bottom = top + HEIGHT - TOP - BOTTOM
    entries = [
        phrase("{name} {value}", name=name, value=short(points[-1][1])) if name else short(points[-1][1])
        for name, points in series.items()
    ]
    rows = wrapped(entries, WIDTH - LEFT - RIGHT)
    drawing = Drawing(WIDTH, bottom + BOTTOM + 17 * len(rows) + 8, chart.title)

    def place(x: float, y: float) -> tuple[float, float]:
        share = min(max((y - y_low) / (y_high - y_low), 0.0), 1.0)
        return LEFT + x / x_high * (WIDTH - LEFT - RIGHT), bottom - share * (bottom - top)

    if heading:
        drawing.text(LEFT, 16, cut(chart.title, WIDTH - LEFT), style="strong")
    for y in ticks(y_low, y_high):
        _, at = place(0, y)
        drawing.line("grid", [(LEFT, at), (WIDTH - RIGHT, at)])
        drawing.text(LEFT - 7, at + 3.5, short(y), "end")
    for x in ticks(0, x_high, 5):
        drawing.text(place(x, y_low)[0], bottom + 16, short(x), "middle")
    drawing.text(WIDTH - RIGHT, bottom + 32, chart.across, "end")
    drawing.text(2, top - 14, chart.axis)
    if y_low > 0:  # a reader takes an axis to begin at 0
        drawing.text(WIDTH - RIGHT, top - 14, phrase("axis starts at {value}", value=short(y_low)), "end")
    if chart.level is not None:
        drawing.line("label", [place(0, chart.level), place(x_high, chart.level)], dashed=True)
    for k, (name, points) in enumerate(series.items()):
        style = f"c{k % SERIES}"
        for point in points if len(points) < FEW_POINTS else ():
            drawing.dot(style, *place(*point), 2.6)
        last = f"{name or chart.title}: {short(points[-1][1])} at {short(points[-1][0])} samples"
        drawing.line(style, [place(*point) for point in points], 1.8, title=last)
    for row, members in enumerate(rows):
        x, y = LEFT, bottom + BOTTOM + 10 + 17 * row
        for k in members:
            drawing.rect(f"c{k % SERIES}", x, y - 5, 14, 3)
            drawing.text(x + 19, y, entries[k])
            x += legend_width(entries[k])
    return drawing


def legend_width(entry: str) -> float:
    return 19 + text_width(entry) + 30


def wrapped(entries: Sequence[str], width: float) -> list[list[int]]:
    """Indices of the legend entries in each row; rows are at most `width` px wide."""
    rows: list[list[int]] = []
    used = width + 1
    for k, entry in enumerate(entries):
        if used + legend_width(entry) > width:
            rows.append([])
            used = 0.0
        rows[-1].append(k)
        used += legend_width(entry)
    return rows


def histogram(
    real: Sequence[float], fake: Sequence[float], axis: Sequence[str],
    title: str = "", note: str = "", width: float = 440, tall: float = 132, across: str = "", up: str = "",
) -> Drawing:  # fmt: skip
    """Histogram: real values as light bars with an edge, generated ones as narrower blue bars in front of them.

    Args:
        real, fake: fraction of values in each bin; all zero if unknown.
        axis: texts below the axis: at the left end, (in the middle,) and at the right end.
        title, note: texts above the bars, left and right.
        tall: height of the highest bar, in px.
        across, up: titles of the horizontal and of the vertical axis.
    """
    top = 18 + (16 if up else 0)
    base = tall + top
    drawing = Drawing(width, base + 24 + (16 if across else 0), title)
    highest, step = max(*real, *fake, 1e-9), (width - AXIS - PAD) / len(real)
    for value in ticks(0, highest, 2):
        at = base - value / highest * tall
        drawing.line("grid", [(AXIS, at), (width - PAD, at)])
        drawing.text(AXIS - 6, at + 3.5, f"{short(100 * value)}%", "end")
    for k, (r, f) in enumerate(zip(real, fake, strict=True)):
        x, r, f = AXIS + k * step, r / highest * tall, f / highest * tall
        drawing.rect("real", x, base - r, step, r, LIGHT)
        drawing.rect("fake", x + step / 4, base - f, step / 2 - 1, f)
    if max(real) > 0:
        edge = [(AXIS + j * step, base - r / highest * tall) for k, r in enumerate(real) for j in (k, k + 1)]
        drawing.line("real", [(AXIS, base), *edge, (width - PAD, base)], 1.4)
    drawing.line("axis", [(AXIS, base), (width - PAD, base)])
    room = (width - AXIS - PAD) / len(axis)
    if title:
        drawing.text(PAD, 12, cut(title, width - 2 * PAD), style="strong")
    if note:
        drawing.text(width - PAD, 12, note, "end")
    if up:
        drawing.text(2, 12 if not title else 28, up)
    drawing.text(AXIS, base + 16, cut(axis[0], room))
    if len(axis) == 3:
        drawing.text((AXIS + width - PAD) / 2, base + 16, cut(axis[1], room), "middle")
    drawing.text(width - PAD, base + 16, cut(axis[-1], room), "end")
    if across:
        drawing.text((AXIS + width - PAD) / 2, base + 32, cut(across, width - AXIS - PAD), "middle")
    return drawing


def bars(
    names: Sequence[str], series: Mapping[str, Sequence[float]], write: Callable[[float], str] = short,
    width: float = 440,
) -> Drawing:  # fmt: skip
    """One row per name, with one bar per series and the values as text on the right; two series get a heading.

    Args:
        series: style (in `COLORS`) → values in the order of the names; the length of a bar is the absolute value.
        write: formats a value as text.
    """
    top = max([abs(value) for values in series.values() for value in values] + [1e-9])
    texts = [" · ".join(write(values[k]) for values in series.values()) for k in range(len(names))]
    head = HEAD if len(series) == 2 else ""
    first = 22 if head else 4
    room = min(max(map(text_width, names)) + 8, width * NAME_ROOM)
    left, numbers, thick = PAD + room, max(map(text_width, [*texts, head])) + 14, 8
    row = 5 + 9 * len(series) + (5 if len(series) == 1 else 0)
    drawing = Drawing(width, first + len(names) * row)
    if head:
        drawing.text(width - PAD, 12, head, "end")
    for k, name in enumerate(names):
        y = first + k * row
        middle = y + (9 * len(series) + SIZE) / 2 - 3
        drawing.text(left - 8, middle, cut(name, room - 7.5), "end")
        for j, (style, values) in enumerate(series.items()):
            length = abs(values[k]) / top * (width - PAD - left - numbers)
            bar(drawing, style, left, y + 9 * j, length, thick)
        drawing.text(width - PAD, middle, texts[k], "end")
    return drawing


HEAD = phrase("real · generated")
"""Over two columns of numbers."""


def bar(drawing: Drawing, style: str, x: float, y: float, width: float, height: float) -> None:
    """One bar; a real one is light with an edge, so that a generated one beside it differs in more than its hue."""
    drawing.rect(style, x, y, width, height, LIGHT if style == "real" else 1.0)
    if style == "real":
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height), (x, y)]
        drawing.line(style, corners)


def heat(names: Sequence[str], values: Sequence[Sequence[float]], width: float = 704) -> Drawing:
    """Heat map with a square for each pair of names, in stronger color for larger values; empty for NaN.

    Args:
        values: [C][C], 0 for no color and `FULL` for the full one.
    """
    count = len(names)
    labeled = count <= LABELED
    room = min(max(map(text_width, names)) + 8, 130) if labeled else 4
    cell = max(4.0, min(26.0, (width - room) / count))
    side = cell * count
    drawing = Drawing(max(room + side + PAD, room + 260), room + side + 26)
    drawing.rect("empty", room, room, side, side)
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            if math.isfinite(value) and value > 0:
                at = room + j * cell + 0.5, room + i * cell + 0.5
                drawing.rect("heat", *at, cell - 1, cell - 1, min(1.0, value / FULL))
    for k, name in enumerate(names if labeled else ()):
        at, name = room + (k + 0.5) * cell + 4, cut(name, room - 7.9)  # room was made of sums, which rounding shortens
        drawing.text(room - 5, at, name, "end")
        drawing.text(at, room - 5, name, upright=True)
    y = room + side + 18
    for k in range(6):
        drawing.rect("empty", room + k * 22, y - 9, 21, 11)
        drawing.rect("heat", room + k * 22, y - 9, 21, 11, k / 5)
    drawing.text(room + 140, y, phrase("0 to {full:g} and more", full=FULL))
    return drawing


def frame(drawing: Drawing, box: Box, low: Sequence[float], high: Sequence[float]) -> None:
    """Draws the two axes of a plot around `box` (left, top, right, bottom), with round numbers from low to high."""
    left, top, right, bottom = box
    drawing.line("label", [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    for value in ticks(low[0], high[0], 5):
        x = left + (value - low[0]) / (high[0] - low[0]) * (right - left)
        drawing.line("label", [(x, bottom), (x, bottom + 3)])
        drawing.text(x, bottom + 15, short(value), "middle")
    for value in ticks(low[1], high[1], 5):
        y = bottom - (value - low[1]) / (high[1] - low[1]) * (bottom - top)
        drawing.line("label", [(left - 3, y), (left, y)])
        drawing.text(left - 5, y + 4, short(value), "end")


def legend(drawing: Drawing) -> Drawing:
    """The drawing with a legend below it: the colors of real and generated values."""
    whole = Drawing(drawing.width, drawing.height + 20, drawing.label, list(drawing.marks))
    y = drawing.height + 12
    for style, name, x in (("real", phrase("real"), PAD), ("fake", phrase("generated"), PAD + 58)):
        bar(whole, style, x, y - 9, 10, 10)
        whole.text(x + 15, y, name)
    return whole


def tiled(drawings: Sequence[Drawing], across: int) -> Drawing:
    """Drawings in a grid, `across` per row."""
    width = max(one.width for one in drawings)
    height = max(one.height for one in drawings)
    across = min(across, len(drawings))
    whole = Drawing(across * width, -(-len(drawings) // across) * height)
    for k, one in enumerate(drawings):
        whole.place(one, k % across * width, k // across * height)
    return whole


def finite(points: Points) -> Points:
    return [(x, y) for x, y in points if isinstance(y, (int, float)) and math.isfinite(y)]


def thinned(points: Points) -> Points:
    """At most `MOST_POINTS` points: means over neighboring points, which reduces noise."""
    if len(points) <= MOST_POINTS:
        return points
    size = -(-len(points) // MOST_POINTS)
    groups = [points[k : k + size] for k in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def padded(values: Sequence[float]) -> tuple[float, float]:
    """Axis bounds with a margin; starting at 0 if all values are positive and the smallest is near 0."""
    low, high = min(values), max(values)
    if low >= 0 and low < 0.6 * high:
        low = 0.0
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (low if low == 0 else low - room), high + room


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """About `about` round numbers between two bounds."""
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]
