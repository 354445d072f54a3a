"""`ganforge classify`: classes and calibrated probabilities of files, and what cannot be classified."""

from __future__ import annotations

import csv
import json
import math
import shutil

import numpy as np
import pytest
from PIL import Image

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.language import catalog_of
from ganforge.evaluation.calibration import CALIBRATION
from ganforge.evaluation.classify import classify
from ganforge.evaluation.measured import Quality, fitted_temperature, probabilities_of, quality
from refused import refused

SMALL = ["batch=20", "callbacks=[]", "task.generator.widths=[16]", "task.discriminator.widths=[24]"]
SMALL += ["task.discriminator.noise=0.1", "task.discriminator.hidden_noise=0.1"]


def ran(*words) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code in (0, None)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images that are bright on the left or on the right, in class folders, with a test part."""
    folder = tmp_path_factory.mktemp("few") / "photos"
    draws = np.random.default_rng(0)
    for part, count in (("train", 40), ("test", 30)):
        for name, bright in (("left", slice(0, 4)), ("right", slice(4, 8))):
            place = folder / part / name
            place.mkdir(parents=True)
            for k in range(count):
                pixels = draws.integers(0, 100, (8, 8), np.uint8)
                pixels[:, bright] += 155
                Image.fromarray(pixels).save(place / f"{name}{k}.png")
    return folder


@pytest.fixture(scope="module")
def run(photos):
    folder = photos.parent / "run"
    words = ["samples=2800", "labels_per_class=3", *SMALL, "--run-dir", folder, "-q"]
    ran("train", "sgan", f"data={photos}", *words)
    return folder


def test_a_run_keeps_the_list_of_its_labeled_samples(run):
    with (run / "labeled.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["label"] for row in rows) == ["left"] * 3 + ["right"] * 3
    assert all(row["label"] in row["sample"] for row in rows)


def test_files_get_a_class_and_all_probabilities(run, photos, tmp_path, capsys):
    out, page = tmp_path / "classes.csv", tmp_path / "report.html"
    ran("classify", run, photos / "test", "--out", out, "--report", page)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    assert np.mean([row["class"] in row["sample"] for row in rows]) > 0.95
    for row in rows:
        p = {name: float(row[f"p({name})"]) for name in ("left", "right")}
        assert sum(p.values()) == pytest.approx(1, abs=1e-5)
        assert row["class"] == max(p, key=lambda name: p[name])
    said = capsys.readouterr().out
    assert "calibrated on 30 samples" in said
    assert "accuracy of these samples" in said
    text = page.read_text("utf-8")
    assert "Predicted class (column)" in text
    assert "calibration error" in text
    plain = json.loads((run / CALIBRATION).read_text("utf-8"))
    assert plain["n"] == 30
    assert plain["quality"]["n"] == 30


def test_the_report_speaks_chinese(run, photos, tmp_path):
    ran("classify", run, photos / "test", "--report", tmp_path / "zh.html", "--lang", "zh", "-q")
    assert catalog_of("zh")["calibration error"] in (tmp_path / "zh.html").read_text("utf-8")


def test_single_files_and_samples_in_memory(run, photos):
    files = [photos / "test" / "left" / "left0.png", photos / "test" / "right" / "right0.png"]
    found = gf.classify(run, files)
    assert (sorted(found.samples), found.classes) == (["left0.png", "right0.png"], ["left", "right"])
    assert found.known is None
    array = np.stack([np.asarray(Image.open(file)) for file in files])[..., None]
    again = gf.classify(gf.load(run), array)
    assert again.probabilities == pytest.approx(found.probabilities, abs=1e-6)
    frame = again.frame()
    assert list(frame) == ["sample", "class", "probability", "p(left)", "p(right)"]
    with refused("data.same_name", "left0.png"):
        gf.classify(run, [files[0], photos / "train" / "left" / "left0.png"])


def test_a_model_file_alone_is_calibrated_on_what_is_named(run, photos, tmp_path, capsys):
    file = tmp_path / "model.safetensors"
    shutil.copyfile(run / "model.safetensors", file)
    ran("classify", file, photos / "test" / "left")
    assert "not calibrated" in capsys.readouterr().out
    found = classify(file, photos / "test", calibrate=photos / "test")
    assert found.calibration.data == "test"
    assert found.quality is not None
    assert found.quality.accuracy > 0.95
    with refused("classify.too_few_labels", "left, right"):
        classify(file, photos / "test", calibrate=photos / "test" / "left")


def test_an_export_takes_the_calibration_along(run, photos, tmp_path):
    classify(run, photos / "test" / "left")
    ran("export", run, "--out", tmp_path / "out")
    found = classify(tmp_path / "out" / "model.safetensors", photos / "test" / "left")
    assert found.calibration.n == 30


def test_damaged_files_are_named_and_the_others_classified(run, photos, tmp_path, capsys):
    shutil.copy(photos / "test" / "left" / "left0.png", tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(SystemExit) as ended:
        main(["classify", str(run), str(tmp_path), "--out", str(tmp_path / "c.csv")])
    assert ended.value.code == 3
    assert "bad.png" in capsys.readouterr().err
    assert (tmp_path / "c.csv").read_text().count("\n") == 2


def test_the_baseline_classifies_and_generates_nothing(photos, tmp_path):
    folder = tmp_path / "baseline"
    words = ["samples=2000", "labels_per_class=3", "task.supervised=true", *SMALL, "--run-dir", folder, "-q"]
    ran("train", "sgan", f"data={photos}", *words)
    assert classify(folder, photos / "test").quality.accuracy > 0.9
    with refused("model.not_a_generator", "classify"):
        gf.load(folder).sample(2)


def test_data_of_another_kind_and_models_that_do_not_classify_are_refused(run, tmp_path):
    (tmp_path / "lines.txt").write_text("a line\nanother line\n" * 20)
    with refused("data.other_signal", "text"):
        classify(run, tmp_path / "lines.txt")
    images = np.random.default_rng(0).integers(0, 255, (40, 8, 8), np.uint8)
    np.savez(tmp_path / "x.npz", images=images)
    ran("train", "gan", f"data={tmp_path / 'x.npz'}", "samples=16", "batch=16", "callbacks=[]",
        "task.generator.widths=[8]", "task.discriminator.widths=[8]", "--run-dir", tmp_path / "gan", "-q")  # fmt: skip
    with refused("classify.not_a_classifier", "gan"):
        classify(tmp_path / "gan", tmp_path / "x.npz")


def test_calibration_finds_the_temperature_of_overconfident_logits():
    draws = np.random.default_rng(0)
    p = draws.dirichlet([1, 1, 1], 20_000)
    y = (draws.random(20_000)[:, None] > p.cumsum(1)).sum(1)
    logits = 3 * np.log(p)
    temperature = fitted_temperature(logits, y)
    assert temperature == pytest.approx(3, rel=0.05)
    before, after = (quality(probabilities_of(logits, t), y, "abc") for t in (1.0, temperature))
    assert before.calibration_error > 0.1
    assert after.calibration_error < 0.02
    assert before.accuracy == after.accuracy
    assert after.log_loss < before.log_loss


def test_quality_of_a_few_predictions():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    found = quality(p, np.array([0, 0, 1, 1]), ("x", "y"))
    assert found.accuracy == 0.75
    assert found.confusion == [[1, 0], [0.5, 0.5]]
    assert found.per_class == {"x": 1, "y": 0.5}
    assert found.calibration_error == pytest.approx((0.1 + 0.2 + 0.3 + 0.6) / 4)
    assert found.log_loss == pytest.approx(-np.log([0.9, 0.8, 0.7, 0.4]).mean())
    assert Quality.from_plain(json.loads(json.dumps(found.__dict__))).bins == found.bins
    assert math.isnan(quality(p[:2], np.array([0, 0]), ("x", "y")).per_class["y"])
