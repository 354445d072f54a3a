"""Columns of dates, described by hand."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from ganforge.modalities.table.columns.public_cells import dates
from ganforge.modalities.table.columns.public_facts import BINS, PublicColumn, check_bounds, stepped, wrong

if TYPE_CHECKING:
    import pandas as pd

SECONDS = {"day": 86_400, "hour": 3_600, "minute": 60, "second": 1}


def _date_text(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime.date) else value  # YAML reads 2024-05-31 as a date


Date = Annotated[str, BeforeValidator(_date_text)]


class Datetime(PublicColumn, kind="datetime"):
    """Dates, or points in time (UTC, where they have a time zone)."""

    min: Date
    """The first that there can be, as 2024-05-31 or in `format`. Earlier ones are read as it."""
    max: Date
    """The last that there can be. Later ones are read as it."""
    step: Literal["day", "hour", "minute", "second"] = "day"
    """Resolution; what is finer is cut off."""
    format: str | None = None
    """How the table writes them, such as "%d.%m.%Y". By default ISO 8601, and made rows have them as datetimes."""
    bins: int | tuple[Date, ...] = Field(default=BINS)
    """Parts that the nets see a date in: how many of equal width, or where each begins."""
    missing: bool = False
    """Whether cells may be empty."""

    @model_validator(mode="after")
    def _ascend(self) -> Self:
        told = [self.min, self.max, *(() if isinstance(self.bins, int) else self.bins)]
        unread = [text for text, second in zip(told, self._seconds(told), strict=True) if second is None]
        if unread:
            raise wrong(f"{unread[0]!r} is not a date; expected {self.format or '2024-05-31 or 2024-05-31T13:45:00'}")
        low, high, *starts = (second or 0 for second in self._seconds(told))
        check_bounds(low, high, self.bins if isinstance(self.bins, int) else starts)
        if high - low < SECONDS[self.step]:
            raise wrong(f"min and max are less than a {self.step} apart; use a finer step")
        return self

    def facts(self) -> dict[str, Any]:
        step = SECONDS[self.step]
        low, high = (second or 0 for second in self._seconds([self.min, self.max]))
        count = (high - low) // step
        starts = self.bins
        if not isinstance(starts, int):
            starts = [((second or 0) - low) // step for second in self._seconds(starts)]
        top = low + count * step
        return {
            "kind": "datetime",
            "dtype": "datetime64[s]" if self.format is None else "str",
            "unit": "s",
            "zone": None,
            **({} if self.format is None else {"format": self.format}),
            "grid": {"low": low, "step": step, "decimals": 0},
            "range": [0, count],
            **{name: str(np.datetime64(s, "s")).replace("T", " ") for name, s in (("low", low), ("high", top))},
            **stepped(starts, count, self.missing),
        }

    def cells(self, values: pd.Series) -> pd.Series:
        import pandas as pd

        step = SECONDS[self.step]
        low, high = (second or 0 for second in self._seconds([self.min, self.max]))
        times = dates(values, self.format)
        seconds = times.astype(np.int64).clip(low, high)  # of missing ones too; they are put back
        told = pd.Series((low + (seconds - low) // step * step).astype("datetime64[s]"))
        return told.mask(np.isnat(times))

    def _seconds(self, texts: Sequence[str]) -> list[int | None]:
        import pandas as pd

        times = dates(pd.Series(list(texts), dtype=object), self.format)
        return [None if np.isnat(time) else int(time.astype(np.int64)) for time in times]
