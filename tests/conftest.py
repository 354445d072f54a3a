"""What all tests share."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ganforge import recipes
from ganforge.cli.main import main
from ganforge.core.component import families
from ganforge.registry import load_all

gc.set_threshold(20_000, 20, 20)  # by default (700, 10, 10) the search for garbage takes a twelfth of the time


@pytest.fixture
def caplog(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> pytest.LogCaptureFixture:
    """The command line, which other tests run, keeps the package's notices to itself or hides them; not from here."""
    monkeypatch.setattr(logging.getLogger("ganforge"), "propagate", True)
    caplog.set_level(logging.INFO, "ganforge")
    return caplog


@pytest.fixture
def clean_registries() -> Iterator[None]:
    """Forgets at the end what a test registered, so that the tests do not depend on their order."""
    load_all()  # else what it brings would be forgotten too, and is never brought twice
    known = {family: dict(family.kinds) for family in families().values()}
    known_recipes = dict(recipes.RECIPES)
    yield
    for family in families().values():
        if family in known:
            family.kinds.clear()
            family.kinds.update(known[family])
    recipes.RECIPES.clear()
    recipes.RECIPES.update(known_recipes)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets that GANFORGE_DATA names; tests that ask for it are skipped without."""
    folder = os.environ.get("GANFORGE_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("GANFORGE_DATA names no folder of data sets")
    return Path(folder)


class Said(NamedTuple):
    """What a command said, and how it ended."""

    status: int
    out: str
    err: str


@pytest.fixture
def ganforge(capsys, monkeypatch) -> Callable[..., Said]:
    """Runs the command line in this process: `ganforge("train", "dcgan", ...)`."""
    from ganforge.ui import console

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
def single_thread() -> Iterator[None]:
    """The number of threads decides the order of sums: a run is compared bit for bit with one of as many."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
