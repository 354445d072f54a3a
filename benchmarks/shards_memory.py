"""Memory and speed of training on tar shards that are larger than memory.

    python benchmarks/shards_memory.py --images 1000000 --minutes 60 --out shards-memory.png
    python benchmarks/shards_memory.py --images 10000 --minutes 1       a hundredth of it

Generates PNGs of 32×32 px of noise in 100 classes as shards, trains a small GAN on them without keeping them in memory,
and reads the memory of the training process twice a second. Prints when opening was done, the memory at a tenth of the
time and at the end, and the speed, and draws the memory over time. Use --folder to keep the shards for another run.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def generate(folder: Path, images: int, size: int) -> None:
    """Writes the shards."""
    import numpy as np
    from PIL import Image

    from ganforge.core.progress import Bar
    from ganforge.data.shard_writer import ShardWriter

    folder.mkdir(parents=True, exist_ok=True)
    draws = np.random.default_rng(0)
    with ShardWriter(folder, size) as shards, Bar("generating images", images) as bar:
        for k in range(images):
            file = io.BytesIO()
            Image.fromarray(draws.integers(0, 256, (32, 32, 3), np.uint8)).save(file, "PNG", compress_level=0)
            shards.add(f"{k:09d}", {".png": file.getvalue(), ".cls": str(k % 100).encode()})
            bar.advance(1)


def resident(pid: int) -> int:
    """Bytes of a process in main memory, without the pages of files that the system caches."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def train(folder: Path, run: Path, minutes: float) -> list[tuple[float, float]]:
    """Trains; returns (seconds since the start, MiB) of the process."""
    fields = [
        f"data={folder}",
        "data.in_memory=false",
        "samples=1000000k",
        "batch=64",
        "log_every=1000",
        "callbacks=[]",
    ]
    small = ["task.generator.channels=8", "task.discriminator.channels=8", "health=off", "--minutes", str(minutes)]
    command = [sys.executable, "-m", "ganforge", "train", "dcgan", *fields, *small, "--run-dir", str(run), "--quiet"]
    process = subprocess.Popen([*command, "--device", "cpu"])
    found, start = [], time.monotonic()
    while process.poll() is None:
        try:
            if held := resident(process.pid):  # nothing, once it has ended
                found.append((time.monotonic() - start, held / 2**20))
        except OSError:  # it has just ended
            break
        time.sleep(0.5)
    if process.wait():
        raise SystemExit(f"training ended with status {process.returncode}")
    return found


def report(points: list[tuple[float, float]], run: Path, out: Path) -> None:
    from ganforge.core.language import phrase
    from ganforge.core.plot.charts import Chart, lines

    events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    ticks = [event for event in events if event["event"] == "tick"]
    opened = points[-1][0] - ticks[-1]["seconds"]
    steady = [memory for second, memory in points if second > opened + ticks[-1]["seconds"] / 10]
    print(f"opening the data: {opened:.0f} s; {ticks[-1]['samples']:,} samples at {ticks[-1]['sps']:,.0f} samples/s, "
          f"{100 * ticks[-1]['data_share']:.0f} % of the time for data")  # fmt: skip
    print(f"memory: {steady[0]:,.0f} MiB a tenth into training, {steady[-1]:,.0f} MiB at its end, "
          f"{max(steady):,.0f} MiB at most")  # fmt: skip
    chart = Chart("memory of training on shards", "", {"": points}, axis="MiB", across=phrase("seconds"))
    drawing = lines(chart, heading=True)
    if drawing is not None:
        drawing.image(1.5).save(out)
        print(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1_000_000)
    parser.add_argument("--size", type=int, default=100_000_000, help="bytes of a shard")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--folder", type=Path, help="where the shards are, or are written")
    parser.add_argument("--out", type=Path, default=Path("shards-memory.png"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary) / "shards"
        if not any(folder.glob("*.tar")):
            generate(folder, asked.images, asked.size)
        run = Path(temporary) / "run"
        report(train(folder, run, asked.minutes), run, asked.out)


if __name__ == "__main__":
    main()
