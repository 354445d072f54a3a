"""Large sets of films, streamed: how long they take to open, the memory that batches need, how long a clip takes to
decode, and the share of a training step that is spent waiting for clips.

    python benchmarks/video_stream.py --clips 10000 --side 64

The films are drawn: some are encoded, and the others are links to them.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

import ganforge as gf
from ganforge.data.loader import Loader
from ganforge.data.path import PathData
from ganforge.modalities.video import container
from ganforge.modalities.video.signal import Video
from ganforge.recipes import make_recipe
from ganforge.registry import load_all

FRAMES, CLIPS = 176, 10
"""Frames of a film, and the clips of 32 frames that it is cut into."""
DRAWN = 20


def resident() -> float:
    """MiB of memory that this process has now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def write_films(folder: Path, count: int, side: int) -> None:
    """Moving waves of light, as mp4."""
    y, x = np.mgrid[0:side, 0:side] / side * 40
    drawn = []
    for k in range(min(DRAWN, count)):
        times = np.arange(FRAMES)[:, None, None, None]
        phase = np.array([0.0, 0.7, 1.4]) + k
        film = 128 + 100 * np.sin(x[..., None] / 3 + times / 7 + phase) * np.cos(y[..., None] / 4 - times / 11)
        drawn.append(folder / f"{k:06d}.mp4")
        drawn[-1].write_bytes(container.encode(list(film.astype(np.uint8)), 25))
    for k in range(len(drawn), count):
        os.link(drawn[k % len(drawn)], folder / f"{k:06d}.mp4")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=64, help="of the films, in px; clips have at most 64")
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--steps", type=int, default=12)
    asked = parser.parse_args()
    load_all()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "films"
        folder.mkdir()
        write_films(folder, -(-asked.clips // CLIPS), asked.side)
        begun = time.perf_counter()
        signal = Video(frames=32)
        clips = signal.items(PathData(path=str(folder), holdout=0.0).open())
        print(f"{len(clips):,} clips opened in {time.perf_counter() - begun:.1f} s; {resident():.0f} MiB")
        begun = time.perf_counter()
        for k in range(0, len(clips), max(1, len(clips) // 20)):
            clips.read(k)
        print(f"a clip decoded in {(time.perf_counter() - begun) / 20 * 1000:.0f} ms")
        spec = signal.spec(clips, lambda shape: shape)
        loader = Loader(clips, lambda item: item, signal.stored(spec), 32, in_memory=False)
        memory = []
        for k in range(asked.batches):
            loader.batch(32 * k)
            memory.append(resident())
        loader.close()
        print(f"memory after batch 1, {asked.batches // 2}, {asked.batches}: {memory[0]:.0f}, "
              f"{memory[asked.batches // 2 - 1]:.0f}, {memory[-1]:.0f} MiB")  # fmt: skip
        words = [f"data={folder}", "data.holdout=0", "data.in_memory=false", f"samples={32 * asked.steps}",
                 "log_every=32", "callbacks=[]"]  # fmt: skip
        run = gf.train(make_recipe("r3gan-video-small", (), words, ()), run_dir=Path(name) / "run", progress=False)
        events = [json.loads(line) for line in (run.folder / "events.jsonl").read_text().splitlines()]
        ticks = [event for event in events if event["event"] == "tick"][2:]  # the first ones wait for the first batch
        shares = [tick["data_share"] for tick in ticks]
        print(f"waiting for clips: {np.mean(shares):.1%} of a step; {resident():.0f} MiB while training")


if __name__ == "__main__":
    main()
