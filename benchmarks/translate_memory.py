"""How much memory `ganforge translate` takes for a large image.

    python benchmarks/translate_memory.py --megapixels 50

It makes a photograph-like JPEG of that size and an untrained translator, translates it in a process of its own as the
command does, and prints the most memory that process held and the seconds; the goal is 3 GB for 50 megapixels.

    --net srresnet4    enlarge four times: the output has sixteen times as many pixels, and is never held whole
    --channels 64      a net of the papers' width; 8 by default, which takes a few minutes on one core
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

NETS = ("resnet", "srresnet4")


def picture(path: Path, megapixels: float) -> tuple[int, int]:
    """Writes a JPEG of smooth colors with noise; returns its width and height, 3 : 2."""
    import numpy as np
    from PIL import Image

    height = round(math.sqrt(megapixels * 1e6 / 1.5))
    width = round(height * 1.5)
    draws = np.random.default_rng(0)
    coarse = Image.fromarray(draws.integers(0, 256, (height // 64, width // 64, 3), np.uint8))
    coarse.resize((width, height), Image.Resampling.BICUBIC).save(path, quality=92)
    return width, height


def bundle(path: Path, net: str, channels: int) -> None:
    """Writes an untrained model with batch norm, so that its halo is finite."""
    import torch

    from ganforge.artifacts import bundle
    from ganforge.core.types import Spec
    from ganforge.modalities.pair.losses.reconstruction import L1
    from ganforge.modalities.pair.nets.resnet import ResnetTranslator
    from ganforge.modalities.pair.nets.super_resolution import SrResNet
    from ganforge.modalities.pair.signal import Pair
    from ganforge.modalities.pair.tasks.paired import Paired
    from ganforge.recipes.base import Recipe
    from ganforge.recipes.optimizer import Adam
    from ganforge.registry import load_all

    load_all()
    scale = 4 if net == "srresnet4" else 1
    translator = (
        SrResNet(channels=channels, blocks=4) if scale == 4 else ResnetTranslator(channels=channels, norm="batch")
    )
    about = {"shape": [3, 64 // scale, 64 // scale], "mode": "RGB", "classes": [], "scale": scale, "mask": False}
    spec = Spec((3, 64, 64), state={"mode": "RGB", "depth": 8, "source": about})
    task = Paired(translator=translator, terms=(L1(),))
    torch.manual_seed(0)
    nets = task.players(spec)
    recipe = Recipe(name="tiny", signal=Pair(), task=task, optimizers={"G": Adam()})
    bundle.save(path, recipe, spec, {"G": nets["G"]}, samples=0)


def measure(model: Path, source: Path, out: Path) -> None:
    from ganforge.cli.main import main

    begun = time.perf_counter()
    try:
        main(["translate", str(model), str(source), "--out", str(out), "--device", "cpu"])
    except SystemExit as stop:
        if stop.code:
            raise
    gigabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{gigabytes:.2f} GB at most, {time.perf_counter() - begun:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=50)
    parser.add_argument("--net", choices=NETS, default="resnet")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--measure", nargs=3, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(*arguments.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        source, model, out = (Path(folder) / name for name in ("a.jpg", "model.safetensors", "b.png"))
        width, height = picture(source, arguments.megapixels)
        bundle(model, arguments.net, arguments.channels)
        print(f"{width}×{height} px, {arguments.net} of {arguments.channels} channels", flush=True)
        files = [str(file) for file in (model, source, out)]
        subprocess.run([sys.executable, __file__, "--measure", *files], check=True)
        print(f"{out.stat().st_size / 1e6:.0f} MB written")


if __name__ == "__main__":
    main()
