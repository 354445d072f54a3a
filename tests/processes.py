"""Functions in processes of their own, without the seconds that imports take.

A server process holds PyTorch and all of ganforge but the command line, and each call is a fork of it. So what a call
registers, sets or breaks is gone with it, and it may be killed. On Linux the server is itself a fork of the process
that runs the tests, from before it has read any; elsewhere it imports all anew. A test of what a command *imports*
needs a new interpreter instead (`tests/cli/test_lean.py`).
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import torch

from ganforge.registry import load_all


class Ended(NamedTuple):
    """What a process printed, and its exit status."""

    status: int
    out: str
    err: str


@functools.cache
def server() -> ForkServerContext:
    load_all()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["torch", *sorted(n for n in sys.modules if n.startswith("ganforge.") and ".cli" not in n)]
    )
    return context


def forked(exe: bytes, args: Sequence[str], files: Sequence[int]) -> int:
    """Runs `python -c CODE` in a fork of this process, with these files open and stdin, stdout and stderr.

    The command line, which collects its verbs while it is imported, is as if it had not been: a conftest may have.
    """
    if child := os.fork():
        return child
    for name in [name for name in sys.modules if name.startswith("ganforge.cli")]:
        del sys.modules[name]
    first = 3
    for file in sorted(files):
        os.closerange(first, file)
        first = file + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
    try:
        exec(args[-1], {})
    finally:
        os._exit(0)


def prepare() -> None:
    """Forks the server now: before tests are read, which register what they need and compute gradients, after which
    PyTorch computes none in a fork.
    """
    server()
    resource_tracker.ensure_running()
    with patch.object(util, "spawnv_passfds", forked):
        forkserver.ensure_running()


def _enter(
    function: Callable[..., object],
    args: tuple[Any, ...],
    place: Path,
    env: dict[str, str],
    files: list[Path],
    onednn: bool,
) -> None:
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = onednn  # as in the process that the results are compared with
    os.chdir(place)
    os.environ.clear()
    os.environ.update(env)
    sys.path[:0] = [folder for folder in env.get("PYTHONPATH", "").split(os.pathsep) if folder]
    for stream, file in zip((1, 2), files, strict=True):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), stream)
    function(*args)


def started(
    function: Callable[..., object], *args: Any, place: Path, files: list[Path], env: dict[str, str] | None = None
) -> ForkServerProcess:
    """A running process of a function of a module, with files for its stdout and stderr."""
    shared = (env or dict(os.environ), files, torch.backends.mkldnn.enabled)
    process = server().Process(target=_enter, args=(function, args, place, *shared))
    process.start()
    return process


def call(
    function: Callable[..., object], *args: Any, place: Path, env: dict[str, str] | None = None, timeout: float = 280
) -> Ended:
    """Runs a function of a module to its end in the folder `place`."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / "out", Path(folder) / "err"]
        process = started(function, *args, place=place, files=files, env=env)
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"still running after {timeout} s: {files[1].read_text()}")
        return Ended(process.exitcode, *(file.read_text(encoding="utf-8") for file in files))


def commands(lines: dict[str, list[str]], report: Path, plugin: Path | None = None) -> None:
    """Runs command lines, without their first word `ganforge`, and writes what each prints: name → status, text."""
    import ganforge as gf
    from ganforge.cli.main import main

    if plugin is not None:
        gf.load_plugin(plugin)
    said = {}
    for name, words in lines.items():
        out, status = io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            try:
                main([*words, *(["--plugin", str(plugin)] if plugin else [])])
            except SystemExit as stop:
                status = stop.code or 0
        said[name] = [status, out.getvalue()]
    report.write_text(json.dumps(said), encoding="utf-8")


def printed(
    lines: dict[str, list[str]], place: Path, plugin: Path | None = None, env: dict[str, str] | None = None
) -> dict[str, str]:
    """What each of several command lines prints, all in one process; they must end well."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        ended = call(commands, lines, report, plugin, place=place, env=env)
        assert ended.status == 0, ended.out + ended.err
        said = json.loads(report.read_text(encoding="utf-8"))
    failed = {name: text for name, (status, text) in said.items() if status != 0}
    assert not failed, "\n".join(failed.values())
    return {name: text for name, (_, text) in said.items()}
