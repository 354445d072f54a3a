"""Tables of conditions beside files: which row is whose, which column is what, and what goes wrong."""

from __future__ import annotations

import json

import numpy as np
import pytest
from labeled import table_rows, write_table

from ganforge.core.condition_kinds import Angle, Category, Labels, Number, Ordinal
from ganforge.data.path import PathData
from refused import refused


def opened(photos, labels, **fields):
    return PathData(path=str(photos), labels=str(labels), **fields).open()


def said(dataset) -> str:
    return " ".join(line.text for line in dataset.reading())


def test_kinds_are_found_and_values_are_those_of_the_table(photos, labels):
    data = opened(photos, labels)
    kinds = {one.name: type(one) for one in data.conditions.each}
    assert kinds == {"color": Category, "angle": Angle, "width": Number, "stars": Ordinal, "tags": Labels}
    assert data.labels is None
    for row, found in zip(table_rows(), data.conditions.decode(data.vectors), strict=True):
        assert found[0] == row["color"]
        assert found[1:3] == pytest.approx((float(row["angle"]), float(row["width"])), abs=1e-3)
        assert found[3] == row["stars"]
        assert found[4] == tuple(filter(None, row["tags"].split("|")))
    assert "conditions from" in said(data)
    assert "angle (angle: 0 to 360, periodic)" in said(data)


def test_the_order_of_rows_does_not_matter(photos, labels, tmp_path):
    other = write_table(tmp_path / "l.csv", table_rows()[::-1])
    assert np.array_equal(opened(photos, other).vectors, opened(photos, labels).vectors)


@pytest.mark.parametrize("form", ["stems", "paths", "gb18030", "semicolons", "parquet", "jsonl", "utf-8-sig"])
def test_other_ways_to_write_the_same_table(photos, labels, tmp_path, form):
    rows = table_rows()
    if form == "stems":
        path = write_table(tmp_path / "l.csv", [row | {"file": row["file"].removesuffix(".png")} for row in rows])
    elif form == "paths":  # of a folder above
        photos = photos.parent
        path = write_table(tmp_path / "l.csv", [row | {"file": f"photos/{row['file']}"} for row in rows])
    elif form in ("gb18030", "utf-8-sig"):
        path = write_table(
            tmp_path / "l.csv", [row | {"颜色": "红色" if k % 2 else "蓝色"} for k, row in enumerate(rows)], form
        )
    elif form == "semicolons":
        path = write_table(tmp_path / "l.csv", rows)
        path.write_text(path.read_text().replace(",", ";"))
    elif form == "parquet":
        pytest.importorskip("pyarrow")
        import pandas as pd

        path = tmp_path / "l.parquet"
        typed = [
            row | {"angle": float(row["angle"]), "width": float(row["width"]), "stars": int(row["stars"])}
            for row in rows
        ]
        pd.DataFrame(typed).to_parquet(path)
    else:
        path = tmp_path / "l.jsonl"
        typed = [row | {"angle": float(row["angle"]), "width": float(row["width"]), "stars": int(row["stars"]),
                        "tags": list(filter(None, row["tags"].split("|")))} for row in rows]  # fmt: skip
        path.write_text("\n".join(map(json.dumps, typed)))
    found = opened(photos, path)
    expected = opened(photos, labels) if form != "paths" else None
    names = ("color", "angle", "width", "stars", "tags")
    assert set(found.conditions.names) == {*names, *({"颜色"} if form in ("gb18030", "utf-8-sig") else ())}
    if expected is not None:
        for name in names:
            mine, theirs = (d.vectors[:, d.conditions.slices[name]] for d in (found, expected))
            assert np.allclose(mine, theirs, atol=1e-5), name
    if "颜色" in found.conditions.names:
        assert found.conditions["颜色"].values == ("红色", "蓝色")


def test_missing_values_and_missing_rows_are_unknown_and_listed(photos, tmp_path):
    rows = table_rows()[:-2]
    rows[0]["color"], rows[1]["angle"] = "", ""
    rows.append(rows[5] | {"file": "elsewhere.png"})
    data = opened(photos, write_table(tmp_path / "l.csv", rows))
    found = data.conditions.decode(data.vectors)
    assert found[0][0] is None
    assert found[1][1] is None
    assert found[39] == (None,) * 5
    assert "2 of 40 samples have no row" in said(data)
    assert "038.png, 039.png" in said(data)
    assert "elsewhere.png" in said(data)
    assert data.reading()[0].left_out


def test_a_sidecar_for_each_file(photos, labels, tmp_path):
    import shutil

    folder = tmp_path / "p"
    shutil.copytree(photos, folder)
    for row in table_rows():
        typed = {
            "color": row["color"],
            "angle": float(row["angle"]),
            "tags": list(filter(None, row["tags"].split("|"))),
        }
        (folder / row["file"]).with_suffix(".json").write_text(json.dumps(typed))
    data = opened(folder, "sidecars")
    expected = opened(photos, labels)
    assert data.conditions.names == ("color", "angle", "tags")
    place = expected.conditions.slices["angle"]
    assert np.allclose(data.vectors[:, data.conditions.slices["angle"]], expected.vectors[:, place], atol=1e-5)
    (folder / "003.json").write_text("{")
    with refused("data.labels_unreadable", "003.json"):
        opened(folder, "sidecars")
    with refused("data.labels_match_nothing", "sidecars"):
        opened(photos, "sidecars")


def test_columns_of_an_npz_belong_to_its_images_in_order(tmp_path):
    draws = np.random.default_rng(0)
    angle, kind = draws.uniform(0, 360, 60), np.array(["a", "b", "c"])[np.arange(60) % 3]
    path = tmp_path / "x.npz"
    np.savez(path, images=draws.integers(0, 255, (60, 8, 8), np.uint8), angle=angle, kind=kind)
    data = opened(path, path)
    assert data.conditions.names == ("angle", "kind")
    found = data.conditions.decode(data.vectors)
    assert [row[0] for row in found] == pytest.approx(angle.tolist(), abs=1e-3)
    assert [row[1] for row in found] == kind.tolist()


def test_class_folders_stay_as_they_are(photos, tmp_path):
    import shutil

    for k, file in enumerate(sorted(photos.iterdir())[:6]):
        (tmp_path / "ab"[k % 2]).mkdir(exist_ok=True)
        shutil.copy(file, tmp_path / "ab"[k % 2])
    data = PathData(path=str(tmp_path)).open()
    assert data.classes == ("a", "b")
    assert not data.conditions


def test_an_angle_that_does_not_go_round_is_a_number(photos, tmp_path):
    rows = [row | {"angle": f"{k / 2 - 10:.1f}"} for k, row in enumerate(table_rows())]
    assert isinstance(opened(photos, write_table(tmp_path / "l.csv", rows)).conditions["angle"], Number)


def test_an_angle_in_radians_is_asked_for(photos, tmp_path):
    path = write_table(tmp_path / "l.csv", [r | {"angle": str(float(r["angle"]) / 57.3 - 3.14)} for r in table_rows()])
    with refused("data.labels_angle_unit", "angle", "radians", "-2.9"):
        opened(photos, path)
    found = opened(photos, path, column_kinds={"angle": "radians"}).conditions["angle"]
    assert found.period == pytest.approx(2 * np.pi)


def test_kinds_can_be_set(photos, labels):
    kinds = {"stars": "number", "color": "red<green<blue", "tags": "ignore"}
    each = {one.name: one for one in opened(photos, labels, column_kinds=kinds).conditions.each}
    assert isinstance(each["stars"], Number)
    assert isinstance(each["color"], Ordinal)
    assert each["color"].values == ("red", "green", "blue")
    assert "tags" not in each
    assert opened(photos, labels, columns=("angle",)).conditions.names == ("angle",)


def test_texts_are_no_categories(photos, tmp_path):
    rows = [row | {"caption": f"an image of number {k}"} for k, row in enumerate(table_rows())]
    path = write_table(tmp_path / "l.csv", rows)
    data = opened(photos, path)
    assert "caption" not in data.conditions.names
    assert "'caption' left out: 40 different values" in said(data)
    assert data.reading()[0].left_out
    with refused("data.labels_not_usable", "caption", "40 different values"):
        opened(photos, path, columns=("caption",))


def test_ten_thousand_values_are_too_many_even_if_asked_for():
    from ganforge.data.column_conditions import NotUsable, condition_of
    from ganforge.data.columns import Column

    texts = [f"text {k % 10_000}" for k in range(20_000)]
    with pytest.raises(NotUsable, match="10,000 different values"):
        condition_of(Column("caption", "many", texts), "", "l.csv")
    with pytest.raises(NotUsable, match="10,000 different values are more than 4,096"):
        condition_of(Column("caption", "many", texts), "category", "l.csv")


def test_what_goes_wrong_says_what_to_do(photos, labels, tmp_path):
    with refused("data.labels_not_found", "nowhere.csv"):
        opened(photos, tmp_path / "nowhere.csv")
    with refused("data.labels_match_nothing", "other-0.png", "000.png"):
        opened(photos, write_table(tmp_path / "a.csv", [r | {"file": f"other-{r['file'][2:]}"} for r in table_rows()]))
    rows = table_rows()
    with refused("data.labels_duplicate", "003.png", "4", "41", "color=green"):
        opened(photos, write_table(tmp_path / "b.csv", [*rows, rows[3] | {"color": "green"}]))
    assert opened(photos, write_table(tmp_path / "c.csv", [*rows, rows[3]])).conditions, "the same row twice is no harm"
    with refused("data.labels_no_column", "colour", "'color'"):
        opened(photos, labels, columns=("colour",))
    with refused("data.labels_unknown_kind", "angel", "'angle'"):
        opened(photos, labels, column_kinds={"angle": "angel"})
    with refused("data.labels_not_usable", "color"):
        opened(photos, labels, column_kinds={"color": "number"})
    with refused("data.labels_not_usable", "blue"):
        opened(photos, labels, column_kinds={"color": "red<green"})
    with refused("data.labels_not_named", "columns"):
        PathData(path=str(photos), columns=("color",)).open()
    (tmp_path / "x.txt").write_text("a")
    with refused("data.labels_not_a_table", "x.txt"):
        opened(photos, tmp_path / "x.txt")
    (tmp_path / "x.jsonl").write_text('{"file": "000.png"}\nno')
    with refused("data.labels_unreadable", "line 2"):
        opened(photos, tmp_path / "x.jsonl")
    with refused("data.labels_not_usable", "same"):
        opened(photos, write_table(tmp_path / "d.csv", [{"file": r["file"], "k": "1"} for r in rows]))


def test_one_name_of_two_files_is_refused(photos, labels, tmp_path):
    import shutil

    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        shutil.copy(photos / "000.png", tmp_path / name)
    with refused("data.labels_ambiguous", "one/000.png", "two/000.png"):
        opened(tmp_path, labels)
