"""How do time and memory grow with what a user's data decides: rows, columns, length of texts, number of files?

    python benchmarks/sizes.py                        (about five minutes on a core; --names rows files ... for some)

Each measurement is a process of its own on one thread. Seconds are those of the processor after all imports; memory is
how much the largest size that the process ever had exceeds its size after the imports. `growth` is the slope of
log seconds over log size between the smallest and the largest size: 1 is linear, 2 quadratic; below 1 there is a fixed
part. `memory growth` likewise: 0 is flat.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

WIDTH, ROWS = 10, 2_000


def table(path: Path, rows: int = ROWS, columns: int = WIDTH, text: int = 0) -> Path:
    """A CSV file: numbers with gaps, categories and dates by turns, and a column of texts of `text` letters."""
    import pandas as pd

    draws = np.random.default_rng(0)
    found: dict[str, object] = {}
    for k in range(columns):
        match k % 4:
            case 0:
                found[f"number {k}"] = pd.Series(draws.lognormal(1, 0.6, rows).round(2)).mask(draws.random(rows) < 0.05)
            case 1:
                found[f"whole {k}"] = draws.poisson(40, rows)
            case 2:
                found[f"category {k}"] = np.array([f"city {c}" for c in range(20)])[draws.integers(0, 20, rows)]
            case _:
                days = pd.to_timedelta(draws.integers(0, 900, rows), unit="D")
                found[f"date {k}"] = pd.DatetimeIndex(pd.Timestamp("2020-01-01") + days).strftime("%d/%m/%Y")
    if text:
        letters = np.array(list("abcdefghij "))
        found["text"] = ["".join(draws.choice(letters, text)) for _ in range(rows)]
    pd.DataFrame(found).to_csv(path, index=False)
    return path


def prepare_table(place: Path, **sizes: int) -> None:
    table(place / "table.csv", **sizes)


def read_table(place: Path) -> None:
    """Reads, measures and prepares: all that happens before the first step of training."""
    from ganforge.data.path import PathData
    from ganforge.modalities.table.signal import Table

    data = PathData(path=str(place / "table.csv"), holdout=0).open()
    signal = Table()
    signal.prepare_all(data, signal.spec(data, lambda shape: shape))


def inspect_table(place: Path) -> None:
    from ganforge.data.path import PathData
    from ganforge.modalities.table.signal import Table

    Table.inspect(PathData(path=str(place / "table.csv"), holdout=0).open()).shown()


def prepare_evaluation(place: Path, rows: int) -> None:
    table(place / "real.csv", rows)
    table(place / "made.csv", rows)


def evaluate_tables(place: Path) -> None:
    import ganforge as gf

    gf.evaluate(place / "real.csv", place / "made.csv", target="category 2", out=place / "report", progress=False)


def prepare_model(place: Path, rows: int) -> None:
    import ganforge as gf

    fields = {"task.generator.widths": [32], "samples": 2_000, "batch": 100, "callbacks": []}
    model = gf.TableGAN(fields=fields, progress=False).fit(table(place / "table.csv", ROWS))
    model.save(place / "model.safetensors")
    (place / "rows.txt").write_text(str(rows))


def sample_rows(place: Path) -> None:
    run("sample", place / "model.safetensors", "-n", (place / "rows.txt").read_text(), "--out", place / "made.csv")


def complete_rows(place: Path) -> None:
    import pandas as pd

    import ganforge as gf

    rows = pd.read_csv(table(place / "gaps.csv", int((place / "rows.txt").read_text())))
    gf.TableGAN.load(place / "model.safetensors").complete(rows.mask(np.random.default_rng(0).random(rows.shape) < 0.3))


def run(*words: object) -> None:
    from ganforge.cli.main import main

    try:
        main([*map(str, words), "-q"])
    except SystemExit as ended:
        if ended.code:
            raise


def prepare_files(place: Path, files: int) -> None:
    from PIL import Image

    draws = np.random.default_rng(0)
    for k in range(files):
        folder = place / "photos" / f"class {k % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draws.integers(0, 255, (32, 32, 3), np.uint8)).save(folder / f"{k}.png")


def read_files(place: Path) -> None:
    """Opens, reads all headers and identifies: what `train` does before it decodes images."""
    from ganforge.data.path import PathData

    data = PathData(path=str(place / "photos")).open()
    data.shapes()
    data.reading()
    data.identity()  # type: ignore[attr-defined]


MEASURED: dict[str, tuple[str, Callable[..., None], Callable[[Path], None], dict[str, tuple[int, ...]]]] = {
    "rows": ("read a table", prepare_table, read_table, {"rows": (5_000, 10_000, 20_000, 40_000)}),
    "columns": ("read a table", prepare_table, read_table, {"columns": (25, 50, 100, 200)}),
    "inspect": ("inspect a table", prepare_table, inspect_table, {"rows": (5_000, 10_000, 20_000, 40_000)}),
    "texts": ("read texts of letters", prepare_table, read_table, {"text": (10, 100, 1_000, 10_000)}),
    "files": ("read a folder of images", prepare_files, read_files, {"files": (500, 1_000, 2_000, 4_000)}),
    "sample": ("sample rows to CSV", prepare_model, sample_rows, {"rows": (10_000, 20_000, 40_000, 80_000)}),
    "complete": ("complete rows", prepare_model, complete_rows, {"rows": (1_000, 2_000, 4_000, 8_000)}),
    "evaluate": ("evaluate tables", prepare_evaluation, evaluate_tables, {"rows": (1_000, 2_000, 4_000, 8_000)}),
}
"""Name → what it is, what prepares a folder for a size, what is measured, and the sizes."""


def measure(name: str, place: Path) -> dict[str, float]:
    """In a process of its own: seconds and MiB of one measurement."""
    from ganforge.registry import load_all

    load_all()
    before, begun = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    MEASURED[name][2](place)
    seconds = time.process_time() - begun
    return {"seconds": seconds, "mib": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}


def child(*words: str) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, __file__, *words], capture_output=True, text=True, check=False,
                          env=environment)  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr[-2000:]}")
    return done.stdout.splitlines()[-1] if done.stdout else ""


def slope(sizes: tuple[int, ...], values: list[float]) -> float:
    return math.log(max(values[-1], 0.01) / max(values[0], 0.01)) / math.log(sizes[-1] / sizes[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", nargs="+", choices=MEASURED, default=list(MEASURED))
    parser.add_argument("--prepare", nargs=3, help=argparse.SUPPRESS)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.prepare:
        name, place, sizes = options.prepare
        MEASURED[name][1](Path(place), **json.loads(sizes))
        return
    if options.measure:
        name, place = options.measure
        print(json.dumps(measure(name, Path(place))))
        return
    print("| what | sizes | seconds | growth | MiB | memory growth |\n|---|---|---|---|---|---|")
    for name in options.names:
        what, _, _, sizes = MEASURED[name]
        ((of, counts),) = sizes.items()
        found = []
        for count in counts:
            with tempfile.TemporaryDirectory() as place:
                child("--prepare", name, place, json.dumps({of: count}))
                found.append(json.loads(child("--measure", name, place)))
        seconds, mib = ([one[key] for one in found] for key in ("seconds", "mib"))
        cells = [f"{what}, by {of}", " · ".join(f"{count:,}" for count in counts),
                 " · ".join(f"{value:.2f}" for value in seconds), f"{slope(counts, seconds):.2f}",
                 " · ".join(f"{value:.0f}" for value in mib), f"{slope(counts, mib):.2f}"]  # fmt: skip
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
