"""Dates of series come back as they were written."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ganforge.modalities.series import layout
from ganforge.modalities.series.dates import dates_of, stamped

DAYS = pd.date_range("2000-01-01", periods=40, freq="MS")


@pytest.mark.parametrize(
    ("texts", "form"),
    [
        ([f"{day:%b} {day.day} {day.year}" for day in DAYS], "%b %-d %Y"),
        ([f"{day:%b %d %Y}" for day in DAYS], "%b %d %Y"),
        ([f"{day.month}/{day.day + 14}/{day.year}" for day in DAYS], "%-m/%d/%Y"),
        ([f"{day:%Y-%m-%d}" for day in DAYS], "%Y-%m-%d"),
    ],
)
def test_leading_zeros_of_days_and_months_are_kept_and_none_are_added(texts, form):
    times, found = dates_of(pd.Series(texts), [], "date")
    assert found == form
    assert stamped(times, ["date"], found)["date"].tolist() == texts


@pytest.mark.parametrize("step", [0, 1])
def test_stamps_with_a_time_zone_are_compared_as_moments(step, tmp_path):
    """Equal ones in Parquet, where pandas holds them as objects."""
    times = pd.Timestamp("2001-02-03", tz="+01:00") + pd.to_timedelta(step * np.arange(40), unit="h")
    frame = pd.DataFrame({"id": pd.Series(list(times)), "x": np.arange(40.0)})
    found = layout.find(frame, layout.Said())
    assert (found is None) == (step == 0)
    if found is not None:
        assert found.ordered
