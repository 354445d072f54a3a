"""Tables with a row for each series, time and variable, and one column of values: made wide, a column a variable.

station  date        parameter  value            station  date        temp  rain
a        2023-01-01  temp       3.5       →      a        2023-01-01  3.5   0.2
a        2023-01-01  rain       0.2              b        2023-01-01  4.1
b        2023-01-01  temp       4.1
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganforge.modalities.series import layout, reading
from ganforge.modalities.series.layout import Said
from ganforge.modalities.series.learned import holds_numbers
from ganforge.modalities.series.reading import Unpacked

if TYPE_CHECKING:
    import pandas as pd

VARIABLE = re.compile(
    r"(variable|indicator|param|parameter|measure|measurement|metric|feature|attribute|channel|quantity|pollutant|"
    r"element|item|field|key|kind|type|signal|tag|指标|变量|变数|参数|项目)s?([_ .]?(name|id|code|key))?",
    re.IGNORECASE,
)
"""Names of columns that say what is measured."""
MOST = 64  # variables
FULL = 0.6  # share of variables and times of a series that have a value; of two columns that are no keys it is less
SHOWN = 6


@dataclass(frozen=True)
class Roles:
    """What the columns of a melted table are.

    Attributes:
        time: the columns of times. static: columns that describe series. left: columns that describe variables.
    """

    entity: str
    time: tuple[str, ...]
    variable: str
    value: str
    static: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def widened(frame: pd.DataFrame, said: Said, notes: list[str]) -> pd.DataFrame | None:
    """A melted table as a wide one, which the notes tell; None of any other table."""
    found = roles_of(frame, said)
    if found is None:
        return None
    variables = [str(v) for v in frame[found.variable].unique()]
    more = f", ... {len(variables):,} in all" if len(variables) > SHOWN else ""
    left = f" ({', '.join(found.left)} left out)" if found.left else ""
    notes.append(
        f"the values of {found.variable!r} ({', '.join(variables[:SHOWN])}{more}) become columns, from {found.value!r}"
        f"{left}: each {found.entity!r} is a series, and samples have a row a time, with a column for each of them. If "
        f"{found.variable!r} names the series: data.kind=series data.entity={found.variable}"
    )
    return wide(frame, found)


def rewritten(path: Path, said: Said) -> Path | Unpacked:
    """A file with a melted table as one with the wide table, every value as it is written; any other file itself."""
    frame = reading.load(path).rename(columns=str)
    doubles = frame.index[frame.duplicated()]
    found = roles_of(frame.drop(doubles), said)
    if found is None:
        return path
    texts = not path.name.lower().endswith(reading.PARQUET)
    frame = reading.load(path, texts=texts).rename(columns=str).drop(doubles)
    return reading.packed(wide(frame, found, "" if texts else None), path)


def roles_of(frame: Any, said: Said) -> Roles | None:
    """What the columns are of a table in which two columns together tell rows of one time apart, and one holds
    numbers; None where it is another table.

    Of the two, the variable is the one that is called so, else the one with fewer values, if its values share times.
    """
    import pandas as pd

    timed = None if said.time not in (None, *frame.columns) else layout.times_of(frame, said, [])
    if timed is None or not (dates := timed[1]).duplicated().any():
        return None
    names = timed[0]
    others = [str(c) for c in frame.columns if c not in names]
    numbers = {c for c in others if holds_numbers(frame[c])}
    keys = [c for c in others if not pd.api.types.is_float_dtype(frame[c].dtype) and frame[c].notna().all()]
    codes: Any = pd.DataFrame({c: pd.factorize(frame[c])[0] for c in keys}, index=frame.index).assign(**{"\n": dates})
    alone = [c for c in keys if not codes[["\n", c]].duplicated().any()]
    found: list[tuple[bool, int, Roles]] = []
    for pair in combinations(keys, 2):
        if len(values := numbers.difference(pair)) != 1 or codes[["\n", *pair]].duplicated().any():
            continue
        (value,) = values
        for entity, variable in (pair, pair[::-1]):
            if said.entity is None and (entity in alone or variable in alone):
                continue  # that column tells the rows apart by itself
            if said.entity not in (None, entity) or entity in alone:
                continue
            count = int(codes[variable].max()) + 1
            rows = codes[["\n", entity]].drop_duplicates()
            share, length = len(frame) / (len(rows) * count), rows[entity].value_counts().median()
            if count > MOST or share < FULL or (said.entity is None and length < layout.PER_SERIES):
                continue
            rest = [c for c in others if c not in (*pair, value)]
            static = tuple(c for c in rest if _follows(frame, c, entity))
            left = tuple(c for c in rest if c not in static and _follows(frame, c, variable))
            if len(static) + len(left) == len(rest):
                roles = Roles(entity, names, variable, value, static, left)
                found.append((VARIABLE.fullmatch(variable) is None, count, roles))
    return min(found, key=lambda one: one[:2])[2] if found else None


def wide(frame: pd.DataFrame, roles: Roles, absent: Any = None) -> pd.DataFrame:
    """A row for each series and time, in the order of the table, with a column for each variable.

    Args:
        absent: of a variable that has no value at a time.
    """
    import pandas as pd

    row = frame.groupby([roles.entity, *roles.time], sort=False, dropna=False).ngroup().to_numpy()
    kept = [c for c in frame.columns if c not in (roles.variable, roles.value, *roles.left)]
    found = frame.loc[~frame.duplicated([roles.entity, *roles.time]), kept].reset_index(drop=True)
    variable = frame[roles.variable].to_numpy()
    for name in frame[roles.variable].unique():
        at = variable == name
        values = pd.Series(frame[roles.value].to_numpy()[at], index=row[at]).reindex(found.index)
        found[_free(str(name), found.columns)] = values if absent is None else values.fillna(absent)
    return found


def _follows(frame: pd.DataFrame, column: str, key: str) -> bool:
    """Whether a column has one value for each of the other."""
    return bool((frame.groupby(key)[column].nunique(dropna=False) <= 1).all())


def _free(name: str, taken: Any) -> str:
    while name in taken:
        name += "_"
    return name
