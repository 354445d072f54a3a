"""What a run shows of real samples: the same ones however they are loaded, and nothing of the training changes."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from torch import Tensor, nn

from ganforge.core.types import Batch, Nets
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.train import train
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe
from ganforge.tasks.synthesis import Synthesis

CPU = torch.device("cpu")


class Shown(Synthesis, kind="shown-synthesis"):
    """A GAN that shows each real sample, its negative and whether all nets were in evaluation mode."""

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor] | None:
        training = any(module.training for net in nets.values() for module in net.modules())
        weight = next(cast(nn.Module, nets.G).parameters()).mean()
        return [batch.x, -batch.x, torch.full_like(batch.x, 1.0 if training else float(weight))]


def recipe_of(*overrides: str) -> Recipe:
    small = ["data=digits", "batch=8", "samples=32", "task.kind=shown-synthesis", "ema.half_life=8", "callbacks=[]"]
    return make_recipe("gan", overrides=[*small, *overrides])


def trainer_of(recipe: Recipe) -> Trainer:
    dataset, spec = open_data(recipe)
    return Trainer(recipe, spec, make_loader(recipe, dataset, spec, CPU), CPU)


def test_the_same_samples_in_memory_streamed_and_after_another_seed():
    kept, streamed = (trainer_of(recipe_of(f"data.in_memory={way}")) for way in ("true", "false"))
    pictures, each = kept.visualize(24) or pytest.fail("nothing shown")
    assert each == 3
    assert len(pictures) == 24
    assert (pictures[0::3].astype(int) + pictures[1::3] == 255).all(), "a sample's pictures follow one another"
    assert len({p.tobytes() for p in pictures[0::3]}) == 8
    assert (streamed.visualize(24)[0] == pictures).all()  # type: ignore[index]
    kept.change_draws(seed=99, rate=0.5)
    assert (kept.visualize(24)[0][0::3] == pictures[0::3]).all(), "also after a rollback"  # type: ignore[index]
    streamed.loader.close()


def test_looking_changes_nothing_of_the_training_and_sees_averages_in_evaluation_mode():
    looked, left = trainer_of(recipe_of("data.in_memory=false")), trainer_of(recipe_of("data.in_memory=false"))
    for _ in range(4):
        pictures, _each = looked.visualize(3) or pytest.fail("nothing shown")
        looked.iterate()
        left.iterate()
    averaged = float(next(looked.averages["G"].parameters()).mean())
    pictures, _each = looked.visualize(3) or pytest.fail("nothing shown")
    # decode rounds [-1, 1] to 0..255: the averaged weights of an MLP have a mean near 0, far from the 1 of "training"
    assert pictures[2].mean() == pytest.approx((averaged + 1) * 127.5, abs=1)
    assert all(module.training for net in looked.nets.values() for module in net.modules())
    a, b = looked.state(), left.state()
    assert all(torch.equal(a[name], b[name]) for name in a)
    looked.loader.close()
    left.loader.close()


def test_a_run_shows_them_below_its_samples(tmp_path):
    callbacks = "callbacks=[{kind: previews, columns: 6, rows: 2}]"
    result = train(recipe_of(callbacks), run_dir=tmp_path / "run", device="cpu")
    grid = np.asarray(Pillow.open(result.folder / "previews/latest.png").convert("L")).astype(int)
    cell = (grid.shape[0] + 2) // 4
    lower = grid[2 * cell : 3 * cell - 2]
    assert (lower[:, : cell - 2] + lower[:, cell : 2 * cell - 2] == 255).all()
    assert len(list((result.folder / "previews").glob("0*.png"))) == 2


def test_tasks_that_show_nothing_say_so():
    assert trainer_of(make_recipe("gan", overrides=["data=digits", "batch=8"])).visualize(8) is None
