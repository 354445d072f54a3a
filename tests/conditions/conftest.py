"""Shared by the tests of conditions: files with a table of them, and a tiny trained model."""

from __future__ import annotations

import numpy as np
import pytest
from labeled import table_rows, write_table
from PIL import Image

from ganforge.cli.main import main


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
