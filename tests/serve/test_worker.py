"""The worker: what it draws, what it shares, and that it is replaced when it must be."""

from __future__ import annotations

import asyncio
import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganforge as gf
from ganforge.core.marks import is_marked
from ganforge.core.types import Request
from ganforge.inference.together import generate_together, is_function_of_latents
from ganforge.web import worker
from ganforge.web.asks import Sample, Translate, Walk
from ganforge.web.child import Settings
from ganforge.web.frames import Unpacker, packed
from ganforge.web.serve.app import tag_of
from ganforge.web.worker import Worker
from processes import server
from refused import refused
from serve.conftest import OPERATIONS


def pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image).astype(int)


def test_messages_arrive_whole_however_they_are_cut():
    sent = [({"id": k, "text": "é" * k}, bytes(range(k))) for k in range(5)]
    stream = b"".join(packed(*one) for one in sent)
    for step in (1, 7, len(stream)):
        unpacker, got = Unpacker(), []
        for k in range(0, len(stream), step):
            got += unpacker.feed(stream[k : k + step])
        assert [tuple(message) for message in got] == sent
    with pytest.raises(ValueError, match="not JSON compliant"):
        packed({"x": float("nan")})


def test_exact_bytes_are_those_of_the_command_and_sharing_changes_a_pixel_by_one_level(
    with_worker, trained, ganforge, tmp_path
):
    ganforge("sample", trained["digits"], "-n", "1", "--seed", "5", "--out", tmp_path / "one")
    ganforge("sample", trained["digits"], "-n", "9", "--seed", "5", "--grid", tmp_path / "grid.png",
             "--npz", tmp_path / "all.npz")  # fmt: skip
    ganforge("sample", trained["digits"], "-n", "3", "--label", "1", "--out", tmp_path / "three.npy")
    ganforge("sample", trained["people"], "-n", "5", "--seed", "2", "--out", tmp_path / "rows.csv")
    ganforge("sample", trained["people"], "-n", "5", "--where", "age>40", "--out", tmp_path / "old.csv")

    async def use(held: Worker):
        def ask(model="digits", **fields):
            return held.ask("sample", model, Sample(**fields))

        for file, fields in {
            "one/000000.png": {"seed": 5},
            "grid.png": {"n": 9, "seed": 5, "format": "png"},
            "all.npz": {"n": 9, "seed": 5, "format": "npz"},
            "three.npy": {"n": 3, "label": 1, "format": "npy"},
            "rows.csv": {"model": "people", "n": 5, "seed": 2},
            "old.csv": {"model": "people", "n": 5, "where": ["age>40"]},
        }.items():
            reply = await ask(exact=True, **fields)
            assert reply.data == (tmp_path / file).read_bytes(), file
            assert reply.together == 1
        shared = await asyncio.gather(*(ask(seed=k) for k in range(20)))
        alone = [await ask(seed=k, exact=True) for k in range(20)]
        assert max(one.together for one in shared) > 4
        assert max(np.abs(pixels(a.data) - pixels(b.data)).max() for a, b in zip(shared, alone, strict=True)) <= 1
        assert {one.data for one in alone} != {alone[0].data}
        assert is_marked(shared[0].data)
        files = zipfile.ZipFile(io.BytesIO((await ask(n=3, format="zip")).data))
        assert list(held.scratch.iterdir()) == []
        assert files.namelist() == ["000000.png", "000001.png", "000002.png", "labels.csv"]
        assert (await ask("people", n=2, format="parquet")).data[:4] == b"PAR1"

    with_worker(use)


def test_between_two_seeds_and_walks(with_worker):
    async def use(held: Worker):
        def ask(**fields):
            return held.ask("sample", "digits", Sample(**fields))

        ends = [(await ask(seed=s, exact=True)).data for s in (3, 4)]
        path = [(await ask(seed=3, to=4, share=share, exact=True)).data for share in (0.0, 0.5, 1.0)]
        assert np.abs(pixels(path[0]) - pixels(ends[0])).max() <= 1
        assert np.abs(pixels(path[2]) - pixels(ends[1])).max() <= 1
        assert path[1] not in (path[0], path[2])
        with refused("sample.one_between"):
            await ask(seed=3, to=4, n=2)
        film = await held.ask("walk", "digits", Walk(seeds=[1, 2], count=3, format="gif", smallest=8))
        assert film.type == "image/gif"
        assert Image.open(io.BytesIO(film.data)).n_frames == 3

    with_worker(use)


def test_a_worker_in_bf16_gives_the_bytes_of_the_command_in_bf16(trained, ganforge, tmp_path):
    words = ("sample", trained["digits"], "-n", "3", "--seed", "5", "--precision")
    for precision in ("fp32", "bf16"):
        ganforge(*words, precision, "--out", tmp_path / f"{precision}.npy")

    async def use():
        settings = Settings({"digits": trained["digits"]}, precision="bf16", operations=OPERATIONS)
        async with Worker(settings, context=server()) as held:
            reply = await held.ask("sample", "digits", Sample(n=3, seed=5, format="npy", exact=True))
            return held.models["digits"], reply.data

    facts, data = asyncio.run(use())
    assert facts["precision"] == "bf16"
    assert data == (tmp_path / "bf16.npy").read_bytes()
    assert data != (tmp_path / "fp32.npy").read_bytes()
    tags = {tag_of(facts | {"precision": precision}, Sample()) for precision in ("fp32", "bf16")}
    assert len(tags) == 2, "a cached answer in one precision is none in the other"


def test_translates_a_file(with_worker, trained, tmp_path):
    photo = Path(trained["denoise"]).parent / "photos" / "0.png"

    async def use(held: Worker):
        fields = Translate().model_dump() | {"file": str(photo)}
        made = await held.ask("translate", "denoise", fields)
        with Image.open(photo) as image:
            expected = gf.load(trained["denoise"], device="cpu").translate(image)
        assert np.abs(pixels(made.data) - np.asarray(expected).astype(int)).max() <= 1
        (tmp_path / "broken.png").write_bytes(photo.read_bytes()[:60])
        with refused("data.unreadable", "broken.png"):
            await held.ask("translate", "denoise", fields | {"file": str(tmp_path / "broken.png")})
        with refused("translate.mask_not_taken"):
            await held.ask("translate", "denoise", fields | {"mask": str(photo)})
        with refused("model.not_a_generator", "denoise"):
            await held.ask("sample", "denoise", Sample())
        assert held.models["denoise"]["can"]["translate"]
        assert not held.models["denoise"]["can"]["sample"]

    with_worker(use)


def test_what_a_model_refuses_and_what_it_is(with_worker):
    async def use(held: Worker):
        for code, fields in {
            "sample.unknown_label": {"label": "seven"},
            "sample.labels_differ_in_number": {"label": [0, 1]},
            "output.unsupported_format": {"format": "wav"},
            "signal.no_columns": {"where": ["a=3"]},
            "model.no_guidance": {"guidance": 2.0},
            "model.no_temperature": {"temperature": 0.5},
            "signal.no_frames": {"frames": 8},
        }.items():
            with refused(code):
                await held.ask("sample", "digits", Sample(**fields))
        with refused("worker.unknown_model"):
            await held.ask("sample", "letters", Sample())
        with refused("worker.unknown_operation"):
            await held.ask("delete", "digits", {})
        assert held.waiting == 0
        facts = held.models["digits"]
        assert facts["labels"] == ["0", "1"]
        assert facts["formats"][0] == "png"
        assert held.models["people"]["columns"][0] == {
            "name": "city",
            "kind": "categorical",
            "values": ["Lima", "Oslo", "Quito"],
        }

    with_worker(use)


def test_too_many_and_too_late(with_worker):
    async def use(held: Worker):
        def wait(seconds, deadline=30.0):
            return held.ask("wait", "digits", {"seconds": seconds}, deadline)

        first = asyncio.create_task(wait(0.3))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        with refused("worker.late"):
            await wait(0.0, deadline=0.1)
        assert time.monotonic() - begun < 0.25
        second = asyncio.create_task(wait(0.0))
        await asyncio.sleep(0)
        with refused("worker.busy") as busy:
            await wait(0.0)
        assert busy.value.retry_after == 1
        assert (await first).facts == {"waited": 0.3}
        await second
        assert (held.waiting, held.statistics.refused, held.statistics.late) == (0, 1, 1)
        assert held.statistics.passes == 2, "what is late before it begins is not computed"

    with_worker(use, most_waiting=2)


def test_work_tells_how_far_it_is_and_ends_when_nobody_waits(with_worker):
    async def use(held: Worker):
        shares: list[float] = []
        await held.ask("steps", "digits", {"steps": 4}, told=shares.append)
        assert shares == [0.25, 0.5, 0.75, 1.0]
        shares.clear()
        await held.ask("sample", "digits", Sample(n=130, format="npz"), told=shares.append)
        assert shares == [64 / 130, 128 / 130, 1.0]
        shares.clear()
        await held.ask("walk", "digits", Walk(seeds=[1, 2], count=70, smallest=8), told=shares.append)
        assert shares == [64 / 70, 1.0]

        shares.clear()
        begun = asyncio.create_task(
            held.ask("steps", "digits", {"steps": 100_000}, deadline=10_000, told=shares.append)
        )
        waits = asyncio.create_task(held.ask("steps", "digits", {"steps": 100_000}, deadline=10_000))
        while not shares:
            await asyncio.sleep(0.01)
        for one in (waits, begun):
            one.cancel()
        assert (await held.ask("steps", "digits", {"steps": 1}, deadline=250)).facts == {}
        assert held.waiting == 0
        assert held.statistics.started == 0, "the process is still the first one"

    with_worker(use)


@pytest.mark.slow
def test_a_worker_that_dies_or_hangs_or_holds_too_much_is_replaced(shared, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "GRACE", 0.1)
    loop, other = shared
    memory = other.statistics.resident or 4 << 30
    settings = Settings({"digits": trained["digits"]}, memory=memory, operations=OPERATIONS)

    async def use() -> None:
        async with Worker(settings, context=server()) as held:

            async def still_answers() -> None:
                assert (await held.ask("sample", "digits", Sample(seed=1), deadline=250)).type == "image/png"

            first = held.statistics.resident
            await held.load("guest", Path(trained["digits"]))
            ends = asyncio.create_task(held.ask("end", "digits", {}))
            waits = asyncio.create_task(still_answers())
            with refused("worker.died"):
                await ends
            await waits
            assert held.statistics.started == 2
            assert list(held.models) == ["digits"]
            assert not held.guests
            with refused("worker.late"):
                await held.ask("wait", "digits", {"seconds": 250}, deadline=1.5)
            await still_answers()
            assert held.statistics.started == 3
            assert held.waiting == 0
            with refused("worker.failed") as failed:
                await held.ask("fail", "digits", {})
            assert "secret" not in str(failed.value)
            if not first:  # this system does not say how much memory a process uses
                return
            await held.ask("fill", "digits", {"mib": 50 + (memory - first >> 20)})
            await still_answers()
            assert held.statistics.renewed == 1
            assert held.statistics.resident < first + (20 << 20)
            with refused("worker.out_of_memory"):
                await held.ask("fill", "digits", {"mib": 100_000})

    loop.run_until_complete(use())


def test_only_samples_that_depend_on_their_latents_alone_share_a_pass(trained, monkeypatch):
    model = gf.load(trained["digits"], device="cpu")
    assert is_function_of_latents(model.bundle)
    requests = [model.request(2, seed=k, label=k % 2, truncation=0.8) for k in range(3)]
    for made, request in zip(generate_together(model.bundle, requests), requests, strict=True):
        alone = model.bundle.generate(request)
        assert np.abs(made.astype(int) - alone.astype(int)).max() <= 1
    sample = type(model.recipe.task).sample

    def noisy(task, nets, request: Request):
        return sample(task, nets, request) + request.seed / 10

    monkeypatch.setattr(type(model.recipe.task), "sample", noisy)
    assert not is_function_of_latents(model.bundle)


def test_models_come_and_go(with_worker, trained, tmp_path, monkeypatch):
    monkeypatch.setattr(worker, "MOST_GUESTS", 1)
    path = tmp_path / "guest.safetensors"
    path.write_bytes((Path(trained["digits"]) / "model.safetensors").read_bytes())

    async def use(held: Worker):
        facts = await held.load("a", path)
        assert facts == held.models["a"]
        begun = held.statistics.passes
        assert await held.load("a", path) == facts
        assert held.statistics.passes == begun, "it is loaded already"
        assert (await held.ask("sample", "a", Sample())).type == "image/png"
        os.utime(path, (1, 1))
        await held.load("a", path)
        assert held.statistics.passes == begun + 2, "its file is newer"
        await held.load("c", path)
        assert list(held.guests) == ["c"]
        with refused("worker.unknown_model"):
            await held.ask("sample", "a", Sample())
        with refused("model.not_found"):
            await held.load("b", tmp_path / "none")

    with_worker(use)
