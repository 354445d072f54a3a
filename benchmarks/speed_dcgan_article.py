"""`dcgan-article` by ganforge against the same network in plain eager PyTorch: images a second, in paired runs.

    python benchmarks/speed_dcgan_article.py --pairs 7 --steps 6

Both train on the same images with batch 256 in fp32, in one process, by turns; each pair gives one ratio. ganforge's
side is the whole of a training iteration: data, both phases, optimizers, the running average, the statistics.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from ganforge.engine.build import make_loader, open_data
from ganforge.engine.trainer import Trainer
from ganforge.recipes import make_recipe
from reference_dcgan_article import Loop


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--steps", type=int, default=6, help="steps of each side in a pair")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    pictures = np.random.default_rng(0).integers(0, 256, (2048, 28, 28, 1), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pictures.npz"
        np.savez(file, images=pictures)
        recipe = make_recipe("dcgan-article", overrides=[f"data={file}"])
        dataset, spec = open_data(recipe)
        cpu = torch.device("cpu")
        trainer = Trainer(recipe, spec, make_loader(recipe, dataset, spec, cpu), cpu)
    plain = Loop(recipe.batch)
    real = torch.from_numpy(pictures[: recipe.batch]).permute(0, 3, 1, 2).float() / 127.5 - 1

    def seconds(step) -> float:
        start = time.perf_counter()
        for _ in range(args.steps):
            step()
        return time.perf_counter() - start

    seconds(trainer.iterate), seconds(lambda: plain.step(real))  # warm up
    pairs = []
    trainer.data_seconds = 0.0
    for k in range(args.pairs):
        sides = [("ours", trainer.iterate), ("plain", lambda: plain.step(real))]
        taken = {name: seconds(step) for name, step in (sides if k % 2 else sides[::-1])}
        pairs.append(
            (args.steps * recipe.batch / taken["ours"], args.steps * recipe.batch / taken["plain"], taken["ours"])
        )
    ratios = [ours / theirs for ours, theirs, _ in pairs]
    print(
        json.dumps(
            {
                "ours_images_per_second": round(statistics.median(p[0] for p in pairs), 1),
                "plain_images_per_second": round(statistics.median(p[1] for p in pairs), 1),
                "ratio_median": round(statistics.median(ratios), 3),
                "ratio_min": round(min(ratios), 3),
                "ratio_max": round(max(ratios), 3),
                "data_share": round(trainer.data_seconds / sum(p[2] for p in pairs), 4),
                "pairs": args.pairs,
                "steps": args.steps,
                "threads": args.threads,
                "torch": torch.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
