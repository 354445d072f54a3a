"""One part of a job that cannot be done does not end it: the rest is done, and a list says what was refused."""

from __future__ import annotations

import errno
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.dataset import BadItem
from ganforge.core.refusals import PartlyDone, Refusal, listed
from refused import refused

DRAWS = np.random.default_rng(0)


def command(*words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code


def test_metrics_that_cannot_be_had_leave_the_others(tmp_path, capsys):
    rows = pd.DataFrame({"f": DRAWS.normal(size=300), "t": ["yes"] * 300, "c": DRAWS.choice(["a", "b"], 300)})
    for name in ("real", "fake"):
        rows.sample(frac=1, random_state=1).to_csv(tmp_path / f"{name}.csv", index=False)
    out = tmp_path / "o"
    words = [tmp_path / "real.csv", tmp_path / "fake.csv", "--target", "t", "--out", out]
    assert command("evaluate", *words, "--metrics", "columns,usefulness", "-q") == 3
    (one,) = json.loads((out / "refused.json").read_text())
    assert (one["what"], one["code"]) == ("usefulness", "metric.target_not_usable")
    assert "cannot be predicted" in one["why"]
    assert json.loads((out / "report.json").read_text())["results"], "the other figures"
    said = capsys.readouterr()
    assert "usefulness: " in said.err
    assert "refused.json" in said.err
    assert command("evaluate", *words, "--metrics", "columns", "-q") == 0
    assert not (out / "refused.json").exists(), "the list of an earlier evaluation"


def test_one_metric_alone_that_cannot_be_had_is_an_error():
    frame = pd.DataFrame({"f": DRAWS.normal(size=300), "t": ["yes"] * 300})
    with refused("metric.target_not_usable"):
        gf.evaluate(frame, frame, target="t", metrics=["usefulness"], progress=False)


def test_a_pack_without_what_cannot_be_read_has_status_3(tmp_path, capsys):
    (tmp_path / "in").mkdir()
    for k in range(3):
        Image.fromarray(DRAWS.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / "in" / f"{k}.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"no image")
    assert command("data", "pack", tmp_path / "in", tmp_path / "out.zip") == 3
    said = capsys.readouterr()
    assert "3 images" in said.out
    assert "bad.png: not an image" in said.err


def test_what_an_exception_says_of_a_part():
    assert Refusal.of("a.png", gf.UserError("too small", code="x.y")) == Refusal("a.png", "too small", "x.y")
    assert Refusal.of("a.png", BadItem("a.png", "cut short")).why == "cut short"
    assert Refusal.of("a.png", KeyError("k")).why == "KeyError: 'k'"
    with refused("machine.cannot_read"):
        Refusal.of("a.png", OSError(errno.ENOSPC, "No space left on device"))


def test_long_lists_are_cut_in_the_message_and_whole_in_the_file(tmp_path):
    many = [Refusal(f"{k}.png", "cut short") for k in range(50)]
    file = listed(many, tmp_path / "refused.json")
    assert len(json.loads(file.read_text())) == 50
    assert "and 30 more" in str(PartlyDone(many, file))
