"""How many times as fast `--precision bf16` samples and translates, and what it changes in the results.

    python benchmarks/inference_speed.py r3gan-small stylegan2-small srresnet-small
    python benchmarks/inference_speed.py runs/0001-srresnet-small --truth photos/ --pairs 15

A run or a model file is measured as it is; a recipe with random weights (`--shape 3x64x64` for samples). Speed: samples
of `--batch` at a time with decoding, or translations of one source of `--side` px, by turns in fp32 and bf16 (A B, B A,
...) in one process. Times are those of the processor, so that other processes count little; the ratio is that of each
pair, of which the median and the range are printed; above 1, bf16 is faster. `--parts` adds what each part gives: plain
autocast, which prepares nothing, by turns with fp32 too.

Quality: samples of the same seed in fp32 and bf16: PSNR in dB, and the largest difference in levels of 255. With
`--truth FOLDER` a translator enlarges or repairs these images in both, and the PSNR to the images themselves is
printed, with its difference.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch


def untrained(name: str, shape: tuple[int, int, int], path: Path) -> Path:
    """Writes a model of a recipe with random weights, all norms and biases included."""
    from ganforge.artifacts import bundle
    from ganforge.core.types import Spec
    from ganforge.recipes import make_recipe

    recipe = make_recipe(name)
    spec = Spec(shape, state={"mode": "L" if shape[0] == 1 else "RGB", "depth": 8})
    if not recipe.task.can_sample:
        degrade = getattr(recipe.signal, "degrade", None)
        scale = degrade.scale if degrade is not None else 1
        about = {"shape": [3, 96 // scale, 96 // scale], "mode": "RGB", "classes": [], "scale": scale, "mask": False}
        spec = Spec((3, 96, 96), state={"mode": "RGB", "depth": 8, "source": about})
    torch.manual_seed(0)
    nets = recipe.task.players(spec)
    kept = {role: nets[role] for role in recipe.task.generators()}
    with torch.no_grad():
        for net in kept.values():
            for key, tensor in net.state_dict().items():
                if key.endswith("running_var"):
                    tensor.uniform_(0.5, 2)
                elif tensor.is_floating_point() and tensor.ndim < 2:
                    tensor.add_(0.1 * torch.randn_like(tensor))
    bundle.save(path, recipe, spec, kept, samples=0)
    return path


def call_of(model: Any, batch: int, side: int) -> tuple[Callable[[], object], int]:
    """What is measured, and how many samples one call makes."""
    from ganforge.core.types import Request

    if model.recipe.task.can_sample:
        return partial(model.bundle.generate, Request(batch, seed=1)), batch
    channels = model.spec.state["source"]["shape"][0] if "source" in model.spec.state else model.spec.shape[0]
    source = torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(0)) * 2 - 1
    return partial(model.bundle.translate, source, model.recipe.task.directions()[0]), 1


def by_turns(sides: Sequence[Callable[[], object]], pairs: int, seconds: float) -> list[list[float]]:
    """Processor seconds of a call of each side, `pairs` times, after one stretch to warm up."""
    calls = 1
    for side in sides:
        side()
    begun = time.process_time()
    sides[0]()
    calls = max(1, round(seconds / max(time.process_time() - begun, 1e-6)))
    taken: list[list[float]] = [[] for _ in sides]
    for k in range(pairs + 1):
        order = range(len(sides)) if k % 2 else reversed(range(len(sides)))
        for which in order:
            begun = time.process_time()
            for _ in range(calls):
                sides[which]()
            if k:
                taken[which].append((time.process_time() - begun) / calls)
    return taken


def spread(values: Sequence[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = np.square(a.astype(np.float64) - b.astype(np.float64)).mean()
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def alike(exact: Any, fast: Any, seeds: int = 4) -> str:
    """How samples of the same seeds differ."""
    first, other = ([model.sample(64, seed=seed) for seed in range(seeds)] for model in (exact, fast))
    each = [psnr(x, y) for a, b in zip(first, other, strict=True) for x, y in zip(a, b, strict=True)]
    levels = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(first, other, strict=True))
    whole = psnr(np.concatenate(first), np.concatenate(other))
    return f"PSNR of bf16 to fp32 {whole:.1f} dB (worst sample {min(each):.1f}), at most {levels} levels of 255 apart"


def to_truth(exact: Any, fast: Any, folder: Path) -> str:
    """The PSNR of both to full-size images, and of one to the other."""
    from ganforge.data.path import PathData
    from ganforge.modalities.pair.full_images import translated

    dataset = PathData(path=str(folder)).open()
    sides = []
    for model in (exact, fast):
        full = translated(model.translator(), dataset, "model", seed=0, most=None, progress=None)
        sides.append([part[0] for part in full.made.draw(1)])
        real = [part[0] for part in full.real.draw(1)]
    means = [statistics.mean(psnr(a, b) for a, b in zip(side, real, strict=True)) for side in sides]
    levels = max(int(np.abs(a.astype(int) - b).max()) for a, b in zip(*sides, strict=True))
    between = statistics.mean(psnr(a, b) for a, b in zip(*sides, strict=True))
    return (
        f"PSNR to {len(real)} images: fp32 {means[0]:.4f} dB, bf16 {means[1]:.4f} dB ({means[1] - means[0]:+.4f}); of "
        f"bf16 to fp32 {between:.1f} dB, at most {levels} levels of 255 apart"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="run directories, model files, or recipes")
    parser.add_argument("--shape", default="3x64x64", help="of the samples of recipes")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--side", type=int, default=128, help="px of the sources of translators")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="how long a stretch lasts")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--parts", action="store_true")
    parser.add_argument("--truth", type=Path)
    asked = parser.parse_args()
    from ganforge.inference.model import load
    from ganforge.registry import load_all

    load_all()
    torch.set_num_threads(asked.threads)
    channels, height, width = map(int, asked.shape.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.models:
            trained = Path(name).exists()
            path = Path(name) if trained else untrained(name, (channels, height, width), Path(folder) / name)
            exact, fast = load(path, "cpu"), load(path, "cpu", "bf16")
            sides = {"fp32": exact, "bf16": fast}
            if asked.parts:
                assert fast.bundle.fast is not None
                plain = load(path, "cpu")
                plain.bundle.fast = replace(fast.bundle.fast, nets=plain.bundle.nets)
                sides["autocast alone"] = plain
            calls = [call_of(model, asked.batch, asked.side) for model in sides.values()]
            taken = by_turns([call for call, _ in calls], asked.pairs, asked.seconds)
            shape = "×".join(map(str, exact.spec.shape)) if exact.recipe.task.can_sample else f"{asked.side} px sources"
            print(f"{exact.recipe.name}, {shape}, {calls[0][1]} at a time, {asked.threads} threads")
            for side, times in zip(sides, taken, strict=True):
                ratios = [a / b for a, b in zip(taken[0], times, strict=True)]
                rates = [calls[0][1] / t for t in times]
                print(f"  {side}: {spread(rates, 1)} samples/s, as fast as fp32: {spread(ratios, 2)}")
            if trained and exact.recipe.task.can_sample:
                print("  " + alike(exact, fast))
            if asked.truth and not exact.recipe.task.can_sample:
                print("  " + to_truth(exact, fast, asked.truth))


if __name__ == "__main__":
    main()
