"""How cost grows with the work: speed and memory of training against batch, resolution, processes and data.

    python benchmarks/growth.py --out growth/                          all curves, about an hour on two idle cores
    python benchmarks/growth.py --out growth/ --only batch --seconds 5

    python benchmarks/growth.py --out growth/ --steps 6                on a busy machine: processor time, one thread

Each point is a process of its own that trains for some seconds after a warm-up: samples per second, and the most memory
that it held. Writes growth.json and one chart per curve, and prints a table.

The second part is arithmetic: what N devices would do, from the step time of one (measured, or given with --step) and
the bandwidth between them. With a flat all-reduce each process sends and receives 2 (N − 1) / N of the gradients G per
phase, and the traffic does not overlap with the computation:

    time of a step = t · B_N / B_1 + 2 (N − 1) / N · G / bandwidth        t: step of one device at its part of the batch

    python benchmarks/growth.py --arithmetic --step 0.120 --parameters 30e6 --bandwidth 300e9   (bytes per second)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from small_steps import stretch

CURVES: dict[str, tuple[list[int], Callable[[int], list[str]]]] = {
    "batch": ([8, 16, 32, 64, 128, 256], lambda n: ["dcgan", "data=digits", f"batch={n}"]),
    "resolution": ([16, 32, 64, 128], lambda n: ["dcgan", "data=digits", f"signal.size={n}"]),
    "recompute": ([16, 32, 64, 128], lambda n: ["dcgan", "data=digits", "recompute=true", f"signal.size={n}"]),
    "parts": ([1, 2, 4, 8, 16], lambda n: ["dcgan", "data=digits", "batch=64", f"accumulate={n}"]),
    "processes": ([1, 2], lambda n: ["dcgan", "data=digits", "batch=128", "--procs", str(n)]),
    "rows": ([1_000, 10_000, 100_000], lambda n: ["ctgan-fast", f"data={table(n, 10)}"]),
    "columns": ([5, 10, 20, 40], lambda n: ["ctgan-fast", f"data={table(5_000, n)}"]),
}  # fmt: skip


def table(rows: int, columns: int) -> Path:
    """A CSV of random numbers and categories, in equal shares."""
    import numpy as np

    path = Path(tempfile.gettempdir()) / f"ganforge-growth-{rows}-{columns}.csv"
    if not path.exists():
        draws = np.random.default_rng(0)
        numbers = [draws.normal(size=rows).round(4).astype(str) for _ in range(columns - columns // 2)]
        names = [np.char.add("c", draws.integers(0, 8, rows).astype(str)) for _ in range(columns // 2)]
        head = ",".join([f"n{k}" for k in range(len(numbers))] + [f"t{k}" for k in range(len(names))])
        lines = [",".join(row) for row in zip(*numbers, *names, strict=True)]
        path.write_text("\n".join([head, *lines]) + "\n")
    return path


def point(words: list[str], seconds: float) -> dict[str, float]:
    """Samples per second and MiB of a run; of several processes, of all together."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        flags = ["--run-dir", str(run), "--minutes", str(seconds / 60), "--quiet", "--device", "cpu"]
        fields = ["samples=1000000k", "log_every=1", "callbacks=[]", "health=off"]
        command = [sys.executable, "-m", "ganforge", "train", *words, *fields, *flags]
        code = (
            "import resource, subprocess, sys\n"
            "status = subprocess.run(sys.argv[1:]).returncode\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
            "sys.exit(status)"
        )
        threads = {"OMP_NUM_THREADS": "1"} if "--procs" in words and words[-1] != "1" else {}
        done = subprocess.run(
            [sys.executable, "-c", code, *command], check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **threads},
        )  # fmt: skip
        ticks = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
        ticks = [event for event in ticks if event["event"] == "tick"][3:]
        if len(ticks) < 3:
            raise SystemExit(f"{' '.join(words)}: too few steps in {seconds:g} s; give more --seconds")
        spent = ticks[-1]["seconds"] - ticks[0]["seconds"]
        speed = (ticks[-1]["samples"] - ticks[0]["samples"]) / spent
        return {"samples per second": round(speed, 1), "MiB": round(int(done.stdout.split()[-1]) / 1024)}


def by_steps(words: list[str], steps: int) -> dict[str, float]:
    """Samples per second of processor time, and MiB, of a few steps in a fork of this process."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        milliseconds, samples = stretch(words, steps)
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        speed = {"samples per second": round(1000 * samples / milliseconds, 1), "MiB": round(most)}
        os.write(write, json.dumps(speed).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as answer:
        found = answer.read()
    os.waitpid(child, 0)
    if not found:
        raise SystemExit(f"{' '.join(words)}: it has failed")
    return json.loads(found)


def measure(asked: argparse.Namespace) -> None:
    from ganforge.core.language import phrase
    from ganforge.core.plot.charts import Chart, lines

    asked.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, list[dict[str, float]]] = {}
    for name, (values, words) in CURVES.items():
        if (asked.only and name not in asked.only) or (asked.steps and name == "processes"):
            continue
        found[name] = []
        for value in values:
            seen = by_steps(words(value), asked.steps) if asked.steps else point(words(value), asked.seconds)
            found[name].append({name: value, **seen})
            print("  ".join(f"{key} {amount:g}" for key, amount in found[name][-1].items()), flush=True)
        for measured in ("samples per second", "MiB"):
            points = [(one[name], one[measured]) for one in found[name]]
            drawing = lines(
                Chart(name, "", {"": points}, axis=measured, across=phrase("value of the field")), heading=True
            )
            if drawing is not None:
                drawing.image(1.5).save(asked.out / f"{name}-{measured.split()[0]}.png")
    (asked.out / "growth.json").write_text(json.dumps(found, indent=2) + "\n")


def arithmetic(step: float, parameters: float, bandwidth: float) -> None:
    """Prints the speed of N devices of one batch each (weak scaling), and of one batch divided among them (strong)."""
    print("devices  step at the same part  efficiency   step at the same batch  efficiency")
    for n in (1, 2, 8, 64):
        traffic = 2 * (n - 1) / n * 4 * parameters / bandwidth
        weak, strong = step + traffic, step / n + traffic
        print(f"{n:7d}  {1e3 * weak:19.2f}ms  {step / weak:9.0%}   {1e3 * strong:20.2f}ms  {step / n / strong:9.0%}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("growth"))
    parser.add_argument("--only", nargs="*", choices=list(CURVES))
    parser.add_argument("--seconds", type=float, default=20, help="of training, for each point")
    parser.add_argument("--steps", type=int, help="of a point, in place of seconds: processor time of one thread")
    parser.add_argument("--arithmetic", action="store_true", help="only what N devices would do")
    parser.add_argument("--step", type=float, default=0.1, help="seconds of a step on one device")
    parser.add_argument("--parameters", type=float, default=30e6, help="of all nets that a step trains")
    parser.add_argument("--bandwidth", type=float, default=300e9, help="bytes per second between devices")
    asked = parser.parse_args()
    if asked.arithmetic:
        arithmetic(asked.step, asked.parameters, asked.bandwidth)
    else:
        measure(asked)


if __name__ == "__main__":
    main()
