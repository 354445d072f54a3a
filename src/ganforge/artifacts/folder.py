"""Names and creation of run directories."""

from __future__ import annotations

import re
from pathlib import Path

from ganforge.core.errors import UserError


def next_folder(name: str, root: Path | str = "runs") -> Path:
    """Creates the next free folder, such as `runs/0003-dcgan`, so that two processes never get the same one."""
    root = Path(root)
    slug = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    while True:
        taken = [int(m[1]) for p in (root.iterdir() if root.is_dir() else ()) if (m := re.match(r"(\d+)-", p.name))]
        folder = root / f"{max(taken, default=0) + 1:04d}-{slug}"
        try:
            make_folder(folder, exist_ok=False)
        except FileExistsError:  # created by another process in the meantime
            continue
        return folder


def make_folder(folder: Path, exist_ok: bool = True) -> None:
    """Creates a folder; raises UserError if it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=exist_ok)
    except FileExistsError:
        if exist_ok:
            raise UserError(f"{folder}: is a file, not a folder", code="output.not_a_folder") from None
        raise
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be created ({error.strerror}). Choose another place with --run-dir",
            code="output.not_writable",
        ) from None
