"""Files and folders below the data folder of the studio: names and sizes, nothing of their content."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ganforge.web.confined import inside
from ganforge.web.guard import Refused
from ganforge.web.studio.runs import mtime, scanned

MOST = 1000
"""Names of one folder that are listed; a folder of images holds more, and nobody reads them."""
COUNTED = 10_000


class Data:
    """The data folder.

    Args:
        hide: folders in it that hold no data, such as that of the runs.
    """

    def __init__(self, root: Path, hide: tuple[Path, ...] = ()):
        self.root, self.hide = root.resolve(), tuple(folder.resolve() for folder in hide)

    def path(self, name: str) -> Path:
        """What lies under a relative name.

        Raises:
            Refused: there is nothing of that name.
        """
        found = inside(self.root, name)
        if found in self.hide:
            raise Refused(f"{name}: there is no data of that name", code="web.not_found", status=404)
        return found

    def listing(self, name: str) -> dict[str, Any]:
        """The entries of a folder, folders first; a file has none.

        Raises:
            Refused: there is nothing of that name.
        """
        folder = self.path(name)
        entries = [
            {
                "name": entry.name,
                "folder": entry.is_dir(),
                "bytes": 0 if entry.is_dir() else entry.stat().st_size,
                "count": self.count(Path(entry.path)) if entry.is_dir() else 0,
            }
            for entry in sorted(scanned(folder), key=lambda entry: (entry.is_file(), entry.name))
            if not entry.name.startswith(".") and not entry.is_symlink() and Path(entry.path) not in self.hide
        ]
        return {"name": name, "folder": folder.is_dir(), "entries": entries[:MOST], "more": max(0, len(entries) - MOST)}

    def count(self, folder: Path) -> int:
        """Entries directly in a folder, up to `COUNTED`."""
        return min(COUNTED, sum(not entry.name.startswith(".") for entry in scanned(folder)))

    def version(self, path: Path) -> str:
        """Changes when a file or a folder directly changes."""
        return str(mtime(path))
