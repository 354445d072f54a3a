"""Help and version: quick, and without the heavy packages."""

from __future__ import annotations

import subprocess
import sys

import pytest

import ganforge as package

VERBS = (
    ["train"],
    ["sample"],
    ["walk"],
    ["recipes"],
    ["recipes", "show"],
    ["data", "inspect"],
    ["data", "pack"],
    ["doctor"],
)
HEAVY = ("torch", "numpy", "PIL", "matplotlib", "sklearn", "yaml")


# Newer versions of typer import pydantic themselves to read a verb's options; ours must not be the reason.
@pytest.mark.parametrize(
    ("words", "heavy"),
    [(["--help"], (*HEAVY, "pydantic")), (["--version"], (*HEAVY, "pydantic")), (["train", "--help"], HEAVY)],
)
def test_help_imports_nothing_heavy(words, heavy):
    code = (
        "import sys\nfrom ganforge.cli.main import main\n"
        f"try:\n    main({words!r})\nexcept SystemExit as end:\n    assert not end.code\n"
        f"found = [name for name in {heavy!r} if name in sys.modules]\nassert not found, found\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


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


def test_importing_the_package_is_quick_and_its_names_are_there():
    code = (
        "import sys, ganforge\nassert 'torch' not in sys.modules and 'pydantic' not in sys.modules\n"
        "import ganforge.recipes, ganforge.engine.train\nfrom ganforge import train, recipe, load\n"
        "assert callable(train) and callable(recipe) and callable(load)\n"
        "missing = [n for n in ganforge.__all__ if not hasattr(ganforge, n)]\nassert not missing, missing\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
