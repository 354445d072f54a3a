"""Identifiers: nothing to learn from, and not to be repeated; made again, in the form of the real ones.

Numbers continue after the largest real one, so none belongs to a real row; so do texts such as C-0042. Where texts of
that length, or numbers of the column's type, run out above, they continue below the smallest real one. UUIDs become new
UUIDs. Texts of one shape, such as KX7-4411, become different texts of that shape, if the shape has enough of them
that a real one is hardly ever hit. Everything else gets the column's name and a number.
"""

from __future__ import annotations

import math
import re
import uuid
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core.rng import seed_of

if TYPE_CHECKING:
    import pandas as pd

COUNTED = re.compile(r"(.*?)(\d{1,15})")
ALPHABETS = (
    ("0123456789", "0123456789"), ("abcdefghijklmnopqrstuvwxyz", "abcdef"), ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ABCDEF"),
)  # fmt: skip
MOST_MADE = 10**9  # new rows that their type is to have numbers for
ROOM = 1_000  # times as many texts of a shape as there are rows, for new ones to be nobody's
STEP = 0x9E3779B97F4A7C15  # of 2^64, the golden section: places that are this share apart are spread evenly
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def measure(present: pd.Series) -> dict[str, Any]:
    """The form of a column of identifiers: "style", and what a style needs."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(present.dtype):
        low, high = int(present.min()), int(present.max())
        largest = int(np.iinfo(np.uint64 if high > np.iinfo(np.int64).max else np.int64).max)
        return {"style": "number"} | (_onward(low, high, largest, MOST_MADE) or {"next": high + 1})
    if pd.api.types.is_datetime64_any_dtype(present.dtype):
        return {"style": "text", "prefix": f"{present.name}-", "width": 1, "next": 1}
    texts = [str(v) for v in present.tolist()]
    if all(UUID.fullmatch(t) for t in texts):
        return {"style": "uuid"}
    found = [COUNTED.fullmatch(t) for t in texts]
    prefixes = {m[1] if m else None for m in found}
    counted: dict[str, Any] | None = None
    if len(prefixes) == 1 and None not in prefixes:
        numbers, widths = [int(m[2]) for m in found if m], {len(m[2]) for m in found if m}
        counted = {"style": "text", "prefix": prefixes.pop(), "width": min(widths), "next": max(numbers) + 1}
        if len(widths) > 1:  # they outgrow each other anyway
            return counted
        if (onward := _onward(min(numbers), max(numbers), 10 ** min(widths) - 1, len(texts))) is not None:
            return counted | onward
    shape = _shape(texts)
    if math.prod(map(len, shape)) >= ROOM * len(texts):
        return {"style": "shape", "shape": shape}
    return counted or {"style": "text", "prefix": f"{present.name}-", "width": 1, "next": 1}


def _onward(low: int, high: int, largest: int, room: int) -> dict[str, int] | None:
    """Where the numbers of new rows begin and in which direction they go on; None if there is no `room` for them."""
    if largest - high >= room:
        return {"next": high + 1}
    return {"next": low - 1, "step": -1} if low >= room else None


def make(column: dict[str, Any], start: int, n: int) -> np.ndarray | list[str]:
    """Identifiers of the new rows start..start+n: always the same for the same row number."""
    rows = range(start, start + n)
    match column["style"]:
        case "number":
            first, step = column["next"] + start * column.get("step", 1), column.get("step", 1)
            return np.array([first + step * k for k in range(n)])
        case "uuid":
            return [str(uuid.UUID(int=seed_of("a", k) << 64 | seed_of("b", k), version=4)) for k in rows]
        case "shape":
            return [_of_shape(k, column["shape"]) for k in rows]
        case _:
            return [f"{column['prefix']}{column['next'] + k * column.get('step', 1):0{column['width']}d}" for k in rows]


def _shape(texts: list[str]) -> list[str]:
    """What may stand at each place of texts of one length and shape: itself, digits, letters; empty where they vary."""
    if len({len(text) for text in texts}) != 1:
        return []
    seen_at = [set(column) for column in zip(*texts, strict=True)]
    all_seen = set().union(*(seen for seen in seen_at if len(seen) > 1))
    # of letters only those of hexadecimal numbers, where there are no others
    found = [
        hexadecimal if all_seen & set(letters) <= set(hexadecimal) else letters for letters, hexadecimal in ALPHABETS
    ]
    places: list[str] = []
    for seen in seen_at:
        kinds = [alphabet for alphabet in found if seen & set(alphabet)]
        if len(seen) > 1 and not seen <= set("".join(kinds)):
            return []
        places.append("".join(kinds) if len(seen) > 1 else seen.pop())
    return places


def _of_shape(k: int, shape: list[str]) -> str:
    """Text number k of a shape; no two numbers below the count of its texts give the same one."""
    count = math.prod(map(len, shape))
    step = max(STEP * count >> 64, 1)
    while math.gcd(step, count) != 1:
        step += 1
    place, made = (k + 1) * step % count, []
    for alphabet in reversed(shape):
        place, at = divmod(place, len(alphabet))
        made.append(alphabet[at])
    return "".join(reversed(made))
