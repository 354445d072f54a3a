"""`ganforge studio`: a light process that serves one folder."""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from ganforge.web.studio import app
from refused import refused
from web.conftest import write_run

HEAVY = ("torch", "numpy", "PIL", "pandas", "scipy", "sklearn", "matplotlib")
SERVE = f"""
import socket
import sys
from ganforge.cli.main import main
real, asked = socket.getaddrinfo, set()
socket.getaddrinfo = lambda host, *rest, **more: (asked.add(host), real(host, *rest, **more))[1]
try:
    main(["studio", *sys.argv[1:]])
finally:
    print("resolved", *asked)
    print("imported", *[name for name in {HEAVY!r} if name in sys.modules])
"""


def test_it_serves_without_pytorch_and_ends_at_ctrl_c(tmp_path):
    write_run(tmp_path / "runs", "a")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    words = ["--runs", str(tmp_path / "runs"), "--data", str(tmp_path), "--port", str(port), "--no-browser", "--json"]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        url = json.loads("".join(process.stdout.readline() for _ in range(3)))["url"]
        token = url.partition("?token=")[2]
        if Path("/proc/self/stat").exists():
            fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            assert (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") < 2.0  # processor seconds
        assert url.startswith(f"http://127.0.0.1:{port}/?token=")
        for path in ("/", "/api/runs", "/api/runs/a", "/api/compare?run=a", "/api/data", "/static/app.js"):
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"}
            )
            assert urllib.request.urlopen(asked, timeout=20).status == 200
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/runs", timeout=20)
        if Path("/proc/self/status").exists():
            status = Path(f"/proc/{process.pid}/status").read_text()
            resident = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
            assert resident < 80_000  # kB
            assert token not in Path(f"/proc/{process.pid}/cmdline").read_text()
        file = tmp_path / "runs" / ".studio" / "token"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        os.kill(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    resolved, imported = out.splitlines()[-2:]
    assert imported == "imported"
    assert set(resolved.split()[1:]) <= {"127.0.0.1"}, "it asks for the address of no other host"
    assert app.known_address(tmp_path / "runs") == url


def test_a_port_in_use_is_the_users_mistake():
    with socket.create_server(("127.0.0.1", 0)) as taken, refused("web.port", str(taken.getsockname()[1])):
        app.bound("127.0.0.1", taken.getsockname()[1])


def test_without_a_port_the_first_free_one_is_taken(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(app, "PORT", taken.getsockname()[1])
        with app.bound("127.0.0.1", None) as found:
            assert app.PORT < found.getsockname()[1] < app.PORT + app.TRIED


def test_the_address_can_be_printed_again(ganforge, tmp_path):
    first = ganforge("studio", "--runs", tmp_path / "runs", "--address")
    assert first.status == 0
    assert first.out.startswith("http://127.0.0.1:8470/?token=")
    assert ganforge("studio", "--runs", tmp_path / "runs", "--address").out == first.out


def test_without_the_extra_the_command_says_what_to_install(ganforge, monkeypatch, tmp_path):
    there = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "uvicorn" else there(name))
    said = ganforge("studio", "--runs", tmp_path)
    assert said.status == 2
    assert "ganforge[studio]" in said.err


def test_a_data_folder_that_is_none_is_the_users_mistake(ganforge, tmp_path):
    said = ganforge("studio", "--runs", tmp_path, "--data", tmp_path / "none")
    assert said.status == 2
    assert "--data" in said.err
