"""Volumes of which a half is hidden are completed: the task, its metric, and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from shapes_of_tests import ball, cube, off

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.rng import Rng
from ganforge.metrics.base import Comparison, SampleSet
from ganforge.modalities.shape.example import write_volumes
from ganforge.modalities.shape.metrics.completed import Completed
from ganforge.modalities.shape.volume import half_hidden
from ganforge.recipes import make_recipe
from refused import refused

STATE = {"form": "occupancy", "clip": 3.0, "up": "z"}
SMALL = ["task.channels=4", "task.discriminator.channels=8", "batch=8", "callbacks.0.rows=2", "callbacks.0.columns=3"]


def run_cli(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    return int(ended.value.code or 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("completion")
    (folder / "data").mkdir()
    write_volumes(folder / "data", 24)  # more than are translated at a time
    words = ["complete-shapes", f"data={folder / 'data'}", "samples=16", "checkpoint_every=16"]
    assert run_cli("train", *words, "--run-dir", folder / "run", *SMALL) == 0
    return folder / "run"


def test_a_half_across_one_of_the_axes_is_hidden():
    x = -torch.ones(60, 1, 8, 8, 8)
    found = half_hidden(x, Rng(0))
    assert ((found == 1).flatten(1).float().mean(1) == 0.5).all()
    ways = {tuple((one[0] == 1).nonzero().float().mean(0).tolist()) for one in found}
    assert len(ways) == 6, "before and behind the middle of each axis"
    assert torch.equal(found, half_hidden(x, Rng(0)))


def test_overlap_and_distance_of_completed_volumes():
    real = np.stack([ball(16, 5)] * 2).astype(np.float32)
    half = real.copy()
    half[:, :8] = 3
    sides = {"real": SampleSet.of(real)}
    same = {
        r.name.rstrip("2"): r.value
        for r in Completed().compute(Comparison(sides["real"], SampleSet.of(real), facts=STATE, paired=True))
    }
    assert same == {"volume_iou": 1, "completed_cd": pytest.approx(0, abs=1e-6)}
    worse = {
        r.name.rstrip("2"): r.value
        for r in Completed().compute(Comparison(sides["real"], SampleSet.of(half), facts=STATE, paired=True))
    }
    assert worse["volume_iou"] == 0.5
    assert worse["completed_cd"] > 0.05
    empty = Completed().compute(
        Comparison(sides["real"], SampleSet.of(np.full_like(real, 3)), facts=STATE, paired=True)
    )
    assert empty[0].value == 0


@pytest.mark.slow
def test_a_trained_model_is_evaluated_beside_the_part_itself(run, tmp_path):
    found = gf.evaluate(run, out=tmp_path / "report", progress=False, device="cpu")
    values = {result.name.removesuffix("24"): result for result in found.results}
    assert 0 < values["volume_iou"].detail["source"] < 1
    assert "completed_cd" in values
    page = found.html.read_text(encoding="utf-8")
    assert "source, made, real" in page


def test_files_are_completed(run, tmp_path, capsys):
    (tmp_path / "parts").mkdir()
    part = ball() < 0
    part[:8] = False
    for k in range(2):
        np.save(tmp_path / "parts" / f"{k}.npy", part)
    assert run_cli("translate", run, tmp_path / "parts", "--out", tmp_path / "whole") == 0
    assert "2 volumes" in capsys.readouterr().out
    assert np.load(tmp_path / "whole" / "1.npy").shape == (16, 16, 16)
    assert run_cli("translate", run, tmp_path / "parts" / "0.npy", "--out", tmp_path / "one.stl") == 0
    assert (tmp_path / "one.stl").stat().st_size > 84
    assert run_cli("translate", run, tmp_path / "parts", "--out", tmp_path / "whole") == 2, "nothing is overwritten"
    (tmp_path / "parts" / "mesh.off").write_bytes(off(cube()))
    assert run_cli("translate", run, tmp_path / "parts", "--out", tmp_path / "again", "--format", "binvox") == 3
    assert sorted(file.name for file in (tmp_path / "again").iterdir()) == ["0.binvox", "1.binvox", "refused.json"]
    whole = gf.load(run, device="cpu").translate(part)
    assert whole.shape == (16, 16, 16)


def test_mistakes_are_named(run, tmp_path):
    model = gf.load(run, device="cpu")
    (tmp_path / "mesh.off").write_bytes(off(cube()))
    with refused("data.unreadable", "no volume"):
        model.translate(tmp_path / "mesh.off")
    with refused("translate.mask_not_taken"):
        model.translate(ball() < 0, mask=ball() < 0)
    with refused("data.unreadable", "3 channels"):
        model.translate(np.zeros((3, 16, 16, 16)))
    with refused("data.not_found"):
        model.translator().translate_files(tmp_path / "none", tmp_path / "out", ending=None, skip=False, force=False)
    with refused("output.unsupported_format", "npy, binvox"):
        model.translator().translate_files(tmp_path, tmp_path / "out", ending="png", skip=False, force=False)
    recipe = make_recipe("complete-shapes", (), ["signal.hidden=none"])
    with refused("task.needs_pairs", "signal.hidden=half"):
        recipe.task.adapt(gf.load(run, device="cpu").spec.__class__((1, 16, 16, 16), state=STATE))
