"""Names that come from outside, looked up below a folder that they cannot leave."""

from __future__ import annotations

from pathlib import Path

from ganforge.web.refused import Refused


def confined(root: Path, name: str) -> Path:
    """What is called `name` directly in a folder.

    Raises:
        Refused: there is nothing, or the name leads elsewhere, by itself or by a link.
    """
    return inside(root, name, deep=False)


def inside(root: Path, name: str, deep: bool = True) -> Path:
    """What lies under the relative name `name` below a folder, which may be the folder itself (an empty name).

    Args:
        deep: whether it may lie in folders below.

    Raises:
        Refused: there is nothing, or the name leads elsewhere, by itself or by a link.
    """
    parts = name.split("/") if name else []
    good = (deep or len(parts) == 1) and all(
        part and not part.startswith(".") and not set(part) & {"\\", "\0", ":"} for part in parts
    )
    root = root.resolve()
    if good:
        found = root.joinpath(*parts).resolve()
        if found == root.joinpath(*parts) and found.exists():
            return found
    raise Refused("there is nothing of that name", code="web.not_found", status=404)
