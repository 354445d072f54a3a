from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from ganforge.cli.main import main

sys.path.insert(0, str(Path(__file__).parent))  # for `import judged`
from judged import FAST, shades


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory):
    """One cache for all tests of this folder, and nobody else's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


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
