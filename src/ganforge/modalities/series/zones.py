"""Time zones: their names after time stamps, and the times that their clocks showed, as UTC.

    2023-10-29 02:30 CEST    2023-10-29T02:30+01:00[Europe/Berlin]    2023-10-29 02:30 Europe/Berlin

A short name stands for an offset, so CEST and CET tell the hour apart that daylight saving repeats. Some stand for
several: another name in the column, the one that its clocks show in the other half of the year, says which is meant,
or `data.timezone` does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data import long_columns

OFFSETS = {
    "UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "CET": 1, "CEST": 2, "MEZ": 1, "MESZ": 2, "EET": 2, "EEST": 3, "MSD": 4,
    "EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10,
    "NST": -3.5, "NDT": -2.5, "ADT": -3, "IDT": 3, "SAST": 2, "WAT": 1, "CAT": 2, "EAT": 3, "PKT": 5, "NPT": 5.75,
    "ICT": 7, "WIB": 7, "WITA": 8, "WIT": 9, "SGT": 8, "MYT": 8, "PHT": 8, "HKT": 8, "JST": 9, "KST": 9, "AWST": 8,
    "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13,
}  # fmt: skip
"""Names and their hours east of Greenwich."""
PARTNERS: dict[str, dict[str, float]] = {
    "CST": {"CDT": -6},
    "IST": {"IDT": 2, "GMT": 1},
    "BST": {"GMT": 1},
    "AST": {"ADT": -4},
    "MSK": {"MSD": 3},  # before 2011
}
"""Names that stand for several offsets: which one, by another name in the column."""
REGIONS = {"MSK": "Europe/Moscow"}
"""Names whose offset has changed over the years: the region that has them."""
MEANINGS = {
    "CST": "central America, China or Cuba", "IST": "India, Ireland or Israel", "BST": "Britain or Bangladesh",
    "AST": "Atlantic Canada or Arabia",
}  # fmt: skip
REGION = r"[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+"
NAMED = rf"(.*\d:\d\d.*?)\s*(?:\[({REGION}|[A-Z]{{1,5}})\]|({REGION}|(?!AM$|PM$)[A-Z]{{2,5}}))"
OFFSET = r"(?:Z|[+-]\d\d:?\d\d)$"
LOOKED_AT = 200
AT_LEAST = 0.98  # of the texts have a name, for those of a column to be read
FIXED = frozenset(("UTC", "GMT"))


def split(values: Any, texts: Any) -> tuple[Any, Any] | None:
    """Time stamps without the names of their zones, and the names, all of them "" where an offset says the same; None
    of a column without names, or where all say UTC.

    Args:
        texts: those of the values that are not missing.
    """
    some = texts.iloc[:: max(1, len(texts) // LOOKED_AT)]
    if some.str.fullmatch(NAMED).mean() < AT_LEAST:
        return None
    stamps = long_columns.piecewise(lambda part: _parts(part)[0], values)
    names = long_columns.piecewise(lambda part: _parts(part)[1], values)
    different = set(names.dropna().unique())
    return None if different <= FIXED or ("" in different and len(different) > 1) else (stamps, names)


def _parts(values: Any) -> tuple[Any, Any]:
    found = values.astype("string").str.strip().str.extract(rf"^{NAMED}$")
    names = found[1].fillna(found[2]).where(~found[0].str.contains(OFFSET).fillna(False), "")
    return found[0].astype(object), names.where(found[0].notna()).astype(object)


def moments(times: Any, names: Any, zone: str | None, column: str, notes: list[str]) -> Any:
    """Times as the clocks of the named zones showed them, as UTC with its zone.

    Args:
        zone: of `data.timezone`, where names are those of its clocks.
        column: for messages.

    Raises:
        UserError: a name that is not known, or may be several; times that the clocks of a region did not show.
    """
    import pandas as pd

    found = pd.Series(pd.NaT, index=times.index, dtype=times.dtype)
    every = [str(name) for name in names.dropna().unique()]
    own = {} if zone is None else _shown(zone, times)
    for name in every:
        at = (names == name).to_numpy(bool, na_value=False)
        region = name if "/" in name else REGIONS.get(name, zone if name not in OFFSETS else None)
        if region and name not in own and not set(PARTNERS.get(name, ())) & set(every):
            found[at] = in_utc(times[at], region, [], f"column {column!r}, time zone ")
        else:
            hours = own[name] if name in own else _hours(name, every, column)
            found[at] = times[at] - pd.Timedelta(hours=hours)
    notes.append(f"column {column!r}: time stamps of the zones {', '.join(every[:6])} are converted to UTC")
    return found.dt.tz_localize("UTC")


def _hours(name: str, every: Collection[str], column: str) -> float:
    """The hours east of Greenwich that a name stands for."""
    if name in OFFSETS:
        return OFFSETS[name]
    for partner, hours in PARTNERS.get(name, {}).items():
        if partner in every:
            return hours
    what = f"may be that of {MEANINGS[name]}" if name in MEANINGS else "is not known"
    raise UserError(
        f"column {column!r}: the time zone {name} {what}. Say where clocks showed the times: data.kind=series "
        "data.timezone=Asia/Shanghai; or write offsets, as 2023-01-01 12:00+08:00",
        code="series.ambiguous_zone",
    )


def _shown(zone: str, times: Any) -> dict[str, float]:
    """The names that the clocks of a zone have in these years, with their hours east of Greenwich; without those that
    changed their meaning."""
    import pandas as pd

    days = pd.date_range(times.min() - pd.Timedelta("400D"), times.max() + pd.Timedelta("400D"), freq="7D")
    how = {"ambiguous": np.zeros(len(days), bool), "nonexistent": "shift_forward"}
    found: dict[str, set[float]] = {}
    for day in _located(pd.Series(days), zone, "data.timezone=", **how):
        found.setdefault(day.tzname(), set()).add(day.utcoffset().total_seconds() / 3_600)
    return {name: hours.pop() for name, hours in found.items() if len(hours) == 1}


def in_utc(times: Any, zone: str, notes: list[str], where: str = "data.timezone=") -> Any:
    """Times that clocks of a zone showed, as UTC: the hour that comes twice in autumn is told by the order of the rows.

    Args:
        where: what names the zone, for messages.

    Raises:
        UserError: no such zone, a time that there was not, or rows in no order around a repeated hour.
    """
    try:
        local = _located(times, zone, where, ambiguous="infer", nonexistent="raise")
    except ValueError as error:
        raise UserError(
            f"{where}{zone}: these are not times that its clocks showed, in their order ({error}). Bring the "
            "rows in order of time, or leave the time zone out if they are in UTC",
            code="series.not_in_timezone",
        ) from None
    notes.append(f"times of {zone} are converted to UTC")
    return local.dt.tz_convert("UTC").dt.tz_localize(None)


def _located(times: Any, zone: str, where: str, **how: Any) -> Any:
    try:
        return times.dt.tz_localize(zone, **how)
    except (KeyError, OSError):
        raise UserError(
            f"{where}{zone}: no such time zone; names are like Europe/Berlin or America/New_York",
            code="series.unknown_timezone",
        ) from None
