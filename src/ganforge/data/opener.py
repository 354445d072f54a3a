"""Detects the signal of the data at a path: every opener inspects it, and the most certain one opens it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ganforge.core.component import Component
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.data.layout import Labels
from ganforge.data.store import FolderStore, Store, Subfolder, ZipStore

if TYPE_CHECKING:
    from ganforge.data.base import DataSource
    from ganforge.data.columns import Columns
    from ganforge.data.given import Given

HEAD_BYTES = 512
"""Number of bytes of a file that openers see."""


@dataclass(frozen=True)
class Head:
    """What is at a path, for openers to inspect.

    Attributes:
        start: the first bytes of a file; empty for a folder, and for an empty file.
        store: the files of a folder, or of a folder in a zip; None for a file.
        labels: which folder is used as the label.
        name_encoding: encoding of the file names in a zip, if set by the user.
    """

    path: Path
    start: bytes = b""
    store: Store | None = None
    labels: Labels = "auto"
    name_encoding: str | None = None

    @cached_property
    def names(self) -> list[str]:
        """Relative names of the files in a folder or zip, unordered; empty for any other file, or for a damaged zip."""
        if self.store is not None:
            return self.store.names()
        if not self.start.startswith(b"PK"):
            return []
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
            return []


def read_head(path: Path, labels: Labels = "auto", name_encoding: str | None = None) -> Head | None:
    """Inspects a path; None if nothing is there. A folder inside a zip is appended: photos.zip/horses.

    Raises:
        UserError: a zip cannot be read, or has no such folder.
    """
    if path.is_dir():
        return Head(path, store=FolderStore(path), labels=labels)
    if path.is_file():
        with path.open("rb") as file:
            return Head(path, file.read(HEAD_BYTES), None, labels, name_encoding)
    archive = next((above for above in path.parents if above.is_file()), None)
    if archive is not None and zipfile.is_zipfile(archive):
        inner = Subfolder(ZipStore(archive, name_encoding), path.relative_to(archive).as_posix())
        return Head(path, store=inner, labels=labels)
    return None


class Opener(Component, family="opener"):
    """Opens data at a path as samples of one signal. Subclasses are registered by their definition, also in plugins."""

    signal: ClassVar[str]
    """The kind of signal of the samples."""
    takes: ClassVar[str] = ""
    """What it can open, for messages: "a table: .csv, .tsv, .parquet". Empty: nothing unless its signal is named."""
    endings: ClassVar[tuple[str, ...]] = ()
    """File extensions of single files that contain a whole data set, such as .csv."""

    def claims(self, path: Path, head: Head) -> float:
        """Confidence that the data is for its signal, from 0 (no) to 1.

        About 0.9: it can be nothing else. 0.4: possible, but it may also be something else. 0.1: it is not, but this
        opener has the best error message.
        """
        raise NotImplementedError

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        """The samples, with `Dataset.signal` set.

        Args:
            name: the user's name for the path, for messages.
            split: "train" or "test": which part, if the data has both.
            holdout: fraction of samples to hold out, if the data itself has no parts.
            asked: whether the user named this signal; otherwise it was detected.

        Raises:
            UserError: it cannot open this, or it is ambiguous whether this signal is intended.
        """
        raise NotImplementedError

    def source_of(self, given: Given) -> DataSource | None:
        """The source for samples passed in from Python; None if they are not for this signal.

        Raises:
            UserError: they are for this signal, but cannot be used.
        """
        return None

    def columns(self, table: Any, name: str) -> Columns | None:
        """The columns of a table that describes samples of any signal; None if it is not a table for this opener.

        Args:
            table: a path, or a pandas DataFrame.
            name: the user's name for it, for messages.

        Raises:
            UserError: it is a table that cannot be read.
        """
        return None


def openers() -> list[Opener]:
    """One of each kind, in the order of their kinds."""
    return [Opener.kinds[kind]() for kind in sorted(Opener.kinds)]


def choose(path: Path, head: Head, name: str, signal: str | None = None) -> Opener | None:
    """The most certain opener, of those for `signal` if given; None if none claims the data.

    Raises:
        UserError: there is no opener for this signal, or two signals are equally likely (the message says how to
            choose).
    """
    found = openers()
    if signal is not None:
        known = sorted({opener.signal for opener in found})
        found = [opener for opener in found if opener.signal == signal]
        if not found:
            hint = did_you_mean(signal, known)
            raise UserError(
                f"data.signal={signal}: no opener reads files for this signal{hint} (known: {', '.join(known)})",
                code="data.unknown_signal",
            )
    claims = [(opener.claims(path, head), opener) for opener in found]
    surest = max(claim for claim, _ in claims)
    if surest <= 0:
        return found[0] if signal is not None else None
    best = [opener for claim, opener in claims if claim == surest]
    signals = sorted({opener.signal for opener in best})
    if len(signals) > 1:
        raise UserError(
            f"data {name}: this may be data for the signal {' or '.join(signals)}. Set "
            + " or ".join(f"data.signal={one}" for one in signals),
            code="data.ambiguous_signal",
        )
    return best[0]


def supported_formats() -> str:
    """What can be opened, for messages."""
    *others, last = [opener.takes for opener in openers() if opener.takes]
    return f"{', '.join(others)}, or {last}" if others else last


def single_files(folder: Path) -> list[str]:
    """The files directly in a folder each of which could be a whole data set."""
    endings = tuple(ending for opener in openers() for ending in opener.endings)
    return [path.name for path in sorted(folder.iterdir()) if path.suffix.lower() in endings]
