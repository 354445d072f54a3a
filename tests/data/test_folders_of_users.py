"""Folders and archives as people have them: what they are read as, what is said of it, and what is never data."""

from __future__ import annotations

import json
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from ganforge.core.names import readable
from ganforge.core.types import Spec
from ganforge.data import layout
from ganforge.data.path import PathData
from ganforge.data.store import without_runs
from ganforge.engine.build import fingerprint, is_same_data
from ganforge.inference import film
from ganforge.modalities.image import files as pictures
from ganforge.modalities.image.signal import Image as Images
from refused import refused
from strategies.folders import ENDINGS, image, trees, write_folder, write_zip

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\x01" * 300


def opened(path, **fields):
    return PathData(path=str(path), signal="image", **fields).open()


def said(dataset) -> str:
    dataset.shapes()
    return " ".join(line.text for line in dataset.reading())


def numbered(folder: str, count: int = 3) -> list[str]:
    return [f"{folder}/{k}.png" for k in range(count)]


class TestParts:
    def test_val_is_held_back_and_said(self, tmp_path):
        write_folder(tmp_path, numbered("train") + numbered("val", 2))
        data = opened(tmp_path)
        assert (len(data), data.classes) == (3, ())
        assert "2 in val not used (data.split=all" in said(data)
        assert len(opened(tmp_path, split="test")) == len(opened(tmp_path, split="val")) == 2
        assert len(opened(tmp_path, split="all")) == 5

    def test_classes_below_the_parts_have_the_numbers_of_training(self, tmp_path):
        write_folder(
            tmp_path, numbered("train/cat") + numbered("train/dog") + numbered("val/dog") + numbered("val/ant")
        )
        assert opened(tmp_path).classes == ("cat", "dog")
        test = opened(tmp_path, split="test")
        assert test.classes[:2] == ("cat", "dog")
        assert {test.classes[k] for k in test.labels} == {"dog", "ant"}

    def test_the_folders_of_unpaired_translation(self, tmp_path):
        write_folder(tmp_path, [n for p in ("trainA", "trainB", "testA", "testB") for n in numbered(p)])
        data = opened(tmp_path)
        assert (len(data), data.classes) == (6, ("A", "B"))
        assert {Path(data.describe(k)).parent.name for k in range(6)} == {"trainA", "trainB"}
        assert "6 in test not used" in said(data)

    def test_coco(self, tmp_path):
        write_folder(tmp_path, [*numbered("train2017"), *numbered("val2017", 1), "annotations/a.json"])
        data = opened(tmp_path)
        assert len(data) == 3
        assert "1 file ignored: 1 .json" in said(data)


class TestLabels:
    @pytest.mark.parametrize("stray", ["preview.png", "cat/more/1.png"])
    def test_what_is_in_the_way_is_named(self, stray, tmp_path, ganforge, monkeypatch):
        write_folder(tmp_path / "d", [*numbered("cat"), *numbered("dog"), stray])
        data = opened(tmp_path / "d")
        assert data.labels is None
        assert stray in data.no_labels
        monkeypatch.chdir(tmp_path)
        ended = ganforge("train", "cdcgan", "data=d", "samples=8", "batch=4")
        assert ended.status == 2
        assert stray in ended.err
        assert opened(tmp_path / "d", labels="first").classes == ("cat", "dog")
        assert opened(tmp_path / "d", labels="none").classes == ()

    def test_parts_without_class_folders_are_no_classes(self, tmp_path):
        write_folder(tmp_path, [*numbered("train"), *numbered("val")])
        data = opened(tmp_path)
        assert data.labels is None
        assert data.no_labels.startswith("train and val are taken for parts of the set")
        assert "no labels" not in said(data)  # it need have none
        write_folder(tmp_path / "two", [f"{part}/{c}/0.png" for part in ("train", "val") for c in "ab"])
        assert opened(tmp_path / "two").no_labels == ""

    def test_composed_and_decomposed_letters_are_one_class(self, tmp_path):
        write_folder(tmp_path, [*numbered("é"), "e\u0301/9.png", *numbered("b")])
        assert opened(tmp_path).classes == ("b", "é")


class TestNames:
    @pytest.mark.parametrize(
        ("encoding", "classes"), [("gbk", ("猫", "狗")), ("cp932", ("表示", "予定")), ("utf-8", ("猫", "狗"))]
    )
    def test_zips_without_the_mark_of_utf8(self, encoding, classes, tmp_path):
        path = write_zip(tmp_path / "z.zip", [n for c in classes for n in numbered(c)], encoding)
        data = opened(path)
        assert set(data.classes) == set(classes)
        assert ("data.name_encoding" in said(data)) == (encoding != "utf-8")

    def test_a_wrong_encoding_is_refused(self, tmp_path):
        path = write_zip(tmp_path / "z.zip", numbered("猫"), "gbk")
        with refused("data.wrong_name_encoding", "shift_jis"):
            opened(path, name_encoding="ascii")

    @pytest.mark.skipif(sys.platform != "linux", reason="names that are no UTF-8")
    def test_bytes_that_are_no_utf8(self, tmp_path, ganforge):
        for name in ("猫", "狗"):
            folder = os.fsencode(tmp_path / "d") + b"/" + name.encode("gbk") + "园".encode("gbk")
            os.makedirs(folder)  # noqa: PTH103  # bytes
            for k in range(8):
                Path(os.fsdecode(folder + b"/%d.png" % k)).write_bytes(image(level=k))
        assert set(opened(tmp_path / "d").classes) == {"猫园", "狗园"}
        ended = ganforge(
            "train", "cdcgan", f"data={tmp_path / 'd'}", "--run-dir", tmp_path / "r", "samples=8", "batch=4", "-q"
        )
        assert ended.status == 0, ended.err
        assert (tmp_path / "r" / "model.safetensors").exists()
        assert ganforge("data", "pack", tmp_path / "d", tmp_path / "p.zip", "--duplicates").status == 0

    def test_a_name_too_long_is_a_message(self, ganforge, tmp_path):
        with refused("data.cannot_be_opened"):
            opened(tmp_path / ("x" * 300))
        assert ganforge("data", "inspect", "x" * 300).status == 2

    def test_empty_paths_are_refused(self, ganforge):
        assert ganforge("train", "dcgan", "data=").status == 2
        assert ganforge("sample", "r", "--out", "").status == 2
        with refused("data.empty_path"):
            opened("")


class TestContent:
    def test_frames_are_counted(self, tmp_path):
        pages = [Image.new("L", (4, 4), k) for k in range(5)]
        for ending in ("tif", "gif"):
            pages[0].save(tmp_path / f"a.{ending}", save_all=True, append_images=pages[1:])
        assert "8 further frames of 2 files not used" in said(opened(tmp_path))

    def test_heic_is_counted_or_named(self, tmp_path, monkeypatch):
        monkeypatch.setattr(pictures, "reads_heif", lambda: False)
        write_folder(tmp_path, numbered("a"))
        (tmp_path / "b.HEIC").write_bytes(HEIC)
        data = opened(tmp_path)
        assert "1 file ignored: 1 .heic (HEIC is read if pillow-heif" in said(data)
        assert data.reading()[0].left_out

    def test_bits_that_are_dropped_are_counted(self, tmp_path, notices):
        Image.new("I;16", (4, 4), 9).save(tmp_path / "a.png")
        for depth, dropped in ((8, True), (16, False)):
            notices.records.clear()
            Images(depth=depth).spec(opened(tmp_path), lambda shape: shape)
            assert ("1 images have 16 bits" in notices.text) == dropped

    def test_what_cannot_be_read_is_named(self, tmp_path, ganforge, monkeypatch):
        monkeypatch.setattr(pictures, "reads_heif", lambda: False)
        pictures._formats.cache_clear()
        for k in range(5):
            (tmp_path / f"{k}.jpg").write_bytes(HEIC)
        ended = ganforge("train", "dcgan", f"data={tmp_path}")
        pictures._formats.cache_clear()
        assert ended.status == 2
        assert "it is HEIC" in ended.err


class TestRunsAndFingerprints:
    def test_runs_are_no_data(self, tmp_path):
        write_folder(tmp_path, [*numbered("runs/1/previews"), "0.png", "1.png"])
        for name in ("recipe.yaml", "events.jsonl"):
            (tmp_path / "runs/1" / name).write_text("")
        data = opened(tmp_path)
        assert len(data) == 2
        assert "runs/1" in said(data)
        names = ["recipe.yaml", "events.jsonl", "previews/1.png", "0.png"]
        assert without_runs(names)[0] == ["recipe.yaml", "events.jsonl", "0.png"]

    def test_generated_images_among_real_ones_are_no_data(self, tmp_path):
        write_folder(tmp_path, ["cat/0.png", "dog/0.png"])
        signal, spec = Images(), Spec((3, 4, 4), 0)
        made = np.zeros((3, 4, 4, 3), np.uint8)
        signal.write(made, tmp_path / "cat", 0, spec)
        signal.write(made.astype(np.uint16), tmp_path / "dog", 5, spec)
        film.write(list(made), tmp_path / "dog" / "walk.gif", fps=2)
        film.write(list(made), tmp_path / "cat" / "walk.png", fps=2)
        data = opened(tmp_path)
        assert sorted(data.files) == ["cat/0.png", "dog/0.png"]
        assert data.classes == ("cat", "dog")
        assert "8 images generated by ganforge left out; data.generated=true" in said(data)
        assert data.reading()[0].left_out
        assert len(opened(tmp_path, generated=True)) == 10

    def test_generated_images_alone_are_data(self, tmp_path):
        written = Images().write(np.full((2, 4, 4, 1), 7, np.uint8), tmp_path, 0, Spec((1, 4, 4), 0))
        data = opened(tmp_path)
        assert len(data) == 2
        assert (data.read(0) == 7).all()
        assert said(data) == ""
        zipped = tmp_path / "d.zip"
        with zipfile.ZipFile(zipped, "w") as archive:
            archive.write(written[0], "made.png")
            archive.writestr("real.png", image())
        assert opened(zipped).files == ["real.png"]

    def test_other_content_of_the_same_size_is_other_data(self, tmp_path):
        found = []
        for name, level in (("a", 1), ("b", 2), ("c", 1)):
            (tmp_path / name).mkdir()
            (tmp_path / name / "0.bmp").write_bytes(image(".bmp", level))
            found.append(fingerprint(opened(tmp_path / name)))
        assert found[0] == found[2] != found[1]
        old = found[0].partition("-")[0]
        assert is_same_data(old, found[1])
        assert not is_same_data(found[0], found[1])

    def test_a_run_is_resumed_from_another_folder(self, tmp_path, monkeypatch, ganforge):
        for name, level in (("A", 1), ("B", 2)):
            (tmp_path / name / "photos").mkdir(parents=True)
            for k in range(8):
                (tmp_path / name / "photos" / f"{k}.png").write_bytes(image(level=level))
        monkeypatch.chdir(tmp_path / "A")
        words = ("train", "dcgan", "data=./photos", "--run-dir", "r", "samples=8", "batch=4", "-q")
        assert ganforge(*words).status == 0
        monkeypatch.chdir(tmp_path / "B")
        assert ganforge("train", "--resume", "../A/r", "samples=16", "-q").status == 0
        assert str(tmp_path / "A" / "photos") in (tmp_path / "A/r/recipe.yaml").read_text()
        assert str(tmp_path).encode() not in (tmp_path / "A/r/model.safetensors").read_bytes()
        ended = ganforge("train", "--resume", "../A/r", "samples=24", "data.path=photos", "-q")
        assert ended.status == 2


def test_a_run_of_before_that_took_val_for_training_goes_on_with_it(tmp_path, ganforge):
    write_folder(
        tmp_path / "d", [*numbered("train/cat"), *numbered("train/dog"), *numbered("val/cat"), *numbered("val/dog")]
    )
    words = ("train", "dcgan", f"data={tmp_path / 'd'}", "data.split=all", "data.labels=none")
    assert ganforge(*words, "--run-dir", tmp_path / "r", "samples=8", "batch=4", "-q").status == 0
    recipe = tmp_path / "r/recipe.yaml"
    recipe.write_text(recipe.read_text().replace("split: all", "split: train").replace("labels: none", "labels: auto"))
    for state in (tmp_path / "r/checkpoints").glob("*/state.json"):
        facts = json.loads(state.read_text())
        facts["data"] = facts["data"].partition("-")[0]
        state.write_text(json.dumps(facts))
    ended = ganforge("train", "--resume", tmp_path / "r", "samples=16")
    assert ended.status == 0, ended.err
    assert "data.split=all" in ended.err
    assert "split: all" in recipe.read_text()


def check_tree(names: list[str], folder: Path) -> None:
    """What holds of every tree: nothing is lost without a word, and folder and zip are read alike."""
    root = write_folder(folder / "d", names)
    images = [name for name in names if name.endswith(ENDINGS)]
    every = opened(root, split="all")
    assert sorted(every.files) == sorted(images)
    data = opened(root)
    if len(data) < len(images):
        assert "not used" in said(data) or "left out" in said(data)
    if len(images) < len(names):
        assert f"{len(names) - len(images):,} file" in said(data)
    zipped = opened(write_zip(folder / "d.zip", names))
    assert (sorted(zipped.files), zipped.classes) == (sorted(data.files), data.classes)
    assert fingerprint(zipped) == fingerprint(data)
    for label in data.classes:
        label.encode()
    for how in ("first", "last", "none"):
        found = opened(root, labels=how)
        assert found.labels is None or len(found.labels) == len(found)


@given(trees())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_trees(tmp_path_factory, names):
    check_tree(names, tmp_path_factory.mktemp("tree"))


@pytest.mark.slow
@given(trees())
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_many_trees(tmp_path_factory, names):
    check_tree(names, tmp_path_factory.mktemp("tree"))


@given(
    st.lists(st.lists(st.sampled_from(["train", "val", "test", "cat", "1", "x"]), max_size=3), min_size=1, max_size=8)
)
@settings(max_examples=60, deadline=None)
def test_layouts_of_any_folders(folders):
    files = sorted("/".join([*folder, f"{k}.png"]) for k, folder in enumerate(folders))
    found = layout.read(files, "all", "auto", "d")
    assert sorted(found.files) == files
    assert found.labels is None or np.bincount(found.labels, minlength=len(found.classes)).sum() == len(files)


@given(st.binary(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_bytes_are_a_name(raw):
    readable(raw.decode("utf-8", "surrogateescape")).encode()
