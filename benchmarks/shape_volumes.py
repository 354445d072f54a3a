"""Time and memory of training steps of `voxels-small` on volumes of several sizes.

    python benchmarks/shape_volumes.py 32 64 128

Each size is measured in a process of its own: seconds of a step (the mean of those after the first), and by how much
the peak of its resident memory lies above that before the nets were built.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

BATCH, STEPS = 2, 4


def measured(side: int) -> None:
    """Prints one row."""
    import torch

    from ganforge.engine.build import make_loader, open_data
    from ganforge.engine.trainer import Trainer
    from ganforge.recipes import make_recipe

    with tempfile.TemporaryDirectory() as folder:
        rng = np.random.default_rng(0)
        for k in range(4):
            cells = np.zeros((side,) * 3, bool)
            low, high = rng.integers(side // 8, side // 3, 3), rng.integers(side // 2, side - side // 8, 3)
            cells[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
            np.save(Path(folder) / f"{k}.npy", cells)
        words = [f"data={folder}", f"signal.size={side}", f"batch={BATCH}", "callbacks=[]"]
        recipe = make_recipe("voxels-small", (), words)
        before = peak()
        dataset, spec = open_data(recipe)
        device = torch.device("cpu")
        loader = make_loader(recipe, dataset, spec, device)
        kind = Trainer.of(recipe)
        trainer = kind(kind.finalize(recipe, spec, loader), spec, loader, device)
        times = []
        for _ in range(STEPS):
            begun = time.perf_counter()
            trainer.iterate()
            times.append(time.perf_counter() - begun)
        loader.close()
    print(
        f"{side}³: {np.mean(times[1:]):.2f} s a step of {BATCH} volumes, {(peak() - before) / 2**20:.2f} GiB",
        flush=True,
    )


def peak() -> int:
    """KiB of resident memory at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    if len(sys.argv) == 3 and sys.argv[1] == "--one":
        measured(int(sys.argv[2]))
    else:
        for size in sys.argv[1:] or ["32", "64", "128"]:
            subprocess.run([sys.executable, __file__, "--one", size], check=True)
