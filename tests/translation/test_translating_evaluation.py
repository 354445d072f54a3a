"""Translators are judged pair by pair: figures against those worked out by hand, on images they have not seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganforge.artifacts import bundle
from ganforge.core.events import read_events
from ganforge.core.rng import Rng
from ganforge.engine.build import open_data
from ganforge.engine.train import train
from ganforge.evaluation.evaluate import evaluate
from ganforge.modalities.pair.tasks.domains import OneClass
from ganforge.recipes import make_recipe


def pictures(folder: Path, count: int, seed: int, gray: bool = False) -> Path:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for k in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (4, 4, 3), np.uint8)).resize((32, 32), Image.Resampling.BICUBIC)
        (coarse.convert("L") if gray else coarse).save(folder / f"{k}.png")
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Path:
    """source/ and target/, each with train/ and test/, and two more folders elsewhere."""
    folder = tmp_path_factory.mktemp("pairs")
    for side, gray in (("source", True), ("target", False)):
        for part, seed, count in (("train", 0, 12), ("test", 1, 10)):
            pictures(folder / side / part, count, seed, gray)
        pictures(folder / f"more-{side}", 11, 2, gray)
    return folder


SMALL = [
    "signal.size=24", "signal.jitter=0", "task.translator.channels=4", "task.critics.0.channels=4", "batch=4",
    "task.critics.0.layers=1", "samples=16", "callbacks=[]",
]  # fmt: skip


@pytest.fixture(scope="module")
def run(pairs, tmp_path_factory) -> Path:
    items = [f"data.source={pairs / 'source'}", f"data.target={pairs / 'target'}", *SMALL, "metrics=[psnr]", "every=8"]
    recipe = make_recipe("line2color-small", overrides=items)
    return train(recipe, run_dir=tmp_path_factory.mktemp("runs") / "run", device="cpu").folder


def by_hand(run: Path, split: str) -> float:
    """The mean PSNR of the run's model over all pairs of a part of its data, in dB."""
    model = bundle.load(run, device="cpu")
    recipe = model.recipe
    object.__setattr__(recipe.data, "split", split)
    dataset, spec = open_data(recipe)
    found = []
    for k in range(len(dataset)):
        stored = torch.from_numpy(recipe.signal.prepare(dataset.read(k), spec))[None]
        batch = recipe.signal.deterministic().batch(stored, None, spec, Rng(0))
        with torch.inference_mode():
            made = recipe.task.translate(model.nets, batch.extra["source"])
        x, y = (recipe.signal.decode(t, spec).astype(float) for t in (made, batch.x))
        found.append(10 * np.log10(255**2 / np.mean((x - y) ** 2)))
    return float(np.mean(found))


def figures(evaluation) -> dict[str, float]:
    return {result.name.split("[")[0]: result.value for result in evaluation.results}


def test_the_pairs_kept_for_tests_are_what_counts(run, tmp_path):
    found = evaluate(run, metrics=["psnr"], out=tmp_path, progress=False)
    (result,) = found.results
    assert result.value == pytest.approx(by_hand(run, "test"), abs=1e-3)
    assert result.value != pytest.approx(by_hand(run, "train"), abs=1e-3)
    assert result.protocol["split"] == "test"
    assert "trained on, for" not in found.html.read_text()


def test_other_pairs_by_the_fields_of_the_data(run, pairs, tmp_path):
    text = f"source='{pairs / 'more-source'}' target='{pairs / 'more-target'}'"
    found = evaluate(run, metrics=["psnr"], data=text, out=tmp_path, progress=False)
    assert found.results[0].protocol["n_fake"] == 11


def test_while_it_trains(run):
    events = list(read_events(run / "events.jsonl", "evaluate"))
    assert [event["samples"] for event in events] == [8, 16]
    name = next(key for key in events[-1] if key.startswith("metric/psnr"))
    assert events[-1][name] == pytest.approx(by_hand(run, "test"), abs=1e-3)
    assert events[-1]["results"][0]["protocol"]["split"] == "test"


def test_what_is_measured_by_default(tmp_path):
    """Enlarged images: Y and RGB, with as many pixels cut from the edges as the factor; data without a test part."""
    folder = pictures(tmp_path / "photos", 12, 0)
    items = [
        f"data={folder}", "signal.patches=false", "signal.size=32", "signal.jitter=0", "task.translator.channels=4",
        "task.translator.blocks=1", "batch=4", "samples=8", "callbacks=[]",
    ]  # fmt: skip
    result = train(make_recipe("srresnet-small", overrides=items), run_dir=tmp_path / "run", device="cpu")
    found = evaluate(result.folder, progress=False)
    names = [result.name for result in found.results]
    for wanted in ("psnr12[RGB, crop 4]", "psnr12[Y, crop 4]", "ssim12[RGB, crop 4]", "ssim12[Y, crop 4]"):
        assert wanted in names
    assert any(name.startswith("fd12") for name in names)
    assert "trained on, for" in found.html.read_text(), "there were no others, and that is said"


def test_sets_that_do_not_match_are_compared_as_wholes(tmp_path):
    a, b = pictures(tmp_path / "a", 12, 0), pictures(tmp_path / "b", 11, 1)
    items = [
        f"data.a={a}", f"data.b={b}", "signal.size=24", "signal.jitter=0", "task.translator.channels=4", "samples=4",
        "task.translator.blocks=2", "task.critic.channels=4", "batch=2", "callbacks=[]", "task.layers=[0,2]",
    ]  # fmt: skip
    result = train(make_recipe("cut-small", overrides=items), run_dir=tmp_path / "run", device="cpu")
    found = evaluate(result.folder, metrics=["fd"], features="raw", progress=False)
    assert found.results[0].protocol["direction"] == "ab"
    assert found.results[0].protocol["n_real"] == 11
    assert found.results[0].protocol["n_fake"] == 12
    dataset, _ = open_data(make_recipe("cut-small", overrides=items))
    assert OneClass(dataset, 1).describe(0).endswith("0.png")
    assert (OneClass(dataset, 1).read(3) == dataset.read(15)).all()
