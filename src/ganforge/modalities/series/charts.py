"""Charts of series: fans of forecasts, and filled gaps, over time.

M: paths, P: steps of the past, H: of the future, T: of a window.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ganforge.core.plot.charts import padded, ticks
from ganforge.core.plot.drawing import Drawing
from ganforge.core.plot.text import cut, short
from ganforge.modalities.series import clock_ticks

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 520, 220, 56, 12, 26, 30
SHOWN_PAST = 3  # times the horizon
BANDS = ((0.1, 0.9, 0.18), (0.25, 0.75, 0.28))


class Frame:
    """The axes of a chart of `steps` steps, with values from the lowest to the highest given.

    Args:
        marks: step and text of each mark of the axis of time.
    """

    def __init__(self, title: str, steps: int, values: np.ndarray, marks: Sequence[tuple[int, str]]):
        self.low, self.high = padded([float(v) for v in values[np.isfinite(values)]])
        self.step = (WIDTH - LEFT - RIGHT) / max(steps - 1, 1)
        self.drawing = Drawing(WIDTH, HEIGHT, title)
        self.drawing.text(LEFT, 16, cut(title, WIDTH - LEFT), style="strong")
        for y in ticks(self.low, self.high):
            self.drawing.line("grid", [self.at(0, y), self.at(steps - 1, y)])
            self.drawing.text(LEFT - 7, self.at(0, y)[1] + 3.5, short(y), "end")
        for k, text in marks:
            self.drawing.line("axis", [self.at(k, self.low), self.at(k, self.low + (self.high - self.low) / 40)])
            self.drawing.text(self.at(k, self.low)[0], HEIGHT - BOTTOM + 16, text, "middle")

    def at(self, k: float, value: float) -> tuple[float, float]:
        return LEFT + k * self.step, HEIGHT - BOTTOM - (value - self.low) / (self.high - self.low) * (
            HEIGHT - TOP - BOTTOM
        )

    def bands(self, steps: Sequence[int], paths: np.ndarray) -> None:
        """The middle 50 % and 80 % of paths [M, len(steps)], and their median."""
        for low, high, opacity in BANDS:
            edges = np.quantile(paths, (low, high), axis=0)
            for k, (bottom, top) in zip(steps, edges.T, strict=True):
                x, y = self.at(k - 0.5, float(top))
                self.drawing.rect("c0", x, y, self.step, self.at(k, float(bottom))[1] - y, opacity)
        self.line("c0", steps, np.median(paths, 0))

    def line(self, style: str, steps: Sequence[int], values: np.ndarray) -> None:
        """A line through the values that there are, broken where one is missing."""
        part: list[tuple[float, float]] = []
        for k, value in [*zip(steps, values, strict=True), (0, np.nan)]:
            if np.isfinite(value):
                part.append(self.at(k, float(value)))
                continue
            if len(part) == 1:
                self.drawing.dot(style, *part[0], 1.6)
            elif part:
                self.drawing.line(style, part, 1.6)
            part = []


def fan(
    past: np.ndarray, paths: np.ndarray, title: str, real: np.ndarray | None = None, times: np.ndarray | None = None
) -> Drawing:
    """A fan chart: the past [P], the middle 50 % and 80 % of paths [M, H], their median, and what came, if known.

    Args:
        times: of past and future, [P + H]; without, steps are counted from the first of the future on.
    """
    horizon = paths.shape[1]
    past = past[-SHOWN_PAST * horizon :]
    first, steps = len(past), len(past) + horizon
    edges = np.quantile(paths, [edge for low, high, _ in BANDS for edge in (low, high)], axis=0)
    every = np.concatenate([past, edges.ravel(), np.array([]) if real is None else real])
    marks = clock_ticks.of_steps(-first, steps) if times is None else clock_ticks.of_times(times[-steps:])
    chart = Frame(title, steps, every, marks)
    chart.bands(range(first, steps), paths)
    chart.line("strong", range(first), past)
    if real is not None:
        chart.line("c1", range(first, steps), real)
    return chart.drawing


def filling(
    window: np.ndarray, paths: np.ndarray, asked: np.ndarray, title: str, times: np.ndarray | None = None
) -> Drawing:
    """A filled gap: the middle 50 % and 80 % of fillings [M, T] where `asked` [T], their median, and the values [T].

    Values where `asked` are what was there, if that is known; NaN where not.
    """
    at = np.flatnonzero(asked)
    edges = np.quantile(paths[:, at], [edge for low, high, _ in BANDS for edge in (low, high)], axis=0)
    marks = clock_ticks.of_steps(0, len(window)) if times is None else clock_ticks.of_times(times)
    chart = Frame(title, len(window), np.concatenate([window, edges.ravel()]), marks)
    for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1):
        chart.bands(list(map(int, run)), paths[:, run])
    chart.line("strong", range(len(window)), np.where(asked, np.nan, window))
    chart.line("c1", range(len(window)), np.where(asked, window, np.nan))
    return chart.drawing
