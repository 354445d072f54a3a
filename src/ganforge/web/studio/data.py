"""Files and folders below the data folder of the studio: names and sizes, nothing of their content; and tables that
pages send, which are kept there.
"""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path
from typing import IO, Any

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.web.confined import inside
from ganforge.web.refused import Refused
from ganforge.web.studio.runs import mtime, scanned

MOST = 1000
"""Names of one folder that are listed; a folder of images holds more, and nobody reads them."""
COUNTED = 10_000
BROUGHT, NUMBERED = "uploaded", re.compile(r"table-(\d+)\.")
"""The folder for tables that pages send, and the names that they get."""


class Data:
    """The data folder.

    Args:
        hide: folders in it that hold no data, such as that of the runs.
    """

    def __init__(self, root: Path, hide: tuple[Path, ...] = ()):
        self.lock = threading.Lock()
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

    def take(self, file: IO[bytes], ending: str) -> str:
        """Keeps a table that a page has sent, under a name of ours; returns that name.

        Raises:
            UserError: the data folder cannot be written to, or is full.
        """
        folder = self.root / BROUGHT
        with self.lock:
            numbers = [int(match[1]) for entry in scanned(folder) if (match := NUMBERED.match(entry.name))]
            path = folder / f"table-{max(numbers, default=0) + 1:04d}{ending}"
            try:
                with atomic_file(path) as part, part.open("wb") as out:
                    shutil.copyfileobj(file, out)
            except OSError as error:
                raise UserError(
                    f"{BROUGHT}: the file cannot be kept ({error.strerror}). Free some space, or start the studio with "
                    "a --data folder that can be written to",
                    code="data.not_kept",
                ) from None
        return f"{BROUGHT}/{path.name}"

    def count(self, folder: Path) -> int:
        """Entries directly in a folder, up to `COUNTED`."""
        return min(COUNTED, sum(not entry.name.startswith(".") for entry in scanned(folder)))

    def version(self, path: Path) -> str:
        """Changes when a file or a folder directly changes."""
        return str(mtime(path))
