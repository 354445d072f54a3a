"""How many times as fast two processes of one thread train as one process of two threads, in paired runs.

    python benchmarks/processes_speed.py dcgan data=digits --samples 20000 --pairs 5
    python benchmarks/processes_speed.py dcgan-article data=digits batch=128 --samples 10000 --pairs 5

Each pair is run in turn (one two, two one, ...). The speed of a run is the median of the speeds that it logs, without
the first, which includes the start. Prints both speeds, the ratio of each pair, and their median.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path


def speed(words: list[str], samples: int, procs: int, threads: int, folder: Path) -> float:
    """Samples per second of a run, over all its processes."""
    fields = [*words, f"samples={samples}", f"log_every={max(1, samples // 10)}", "callbacks=[]", "health=off"]
    command = [sys.executable, "-m", "ganforge", "train", *fields, "--procs", str(procs), "--quiet", "--device", "cpu"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run([*command, "--run-dir", str(folder)], check=True, env=environment)
    events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return statistics.median([event["sps"] for event in events if event["event"] == "tick"][1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", default=["dcgan", "data=digits"], help="recipe and fields")
    parser.add_argument("--samples", type=int, default=20_000, help="of each run")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--procs", type=int, default=2, help="processes of one side, and threads of the other")
    asked = parser.parse_intermixed_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for pair in range(asked.pairs):
            found = {}
            for several in (False, True) if pair % 2 else (True, False):
                procs, threads = (asked.procs, 1) if several else (1, asked.procs)
                place = Path(folder) / f"{pair}-{procs}"
                found[several] = speed(asked.words, asked.samples, procs, threads, place)
            ratios.append(found[True] / found[False])
            print(f"pair {pair + 1}: {asked.procs} processes {found[True]:,.0f} samples/s, "
                  f"one process {found[False]:,.0f} samples/s, ratio {ratios[-1]:.2f}", flush=True)  # fmt: skip
    print(f"median ratio {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
