"""Run by `test_processes.py` as two processes, which train together and write what the tests compare."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
import toys

from ganforge.core.errors import EndedElsewhere, UserError
from ganforge.engine.processes import joined
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train

SHORT = {"samples": 160, "checkpoint_every": 80}


def plain(**fields):
    """A GAN without batch statistics."""
    recipe = toys.toy_gan()
    generator = dataclasses.replace(recipe.task.generator, norm=False)
    return dataclasses.replace(recipe, task=dataclasses.replace(recipe.task, generator=generator), **fields)


def normed(**fields):
    """A GAN with batch norm in G, and without dropout, whose draws belong to parts. In float64, since Adam amplifies
    the rounding error of the gradient of a bias before batch norm, which is 0."""
    recipe = toys.toy_gan()
    still = dataclasses.replace(recipe.task.discriminator, dropout=0.0)
    return dataclasses.replace(
        recipe, task=dataclasses.replace(recipe.task, discriminator=still), precision="fp64", **fields
    )


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    train(plain(**SHORT), run_dir=folder / "plain", device="cpu")
    train(plain(**SHORT | {"samples": 80}), run_dir=folder / "resumed", device="cpu")
    train(resume_recipe(folder / "resumed", None, ["samples=160"]), resume=folder / "resumed", device="cpu")
    train(normed(samples=64), run_dir=folder / "normed", device="cpu")
    train(dataclasses.replace(toys.toy_crowd(), **SHORT), run_dir=folder / "crowd", device="cpu")
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
        (folder / f"said{world.rank}.txt").write_text("\n".join(said))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
