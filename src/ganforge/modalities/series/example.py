"""A time series to try things out with: an hourly temperature and a load that follows it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np


def write_example(folder: Path, n: int, seed: int = 0) -> str:
    """Writes a CSV file with enough hours for n windows to `folder`, and returns its path."""
    rng = np.random.default_rng(seed)
    hours = np.arange(2 * max(n, 60))
    warm = 12 + 6 * np.sin(2 * np.pi * hours / 24) + np.cumsum(rng.normal(0, 0.2, len(hours)))
    load = np.rint(300 - 8 * warm + rng.normal(0, 5, len(hours))).astype(int)
    begin = datetime(2024, 3, 1)
    lines = ["time,temperature,load"]
    for hour, degrees, watts in zip(hours.tolist(), warm, load, strict=True):
        lines.append(f"{begin + timedelta(hours=hour):%Y-%m-%d %H:%M:%S},{degrees:.2f},{watts}")
    (folder / "hours.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "hours.csv")
