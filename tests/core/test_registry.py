"""Finding components: the package's own, and files from outside."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest

from ganforge import recipes, registry
from ganforge.core.component import build_stored, families, to_plain
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe
from ganforge.registry import kinds_defined, kinds_in, load_all, load_plugin
from refused import refused

LOSS = '''
import torch.nn.functional as F
from ganforge.losses.base import Objective

class Square(Objective, kind="{kind}"):
    """Squares."""
    margin: float = 1.0
    def d(self, real, fake):
        return (real - self.margin) ** 2 + fake**2
    def g(self, fake, real):
        return (fake - self.margin) ** 2
'''


def test_the_kinds_in_the_sources_are_those_that_are_registered():
    """Or a stored recipe might be read without what it names."""
    load_all()
    for family in families().values():
        for kind, cls in family.kinds.items():
            file = inspect.getsourcefile(cls) if cls.__module__.startswith("ganforge.") else None
            assert file is None or kind in kinds_defined(Path(file).read_text(encoding="utf-8")), (kind, cls)


def test_the_kinds_of_a_stored_recipe():
    plain = {"kind": "a", "task": {"kind": "b", "penalties": [{"kind": "c", "weight": 1}]}, "name": "d"}
    assert kinds_in(plain) == {"a", "b", "c"}


def test_loading_all_is_done_once():
    load_all()
    before = {name: dict(family.kinds) for name, family in families().items()}
    modules = set(sys.modules)
    load_all()
    load_all.__wrapped__()  # even if it ran again
    assert {name: dict(family.kinds) for name, family in families().items() if name in before} == before
    assert set(sys.modules) == modules
    assert {"signal", "data", "objective", "penalty", "generator", "discriminator", "task", "optimizer"} <= set(before)


def test_a_plugin_brings_a_loss_and_a_recipe(tmp_path, clean_registries):
    file = tmp_path / "my loss.py"
    file.write_text(
        LOSS.format(kind="test_square")
        + '''
from ganforge.recipes import recipe

@recipe("test-recipe")
def test_recipe():
    """From outside."""
    raise NotImplementedError
'''
    )
    load_plugin(file)
    square = families()["objective"].parse({"kind": "test_square", "margin": 2})
    assert square.margin == 2.0  # type: ignore[attr-defined]
    assert "test-recipe" in recipes.names()
    stored = to_plain(make_recipe("toy")) | {"task": "of_another_file"}
    with refused("config.unknown_kind", "run.yaml", "'of_another_file'", "--plugin FILE"):
        build_stored(Recipe, stored, "run.yaml")
    assert recipes.summary("test-recipe") == "From outside."


def test_running_a_plugin_again_replaces_its_own(tmp_path, clean_registries):
    file = tmp_path / "mine.py"
    file.write_text(LOSS.format(kind="test_square"))
    load_plugin(file)
    first = families()["objective"].kinds["test_square"]
    load_plugin(str(file))
    assert families()["objective"].kinds["test_square"] is not first


def test_two_plugins_of_one_file_name(tmp_path, clean_registries):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "loss.py").write_text(LOSS.format(kind=f"test_{folder}"))
        load_plugin(tmp_path / folder / "loss.py")
    kinds = families()["objective"].kinds
    assert kinds["test_a"].__module__ != kinds["test_b"].__module__
    assert {"test_a", "test_b"} <= set(kinds)


def test_a_plugin_cannot_replace_what_another_file_registered(tmp_path, clean_registries):
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text(LOSS.format(kind="test_square"))
    load_plugin(tmp_path / "one.py")
    with refused("plugin.cannot_be_loaded", "two.py, line 5: TypeError: objective 'test_square'"):
        load_plugin(tmp_path / "two.py")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("x = 1\nraise RuntimeError('kaputt')\n", ["line 2: RuntimeError: kaputt"]),
        ("def f():\n    return {}['a']\n\n\nf()\n", ["line 2: KeyError: 'a'"]),
        ("x = = 1\n", ["SyntaxError: ", "line 1"]),
        ("import no_such_package_at_all\n", ["line 1: ModuleNotFoundError: ", "'no_such_package_at_all'"]),
    ],
)
def test_a_plugin_that_fails_says_where(tmp_path, text, named):
    file = tmp_path / "bad.py"
    file.write_text(text)
    before = set(sys.modules)
    with refused("plugin.cannot_be_loaded", f"--plugin {file}", *named):
        load_plugin(file)
    assert not {name for name in set(sys.modules) - before if "plugin" in name}


def test_plugins_that_are_none(tmp_path):
    with refused("plugin.not_found", str(tmp_path / "none.py")):
        load_plugin(tmp_path / "none.py")
    (tmp_path / "notes.txt").write_text("x = 1")
    with refused("plugin.not_python", "notes.txt", ".py"):
        load_plugin(tmp_path / "notes.txt")


def test_a_broken_installed_plugin_is_named(monkeypatch):
    class Entry:
        value, dist = "broken_package:main", None

        def load(self):
            raise ImportError("no engine")

    monkeypatch.setattr(registry.importlib.metadata, "entry_points", lambda group: [Entry()])
    with refused("plugin.cannot_be_loaded", "'broken_package:main'", "ImportError: no engine"):
        load_all.__wrapped__()
