"""Goals of sentences and attributes: trains a recipe for some minutes with several seeds, evaluates each run, and
prints every value beside its goal and beside what the metric's own net reaches on real images.

    python benchmarks/words_goals.py sprites --minutes 30 --seeds 3      # sentences of unseen combinations: 95 % right
    python benchmarks/words_goals.py english --minutes 30 --seeds 3      # the same, of one language
    python benchmarks/words_goals.py chinese --minutes 30 --seeds 3
    python benchmarks/words_goals.py emoji --data emoji.zip/colour --minutes 30
    python benchmarks/words_goals.py attributes --minutes 30             # StarGAN on sprites, color and period

Further `field=value` words go to every run. Runs are kept in `--out` (default: runs/goals) and not trained again.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

import ganforge as gf


@dataclass(frozen=True)
class Goal:
    """A recipe with the words after `ganforge train`, the metrics, and the least value of results by name."""

    words: tuple[str, ...]
    metrics: tuple[str, ...]
    least: dict[str, float] = field(default_factory=dict)


RIGHT = {f"sentences_right[{language}, unseen]": 0.95 for language in ("English", "Chinese")}
COUNT = re.compile(r"\d+(\.\d+)?[kM]?(?=\[|$)")
"""Of samples, in a result's name."""
GOALS = {
    "sprites": Goal(("text2image-small", "data=sprites", "data.captions=both"), ("sentences2000", "fd"), RIGHT),
    "english": Goal(("text2image-small", "data=sprites", "data.captions=en"), ("sentences2000", "fd"), RIGHT),
    "chinese": Goal(("text2image-small", "data=sprites", "data.captions=zh"), ("sentences2000", "fd"), RIGHT),
    "emoji": Goal(("text2image-small", "captions=unicode", "signal.size=32"), ("sentences", "fd")),
    "attributes": Goal(
        ("stargan-small", "data=sprites", "task.conditions=[color,period]"), ("conditions2000", "fd"),
        {"asked_accuracy[color]": 0.97, "asked_accuracy[period]": 0.97},
    ),
}  # fmt: skip


def trained(goal: Goal, more: list[str], minutes: float, seed: int, folder: Path) -> Path:
    """The run of a seed, trained unless it is there."""
    if not (folder / "model.safetensors").is_file():
        words = [*goal.words, *more, f"seed={seed}", "samples=100M", "--minutes", f"{minutes:g}"]
        subprocess.run([sys.executable, "-m", "ganforge", "train", *words, "--run-dir", str(folder)], check=True)
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goal", choices=GOALS)
    parser.add_argument("--data", help="of emoji: the archive")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/goals"))
    asked, more = parser.parse_known_args()
    goal = GOALS[asked.goal]
    more = [*([f"data={asked.data}"] if asked.data else []), *more]
    found: dict[str, list[float]] = {}
    own: dict[str, object] = {}
    for seed in range(asked.seeds):
        folder = trained(goal, more, asked.minutes, seed, asked.out / f"{asked.goal}-{asked.minutes:g}-{seed}")
        for result in gf.evaluate(folder, progress=False, metrics=goal.metrics).results:
            name = COUNT.sub("", result.name)
            found.setdefault(name, []).append(result.value)
            own[name] = result.protocol.get("on_reals", "")
    for name, values in found.items():
        mean, least = float(np.mean(values)), goal.least.get(name)
        met = "" if least is None else f"goal ≥ {least:g}: {'met' if mean >= least else 'missed'}"
        print(f"{name:36} {mean:.4g} {[round(v, 4) for v in values]}  on reals {own[name]}  {met}")
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{asked.goal}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
