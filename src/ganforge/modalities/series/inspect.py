"""What `ganforge data inspect` says of time series."""

from __future__ import annotations

from dataclasses import asdict

from ganforge.core.dataset import Dataset
from ganforge.modalities.series.source import SeriesSet
from ganforge.recipes import fitting
from ganforge.signals import Inspection

SHOWN = 30


def inspection(dataset: Dataset) -> Inspection:
    """Series, frequency, channels with their bounds, and what was assumed or repaired."""
    assert isinstance(dataset, SeriesSet)
    fits = fitting.fitting(dataset, told=dataset.notes)
    facts = {
        "name": dataset.name,
        "count": len(dataset),
        "series": {name: len(values) for name, values in dataset.series.items()},
        "clock": None if dataset.clock is None else asdict(dataset.clock),
        "entity": dataset.entity,
        "labels": list(dataset.kinds),
        "columns": [asdict(column) for column in dataset.columns],
        "notes": dataset.notes,
        "recipes": fitting.to_plain(fits),
        "hints": [],
    }

    def shown():
        from rich.table import Table

        when = "no time stamps" if dataset.clock is None else f"every {dataset.clock.step}, until {dataset.clock.last}"
        many = f"{len(dataset.series)} series by {dataset.entity}, " if dataset.entity else ""
        table = Table(box=None, padding=(0, 2, 0, 0))
        for heading in ("column", "type", "digits", "min", "max", "missing"):
            table.add_column(heading, justify="left" if heading in ("column", "type") else "right")
        for k, c in enumerate(dataset.columns[:SHOWN]):
            gaps = sum(int(rows[:, k].sum()) for rows in dataset.missing.values())
            kind = f"{len(c.words)} words" if c.words else c.dtype
            bounds = (
                ("", "", "")
                if c.words
                else ("" if c.decimals < 0 else str(c.decimals), f"{c.low:.6g}", f"{c.high:.6g}")
            )
            table.add_row(c.name, kind, *bounds, f"{gaps:,}" if gaps else "")
        head = f"{dataset.name}: time series, {many}{len(dataset):,} rows, {when}"
        return [head, *dataset.notes, table, "", fitting.as_table(fits)]

    return Inspection(facts, shown)
