"""Samples through a pipe, in class folders, and with their labels."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from PIL import Image

from ganforge.cli.main import main
from ganforge.core.media import first_image, open_image
from ganforge.core.plot import drawing
from ganforge.core.plot.drawing import FONTS
from ganforge.data.path import PathData
from ganforge.inference.model import load
from ganforge.ui.rows import named_rows
from ganforge.ui.samples import grid_of
from processes import started


def labels_of(folder):
    with (folder / "labels.csv").open(newline="") as file:
        return [(row["file"], row["label"]) for row in csv.DictReader(file)]


def test_labels_lie_beside_the_files(ganforge, trained, tmp_path):
    out = tmp_path / "out"
    assert ganforge("sample", trained, "-n", 5, "--batch", 2, "--out", out).status == 0
    assert labels_of(out) == [(f"{k:06d}.png", str(k % 2)) for k in range(5)]
    said = ganforge("sample", trained, "-n", 9, "--label", "1", "--out", out)
    assert said.status == 2, "files of the same names are never replaced unasked"
    assert len(labels_of(out)) == 5
    assert ganforge("sample", trained, "-n", 5, "--label", "1", "--out", out, "--force").status == 0
    assert {label for _, label in labels_of(out)} == {"1"}
    (out / "labels.csv").rename(tmp_path / "labels.csv")
    for file in out.glob("*.png"):
        file.unlink()
    (tmp_path / "labels.csv").rename(out / "labels.csv")
    assert ganforge("sample", trained, "-n", 5, "--out", out).status == 2


def test_class_folders_are_read_back_as_classes(ganforge, trained, tmp_path):
    assert ganforge("sample", trained, "-n", 6, "--out", tmp_path / "flat").status == 0
    said = ganforge("sample", trained, "-n", 6, "--batch", 4, "--class-folders", "--out", tmp_path / "out")
    assert said.status == 0, said.err
    assert labels_of(tmp_path / "out") == [(f"{k % 2}/{k:06d}.png", str(k % 2)) for k in range(6)]
    for name, _ in labels_of(tmp_path / "out"):
        flat = np.asarray(Image.open(tmp_path / "flat" / name.partition("/")[2])).astype(int)
        assert np.abs(np.asarray(Image.open(tmp_path / "out" / name)) - flat).max() <= 1
    assert len(PathData(path=str(tmp_path / "flat")).open()) == 6, "the labels beside the files are no data"
    read = PathData(path=str(tmp_path / "out")).open()
    assert read.classes == ("0", "1")
    assert len(read) == 6


def test_class_folders_need_classes_and_a_folder(ganforge, trained, tmp_path):
    said = ganforge("sample", trained, "--class-folders", "--npz", tmp_path / "x.npz")
    assert said.status == 2
    assert "--out FOLDER" in said.err


def test_arrays_go_through_a_pipe(trained, tmp_path):
    place, files = tmp_path / "place", [tmp_path / "out", tmp_path / "err"]
    place.mkdir()
    process = started(main, ["sample", str(trained), "-n", "3", "--out", "-"], place=place, files=files)
    process.join(120)
    assert process.exitcode == 0, files[1].read_text()
    stored = np.load(files[0])
    assert stored["images"].shape == (3, 8, 8, 1)
    assert stored["labels"].tolist() == [0, 1, 0]
    assert not list(place.iterdir()), "there is no file or folder called -"


@pytest.mark.parametrize("words", [("--json",), ("--npz", "x.npz")])
def test_stdout_holds_one_thing(ganforge, trained, tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    said = ganforge("sample", trained, "-n", 2, "--out", "-", *words)
    assert said.status == 2
    assert "--out -" in said.err
    assert not list(tmp_path.iterdir())


def test_an_array_is_not_printed_on_a_terminal(ganforge, trained, monkeypatch):
    monkeypatch.setattr(
        "ganforge.ui.sample_targets.results", lambda: type("Terminal", (), {"isatty": lambda self: True})()
    )
    said = ganforge("sample", trained, "-n", 2, "--out", "-")
    assert said.status == 2
    assert "terminal" in said.err


def test_points_and_tables_are_csv(ganforge, tmp_path):
    run = tmp_path / "run"
    assert ganforge("train", "toy", "samples=256", "batch=64", "callbacks=[]", "--run-dir", run, "-q").status == 0
    said = ganforge("sample", run, "-n", 7, "--out", "-")
    assert said.status == 0, said.err
    assert said.err == ""
    rows = list(csv.reader(io.StringIO(said.out)))
    assert len(rows) in (7, 8), "seven points, perhaps under a header"
    assert ganforge("sample", run, "-n", 7, "--out", tmp_path / "same.csv").status == 0
    assert (tmp_path / "same.csv").read_text() == said.out


def test_the_rows_of_a_grid_are_named(trained, tmp_path, ganforge, monkeypatch):
    model = load(trained)
    samples = model.sample(6)
    grid = np.asarray(Image.open(io.BytesIO(grid_of(model, samples, np.arange(6) % 2, None).data)))
    plain = [first_image(model.recipe.signal.render(samples[k::2], model.spec, 3)) for k in (0, 1)]
    height, width = np.asarray(Image.open(io.BytesIO(plain[0].data))).shape[:2]
    left = grid.shape[1] - width
    for row, image in enumerate(plain):
        top = row * (height + 2)
        assert (grid[top : top + height, left:] == np.asarray(open_image(image))).all()
        assert (grid[top : top + height, :left] < 128).any()  # the name
    assert Image.open(io.BytesIO(grid_of(model, samples, np.zeros(6, int), 3).data)).width == width

    said = ganforge("sample", trained, "-n", 6, "--grid", tmp_path / "grid.png")
    assert said.status == 0, said.err
    assert np.asarray(Image.open(tmp_path / "grid.png")).shape == grid.shape


@pytest.mark.parametrize("fonts", [FONTS, ()])
def test_names_that_no_font_can_write_are_numbers(fonts, monkeypatch):
    monkeypatch.setattr(drawing, "FONTS", fonts)
    drawing._font.cache_clear()
    tile = Image.new("RGB", (10, 30), "red")
    named = np.asarray(named_rows([("cat", tile), ("猫\n咪" * 30, tile)]))
    numbered = np.asarray(named_rows([("cat", tile), ("1", tile)]))
    missing = not drawing.has_letters("猫")
    drawing._font.cache_clear()
    assert named.shape[0] == 62
    assert missing or fonts
    if missing:
        assert named.shape == numbered.shape
        assert (named == numbered).all()
