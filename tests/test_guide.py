"""What docs/guide.md says can be typed: its verbs, options and fields exist, and so do its environment variables."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from ganforge import recipes
from ganforge.artifacts.summary import STATES
from ganforge.cli.main import app
from ganforge.core.component import fields_of
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "guide.md").read_text(encoding="utf-8")
BLOCKS = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
LINES = [line for line in BLOCKS.splitlines() if line.startswith("ganforge ")]


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_guide(line):
    load_all()
    words = shlex.split(re.split(r"\s[|>]\s", line)[0], comments=True)[1:]
    command = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    known = {name for param in command.params for name in param.opts}
    assert {word for word in words if word.startswith("--")} <= known
    fields = [word.partition("=")[0].partition(".")[0] for word in words if re.match(r"[a-z_.]+=", word)]
    assert set(fields) <= {*fields_of(Recipe), *Recipe.aliases}
    if words[:1] and line.startswith(("ganforge recipes", "ganforge train")) and re.fullmatch(r"[a-z]+", words[0]):
        assert words[0] in recipes.names()


def test_its_variables_are_read_somewhere():
    source = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))
    named = re.findall(r"`((?:GANFORGE|WANDB)_[A-Z_]+)`", TEXT)
    assert len(named) >= 4
    assert all(name in source for name in named)
    assert set(re.findall(r"[\"'](GANFORGE_[A-Z]+)[\"']", source)) <= set(named), "each of ours is in the guide"


def test_its_states_are_all_there_are():
    assert re.findall(r"^\| (\w+) \| ", TEXT.partition("## What a run")[0], re.MULTILINE)[1:] == list(STATES)
