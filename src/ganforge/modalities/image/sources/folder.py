"""Sets of picture files: a folder or a zip, with class folders or without, with train/ and test/ or without."""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np

from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.progress import Bar
from ganforge.core.types import BadItem, Dataset
from ganforge.modalities.image import files as pictures

MANIFEST = "ganforge.json"
JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir"})
SPLITS = {"train": ("train", "training"), "test": ("test", "testing")}
OTHER_SPLITS = ("val", "valid", "validation", "dev")
MAX_MEMBER = 2**30  # bytes of one file in a zip, unpacked: more is a bomb, not a picture


class Store(Protocol):
    """Where files lie. Names are relative, with / between their parts."""

    def names(self) -> list[str]:
        """All files, in no order."""
        ...

    def size(self, name: str) -> int:
        """In bytes."""
        ...

    def open(self, name: str) -> Path | BinaryIO:
        """What Pillow can read, or raises `BadItem`."""
        ...


class FolderStore:
    """Files below a folder."""

    def __init__(self, root: Path):
        self.root = root

    def names(self) -> list[str]:
        found: list[str] = []
        seen: set[str] = set()
        for folder, below, files in os.walk(self.root, followlinks=True):
            real = os.path.realpath(folder)
            if real in seen:  # a link that leads back up
                below.clear()
                continue
            seen.add(real)
            relative = Path(folder).relative_to(self.root).as_posix()
            found += files if relative == "." else [f"{relative}/{file}" for file in files]
        return found

    def size(self, name: str) -> int:
        path = self.root / name
        return path.stat().st_size if path.exists() else 0

    def open(self, name: str) -> Path | BinaryIO:
        path = self.root / name
        if not path.is_file():
            raise BadItem(name, "gone, or a link to nothing")
        if path.stat().st_size == 0:
            raise BadItem(name, "an empty file")
        return path


class ZipStore:
    """Files in a zip, read one by one; nothing is ever unpacked to disk."""

    def __init__(self, path: Path):
        try:
            self.zip = zipfile.ZipFile(path)  # open for as long as the set is; reading from many threads is safe
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise UserError(f"data {path}: not a zip that can be read ({error}); was it copied whole?") from None
        for info in self.zip.infolist():
            name = info.filename.replace("\\", "/")
            if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
                raise UserError(
                    f"data {path}: has a file named {info.filename!r}, which leads out of its folder when unpacked. "
                    "The whole archive is refused (nothing was unpacked); make a clean one from pictures that you trust"
                )
        self.members = {i.filename.replace("\\", "/"): i for i in self.zip.infolist() if not i.is_dir()}

    def names(self) -> list[str]:
        return list(self.members)

    def size(self, name: str) -> int:
        return self.members[name].file_size

    def open(self, name: str) -> Path | BinaryIO:
        info = self.members[name]
        if info.flag_bits & 1:
            raise BadItem(name, "encrypted; unpack the archive with its password first")
        if info.file_size > MAX_MEMBER:
            raise BadItem(name, f"claims {info.file_size:,} bytes unpacked (a decompression bomb?)")
        try:
            data = self.zip.read(info)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
            raise BadItem(name, f"damaged in the archive ({error})") from None
        if not data:
            raise BadItem(name, "an empty file")
        return io.BytesIO(data)


class Below:
    """The files of a store that lie in one of its folders.

    Raises:
        UserError: there is no such folder (names those that there are).
    """

    def __init__(self, store: Store, inner: str):
        self.store, self.prefix = store, f"{inner}/"
        if not any(name.startswith(self.prefix) for name in store.names()):
            folders = sorted({name.rpartition("/")[0] for name in store.names() if "/" in name})
            raise UserError(
                f"data: no folder {inner!r} in this zip{did_you_mean(inner, folders)} "
                f"(it has {', '.join(folders[:10]) or 'none'})"
            )

    def names(self) -> list[str]:
        return [name.removeprefix(self.prefix) for name in self.store.names() if name.startswith(self.prefix)]

    def size(self, name: str) -> int:
        return self.store.size(self.prefix + name)

    def open(self, name: str) -> Path | BinaryIO:
        return self.store.open(self.prefix + name)


class PictureDataset(Dataset):
    """Picture files, decoded when they are read.

    Attributes:
        files: their names in the store, sorted.
        ignored: how many files of other kinds lie beside them, by extension.
    """

    def __init__(self, name: str, store: Store, files: Sequence[str], labels: np.ndarray | None,
                 classes: Sequence[str], ignored: Counter[str]):  # fmt: skip
        self.name, self.store, self.files, self.labels, self.classes = name, store, list(files), labels, tuple(classes)
        self.ignored = ignored
        self.skipped: list[tuple[str, str]] = []
        self._headers: list[tuple[tuple[int, ...], str] | None] | None = None

    def __len__(self) -> int:
        return len(self.files)

    def read(self, index: int) -> np.ndarray:
        file = self.files[index]
        return pictures.decode(self.store.open(file), file)

    def describe(self, index: int) -> str:
        return self.files[index]

    @property
    def nbytes(self) -> int:
        """Size of the files."""
        return sum(self.store.size(file) for file in self.files)

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """Of the files whose header can be read."""
        return dict(Counter(found for found in self._read_headers() if found))

    def each_shape(self) -> list[tuple[int, ...] | None]:
        return [found and found[0] for found in self._read_headers()]

    def _read_headers(self) -> list[tuple[tuple[int, ...], str] | None]:
        """Of all files; None for those that cannot be read. The first call reads them all; the answer is kept."""
        if self._headers is None:
            headers = []
            with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool, Bar("looking at pictures", len(self)) as bar:
                for found in pool.map(self._header, self.files, chunksize=64):
                    bar.advance(1)
                    headers.append(found)
            self._headers = headers
        return self._headers

    def _header(self, file: str) -> tuple[tuple[int, ...], str] | None:
        try:
            return pictures.header(self.store.open(file), file)
        except BadItem:  # counted and named when it is read
            return None


def open_store(store: Store, name: str, split: str) -> PictureDataset | None:
    """The set of all pictures in a store; None where there is none.

    Raises:
        UserError: the split asked for is not there.
    """
    shown = [n for n in sorted(store.names()) if not is_hidden(n)]
    files = [n for n in shown if pictures.is_picture(n)]
    if not files:
        return None
    ignored = Counter(Path(n).suffix.lower() or "(none)" for n in shown if not pictures.is_picture(n))
    if MANIFEST in shown:
        ignored[".json"] -= 1
    prefix = common_folder(files)
    files, prefix = _split(files, prefix, split, name)
    labels, classes = _classes(files, prefix, _manifest(store, shown))
    return PictureDataset(name, store, files, labels, classes, +ignored)


def kinds_of_files(store: Store) -> str:
    """What lies in a store without pictures, for messages: "3 .csv files, 1 .zip file"."""
    counts = Counter(Path(n).suffix.lower() or "extensionless" for n in store.names() if not is_hidden(n))
    return ", ".join(f"{c} {e} file{'s' if c > 1 else ''}" for e, c in counts.most_common(4))


def is_hidden(name: str) -> bool:
    """Whether a file is a system's own, not a person's."""
    return any(part.startswith(".") or part.lower() in JUNK for part in name.split("/"))


def common_folder(files: Sequence[str]) -> str:
    """The folder, with its last /, that all files lie in; empty for none."""
    folders = [f.split("/")[:-1] for f in files]
    first, last = min(folders), max(folders)  # what these two share, all between them share
    prefix = ""
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        prefix += f"{one}/"
    return prefix


def _split(files: list[str], prefix: str, split: str, name: str) -> tuple[list[str], str]:
    """The files of train/ or test/ where the top folders are these two; all files where they are not."""
    tops = {f[len(prefix) :].split("/", 1)[0] for f in files if "/" in f[len(prefix) :]}
    known = {top: part for top in tops for part, names in SPLITS.items() if top.lower() in names}
    apart = set(known.values()) == set(SPLITS) and all(t in known or t.lower() in OTHER_SPLITS for t in tops)
    if not apart or any("/" not in f[len(prefix) :] for f in files):
        if split != "train" and prefix.strip("/").rsplit("/", 1)[-1].lower() not in SPLITS[split]:
            raise UserError(
                f"data {name}: split={split} needs folders train and test in it; without it all pictures are taken"
            )
        return files, prefix
    chosen = {top for top, part in known.items() if part == split}
    files = [f for f in files if f[len(prefix) :].split("/", 1)[0] in chosen]
    return files, common_folder(files)


def _classes(
    files: Sequence[str], prefix: str, manifest: Sequence[tuple[str, str]] | None
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Labels by folder, where every picture lies exactly one folder deep; else none."""
    if manifest:
        folders, names = [f for f, _ in manifest], [n for _, n in manifest]
        prefix = ""
    else:
        folders = sorted({f[len(prefix) :].split("/", 1)[0] for f in files if "/" in f})
        if all(f.isdecimal() for f in folders):
            folders.sort(key=lambda f: (int(f), f))  # 2 before 10
        names = folders
    one_deep = all(f[len(prefix) :].count("/") == 1 for f in files)
    number = {folder: k for k, folder in enumerate(folders)}
    if not one_deep or any(f[len(prefix) :].split("/", 1)[0] not in number for f in files):
        return None, ()
    return np.array([number[f[len(prefix) :].split("/", 1)[0]] for f in files], np.int64), tuple(names)


def _manifest(store: Store, shown: Sequence[str]) -> list[tuple[str, str]] | None:
    """(folder, class name) in the order of the labels, as `data pack` writes them; None without a readable manifest."""
    if MANIFEST not in shown:
        return None
    source = store.open(MANIFEST)
    text = source.read_bytes() if isinstance(source, Path) else source.read()
    try:
        classes = json.loads(text)["classes"]
        return [(str(c["folder"]), str(c["name"])) for c in classes] or None
    except (ValueError, KeyError, TypeError):  # another program's file of that name
        return None
