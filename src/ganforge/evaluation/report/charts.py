"""Lines and bars as SVG that takes its colors from the page, so that it reads by day and by night."""

from __future__ import annotations

import math
from html import escape

from ganforge.evaluation.report.content import Bars, Chart, Points

WIDTH, HEIGHT = 520, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 30
MOST_POINTS = 300
COLOURS = 6
"""Lines that the page's style has colors for; more begin again."""


def lines(chart: Chart) -> str:
    """A chart as `<figure>`: grid, lines, legend."""
    series = {name: thinned(finite(points)) for name, points in chart.series.items()}
    series = {name: points for name, points in series.items() if points}
    if not series:
        return ""
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points] + ([] if chart.level is None else [chart.level])
    x_low, x_high = 0.0, max(xs) or 1.0
    y_low, y_high = chart.bounds or padded(ys)

    def place(x: float, y: float) -> tuple[float, float]:
        right = LEFT + (x - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)
        share = min(max((y - y_low) / (y_high - y_low), 0.0), 1.0)
        return right, HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    parts = []
    for y in ticks(y_low, y_high):
        _, at = place(0, y)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 7}" y="{at + 3.5:.1f}" text-anchor="end">{short(y)}</text>')
    for x in ticks(x_low, x_high, 5):
        at, _ = place(x, y_low)
        parts.append(f'<text class="tick" x="{at:.1f}" y="{HEIGHT - 10}" text-anchor="middle">{short(x)}</text>')
    if chart.level is not None:
        _, at = place(0, chart.level)
        parts.append(f'<line class="level" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
    for k, (name, points) in enumerate(series.items()):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        said = f"{name}: {short(points[-1][1])} at {short(points[-1][0])} samples"
        style = f"line c{k % COLOURS}"
        if len(points) < 25:
            dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6"/>' for x, y in (place(*p) for p in points))
            parts.append(f'<g class="dots c{k % COLOURS}">{dots}</g>')
        parts.append(f'<polyline class="{style}" points="{path}"><title>{escape(said)}</title></polyline>')
    legend = "".join(
        f'<li class="c{k % COLOURS}">{escape(name)} <b>{short(points[-1][1])}</b></li>'
        for k, (name, points) in enumerate(series.items())
    )
    return (
        f'<figure class="chart"><figcaption><strong>{escape(chart.title)}</strong> '
        f"<span>{escape(chart.unit)}</span></figcaption>"
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(chart.title)}">{"".join(parts)}</svg>'
        f'<ul class="legend">{legend}</ul></figure>'
    )


def bars(chart: Bars) -> str:
    """One bar a value, in the order of the classes, as people look for them."""
    values = {name: value for name, value in chart.values.items() if math.isfinite(value)}
    if not values:
        return ""
    top = max([abs(value) for value in values.values()]) or 1.0
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        f'<td class="bar"><i style="width:{100 * abs(value) / top:.1f}%"></i></td>'
        f'<td class="number">{short(value)}</td></tr>'
        for name, value in values.items()
    )
    return (
        f'<figure class="chart"><figcaption><strong>{escape(chart.title)}</strong> '
        f'<span>{escape(chart.caption)}</span></figcaption><table class="bars">{rows}</table></figure>'
    )


def finite(points: Points) -> Points:
    return [(x, y) for x, y in points if isinstance(y, (int, float)) and math.isfinite(y)]


def thinned(points: Points) -> Points:
    """At most `MOST_POINTS` points: means of neighbors, which keep the shape and lose the jitter."""
    if len(points) <= MOST_POINTS:
        return points
    size = -(-len(points) // MOST_POINTS)
    groups = [points[k : k + size] for k in range(0, len(points), size)]
    return [(group[-1][0], sum(y for _, y in group) / len(group)) for group in groups]


def padded(values: list[float]) -> tuple[float, float]:
    """Bounds with a little room; from 0 where all is positive and the least is not far from it."""
    low, high = min(values), max(values)
    if low >= 0 and low < 0.6 * high:
        low = 0.0
    room = (high - low) * 0.06 or abs(high) * 0.1 or 1.0
    return (low if low == 0 else low - room), high + room


def ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers between two."""
    rough = (high - low) / about
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 12) for k in range(first, math.floor(high / step + 1e-9) + 1)]


def short(value: float) -> str:
    """A number as people read it: 1.2M, 60k, 3.41, 0.0021."""
    size = abs(value)
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= limit:
            scale = 1e3 if letter == "k" else limit
            return f"{value / scale:.4g}{letter}"
    if size and size < 1e-3:
        return f"{value:.2e}"
    return f"{value:.4g}"
