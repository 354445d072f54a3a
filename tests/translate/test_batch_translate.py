"""Reading ahead and writing behind: nothing is lost, nothing blocks, memory stays bounded."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from translate_models import model_file, photo_like, save, spec_of

from ganforge.core.errors import UserError
from ganforge.inference.model import load
from ganforge.modalities.pair import batch_translate, photo
from ganforge.modalities.pair.nets.super_resolution import SrResNet

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def translator(tmp_path):
    file = model_file(tmp_path / "m.safetensors", SrResNet(channels=2, blocks=1), spec_of())
    return load(file, "cpu").translator(tile=96)


def jobs_of(tmp_path: Path, count: int, size: tuple[int, int] = (24, 24)) -> list[batch_translate.Job]:
    for k in range(count):
        save(tmp_path / "in" / f"{k:03d}.png", photo_like(*size, seed=k))
    store = batch_translate.open_store(tmp_path / "in")
    names = batch_translate.images_in(store)
    outs = batch_translate.outputs(names, tmp_path / "out", False, None)
    return [batch_translate.Job(name, store, out) for name, out in zip(names, outs, strict=True)]


def test_a_writer_that_fails_does_not_stop_the_others(tmp_path, translator, monkeypatch):
    """More bands than may wait: the thread that computes must not wait for one who has given up."""
    jobs = jobs_of(tmp_path, 3, (400, 60))
    real = photo.write

    def write(path, rows, *arguments):
        if path.name == "001.png":
            raise UserError("the disk is full")
        real(path, rows, *arguments)

    monkeypatch.setattr(photo, "write", write)
    outcome = batch_translate.run(translator, jobs)
    assert [(one.what, one.why) for one in outcome.failed] == [("001.png", "the disk is full")]
    assert [path.name for path in outcome.written] == ["000.png", "002.png"]


def test_a_net_that_fails_leaves_no_half_file(tmp_path, translator):
    jobs = jobs_of(tmp_path, 2, (400, 60))
    net, calls = translator.net, []

    def failing(x):
        calls.append(1)
        if len(calls) == 3:
            raise UserError("no memory")
        return net(x)

    translator.net = failing
    outcome = batch_translate.run(translator, jobs)
    assert [(one.what, one.why) for one in outcome.failed] == [("000.png", "no memory")]
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["001.png"]


def test_an_error_of_ours_is_raised_and_leaves_no_half_file(tmp_path, translator):
    jobs = jobs_of(tmp_path, 2, (400, 60))
    calls = []

    def broken(x):
        calls.append(1)
        raise ZeroDivisionError

    translator.net = broken
    with pytest.raises(ZeroDivisionError):
        batch_translate.run(translator, jobs)
    assert not list((tmp_path / "out").glob("*"))
    assert threading.active_count() < 20


def test_files_are_read_and_written_while_the_net_works(tmp_path, translator, monkeypatch):
    """Each waits for the next image to have got so far, which one after the other it never would."""
    count = 10
    jobs = jobs_of(tmp_path, count)
    read, computed = ([threading.Event() for _ in range(count)] for _ in range(2))
    numbers = {job.name: k for k, job in enumerate(jobs)} | {job.out: k for k, job in enumerate(jobs)}
    load_one, write, net = batch_translate.load, photo.write, translator.net
    calls: list[int] = []
    met: list[tuple[str, int]] = []

    def loading(job):
        read[numbers[job.name]].set()
        return load_one(job)

    def computing(x):
        k = len(calls)
        calls.append(k)
        computed[k].set()
        if k + 1 < count and read[k + 1].wait(20):
            met.append(("read", k))
        return net(x)

    def writing(path, *arguments):
        k = numbers[path]
        if k + 1 < count and computed[k + 1].wait(20):
            met.append(("write", k))
        write(path, *arguments)

    monkeypatch.setattr(batch_translate, "load", loading)
    monkeypatch.setattr(photo, "write", writing)
    translator.net = computing
    assert len(batch_translate.run(translator, jobs).written) == count
    assert len(calls) == count
    assert sorted(met) == [(kind, k) for kind in ("read", "write") for k in range(count - 1)]


def test_no_more_are_read_than_needed(tmp_path, translator):
    """Reading stays a few images ahead of the net, however many there are."""
    jobs = jobs_of(tmp_path, 12)
    begun: list[int] = []
    most = 0

    def work(job):
        begun.append(1)
        return batch_translate.load(job)

    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(2) as pool:
        for done, (_, future) in enumerate(batch_translate.ahead(jobs, work, pool)):
            future.result()
            time.sleep(0.005)
            most = max(most, len(begun) - done)
    assert len(begun) == 12
    assert most <= batch_translate.AHEAD + 1


def test_names_that_collide_are_kept_apart():
    names = ["a.png", "a.bmp", "b.tif", "c/a.jpg"]
    outs = [str(path) for path in batch_translate.outputs(names, Path("out"), False, None)]
    assert outs == ["out/a.png.png", "out/a.bmp.png", "out/b.png", "out/c/a.jpg"]
    outs = [str(path) for path in batch_translate.outputs(names, Path("out"), False, ".webp")]
    assert outs == ["out/a.png.webp", "out/a.bmp.webp", "out/b.webp", "out/c/a.webp"]
    assert [p.suffix for p in batch_translate.outputs(["c.jpg"], Path("out"), True, None)] == [".png"]


def test_bands_come_in_order_and_end():
    rows = batch_translate.Rows()

    def give() -> None:
        for k in range(9):
            rows.put(np.full((1, 1, 1), k, np.uint8))
        rows.close()

    threading.Thread(target=give).start()
    assert [int(band[0, 0, 0]) for band in rows] == list(range(9))
