"""Asking a trained model for conditions: `--where`, `--vary`, and what is not asked."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch

import ganforge as gf
from ganforge.artifacts import bundle
from ganforge.cli.main import main
from ganforge.core.condition_kinds import Angle, Category, Number, Ordinal
from ganforge.core.conditions import Conditions
from ganforge.inference import conditions as asking
from refused import refused

CONDITIONS = Conditions(
    (Category("color", ("red", "blue")), Angle("angle"), Number("x", -1.0, 1.0), Ordinal("size", ("s", "m", "l")))
).with_observed([("red", 10.0, 0.1, "s"), ("blue", 20.0, 0.2, "m"), ("red", 30.0, 0.3, "l")])


def asked(*texts: str):
    return asking.read(texts, CONDITIONS, "cdcgan")


def rows(*texts: str, n: int = 50, seed: int = 0):
    return CONDITIONS.decode(asking.vectors(asked(*texts), CONDITIONS, seed, 0, n).numpy())


def test_what_is_asked_is_set_and_the_rest_is_as_in_the_data():
    found = rows("color=red", "x=0.5")
    assert {row[0] for row in found} == {"red"}
    assert {round(row[2], 4) for row in found} == {0.5}
    assert {(round(row[1]), row[3]) for row in found} == {(10, "s"), (30, "l")}, "of the rows that are red"


def test_values_in_turn_ranges_and_unknown_ones():
    assert [row[0] for row in rows("color in blue, red", n=4)] == ["blue", "red", "blue", "red"]
    drawn = [row[1] for row in rows("angle between 40 and 50", n=200)]
    assert 40 <= min(drawn) < 41 < 49 < max(drawn) <= 50
    assert {row[0] for row in rows("color is missing")} == {row[0] for row in rows("color=")} == {None}


def test_samples_do_not_depend_on_how_many_are_made():
    texts = asked("angle between 40 and 50")
    whole = asking.vectors(texts, CONDITIONS, 3, 0, 150)
    assert torch.equal(asking.vectors(texts, CONDITIONS, 3, 60, 30), whole[60:90])


def test_one_condition_moves_and_the_others_stay():
    found = CONDITIONS.decode(asking.varied("angle=0..360", asked("color=blue"), CONDITIONS, 8, 0).numpy())
    assert [row[1] for row in found] == pytest.approx([45 * k for k in range(8)], abs=1e-3), "a full turn once"
    assert {row[0] for row in found} == {"blue"}
    assert len({(row[2], row[3]) for row in found}) == 1
    found = CONDITIONS.decode(asking.varied("x=-1..1", {}, CONDITIONS, 5, 0).numpy())
    assert [row[2] for row in found] == pytest.approx([-1, -0.5, 0, 0.5, 1], abs=1e-3)
    colors = asking.varied("color=red..blue", {}, CONDITIONS, 3, 0)[:, :2]
    assert colors.tolist() == [[1, 0], [0.5, 0.5], [0, 1]]
    sizes = CONDITIONS.decode(asking.varied("size=s..l", {}, CONDITIONS, 3, 0).numpy())
    assert [row[3] for row in sizes] == ["s", "m", "l"]


def test_numbers_outside_the_data_are_warned_of(notices):
    asked("x=0.9")
    assert not notices.records
    asked("x=3")
    assert "-1 to 1" in notices.text
    assert "extrapolates" in notices.text


@pytest.mark.parametrize(
    ("texts", "code", "named"),
    [
        (("colour=red",), "condition.not_found", "'color'"),
        (("color=rad",), "condition.unknown_value", "'red'"),
        (("angle=left",), "condition.not_a_number", "angle"),
        (("x>0",), "where.operator_not_supported", "between"),
        (("color not in red",), "where.operator_not_supported", "color in A,B"),
        (("color",), "where.no_comparison", "color=VALUE"),
        (("color=red", "color=blue"), "where.contradiction", "color"),
        (("color between red and blue",), "where.operator_not_supported", "color"),
    ],
)
def test_what_cannot_be_asked_is_refused(texts, code, named):
    with refused(code, named):
        asked(*texts)


def test_asking_twice_for_the_same_is_no_contradiction():
    assert asked("color=red", "color=red") == asked("color=red")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("angle=0", "walk.invalid_range"),
        ("angle=0..", "walk.invalid_range"),
        ("color=red..b", "condition.unknown_value"),
    ],
)
def test_ranges_that_are_none_are_refused(text, code):
    with refused(code):
        asking.varied(text, {}, CONDITIONS, 4, 0)
    with refused("where.contradiction", "angle"):
        asking.varied("angle=0..90", asked("angle=3"), CONDITIONS, 4, 0)


# --- a trained model


def done(*words: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*words, "--quiet"])
    assert ended.value.code in (0, None)


def test_a_model_makes_what_it_is_asked_for_and_says_so(run, tmp_path):
    out = tmp_path / "made"
    done("sample", str(run), "-n", "5", "--where", "angle=30", "--where", "color=red", "--out", str(out),
         "--npz", str(tmp_path / "x.npz"), "--grid", str(tmp_path / "x.png"))  # fmt: skip
    with (out / "labels.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert list(table[0]) == ["file", "color", "angle", "width", "stars", "tags"]
    assert {(row["color"], row["angle"]) for row in table} == {("red", "30")}
    with np.load(tmp_path / "x.npz") as arrays:
        assert arrays["angle"].tolist() == pytest.approx([30] * 5, abs=1e-3)
        assert set(arrays["color"].tolist()) == {"red"}
    done("walk", str(run), "--vary", "angle=0..360", "--where", "color=red", "--out", str(tmp_path / "turn.gif"))
    assert (tmp_path / "turn.gif").stat().st_size


def test_python_asks_in_the_same_way(run):
    model = gf.load(run)
    red = model.sample(4, where={"color": "red"})
    assert np.array_equal(red, model.sample(4, where="color=red"))
    assert np.array_equal(red, model.sample(4, where=["color=red"], batch=2))
    assert not np.array_equal(red, model.sample(4, where="color=blue"))
    assert np.array_equal(model.sample(4), model.sample(6)[:4])
    turn = model.walk([3], frames=6, vary="angle=0..360", where="color=red")
    assert turn.shape == (6, 8, 8, 3)
    assert len({frame.tobytes() for frame in turn}) == 6
    with refused("condition.not_found", "shape"):
        model.sample(1, where="shape=round")


def test_the_table_of_a_walk_as_json(run, tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["walk", str(run), "--vary", "angle=0..90", "--frames", "4", "--out", str(tmp_path / "w.png"), "--json"])
    assert json.loads(capsys.readouterr().out)["vary"] == "angle=0..90"


def test_a_model_without_conditions_cannot_be_asked(tmp_path):
    draws = np.random.default_rng(0)
    np.savez(tmp_path / "x.npz", images=draws.integers(0, 255, (40, 8, 8), np.uint8))
    done("train", "dcgan", f"data={tmp_path / 'x.npz'}", "samples=32", "batch=16", "task.generator.channels=8",
         "task.discriminator.channels=8", "callbacks=[]", "--run-dir", str(tmp_path / "r"))  # fmt: skip
    model = gf.load(tmp_path / "r")
    with refused("where.no_conditions", "angle=0..360"):
        model.walk([1], frames=4, vary="angle=0..360")
    with refused("signal.no_columns", "angle=3"):
        model.sample(1, where="angle=3")


def test_the_model_file_keeps_its_conditions(run):
    _, spec, _ = bundle.read(run)
    assert spec.conditions.names == ("color", "angle", "width", "stars", "tags")
    assert len(spec.conditions.observed) == 40
    assert spec.classes == 0


def test_a_run_resumes_with_its_conditions(run, tmp_path):
    import shutil

    shutil.copytree(run, tmp_path / "r")
    done("train", "--resume", str(tmp_path / "r"), "samples=96")
    assert gf.load(tmp_path / "r").samples == 96


def test_rejection_does_not_compare_samples_of_different_conditions(run):
    with refused("sample.rejection_of_conditions", "angle"):
        gf.load(run).rejecting()
