"""Dates of series come back as they were written."""

from __future__ import annotations

import pandas as pd
import pytest

from ganforge.modalities.series.files import written
from ganforge.modalities.series.reading import dates_of

DAYS = pd.date_range("2000-01-01", periods=40, freq="MS")


@pytest.mark.filterwarnings("ignore:Parsing dates")
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
    assert [written(time, found) for time in times] == texts
