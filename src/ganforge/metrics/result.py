"""The result of a metric: value, name and protocol."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Result:
    """A measured value.

    Attributes:
        name: its name, with the protocol in short: `fd5k[small@1a2b3c4d]`.
        value: the value.
        protocol: everything that determines it, as JSON: extractor, hash of its weights, resizer, n_real, n_fake, seed,
            ...
        detail: additional information, as JSON: `per_class`, `sd`, `notes` (a list of sentences); and `plots`, for the
            page only: a list of {title, drawing}, {title, svg} or {title, png}, the last in base64, each with its
            heading `under`, if any.
    """

    name: str
    value: float
    protocol: dict[str, Any]
    detail: dict[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """For report.json: {name, value, protocol} and, if not empty, detail."""
        plain: dict[str, Any] = {"name": self.name, "value": self.value, "protocol": self.protocol}
        detail = {name: value for name, value in self.detail.items() if name != "plots"}
        return plain | ({"detail": detail} if detail else {})


def short_count(n: int) -> str:
    """5000 → 5k, 50000 → 50k, 2000000 → 2M; other numbers in full."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if n % unit == 0 and n:
            return f"{n // unit}{name}"
    return str(n)
