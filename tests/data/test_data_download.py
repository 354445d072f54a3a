"""Downloads from servers that misbehave, each on 127.0.0.1."""

from __future__ import annotations

import gzip
import hashlib
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from ganforge.core.cache import cache_folder
from ganforge.data import download
from ganforge.data.download import Remote, fetch
from ganforge.modalities.image.sources import named
from refused import refused

DATA = np.random.default_rng(0).integers(0, 256, 900_000, np.uint8).tobytes()
DIGEST = hashlib.sha256(DATA).hexdigest()


class Server:
    """Serves `content` in the way that `manner` says, and keeps what it was asked for."""

    def __init__(self, manner, content=DATA):
        self.manner, self.content, self.asked = manner, content, []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args):
                return

            def do_GET(self):
                asked = self.headers.get("Range")
                outer.asked.append(asked)
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
                outer.manner(self, outer.content, start)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.http.server_port}/file.bin"


def head(handler, status, length, start=None, total=None):
    handler.send_response(status)
    handler.send_header("Content-Length", str(length))
    if start is not None:
        handler.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
    handler.end_headers()


def honest(handler, content, start):
    if start >= len(content) and start:
        return head(handler, 416, 0)
    head(handler, 206 if start else 200, len(content) - start, start if start else None, len(content))
    return handler.wfile.write(content[start:])


def breaks_off(handler, content, start):
    """400 kB a connection, whatever it announced."""
    head(handler, 206 if start else 200, len(content) - start, start if start else None, len(content))
    handler.wfile.write(content[start : start + 400_000])
    handler.close_connection = True


def knows_no_ranges(handler, content, start):
    head(handler, 200, len(content))
    handler.wfile.write(content if start else content[:300_000])
    handler.close_connection = True


def announces_less(handler, content, start):
    """Says half of the truth, and stops there."""
    part = content[start : start + 450_000]
    head(handler, 206 if start else 200, len(part), start if start else None, start + len(part))
    handler.wfile.write(part)


def announces_more(handler, content, start):
    head(handler, 206 if start else 200, len(content) + 1000, start if start else None, len(content))
    handler.wfile.write(content[start:])
    handler.close_connection = True


def never_ends(handler, content, start):
    handler.send_response(200)
    handler.end_headers()
    for _ in range(20):
        handler.wfile.write(content)
    handler.close_connection = True


def is_gone(handler, content, start):
    handler.send_error(404)


def hangs_up(handler, content, start):
    handler.close_connection = True


def serves_nothing(handler, content, start):
    head(handler, 200, len(content))
    handler.close_connection = True


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch):
    monkeypatch.setattr(download, "WAIT", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def serve():
    servers = []

    def start(manner, content=DATA):
        servers.append(Server(manner, content))
        return servers[-1]

    yield start
    for server in servers:
        server.http.shutdown()
        server.http.server_close()


def get(folder, *servers):
    urls = tuple(s if isinstance(s, str) else s.url for s in servers)
    return fetch([Remote("file.bin", len(DATA), DIGEST, urls)], folder, "test")[0]


def left(folder):
    return sorted(p.name for p in folder.iterdir() if p.name != ".lock")


def test_a_file_is_fetched_once(tmp_path, serve):
    server = serve(honest)
    folder = tmp_path / "new" / "cache"
    for _ in range(2):
        path = get(folder, server)
        assert path.read_bytes() == DATA
    assert server.asked == [None]
    assert left(folder) == ["file.bin"]


def test_a_broken_download_goes_on_where_it_stopped(tmp_path, serve):
    server = serve(breaks_off)
    assert get(tmp_path, server).read_bytes() == DATA
    assert server.asked == [None, "bytes=400000-", "bytes=800000-"]


@pytest.mark.parametrize("manner", [knows_no_ranges, announces_less, announces_more])
def test_servers_that_lie_about_length_or_ignore_ranges(manner, tmp_path, serve):
    assert get(tmp_path, serve(manner)).read_bytes() == DATA
    assert left(tmp_path) == ["file.bin"]


@pytest.mark.parametrize("manner", [never_ends, is_gone, hangs_up, serves_nothing])
def test_the_next_mirror_helps(manner, tmp_path, serve):
    assert get(tmp_path, serve(manner), serve(honest)).read_bytes() == DATA


def test_another_mirror_goes_on_with_what_is_there(tmp_path, serve):
    (tmp_path / "file.bin.part").write_bytes(DATA[:500_000])
    server = serve(honest)
    assert get(tmp_path, server).read_bytes() == DATA
    assert server.asked == ["bytes=500000-"]


@pytest.mark.parametrize("wrong", [b"x" * 500_000, b"x" * len(DATA), b"x" * (len(DATA) + 1)])
def test_a_wrong_beginning_is_thrown_away(wrong, tmp_path, serve):
    (tmp_path / "file.bin.part").write_bytes(wrong)
    assert get(tmp_path, serve(honest)).read_bytes() == DATA


def test_other_bytes_are_refused_and_nothing_is_left(tmp_path, serve):
    with refused("data.download_failed", "SHA-256"):
        get(tmp_path, serve(honest, bytes(len(DATA))))
    assert left(tmp_path) == []
    with refused("data.download_failed", "more than"):
        get(tmp_path, serve(honest, DATA + b"x"))
    assert left(tmp_path) == []


def test_all_mirrors_down_says_where_to_put_what(tmp_path, serve):
    servers = [serve(is_gone), serve(breaks_off, DATA[:100])]
    closed = "http://127.0.0.1:9/file.bin"
    named = ("404", "refused", closed, str(tmp_path), "file.bin", DIGEST, "900,000 bytes")
    with refused("data.download_failed", *named):
        get(tmp_path, *servers, closed)
    assert "file.bin" not in left(tmp_path)


def test_files_put_there_by_hand_are_taken_or_refused(tmp_path):
    (tmp_path / "file.bin").write_bytes(DATA)
    assert get(tmp_path, "http://127.0.0.1:9/x").read_bytes() == DATA
    (tmp_path / "file.bin").write_bytes(DATA[:-1])
    with refused("data.wrong_checksum", str(tmp_path / "file.bin"), DIGEST):
        get(tmp_path, "http://127.0.0.1:9/x")
    assert (tmp_path / "file.bin").exists()


def test_a_cache_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with refused("data.cache_not_writable", "GANFORGE_CACHE"):
        get(tmp_path / "file" / "cache", "http://127.0.0.1:9/x")


def test_where_the_cache_is(monkeypatch, tmp_path):
    for name in ("GANFORGE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "ganforge"
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert str(cache_folder()) == "/x/ganforge"
    monkeypatch.setenv("GANFORGE_CACHE", "/y")
    assert str(cache_folder()) == "/y"


def test_a_named_set_from_the_net_to_its_pictures(monkeypatch, tmp_path, serve):
    images = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
    contents = {
        "train-images-idx3-ubyte.gz": gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 3, 2, 2) + images.tobytes()),
        "train-labels-idx1-ubyte.gz": gzip.compress(struct.pack(">4BI", 0, 0, 8, 1, 3) + bytes([9, 0, 5])),
    }
    files = tuple(
        Remote(name, len(data), hashlib.sha256(data).hexdigest(), (serve(honest, data).url,))
        for name, data in contents.items()
    )
    monkeypatch.setenv("GANFORGE_CACHE", str(tmp_path))
    monkeypatch.setattr(named.Mnist, "files", files)
    data = named.Mnist().open()
    assert data.labels.tolist() == [9, 0, 5]
    assert data.classes == tuple("0123456789")
    assert np.array_equal(data.array[..., 0], images)
    assert sorted(p.name for p in (tmp_path / "mnist").glob("*.gz")) == sorted(contents)


@pytest.mark.parametrize("kind", [named.Mnist, named.FashionMnist, named.Cifar10])
def test_named_sets_without_a_network_name_their_files(kind, monkeypatch, tmp_path):
    monkeypatch.setenv("GANFORGE_CACHE", str(tmp_path))
    monkeypatch.setattr(download, "TRIES", 1)
    offline = tuple(Remote(f.name, f.size, f.sha256, ("http://127.0.0.1:9/" + f.name,)) for f in kind.files)
    monkeypatch.setattr(kind, "files", offline)
    with refused("data.download_failed", str(tmp_path / kind.kind)):
        kind(split="test").open()
    assert all(len(f.sha256) == 64 for f in kind.files)
