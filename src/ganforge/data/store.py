"""Access to files in a folder, or in a subfolder of it or of a zip (`zip_store`)."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.names import readable

JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini", "@eadir"})
OF_SYSTEM = frozenset({"__macosx", "@eadir"})
"""Folders of copies that systems write; so are files whose names begin with ._"""
ENDING = re.compile(r"\.\w{1,12}")
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
    homes = [home for home in homes if home + RUN[1] in known and not is_hidden(home)]
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
