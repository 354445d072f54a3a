"""Example data: points on a ring in the plane."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_example(folder: Path, n: int, seed: int = 0) -> dict[str, str]:
    """Writes n points to an .npy file in `folder`; returns the fields of its data source."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, n)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1) + rng.normal(0, 0.05, (n, 2))
    np.save(folder / "ring.npy", ring.astype(np.float32))
    return {"kind": "points", "path": str(folder / "ring.npy")}
