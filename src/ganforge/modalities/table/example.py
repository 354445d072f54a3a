"""A table to try things out with: people with an age, a job that goes with it, a date, and an income with gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_example(folder: Path, n: int, seed: int = 0) -> str:
    """Writes a CSV file of n rows to `folder`, and returns its path."""
    rng = np.random.default_rng(seed)
    ages = rng.integers(18, 80, n)
    jobs = np.where(ages > 60, "retired", np.where(rng.random(n) < 0.7, "employed", "student"))
    lines = ["age,job,since,income"]
    for age, job in zip(ages, jobs, strict=True):
        income = "" if rng.random() < 0.1 else f"{rng.normal(300, 40) * age:.2f}"
        since = f"20{rng.integers(10, 26)}-{rng.integers(1, 13):02d}-{rng.integers(1, 29):02d}"
        lines.append(f"{age},{job},{since},{income}")
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "people.csv")
