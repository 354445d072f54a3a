"""Quoted names in `field=value`, and words of other tools."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganforge import recipes
from ganforge.core.component import build, to_plain
from ganforge.core.habits import FIELDS, OTHER_WORDS
from ganforge.core.overrides import apply, assignment, flatten, quoted, split
from ganforge.recipes.base import Recipe
from ganforge.registry import load_all
from refused import refused


@given(st.text(min_size=1))
def test_any_name_comes_back_from_its_quoted_form(name):
    assert split(f"signal.columns.{quoted(name)}=ordinal") == (["signal", "columns", name], "ordinal")


def test_names_are_quoted_where_they_must_be():
    assert quoted("age") == "age"
    assert quoted("zip.code") == '"zip.code"'
    assert assignment("signal.columns", "a=b", "ordinal") == "'signal.columns.\"a=b\"=ordinal'"
    assert assignment("signal.columns", "age", "ordinal") == "signal.columns.age=ordinal"
    assert list(flatten({"columns": {"zip.code": "ordinal"}})) == ['columns."zip.code"']


@pytest.mark.parametrize(
    "item", ['signal.columns."zip.code"=categorical', "signal.columns.zip.code=categorical"]
)  # as written, and after a shell has taken the quotes away
def test_a_column_with_a_dot(item):
    load_all()
    plain = apply(to_plain(recipes.get("ctgan")), ["signal.columns.age=ordinal", item], Recipe)
    assert build(Recipe, plain).signal.columns == {"age": "ordinal", "zip.code": "categorical"}


@pytest.mark.parametrize("item", ["", "=1", "a..b=1", "a.=1", '"a=1', "a"])
def test_what_is_no_assignment(item):
    if item == '"a=1':  # a quote that is never closed is a letter of the name
        assert split(item) == (['"a'], 1)
        return
    with refused("config.not_an_assignment"):
        split(item)


@pytest.mark.parametrize(
    ("item", "ours"),
    [
        ("epochs=3", "samples=N"),
        ("lr=2e-4", "optimizers.G.lr=2e-4"),
        ("batch_size=32", "batch=32"),
        ("image_size=64", "signal.size=64"),
    ],
)
def test_fields_of_other_tools_are_answered(item, ours):
    load_all()
    with refused("config.other_word", ours):
        apply(to_plain(recipes.get("gan")), [item], Recipe)


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (["--data", "photos"], "data=photos"),
        (["--lr", "1e-4"], "optimizers.G.lr=1e-4 optimizers.D.lr=1e-4"),
        (["--batch-size=32"], "batch=32"),
        (["--batch", "32"], "batch=32"),
        (["--epochs", "5"], "samples=N"),
        (["--gpus", "2"], "--device cuda"),
        (["--outdir", "x"], "--run-dir FOLDER"),
    ],
)
def test_options_of_other_tools_are_answered(ganforge, words, ours):
    said = ganforge("train", "dcgan", *words)
    assert said.status == 2
    assert ours in said.err


def test_no_word_of_another_tool_is_one_of_ours():
    from typer.main import get_command

    from ganforge.cli.main import app
    from ganforge.core.component import fields_of

    params = get_command(app).commands["train"].params
    options = {name.lstrip("-").replace("-", "_") for param in params for name in param.opts}
    assert not options & {*OTHER_WORDS, *FIELDS}
    assert not set(fields_of(Recipe)) & set(OTHER_WORDS)
    assert set(FIELDS) <= {*fields_of(Recipe), *Recipe.aliases}
