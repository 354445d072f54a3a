"""Columns described by hand: the spec is a function of the description alone, and each cell is read by itself."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from ganforge.core.component import build
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.table.columns import grid
from ganforge.modalities.table.columns.public import key
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import FrameData, TableFile, from_frame, part_of
from ganforge.recipes import make_recipe
from ganforge.registry import load_all
from refused import refused

load_all()
KNOWN = {
    "age": {"kind": "integer", "min": 0, "max": 120},
    "gain": {"kind": "integer", "min": 0, "max": 100_000, "bins": [0, 1, 5000]},
    "price": {"kind": "continuous", "min": 0, "max": 10, "decimals": 2, "missing": True},
    "rate": {"kind": "continuous", "min": -1.0, "max": 1.0, "bins": 1},
    "town": {"kind": "categorical", "values": ["Lima", "Oslo"], "other": "elsewhere"},
    "maybe": {"kind": "categorical", "values": ["yes", "no"], "missing": True},
    "strict": {"kind": "categorical", "values": ["a", "b"]},
    "grade": {"kind": "ordinal", "values": [1, 2, 3]},
    "flag": "boolean",
    "born": {"kind": "datetime", "min": "2000-01-01", "max": "2020-12-31"},
    "told": {"kind": "datetime", "min": "01.01.2024 00:00", "max": "31.01.2024 00:00", "step": "hour",
             "format": "%d.%m.%Y %H:%M"},
    "same": {"kind": "constant", "value": "x"},
    "id": "identifier",
}  # fmt: skip


def rows(n: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    day = pd.Timestamp("2000-01-01") + pd.to_timedelta(rng.integers(0, 7000, n), unit="D")
    hour = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, n), unit="h")
    return pd.DataFrame(
        {
            "age": rng.integers(0, 121, n),
            "gain": np.where(rng.random(n) < 0.8, 0, rng.integers(1, 100_001, n)),
            "price": pd.Series(rng.integers(0, 1001, n) / 100).mask(rng.random(n) < 0.2),
            "rate": rng.uniform(-1, 1, n),
            "town": rng.choice(["Lima", "Oslo", "elsewhere"], n),
            "maybe": pd.Series(rng.choice(["yes", "no"], n)).mask(rng.random(n) < 0.2),
            "strict": rng.choice(["a", "b"], n),
            "grade": rng.integers(1, 4, n),
            "flag": rng.random(n) < 0.5,
            "born": day.strftime("%Y-%m-%d"),
            "told": hour.strftime("%d.%m.%Y %H:%M"),
            "same": "x",
            "id": [f"secret-{seed}-{k}" for k in range(n)],
        }
    )


def signal_of(known=KNOWN) -> Table:
    return build(Table, {"public": known})


def spec_of(frame: pd.DataFrame, signal: Table) -> Spec:
    return signal.spec(signal.items(from_frame("table", frame)), lambda shape: shape)


def encoded(frame: pd.DataFrame, known=KNOWN) -> torch.Tensor:
    signal = signal_of(known)
    data = signal.items(from_frame("table", frame))
    spec = signal.spec(data, lambda shape: shape)
    stored = signal.prepare_all(data, spec)
    assert np.array_equal(stored[0], signal.prepare(data.read(0), spec), equal_nan=True), "a row by itself"
    return signal.encode(torch.from_numpy(stored), spec, Rng(0))


def one(cells: list, known: dict) -> torch.Tensor:
    """The encoded rows [N, D] of a table of one column."""
    return encoded(pd.DataFrame({"x": cells}), {"x": known})


def test_two_tables_under_one_description_have_one_spec_byte_for_byte():
    odd = rows(97, 1).assign(age=-5, price=np.nan, town="Atlantis", maybe=None, grade=9, flag="?", born="x", same=3.5)
    specs = [spec_of(frame, signal_of()) for frame in (rows(), rows(2000, 2), odd)]
    texts = {json.dumps(spec.to_plain()) for spec in specs}
    assert len(texts) == 1
    assert "secret" not in texts.pop()
    few = [rows(n)[["grade", "town"]] for n in (60, 61)]
    assert spec_of(few[0], Table()).state != spec_of(few[1], Table()).state, "measured, they differ"


def test_what_fits_the_description_comes_back_as_it_was():
    frame, signal = rows(300), signal_of()
    spec = Spec.from_plain(json.loads(json.dumps(spec_of(frame, signal).to_plain())))
    made = signal.decode(encoded(frame), spec)
    assert list(made) == list(frame)
    for name in ("age", "gain", "price", "town", "maybe", "strict", "grade", "flag", "told", "same"):
        pd.testing.assert_series_equal(made[name], frame[name], check_dtype=name not in ("price",))
    assert np.allclose(made["rate"], frame["rate"], atol=1e-6)
    assert (made["born"] == pd.to_datetime(frame["born"])).all()
    assert made["id"].tolist() == list(range(1, 301))
    assert [str(made[name].dtype) for name in ("age", "price", "rate", "flag")] == [
        "int64",
        "float64",
        "float64",
        "bool",
    ]


def test_no_row_changes_how_another_is_read():
    """One odd row turns a whole column of a file into text, or into numbers; what the others are stays."""
    frame = rows(40)
    odd = {
        "age": "n/a", "gain": 0.5, "price": "?", "rate": "x", "town": 7, "maybe": 1.5, "strict": True, "grade": "A",
        "flag": "perhaps", "born": pd.Timestamp("2001-02-03 04:05"), "told": 5, "same": None, "id": None,
    }  # fmt: skip
    before = encoded(frame)
    for name, value in odd.items():
        mixed = pd.concat([frame, frame.tail(1)], ignore_index=True)
        mixed[name] = pd.Series([*frame[name].tolist(), value], dtype=object)
        assert torch.equal(encoded(mixed)[:40], before), name
    texts = frame.astype(object).where(frame.isna(), frame.astype(str))
    assert torch.equal(encoded(texts), before), "all cells as texts"


def test_a_file_reads_as_its_rows_do_one_by_one(tmp_path):
    frame = pd.DataFrame(
        {"x": ["1", "2", "07", "TRUE", "", "3.0", "inf", "b"], "y": ["1", "2", "3", "4", "5", "6", "7", "8"]}
    )
    known = {"x": {"kind": "categorical", "values": [1, 2, 3, 7, "true", "b"], "missing": True},
             "y": {"kind": "integer", "min": 0, "max": 9}}  # fmt: skip
    signal = signal_of(known)

    def stored(part: pd.DataFrame) -> np.ndarray:
        part.to_csv(tmp_path / "part.csv", index=False)
        data = signal.items(TableFile(path=str(tmp_path / "part.csv"), holdout=0).open())
        return signal.prepare_all(data, signal.spec(data, lambda shape: shape))

    whole = stored(frame)
    for k in range(len(frame) - 1):
        assert np.array_equal(stored(frame.iloc[k : k + 2]), whole[k : k + 2]), k


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([1, 1.0, "1", " 1.00 ", np.int8(1), np.float32(1), "1e0"], "1"),
        ([True, "true", "TRUE", np.bool_(True)], "true"),
        ([float("nan"), float("inf"), "-Infinity", "", "  "], None),
        ([" Oslo", "Oslo "], "Oslo"),
        ([0.1, "0.1", "1e-1", np.float64(0.1)], "0.1"),
    ],
)
def test_one_form_for_all_that_means_the_same(cells, text):
    assert {key(cell) for cell in cells} == {text}


class TestWhatFitsNothing:
    def test_numbers_are_cut_to_the_bounds(self):
        x = one([-1e300, -1, 0, 100, 101, 1e300], {"kind": "integer", "min": 0, "max": 100, "bins": 1})
        assert x[:, 0].tolist() == [-1, -1, -1, 1, 1, 1]

    def test_values_that_are_not_listed_go_to_other(self):
        x = one(["a", "z", "o", None], {"kind": "categorical", "values": ["a", "b"], "other": "o", "missing": True})
        assert x.argmax(1).tolist() == [0, 2, 2, 3]

    def test_without_other_they_count_as_missing(self):
        x = one(["a", "z", None], {"kind": "categorical", "values": ["a", "b"], "missing": True})
        assert x.argmax(1).tolist() == [0, 2, 2]

    @pytest.mark.parametrize(
        "known",
        [
            {"kind": "categorical", "values": ["1", "2"]},
            {"kind": "integer", "min": 0, "max": 100},
            {"kind": "integer", "min": 0, "max": 100, "bins": 1},
            {"kind": "datetime", "min": "2024-01-01", "max": "2024-12-31"},
        ],
    )
    def test_where_none_may_be_missing_they_are_blank(self, known):
        assert not one(["odd", "odder", None], known).any()

    def test_dates_are_cut_to_the_bounds_and_to_the_step(self):
        known = {"kind": "datetime", "min": "2024-01-01", "max": "2024-01-31", "bins": 1, "missing": True}
        x = one(["1999-01-01", "2024-01-16T23:59:59", "2050-01-01", "soon", "2024-01-16"], known)
        assert x[:, 0].tolist() == pytest.approx([-1, 0, 1, 0, 0])
        assert x[:, 2].tolist() == [0, 0, 0, 1, 0]


def test_bins_are_where_the_description_puts_them():
    known = {"kind": "integer", "min": 0, "max": 100_000, "bins": [0, 1, 5000]}
    x = one([0, 1, 4999, 5000, 100_000], known)
    assert x[:, 1:].argmax(1).tolist() == [0, 1, 1, 2, 2]
    assert x[:, 0].abs().max() < 1
    assert x[0, 0] == pytest.approx(0, abs=1e-3), "the middle of a bin of one number"
    (column,) = spec_of(pd.DataFrame({"x": [0, 1]}), signal_of({"x": known})).state["columns"]
    ends = np.array(
        [m + s * e for m, s in zip(*(column["modes"][k] for k in ("means", "scales")), strict=True) for e in (-1, 1)]
    )
    assert grid.from_unit(ends * 0.9999999, column).min() == 0


def test_a_chart_shows_nothing_of_the_real_table(tmp_path):
    frame = rows(80)[["age", "gain", "price", "town"]]
    gray = []
    for signal in (signal_of({name: KNOWN[name] for name in frame}), Table(numbers="minmax")):
        spec = spec_of(frame, signal)
        (tmp_path / "a.png").write_bytes(signal.render(frame, spec, 5)[0].data)
        with Image.open(tmp_path / "a.png") as picture:
            pixels = {color: count for count, color in picture.getcolors(1 << 20)}
        assert pixels[47, 109, 179] > 5000
        gray.append(pixels.get((212, 211, 208), 0))  # that of real values, three tenths opaque
    assert gray[0] < 300 < 5000 < gray[1], "what is left are edges of letters"


def test_what_could_not_be_read_is_not_told():
    signal = signal_of({"x": {"kind": "integer", "min": 0, "max": 9}})
    data = from_frame("table", pd.DataFrame({"x": [1, 2]}), notes=["'x' holds 'Bob'"], skipped=[("line 3", "2 fields")])
    assert (signal.items(data).skipped, signal.items(data).notes) == ([], [])
    assert data.skipped, "the set itself stays as it is"


def test_a_file_of_columns_is_kept_in_the_recipe(tmp_path):
    """So that a run can be resumed, and shows what it was told, when the file is gone or changed."""
    file = tmp_path / "columns.yaml"
    file.write_text("age: {kind: integer, min: 0, max: 9}\nseen: {kind: datetime, min: 2024-01-01, max: 2024-12-31}\n")
    signal = make_recipe("ctgan", overrides=[f"signal.public={file}"]).signal
    assert isinstance(signal, Table)
    assert signal.public is not None
    assert [column.kind for column in signal.public.values()] == ["integer", "datetime"]
    assert signal == signal_of(json.loads(json.dumps({
        "age": {"kind": "integer", "min": 0, "max": 9},
        "seen": {"kind": "datetime", "min": "2024-01-01", "max": "2024-12-31"},
    })))  # fmt: skip
    assert signal.data_statistics == ""
    assert Table().data_statistics


INVALID = "config.invalid_value"


class TestRefused:
    @pytest.mark.parametrize(
        ("known", "code", "named"),
        [
            ({"kind": "integer", "min": 9, "max": 9}, INVALID, "min must be below max"),
            (
                {"kind": "integer", "min": 0, "max": 9, "bins": [0, 5, 5]},
                INVALID,
                "ascending, from min to below max",
            ),
            ({"kind": "integer", "min": 0, "max": 9, "bins": 0}, INVALID, "from 1 to 1000"),
            (
                {"kind": "continuous", "min": 0, "max": 1e-3, "decimals": 2},
                INVALID,
                "min and max are the same number",
            ),
            (
                {"kind": "categorical", "values": [True, False]},
                INVALID,
                "YAML reads yes, no, on and off",
            ),
            ({"kind": "categorical", "values": ["1", 1.0]}, INVALID, "listed twice"),
            ({"kind": "categorical", "values": ["1"]}, INVALID, "Set kind: constant"),
            ({"kind": "datetime", "min": "soon", "max": "2024-01-01"}, INVALID, "'soon' is not a date"),
            (
                {"kind": "datetime", "min": "2024-01-01", "max": "2024-01-01T05:00"},
                INVALID,
                "less than a day apart",
            ),
            ({"kind": "integer", "min": 0, "max": 9, "mean": 3}, "config.unknown_field", "has no field 'mean'"),
            ("whole", "config.unknown_kind", "unknown column 'whole'"),
        ],
    )
    def test_a_description_that_says_nothing_clear(self, known, code, named):
        with refused(code, "public.x", named):
            signal_of({"x": known})

    def test_a_file_that_is_not_there(self):
        with refused("config.not_readable", "signal.public: nowhere.yaml"):
            build(Table, {"public": "nowhere.yaml"})

    def test_columns_that_are_not_described_or_not_there(self):
        frame = pd.DataFrame({"age": [1, 2], "town": ["a", "b"]})
        known = {"age": {"kind": "integer", "min": 0, "max": 9}}
        with refused("column.not_described", "signal.public", "'town'"):
            spec_of(frame, signal_of(known))
        with refused("column.not_found", "'towns'; did you mean 'town'"):
            spec_of(frame, signal_of(known | {"town": "boolean", "towns": "boolean"}))

    def test_two_ways_of_saying_what_a_column_is(self):
        with refused("column.described_twice", "signal.columns", "signal.public"):
            spec_of(rows(), replace(signal_of(), columns={"age": "ordinal"}))


def test_a_recipe_tells_no_digest_of_rows_where_asked_not_to():
    frame = rows()
    assert FrameData.of(frame).discloses
    assert FrameData.of(frame, named=False).discloses == ""
    assert FrameData.of(frame, named=False) == FrameData.of(rows(9, 5), named=False), "as a recipe has them"


def test_no_cell_is_left_out_because_of_what_other_rows_hold():
    """In a column of which nearly all values are dates, `7` counts as missing; described by hand, it is still 7."""
    texts = [f"2024-01-{k:02d}" for k in range(1, 20)] + ["7"]
    data = from_frame("table", pd.DataFrame({"x": texts, "y": range(20)}))
    assert data.frame["x"].isna().tolist() == [False] * 19 + [True]
    assert data.as_written()["x"].iloc[-1] == "7"
    signal = signal_of({"x": {"kind": "integer", "min": 0, "max": 9}, "y": {"kind": "integer", "min": 0, "max": 99}})
    alone = from_frame("table", pd.DataFrame({"x": ["7", "7"], "y": [19, 19]}))
    spec = signal.spec(data, lambda shape: shape)
    stored = [np.asarray(signal.prepare_all(one, spec)) for one in (data, alone)]
    assert (stored[0][-1] == stored[1][-1]).all()


def test_a_part_of_a_table_has_the_cells_of_its_rows():
    texts = [str(day.date()) for day in pd.date_range("2024-01-01", periods=300)]
    for k in range(0, 300, 20):
        texts[k] = f"no date {k}"
    whole = from_frame("table", pd.DataFrame({"x": texts}))
    for split in ("train", "test"):
        part = part_of(whole, split, 0.3)
        assert part.rows is not None
        assert part.frame["x"].isna().any()
        assert part.as_written()["x"].tolist() == [texts[k] for k in part.rows]
