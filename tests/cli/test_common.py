"""Options that commands with a trained model share."""

from __future__ import annotations

import inspect
import json
from typing import Annotated

import typer
from typer.testing import CliRunner

from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Seed

app = typer.Typer()


@app.command()
@with_common
def shown(
    name: Annotated[str, typer.Argument()],
    seed: Seed = 0,
    *,
    common: Common,
) -> None:
    """Shows what it was given."""
    common.report({"name": name, "seed": seed, "device": common.device, "force": common.force}, [name, seed])


def run(*words: str) -> str:
    found = CliRunner().invoke(app, list(words))
    assert found.exit_code == 0, found.output
    return found.stdout


def test_each_field_is_an_option():
    names = list(inspect.signature(shown).parameters)
    assert names == ["name", "seed", "device", "force", "quiet", "as_json", "plugins"]
    found = json.loads(run("a", "--seed", "3", "--device", "cpu", "--force", "--json"))
    assert found == {"name": "a", "seed": 3, "device": "cpu", "force": True}


def test_a_result_is_reported_as_lines_or_not_at_all():
    assert run("a[b]", "--seed", "2") == "a[b]\n2\n"
    assert run("a", "-q") == ""
    assert json.loads(run("a", "-q", "--json"))["seed"] == 0, "a document is what was asked for"


def test_it_is_still_a_function(capsys):
    shown("a", seed=2, force=True)
    assert capsys.readouterr().out == "a\n2\n"
