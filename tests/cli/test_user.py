"""What a user does, from training to a film, and what the user is told about a mistake."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import yaml
from PIL import Image

from ganforge.core.events import read_events
from ganforge.core.types import Spec
from ganforge.data.path import PathData
from ganforge.inference.model import Model
from ganforge.registry import load_all
from ganforge.signals import Signal
from ganforge.ui.sample_targets import check_given
from refused import refused

# train


def test_train_stop_and_go_on(ganforge, npz, tmp_path, fast):
    run = tmp_path / "run"
    said = ganforge("train", "dcgan", f"data={npz}", *fast, "--run-dir", run)
    assert said.status == 0, said.err
    assert "finished: 128 of 128 samples" in said.out
    for file in ("previews/latest.png", "model.safetensors", "recipe.yaml", "environment.json", "events.jsonl"):
        assert (run / file).is_file()
    assert f"ganforge sample {run}" in said.out
    assert "128/128 (100%)" in said.err
    assert "D accuracy: real" in said.err
    again = ganforge("train", "--resume", run, "samples=192", "--quiet")
    assert again.status == 0, again.err
    assert (again.out, again.err) == ("", "")
    ticks = [event["samples"] for event in read_events(run / "events.jsonl", "tick")]
    assert ticks == [32, 64, 96, 128, 160, 192]


def test_minutes_stop_and_say_how_to_go_on(ganforge, npz, tmp_path, fast):
    said = ganforge("train", f"data={npz}", *fast, "samples=100M", "--run-dir", tmp_path / "run", "--minutes", "0.005")
    assert said.status == 0, said.err
    assert "time limit reached" in said.out
    assert f"ganforge train --resume {tmp_path / 'run'}\n" in said.out


def test_dry_run_writes_nothing(ganforge, npz, tmp_path, monkeypatch, fast):
    monkeypatch.chdir(tmp_path)
    said = ganforge("train", "cdcgan", f"data={npz}", *fast, "--dry-run")
    assert said.status == 0, said.err
    assert "player G" in said.out
    assert "samples/s" in said.out
    assert "2 labels" in said.out
    assert not list(tmp_path.iterdir())


def test_with_file_lies_between_recipe_and_overrides(ganforge, npz, tmp_path, fast):
    (tmp_path / "mine.yaml").write_text("batch: 8\nseed: 5\n")
    said = ganforge("train", "dcgan", f"data={npz}", *fast[:3], "seed=7", "--with", tmp_path / "mine.yaml", "--dry-run")
    assert said.status == 0, said.err
    assert "batch: 8\n" in said.out
    assert "seed: 7\n" in said.out


def test_plugin_brings_a_recipe(ganforge, tmp_path, fast):
    (tmp_path / "mine.py").write_text(
        "import dataclasses\nfrom ganforge import recipes\n"
        "@recipes.recipe('mine')\ndef mine():\n    '''My own.'''\n"
        "    return dataclasses.replace(recipes.get('demo'), name='mine', seed=77)\n"
    )
    said = ganforge("train", "mine", *fast, "--plugin", tmp_path / "mine.py", "--dry-run")
    assert said.status == 0, said.err
    assert "seed: 77\n" in said.out
    assert "mine" in ganforge("recipes", "--plugin", tmp_path / "mine.py").out
    assert "My own." in ganforge("recipes", "show", "mine", "--plugin", tmp_path / "mine.py").out
    from ganforge.recipes import RECIPES

    del RECIPES["mine"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["dcgann"], "unknown recipe 'dcgann'; did you mean 'dcgan'?"),
        (["dcgan", "smaples=3"], "did you mean 'samples'?"),
        (["dcgan", "batch=many"], "batch"),
        (["dcgan", "task.generator=nosuch"], "unknown generator 'nosuch'"),
        (["dcgan", "photos"], "'photos': expected field=value after the recipe"),
        (["dcgan", "data=nowhere"], "nowhere"),
        (["data=digits", "--minutes", "0"], "--minutes 0: it must be greater than 0"),
        (["--resume", "nowhere"], "no run here"),
        (["--resume", "a", "--run-dir", "b"], "leave --run-dir out"),
        (["dcgan", "--with", "nosuch.yaml"], "nosuch.yaml: cannot be read"),
        (["dcgan", "--plugin", "nosuch.py"], "nosuch.py: no such file"),
        (["dcgan", "--device", "tpu9"], "device 'tpu9' is not available"),
    ],
    ids=lambda value: "_".join(value) if isinstance(value, list) else "",
)
def test_a_mistake_is_one_message_and_status_2(ganforge, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    said = ganforge("train", *words)
    assert said.status == 2
    assert said.err.startswith("error: ")
    assert message in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "runs").exists(), "nothing was begun"


def test_debug_shows_where_it_came_from(ganforge, monkeypatch):
    from ganforge.cli.main import main

    monkeypatch.setenv("GANFORGE_DEBUG", "1")
    with refused("recipe.unknown", "'nosuch'"):
        main(["train", "nosuch"])


# sample


def pixels(folder):
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]


def test_sample_files_are_the_same_whatever_the_batch(ganforge, trained, tmp_path):
    for folder, words in (("a", []), ("b", ["--batch", "3"]), ("c", ["--seed", "9"])):
        said = ganforge("sample", trained, "-n", 10, *words, "--out", tmp_path / folder)
        assert said.status == 0, said.err
    a, b, c = (pixels(tmp_path / name) for name in "abc")
    assert [len(x) for x in (a, b, c)] == [10, 10, 10]
    assert a[0].shape == (8, 8)
    assert max(np.abs(x.astype(int) - y).max() for x, y in zip(a, b, strict=True)) <= 1
    assert any((x != y).any() for x, y in zip(a, c, strict=True))


def test_sample_arrays_and_grid_agree(ganforge, trained, tmp_path):
    said = ganforge("sample", trained, "-n", 5, "--npz", tmp_path / "x.npz", "--grid", tmp_path / "new" / "g.png")
    assert said.status == 0, said.err
    assert ganforge("sample", trained / "model.safetensors", "-n", 5, "--out", tmp_path / "x.npy").status == 0
    stored = np.load(tmp_path / "x.npz")
    assert stored["images"].shape == (5, 8, 8, 1)
    assert stored["labels"].tolist() == [0, 1, 0, 1, 0]
    assert (np.load(tmp_path / "x.npy") == stored["images"]).all()
    assert Image.open(tmp_path / "new" / "g.png").width > 100


@pytest.mark.parametrize("label", ["1"])
def test_sample_of_one_label(ganforge, trained, tmp_path, label):
    said = ganforge("sample", trained, "-n", 3, "--label", label, "--npz", tmp_path / "x.npz")
    assert said.status == 0, said.err
    assert np.load(tmp_path / "x.npz")["labels"].tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--out", "o", "-n", "0"], "at least 1"),
        (["--out", "o", "--batch", "0"], "at least 1"),
        (["--out", "o", "--truncation", "1.5"], "truncation 1.5 is out of range"),
        (["--out", "o", "--truncation", "0"], "truncation 0 is out of range"),
        (["--out", "o", "--label", "7"], "unknown label '7' (the labels of this model: 0, 1)"),
        (["--grid", "o.gif"], "must end in .png"),
        (["--npz", "o.npy"], "must end in .npz"),
        ([], "no output is given: use --out FOLDER"),
    ],
)
def test_sample_mistakes_leave_nothing_behind(ganforge, trained, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    said = ganforge("sample", trained, *words)
    assert (said.status, message in said.err) == (2, True), said.err
    assert not list(tmp_path.iterdir())


def test_without_an_output_those_of_the_signal_are_named():
    load_all()
    for kind, signal in Signal.members().items():
        if not signal.__module__.startswith("ganforge."):
            continue  # toys of other tests
        with refused("output.not_given", "--out FOLDER") as error:
            check_given(signal(), None, None, None)
        named = set(re.findall(r"FILE(\.\w+)", str(error.value)))
        extra = {".npz"} if signal.array_name else set()
        assert named == {*signal.exporters, *extra, ".png"}, kind
        check_given(signal(), Path("x"), None, None)


def test_sample_replaces_files_only_when_told(ganforge, trained, tmp_path):
    out = tmp_path / "out"
    assert ganforge("sample", trained, "-n", 2, "--out", out).status == 0
    before = pixels(out)
    said = ganforge("sample", trained, "-n", 2, "--seed", 1, "--out", out)
    assert said.status == 2
    assert "--force" in said.err
    assert all((x == y).all() for x, y in zip(before, pixels(out), strict=True))
    assert ganforge("sample", trained, "-n", 2, "--seed", 1, "--out", out, "--force").status == 0
    assert any((x != y).any() for x, y in zip(before, pixels(out), strict=True))
    names = {path.name for path in out.iterdir()}
    assert names == {"000000.png", "000001.png", "labels.csv"}, "no temporary folder is left"


def test_sample_of_what_is_no_model(ganforge, tmp_path):
    (tmp_path / "fake.safetensors").write_bytes(b"PK\x03\x04 a pickle in a zip")
    said = ganforge("sample", tmp_path / "fake.safetensors", "--out", tmp_path / "o")
    assert said.status == 2
    assert "pickle" in said.err


# walk


def test_walk_gif(ganforge, trained, tmp_path):
    said = ganforge("walk", trained, "--from", 1, "--to", 2, "--frames", 8, "--label", 1, "--out", tmp_path / "w.gif")
    assert said.status == 0, said.err
    with Image.open(tmp_path / "w.gif") as film:
        assert film.size == (256, 256)
    assert ganforge("walk", trained, "--out", tmp_path / "w.gif").status == 2, "it is there already"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--through", "3,x", "--out", "w.gif"], "--through 3,x: seeds are integers"),
        (["--mode", "sleep", "--out", "w.gif"], "did you mean 'slerp'"),
        (["--frames", "1", "--out", "w.gif"], "at least 2 frames"),
        (["--out", "w.avi"], ".mp4, .gif, .png"),
    ],
)
def test_walk_mistakes(ganforge, trained, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    said = ganforge("walk", trained, *words)
    assert (said.status, message in said.err) == (2, True), said.err
    assert not list(tmp_path.iterdir())


# recipes


def test_recipes_show_reads_back(ganforge):
    from ganforge import recipes
    from ganforge.core.component import to_plain

    listed = ganforge("recipes").out
    assert all(name in listed for name in recipes.names())
    for name in recipes.names()[::8]:  # that each is the same in YAML: contracts/test_recipes.py
        said = ganforge("recipes", "show", name)
        assert said.status == 0, said.err
        assert yaml.safe_load(said.out) == to_plain(recipes.get(name))
        assert "# Real samples per step." in said.out


def test_recipes_diff(ganforge, trained):
    said = ganforge("recipes", "diff", "dcgan", "cdcgan")
    assert said.status == 0
    assert "task.conditional" in said.out
    assert "no difference" in ganforge("recipes", "diff", "demo", "demo").out
    assert "batch" in ganforge("recipes", "diff", "cdcgan", trained).out, "a run has a recipe, too"
    assert ganforge("recipes", "diff", "dcgan", "nosuch").status == 2


def test_recipes_schema_has_help_and_defaults(ganforge):
    from ganforge import recipes

    said = ganforge("recipes", "schema", "dcgan")
    schema = json.loads(said.out)
    assert schema["properties"]["batch"]["description"] == "Real samples per step."
    assert schema["properties"]["batch"]["default"] == recipes.get("dcgan").batch


# data


def test_data_inspect_tells_what_fits(ganforge, npz):
    said = ganforge("data", "inspect", npz)
    assert said.status == 0, said.err
    assert "8×8 (80)" in said.out
    assert "0 (40), 1 (40)" in said.out
    plain = json.loads(ganforge("data", "inspect", npz, "--json").out)
    assert (plain["count"], plain["classes"]) == (80, {"0": 40, "1": 40})
    assert "2 labels" in plain["recipes"]["cdcgan"]["says"]


def test_data_inspect_refuses_conditional_recipes_without_labels(ganforge, tmp_path):
    np.save(tmp_path / "gray.npy", np.random.default_rng(0).integers(0, 255, (70, 12, 8), dtype=np.uint8))
    plain = json.loads(ganforge("data", "inspect", tmp_path / "gray.npy", "--json").out)
    assert plain["recipes"]["dcgan"]["fits"]
    assert not plain["recipes"]["cdcgan"]["fits"]
    assert "needs labels" in plain["recipes"]["cdcgan"]["says"]
    assert ganforge("data", "inspect", tmp_path / "nothing").status == 2


def test_data_pack(ganforge, npz, tmp_path):
    said = ganforge("data", "pack", npz, tmp_path / "clean.zip")
    assert said.status == 0, said.err
    assert "80 images" in said.out
    assert ganforge("data", "pack", npz, tmp_path / "clean.zip").status == 2
    assert ganforge("data", "pack", npz, tmp_path / "clean.tar").status == 2
    assert "2: " in ganforge("data", "inspect", tmp_path / "clean.zip").out


# doctor


@pytest.mark.usefixtures("short_checks")
def test_doctor(ganforge, monkeypatch, tmp_path):
    monkeypatch.setenv("GANFORGE_CACHE", str(tmp_path / "cache"))
    said = ganforge("doctor")
    assert said.status == 0, said.out
    assert "ready" in said.out
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("GANFORGE_CACHE", str(tmp_path / "file" / "cache"))
    said = ganforge("doctor")
    assert said.status == 1
    assert "wrong: cache" in said.out
    assert "GANFORGE_CACHE" in said.out


@pytest.mark.usefixtures("short_checks")
def test_doctor_looks_at_every_package_that_the_metadata_names(ganforge, monkeypatch):
    needed = ["numpy>=1", "pillow>=10", "no-such-package>=1", "wandb>=0.18; extra == 'new'", "ruff; extra == 'dev'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: needed)
    said = ganforge("doctor")
    assert said.status == 1
    assert "no-such-package (not installed)" in said.out
    assert "numpy (" not in said.out
    assert "extra new" in said.out
    assert "extra dev" not in said.out


def test_what_is_one_file_follows_from_the_signals(ganforge, trained, tmp_path, clean_registries):
    """An ending that some signal writes is a file, so another signal's model refuses it; any other is a folder."""
    said = ganforge("sample", trained, "-n", 2, "--out", tmp_path / "x.csv")
    assert said.status == 2
    assert "FILE.npy" in said.err

    def hum(samples, path, spec):
        path.write_bytes(b"hum")

    class Hum(Signal, kind="test_hum"):
        exporters: ClassVar = {".hum": hum}

    assert ganforge("sample", trained, "-n", 2, "--out", tmp_path / "x.buzz").status == 0
    assert (tmp_path / "x.buzz").is_dir()
    said = ganforge("sample", trained, "-n", 2, "--out", tmp_path / "x.hum")
    assert said.status == 2
    assert "'image'" in said.err


def test_images_of_16_bits_in_color_come_and_go_as_png(ganforge, tmp_path, fast):
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 16, 16, 3), np.uint16)
    source = tmp_path / "deep"
    Signal.kinds["image"](depth=16).write(pixels, source, 0, Spec((3, 16, 16)))
    assert "16 bits" in ganforge("data", "inspect", source).out
    run = tmp_path / "run"
    words = [f"data={source}", "signal.depth=16", *fast, "batch=20", "samples=40"]
    said = ganforge("train", "dcgan", *words, "--run-dir", run, "--quiet")
    assert said.status == 0, said.err
    assert ganforge("sample", run, "-n", 3, "--out", tmp_path / "out", "--npz", tmp_path / "out.npz").status == 0
    made = np.load(tmp_path / "out.npz")["images"]
    assert made.dtype == np.uint16
    assert np.unique(made % 257).size > 1, "more than 8 bits"
    read = PathData(path=str(tmp_path / "out")).open()
    assert set(read.shapes()) == {((16, 16, 3), "uint16")}
    for k in range(3):
        np.testing.assert_array_equal(read.read(k), made[k])
    zipped = ganforge("data", "pack", source, tmp_path / "deep.zip")
    assert zipped.status == 0, zipped.err
    np.testing.assert_array_equal(PathData(path=str(tmp_path / "deep.zip")).open().read(7), pixels[7])


def test_an_array_that_may_be_images_or_series_is_asked_about(ganforge, tmp_path):
    """Named with `data.signal=image`, it is read, inspected and trained on as today."""
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(0).uniform(0, 1, (80, 12, 8)).astype(np.float32))
    for words in (
        ["data", "inspect", path],
        ["train", path, "--dry-run"],
        ["train", "gan", f"data={path}", "--dry-run"],
    ):
        said = ganforge(*words)
        assert said.status == 2
        assert "80 gray images of 12×8 px, or 80 series of 12 steps with 8 channels" in said.err
        assert "data.signal=image" in said.err
    for field in ("data.signal=image", "signal=image"):
        plain = json.loads(ganforge("data", "inspect", path, field, "--json").out)
        assert plain["sizes"] == {"12×8": 80}
    narrow = ("task.generator.channels=8", "task.discriminator.channels=8")
    said = ganforge("train", path, "data.signal=image", *narrow, "--dry-run", "--device", "cpu", "--minutes", "1")
    assert said.status == 0, said.err
    assert "80 images of 12×8 (height × width), gray" in said.out


def test_interpolate_is_another_word_for_walk(ganforge, trained, tmp_path):
    assert Model.interpolate is Model.walk
    for verb in ("walk", "interpolate"):
        said = ganforge(verb, trained, "--frames", 3, "--out", tmp_path / f"{verb}.png")
        assert said.status == 0, said.err
    assert (tmp_path / "walk.png").read_bytes() == (tmp_path / "interpolate.png").read_bytes()
    assert "interpolate" not in ganforge("--help").out
