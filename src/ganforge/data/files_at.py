"""Shared by sources of files of one kind: what is at their path, and what is in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ganforge.core.errors import UserError
from ganforge.data import layout
from ganforge.data.store import FolderStore, Store
from ganforge.data.zip_store import ZipStore


def at_path(path: str) -> Path | Store:
    """The files of a folder or zip, or a file.

    Args:
        path: as the user wrote it (`data.path`).

    Raises:
        UserError: there is nothing, or the zip is damaged.
    """
    found = Path(path).expanduser()
    if not found.exists():
        raise UserError(f"data.path={path}: no such file or folder", code="data.not_found")
    if found.is_dir():
        return FolderStore(found)
    return ZipStore(found) if found.suffix.lower() == ".zip" else found


def content(store: Store, name: str) -> bytes:
    """All of a file.

    Raises:
        BadItem: it cannot be read.
    """
    opened = store.open(name)
    return opened.read_bytes() if isinstance(opened, Path) else opened.read()


def has_parts(names: Iterable[str]) -> bool:
    """Whether a folder above one of these files is named as a part of the data (train, test)."""
    return any(layout.PART.fullmatch(part) for name in names for part in name.split("/")[:-1])


def ending_of(name: str) -> str:
    """The ending of a name in small letters, without .gz."""
    path = Path(name.lower())
    return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
