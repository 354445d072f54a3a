from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from ganforge.cli.main import main

TINY = ["task.generator.channels=8", "task.discriminator.channels=8", "task.generator.latent=8"]
"""Overrides that make the DCGAN recipes quick enough for a test."""
FAST = [*TINY, "samples=128", "batch=16", "log_every=32", "checkpoint_every=64", "callbacks=[previews]"]


class Said(NamedTuple):
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def ganforge(capsys, monkeypatch):
    """Runs the command line in this process: `ganforge("train", "dcgan", ...)`."""
    from ganforge.cli import console

    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> Said:
        console.stderr.cache_clear()  # it holds the stream of the test before
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        status = ended.value.code
        return Said(status if isinstance(status, int) else 0 if status is None else 1, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def fast():
    """Words that make a recipe quick enough for a test."""
    return FAST


@pytest.fixture(scope="session")
def npz(tmp_path_factory):
    """Two classes of 8×8 pictures: dark and light noise."""
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
