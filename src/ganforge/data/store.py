"""Access to files in a folder, in a zip, or in a subfolder of one of these."""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.names import likeliest, readable
from ganforge.core.surroundings import refuse_machine_faults

JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir"})
OF_SYSTEM = frozenset({"__macosx", "@eadir"})
"""Folders of copies that systems write; so are files whose names begin with ._"""
ENDING = re.compile(r"\.\w{1,12}")
MAX_MEMBER = 2**30  # maximum bytes of a file in a zip, unpacked: more is considered a decompression bomb
UTF8_NAME = 0x800
"""The zip flag of a file whose name is UTF-8."""
RUN = ("recipe.yaml", "events.jsonl")
"""Files that identify a run directory."""
RUN_FILES = ("previews", "checkpoints", "curves.png", "timelapse.gif")
"""Files of a run that could be mistaken for data, if the data is in the run directory itself."""


class Store(Protocol):
    """A collection of files. Names are relative, with / between their parts."""

    def names(self) -> list[str]:
        """The names of all files, unordered."""
        ...

    def size(self, name: str) -> int:
        """The size of a file in bytes."""
        ...

    def start(self, name: str, count: int) -> bytes:
        """The first bytes of a file; empty if it cannot be read."""
        ...

    def notices(self) -> list[str]:
        """Notices about how names were found, such as links that were not followed or a guessed encoding."""
        ...

    def open(self, name: str) -> Path | BinaryIO:
        """A path or an open file to read the content from; raises `BadItem` if there is none."""
        ...


class FolderStore:
    """Files below a folder. Names are listed once and cached."""

    def __init__(self, root: Path):
        self.root = root
        self._names: list[str] | None = None
        self._links: list[str] = []
        self._denied: list[str] = []

    def names(self) -> list[str]:
        if self._names is None:
            self._names = self._walk()
        return self._names

    def _walk(self) -> list[str]:
        """All files: first those of folders under their own name, then those of folders that are only linked."""
        found: list[str] = []
        seen: set[str] = set()
        pending = [self.root]
        while pending:
            start = pending.pop(0)
            if os.path.realpath(start) in seen:  # a parent, or a folder that is read under another name
                self._links.append(start.relative_to(self.root).as_posix())
                continue
            for folder, below, files in os.walk(start, onerror=self._note_denied):
                if os.path.realpath(folder) in seen:
                    self._links.append(Path(folder).relative_to(self.root).as_posix())
                    below.clear()
                    continue
                seen.add(os.path.realpath(folder))
                below.sort()
                relative = Path(folder).relative_to(self.root).as_posix()
                found += files if relative == "." else [f"{relative}/{file}" for file in files]
                pending += [path for name in below if (path := Path(folder, name)).is_symlink()]
        return found

    def _note_denied(self, error: OSError) -> None:
        if Path(error.filename) == self.root:
            raise error
        self._denied.append(Path(error.filename).relative_to(self.root).as_posix())

    def notices(self) -> list[str]:
        links = notice_of(self._links, "linked folder", "left out, since its target is already read")
        return links + notice_of(self._denied, "folder", "left out: permission denied")

    def start(self, name: str, count: int) -> bytes:
        path = self.root / name
        if not path.is_file():  # opening a pipe would wait until another process writes to it
            return b""
        try:
            with path.open("rb") as file:
                return file.read(count)
        except OSError:  # reported when the file is opened
            return b""

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
    """Files in a zip, read one by one; nothing is ever unpacked to disk.

    Args:
        encoding: encoding of the names that are not marked as UTF-8; by default the most likely one.
    """

    def __init__(self, path: Path, encoding: str | None = None):
        try:
            self.zip = zipfile.ZipFile(path)  # stays open with the data set; reading from several threads is safe
        except UNREADABLE as error:
            refuse_machine_faults(error)
            raise UserError(
                f"data {path}: not a readable zip file ({error}); it may be truncated", code="data.damaged"
            ) from None
        self.encoding, names = names_in(self.zip, encoding)
        for info, name in zip(self.zip.infolist(), names, strict=True):
            if name.startswith("/") or ".." in name.split("/") or name[1:2] == ":":
                raise UserError(
                    f"data {path}: contains the file name {info.filename!r}, which points outside the archive. "
                    "The whole archive is rejected (nothing was unpacked); make a new one from files that you trust",
                    code="data.unsafe_zip",
                )
        files = [(name, info) for info, name in zip(self.zip.infolist(), names, strict=True) if not name.endswith("/")]
        self.members = dict(files)
        self.twice = [name for name, count in Counter(name for name, _ in files).items() if count > 1]

    def names(self) -> list[str]:
        return list(self.members)

    def size(self, name: str) -> int:
        return self.members[name].file_size

    def start(self, name: str, count: int) -> bytes:
        try:
            with self.zip.open(self.members[name]) as file:
                return file.read(count)
        except UNREADABLE:  # reported when the file is opened
            return b""

    def notices(self) -> list[str]:
        said = notice_of(self.twice, "file name", "more than once in the archive, only the last file of each is read")
        if self.encoding not in (None, "utf-8"):
            said.append(f"file names read as {self.encoding} (data.name_encoding={self.encoding})")
        return said

    def open(self, name: str) -> Path | BinaryIO:
        info = self.members[name]
        if info.flag_bits & 1:
            raise BadItem(name, "encrypted; unpack the archive with its password first")
        if info.file_size > MAX_MEMBER:
            raise BadItem(name, f"claims {info.file_size:,} bytes unpacked (a decompression bomb?)")
        try:
            data = self.zip.read(info)
        except UNREADABLE as error:
            refuse_machine_faults(error)
            raise BadItem(name, f"damaged in the archive ({error})") from None
        if not data:
            raise BadItem(name, "an empty file")
        return io.BytesIO(data)


UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError, RuntimeError)
"""Exceptions raised when reading a damaged or unsupported file in a zip."""


def names_in(archive: zipfile.ZipFile, encoding: str | None) -> tuple[str | None, list[str]]:
    """The names of the files in a zip, with / between their parts, and the encoding of those not marked as UTF-8.

    `zipfile` decodes those as cp437; here their bytes are recovered and decoded in the most likely encoding.

    Args:
        encoding: the encoding, if known.

    Returns:
        The encoding used (None if cp437 was kept), and the names.

    Raises:
        UserError: the names are not valid in the given encoding.
    """
    infos = archive.infolist()
    old = [info.orig_filename.encode("cp437") for info in infos if not info.flag_bits & UTF8_NAME]
    odd = [raw for raw in old if not raw.isascii()]
    used = (encoding or likeliest(odd)) if odd else None
    names = []
    for info in infos:
        name = info.orig_filename
        if used and not info.flag_bits & UTF8_NAME:
            try:
                name = name.encode("cp437").decode(used)
            except (UnicodeDecodeError, LookupError) as error:
                raise UserError(
                    f"data {archive.filename}: its file names are not in {used} ({error}). Set data.name_encoding to "
                    "their encoding, for example gb18030, shift_jis or big5",
                    code="data.wrong_name_encoding",
                ) from None
        names.append(_without_dots(name.partition("\0")[0].replace("\\", "/")))
    return used, names


def _without_dots(name: str) -> str:
    """A name without parts that stay where they are: ./a//b is a/b. One that begins with / does so still."""
    if "./" not in name and "//" not in name:
        return name
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/" * name.startswith("/") + "/".join(parts) + "/" * (name.endswith("/") and bool(parts))


class Subfolder:
    """The files of a store in one of its folders.

    Raises:
        UserError: there is no such folder (the message lists the existing ones).
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

    def start(self, name: str, count: int) -> bytes:
        return self.store.start(self.prefix + name, count)

    def notices(self) -> list[str]:
        return self.store.notices()

    def open(self, name: str) -> Path | BinaryIO:
        return self.store.open(self.prefix + name)


def without_runs(names: Sequence[str]) -> tuple[list[str], list[str]]:
    """The names that do not belong to a run, and the subfolders that are run directories.

    If the store itself is a run directory, it may contain the data, and only the run's own files are left out.
    """
    known = set(names)
    homes = [name[: -len(RUN[0])] for name in names if name.rpartition("/")[2] == RUN[0]]
    homes = [home for home in homes if home + RUN[1] in known]
    if not homes:
        return list(names), []
    below = tuple(home for home in homes if home)
    kept = [name for name in names if not name.startswith(below)] if below else list(names)
    if "" in homes:
        kept = [name for name in kept if name.partition("/")[0] not in RUN_FILES]
    return kept, sorted(home[:-1] for home in homes)


def notice_of(items: Sequence[str], noun: str, what: str) -> list[str]:
    """A notice about some items, or none: "2 folders left out: permission denied (a, b)"."""
    if not items:
        return []
    shown = ", ".join(map(readable, items[:3])) + (" …" if len(items) > 3 else "")
    return [f"{len(items):,} {noun}{'s' * (len(items) > 1)} {what} ({shown or 'the folder itself'})"]


def kinds_of_files(store: Store) -> str:
    """The types of files in a store, for messages: "3 .csv files, 1 .zip file"."""
    counts = Counter(ending_of(n) or "extensionless" for n in store.names() if not is_hidden(n))
    return ", ".join(f"{c} {e} file{'s' if c > 1 else ''}" for e, c in counts.most_common(4))


def ending_of(name: str) -> str:
    """The extension of a file in small letters, for display; empty without one."""
    ending = Path(name).suffix.lower()
    return ending if ENDING.fullmatch(ending) else ""


def is_hidden(name: str) -> bool:
    """Whether a file is hidden or created by the system."""
    return any(part.startswith(".") or part.lower() in JUNK for part in name.split("/"))


def is_of_system(name: str) -> bool:
    """Whether a hidden file is no user's: metadata and thumbnails that macOS and others write beside images."""
    return any(part.startswith("._") or part.lower() in OF_SYSTEM for part in name.split("/"))


def common_folder(files: Sequence[str]) -> str:
    """The common folder of all files, with a trailing /; empty if there is none."""
    folders = [f.split("/")[:-1] for f in files]
    first, last = min(folders), max(folders)  # what these two have in common, all between them have in common
    prefix = ""
    for one, other in zip(first, last, strict=False):
        if one != other:
            break
        prefix += f"{one}/"
    return prefix
