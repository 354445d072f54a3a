"""Fifty deterministic steps of each system give the losses that they gave before.

A refactor must leave `losses.json` as it is. A change of maths changes it on purpose: run
`python tests/golden/test_golden.py dcgan wgan` with the systems that it concerns and put the reason into the commit.
Rounding differs between processors and grows as the game goes on, hence the tolerances.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from ganforge.engine.build import make_loader, open_data
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe

FILE = Path(__file__).with_name("losses.json")
STEPS = {1: 1e-4, 5: 1e-3, 20: 1e-2, 50: 5e-2}
"""Step → relative tolerance."""
PHASES = ("D", "G", "VAE", "E", "D0", "G0", "D1", "G1", "D2", "G2")
SMALL = ["data=digits", "batch=16", "precision=fp32", "seed=7"]
DCGAN = ["task.generator.channels=16", "task.discriminator.channels=16"]
NARROW = ["task.generator.channels=4", "task.discriminator.channels=4", "task.d_steps=1"]
R3GAN = ["signal.size=16", "task.generator.channels=8", "task.discriminator.channels=8"]
STYLES = [*R3GAN, "task.generator.max_channels=16", "task.discriminator.max_channels=16", "task.generator.latent=16"]
TABLE = [f"data={Path(__file__).with_name('people.csv')}", "data.holdout=0", "batch=20"]
SPOILT = [
    "signal.size=16", "signal.patches=false", "signal.jitter=0", "signal.mode=auto", "batch=4", "task.alone=0",
    "task.translator.channels=4", "task.critics.0.channels=4",
]  # fmt: skip
BLURRED = [*SPOILT, "task.translator.max_channels=8", "signal.degrade=blur2", "task.critics.0.layers=1"]
LARGER = [*SPOILT, "signal.size=32"]
NO_CRITIC = [item for item in SPOILT if "critics" not in item]
TWO = [
    "data.kind=domains",
    f"data.a={Path(__file__).with_name('a.png')}",
    f"data.b={Path(__file__).with_name('b.png')}",
    "batch=2",
]
TWO += ["signal.size=16", "signal.jitter=8", "task.translator.channels=4", "task.translator.blocks=2"]
ONE_WAY = [*TWO, "task.critic.channels=4", "task.layers=[0,2,4]", "task.patches=16", "task.width=8"]
SYSTEMS = {
    "gan": [],
    "gan-minimax": [],
    "cgan": [],
    "dcgan": DCGAN,
    "cdcgan": DCGAN,
    "dcgan-article": [],
    "demo": [],
    "lsgan": DCGAN,
    "wgan": DCGAN,
    "wgan-gp": DCGAN,
    "dragan": DCGAN,
    "hinge-gan": DCGAN,
    "rpgan": DCGAN,
    "sngan": NARROW,
    "wgan-gp-resnet": NARROW,
    "sagan": NARROW,
    "acgan": DCGAN,
    "biggan": NARROW,
    "biggan-deep": NARROW,
    "r3gan-cifar10": R3GAN,
    "r3gan-small": R3GAN,
    "stylegan2-256": STYLES,
    "stylegan2-small": STYLES,
    "fastgan": STYLES,
    "lapgan-small": ["task.refiner.channels=4", "task.judge.channels=4"],
    "progan-small": [*STYLES, "task.steady=160", "task.fade=160"],
    "msg-gan-small": STYLES,
    "ctgan": TABLE,
    "table-gan": TABLE,
    "tvae": TABLE,
    "vae": ["task.generator.channels=16", "task.encoder.channels=16"],
    "vae-gan": [*DCGAN, "task.encoder.channels=16"],
    "pix2pix": BLURRED,
    "line2color": BLURRED,
    "cyclegan": [*TWO, "task.critic.channels=4", "task.pool=4", "task.critic.layers=1"],
    "cut": [*ONE_WAY, "task.critic.layers=1"],
    "restyle": [*ONE_WAY, "task.critic.layers=1", "task.lens.filters=4"],
    "srresnet": [*NO_CRITIC, "task.translator.blocks=2"],
    "srgan": [*SPOILT, "task.translator.blocks=2", "task.critics.0.hidden=16"],
    "esrgan": [*SPOILT, "task.translator.blocks=1", "task.translator.growth=4", "task.critics.0.hidden=16"],
    "real-esrgan": [*LARGER, "task.translator.blocks=1", "task.translator.growth=4"],
    "inpaint": [*SPOILT, "task.critics.0.layers=1"],
    "inpaint-small": [*SPOILT, "task.critics.0.layers=1"],
    "lama-small": [*SPOILT, "task.critics.0.layers=1"],
    "denoise": [*NO_CRITIC, "task.translator.blocks=2"],
    "dejpeg": [*NO_CRITIC, "task.translator.blocks=2"],
    "deblur": [*SPOILT, "task.translator.blocks=2", "task.critics.0.layers=1", "task.critics.0.scales=1"],
    "deblur-small": [*SPOILT, "task.translator.blocks=2", "task.critics.0.layers=1"],
    "colorize": [*SPOILT, "signal.degrade=grey+blur", "task.translator.max_channels=8", "task.critics.0.layers=1"],
    "old-photo": [*SPOILT, "task.translator.blocks=2", "task.critics.0.layers=1", "task.critics.0.scales=1"],
}


def losses(name: str) -> dict[str, list[float]]:
    """[D's loss, G's loss] at each of `STEPS`; of a system without critics its one loss, of a pyramid every level's."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng():
            recipe = make_recipe(name, overrides=SMALL + SYSTEMS[name])
            dataset, spec = open_data(recipe)
            cpu = torch.device("cpu")
            trainer = Trainer(recipe, spec, make_loader(recipe, dataset, spec, cpu), cpu)
            found = {}
            for step in range(1, max(STEPS) + 1):
                trainer.iterate()
                values = trainer.stats.take()
                if step in STEPS:
                    found[str(step)] = [values[f"loss/{p}"] for p in PHASES if f"loss/{p}" in values]
            return found
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize("name", SYSTEMS)
def test_losses_are_those_of_before(name):
    wanted, found = json.loads(FILE.read_text())[name], losses(name)
    for step, tolerance in STEPS.items():
        assert found[str(step)] == pytest.approx(wanted[str(step)], rel=tolerance, abs=tolerance), f"step {step}"


if __name__ == "__main__":
    known = json.loads(FILE.read_text())
    known |= {name: losses(name) for name in sys.argv[1:]}
    FILE.write_text(json.dumps(known, indent=1) + "\n")
