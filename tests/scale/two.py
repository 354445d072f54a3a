"""Run by `test_processes.py` as two processes, which train together and write what the tests compare."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
import toys

from ganforge.core.component import build
from ganforge.core.errors import EndedElsewhere, TrainingError, UserError
from ganforge.engine.processes import joined
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.engine.trainer import Trainer
from ganforge.engine.world import World
from ganforge.evaluation.shares import shared, with_samples
from ganforge.metrics.base import Comparison, Metric, Result, SampleSet, silent
from ganforge.recipes.callback import Callback

SHORT = {"samples": 160, "checkpoint_every": 80}


def plain(**fields):
    """A GAN without batch statistics."""
    recipe = toys.toy_gan()
    generator = replace(recipe.task.generator, norm=False)
    return replace(recipe, task=replace(recipe.task, generator=generator), **fields)


def normed(**fields):
    """A GAN with batch norm in G, and without dropout, whose draws belong to parts. In float64, since Adam amplifies
    the rounding error of the gradient of a bias before batch norm, which is 0."""
    recipe = toys.toy_gan()
    still = replace(recipe.task.discriminator, dropout=0.0)
    return replace(recipe, task=replace(recipe.task, discriminator=still), precision="fp64", **fields)


class MeanOfFakes(Metric, kind="toy-mean"):
    """A metric that asks for samples, and not for features."""

    def compute(self, comparison: Comparison) -> list[Result]:
        return [Result("toy-mean", float(comparison.samples("fake", self.n).mean()), comparison.protocol(self.n))]


def measured(**fields):
    """A GAN that is evaluated twice while it trains: features of 300 of 600 samples, and samples."""
    metrics = ["fd300", "kid300", "toy-mean"]
    evaluation = {"kind": "evaluation", "metrics": metrics, "every": 80, "n": 600, "extractor": "raw"}
    return plain(**SHORT, callbacks=(build(Callback, evaluation),), **fields)


def counted(folder: Path, rank: str) -> None:
    """Trains `measured`, and writes which samples this process generated: the first of each batch, and how many."""
    generate, made = Trainer.generate, []

    def noted(self, request):
        made.append((request.start, request.n))
        return generate(self, request)

    Trainer.generate = noted
    train(measured(), run_dir=folder / "measured", device="cpu")
    Trainer.generate = generate
    (folder / f"made{rank}.json").write_text(json.dumps(made))


def shares(world: World) -> list[str]:
    """What each process says of work that one of them fails in, and of samples that are no arrays."""

    def fails(size: int, start: int, stop: int) -> Iterator[np.ndarray]:
        if world.rank == 1:
            raise ValueError("no room")
        yield np.zeros((stop - start, 1))

    side = SampleSet.of(np.arange(600)[:, None])
    said = []
    try:
        shared(world, toys.Plane(), replace(side, between=fails), None, True, silent)
    except (TrainingError, EndedElsewhere) as error:
        said.append(f"{type(error).__name__}: {error}")
    whole = with_samples(side, shared(world, toys.Plane(), side, None, True, silent))
    said.append(str([len(part) for part in whole.draw(256)]))
    texts = SampleSet.of(["one", "two"])
    said.append(str(with_samples(texts, shared(world, toys.Plane(), texts, None, True, silent)) is texts))
    return said


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    train(plain(**SHORT), run_dir=folder / "plain", device="cpu")
    train(plain(**SHORT | {"samples": 80}), run_dir=folder / "resumed", device="cpu")
    train(resume_recipe(folder / "resumed", None, ["samples=160"]), resume=folder / "resumed", device="cpu")
    train(normed(samples=64), run_dir=folder / "normed", device="cpu")
    train(replace(toys.toy_crowd(), **SHORT), run_dir=folder / "crowd", device="cpu")
    counted(folder, os.environ["RANK"])
    said = []
    try:
        train(plain(batch=15), run_dir=folder / "never", device="cpu")
    except (UserError, EndedElsewhere) as error:
        said.append(f"{type(error).__name__} {getattr(error, 'code', '')}")
    with joined(torch.device("cpu")) as world:
        kept = world.others({"pool": torch.tensor([float(world.rank)])})
        said.append(str({name: value.tolist() for name, value in kept.items()}))
        said.append(world.of_leader(lambda: b"words").decode())
        try:
            with world.together():
                if world.rank == 1:
                    raise UserError("broken", code="data.not_found")
        except (UserError, EndedElsewhere) as error:
            said.append(type(error).__name__)
        said += shares(world)
        (folder / f"said{world.rank}.txt").write_text("\n".join(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
