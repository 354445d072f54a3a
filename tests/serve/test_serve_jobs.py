"""Jobs: work that is asked for now and fetched later."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganforge.web import worker
from ganforge.web.serve import jobs
from ganforge.web.serve.app import Server
from ganforge.web.serve.jobs import Job
from serve.asking import Ask, as_form, as_json
from web.asking import Said

AT = "/v1/models/digits/jobs/sample"


async def until(ask: Ask, said: Said, state: str) -> dict[str, Any]:
    """The facts of a job once it is in a state that it does not leave by itself."""
    assert said.status == 202, said.text
    async with asyncio.timeout(250):
        while True:
            facts = (await ask(said.headers["location"])).json
            if facts["state"] in (state, "done", "failed"):
                assert facts["state"] == state, facts
                return facts
            await asyncio.sleep(0.02)


async def begun(server: Server, steps: int) -> Job:
    """A job of so many steps, which is computed already."""
    folder = server.worker.scratch / f"steps-{steps}"
    folder.mkdir()
    job = server.jobs.add("digits", "steps", {"steps": steps}, folder)
    async with asyncio.timeout(250):
        while job.progress is None:
            await asyncio.sleep(0.02)
    return job


Use = Callable[[Ask, Server], Awaitable[None]]


@pytest.fixture
def with_jobs(with_server) -> Callable[..., None]:
    """`with_server`, whose jobs are gone at the end, with all their files and their process."""

    def run(use: Use, **options: Any) -> None:
        async def go(ask: Ask, server: Server) -> None:
            try:
                await use(ask, server)
            finally:
                await server.jobs.stop()
            assert server.jobs.worker is None
            assert list(server.worker.scratch.iterdir()) == []

        with_server(go, **options)

    return run


def test_jobs_make_the_files_that_requests_get_at_once(with_jobs, trained):
    photo = (Path(trained["denoise"]).parent / "photos" / "0.png").read_bytes()

    async def use(ask: Ask, server: Server):
        body = {"n": 200, "seed": 3, "format": "npz"}
        said = await ask(AT, **as_json(body))
        assert said.json.items() >= {"model": "digits", "operation": "sample", "state": "waiting"}.items()
        facts = await until(ask, said, "done")
        assert facts["progress"] == 1.0
        assert 0 < facts["kept_seconds"] <= 600
        got = await ask(f"{said.headers['location']}/result")
        at_once = await ask("/v1/models/digits/sample", **as_json(body))
        with np.load(io.BytesIO(got.body)) as one, np.load(io.BytesIO(at_once.body)) as other:
            assert one.files == other.files
            assert all((one[name] == other[name]).all() for name in one.files)
        assert facts["result"] == {"type": "application/zip", "name": "samples.npz", "bytes": len(got.body)}
        assert 'filename="samples.npz"' in got.headers["content-disposition"]
        assert got.headers["cache-control"] == "no-store"

        walk = await ask("/v1/models/digits/jobs/walk", **as_json({"count": 3, "format": "gif", "smallest": 8}))
        form = as_form({"file": ("a.png", photo)}, format="webp")
        photos = await ask("/v1/models/denoise/jobs/translate", **form)
        await until(ask, walk, "done")
        await until(ask, photos, "done")
        assert Image.open(io.BytesIO((await ask(f"{walk.headers['location']}/result")).body)).n_frames == 3
        made = await ask(f"{photos.headers['location']}/result")
        assert (made.headers["content-type"], Image.open(io.BytesIO(made.body)).size) == ("image/webp", (16, 16))

        text = (await ask("/metrics")).text
        assert "\nganforge_jobs 0\n" in text
        assert float(text.partition("\nganforge_jobs_kept_bytes ")[2].split()[0]) > len(made.body)
        assert 'route="/v1/jobs/{job}/result",method="GET",status="200"' in text
        assert (await ask(said.headers["location"], method="DELETE")).status == 204
        for at in (said.headers["location"], f"{said.headers['location']}/result"):
            gone = await ask(at)
            assert (gone.status, gone.error) == (404, "serve.unknown_job")

    with_jobs(use)


def test_a_job_that_fails_says_why(with_jobs):
    async def use(ask: Ask, server: Server):
        said = await ask(AT, **as_json({"label": "seven"}))
        facts = await until(ask, said, "failed")
        assert facts["error"]["code"] == "sample.unknown_label"
        result = await ask(f"{said.headers['location']}/result")
        assert (result.status, result.error) == (422, "sample.unknown_label")
        broken = await ask("/v1/models/denoise/jobs/translate", **as_form({"file": ("a.png", b"no image")}))
        facts = await until(ask, broken, "failed")
        assert facts["error"]["code"] == "data.unreadable"
        assert "/" not in facts["error"]["message"], "no folder of the server"
        assert str(server.worker.scratch) not in (await ask(f"{broken.headers['location']}/result")).text
        for path, form, status, code in (
            (AT, as_json({"n": 0}), 422, "serve.invalid_request"),
            (AT, as_json({"into": "/etc/passwd"}), 422, "serve.invalid_request"),
            (AT.replace("digits", "letters"), as_json({}), 404, "serve.unknown_model"),
            ("/v1/models/denoise/jobs/translate", as_form({}), 422, "serve.no_file"),
            ("/v1/models/denoise/jobs/translate", as_json({}), 415, "web.wrong_content_type"),
        ):
            refused = await ask(path, **form)
            assert (refused.status, refused.error) == (status, code)
        for path in ("/v1/jobs/none", "/v1/jobs/none/result", "/v1/jobs/..%2f"):
            assert (await ask(path)).status == 404
        assert (await ask("/v1/jobs/none", method="DELETE")).status == 404
        assert (await ask(said.headers["location"], token="")).status == 401
        assert (await ask(AT, **(as_json({}) | {"sec-fetch-site": "cross-site"}))).status == 403

    with_jobs(use)


def test_jobs_are_cancelled_and_requests_do_not_wait_for_them(with_jobs):
    async def use(ask: Ask, server: Server):
        job = await begun(server, 100_000)
        second = await ask(AT, **as_json({"n": 2}))
        assert (await ask(second.headers["location"])).json["state"] == "waiting"
        assert (await ask("/v1/models/digits/sample?seed=1")).status == 200
        result = await ask(f"/v1/jobs/{job.id}/result")
        assert (result.status, result.error, result.headers["retry-after"]) == (409, "serve.job_not_done", "1")
        third = await ask(AT, **as_json({"n": 3}))
        full = await ask(AT, **as_json({"n": 4}))
        assert (full.status, full.error, full.headers["retry-after"]) == (503, "serve.many_jobs", "30")
        assert (await ask(third.headers["location"], method="DELETE")).status == 204
        assert (await ask(f"/v1/jobs/{job.id}", method="DELETE")).status == 204
        await until(ask, second, "done")
        assert server.jobs.worker is not None
        assert server.jobs.worker.statistics.started == 1, "the cancelled job ended by itself"

    with_jobs(use, jobs=3)


@pytest.mark.slow
def test_work_that_does_not_end_by_itself_is_ended_with_its_process(with_jobs, monkeypatch):
    monkeypatch.setattr(worker, "GRACE", 0.1)

    async def use(ask: Ask, server: Server):
        folder = server.worker.scratch / "waits"
        folder.mkdir()
        job = server.jobs.add("digits", "wait", {"seconds": 10_000}, folder)
        while server.jobs.worker is None or not any(one.begun for one in server.jobs.worker.pending.values()):
            await asyncio.sleep(0.02)
        await ask(f"/v1/jobs/{job.id}", method="DELETE")
        assert not folder.exists()

        said = await ask(AT, **as_json({"n": 2}))
        await until(ask, said, "done")

    with_jobs(use)


def test_jobs_have_a_deadline(with_jobs):
    async def use(ask: Ask, server: Server):
        job = await begun(server, 100_000)
        while not job.over:
            await asyncio.sleep(0.02)
        late = await ask(f"/v1/jobs/{job.id}/result")
        assert (late.status, late.error) == (504, "worker.late")

    with_jobs(use, job_deadline=0.2)


def test_results_take_little_room(with_jobs, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_BYTES", 100)

    async def use(ask: Ask, server: Server):
        said = await ask(AT, **as_json({"n": 9}))
        await until(ask, said, "done")
        full = await ask(AT, **as_json({}))
        assert (full.status, full.error) == (503, "serve.kept_jobs")
        assert 0 < int(full.headers["retry-after"]) <= 600
        await ask(said.headers["location"], method="DELETE")
        assert (server.jobs.nbytes, server.jobs.worker) == (0, None)
        server.jobs.check()

    with_jobs(use)


@pytest.mark.slow
def test_results_are_forgotten_and_the_process_ends_with_the_last(with_jobs, monkeypatch):
    monkeypatch.setattr(jobs, "KEPT_SECONDS", 0.1)

    async def use(ask: Ask, server: Server):
        said = await ask(AT, **as_json({}))
        async with asyncio.timeout(250):
            while (await ask(said.headers["location"])).status == 200:
                await asyncio.sleep(0.02)
        while server.jobs.worker is not None:
            await asyncio.sleep(0.02)

    with_jobs(use)


def test_a_server_without_jobs(with_jobs):
    async def use(ask: Ask, server: Server):
        none = await ask(AT, **as_json({}))
        assert (none.status, none.error) == (404, "serve.no_jobs")

    with_jobs(use, jobs=0)
