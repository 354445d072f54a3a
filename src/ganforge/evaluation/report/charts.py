"""Charts as parts of a page. They are written into it, so that their colors follow the page's."""

from __future__ import annotations

import math
from html import escape

from ganforge.core.plot import charts
from ganforge.core.plot.charts import Chart
from ganforge.core.plot.drawing import Drawing
from ganforge.evaluation.report.content import Bars


def lines(chart: Chart) -> str:
    """A chart as `<figure>`; empty where it has no finite point."""
    drawing = charts.lines(chart)
    return figure(chart.title, chart.unit, drawing) if drawing is not None else ""


def bars(chart: Bars) -> str:
    """One bar a value, in the order of the classes, as people look for them; empty without a finite value."""
    values = {name: value for name, value in chart.values.items() if math.isfinite(value)}
    if not values:
        return ""
    return figure(chart.title, chart.caption, charts.bars(list(values), {"fake": list(values.values())}))


def figure(title: str, caption: str, drawing: Drawing) -> str:
    head = f"<figcaption><strong>{escape(title)}</strong> <span>{escape(caption)}</span></figcaption>"
    drawing.label = title
    return f'<figure class="chart">{head}{drawing.svg(whole=False)}</figure>'
