from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from ganforge.cli.main import main

sys.path.insert(0, str(Path(__file__).parent))  # for `import judged`
from judged import FAST, shades


class Said(NamedTuple):
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """One cache for all tests of this folder, and nobody else's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def ganforge(capsys, monkeypatch):
    """Runs the command line in this process."""
    from ganforge.cli import console

    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: object) -> Said:
        console.stderr.cache_clear()
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        said = capsys.readouterr()
        status = ended.value.code
        return Said(status if isinstance(status, int) else 0 if status is None else 1, said.out, said.err)

    return run


@pytest.fixture(scope="session")
def npz(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "shades.npz"
    np.savez(path, images=shades(), labels=np.repeat([0, 1], 120))
    return path


@pytest.fixture(scope="session")
def trained(npz, tmp_path_factory):
    """A conditional run that any test may read and none may change."""
    folder = tmp_path_factory.mktemp("trained") / "0001-shades"
    with pytest.raises(SystemExit) as ended:
        main(["train", "cdcgan", f"data={npz}", *FAST, "--run-dir", str(folder), "--quiet"])
    assert ended.value.code in (0, None)
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run, to write into."""
    return shutil.copytree(trained, tmp_path / "runs" / trained.name)
