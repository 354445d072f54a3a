"""How much of the time `translate` keeps the net busy on a folder of images.

    python benchmarks/translate_speed.py --images 40 --side 256

It makes a folder of JPEGs and an untrained translator, translates the folder as the command does, and prints the
seconds in the net, the seconds in all (from the first file to the last one written, loading the model left out) and
their ratio, with images written as JPEG and as PNG; the goal is 80 %. The model runs on the best device there is: the
faster it is, the harder the goal.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from translate_memory import NETS, bundle


def folder_of(path: Path, count: int, side: int) -> None:
    import numpy as np
    from PIL import Image

    draws = np.random.default_rng(0)
    path.mkdir()
    for k in range(count):
        coarse = Image.fromarray(draws.integers(0, 256, (side // 8, side // 8, 3), np.uint8))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(path / f"{k:05d}.jpg", quality=92)


def busy(model: Path, pictures: Path, out: Path, ending: str, device: str | None) -> tuple[float, float]:
    """(seconds in the net, seconds in all)."""
    from ganforge.inference.model import load
    from ganforge.modalities.pair import batch_translate

    use: Any = load(model, device).translator()
    store = batch_translate.open_store(pictures)
    names = batch_translate.images_in(store)
    first, _ = batch_translate.load(batch_translate.Job(names[0], store, out))
    list(use(first.pixels).bands)  # the first run of a net is slow
    outs = batch_translate.outputs(names, out, False, ending)
    jobs = [batch_translate.Job(name, store, file) for name, file in zip(names, outs, strict=True)]
    use.seconds = 0.0
    begun = time.perf_counter()
    outcome = batch_translate.run(use, jobs)
    wall = time.perf_counter() - begun
    assert len(outcome.written) == len(names), outcome.failed
    return use.seconds, wall


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=40)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--net", choices=NETS, default="resnet")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--device")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder_of(folder / "in", arguments.pictures, arguments.side)
        bundle(folder / "model.safetensors", arguments.net, arguments.channels)
        for ending in (".jpg", ".png"):
            net, wall = busy(folder / "model.safetensors", folder / "in", folder / ending[1:], ending, arguments.device)
            print(
                f"{arguments.pictures} images of {arguments.side}² px to {ending}: {net:.1f} s of {wall:.1f} s in "
                f"the net, {net / wall:.0%}; {arguments.pictures / wall:.1f} images a second",
                flush=True,
            )


if __name__ == "__main__":
    main()
