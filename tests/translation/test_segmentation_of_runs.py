"""Runs that make photos from label maps are judged by whether the maps are found again: by `evaluate`, by itself, and
while they train."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganforge.core.events import read_events
from ganforge.engine.train import train
from ganforge.evaluation.evaluate import evaluate, usual
from ganforge.evaluation.runs import of_run
from ganforge.modalities.pair.metrics.segmentation import Segmentation
from ganforge.recipes import make_recipe

COLORS = np.array([[200, 60, 40], [40, 180, 70], [60, 80, 210]])


def label_maps(count: int, seed: int) -> np.ndarray:
    """Levels 0 to 2, uint8 [N, 32, 32]."""
    return np.kron(np.random.default_rng(seed).integers(0, 3, (count, 4, 4)), np.ones((1, 8, 8), int)).astype(np.uint8)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[Path]:
    """A run of two steps on label/ and photo/, each with train/ and test/, that measures at its end."""
    folder = tmp_path_factory.mktemp("pairs")
    for part, seed, count in (("train", 0, 12), ("test", 1, 10)):
        draws = np.random.default_rng(seed + 2)
        for k, levels in enumerate(label_maps(count, seed)):
            photo = (COLORS[levels] + draws.integers(-20, 21, (32, 32, 3))).astype(np.uint8)
            for side, picture in (("label", levels), ("photo", photo)):
                (folder / side / part).mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(folder / side / part / f"{k}.png")
    items = [
        f"data.source={folder / 'label'}", f"data.target={folder / 'photo'}", "signal.size=32", "signal.jitter=0",
        "task.translator.channels=4", "task.critics.0.channels=4", "task.critics.0.layers=1", "batch=4", "samples=8",
        "callbacks=[]", "metrics=[{kind: segmentation, steps: 3}]", "every=8",
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANFORGE_CACHE", str(tmp_path_factory.mktemp("cache")))
        recipe = make_recipe("pix2pix-small", overrides=items)
        yield train(recipe, run_dir=tmp_path_factory.mktemp("runs") / "run", device="cpu").folder


def test_it_is_measured_by_itself_on_the_maps_of_the_files(run):
    subject = of_run(run, None, None, 0, None, None, "cpu", None)
    assert "segmentation" in [metric.kind for metric in usual(subject)]
    assert subject.real.sources is not None
    (maps,) = subject.real.sources.draw(10)
    assert (maps[..., 0] == label_maps(10, 1)).all()


@pytest.mark.slow
def test_a_run_that_has_learnt_nothing_against_real_photos(run, tmp_path):
    found = evaluate(run, metrics=[Segmentation(steps=60)], out=tmp_path, progress=False)
    values = {result.name.split("10[")[0]: result.value for result in found.results}
    assert list(values) == [
        "iou", "iou-of-real", "pixel-accuracy", "pixel-accuracy-of-real", "class-accuracy", "class-accuracy-of-real"
    ]  # fmt: skip
    assert values["iou-of-real"] > 0.8
    assert values["iou"] < 0.5
    protocol = found.results[0].protocol
    assert protocol["learnt_from"] == "12 training pairs"
    assert protocol["judged"] == "10 other ones"
    assert protocol["split"] == "test"
    page = found.html.read_text()
    assert "recovers the label map" in page
    assert "within each class" in page


def test_while_it_trains(run):
    (event,) = read_events(run / "events.jsonl", "evaluate")
    (name,) = (key for key in event if key.startswith("metric/iou10["))
    assert 0 <= event[name] <= 1
    assert event["results"][0]["protocol"]["learnt_from"] == "12 training pairs"
