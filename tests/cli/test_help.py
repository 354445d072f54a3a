"""Help and version: quick, and without the heavy packages."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.main import get_command

import ganforge as package
from ganforge.cli.main import app
from ganforge.ui.verb import verbs


def words_of(command: Any, words: tuple[str, ...] = ()) -> Iterator[list[str]]:
    """The words that lead to each verb below a command, hidden ones too."""
    for name, verb in getattr(command, "commands", {}).items():
        yield [*words, name]
        yield from words_of(verb, (*words, name))


VERBS = list(words_of(get_command(app)))


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_explains_itself(ganforge, verb):
    said = ganforge(*verb, "--help")
    assert said.status == 0
    assert "Usage: ganforge" in said.out


def test_version(ganforge):
    assert ganforge("--version").out == f"ganforge {package.__version__}\n"


def test_an_unknown_verb_is_the_users_mistake(ganforge):
    said = ganforge("trian")
    assert said.status == 2
    assert "trian" in said.err


def test_public_names_are_there_also_where_a_module_has_the_same():
    assert all(callable(value) for value in (package.train, package.recipe, package.load))  # not ganforge.engine.train
    assert not [name for name in package.__all__ if not hasattr(package, name)]


def test_the_verbs_of_the_package_and_of_its_modalities_are_found():
    found = [verb.name or verb.run.__name__ for verb in verbs()]
    assert found == [
        "train",
        "sample",
        "translate",
        "forecast",
        "impute",
        "complete",
        "predict",
        "walk",
        "classify",
        "explore",
        "project",
        "mix",
        "evaluate",
        "ema",
        "runs",
        "studio",
        "export",
        "serve",
        "doctor",
        "recipes",
        "bench",
        "data",
    ]
    assert len(VERBS) > len(found)  # groups have verbs of their own


PLUGIN = """
from ganforge.ui.verb import Verb

def shout(word: str) -> None:
    \"\"\"Say a word louder.\"\"\"
    print(word.upper())

VERB = Verb(shout, order=15, aliases=("yell",))
"""


def installed(monkeypatch, *modules: str) -> None:
    entries = [importlib.metadata.EntryPoint(name, name, "ganforge.verbs") for name in modules]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: entries if group == "ganforge.verbs" else ())


def test_an_installed_plugin_brings_a_verb(monkeypatch, tmp_path, capsys):
    (tmp_path / "loud_plugin.py").write_text(PLUGIN)
    monkeypatch.syspath_prepend(tmp_path)
    installed(monkeypatch, "loud_plugin")
    found = verbs()
    assert [verb.order for verb in found[:3]] == [10, 15, 20]
    made = typer.Typer()
    for verb in found:
        verb.add_to(made)
    for name in ("shout", "yell"):
        made([name, "hello"], standalone_mode=False)
        assert capsys.readouterr().out == "HELLO\n"
    made(["--help"], standalone_mode=False)
    said = capsys.readouterr().out
    assert "shout" in said
    assert "yell" not in said


def test_a_broken_plugin_takes_no_other_verb_away(monkeypatch, tmp_path, notices):
    (tmp_path / "broken_plugin.py").write_text("1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = [verb.order for verb in verbs()]
    installed(monkeypatch, "broken_plugin")
    assert [verb.order for verb in verbs()] == before
    assert "broken_plugin" in notices.text
    assert "ZeroDivisionError" in notices.text


def test_a_plugin_file_is_loaded_once_before_any_verb_runs(ganforge, tmp_path):
    (tmp_path / "noted.py").write_text("print('loaded')\n")
    for words in (["recipes", "show", "gan", "--bare"], ["data", "inspect", "digits"]):
        said = ganforge(*words, "--plugin", str(tmp_path / "noted.py"))
        assert said.status == 0, said.err
        assert said.out.count("loaded") == 1
    assert ganforge("recipes", "--plugin", str(tmp_path / "missing.py")).status == 2
