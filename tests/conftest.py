"""What all tests share."""

from __future__ import annotations

import copy
import gc
import logging
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from selected import slow_ones


def pytest_configure(config: pytest.Config) -> None:
    """Prepares a process that runs tests. One that only hands them out to others (`-n 2`) need not load PyTorch.

    Convolutions are computed without oneDNN: it compiles each new shape, which tiny nets never earn back. Slow tests,
    whose nets are larger, train with it.
    """
    if config.getoption("numprocesses", None):
        return
    gc.disable()  # all that is imported and collected stays
    import torch

    import lighter  # noqa: F401
    import processes
    from ganforge.registry import load_all

    load_all()  # as every command does: a file of tests by itself knows each recipe
    if sys.platform == "linux":
        processes.prepare()  # first, since a worker of the server computes with oneDNN
    torch.backends.mkldnn.enabled = slow_ones(config)


STARTS: list[tuple[np.random.Generator, Any]] = []
"""The random generators that files of tests have for all of their tests, and their states before the first of these."""


def pytest_collection_finish(session: pytest.Session) -> None:
    """Takes all that was imported and collected out of the search for garbage: a whole search takes half a second."""
    for module in {item.module for item in session.items if isinstance(item, pytest.Function)}:
        found = [value for value in vars(module).values() if isinstance(value, np.random.Generator)]
        STARTS.extend((generator, copy.deepcopy(generator.bit_generator.state)) for generator in found)
    gc.freeze()
    gc.enable()


def pytest_runtest_setup() -> None:
    """A test draws the same numbers whichever tests ran before it: several processes share them out as they go."""
    for generator, state in STARTS:
        generator.bit_generator.state = state


class Notices(logging.Handler):
    """The package's notices, kept."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    @property
    def text(self) -> str:
        return "\n".join(self.format(record) for record in self.records)


@pytest.fixture
def notices() -> Iterator[Notices]:
    """What the package says through `logging` from here on.

    Not pytest's own plugin: for each test it visits each of the 1,500 loggers of all imported packages six times.
    """
    log, kept = logging.getLogger("ganforge"), Notices()
    level = log.level
    log.setLevel(logging.INFO)
    log.addHandler(kept)
    yield kept
    log.removeHandler(kept)
    log.setLevel(level)


@pytest.fixture
def clean_registries() -> Iterator[None]:
    """Forgets at the end what a test registered, so that the tests do not depend on their order."""
    from ganforge import recipes
    from ganforge.core.component import families

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
    from ganforge.cli.main import main
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
def short_ceilings(monkeypatch) -> None:
    """The benchmark's limits of the machine by small products, each measured once: without oneDNN large ones take
    seconds."""
    from ganforge.bench import ceilings

    for name, value in {"REPEATS": 1, "SIDE": 128, "IMAGES": 1, "COPY": 1 << 22}.items():
        monkeypatch.setattr(ceilings, name, value)


@pytest.fixture
def short_checks(monkeypatch) -> None:
    """`doctor` checks small products: without oneDNN large ones in bf16 take half a second."""
    from ganforge.cli import doctor

    monkeypatch.setattr(doctor, "SIDE", 64)


@pytest.fixture
def single_thread() -> Iterator[None]:
    """The number of threads decides the order of sums: a run is compared bit for bit with one of as many."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
