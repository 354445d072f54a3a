"""Processes that read unknown data have a limit of memory and of time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

import pytest

from ganforge.web.studio import children
from ganforge.web.studio.children import Children
from refused import refused

WITHIN = """
from ganforge.web.memory import limit_memory
limit_memory(64 << 20)
held = bytearray(16 << 20)
try:
    more = bytearray(256 << 20)
except MemoryError:
    print("refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the data of a process")
def test_more_memory_than_the_limit_is_refused():
    done = subprocess.run([sys.executable, "-c", WITHIN], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"


def test_what_takes_too_long_is_ended(monkeypatch, tmp_path):
    monkeypatch.setattr(children, "SECONDS", 1)
    note = tmp_path / "pid"
    code = f"import os, pathlib, time; pathlib.Path({str(note)!r}).write_text(str(os.getpid())); time.sleep(200)"
    with refused("studio.too_slow", "photos"):
        asyncio.run(Children((sys.executable, "-c", code)).ask("inspect", "photos"))
    if note.exists():  # it had begun within that time
        with pytest.raises(ProcessLookupError):
            os.kill(int(note.read_text()), 0)
