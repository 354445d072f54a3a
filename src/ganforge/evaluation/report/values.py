"""Numbers and protocols as pages, cards and terminals show them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any


def number(value: Any) -> str:
    """A value with as many digits as mean something; nothing that is not finite passes for a number."""
    if value is None or not isinstance(value, (int, float)) or not math.isfinite(value):
        return "–"
    if isinstance(value, int) or (value == int(value) and abs(value) >= 1000):
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.1f}"


def uncertainty(detail: Mapping[str, Any]) -> float | None:
    """By how much a value varies by chance: the standard error of a mean over samples (`error`), else the spread over
    blocks, splits or folds (`sd`); None where neither was measured."""
    found = detail.get("error", detail.get("sd"))
    return found if isinstance(found, float) and math.isfinite(found) else None


def spread(detail: Mapping[str, Any]) -> str:
    """`± 0.12` where the uncertainty is known, else nothing."""
    found = uncertainty(detail)
    return "" if found is None else f"± {found:.2g}"


def shared(protocols: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The entries that all of some protocols have alike; none of a single one, which stays whole."""
    if len(protocols) < 2:
        return {}
    first = protocols[0]
    return {key: v for key, v in first.items() if all(key in p and p[key] == v for p in protocols)}


def short_hash(value: str) -> str:
    """A long hash by its first letters, as in the names of metrics; report.json has it whole."""
    is_hash = len(value) >= 40 and all(c in "0123456789abcdef" for c in value)
    return value[:8] if is_hash else value


def plain(value: Any) -> str:
    """A protocol's entry in few characters."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False)
    return "–" if value is None else str(value)
