"""A table of conditions, as a user would write it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

COLORS = ("blue", "green", "red")


def write_table(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def table_rows(n: int = 40) -> list[dict[str, str]]:
    """One row per image, with a condition of each kind."""
    draws = np.random.default_rng(0)
    return [
        {
            "file": f"{k:03d}.png",
            "color": COLORS[k % 3],
            "angle": f"{draws.uniform(0, 360):.2f}",
            "width": f"{draws.uniform(2, 5):.3f}",
            "stars": str(k % 4),
            "tags": "|".join(tag for j, tag in enumerate(("a", "b", "c")) if k % (j + 2) == 0),
        }
        for k in range(n)
    ]
