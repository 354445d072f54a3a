"""Tables as a signal: columns measured once, rows kept as a few floats, encoded to blocks and decoded to a DataFrame.

S: floats kept a row. C: columns with a category block, M: columns of numbers (S = C + 2 · M), K: modes at most.
D: width of the encoded vector. N: rows.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core import media
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.table import choose, drawing, findings, given, inspect, where
from ganforge.modalities.table.columns import amounts, categories, dates, grid, identifiers, kinds, modes, quantiles
from ganforge.modalities.table.columns.kinds import Kind
from ganforge.modalities.table.columns.looks import Look, look
from ganforge.modalities.table.columns.public import Described
from ganforge.modalities.table.example import write_example
from ganforge.modalities.table.files import FORMATS
from ganforge.modalities.table.source import TableSet
from ganforge.modalities.table.tasks.by_sampling import CONDITION
from ganforge.signals import Card, Condition, Exporter, Inspection, Nearest, Noun, Signal, Steps, Usage

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("ganforge")

Encoding = Literal["auto", "mixture", "ranges", "minmax", "quantile", "onehot"]
BEYOND = 1e6  # of log odds: never picked while any other mode reaches the number
OF_TAIL = 1e5


class Table(Signal, kind="table"):
    """Rows of a table. Numbers are seen within the modes of their column, everything else as one of its values.

    What a column is, is found: categorical, ordinal (few numbers, or categories with an order), boolean, continuous,
    integer, datetime, constant or identifier. A missing value is a mode of its own. Constants and identifiers are not
    learned; identifiers are made again. Precision, bounds and types come back as they were.
    """

    noun = Noun("row", "rows", "a table")
    array_name = ""
    exporters: ClassVar[Mapping[str, Exporter]] = FORMATS
    metrics = ("columns", "pairwise", "detection", "usefulness", "privacy")
    n_generated = 0
    rules = findings.RULES
    names_left_out = True
    privacy_hint = "Describe the columns by what is known without looking at the rows: signal.public=FILE.yaml"

    public: Described | None = None
    """The columns as they are known without looking at a row: a mapping, or the path of a YAML or JSON file of lines
    such as `age: {kind: integer, min: 17, max: 90}`. Nothing is measured then, as differential privacy asks for."""
    columns: dict[str, Kind] = Field(default_factory=dict)
    """Kinds of single columns, where the detected kind is wrong, as in `signal.columns.age=ordinal`."""
    encodings: dict[str, Encoding] = Field(default_factory=dict)
    """How the nets see single columns: auto, mixture, ranges, minmax, quantile or onehot, as in
    `signal.encodings.price=quantile`."""
    numbers: Literal["auto", "mixture", "ranges", "minmax", "quantile"] = "mixture"
    """How the nets see numbers and dates: by their column's modes (mixture, CTGAN's way), by ranges of as many rows
    each, scaled to [-1, 1] (minmax), or as the share of the column below them (quantile). auto: by ranges where a
    column heaps up at some number, else by modes."""
    target: str | None = None
    """The column that a model would be asked to predict; figures of usefulness need it."""
    modes: int = Field(default=10, ge=1, le=100)
    """Maximum number of modes of a column of numbers."""
    least_weight: float = Field(default=0.005, ge=0, lt=1)
    """A mode of less weight is left out."""
    ranges: int = Field(default=20, ge=2, le=1000)
    """Approximate number of ranges that a column of numbers is split into, where it is encoded by ranges."""
    fit_rows: int = Field(default=5_000, ge=100)
    """How many numbers of a column, evenly spaced from the smallest to the largest, the modes are fitted to."""
    few: int = Field(default=20, ge=0)
    """Numbers with at most this number of different values are ordinal: picked like categories."""
    most_categories: int = Field(default=500, ge=2)
    """Maximum number of values of a column; rarer ones share one bucket and are drawn from it by their frequency."""
    formats: dict[str, str] = Field(default_factory=dict)
    """How single columns of text write dates, where the detected form is wrong, as in `signal.formats.day=%m/%d/%Y`."""
    draw_modes: bool = True
    """Draw the mode of a number again each time it is seen, by the odds that it is of it; else take the likeliest."""

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_example(folder, n)

    @property
    def data_statistics(self) -> str:
        return "" if self.public is not None else "bounds of numbers, real categories, and how often each occurs"

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        usual = cls()
        return inspect.inspection(dataset, usual.few, usual.most_categories)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, machine)

    def items(self, dataset: Dataset) -> Dataset:
        if self.public is None:
            return dataset
        quiet = copy.copy(dataset)
        quiet.skipped, quiet.notes = [], []  # type: ignore[attr-defined]  # which rows cannot be read would be logged
        return quiet

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        frame = _frame_of(dataset)
        if len(frame) < 2:
            raise UserError(
                f"data {dataset.name}: one row is too few to learn from; give a table with more rows",
                code="table.too_few_rows",
            )
        for field, names in (
            ("columns", self.columns),
            ("encodings", self.encodings),
            ("formats", self.formats),
            ("target", [self.target]),
        ):
            for name in names:
                if name is not None and name not in frame.columns:
                    raise UserError(
                        f"signal.{field}: the table has no column {name!r}{did_you_mean(name, frame.columns)} "
                        f"(its columns: {', '.join(map(str, frame.columns))})",
                        code="column.not_found",
                    )
        for note in getattr(dataset, "notes", []):
            log.warning("data %s: %s", dataset.name, note)
        if self.public is None:
            looks = getattr(dataset, "looks", {})
            columns = [self._measure(frame[name], looks.get(name)) for name in frame.columns]
        else:
            columns = self._described(frame.columns)
        blocks = _blocks(columns)
        if not blocks:
            raise UserError(
                f"data {dataset.name}: every column is constant or an identifier, so there is nothing to learn. If "
                f"that is wrong: signal.columns.{columns[0]['name']}=categorical (or integer, continuous, ...)",
                code="table.nothing_to_learn",
            )
        shape = (blocks[-1]["start"] + blocks[-1]["width"],)
        if tuple(nearest(shape)) != shape:
            raise UserError(
                f"data {dataset.name}: these nets cannot generate rows of {shape[0]} numbers. Use a recipe for tables",
                code="nets.not_for_shape",
            )
        state = {
            "names": [str(name) for name in frame.columns],
            "target": self.target,
            "columns": columns,
            "measured": self.public is None,
            "blocks": blocks,
            # how often each occurs is not known, and rows asked for evenly would not be as the table's are
            "conditions": [] if self.public is not None else _conditions(columns, blocks),
        }
        as_given = getattr(dataset, "given", {})
        if self.public is not None:  # that texts are numbers is a fact of the rows
            as_given = {name: value for name, value in as_given.items() if name == "names"}
        if as_given:
            state["given"] = as_given
        return Spec(shape, state=state)

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """One row, object [columns] → float32 [S]."""
        import pandas as pd

        if self.public is not None:
            cells = {c["name"]: pd.Series([v], dtype=object) for c, v in zip(spec.state["columns"], item, strict=True)}
            return _stored(self._read(pd.DataFrame(cells)), spec)[0]
        cells = {c["name"]: restore([v], c) for c, v in zip(spec.state["columns"], item, strict=True)}
        return _stored(pd.DataFrame(cells), spec)[0]

    def prepare_all(self, dataset: Dataset, spec: Spec) -> np.ndarray:
        """float32 [N, S]: the place of each category; numbers in [-1, 1] (NaN: missing); what float32 lost of these."""
        return _stored(self._read(self._cells_of(dataset)), spec)

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        """[N, S] → [N, D]. Which mode a number is of is drawn here, again at each look: it is no fact about a row."""
        plan = Plan.of(spec, stored.device)
        n, c, m = len(stored), len(plan.category_starts), len(plan.value_starts)
        x = torch.zeros(n, spec.shape[0], device=stored.device)
        if c:
            places = stored[:, :c].long()  # [N, C]
            x.scatter_(1, places.clamp_min(0) + plan.category_starts, (places >= 0).float())
        if m:
            high, low = stored[:, c : c + m], stored[:, c + m :]  # [N, M]
            missing = high.isnan()
            # Two floats a number: near a narrow mode the difference needs what one of them cannot hold.
            away = high.nan_to_num(0.0).unsqueeze(2) - plan.means + low.unsqueeze(2)  # [N, M, K]
            place = away / plan.scales
            odds = torch.where(place.abs() <= 1, plan.logits - 8 * place**2, -BEYOND - place.abs().clamp_max(BEYOND))
            odds = torch.where(plan.tail, -OF_TAIL, odds).masked_fill(~plan.there, -torch.inf)
            mode = self._pick(odds, rng)  # [N, M]
            value = place.gather(2, mode.unsqueeze(2)).squeeze(2).clamp(-1, 1)
            x[:, plan.value_starts] = value.masked_fill(missing, 0.0)
            mode = torch.where(missing, plan.missing_modes, mode)
            split = plan.split
            known = (~missing | plan.may_miss)[:, split].float()  # a number that may not be missing and is stays blank
            x.scatter_(1, (plan.mode_starts + mode)[:, split], known)
        return x

    def deterministic(self) -> Self:
        return replace(self, draw_modes=False)

    @classmethod
    def common(cls, sets: Sequence[Dataset], fields: Mapping[str, Any]) -> Self:
        return cls(numbers="minmax")  # nothing is encoded, so no modes are needed

    def targeted(self, spec: Spec, column: str) -> Spec:
        names = spec.state["names"]
        if column not in names:
            raise UserError(
                f"--target {column}: the table has no such column{did_you_mean(column, names)}", code="column.not_found"
            )
        return replace(spec, state=spec.state | {"target": column})

    def nbytes(self, samples: pd.DataFrame) -> int:
        """Texts are counted by their length."""
        return int(samples.memory_usage(index=False, deep=True).sum())

    def raw_samples(self, dataset: Dataset) -> pd.DataFrame:
        return _frame_of(dataset)

    def decode(self, x: Tensor, spec: Spec) -> pd.DataFrame:
        """[N, D] → a DataFrame of N rows with the columns, types, precision and bounds of the real table."""
        import pandas as pd

        rows = x.detach().float().cpu().numpy()
        parts = {(block["column"], block["role"]): block for block in spec.state["blocks"]}
        series: dict[str, pd.Series] = {}
        for column in spec.state["columns"]:
            name = column["name"]
            block = {
                role: _part(rows, parts[name, role]) for role in ("value", "mode", "category") if (name, role) in parts
            }
            if column["kind"] == "identifier":
                series[name] = restore(identifiers.make(column, 0, len(rows)), column)
            elif column["kind"] == "constant":
                series[name] = restore([column["value"]] * len(rows), column)
            elif "category" in block:
                series[name] = _picked(block["category"].argmax(1), rows, column)
            else:
                series[name] = _measured(block["value"][:, 0], block.get("mode"), column)
        return pd.DataFrame(series, index=pd.RangeIndex(len(rows)))

    def join(self, parts: Sequence[Any], spec: Spec) -> pd.DataFrame:
        """Decoded parts as one table, with identifiers that go on from part to part."""
        import pandas as pd

        return _renumbered(pd.concat(list(parts), ignore_index=True), 0, spec)

    def returned(self, samples: pd.DataFrame, spec: Spec) -> pd.DataFrame:
        return given.returned(samples, spec.state["given"]) if "given" in spec.state else samples

    def describe(self, spec: Spec) -> str:
        return f"a row of {len(spec.state['names'])} columns"

    def card(self, spec: Spec) -> Card:
        names = spec.state["names"]
        return Card(
            f"rows of a table with {len(names)} column{'s' * (len(names) != 1)}",
            (f"Columns: {', '.join(names[:30])}{f', ... {len(names)} in all' if len(names) > 30 else ''}.",),
            missing="`tv` and `contingency`",
            copied="`dcr` and `exact_copies`",
        )

    def usage(self, file: str, spec: Spec) -> Usage:
        return Usage(
            f'model = gf.TableGAN.load("{file}")\n'
            "rows = model.sample(1000)  # a DataFrame; row k of a seed is always the same one",
            command("sample", file, "-n", 1000, "--out", "rows.csv"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("make more", command("sample", folder, "-n", 1000, "--out", "new.csv"))]

    def render(self, samples: pd.DataFrame, spec: Spec, columns: int = 8) -> list[Media]:
        """A small chart a column: how often its values are in the real table (gray) and among the samples (blue)."""
        return [media.png(drawing.charts(samples, spec))]

    def write(self, samples: pd.DataFrame, folder: Path, start: int, spec: Spec) -> list[Path]:
        """One .csv file, a line a row."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{start:06d}.csv"
        _renumbered(samples, start, spec).to_csv(path, index=False)
        return [path]

    def batch_size(self, spec: Spec) -> int:
        return 4_096

    def where(self, texts: Sequence[str], spec: Spec) -> Condition:
        clauses = where.read(texts, spec)

        def holds(rows: pd.DataFrame) -> np.ndarray:
            return np.logical_and.reduce([clause.holds(rows) for clause in clauses])

        place = where.condition_of(clauses, spec)
        extra = {} if place is None else {CONDITION: torch.tensor(place)}
        return Condition(" and ".join(texts), holds, extra)

    def frame(self, sample: Any, spec: Spec) -> np.ndarray:
        """One row, a value a column, as a card to read."""
        return drawing.card(sample, spec)

    def _described(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """What the description knows of each column."""
        assert self.public is not None
        if self.columns or self.encodings:
            raise UserError(
                "signal.columns, signal.encodings: the kinds of columns are already given by signal.public; leave "
                "these out",
                code="column.described_twice",
            )
        for name in names:
            if name not in self.public:
                raise UserError(
                    f"signal.public: the column {name!r} is not described{did_you_mean(name, self.public)}. Describe "
                    f"it, as `{{kind: integer, min: 0, max: 120}}`; or, to leave it out of training, as `constant` or "
                    "`identifier`",
                    code="column.not_described",
                )
        for name in self.public:
            if name not in names:
                raise UserError(
                    f"signal.public: the table has no column {name!r}{did_you_mean(name, names)} "
                    f"(its columns: {', '.join(names)})",
                    code="column.not_found",
                )
        return [{"name": name, **self.public[name].facts()} for name in names]

    def _cells_of(self, dataset: Dataset) -> pd.DataFrame:
        """The table to encode. With `public`, no cell may be left out because of what other rows hold."""
        if self.public is not None and isinstance(dataset, TableSet):
            return dataset.as_written()
        return _frame_of(dataset)

    def _read(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The table as its description has it, cell by cell; without one as it is."""
        import pandas as pd

        if self.public is None:
            return frame
        cells: dict[str, Any] = {str(name): values for name, values in frame.items()}
        return pd.DataFrame({name: self.public[name].cells(values) for name, values in cells.items()})

    def _measure(self, values: pd.Series, found: Look | None) -> dict[str, Any]:
        """What there is to know of a column.

        Args:
            found: how it is read; by default as these values are.
        """
        import pandas as pd

        name = str(values.name)
        if found is None:
            values, found = look(values)
        if name in self.formats:
            found = _asked(values, self.formats[name])
        kind = self.columns.get(name)
        if kind is None:
            kind = kinds.find(values, self.few, found)
        else:
            kinds.check(values, kind, found)
        present = values.dropna()
        missing = 1 - len(present) / len(values)
        column: dict[str, Any] = {"name": name, "kind": kind, "dtype": str(values.dtype), "missing": missing}
        if kind == "constant":
            most = present.mode()
            return column | {"encoding": "none", "value": _plain(most.iloc[0]) if len(most) else None}
        if kind == "identifier":
            why = f" ({found.names_rows})" if found.names_rows else ""
            log.warning("column %s: treated as an identifier%s; it is not learned but generated", name, why)
            column |= {"encoding": "none", **identifiers.measure(present)}
            made_as_text = column["style"] != "number" and not pd.api.types.is_string_dtype(values.dtype)
            return column | {"dtype": "object"} if made_as_text else column
        encoding = self.encodings.get(name) or (self.numbers if kind in kinds.NUMBERS else "onehot")
        if encoding == "onehot":
            return column | {"encoding": encoding} | self._values(values, kind)
        if kind == "datetime" and values.dtype.kind != "M":
            column |= {"format": found.form, "offset": found.offset}
        elif found.as_number:
            column["format"] = found.form
        numeric = kinds.as_numbers(values, column)
        if numeric is None:
            raise UserError(
                f"signal.encodings.{name}={encoding}: this encoding is for numbers, and the column is {kind}; use "
                "onehot",
                code="column.encoding_does_not_fit",
            )
        column |= grid.measure(numeric.dropna(), kind)
        v = np.sort(grid.to_unit(numeric.dropna(), column))
        if encoding == "auto":
            encoding = "ranges" if modes.heaped(v, self.ranges) else "mixture"
        column["encoding"] = encoding
        if encoding == "quantile":
            column["knots"] = quantiles.fit(v)
        column["modes"] = modes.ONE
        if encoding == "ranges":
            column["modes"] = modes.ranges(v, self.ranges)
        if encoding == "mixture":
            column["modes"] = modes.fit(v, self.modes, self.least_weight, self.fit_rows)
        column["bins"] = drawing.bins(v)
        return column

    def _values(self, values: pd.Series, kind: str) -> dict[str, Any]:
        facts = categories.measure(
            values, kind in ("ordinal", "boolean") or kinds.is_number(values), self.most_categories
        )
        if (rare := facts.get("rare")) is not None:
            count = int(values.nunique())
            kept = self.most_categories - 1
            lost = max(0, count - kept - categories.MOST_RARE)
            log.warning(
                "column %s: %s different values; all but the %s most frequent share one bucket, from which %s rare "
                "ones are drawn as often as they are%s. signal.most_categories=%s would keep more of them separate; "
                "signal.columns.%s=identifier would generate new ones",
                values.name, f"{count:,}", f"{kept:,}", f"{len(rare['values']):,}",
                f" (the other {lost:,} are left out)" if lost else "", 2 * self.most_categories, values.name,
            )  # fmt: skip
        return facts

    def _pick(self, odds: Tensor, rng: Rng) -> Tensor:
        """Log odds [N, M, K] → a mode for each number, int64 [N, M]."""
        if not self.draw_modes:
            return odds.argmax(2)
        shares = odds.softmax(2).cumsum(2)
        u = rng.uniform("mode", odds.shape[:2]).to(odds.device).unsqueeze(2)
        return (u >= shares / shares[..., -1:]).sum(2)


@dataclass(frozen=True)
class Plan:
    """Where the parts of a row go, as tensors.

    Attributes:
        category_starts: int64 [C]. value_starts: int64 [M].
        split: int64: which of the M have a mode block; mode_starts: int64 [M], where it starts.
        missing_modes: int64 [M], the mode of a missing number; may_miss: bool [M], whether there is one.
        means, scales, logits: float32 [M, K]; there: bool [M, K], whether there is such a mode; tail: which spans all.
    """

    category_starts: Tensor
    value_starts: Tensor
    split: Tensor
    mode_starts: Tensor
    missing_modes: Tensor
    may_miss: Tensor
    means: Tensor
    scales: Tensor
    logits: Tensor
    there: Tensor
    tail: Tensor

    @classmethod
    def of(cls, spec: Spec, device: torch.device) -> Plan:
        starts = {(b["column"], b["role"]): b["start"] for b in spec.state["blocks"]}
        numeric = [c for c in spec.state["columns"] if "modes" in c]
        counts = [len(c["modes"]["means"]) for c in numeric]
        most = max(counts, default=0)
        mode_starts = [starts.get((c["name"], "mode"), -1) for c in numeric]

        def whole(values: list[int]) -> Tensor:
            return torch.tensor(values, dtype=torch.int64, device=device)

        def padded(field: str, fill: float) -> Tensor:
            rows = [[*c["modes"][field], *[fill] * (most - k)] for c, k in zip(numeric, counts, strict=True)]
            return torch.tensor(rows, dtype=torch.float32, device=device).reshape(len(rows), most)

        order = torch.arange(most, device=device)
        may_miss = torch.tensor([c["missing"] > 0 for c in numeric], dtype=torch.bool, device=device)
        last = whole(counts).unsqueeze(1) - 1  # [M, 1]
        tails = torch.tensor([c["modes"]["tail"] for c in numeric], dtype=torch.bool, device=device).unsqueeze(1)
        scales = padded("scales", 1.0)
        return cls(
            category_starts=whole([start for (_, role), start in starts.items() if role == "category"]),
            value_starts=whole([starts[c["name"], "value"] for c in numeric]),
            split=whole([k for k, start in enumerate(mode_starts) if start >= 0]),
            mode_starts=whole(mode_starts),
            missing_modes=whole(counts) - 1 + may_miss.long(),
            may_miss=may_miss,
            means=padded("means", 0.0),
            scales=scales,
            logits=padded("weights", 1.0).log() - scales.log(),
            there=order <= last,
            tail=tails & (order == last),
        )


def restore(values: Any, column: dict[str, Any]) -> pd.Series:
    """Values, None where missing, as a column of the real one's type."""
    import pandas as pd

    dtype = column["dtype"]
    if dtype == "category":
        return pd.Series(pd.Categorical(values, categories=column["categories"], ordered=column["ordered"]))
    series = pd.Series(values, dtype=object)
    if dtype == "str" and int(pd.__version__.split(".")[0]) < 3:
        return series  # trained with pandas 3, used with pandas 2, which has no such type
    return series.astype(dtype)


def _frame_of(dataset: Dataset) -> Any:
    frame = getattr(dataset, "frame", None)
    if frame is None:
        raise UserError(
            f"data {dataset.name}: the table signal needs a table: a CSV, TSV or Parquet file, such as data=adult.csv",
            code="data.not_a_table",
        )
    return frame


def _blocks(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The layout of the encoded vector."""
    blocks: list[dict[str, Any]] = []

    def add(column: dict[str, Any], role: str, width: int, activation: str) -> None:
        start = blocks[-1]["start"] + blocks[-1]["width"] if blocks else 0
        name = column["name"]
        blocks.append({"column": name, "role": role, "start": start, "width": width, "activation": activation})

    for column in columns:
        if column["encoding"] == "onehot":
            add(column, "category", len(column["values"]), "softmax")
        elif column["encoding"] != "none":
            add(column, "value", 1, "tanh")
            if column["encoding"] in ("mixture", "ranges") or column["missing"]:
                add(column, "mode", len(column["modes"]["means"]) + (column["missing"] > 0), "softmax")
    return blocks


def _conditions(columns: list[dict[str, Any]], blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns that samples can be asked for by value, with their places in the vector of conditions."""
    block_starts = {block["column"]: block["start"] for block in blocks if block["role"] == "category"}
    found, start = [], 0
    for column in columns:
        if column["encoding"] == "onehot":
            width = len(column["values"])
            found.append(
                {
                    "column": column["name"],
                    "start": start,
                    "width": width,
                    "block_start": block_starts[column["name"]],
                    "frequencies": column["counts"],
                    "values": [categories.printable(k, column) for k in range(width)],
                }
            )
            start += width
    return found


def _stored(frame: Any, spec: Spec) -> np.ndarray:
    """Rows of a table as float32 [N, S]."""
    columns = spec.state["columns"]
    picked = [c for c in columns if c["encoding"] == "onehot"]
    numeric = [c for c in columns if "modes" in c]
    c, m = len(picked), len(numeric)
    stored = np.empty((len(frame), c + 2 * m), np.float32)
    for k, column in enumerate(picked):
        stored[:, k] = categories.codes(frame[column["name"]], column)
    for k, column in enumerate(numeric):
        values = kinds.as_numbers(frame[column["name"]], column)
        assert values is not None
        v = grid.to_unit(values, column)
        if column["encoding"] == "quantile":
            v = quantiles.encode(v, column["knots"])
        stored[:, c + k] = v
        stored[:, c + m + k] = np.nan_to_num(v - stored[:, c + k])
    return stored


def _part(rows: np.ndarray, block: dict[str, Any]) -> np.ndarray:
    return rows[:, block["start"] : block["start"] + block["width"]]


def _picked(places: np.ndarray, rows: np.ndarray, column: dict[str, Any]) -> pd.Series:
    """The values at some places of a category block."""
    values, other = list(column["values"]), column["other_at"]
    if other is None:
        return restore(values, column).take(places).reset_index(drop=True)
    values[other] = column["rare"]["values"][0]  # of the right type; each is drawn below
    series = restore(values, column).take(places).reset_index(drop=True)
    of_bucket = np.flatnonzero(places == other)
    if len(of_bucket):
        series.iloc[of_bucket] = restore(categories.draw_rare(rows[of_bucket], column), column).to_numpy()
    return series


def _measured(value: np.ndarray, mode: np.ndarray | None, column: dict[str, Any]) -> pd.Series:
    """Numbers or dates from their place in a mode [N] and the modes [N, K or K + 1]."""
    import pandas as pd

    found = column["modes"]
    which = np.zeros(len(value), np.int64) if mode is None else mode.argmax(1)
    missing = which == len(found["means"])
    which = np.where(missing, 0, which)
    # The same float32 numbers that encoding used.
    means, scales = (np.array(found[name], np.float32).astype(np.float64)[which] for name in ("means", "scales"))
    v = means + scales * value.clip(-1, 1).astype(np.float64)
    if column["encoding"] == "quantile":
        v = quantiles.decode(v, column["knots"])
    x = grid.from_unit(v, column)
    form = column.get("format")
    if isinstance(form, dict):
        decimals = None if column["grid"] is None else column["grid"]["decimals"]
        told = amounts.write(x, form, decimals)
        return restore([None if gone else text for text, gone in zip(told, missing, strict=True)], column)
    if column["kind"] != "datetime":
        series = pd.Series(x).astype(column["dtype"])
        return series.mask(pd.Series(missing)) if missing.any() else series
    times = pd.Series(x.astype(f"datetime64[{column['unit']}]"))
    if column["zone"] is not None:
        times = times.dt.tz_localize("UTC").dt.tz_convert(column["zone"])
    times = times.mask(pd.Series(missing))
    if form is None:
        return times.astype(column["dtype"])
    texts = dates.write(times, form, column.get("offset", ""))
    if "int" in column["dtype"].lower():  # 20240531
        texts = [None if text is None else int(text) for text in texts]
    return restore(texts, column)


def _asked(values: pd.Series, form: str) -> Look:
    """A form of dates that the user gave for a column."""
    present: Any = values.dropna()
    read = dates.read(present, form).notna()
    if read.mean() < dates.AT_LEAST:
        raise UserError(
            f"signal.formats.{values.name}={form}: {(~read).sum():,} of its {len(read):,} values are no such dates "
            f"(for example {present[~read.to_numpy()].iloc[0]!r}). Leave it out to detect the form",
            code="column.format_does_not_fit",
        )
    return Look(form)


def _renumbered(samples: pd.DataFrame, start: int, spec: Spec) -> pd.DataFrame:
    """The same rows, with the identifiers of the rows from `start` on."""
    found = [c for c in spec.state["columns"] if c["kind"] == "identifier"]
    made = {c["name"]: restore(identifiers.make(c, start, len(samples)), c) for c in found}
    return samples.assign(**made) if made else samples


def _plain(value: Any) -> Any:
    """A value as JSON can hold it."""
    return (
        value.tolist()
        if isinstance(value, np.generic)
        else value
        if isinstance(value, (str, int, float, bool))
        else str(value)
    )
