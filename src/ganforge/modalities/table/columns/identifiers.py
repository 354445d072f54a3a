"""Identifiers: nothing to learn from, and not to be repeated; made again, in the form of the real ones.

Numbers go on after the largest real one, so none belongs to a real row; so do texts such as C-0042. Everything else
gets a UUID where the real ones are, or the column's name and a number.
"""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core.rng import seed_of

if TYPE_CHECKING:
    import pandas as pd

COUNTED = re.compile(r"(.*?)(\d{1,15})")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def measure(present: pd.Series) -> dict[str, Any]:
    """The form of a column of identifiers: "style", and what a style needs."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(present.dtype):
        return {"style": "number", "next": int(present.max()) + 1}
    if pd.api.types.is_datetime64_any_dtype(present.dtype):
        return {"style": "text", "prefix": f"{present.name}-", "width": 1, "next": 1}
    texts = [str(v) for v in present.tolist()]
    if all(UUID.fullmatch(t) for t in texts):
        return {"style": "uuid"}
    found = [COUNTED.fullmatch(t) for t in texts]
    prefixes = {m[1] if m else None for m in found}
    if len(prefixes) == 1 and None not in prefixes:
        width = min(len(m[2]) for m in found if m)
        return {
            "style": "text",
            "prefix": prefixes.pop(),
            "width": width,
            "next": max(int(m[2]) for m in found if m) + 1,
        }
    return {"style": "text", "prefix": f"{present.name}-", "width": 1, "next": 1}


def make(column: dict[str, Any], start: int, n: int) -> np.ndarray | list[str]:
    """Identifiers of the new rows start..start+n: always the same for the same row number."""
    rows = range(start, start + n)
    match column["style"]:
        case "number":
            return np.arange(start, start + n) + column["next"]
        case "uuid":
            return [str(uuid.UUID(int=seed_of("a", k) << 64 | seed_of("b", k), version=4)) for k in rows]
        case _:
            return [f"{column['prefix']}{column['next'] + k:0{column['width']}d}" for k in rows]
