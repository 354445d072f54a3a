"""Tables that pages send to be trained on, and what is chosen for their columns."""

from __future__ import annotations

from ganforge.web.guard import Upload
from ganforge.web.studio import app
from ganforge.web.studio.app import application, rules_of
from ganforge.web.studio.uploads import LARGE, TABLES, TAKES
from web.asking import TOKEN, Said, ask
from web.test_studio_jobs import until


def sent(studio, name: str, data: bytes, **headers: str) -> Said:
    """A file sent to the studio as a page sends it."""
    head = f'--xx\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    body = head.encode() + data + b"\r\n--xx--\r\n"
    site = application(studio, rules_of(studio, TOKEN, "127.0.0.1", 8000))
    return ask(site, TABLES, "POST", body, **{"content-type": "multipart/form-data; boundary=xx", **headers})


def test_a_table_is_kept_under_a_name_of_ours(studio, asking):
    rows = b"age,name\n31,<b>\n" * 20_000
    assert sent(studio, "../../evil name.CSV", rows).json == {"path": "uploaded/table-0001.csv"}
    assert (studio.data.root / "uploaded" / "table-0001.csv").read_bytes() == rows
    assert sent(studio, "x.parquet", b"PAR1").json == {"path": "uploaded/table-0002.parquet"}
    assert [one["name"] for one in asking("/api/data?path=uploaded").json["entries"]] == [
        "table-0001.csv",
        "table-0002.parquet",
    ]
    assert asking("/api/data/inspect", {"path": "uploaded/table-0001.csv"}).json["rows"] == [["age"], ["31"]]
    for name in ("weights.pt", "rows", "evil.csv.exe", "a.zip"):
        assert sent(studio, name, rows).error == "studio.wrong_file"
    assert sent(studio, "a.csv", rows, origin="http://evil.example").status == 403
    assert asking(TABLES, {}).status == 415
    assert len(list((studio.data.root / "uploaded").iterdir())) == 2


def test_a_table_has_a_limit_while_it_is_read(studio, monkeypatch):
    assert next(iter(TAKES.values())) is LARGE
    assert LARGE.most == 200 << 20
    monkeypatch.setattr(app, "TAKES", {TABLES: Upload(LARGE.types, 1_000)})
    assert sent(studio, "a.csv", b"x" * 2_000).status == 413
    assert not (studio.data.root / "uploaded").exists()


def test_a_data_folder_that_cannot_be_written_to(studio):
    (studio.data.root / "uploaded").write_text("in the way")
    said = sent(studio, "a.csv", b"a\n1\n")
    assert said.error == "data.not_kept"
    assert "/" not in said.json["error"]["message"]


def test_kinds_are_chosen_for_columns_that_the_data_has(studio, asking):
    (field,) = (one for one in asking("/api/recipes/demo").json["fields"] if one["kind"] == "named")
    assert (field["path"], field["choices"]) == ("task.roles", ["integer", "ordinal"])
    body = {"recipe": "demo", "data": {"path": "photos"}, "beside": True}
    name = asking("/api/runs", {**body, "fields": {"task.roles": {"age": "ordinal"}}}).json["name"]
    output = studio.runs.root / name / "studio.log"
    until(lambda: output.read_text().endswith("\n"))
    assert "task.roles.age=ordinal" in output.read_text().split()
    for roles in ({"age": "x"}, {"other": "ordinal"}, {"age": {}}, ["age"], "age"):
        assert asking("/api/runs", {**body, "fields": {"task.roles": roles}}).error == "studio.value", roles
    assert asking("/api/runs", {"recipe": "demo", "fields": {"task.roles": {"age": "ordinal"}}}).error == "studio.value"
