"""Steps of `pix2pix-small`, `srgan-small` and `cyclegan-small` against the same nets in plain eager PyTorch loops.

    python benchmarks/speed_translation.py --pairs 15 --steps 4 --threads 1

Both sides train nets of the same recipe, in fp32 and in one process, by turns; each pair gives one ratio of processor
time, above 1 where ours is faster. Ours is the whole of a training iteration: data, degradations, all phases,
optimizers, the running average, what is logged. The plain loop has one batch that lies ready, torch's Adam as it comes,
and computes the losses of the recipe and nothing else, every layer and every loss by itself. With --ready ours has that
batch, too, so that what is left is the step itself. Prints one line of JSON for each recipe.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce
from torch.nn.functional import l1_loss, mse_loss

from ganforge.core.types import Batch, Nets
from ganforge.engine.build import make_loader, open_data
from ganforge.engine.trainer import Trainer
from ganforge.modalities.pair.nets.super_resolution import EnlargingNet
from ganforge.recipes import make_recipe

Step = Callable[[], None]


def adam(*nets: nn.Module) -> torch.optim.Adam:
    return torch.optim.Adam([weight for net in nets for weight in net.parameters()], lr=2e-4, betas=(0.5, 0.999))


def likeness(fake: tuple[Tensor, ...], real: tuple[Tensor, ...]) -> Tensor:
    """Mean over layers of the mean difference."""
    return torch.stack([l1_loss(a, b) for a, b in zip(fake, real, strict=True)]).mean()


def paired(nets: Nets, batch: Batch, beside: bool, d_gain: float, game: float, pixels: float, layers: float) -> Step:
    """Isola et al. 2017, with the critic's layers as a second yardstick; Ledig et al. 2017 but for the weights."""
    G, D, s, t = nets["G"], nets["D"], batch.extra["source"], batch.x
    of_g, of_d = adam(G), adam(D)

    def seen(x: Tensor) -> Tensor:
        return torch.cat([s, x], 1) if beside else x

    def step() -> None:
        y = G(s)
        D.requires_grad_(True)
        of_d.zero_grad()
        real, fake = D(seen(t)).logits, D(seen(y.detach())).logits
        (d_gain * (bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake)))).backward()
        of_d.step()
        D.requires_grad_(False)
        of_g.zero_grad()
        fake = D(seen(y))
        with torch.no_grad():
            real = D(seen(t))
        won = bce(fake.logits, torch.ones_like(fake.logits))
        (game * won + pixels * l1_loss(y, t) + layers * likeness(fake.layers, real.layers)).backward()
        of_g.step()

    return step


def cyclegan(nets: Nets, batch: Batch) -> Step:
    """Zhu et al. 2017: two games, the ways there and back, identity, pools of 50 fakes."""
    G_ab, G_ba, D_a, D_b = (nets[name] for name in ("G_ab", "G_ba", "D_a", "D_b"))
    a, b = batch.x.chunk(2)
    of_g, of_d = adam(G_ab, G_ba), adam(D_a, D_b)
    pools: tuple[list[Tensor], list[Tensor]] = ([], [])

    def pooled(fakes: Tensor, pool: list[Tensor]) -> Tensor:
        shown = []
        for fake in fakes.detach():
            if len(pool) < 50:
                pool.append(fake)
            elif random.random() < 0.5:
                place = random.randrange(50)
                pool[place], fake = fake, pool[place]
            shown.append(fake)
        return torch.stack(shown)

    def step() -> None:
        for D in (D_a, D_b):
            D.requires_grad_(False)
        of_g.zero_grad()
        as_b, as_a = G_ab(a), G_ba(b)
        on_b, on_a = D_b(as_b).logits, D_a(as_a).logits
        game = mse_loss(on_b, torch.ones_like(on_b)) + mse_loss(on_a, torch.ones_like(on_a))
        cycle = l1_loss(G_ba(as_b), a) + l1_loss(G_ab(as_a), b)
        identity = l1_loss(G_ab(b), b) + l1_loss(G_ba(a), a)
        (game + 10 * cycle + 5 * identity).backward()
        of_g.step()
        of_d.zero_grad()
        for D, fakes, reals, pool in ((D_a, as_a, a, pools[0]), (D_b, as_b, b, pools[1])):
            D.requires_grad_(True)
            real, fake = D(reals).logits, D(pooled(fakes, pool)).logits
            (0.5 * (mse_loss(real, torch.ones_like(real)) + mse_loss(fake, torch.zeros_like(fake)))).backward()
        of_d.step()

    return step


def make_pictures(folder: Path, seed: int) -> Path:
    """A folder of 64 images of soft noise, 160 × 120 px."""
    rng = np.random.default_rng(seed)
    folder.mkdir()
    for k in range(64):
        small = Image.fromarray(rng.integers(0, 256, (15, 20, 3), dtype=np.uint8))
        small.resize((160, 120), Image.Resampling.BICUBIC).save(folder / f"{k:03d}.png")
    return folder


def measure(name: str, fields: list[str], plain: Callable[[Nets, Batch], Step], args: argparse.Namespace) -> dict:
    recipe = make_recipe(name, overrides=fields)
    dataset, spec = open_data(recipe)
    cpu = torch.device("cpu")
    trainer = Trainer(recipe, spec, make_loader(recipe, dataset, spec, cpu), cpu)
    batch = trainer.batch_at(0)
    players = recipe.task.players(spec)
    for net in players.values():
        if isinstance(net, EnlargingNet):
            net.movable = lambda: None  # all layers in their own order
    theirs = plain(Nets(players), batch)
    if args.ready:
        trainer.batch_at = lambda position: replace(batch, made={})

    def seconds(step: Callable[[], object]) -> float:
        start = time.process_time()
        for _ in range(args.steps):
            step()
        return time.process_time() - start

    for warm in (trainer.iterate, theirs):
        seconds(warm)
    pairs = []
    for k in range(args.pairs):
        sides = [("ours", trainer.iterate), ("plain", theirs)]
        pairs.append({side: seconds(step) for side, step in (sides if k % 2 else sides[::-1])})
    ratios = [pair["plain"] / pair["ours"] for pair in pairs]
    return {
        "recipe": name,
        "ratio_median": round(statistics.median(ratios), 3),
        "ratio_min": round(min(ratios), 3),
        "ratio_max": round(max(ratios), 3),
        "our_step_ms": round(1e3 * statistics.median(p["ours"] for p in pairs) / args.steps, 2),
        "plain_step_ms": round(1e3 * statistics.median(p["plain"] for p in pairs) / args.steps, 2),
        "pairs": args.pairs,
        "steps": args.steps,
        "threads": args.threads,
        "ready": args.ready,
        "torch": torch.__version__,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--steps", type=int, default=4, help="steps of each side in a pair")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--ready", action="store_true", help="our side reads no data either")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    with tempfile.TemporaryDirectory() as place:
        a, b = (make_pictures(Path(place) / name, seed) for seed, name in enumerate("ab"))
        pix2pix = partial(paired, beside=True, d_gain=0.5, game=1, pixels=100, layers=10)
        srgan = partial(paired, beside=False, d_gain=1, game=2e-2, pixels=1, layers=1)
        rivals = {
            "pix2pix-small": ([f"data.source={a}", f"data.target={b}"], pix2pix),
            "srgan-small": ([f"data={a}", "task.alone=0"], srgan),
            "cyclegan-small": ([f"data.a={a}", f"data.b={b}"], cyclegan),
        }
        for name, (fields, plain) in rivals.items():
            print(json.dumps(measure(name, fields, plain, args)), flush=True)


if __name__ == "__main__":
    main()
