"""Tar shards: read like class folders, in windows, to the sample; written by `data pack --shards`."""

from __future__ import annotations

import functools
import http.server
import itertools
import json
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganforge.core.component import build
from ganforge.data import shards
from ganforge.data.base import DataSource
from ganforge.data.loader import Loader
from ganforge.data.sampler import WINDOW, Windowed
from ganforge.data.shard_writer import ShardWriter
from ganforge.registry import load_all
from refused import refused

load_all()


def opened(path: object):
    return build(DataSource, str(path)).open()


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """60 images of 8×8 px in three class folders; the value of a pixel is the number of the image."""
    root = tmp_path_factory.mktemp("images")
    for k in range(60):
        folder = root / ("cat", "dog", "a very odd: name")[k % 3]
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), k, np.uint8)).save(folder / f"{k:03d}.png")
    return root


@pytest.fixture(scope="module")
def packed(folders, tmp_path_factory) -> Path:
    from ganforge.modalities.image.pack import pack_images

    out = tmp_path_factory.mktemp("packed") / "shards"
    said = pack_images(opened(folders), out, duplicates=False, force=False, shards=12_000)
    assert "60 images in" in said[0]
    return out


def content(dataset) -> dict[int, str]:
    """From the value of each image to its class."""
    return {int(dataset.read(k)[0, 0, 0]): dataset.classes[dataset.labels[k]] for k in range(len(dataset))}


def test_packed_shards_hold_the_same(folders, packed):
    plain, read = opened(folders), opened(packed)
    assert len(list(packed.glob("*.tar"))) > 3
    assert all(path.stat().st_size <= 12_000 for path in packed.glob("*.tar"))
    assert content(read) == content(plain)
    assert read.classes == plain.classes
    assert read.blocks is not None
    assert len(set(read.blocks.tolist())) == len(list(packed.glob("*.tar")))
    with tarfile.open(packed / "shard-000000.tar") as archive:
        assert archive.getnames()[:2] == ["000000000.png", "000000000.cls"]


def test_packing_again_gives_the_same_bytes_and_no_stale_shards(folders, packed, tmp_path, ganforge):
    words = ("data", "pack", folders, tmp_path / "again", "--shards")
    assert ganforge(*words, "12KB").status == 0
    assert {p.name: p.read_bytes() for p in packed.glob("*.tar")} == {
        p.name: p.read_bytes() for p in (tmp_path / "again").glob("*.tar")
    }
    assert "output.exists" in ganforge(*words, "1MB", "--json").out
    assert ganforge(*words, "1MB", "--force").status == 0
    assert [p.name for p in (tmp_path / "again").glob("*.tar")] == ["shard-000000.tar"]
    assert "cli.out_of_range" in ganforge(*words, "soon", "--json").out


def test_shards_of_other_tools(tmp_path):
    """Classes as texts, folders in keys, files of other kinds beside the image, no list of shards."""
    with ShardWriter(tmp_path, 10**6) as writer:
        png = Path(tmp_path / "x.png")
        Image.fromarray(np.full((4, 4, 3), 7, np.uint8)).save(png)
        data = png.read_bytes()
        png.unlink()
        for k in range(6):
            writer.add(f"part/{k:03d}", {".png": data, ".json": b"{}", ".cls": (b"sea", b"sky")[k % 2]})
    dataset = opened(tmp_path)
    assert dataset.classes == ("sea", "sky")
    assert dataset.labels.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_damaged_shard_is_refused(packed, tmp_path):
    data = (packed / "shard-000000.tar").read_bytes()
    (tmp_path / "a.tar").write_bytes(data[:4_000])
    with refused("data.damaged_shard", "a.tar"):
        opened(tmp_path)


@pytest.fixture
def server(packed) -> Iterator[str]:
    """The address of a web server with the shards."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(packed))) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


def test_shards_on_a_server(packed, server, tmp_path, monkeypatch):
    monkeypatch.setenv("GANFORGE_CACHE", str(tmp_path))
    monkeypatch.setattr(shards, "KEPT", 3)
    count = len(list(packed.glob("*.tar")))
    listed = opened(f"{server}/ganforge.json")
    assert content(listed) == content(opened(packed))
    assert len(list(tmp_path.rglob("*.tar"))) == 3
    named = opened(f"{server}/shard-{{000000..{count - 1:06d}}}.tar")
    assert len(named) == 60
    source = build(DataSource, f"{server}/ganforge.json")
    assert source.located() == source.unlocated() == source
    with refused("data.not_shards", "http"):
        opened(f"{server}/photos")
    with refused("data.not_downloaded", "nothing.tar"):
        opened(f"{server}/nothing.tar")


def test_windows_hold_every_item_once_a_pass_from_few_blocks():
    blocks = np.sort(np.random.default_rng(0).integers(0, 40, 1_000))
    order = Windowed(blocks)
    whole, _ = order.rows(3, 0, 2_000)
    assert sorted(whole[:1_000]) == sorted(whole[1_000:]) == list(range(1_000))
    assert whole[:1_000].tolist() != whole[1_000:].tolist()
    for start in range(0, 1_000 - 50, 50):
        assert len(set(blocks[whole[start : start + 50]].tolist())) <= 2 * WINDOW
    parts = [order.rows(3, start, count)[0] for start, count in ((0, 7), (7, 1_300), (1_307, 693))]
    assert np.concatenate(parts).tolist() == whole.tolist()
    assert Windowed(blocks).rows(3, 1_234, 10)[0].tolist() == whole[1_234:1_244].tolist()


def test_processes_read_every_sample_once(packed):
    """The parts of a batch together are the batch of one process."""
    dataset = opened(packed)
    loaders = [
        Loader(dataset, lambda item: item, (8, 8, 3), batch=12, in_memory=False, workers=1, shard=shard)
        for shard in ((0, 1), (0, 3), (1, 3), (2, 3))
    ]
    for start in (0, 12, 48):
        whole, *parts = (loader.batch(start)[0][:, 0, 0, 0].tolist() for loader in loaders)
        assert [*itertools.chain(*parts)] == whole
    for loader in loaders:
        loader.close()


def test_the_list_beside_shards(packed):
    about = json.loads((packed / "ganforge.json").read_text())
    assert sum(shard["count"] for shard in about["shards"]) == about["count"] == 60
    assert about["unreadable"] == about["duplicates"] == []
