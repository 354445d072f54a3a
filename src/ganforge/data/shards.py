"""Samples in numbered tar files ("shards") in the layout of WebDataset: locally, or on a web server.

    photos-000000.tar:  00000000.jpg 00000000.cls 00000001.jpg 00000001.cls ...

The files of a sample share the name before the first dot: its image, and `.cls`, the class as a number or a text. A
store shows them as class folders, `CLASS/SHARD-NAME.jpg`, so that they are read by the rules for folders.

Only where each file begins is kept in memory. A shard on a server is downloaded to the cache when a sample of it is
wanted; the newest `KEPT` stay there.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol
from urllib.parse import urljoin

import numpy as np
from filelock import FileLock

from ganforge.core.cache import cache_folder
from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.names import folder_names, safe_name
from ganforge.core.progress import Bar
from ganforge.data.download import AGENT, CHUNK, NETWORK, TIMEOUT

BLOCK = 512  # bytes: tar pads headers and contents to multiples of it, and ends with zeros
KEPT = 32
"""Shards of one data set that are kept in the cache, of a data set on a server."""
LIST = "ganforge.json"
"""The list of shards and classes beside the shards, as `data pack --shards` writes it; others need not have one."""
FORMAT = "ganforge-shards"
RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
BESIDE = frozenset({".tar", ".json", ".txt", ".md", ""})
"""Endings of the files in a folder of shards."""


class Shards(Protocol):
    """Where the tar files are."""

    names: list[str]

    def path(self, k: int) -> Path:
        """Shard k as a file on this machine."""
        ...

    def listed(self) -> dict:
        """The content of `ganforge.json` beside them; {} if there is none."""
        ...


class LocalShards:
    """The tar files of a folder."""

    def __init__(self, folder: Path, names: Sequence[str]):
        self.folder, self.names = folder, list(names)

    def path(self, k: int) -> Path:
        return self.folder / self.names[k]

    def listed(self) -> dict:
        path = self.folder / LIST
        return parsed(path.read_bytes()) if path.is_file() else {}


class RemoteShards:
    """Tar files on a web server.

    Args:
        urls: of the tar files.
        about: the content of `ganforge.json` beside them.
    """

    def __init__(self, urls: Sequence[str], about: dict):
        self.urls, self.about = list(urls), about
        self.names = [url.rpartition("/")[2] for url in urls]
        self.folder = cache_folder() / "shards" / safe_name(urls[0].rpartition("/")[0].partition("://")[2])

    def listed(self) -> dict:
        return self.about

    def path(self, k: int) -> Path:
        path = self.folder / self.names[k]
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            with FileLock(self.folder / ".lock"):  # of several processes one downloads it
                if not path.exists():
                    self._fetch(self.urls[k], path)
        return path

    def _fetch(self, url: str, path: Path) -> None:
        there = sorted(self.folder.glob("*.tar"), key=lambda old: old.stat().st_mtime)
        for old in there[: max(0, len(there) + 1 - KEPT)]:
            old.unlink(missing_ok=True)
        with atomic_file(path) as file, request(url) as answer, file.open("wb") as out:
            while part := answer.read(CHUNK):
                out.write(part)


def request(url: str):
    """An open answer of a web server.

    Raises:
        UserError: it gives none.
    """
    try:
        return urllib.request.urlopen(urllib.request.Request(url, headers={"User-Agent": AGENT}), timeout=TIMEOUT)
    except (*NETWORK, ValueError) as error:
        raise UserError(f"data {url}: cannot be downloaded ({error})", code="data.not_downloaded") from None


def parsed(text: bytes) -> dict:
    """A `ganforge.json` of shards; {} if it is of something else."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) and found.get("format") == FORMAT else {}


def is_url(text: str) -> bool:
    return text.startswith(("http://", "https://"))


def remote(url: str) -> ShardStore:
    """The store of shards at a URL: https://host/photos-{000000..000127}.tar, one .tar, or the URL of `ganforge.json`.

    Raises:
        UserError: it is none of these, or cannot be downloaded.
    """
    if url.endswith(".json"):
        with request(url) as answer:
            about = parsed(answer.read())
        names = [shard["name"] for shard in about.get("shards", [])]
        if not names:
            raise UserError(f"data {url}: not a list of shards, as `ganforge data pack --shards` writes it",
                            code="data.no_shards")  # fmt: skip
        return ShardStore(RemoteShards([urljoin(url, name) for name in names], about), url)
    if not url.endswith(".tar"):
        raise UserError(
            f"data {url}: data on a server is read as tar shards: https://host/photos-{{000000..000127}}.tar, or the "
            f"{LIST} beside them",
            code="data.not_shards",
        )
    return ShardStore(RemoteShards(expanded(url), {}), url)


def expanded(pattern: str) -> list[str]:
    """photos-{000..002}.tar → photos-000.tar, photos-001.tar, photos-002.tar."""
    found = RANGE.search(pattern)
    if found is None:
        return [pattern]
    first, last = found.group(1), found.group(2)
    numbers = range(int(first), int(last) + 1)
    return [pattern[: found.start()] + str(k).zfill(len(first)) + pattern[found.end() :] for k in numbers]


def in_folder(folder: Path) -> ShardStore | None:
    """The store of the tar files in a folder; None if it holds anything else that may be samples."""
    files = [path for path in folder.iterdir() if not path.name.startswith(".")]
    if not any(path.suffix == ".tar" for path in files):
        return None
    if any(path.is_dir() or path.suffix.lower() not in BESIDE for path in files):
        return None
    return ShardStore(LocalShards(folder, sorted(path.name for path in files if path.suffix == ".tar")), str(folder))


class ShardStore:
    """The files in tar shards. Reading from several threads is safe.

    Raises:
        UserError: a shard is damaged, or compressed as a whole.
    """

    def __init__(self, shards: Shards, name: str):
        self.shards, self.name = shards, name
        about = shards.listed()
        classes = [str(one) for one in about.get("classes", [])]
        self.folders = folder_names(classes)
        self.classes = [{"folder": f, "name": n} for f, n in zip(self.folders, classes, strict=True)]
        self.rows: dict[str, int] = {}
        places: list[tuple[int, int, int]] = []
        with Bar("reading shards", len(shards.names)) as bar:
            for k in range(len(shards.names)):
                self._scan(k, places)
                bar.advance(1)
        self.places = np.array(places, np.int64).reshape(-1, 3)  # shard, first byte, bytes

    def _scan(self, k: int, places: list[tuple[int, int, int]]) -> None:
        """Notes where the files of shard k begin."""
        found: list[tuple[str, tuple[int, int, int]]] = []
        classes: dict[str, str] = {}
        path, end = self.shards.path(k), 0
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    end = member.offset_data + -(-member.size // BLOCK) * BLOCK
                    if not member.isfile():
                        continue
                    key, ending = split_name(member.name)
                    if ending == ".cls":
                        file = archive.extractfile(member)
                        classes[key] = "" if file is None else file.read(200).decode("utf-8", "replace").strip()
                    else:
                        found.append((member.name, (k, member.offset_data, member.size)))
            with path.open("rb") as file:  # `tarfile` takes a shard that was cut off for a shorter one
                file.seek(end)
                if file.read(BLOCK) != bytes(BLOCK):
                    raise EOFError("it was cut off")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise UserError(
                f"data {self.name}: {path.name} is not a complete, uncompressed tar file ({error})",
                code="data.damaged_shard",
            ) from None
        for member, place in found:
            self.rows[self._shown(member, k, classes.get(split_name(member)[0]))] = len(places)
            places.append(place)

    def _shown(self, member: str, k: int, label: str | None) -> str:
        inner = PurePosixPath(member)
        name = f"{k:06d}-{inner.name}"
        if label is None:
            return name if str(inner.parent) == "." else f"{inner.parent}/{name}"
        known = label.isdigit() and int(label) < len(self.folders)
        return f"{self.folders[int(label)] if known else safe_name(label)}/{name}"

    def names(self) -> list[str]:
        return [*self.rows, *([LIST] if self.classes else [])]

    def size(self, name: str) -> int:
        return len(self._list()) if name == LIST else int(self.places[self.rows[name], 2])

    def start(self, name: str, count: int) -> bytes:
        return self._list()[:count] if name == LIST else self._read(name, count)

    def notices(self) -> list[str]:
        return []

    def open(self, name: str) -> Path | BinaryIO:
        data = self._list() if name == LIST else self._read(name)
        if not data:
            raise BadItem(name, "an empty file")
        return io.BytesIO(data)

    def blocks(self, names: Sequence[str]) -> np.ndarray:
        """The shard of each file, int64 [len]."""
        return self.places[[self.rows[name] for name in names], 0]

    def _list(self) -> bytes:
        """The classes in the order of their labels, as folders of images have them."""
        return json.dumps({"classes": self.classes}).encode()

    def _read(self, name: str, count: int | None = None) -> bytes:
        shard, first, size = self.places[self.rows[name]].tolist()
        try:
            with self.shards.path(shard).open("rb") as file:
                file.seek(first)
                data = file.read(size if count is None else min(size, count))
        except OSError as error:
            raise BadItem(name, f"its shard cannot be read ({error.strerror or error})") from None
        if count is None and len(data) < size:
            raise BadItem(name, "its shard is shorter than it was")
        return data


def split_name(name: str) -> tuple[str, str]:
    """photos/0001.seg.png → photos/0001, .seg.png: what the files of a sample have in common ends at the first dot."""
    folder, _, last = name.rpartition("/")
    key, dot, ending = last.partition(".")
    return (f"{folder}/{key}" if folder else key), f"{dot}{ending}".lower()
