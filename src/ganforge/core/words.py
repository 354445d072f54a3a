"""Numbers as people write and read them, and with their nouns."""

from __future__ import annotations

from typing import Any


def counted(number: float, noun: str) -> str:
    """`1 thread`, `2 threads`, `0.5 minutes`, `1,000 images`; the plural is the noun with an s."""
    return f"{number:,.10g} {noun}{'s' * (number != 1)}"


def significant(number: float) -> str:
    """Three significant digits without an exponent: `1,170,000`, `35.2`, `0.0551`."""
    return f"{float(f'{number:.3g}'):,.10g}"


def is_number(value: Any) -> bool:
    """Whether a value, or what a text says, is a number."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True
