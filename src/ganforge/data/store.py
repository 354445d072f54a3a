"""Where files lie: in a folder, in a zip, or in a folder of one of these."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.surroundings import refuse_machine_faults

JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir"})
MAX_MEMBER = 2**30  # bytes of one file in a zip, unpacked: more is a bomb, not a sample


class Store(Protocol):
    """Where files lie. Names are relative, with / between their parts."""

    def names(self) -> list[str]:
        """All files, in no order."""
        ...

    def size(self, name: str) -> int:
        """In bytes."""
        ...

    def open(self, name: str) -> Path | BinaryIO:
        """A path or a file that is open, to read the content from; raises `BadItem` where there is none."""
        ...


class FolderStore:
    """Files below a folder. Their names are those at the first look."""

    def __init__(self, root: Path):
        self.root = root
        self._names: list[str] | None = None

    def names(self) -> list[str]:
        if self._names is None:
            self._names = self._walk()
        return self._names

    def _walk(self) -> list[str]:
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
            raise BadItem(name, "missing, or a broken link")
        if path.stat().st_size == 0:
            raise BadItem(name, "an empty file")
        return path


class ZipStore:
    """Files in a zip, read one by one; nothing is ever unpacked to disk."""

    def __init__(self, path: Path):
        try:
            self.zip = zipfile.ZipFile(path)  # open for as long as the set is; reading from many threads is safe
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            refuse_machine_faults(error)
            raise UserError(
                f"data {path}: not a readable zip file ({error}); it may be truncated", code="data.damaged"
            ) from None
        for info in self.zip.infolist():
            name = info.filename.replace("\\", "/")
            if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
                raise UserError(
                    f"data {path}: contains the file name {info.filename!r}, which points outside the archive. "
                    "The whole archive is rejected (nothing was unpacked); make a new one from files that you trust",
                    code="data.unsafe_zip",
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
            refuse_machine_faults(error)
            raise BadItem(name, f"damaged in the archive ({error})") from None
        if not data:
            raise BadItem(name, "an empty file")
        return io.BytesIO(data)


class Subfolder:
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
                f"(it has {', '.join(folders[:10]) or 'none'})",
                code="data.folder_not_found",
            )

    def names(self) -> list[str]:
        return [name.removeprefix(self.prefix) for name in self.store.names() if name.startswith(self.prefix)]

    def size(self, name: str) -> int:
        return self.store.size(self.prefix + name)

    def open(self, name: str) -> Path | BinaryIO:
        return self.store.open(self.prefix + name)


def kinds_of_files(store: Store) -> str:
    """What lies in a store, for messages: "3 .csv files, 1 .zip file"."""
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
