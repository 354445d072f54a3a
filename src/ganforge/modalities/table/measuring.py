"""What a table signal knows of each column: its entry in `Spec.state["columns"]`, measured from all of its values."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.overrides import assignment
from ganforge.data import dates, long_columns
from ganforge.modalities.table import drawing
from ganforge.modalities.table.columns import categories, grid, identifiers, kinds, modes, quantiles
from ganforge.modalities.table.columns.detect import Detected, detect
from ganforge.modalities.table.columns.kinds import Kind

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("ganforge")


class Options(Protocol):
    """What decides how a column is measured; the fields of `Table`."""

    @property
    def columns(self) -> Mapping[str, Kind]: ...
    @property
    def encodings(self) -> Mapping[str, str]: ...
    @property
    def numbers(self) -> str: ...
    @property
    def modes(self) -> int: ...
    @property
    def least_weight(self) -> float: ...
    @property
    def ranges(self) -> int: ...
    @property
    def fit_rows(self) -> int: ...
    @property
    def few(self) -> int: ...
    @property
    def most_categories(self) -> int: ...
    @property
    def formats(self) -> Mapping[str, str]: ...


def measure(values: pd.Series, found: Detected | None, options: Options) -> dict[str, Any]:
    """What there is to know of a column.

    Args:
        found: how it is read; by default as these values are.
        options: what the user said of this and other columns.
    """
    import pandas as pd

    name = str(values.name)
    if found is None:
        values, found = detect(values)
    if name in options.formats:
        found = _asked(values, options.formats[name])
    kind = options.columns.get(name)
    if kind is None:
        kind = kinds.find(values, options.few, found)
    else:
        kinds.check(values, kind, found)
    present = long_columns.present_in(values)
    missing = 1 - len(present) / len(values)
    column: dict[str, Any] = {"name": name, "kind": kind, "dtype": str(values.dtype), "missing": missing}
    if kind == "constant":
        most = present.mode()
        value = _plain(most.iloc[0]) if len(most) else None
        return column | {"encoding": "none", "value": value} | categories.type_of(values)
    if kind == "identifier":
        why = f" ({found.names_rows})" if found.names_rows else ""
        log.warning("column %s: treated as an identifier%s; it is not learned but generated", name, why)
        column |= {"encoding": "none", **identifiers.measure(present)}
        chosen_from = isinstance(values.dtype, pd.CategoricalDtype)  # a new identifier is none of its categories
        made_as_text = column["style"] != "number" and not pd.api.types.is_string_dtype(values.dtype)
        return column | {"dtype": "object"} if made_as_text or chosen_from else column
    if kind == "name":
        log.warning(
            "column %s: %s; it is not learned, new rows draw from its values as often as they occur. "
            "%s learns it, =identifier generates new values",
            name, found.many or f"{present.nunique():,} values", assignment("signal.columns", name, "categorical"),
        )  # fmt: skip
        return column | {"encoding": "none", **categories.as_drawn(values)}
    encoding = options.encodings.get(name) or (options.numbers if kind in kinds.NUMBERS else "onehot")
    if encoding == "onehot":
        return column | {"encoding": encoding} | _values(values, kind, options)
    if kind == "datetime" and values.dtype.kind != "M":
        column |= {"format": found.form, "offset": found.offset}
    elif found.as_number:
        column["format"] = found.form
    numeric = kinds.as_numbers(values, column)
    if numeric is None:
        raise UserError(
            f"signal.encodings.{name}={encoding}: this encoding is for numbers, and the column is {kind}; use onehot",
            code="column.encoding_does_not_fit",
        )
    numeric = long_columns.present_in(numeric)
    column |= grid.measure(numeric, kind)
    v = grid.to_unit(numeric, column)
    v.sort()
    if encoding == "auto":
        encoding = "ranges" if modes.heaped(v, options.ranges) else "mixture"
    column["encoding"] = encoding
    if encoding == "quantile":
        column["knots"] = quantiles.fit(v)
    column["modes"] = modes.ONE
    if encoding == "ranges":
        column["modes"] = modes.ranges(v, options.ranges)
    if encoding == "mixture":
        column["modes"] = modes.fit(v, options.modes, options.least_weight, options.fit_rows)
    if encoding == "mixed":
        column["modes"] = modes.mixed(v, 1 / options.ranges, options.modes, options.least_weight, options.fit_rows)
    if column["grid"] is None and kind != "integer" and any(single := modes.of_one_number(column["modes"])):
        means = column["modes"]["means"]
        exact = [grid.nearest(m, numeric, column) if alone else None for m, alone in zip(means, single, strict=True)]
        column["modes"] = column["modes"] | {"exact": exact}
    column["bins"] = drawing.bins(v)
    return column


def _values(values: pd.Series, kind: str, options: Options) -> dict[str, Any]:
    facts = categories.measure(
        values, kind in ("ordinal", "boolean") or kinds.is_number(values), options.most_categories
    )
    if (rare := facts.get("rare")) is not None:
        count = int(values.nunique())
        kept = options.most_categories - 1
        lost = max(0, count - kept - categories.MOST_RARE)
        log.warning(
            "column %s: %s different values; all but the %s most frequent share one bucket, from which %s rare "
            "ones are drawn as often as they are%s. signal.most_categories=%s would keep more of them separate; "
            "%s would generate new ones",
            values.name, f"{count:,}", f"{kept:,}", f"{len(rare['values']):,}",
            f" (the other {lost:,} are left out)" if lost else "", 2 * options.most_categories,
            assignment("signal.columns", str(values.name), "identifier"),
        )  # fmt: skip
    return facts


def _asked(values: pd.Series, form: str) -> Detected:
    """A form of dates that the user gave for a column."""
    present: Any = long_columns.present_in(values)
    read = dates.read(present, form).notna()
    if read.mean() < dates.AT_LEAST:
        raise UserError(
            f"{assignment('signal.formats', str(values.name), form)}: {(~read).sum():,} of its {len(read):,} values "
            f"are no such dates (for example {present[~read.to_numpy()].iloc[0]!r}). Leave it out to detect the form",
            code="column.format_does_not_fit",
        )
    return Detected(form)


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    return (
        value.tolist()
        if isinstance(value, np.generic)
        else value
        if isinstance(value, (str, int, float, bool))
        else str(value)
    )
