"""Shared by the tests of conditions: files with a table of them, and a tiny trained model."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganforge.cli.main import main

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


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Forty images, whose names a table may hold."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    folder.mkdir()
    draws = np.random.default_rng(0)
    for k in range(40):
        Image.fromarray(draws.integers(0, 255, (8, 8, 3), np.uint8)).save(folder / f"{k:03d}.png")
    return folder


@pytest.fixture(scope="session")
def labels(photos):
    return write_table(photos.parent / "labels.csv", table_rows())


@pytest.fixture(scope="session")
def run(photos, labels, tmp_path_factory):
    """A conditional run that any test may read and none may change."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    words = ["cdcgan", f"data={photos}", f"labels={labels}", "samples=64", "batch=16", "callbacks=[previews]"]
    words += ["task.generator.channels=8", "task.discriminator.channels=8", "task.generator.latent=8"]
    with pytest.raises(SystemExit) as ended:
        main(["train", *words, "--run-dir", str(folder), "--quiet"])
    assert ended.value.code in (0, None)
    return folder
