"""The studio's pages with models, through real worker processes: what they show is what the library makes."""

from __future__ import annotations

import ast
import asyncio
import base64
import io
import json
import shlex
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganforge as gf
from explore.tiny import tiny
from ganforge.cli.main import main
from ganforge.core.marks import is_marked
from ganforge.web.operations import OPERATIONS, Held
from ganforge.web.refused import Refused
from ganforge.web.replies import WorkerError
from ganforge.web.studio import abilities, models, operations, using  # noqa: F401  the operations of its worker
from ganforge.web.studio.app import application, rules_of
from ganforge.web.studio.asking import Dragging, Film, Mixing, Move, Place, Pull, Several
from ganforge.web.studio.context import Studio
from ganforge.web.studio.models import Kept, Latest, Medium
from processes import server
from web.asking import TOKEN, Said, asked

JSON = "application/json"
ORIGIN = {"origin": "http://127.0.0.1:8000"}
MOVES = [{"method": "sefa", "name": "1", "amount": 2.5}]
NEAR = {"seed": 3, "label": 1, "path": [2, 7]}


def form(ask: dict[str, Any], **files: tuple[str, bytes]) -> tuple[bytes, str]:
    """A body of multipart/form-data and its content type."""
    parts = [f'--xx\r\ncontent-disposition: form-data; name="ask"\r\n\r\n{json.dumps(ask)}\r\n'.encode()]
    for field, (name, data) in files.items():
        head = f'--xx\r\ncontent-disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
        parts.append(head.encode() + data + b"\r\n")
    return b"".join(parts) + b"--xx--\r\n", "multipart/form-data; boundary=xx"


def png(size: int, channels: int = 3) -> bytes:
    draws = np.random.default_rng(1).integers(0, 255, (size, size, channels), np.uint8)
    data = io.BytesIO()
    Image.fromarray(draws.squeeze()).save(data, "PNG")
    return data.getvalue()


def bomb(side: int) -> bytes:
    """A small PNG that claims to be large."""
    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def pixels(data: bytes | str) -> np.ndarray:
    """Of a PNG, or of one in base64."""
    with Image.open(io.BytesIO(base64.b64decode(data) if isinstance(data, str) else data)) as image:
        return np.asarray(image.convert("RGB")).astype(int)


ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "seed": ("models/digits/view", {"seed": 5, "label": 1}),
    "other": ("models/digits/view", {"seed": 9, "label": 1}),
    "typical": ("models/digits/view", {"seed": 5, "label": 1, "truncation": 0.3}),
    "ends": ("models/digits/view", {"seed": 5, "to": 9, "share": 1.0, "label": 1}),
    "between": ("models/digits/view", {"seed": 5, "to": 9, "share": 0.5, "label": 1}),
    "near": ("models/digits/view", NEAR),
    "around": ("models/digits/around", {**NEAR, "path": [2]}),
    "latent": ("models/digits/latent", NEAR),
    "directions": ("models/digits/directions", {"method": "sefa"}),
    "moved": ("models/digits/view", {**NEAR, "moves": MOVES}),
    "file": ("models/digits/view", {"seed": 5, "label": 1, "format": "npy"}),
    "film": ("models/digits/film", {"seeds": [1, 2], "count": 3, "along": None}),
    "along": ("models/digits/film", {"seeds": [1], "count": 3, "along": MOVES[0]}),
    "neighbors": ("models/digits/neighbors", {"seed": 5, "label": 1, "moves": MOVES}),
    "show": ("models/digits/show", {"n": 4}),
    "rows": ("models/people/show", {"n": 7, "where": ["age>20"]}),
    "table": ("models/people/sample", {"n": 5, "format": "csv"}),
    "no styles": ("models/digits/mix", {"base": [1], "style": [2]}),
    "no direction": ("models/digits/view", {"moves": [{"method": "sefa", "name": "x", "amount": 1}]}),
    "no label": ("models/digits/view", {"label": "7"}),
    "unknown field": ("models/digits/view", {"plugin": "evil.py"}),
    "no model": ("models/nobody/view", {}),
    "outside": ("models/..%2fdigits/view", {}),
    "forgotten": ("models/digits/view", {"projected": 99}),
    "no view": ("models/people/use/other", {}),
}


@pytest.fixture(scope="module")
def said(trained) -> dict[str, Said]:
    """The answers of one studio to all requests of `ASKED`, and to some uploads."""
    root = Path(trained["digits"]).parent
    studio = Studio.of(root, root, idle=1e6)
    studio.models.context = server()
    app = application(studio, rules_of(studio, TOKEN, "127.0.0.1", 8000))
    found: dict[str, Said] = {}

    async def send(name: str, path: str, body: bytes | list[bytes], kind: str) -> Said:
        found[name] = await asked(app, f"/api/{path}", "POST", body, **ORIGIN, **{"content-type": kind})
        return found[name]

    async def go() -> None:
        try:
            found["list"] = await asked(app, "/api/models")
            for name in ("digits", "people", "denoise"):
                found[name] = await asked(app, f"/api/models/{name}")
            for name, (path, body) in ASKED.items():
                await send(name, path, json.dumps(body).encode(), "application/json")
            found["directions.json"] = await asked(app, "/api/models/digits/directions/sefa")
            number = found["show"].json["media"][0]["number"]
            found["medium"] = await asked(app, f"/api/media/{number}")
            project, denoise = "uploads/project/digits", "uploads/translate/denoise"
            await send("project", project, *form({"steps": 3}, file=("my photo.png", png(8, 1))))
            place = {"projected": found["project"].json["projected"]}
            await send("projected", "models/digits/view", json.dumps(place).encode(), "application/json")
            await send("of another", "models/people/view", json.dumps(place).encode(), "application/json")
            drag, points = "uploads/drag/digits", [{"handle": [2, 3], "target": [4, 3]}]
            pulled = {**NEAR, "moves": MOVES, "pulls": points, "steps": 3}
            await send("drag", drag, *form({**pulled, "mask": True}, mask=("m.png", png(8, 1))))
            found["film of points"] = await asked(app, f"/api/media/{found['drag'].json['clip']}")
            place = {"projected": found["drag"].json["projected"]}
            await send("dragged", "models/digits/view", json.dumps(place).encode(), "application/json")
            far = [{"handle": [2, 3], "target": [40, 3]}]
            await send("far", drag, *form({**pulled, "pulls": far}))
            await send("other mask", drag, *form({**pulled, "mask": True}, mask=("m.png", png(9, 1))))
            await send("no grid", "uploads/drag/people", *form({"pulls": points, "steps": 3}))
            rows, complete = b'age\n20\n31\n""\n', "uploads/file/people"
            await send("complete", complete, *form({"settings": {"seed": 3}}, file=("my.csv", rows)))
            await send("use of a file", "models/people/use/file", json.dumps({"settings": {"seed": 3}}).encode(), JSON)
            for name, settings in (("odd setting", {"out": "/etc"}), ("low setting", {"seed": -1})):
                await send(name, complete, *form({"settings": settings}, file=("my.csv", rows)))
            found["completed file"] = await asked(app, f"/api/media/{found['complete'].json['file']}")
            await send("no column", complete, *form({}, file=("my.csv", b"age,other\n20,1\n")))
            await send("no rows", complete, *form({}, file=("my.png", png(8))))
            await send("no table", "uploads/file/digits", *form({}, file=("my.csv", rows)))
            await send("translate", denoise, *form({}, file=("a.png", png(24))))
            await send("mask", denoise, *form({}, file=("a.png", png(24)), mask=("m.png", png(24, 1))))
            await send("pickle", denoise, *form({}, file=("weights.pt", b"\x80\x04")))
            await send("bomb", denoise, *form({}, file=("a.png", bomb(40_000))))
            await send("no file", denoise, *form({}))
            await send("no form", denoise, b"{}", "application/json")
            body, kind = form({}, file=("a.png", b"x" * (33 << 20)))
            await send("large", denoise, [body.removesuffix(b"\r\n--xx--\r\n"), body], kind)
            found["left"] = Said(
                0, {}, json.dumps([p.name for p in studio.models.workers[True].scratch.iterdir()]).encode(), 0
            )
            studio.models.idle = 0.04
            while studio.models.workers:
                await asyncio.sleep(0.02)
            studio.models.idle = 60.0
            await send("after idle", "models/digits/view", json.dumps({"seed": 5, "label": 1}).encode(), JSON)
        finally:
            await studio.models.stop()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "BETWEEN", 0.02)  # or the studio would look for idle workers after half a minute
        asyncio.run(go())
    return found


def test_models_are_listed_and_described(said):
    assert {one["name"] for one in said["list"].json["models"]} >= {"digits", "people", "denoise"}
    digits, people = said["digits"].json, said["people"].json
    assert digits["explore"] == {
        "frames": True,
        "directions": True,
        "project": True,
        "layers": 0,
        "drag": True,
        "file": None,
        "sample": {"en": "8×8×1", "zh": "8×8×1"},
    }
    assert len(digits["labels"]) == 2
    assert {column["name"] for column in people["columns"]} >= {"age"}
    assert said["denoise"].json["can"]["translate"]


def test_a_view_is_the_sample_that_the_library_makes(said, trained):
    model = gf.load(trained["digits"])
    assert is_marked(said["seed"].body)
    assert np.array_equal(pixels(said["seed"].body), model.frames(model.sample(1, seed=5, label=1))[0])
    assert np.array_equal(np.load(io.BytesIO(said["file"].body)), model.sample(1, seed=5, label=1))
    assert np.abs(pixels(said["ends"].body) - pixels(said["other"].body)).max() <= 1
    half = model.frames(model.walk([5, 9], frames=3, label=1))[1]
    assert np.abs(pixels(said["between"].body) - half).max() <= 1
    typical = model.frames(model.sample(1, seed=5, label=1, truncation=0.3))[0]
    assert np.abs(pixels(said["typical"].body) - typical).max() <= 1
    assert not np.array_equal(typical, pixels(said["seed"].body))


def test_what_is_to_be_pasted_makes_the_same_sample(said, trained, tmp_path, monkeypatch):
    (tmp_path / "sefa").mkdir()
    (tmp_path / "sefa" / "directions.json").write_bytes(said["directions.json"].body)
    (tmp_path / "latent.json").write_bytes(said["latent"].body)
    monkeypatch.chdir(tmp_path)
    for name, moves in (("near", []), ("moved", [Move.model_validate(MOVES[0])])):
        text = using.of_place(trained["digits"], Place.model_validate({**NEAR, "moves": moves}))
        assert text["latent"]
        names: dict[str, Any] = {}
        exec(text["python"], names)
        made = names["model"].frames(names["sample"])[0]
        assert np.abs(pixels(said[name].body) - made).max() <= 1
    assert not np.array_equal(pixels(said["near"].body), pixels(said["moved"].body))


def test_a_model_that_left_memory_is_loaded_again(said):
    assert said["after idle"].body == said["seed"].body


@pytest.mark.parametrize("fault", ["slow", "dead"])
def test_a_worker_that_does_not_start_is_an_error_and_no_wait(fault, monkeypatch):
    class Process:
        """Stands for one that never says that it is ready, or ends at once."""

        exitcode = None if fault == "slow" else 137

        def __init__(self, target: Any, args: tuple[Any, ...], daemon: bool):
            self.end = args[0].dup()  # the other side would see it closed

        def start(self) -> None:
            if fault == "dead":
                self.end.close()

        def is_alive(self) -> bool:
            return fault == "slow"

        def kill(self) -> None:
            self.end.close()

        def join(self) -> None:
            pass

    monkeypatch.setattr(models, "LOADING", 0.05)
    held = models.Models(context=SimpleNamespace(Process=Process))
    with pytest.raises(Refused) as error:
        asyncio.run(held.worker(False))
    expected = {"slow": ("worker.slow_start", 504), "dead": ("worker.died", 503)}[fault]
    assert (error.value.code, error.value.status) == expected
    assert not held.workers


def test_a_model_that_takes_too_long_to_load_is_named(monkeypatch):
    class Late:
        async def load(self, *_: object) -> None:
            raise WorkerError("late", code="worker.late")

    held = models.Models()
    held.workers[False] = Late()  # pyright: ignore[reportArgumentType]
    with pytest.raises(Refused) as error:
        asyncio.run(held.facts("digits", Path("digits")))
    assert error.value.code == "worker.slow_model"
    assert str(error.value).startswith("digits: ")


def test_a_step_leads_to_the_sample_that_was_shown(said):
    around = said["around"].json["images"]
    assert len({*around}) == 8
    assert np.abs(pixels(around[7]) - pixels(said["near"].body)).max() <= 1


def test_films_directions_projections_and_neighbors(said, trained):
    for name in ("film", "along"):
        with Image.open(io.BytesIO(said[name].body)) as film:
            assert film.n_frames == 3  # pyright: ignore[reportAttributeAccessIssue]
    rows = said["directions"].json["directions"]
    assert [row["name"] for row in rows[:2]] == ["1", "2"]
    assert "vector" not in rows[0]
    made = said["project"].json
    assert np.abs(pixels(said["projected"].body) - pixels(made["made"])).max() <= 1
    assert "codes" not in made
    near = said["neighbors"].json
    assert near["of"] == 40
    assert len(near["near"][0]["samples"]) == 5
    assert np.abs(pixels(near["seen"]) - pixels(said["seed"].body)).max() > 0  # it was moved


def test_dragging_begins_with_what_is_seen_and_leads_to_a_place(said):
    made = said["drag"].json
    assert np.abs(pixels(made["frames"][0]["shown"]) - pixels(said["moved"].body)).max() <= 1
    assert np.abs(pixels(made["frames"][-1]["shown"]) - pixels(said["dragged"].body)).max() <= 1
    assert (made["steps"], len(made["left"]), len(made["frames"])) == (3, 1, 4)
    assert "codes" not in made
    with Image.open(io.BytesIO(said["film of points"].body)) as film:
        assert film.format == "GIF"


def test_missing_cells_are_filled_in_as_the_command_does(said, trained, tmp_path):
    rows, out = tmp_path / "rows.csv", tmp_path / "full.csv"
    rows.write_text('age\n20\n31\n""\n')
    with pytest.raises(SystemExit):
        main(["complete", trained["people"], "--data", str(rows), "--seed", "3", "--out", str(out)])
    assert said["completed file"].body == out.read_bytes()
    made = said["complete"].json
    heads, *shown = made["rows"]
    assert [row[heads.index("age")] for row in shown][:2] == ["20", "31"]
    assert [heads.index("age") in places for places in made["made"]] == [False, False, True]
    filled = sum(map(len, made["made"]))
    assert filled == 3 * len(heads) - 2
    assert made["says"][0]["en"] == f"3 rows; {filled} cells were filled in."
    assert made["says"][0]["zh"].startswith("共 3 行")
    use = said["use of a file"].json
    assert "--seed 3 --out completed.csv" in use["command"]
    assert "seed=3" in use["python"]


def test_several_samples_are_media_rows_and_files(said, trained):
    assert said["medium"].headers["content-type"] == "image/png"
    heads, *rows = said["rows"].json["rows"]
    assert len(rows) == said["rows"].json["n"] == 7
    assert all(float(row[heads.index("age")]) > 20 for row in rows)
    assert said["table"].headers["content-disposition"] == 'attachment; filename="samples.csv"'
    assert len(said["table"].text.splitlines()) == 6


def test_files_are_translated_and_not_kept(said):
    assert said["translate"].status == 200
    assert pixels(said["translate"].body).shape == (24, 24, 3)
    assert said["left"].json == []


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("no styles", 422, "explore.no_styles"),
        ("no direction", 422, "direction.unknown"),
        ("unknown field", 422, "studio.invalid_request"),
        ("no model", 404, "web.not_found"),
        ("outside", 404, "web.not_found"),
        ("forgotten", 404, "studio.forgotten"),
        ("of another", 404, "studio.forgotten"),
        ("no view", 404, "web.not_found"),
        ("mask", 422, "translate.mask_not_taken"),
        ("far", 422, "drag.point_outside"),
        ("other mask", 422, "explore.mask_of_other_size"),
        ("no grid", 422, "explore.not_an_image"),
        ("no column", 422, "column.not_found"),
        ("no rows", 422, "studio.wrong_file"),
        ("no table", 422, "file.not_used"),
        ("odd setting", 422, "file.setting"),
        ("low setting", 422, "file.setting"),
        ("pickle", 422, "studio.wrong_file"),
        ("bomb", 422, "data.unreadable"),
        ("no file", 422, "studio.no_file"),
        ("no form", 415, "web.wrong_content_type"),
        ("large", 413, "web.too_large"),
    ],
)
def test_what_is_refused(said, name, status, code):
    assert (said[name].status, said[name].error) == (status, code), said[name].text
    assert "/" not in said[name].json["error"]["message"].replace("multipart/form-data", "")


def test_of_a_view_the_newest_request_wins():
    done, refused = [], []

    async def go() -> None:
        latest = Latest()

        async def one(number: int, view: str = "main") -> None:
            try:
                async with latest.turn(view):
                    await asyncio.sleep(0.01)
                    done.append(number)
            except Refused as error:
                refused.append((number, error.status))

        await asyncio.gather(*(one(k) for k in range(6)), one(9, "aside"), one(8, ""))
        assert not latest.newest
        assert not latest.locks

    asyncio.run(go())
    assert sorted(done) == [0, 5, 8, 9]
    assert refused == [(k, 409) for k in range(1, 5)]


def test_little_is_kept():
    large = Kept(9, nbytes=5)
    for size in (4, 3, 2, 1, 9):
        large.add(Medium(b"x" * size, "", False))
    assert [len(one.data) for one in large.values.values()] == [9]  # the newest is kept, however large
    kept = Kept(2)
    numbers = [kept.add(name) for name in "abc"]
    assert kept.get(numbers[2]) == "c"
    with pytest.raises(Refused) as error:
        kept.get(numbers[0])
    assert error.value.code == "studio.forgotten"


def test_texts_to_be_pasted_are_quoted():
    odd = "runs/it's; rm -rf $HOME"
    where = ['city="Paris, TX"', "a between 1 and 2"]
    asks = [
        using.of_place(odd, Place(seed=4, label="it's", where=where, moves=[Move(method="pca", name="1", amount=-2)])),
        using.of_several(odd, Several(n=5, where=where, format="csv", temperature=0.5)),
        using.of_film(odd, Film(seeds=[1, 2, 3], loop=True, text=["a `b` $c"])),
        using.of_film(odd, Film(seeds=[1], along=Move(method="sefa", name="2", amount=3))),
        using.of_mixing(odd, Mixing(base=[1, 2], style=[3], layers=(0, 3))),
        using.of_dragging(odd, Dragging(label=1, pulls=[Pull(handle=(1, 2), target=(3, 4.5))], mask=True)),
        using.of_translating(odd, using.Translating(mask=True, direction="ab", where=where)),
        using.of_neighbors(odd, Place(seed=4, label="it's")),
        using.of_neighbors(odd, Place(path=[1], label="it's")),
    ]
    for found in asks:
        ast.parse(found["python"])
        assert repr(odd) in found["python"]
        for line in found["command"].splitlines():
            words = shlex.split(line)
            assert words[0] == "ganforge"
            assert odd in words
    first = asks[0]["command"].splitlines()
    assert "--method pca --out pca/" in first[0]
    assert shlex.split(first[1])[-4:] == ["--direction", "pca/directions.json:1=-2", "--out", "sample/"]
    assert "sefa/directions.json:2=-3..3" in asks[3]["command"]
    assert "--seed 0 --label 1 --point 1,2:3,4.5 --mask mask.png" in asks[5]["command"]
    assert shlex.split(asks[7]["command"])[4:8] == ["--seed", "4", "--label", "it's"]
    assert 'neighbors(model, 1, 5, seed=4, label="it\'s")' in asks[7]["python"]
    assert (asks[7]["latent"], asks[8]["latent"]) == (False, True)
    assert shlex.split(asks[8]["command"])[4:6] == ["--latent", "latent.json"]
    assert "model.at('latent.json')" in asks[8]["python"]


def test_a_busy_worker_is_said_with_a_time_to_come_back():
    found = models.refused(WorkerError("64 requests wait already", code="worker.busy", retry_after=1))
    assert (found.status, found.code, found.retry_after) == (503, "worker.busy", 1)
    assert models.refused(WorkerError("too late", code="worker.late")).status == 504


def test_styles_of_a_model_that_has_them_are_mixed(tmp_path):
    held = Held("styles", tiny("stylegan2-small"), tmp_path)
    held.facts = {"can": {"walk": True}}
    facts = OPERATIONS["abilities"].run(held, {}).facts
    last = facts["layers"] - 1
    assert last > 0
    ask = {"base": [1, 2], "style": [3, 1], "label": None, "truncation": 1.0}
    mixed = OPERATIONS["mix"].run(held, {**ask, "layers": [last, last]}).facts
    assert mixed["layers"] == [last, last]
    assert [len(mixed[name]) for name in ("base", "style", "mixed")] == [2, 2, 4]
    assert mixed["mixed"][1] == mixed["base"][0] == mixed["style"][1], "with itself it is itself"
    assert mixed["mixed"][0] != mixed["base"][0]
    whole = OPERATIONS["mix"].run(held, {**ask, "layers": [0, last]}).facts
    assert whole["mixed"] == [*whole["style"], *whole["style"]]
