"""Reading tables: every bad file ends in a clear error or a repair that is said; what is good comes as it is."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from ganforge.core.component import build, to_plain
from ganforge.data.base import DataSource
from ganforge.data.path import PathData
from ganforge.engine.build import fingerprint
from ganforge.modalities.table.source import FrameData, TableFile, from_frame
from refused import refused

ROWS = [(20 + k % 50, ["Oslo", "Bergen"][k % 2], k / 100) for k in range(200)]
GOOD = "age,city,pay\n" + "".join(f"{a},{c},{p}\n" for a, c, p in ROWS)
FRAME = pd.DataFrame(ROWS, columns=["age", "city", "pay"])


def put(tmp_path, content, name="t.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def read(tmp_path, content, name="t.csv"):
    return PathData(path=put(tmp_path, content, name), holdout=0).open()


def refuses(tmp_path, code, content, *words, name="t.csv", **fields):
    path = put(tmp_path, content, name)
    with refused(code, *words):
        (TableFile(path=path, **fields) if fields else PathData(path=path)).open()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", GOOD),
        ("t.tsv", GOOD.replace(",", "\t")),
        ("semicolons.csv", GOOD.replace(",", ";")),
        ("bars.csv", GOOD.replace(",", "|")),
        ("spaces.csv", GOOD.replace(",", ", ")),
        ("crlf.csv", GOOD.replace("\n", "\r\n")),
        ("bom.csv", GOOD.encode("utf-8-sig")),
        ("wide.csv", GOOD.encode("utf-16")),
        ("packed.csv.gz", gzip.compress(GOOD.encode())),
        ("no-end.csv", GOOD.rstrip("\n")),
        ("blank-lines.csv", GOOD.replace("\n", "\n\n")),
        ("quoted.csv", GOOD.replace("Oslo", '"Oslo"')),
    ],
)
def test_a_good_table_is_read_whatever_its_form(tmp_path, name, content):
    data = read(tmp_path, content, name)
    pd.testing.assert_frame_equal(data.frame, FRAME, check_exact=True)
    assert (data.notes, data.skipped) == ([], [])
    assert data.read(1).tolist() == [21, "Bergen", 0.01]
    assert data.shapes() == {((3,), "object"): 200}


@pytest.mark.parametrize(
    ("encoding", "word", "said"), [("gb18030", "北京市", "gb18030"), ("cp1252", "Zürich à côté", "cp1252")]
)
def test_other_encodings_are_found_and_said(tmp_path, encoding, word, said):
    text = "city,v\n" + "".join(f"{word} {k},{k}\n" for k in range(50))
    data = read(tmp_path, text.encode(encoding))
    assert data.frame["city"][3] == f"{word} 3"
    assert said in data.notes[0]
    again = TableFile(path=put(tmp_path, text.encode(encoding)), encoding=encoding, holdout=0).open()
    assert again.notes == []


def test_parquet_comes_with_its_types(tmp_path):
    frame = FRAME.assign(
        day=pd.date_range("2024-01-01", periods=200).astype("datetime64[us]"),
        kind=pd.Categorical(["a", "b"] * 100),
        some=pd.array([None, 3] * 100, dtype="Int8"),
    )
    frame.to_parquet(tmp_path / "t.parquet")
    data = PathData(path=str(tmp_path / "t.parquet"), holdout=0, signal="table").open()  # a day a row is a series
    pd.testing.assert_frame_equal(data.frame, frame)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ("", "data.empty_file", ["t.csv"]),
        ("\n\n \n", "data.empty_file", ["t.csv"]),
        ("a,b,c\n", "table.no_rows", ["a, b, c"]),
        ("1,2\n3,4\n", "table.no_header", ["(1, 2)", "data.header=false"]),
        (
            "a,b\n" + "1,2,3\n" * 50 + "1,2\n" * 50,
            "table.field_counts_differ",
            ["50 of its 100 rows", "line 2: 3 fields where 2 are expected"],
        ),
        ('a,b\n1,"x\n' + "2,y\n" * 2000, "table.quote_not_closed", ["line 2"]),
        (b"PK\x03\x04xxxx", "table.not_text", ["workbook"]),
        (b"a,b\n\0\0,1\n", "table.not_text", ["zero bytes"]),
    ],
)
def test_what_cannot_be_a_table_is_refused(tmp_path, content, code, words):
    refuses(tmp_path, code, content, *words)


def test_fields_that_are_wrong_are_refused(tmp_path):
    refuses(tmp_path, "table.wrong_delimiter", GOOD, "data.delimiter=';'", "Leave it out", delimiter=";")
    refuses(tmp_path, "table.wrong_encoding", "ä,b\n1,2\n", "ascii", encoding="ascii")
    refuses(tmp_path, "table.unknown_encoding", GOOD, "data.encoding=utf-99", encoding="utf-99")
    refuses(tmp_path, "table.unreadable", b"nothing", "Parquet", name="t.parquet")
    with refused("data.not_found", "none.csv"):
        TableFile(path=str(tmp_path / "none.csv")).open()


@pytest.mark.parametrize("names", ["preis;menge", "preis;menge;steuer", "preis;menge;steuer;rabatt"])
def test_decimal_commas_are_not_taken_for_the_delimiter(tmp_path, names):
    columns = names.split(";")
    rows = [
        ";".join(f"{k + c},{k % 100:02d}" if c % 2 == 0 else str(k) for c in range(len(columns))) for k in range(120)
    ]
    data = read(tmp_path, "\n".join([names, *rows]))
    assert data.frame.columns.tolist() == columns
    assert len(data) == 120


def test_a_few_ragged_rows_are_left_out_and_named(tmp_path):
    data = read(tmp_path, GOOD + "1,2\n1,2,3,4\n" + "9,Oslo,9\n")
    assert len(data) == 201
    assert [where.rsplit(", ")[-1] for where, _ in data.skipped] == ["line 202", "line 203"]
    assert data.skipped[1][1] == "4 fields where 3 are expected"
    assert data.frame["age"].iloc[-1] == 9


def test_quotes_may_hold_delimiters_line_ends_and_quotes(tmp_path):
    data = read(tmp_path, 'a,b\n1,"x, ""y""\nz"\n2,q\n3,5" screw\n')
    assert data.frame["b"].tolist() == ['x, "y"\nz', "q", '5" screw']
    assert data.skipped == []


def test_names_that_repeat_or_are_missing_are_made_and_said(tmp_path):
    data = read(tmp_path, "a,a, b ,\n1,2,3,4\n5,6,7,8\n")
    assert list(data.frame) == ["a", "a.2", "b", "column 4"]
    assert len(data.notes) == 2
    assert "'a.2'" in data.notes[0]


def test_numbers_with_a_few_words_among_them_stay_numbers_and_it_is_said(tmp_path):
    data = read(tmp_path, "a,b\n" + "".join(f"{k},{k if k % 20 else 'n/k'}\n" for k in range(1, 100)))
    assert data.frame["b"].dtype == "Int64"
    assert data.frame["b"].isna().sum() == 4
    assert "'n/k' (4)" in data.notes[0]


def test_numbers_and_words_half_and_half_are_text_and_it_is_said(tmp_path):
    data = read(tmp_path, "a,b\n" + "".join(f"{k},{k if k % 3 else f'x{k}'}\n" for k in range(1, 100)))
    assert data.frame["b"][0] == "1"
    assert "read as text" in data.notes[0]


def test_an_empty_column_is_kept_and_said(tmp_path):
    data = read(tmp_path, "a,b\n" + "".join(f"{k},\n" for k in range(30)))
    assert data.frame["b"].isna().all()
    assert "every value of 'b' is missing" in data.notes[0]


def test_codes_with_leading_zeros_stay_texts(tmp_path):
    data = read(tmp_path, "zip,v\n" + "".join(f"0{1000 + k},{k}\n" for k in range(30)))
    assert data.frame["zip"][0] == "01000"


def test_whole_numbers_some_of_them_missing_stay_whole(tmp_path):
    data = read(tmp_path, "a,b\n1,x\n,y\n3,z\n")
    assert data.frame["a"].dtype == "Int64"


def test_texts_that_mean_missing_can_be_named(tmp_path):
    path = put(tmp_path, "a,b\n1,?\n2,x\n3,-\n")
    assert TableFile(path=path, missing=("?", "-")).open().frame["b"].isna().tolist() == [True, False, True]


def test_a_table_without_a_line_of_names(tmp_path):
    path = put(tmp_path, "1,2\n3,4\n")
    data = TableFile(path=path, header=False).open()
    assert list(data.frame) == ["column 1", "column 2"]
    assert len(data) == 2


def test_frames_with_odd_columns():
    endless = from_frame("t", pd.DataFrame({"x": [1.0, np.inf, 2.0]}))
    assert endless.frame["x"].isna().tolist() == [False, True, False]
    assert "infinite" in endless.notes[0]
    mixed = from_frame("t", pd.DataFrame({"x": ["a", "b", "c", 2.5, None]}))
    assert mixed.frame["x"].tolist()[:4] == ["a", "b", "c", "2.5"]
    assert mixed.frame["x"].isna().tolist() == [False, False, False, False, True]
    assert "mixes" in mixed.notes[0]
    for odd in ([[1], [2]], [{"a": 1}, {}], pd.to_timedelta([1, 2]), [1j, 2j]):
        with refused("column.type_not_supported", "column 'x'"):
            from_frame("t", pd.DataFrame({"x": odd}))
    with refused("table.no_rows", "data t"):
        from_frame("t", FRAME.iloc[:0])
    with refused("table.no_columns", "data t"):
        from_frame("t", pd.DataFrame(index=[1, 2]))


def test_a_frame_in_memory_is_known_by_its_content():
    source = FrameData.of(FRAME)
    pd.testing.assert_frame_equal(source.open().frame, FRAME)
    assert FrameData.of(FRAME.copy()) == source
    assert FrameData.of(FRAME.assign(age=1)) != source
    stored = build(DataSource, to_plain(source))
    with refused("data.not_stored", "data=table.csv"):
        stored.open()


def test_a_changed_table_is_known_as_another(tmp_path):
    one, same, other = (fingerprint(read(tmp_path, text)) for text in (GOOD, GOOD, GOOD.replace("20,", "21,", 1)))
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("big5", ["台灣", "高雄", "圖書館"]),
        ("gb18030", ["北京大学", "图书馆", "铁观音", "鞍钢"]),
        ("cp932", ["東京", "テレビ", "ひらがな", "渡辺"]),
        ("cp1252", ["café", "naïf", "ação", "Müller", "ÉCOLE"]),
        ("cp1251", ["Москва", "ОМСК", "ёж", "привет мир"]),
    ],
)
def test_text_of_other_scripts_is_told_apart(tmp_path, encoding, words):
    path = tmp_path / "t.csv"
    path.write_text("a,v\n" + "".join(f"{words[k % len(words)]},{k}.5\n" for k in range(120)), encoding=encoding)
    table = TableFile(path=str(path), holdout=0).open()
    assert table.frame["a"].tolist() == [words[k % len(words)] for k in range(120)]
    assert f"read as {encoding}" in table.notes[0]
    assert "cp932" in table.notes[0], "what was tried is named"


def test_a_text_of_no_known_encoding_names_those_that_were_tried(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"a,b\n" + b"\x98\xff\x81,\xff\x00".replace(b"\x00", b"\x81") + b"\n1,2\n")
    with refused("table.unknown_text", "big5", "cp1251", "data.encoding"):
        TableFile(path=str(path)).open()


def test_names_that_are_numbers_as_the_cells_below_are_said(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("39, State-gov, 77516\n50, Private, 83311\n38, Private, 215646\n")
    table = TableFile(path=str(path)).open()
    assert table.frame.columns.tolist() == ["39", "State-gov", "77516"]
    (note,) = [note for note in table.notes if "data.header=false" in note]
    assert "'39', '77516'" in note
    path.write_text("year,2019,2020\na,b,c\n1,2,3\n")
    assert not any("header" in note for note in TableFile(path=str(path)).open().notes), "texts stand below 2019"
