"""The routes of the server: what they answer to good and to bad requests."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
from pathlib import Path
from typing import Any

from PIL import Image

from ganforge.web.serve import limits
from ganforge.web.serve.app import Server
from serve.asking import Ask, as_form, as_json
from web.asking import TOKEN

SAMPLE = "/v1/models/digits/sample"


def test_samples_states_and_metrics(with_server):
    async def use(ask: Ask, server: Server):
        assert (await ask("/healthz", token="")).json == {"alive": True}
        assert (await ask("/readyz", token="")).json == {"ready": True}
        facts, *_ = (await ask("/v1/models")).json["models"]
        assert facts["name"] == "digits"
        assert (await ask("/v1/models/digits")).json == facts
        first = await ask(f"{SAMPLE}?seed=7&label=1")
        assert first.headers["content-type"] == "image/png"
        assert first.headers["cache-control"] == "no-store"
        assert Image.open(io.BytesIO(first.body)).size == (8, 8)
        posted = await ask(SAMPLE, **as_json({"seed": 7, "label": 1, "exact": True}))
        again = await ask(f"{SAMPLE}?seed=7&label=1&exact=true")
        assert posted.body == again.body
        tag = posted.headers["etag"]
        assert tag != (await ask(SAMPLE, **as_json({"seed": 8, "label": 1, "exact": True}))).headers["etag"]
        same = await ask(f"{SAMPLE}?seed=7&label=1&exact=true", **{"if-none-match": again.headers["etag"]})
        assert (same.status, same.body) == (304, b"")
        walk = await ask("/v1/models/digits/walk", **as_json({"count": 2, "format": "png"}))
        assert walk.headers["content-type"] == "image/png"
        numbered = await ask("/healthz", **{"x-request-id": "abc-1"})
        assert numbered.headers["x-request-id"] == "abc-1"
        assert (await ask("/healthz", **{"x-request-id": "<script>"})).headers["x-request-id"] != "<script>"
        said = (await ask("/metrics")).text
        assert 'ganforge_requests_total{route="/v1/models/{model}/sample",method="GET",status="200"} 2' in said
        assert "\nganforge_ready 1\n" in said
        assert '\nganforge_pass_requests_bucket{le="1"} 5\n' in said
        for line in said.splitlines():
            assert line.startswith("# ") or float(line.rpartition(" ")[2]) >= 0

    with_server(use)


BAD = {
    "n=0": "serve.invalid_request",
    "n=-1": "serve.invalid_request",
    "n=99999999999999999999999": "serve.invalid_request",
    "n=1.5": "serve.invalid_request",
    "n=two": "serve.invalid_request",
    "n=100001": "serve.invalid_request",
    "seed=-1": "serve.invalid_request",
    "seed=9223372036854775808": "serve.invalid_request",
    "truncation=nan": "serve.invalid_request",
    "truncation=0": "serve.invalid_request",
    "truncation=inf": "serve.invalid_request",
    "exact=maybe": "serve.invalid_request",
    "format=../../etc": "serve.invalid_request",
    "format=wav": "output.unsupported_format",
    "label=seven": "sample.unknown_label",
    "label=2": "sample.unknown_label",
    "label=%00": "sample.unknown_label",
    "where=a=1": "signal.no_columns",
    "text=hello": "sample.no_text",
    "plugin=/etc/passwd": "serve.invalid_request",
    "seed=1&seed=2": "serve.given_twice",
    "share=2": "serve.invalid_request",
    "to=3&n=2": "sample.one_between",
    "columns=0": "serve.invalid_request",
    "guidance=1e999": "serve.invalid_request",
    "temperature=0.5": "model.no_temperature",
    "frames=8": "signal.no_frames",
}
BAD_JSON = {
    "null": 422,
    "[]": 422,
    "7": 422,
    "{": 400,
    "\x00": 400,
    '{"n": NaN}': 422,
    '{"truncation": NaN}': 422,
    '{"truncation": 1e400}': 422,
    '{"n": "3"}': 422,
    '{"n": true}': 422,
    '{"n": 3.0}': 422,
    '{"label": [0, 1]}': 422,
    '{"label": {"a": 1}}': 422,
    '{"where": "a=1"}': 422,
    '{"where": [1]}': 422,
    '{"data": "/etc/passwd"}': 422,
    "[" * 100_000: 400,
    '{"text": ["' + "a" * 2_000 + '"]}': 422,
    '{"label": "' + "\\ud800" + '"}': 400,
}


def test_bad_requests_get_a_code_and_a_sentence(with_server):
    async def use(ask: Ask, server: Server):
        for query, code in BAD.items():
            said = await ask(f"{SAMPLE}?{query}")
            assert (said.status, said.error) == (422, code), f"{query}: {said.text}"
            assert len(said.json["error"]["message"]) > 10
        for text, status in BAD_JSON.items():
            said = await ask(SAMPLE, method="POST", body=text.encode(), **{"content-type": "application/json"})
            assert said.status == status, f"{text[:60]}: {said.status} {said.text}"
        for path, status, code in (
            ("/v1/models/letters/sample", 404, "serve.unknown_model"),
            ("/v1/models/..%2f/sample", 404, "serve.unknown_model"),
            ("/v1", 404, "web.not_found"),
        ):
            said = await ask(path)
            assert (said.status, said.error) == (status, code)
        assert (await ask("/v1/models/digits/walk")).status == 405
        assert (await ask(SAMPLE, token="")).status == 401
        assert (await ask("/metrics", token="wrong")).status == 401
        assert (await ask(SAMPLE, host="evil.example")).status == 421
        said = await ask(SAMPLE, method="POST", body=b"seed=1", **{"content-type": "text/plain"})
        assert (said.status, said.error) == (415, "web.wrong_content_type")
        said = await ask(SAMPLE, **as_json({"text": ["a" * 1_000] * 300}))
        assert said.status == 413
        lying = as_json({}) | {"body": [b" " * 100_000] * 9, "content-length": "2"}
        said = await ask(SAMPLE, **lying)
        assert (said.status, said.error) == (413, "web.too_large")
        assert said.parts_read == 3
        assert server.worker.statistics.started == 0
        assert server.worker.waiting == 0

    with_server(use)


def test_translating_uploads(with_server, trained):
    photo = (Path(trained["denoise"]).parent / "photos" / "0.png").read_bytes()
    path = "/v1/models/denoise/translate"

    async def use(ask: Ask, server: Server):
        good = await ask(path, **as_form({"file": ("a.PNG", photo)}))
        assert (good.status, good.headers["content-type"]) == (200, "image/png")
        assert Image.open(io.BytesIO(good.body)).size == (16, 16)
        webp = await ask(path, **as_form({"file": ("a.png", photo)}, format="webp"))
        assert webp.headers["content-type"] == "image/webp"
        for form, code in {
            "no file": (as_form({}), "serve.no_file"),
            "a text": (as_form({}, file="text"), "serve.no_file"),
            "half a file": (as_form({"file": ("a.png", photo[:70])}), "data.unreadable"),
            "no image": (as_form({"file": ("a.png", b"<svg/>")}), "data.unreadable"),
            "a zip": (as_form({"file": ("a.zip", b"PK")}), "serve.wrong_ending"),
            "a path": (as_form({"file": ("../../etc/passwd", b"PK")}), "serve.wrong_ending"),
            "a mask": (as_form({"file": ("a.png", photo), "mask": ("m.png", photo)}), "translate.mask_not_taken"),
            "a direction": (as_form({"file": ("a.png", photo)}, direction="ab"), "translate.unknown_direction"),
            "a tile": (as_form({"file": ("a.png", photo)}, tile="3"), "serve.invalid_request"),
        }.values():
            said = await ask(path, **form)
            assert (said.status, said.error) == (422, code), said.text
            assert str(server.worker.scratch) not in said.text
        cut = as_form({"file": ("a.png", photo)})
        assert (await ask(path, **(cut | {"body": b"--x\r\nnot a header"}))).status == 400
        assert (await ask(path, **as_json({}))).status == 415
        assert (await ask(path, **as_form({"file": ("a.png", bytes(200_000))}))).status == 413
        assert (await ask("/v1/models/denoise/sample")).error == "model.not_a_generator"
        assert list(server.worker.scratch.iterdir()) == []

    with_server(use, upload=100_000)


def test_full_late_often_and_slow(with_server, monkeypatch):
    class Clock:
        now = 0.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    monkeypatch.setattr(limits, "time", Clock)

    async def use(ask: Ask, server: Server):
        for _ in range(3):
            assert (await ask(SAMPLE)).status == 200
        said = await ask(SAMPLE)
        assert (said.status, said.error, said.headers["retry-after"]) == (429, "serve.too_often", "1")
        Clock.now += 0.5
        waits = [asyncio.create_task(server.worker.ask("wait", "digits", {"seconds": 0.5})) for _ in range(2)]
        await asyncio.sleep(0.02)
        full = await ask(SAMPLE)
        assert (full.status, full.error, full.headers["retry-after"]) == (503, "worker.busy", "1")
        await waits[0]
        Clock.now += 5
        late = await ask(SAMPLE)
        assert (late.status, late.error) == (504, "worker.late")
        await waits[1]

        assert await asked_slowly(server) == 408

    with_server(use, most_waiting=2, rate=3.0, deadline=0.2, patience=0.1)


async def asked_slowly(server: Server) -> int:
    """The status that a client gets whose body never comes."""
    headers = {"host": "127.0.0.1:8000", "authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "scheme": "http", "path": SAMPLE, "raw_path": b"",
        "root_path": "", "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    status = 0

    async def receive() -> Any:
        await asyncio.sleep(100)

    async def send(message: Any) -> None:
        nonlocal status
        status = message.get("status", status)

    await server.app()(scope, receive, send)
    return status


def test_the_log_holds_no_query_and_no_token(with_server):
    log = io.StringIO()

    async def use(ask: Ask, server: Server):
        await ask(f"{SAMPLE}?seed=12345")
        await ask("/nothing?token=secret", token="secret")

    with_server(use, log=log)
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["path"], line["status"]) for line in lines] == [(SAMPLE, 200), ("/nothing", 401)]
    assert not {"12345", "secret", TOKEN} & set(log.getvalue().replace('"', " ").split())


# --- the description for programs


def resolved(document: dict[str, Any], node: Any) -> None:
    """Follows all references."""
    if isinstance(node, dict):
        if "$ref" in node:
            at: Any = document
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
        for value in node.values():
            resolved(document, value)
    elif isinstance(node, list):
        for value in node:
            resolved(document, value)


def test_openapi_describes_each_route(with_server):
    async def use(ask: Ask, server: Server):
        document = (await ask("/openapi.json")).json
        assert document["openapi"] == "3.1.0"
        assert {"title", "version"} <= set(document["info"])
        resolved(document, document)
        operations = {(path, verb): one for path, at in document["paths"].items() for verb, one in at.items()
                      if verb != "parameters"}  # fmt: skip
        assert len({one["operationId"] for one in operations.values()}) == len(operations)
        routes = inspect.getsource(Server.app).split('Route("')[1:]
        assert {line.partition('"')[0] for line in routes} == set(document["paths"])
        for (path, verb), one in operations.items():
            assert all(len(code) == 3 and answer["description"] for code, answer in one["responses"].items())
            declared = document["paths"][path].get("parameters", []) + one.get("parameters", [])
            for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
                assert any(p["name"] == name and p["in"] == "path" and p["required"] for p in declared)
            assert (verb == "post") == ("requestBody" in one)
            kind = "multipart/form-data" if path.endswith("/translate") else "application/json"
            at = path.replace("{model}", "digits").replace("{job}", "none")
            said = await ask(at, method="PUT", **{"content-type": kind})
            assert verb.upper() in said.headers.get("allow", ""), path
        fields = document["components"]["schemas"]["Sample"]["properties"]
        assert all(field.get("description") for name, field in fields.items() if name != "truncation")

    with_server(use)
