"""A model that was trained with captions, as a user meets it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from PIL import Image

import ganforge as gf
from ganforge.artifacts import bundle
from ganforge.cli.main import main
from ganforge.core.plot.captioned import MOST_LINES, captioned, wrapped
from ganforge.core.plot.text import text_width
from ganforge.inference.sentences import between
from refused import refused

RED, BLUE = "a red heart", "黑夜里的蓝色月亮"


def results_of(capsys) -> list[dict]:
    return json.loads(capsys.readouterr().out)


def command(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return ended.value.code or 0


def test_sentences_in_turn_as_files_and_as_a_grid(told_run, tmp_path, capsys):
    out, grid = tmp_path / "made", tmp_path / "grid.png"
    words = ["--text", RED, "--text", BLUE, "-n", 4, "--out", out, "--grid", grid, "--json"]
    assert command("sample", told_run, *words) == 0
    assert json.loads(capsys.readouterr().out)["text"] == [RED, BLUE]
    with (out / "labels.csv").open(encoding="utf-8") as file:
        assert [row["text"] for row in csv.DictReader(file)] == [RED, BLUE, RED, BLUE]
    with Image.open(grid) as image:
        assert image.size[1] > 2 * image.size[0] / 2 * 128 / 144, "there is room for the sentences"


def test_in_python(told_run):
    model = gf.load(told_run)
    both = model.sample(4, text=[RED, BLUE])
    assert both.shape == (4, 32, 32, 3)
    assert np.array_equal(model.sample(2, text=[RED, BLUE]), both[:2])
    assert np.array_equal(model.sample(1, text=RED), both[:1])
    assert np.array_equal(model.sample(1, where={"text": RED}), both[:1])
    assert model.sample(2).shape == (2, 32, 32, 3), "sentences of the data"
    walk = model.walk([3], frames=5, text=[RED, BLUE])
    assert np.array_equal(walk, model.walk([3], frames=5, vary=f"text={RED}..{BLUE}"))
    assert np.array_equal(walk[:1], model.walk([3], frames=5, text=[RED, RED])[:1])


def test_a_walk_through_sentences():
    stations = torch.arange(3.0)[:, None]
    first, extra = between(stations, 5)
    assert (first[:, 0] + extra["share"] * (extra["toward"] - first)[:, 0]).tolist() == [0, 0.5, 1, 1.5, 2]
    first, extra = between(stations, 6, loop=True)
    assert (first[:, 0] + extra["share"] * (extra["toward"] - first)[:, 0]).tolist() == [0, 0.5, 1, 1.5, 2, 1]


def test_words_that_no_caption_has(told_run, notices):
    model = gf.load(told_run)
    model.sample(1, text="a red haert")
    assert "'haert': did you mean 'heart'?" in notices.text
    for code, text in (("condition.unknown_words", "mooon"), ("condition.empty_text", "..."),
                       ("condition.text_too_long", "a " * 40)):  # fmt: skip
        with refused(code, "text"):
            model.sample(1, text=text)
    with refused("where.contradiction", "text"):
        model.sample(1, text=RED, where=f"text={BLUE}")
    with refused("where.contradiction"):
        model.walk([1], frames=4, text=[RED, BLUE], vary=f"text={RED}..{BLUE}")
    with refused("walk.invalid_range", "--vary"):
        model.walk([1], frames=4, vary="text=a red heart")


def test_a_model_without_captions_says_so(told_run, tmp_path):
    assert command("train", "demo", "samples=32", "callbacks=[]", "--run-dir", tmp_path / "run", "--quiet") == 0
    with refused("sample.no_text", "text2image-small"):
        gf.load(tmp_path / "run").sample(1, text=RED)


def test_the_model_file_holds_the_vocabulary(told_run):
    _, spec, _ = bundle.read(told_run)
    (text,) = spec.conditions.texts
    assert {"heart", "心", "red"} <= set(text.vocabulary)
    assert len(spec.conditions.observed) <= 120


def test_previews_show_the_sentences(told_run):
    with Image.open(told_run / "previews" / "latest.png") as image:
        assert image.size[0] == 8 * 152 - 8
        assert image.size[1] > 4 * (128 + 14)


def test_sentences_below_images():
    lines = wrapped("a purple heart of large size on a dark night; the light comes from the upper left " * 3, 144)
    assert len(lines) == MOST_LINES
    assert lines[-1].endswith("…")
    assert all(text_width(line) <= 144 for line in lines)
    assert "".join(wrapped("黑夜里一个小号的红色爱心，光从左边照来", 144)) == "黑夜里一个小号的红色爱心，光从左边照来"
    images = [np.full((16, 16, 3), 50 * k, np.uint8) for k in range(3)]
    found = captioned(images, ["a", "b", ""], 2)
    assert found.shape[1] == 2 * 152 - 8
    assert (found[:144, :144] == 0).all(), "enlarged by a whole factor"


@pytest.mark.slow
def test_how_well_sentences_are_met(told_run, capsys):
    """Every result stands beside the net's own value on real images; both languages, seen and unseen combinations."""
    words = ["--metrics", "sentences60(steps=4)", "--json"]
    code = command("evaluate", told_run, *words, "--out", told_run.parent / "evaluation")
    assert code == 0
    results = {r["name"]: r for r in results_of(capsys)}
    assert {n.partition("[")[2] for n in results} <= {"English]", "Chinese]", "English, unseen]", "Chinese, unseen]"}
    assert any("unseen" in name for name in results)
    assert all(0 <= r["value"] <= 1 and 0 <= r["protocol"]["on_reals"] <= 1 for r in results.values())
