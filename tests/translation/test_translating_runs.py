"""Translating recipes in whole runs: an exact resume, pools and lenses among the state; something is learned."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganforge.artifacts import bundle
from ganforge.core.events import read_events
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe

CPU = torch.device("cpu")
TINY = ["task.translator.channels=4", "callbacks=[]", "precision=fp32"]
CASES = {
    "cyclegan-small": [*TINY, "task.pool=3", "task.critic.channels=4", "task.translator.blocks=1", "batch=2"],
    "restyle-small": [*TINY, "task.critic.channels=4", "task.translator.blocks=2", "task.layers=[0,2]", "batch=2"],
    "srgan-small": [*TINY, "task.critics.0.channels=4", "task.translator.blocks=1", "task.alone=8", "batch=4"],
    "lama-small": [*TINY, "task.critics.0.channels=4", "task.translator.blocks=1", "batch=4"],
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    """`gray/` and `color/`: the same smooth images of 40 px without and with colors."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for side in ("gray", "color"):
        (folder / side).mkdir()
    for k in range(10):
        coarse = Image.fromarray(rng.integers(0, 256, (5, 5), np.uint8)).resize((40, 40), Image.Resampling.BICUBIC)
        coarse.save(folder / "gray" / f"{k}.png")
        level = np.asarray(coarse, np.float32)
        color = np.stack([level, 255 - level, np.full_like(level, 60)], -1).astype(np.uint8)
        Image.fromarray(color).save(folder / "color" / f"{k}.png")
    return folder


def data_of(name: str, folders: Path) -> list[str]:
    sized = ["signal.size=24", "signal.jitter=4"]
    if name.startswith(("cyclegan", "restyle")):
        return [*sized, f"data.a={folders / 'gray'}", f"data.b={folders / 'color'}"]
    return [*sized, f"data={folders / 'color'}"]


@pytest.mark.parametrize(
    "name",
    [
        "cyclegan-small",
        "restyle-small",
        *(pytest.param(k, marks=pytest.mark.slow) for k in ("srgan-small", "lama-small")),
    ],
)
def test_resume_is_exact(name, folders, tmp_path):
    """A run that was stopped and went on has every tensor of the whole one: weights, averages, pools, lenses."""
    items = [*data_of(name, folders), *CASES[name], "checkpoint_every=8"]
    whole = train(make_recipe(name, overrides=[*items, "samples=16"]), run_dir=tmp_path / "whole", device="cpu")
    part = train(make_recipe(name, overrides=[*items, "samples=8"]), run_dir=tmp_path / "part", device="cpu")
    train(resume_recipe(part.folder, items=["samples=16"]), resume=part.folder, device="cpu")
    states = [
        (folder / "checkpoints" / "000000000016" / "state.safetensors").read_bytes()
        for folder in (whole.folder, part.folder)
    ]
    assert states[0] == states[1]


def test_losses_come_in_when_the_game_begins(folders, tmp_path):
    items = [*data_of("srgan-small", folders), *CASES["srgan-small"], "samples=16", "log_every=8"]
    result = train(make_recipe("srgan-small", overrides=items), run_dir=tmp_path / "run", device="cpu")
    alone, game = read_events(result.folder / "events.jsonl", "tick")
    assert "loss/D" not in alone
    assert "loss/D" in game
    assert {"loss/G/perceptual[critic]", "loss/G/adversarial", "psnr"} <= set(game)


def test_batches_may_be_split_where_both_sets_must_be_in_each_part(folders):
    """Half the images are of a, half of b, in every part of an accumulated batch."""
    items = [*data_of("cyclegan-small", folders), *CASES["cyclegan-small"], "batch=4", "accumulate=2"]
    recipe = make_recipe("cyclegan-small", overrides=items)
    dataset, spec = open_data(recipe)
    trainer = Trainer(recipe, spec, make_loader(recipe, dataset, spec, CPU), CPU)
    batch = trainer.batch_at(0)
    saturation = (batch.x.max(1).values - batch.x.min(1).values).mean((1, 2))
    assert ((saturation > 0.1) == torch.tensor([False, True] * 4)).all(), "a is gray and b is not"
    trainer.iterate()
    trainer.check_finite()


@pytest.mark.slow
def test_pairs_teach_a_translator(folders, tmp_path):
    """Colors that are a function of the gray level are soon right: far above what a constant would reach."""
    items = [
        f"data.source={folders / 'gray'}", f"data.target={folders / 'color'}", "signal.size=16", "signal.jitter=0",
        "task.translator.channels=8", "task.critics.0.channels=4", "batch=5", "samples=600", "log_every=100",
        "task.critics.0.layers=1", "optimizers.G.lr=2e-3", "ema.half_life=20",
        "callbacks=[{kind: previews, every: 600}]",
    ]  # fmt: skip
    result = train(make_recipe("line2color-small", overrides=items), run_dir=tmp_path / "run", device="cpu")
    ticks = list(read_events(result.folder / "events.jsonl", "tick"))
    assert ticks[-1]["psnr"] > ticks[0]["psnr"] + 4
    model = bundle.load(result.folder, device="cpu")
    gray = np.asarray(Image.open(folders / "gray" / "3.png"))[:, :, None]
    wanted = np.asarray(Image.open(folders / "color" / "3.png")).astype(float)
    source = model.recipe.signal.source_of(gray, model.spec)[None]
    made = model.recipe.signal.decode(model.recipe.task.translate(model.nets, source), model.spec)[0]
    assert made.shape == (40, 40, 3), "another size than that of the training"
    assert np.abs(made - wanted).mean() < 25
    preview = Image.open(result.folder / "previews" / "latest.png")
    assert preview.width > preview.height, "rows of source, made, target"
