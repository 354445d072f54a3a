"""Tables as a signal: columns measured once, rows kept as a few floats, encoded to blocks and decoded to a DataFrame.

S: floats kept a row. C: columns with a category block, M: columns of numbers (S = C + 2 · M), K: modes at most.
D: width of the encoded vector. N: rows.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core import media, scratch
from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.extras import need
from ganforge.core.language import listed, phrase
from ganforge.core.media import Media
from ganforge.core.overrides import assignment
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.table import choose, drawing, findings, given, inspect, layout, measuring, rows, where
from ganforge.modalities.table.columns.kinds import Kind
from ganforge.modalities.table.columns.public import Described, described
from ganforge.modalities.table.example import write_example
from ganforge.modalities.table.files import APPENDERS, FORMATS
from ganforge.modalities.table.source import TableSet
from ganforge.modalities.table.tasks.conditions import CONDITION
from ganforge.signals import (
    Appender,
    Card,
    Condition,
    Exporter,
    FileUse,
    Inspection,
    Nearest,
    Noun,
    Signal,
    Steps,
    Usage,
)

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("ganforge")

Encoding = Literal["auto", "mixture", "mixed", "ranges", "minmax", "quantile", "onehot"]


class Table(Signal, kind="table"):
    """Rows of a table. Numbers are seen within the modes of their column, everything else as one of its values.

    What a column is, is found: categorical, ordinal (few numbers, or categories with an order), boolean, continuous,
    integer, datetime, constant, identifier or name. A missing value is a mode of its own. Constants, identifiers and
    names are not learned: identifiers are made again, names drawn as often as they occur. Precision, bounds and types
    come back as they were.
    """

    noun = Noun("row", "rows", "a table")
    array_name = ""
    exporters: ClassVar[Mapping[str, Exporter]] = FORMATS
    appenders: ClassVar[Mapping[str, Appender]] = APPENDERS
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
    """How the nets see single columns: auto, mixture, mixed, ranges, minmax, quantile or onehot, as in
    `signal.encodings.price=quantile`."""
    numbers: Literal["auto", "mixture", "mixed", "ranges", "minmax", "quantile"] = "mixture"
    """How the nets see numbers and dates: by their column's modes (mixture, CTGAN's way), by modes of which each number
    that many rows have is one (mixed, CTAB-GAN's way), by ranges of as many rows each, scaled to [-1, 1] (minmax), or
    as the share of the column below them (quantile). auto: by ranges where a column heaps up at some number, else by
    modes."""
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
        measured = phrase("bounds of numbers, real categories, and how often each occurs")
        return "" if self.public is not None else measured

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        usual = cls()
        return inspect.inspection(dataset, usual.few, usual.most_categories)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(dataset, machine, cls().few)

    def items(self, dataset: Dataset) -> Dataset:
        if self.public is None:
            return dataset
        quiet = copy.copy(dataset)
        quiet.skipped, quiet.notes = [], []  # type: ignore[attr-defined]  # which rows cannot be read would be logged
        return quiet

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        need("sklearn", "learning a table")
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
            detected = getattr(dataset, "detected", {})
            columns = [measuring.measure(frame[name], detected.get(name), self) for name in frame.columns]
        else:
            if self.columns or self.encodings:
                raise UserError(
                    "signal.columns, signal.encodings: the kinds of columns are already given by signal.public; leave "
                    "these out",
                    code="column.described_twice",
                )
            columns = described(self.public, frame.columns)
        blocks = layout.blocks_of(columns)
        if not blocks:
            raise UserError(
                f"data {dataset.name}: every column is constant or an identifier, so there is nothing to learn. If "
                f"that is wrong: {assignment('signal.columns', columns[0]['name'], 'categorical')} (or integer, "
                "continuous, ...)",
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
            "conditions": [] if self.public is not None else layout.conditions_of(columns, blocks),
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
            return rows.stored(self._read(pd.DataFrame(cells)), spec)[0]
        cells = {c["name"]: rows.restore([v], c) for c, v in zip(spec.state["columns"], item, strict=True)}
        return rows.stored(pd.DataFrame(cells), spec)[0]

    def prepare_all(self, dataset: Dataset, spec: Spec) -> np.ndarray:
        """float32 [N, S]: the place of each category; numbers in [-1, 1] (NaN: missing); what float32 lost of these."""
        cells = self._cells_of(dataset)
        if not scratch.is_long(len(cells)):
            return rows.stored(self._read(cells), spec)
        kept = np.empty((0, 0))
        for part in scratch.pieces(len(cells)):
            some = rows.stored(self._read(cells.iloc[part].reset_index(drop=True)), spec)
            if not part.start:
                kept = scratch.zeros((len(cells), some.shape[1]), np.float32)
            kept[part] = some
        return kept

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        """[N, S] → [N, D]. Which mode a number is of is drawn here, again at each look: it is no fact about a row."""
        return layout.encode(stored, spec, rng if self.draw_modes else None)

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
        need("pandas", "a table")
        return rows.decoded(x.detach().float().cpu().numpy(), spec)

    def join(self, parts: Sequence[Any], spec: Spec) -> pd.DataFrame:
        """Decoded parts as one table, with identifiers that go on from part to part."""
        import pandas as pd

        return rows.renumbered(pd.concat(list(parts), ignore_index=True), 0, spec)

    def returned(self, samples: pd.DataFrame, spec: Spec) -> pd.DataFrame:
        return given.returned(samples, spec.state["given"]) if "given" in spec.state else samples

    def describe(self, spec: Spec) -> str:
        return phrase("a row of {count} columns", count=len(spec.state["names"]))

    def card(self, spec: Spec) -> Card:
        names = spec.state["names"]
        return Card(
            phrase("rows of a table; columns: {count}", count=len(names)),
            (phrase("Columns: {names}.", names=listed(names, 30)),),
            missing=("tv", "contingency"),
            copied=("dcr", "exact_copies"),
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
        rows.renumbered(samples, start, spec).to_csv(path, index=False)
        return [path]

    def batch_size(self, spec: Spec) -> int:
        return 4_096

    def where(self, texts: Sequence[str], spec: Spec) -> Condition:
        clauses = where.read(texts, spec)

        def holds(made: pd.DataFrame) -> np.ndarray:
            return np.logical_and.reduce([clause.holds(made) for clause in clauses])

        place = where.condition_of(clauses, spec)
        extra = {} if place is None else {CONDITION: torch.tensor(place)}
        return Condition(" and ".join(texts), holds, extra)

    def where_columns(self, spec: Spec) -> list[dict[str, Any]]:
        facts = ("name", "kind", "values", "low", "high")
        return [{key: column[key] for key in facts if key in column} for column in spec.state["columns"]]

    def file_use(self, model: Any) -> FileUse | None:
        from ganforge.modalities.table import completed_files, completing

        return completed_files.file_use(model) if completing.can_complete(model) else None

    def frame(self, sample: Any, spec: Spec) -> np.ndarray:
        """One row, a value a column, as a card to read."""
        return drawing.card(sample, spec)

    def frames_of(self, samples: pd.DataFrame, spec: Spec) -> list[np.ndarray]:
        return [self.frame(row, spec) for row in samples.itertuples(index=False, name=None)]

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


def _frame_of(dataset: Dataset) -> Any:
    frame = getattr(dataset, "frame", None)
    if frame is None:
        raise UserError(
            f"data {dataset.name}: the table signal needs a table: a CSV, TSV or Parquet file, such as data=adult.csv",
            code="data.not_a_table",
        )
    return frame
