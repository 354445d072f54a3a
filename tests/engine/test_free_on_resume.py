"""What of its data a run may be given otherwise when it goes on: what its source says is free, and no more."""

from __future__ import annotations

from dataclasses import MISSING

import pytest

from ganforge.core.component import build, fields_of
from ganforge.core.overrides import to_yaml
from ganforge.data.base import DataSource
from ganforge.engine.resume import resume_recipe
from ganforge.recipes import make_recipe
from ganforge.registry import load_all
from refused import refused

load_all()


def stopped(folder, *items):
    """A run directory that holds its recipe alone."""
    folder.mkdir()
    (folder / "recipe.yaml").write_text(to_yaml(make_recipe("gan", (), list(items))))
    return folder


def test_data_may_move(tmp_path):
    run = stopped(tmp_path / "run", "data=./photos")
    moved = resume_recipe(run, None, ["data.path=/elsewhere", "data.workers=3", "data.in_memory=false"])
    assert (moved.data.path, moved.data.workers, moved.data.in_memory) == ("/elsewhere", 3, False)  # type: ignore[attr-defined]


def test_a_run_on_an_array_that_asks_today_can_be_told_what_it_is(tmp_path):
    """It was begun before such arrays were asked about."""
    run = stopped(tmp_path / "run", "data=gray.npy")
    (run / "recipe.yaml").write_text((run / "recipe.yaml").read_text().replace("  signal: null\n", ""))
    assert resume_recipe(run, None, ["data.signal=image"]).data.signal == "image"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        ("{kind: pairs, source: a, target: b}", {"source", "target", "path"}),
        ("{kind: domains, a: a, b: b}", {"a", "b"}),
        ("{kind: table, path: a}", {"path"}),
        ("{kind: points, path: a}", {"path"}),
        ("{kind: stacked-mnist}", {"path"}),
        ("digits", set()),
    ],
)
def test_each_source_says_which_fields_are_free(tmp_path, data, fields):
    run = stopped(tmp_path / "run", f"data={data}")
    changed = resume_recipe(run, None, [f"data.{field}=elsewhere" for field in fields])
    assert all(getattr(changed.data, field) == "elsewhere" for field in fields)


def test_what_a_step_depends_on_is_not_free(tmp_path):
    run = stopped(tmp_path / "run", "data=./photos")
    with refused("run.recipe_differs") as error:
        resume_recipe(run, None, ["data.split=test"])
    assert "data.split: 'train' in the run, 'test' now" in str(error.value)
    assert "These may be changed: samples, " in str(error.value)
    assert "data.workers, data.path" in str(error.value)


@pytest.mark.parametrize("kind", sorted(DataSource.kinds))
def test_free_fields_exist(kind):
    cls = DataSource.kinds[kind]
    needed = {name: "x" for name, field in fields_of(cls).items() if field.default is MISSING}
    source = build(DataSource, {"kind": kind, **needed})
    assert set(source.free_on_resume) <= set(fields_of(cls))
    assert {"in_memory", "workers"} <= set(source.free_on_resume)
