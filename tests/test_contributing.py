"""The worked examples of CONTRIBUTING.md: each file, as printed, is a plugin that trains with the printed command."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
EXAMPLES = {
    file: (code, command)
    for file, code, command in re.findall(
        r"`(my_\w+\.py)`:\n```python\n(.*?)```\n```\n(ganforge train .*?)\n```", TEXT, re.DOTALL
    )
}


def test_all_three_are_found():
    assert list(EXAMPLES) == ["my_loss.py", "my_net.py", "my_task.py"]


PROGRAM = """
import sys
import ganforge as gf
from ganforge.cli.main import main

plugin, *words = sys.argv[1:]
try:
    main(words)
except SystemExit as stop:
    assert not stop.code
gf.load_plugin(plugin)
print(gf.load("run").sample(2, seed=1).shape)
"""


@pytest.mark.parametrize("file", EXAMPLES)
def test_the_file_trains_with_the_command(file, tmp_path):
    code, command = EXAMPLES[file]
    (tmp_path / file).write_text(code, encoding="utf-8")
    words = [
        *shlex.split(command)[1:],
        "batch=8",
        "samples=16",
        "checkpoint_every=16",
        "callbacks=[]",
        "--run-dir",
        "run",
    ]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, file, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert done.stdout.splitlines()[-1] == "(2, 8, 8, 1)"


def test_the_examples_are_formatted(tmp_path):
    pytest.importorskip("ruff")
    for file, (code, _) in EXAMPLES.items():
        (tmp_path / file).write_text(code, encoding="utf-8")
    settings = ["--config", str(ROOT / "pyproject.toml")]
    for check in (["format", "--check"], ["check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *check, *settings, str(tmp_path)], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
