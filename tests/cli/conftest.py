from __future__ import annotations

import numpy as np
import pytest

from ganforge.cli.main import main

TINY = ["task.generator.channels=8", "task.discriminator.channels=8", "task.generator.latent=8"]
"""Overrides that make the DCGAN recipes quick enough for a test."""
FAST = [*TINY, "samples=128", "batch=16", "log_every=32", "checkpoint_every=64", "callbacks=[previews]"]


@pytest.fixture(scope="session")
def fast():
    """Words that make a recipe quick enough for a test."""
    return FAST


@pytest.fixture(scope="session")
def npz(tmp_path_factory):
    """Two classes of 8×8 images: dark and light noise."""
    path = tmp_path_factory.mktemp("data") / "shades.npz"
    draws = np.random.default_rng(0)
    dark, light = draws.integers(0, 100, (40, 8, 8)), draws.integers(150, 255, (40, 8, 8))
    np.savez(path, images=np.concatenate([dark, light]).astype(np.uint8), labels=np.repeat([0, 1], 40))
    return path


@pytest.fixture(scope="session")
def trained(npz, tmp_path_factory):
    """A conditional run that any test may read and none may change."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    with pytest.raises(SystemExit) as ended:
        main(["train", "cdcgan", f"data={npz}", *FAST, "--run-dir", str(folder), "--quiet"])
    assert ended.value.code in (0, None)
    return folder
