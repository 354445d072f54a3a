from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

from ganforge.cli.main import main


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


@pytest.fixture
def place(tmp_path, monkeypatch):
    """The working folder, with ./photos in it: two classes of forty pictures of 8×8 px, and ten/ of ten pictures."""
    draws = np.random.default_rng(0)
    for folder, count in (("photos/a", 40), ("photos/b", 40), ("ten", 10)):
        (tmp_path / folder).mkdir(parents=True)
        for k in range(count):
            picture = draws.integers(0, 255, (8, 8), np.uint8)
            Image.fromarray(picture).save(tmp_path / folder / f"{k}.png")
    monkeypatch.chdir(tmp_path)
    return tmp_path
