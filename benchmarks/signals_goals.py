"""Goals of sounds, time series and shapes: trains a recipe for some minutes or samples with several seeds, evaluates
each run, and prints every value beside its goal.

    python benchmarks/signals_goals.py stock --data stock_data.csv --minutes 10 --seeds 5
    python benchmarks/signals_goals.py energy --data ETTh1.csv --minutes 10 --seeds 5
    python benchmarks/signals_goals.py finance --data closes.csv --seeds 5                    # dates and closing prices
    python benchmarks/signals_goals.py forecast --data ETTh1.csv --samples 20k --seeds 2
    python benchmarks/signals_goals.py calendar --data ETTh1.csv --samples 20k --seeds 2      # with, beside without
    python benchmarks/signals_goals.py gaps --data beijing_pm25.csv.gz --minutes 10 --seeds 2
    python benchmarks/signals_goals.py sound --data spoken_digits.zip --minutes 30 --seeds 2
    python benchmarks/signals_goals.py notes --data orchestra_notes.zip --minutes 30
    python benchmarks/signals_goals.py drums --data drum_machines.zip --minutes 30
    python benchmarks/signals_goals.py denoise --data spoken_digits.zip --minutes 15
    python benchmarks/signals_goals.py vocoder --data spoken_digits.zip --minutes 15 --seeds 2
    python benchmarks/signals_goals.py voxels --data chair.npy.gz --minutes 30                # beside 3d-iwgan
    python benchmarks/signals_goals.py clouds --data chair_1024.npy.gz --minutes 20

Further `field=value` words go to every run. Runs are kept in `--out` (default: runs/goals) and not trained again.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ganforge as gf


@dataclass(frozen=True)
class Goal:
    """Which recipes are trained, and what is asked of them.

    Attributes:
        runs: for each row of the table its name and the words after `ganforge train`.
        metrics: as `ganforge evaluate --metrics` takes them; empty: those that suit the signal.
        bounds: of the result of a name, "≤ 0.037" or "≥ 0.9".
    """

    runs: dict[str, tuple[str, ...]]
    metrics: tuple[str, ...] = ()
    bounds: dict[str, str] | None = None


SERIES = ("series", "discriminative(repeats=10)", "predictive(repeats=10)")
COUNT = re.compile(r"(\d+[kM]?)?(\[.*\])?$")  # of samples, at the end of a result's name
WHOLE = "data.holdout=0"  # the goals are of windows of the whole file, as in the papers
GOALS = {
    "stock": Goal(
        {"series-small": ("series-small", "data.signal=series", WHOLE)},
        SERIES,
        {"discriminative": "≤ 0.05", "correlational": "≤ 0.02", "predictive": "≤ 0.037"},
    ),
    "energy": Goal(
        {"series-small": ("series-small", WHOLE)},
        SERIES,
        {"discriminative": "≤ 0.11", "correlational": "≤ 0.06", "predictive": "≤ 0.122"},
    ),
    "finance": Goal(
        {"quant": ("quant",)},
        ("finance",),
        {"kurtosis": "≥ 7", "hill": "≤ 3.3", "volatility": "≥ 0.2", "leverage": "≤ -0.05"},
    ),
    "forecast": Goal({"forecast": ("forecast",)}),
    "calendar": Goal(
        {"without": ("forecast", "signal.calendar=false"), "with calendar": ("forecast", "signal.calendar=true")}
    ),
    "gaps": Goal({"impute": ("impute",), "with calendar": ("impute", "signal.calendar=true")}),
    "sound": Goal(
        {"sound-small": ("sound-small", "task.conditional=true")},
        bounds={"as_asked": "≥ 0.9", "fd": "≤ 10"},
    ),
    "notes": Goal(
        {"sound-small": ("sound-small", "task.conditional=true", "data.labels=names")}, ("pitch",), {"pitch": "≥ 0.8"}
    ),
    "drums": Goal({"sound-small": ("sound-small",)}),
    "denoise": Goal({"denoise-sound-small": ("denoise-sound-small", "degrade=noise(snr=0..20)")}),
    "vocoder": Goal({"vocoder-small": ("vocoder-small",)}),
    "voxels": Goal(
        {"voxels-latent-small": ("voxels-latent-small",), "3d-iwgan": ("3d-iwgan",)},
        bounds={"nna_cd": "≤ 0.75", "coverage_cd": "≥ 0.42", "mmd_cd": "≤ 0.018", "one_part": "≥ 0.8"},
    ),
    "clouds": Goal({"cloud-small": ("cloud-small",)}, bounds={"nna_cd": "≤ 0.68", "coverage_cd": "≥ 0.45"}),
}


def trained(name: str, words: Sequence[str], data: str, length: Sequence[str], seed: int, out: Path) -> Path:
    """The run of a recipe, trained unless it is there."""
    folder = out / f"{name.replace(' ', '-')}-{seed}"
    if not (folder / "model.safetensors").is_file():
        command = ["train", *words[:1], f"data={data}", *words[1:], *length, f"seed={seed}", "--run-dir", str(folder)]
        subprocess.run([sys.executable, "-m", "ganforge", *command], check=True)
    return folder


def met(value: float, bound: str) -> bool:
    return value <= float(bound[2:]) if bound[0] == "≤" else value >= float(bound[2:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("goal", choices=GOALS)
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--samples")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/goals"))
    asked, more = parser.parse_known_args()
    goal = GOALS[asked.goal]
    length = [f"samples={asked.samples}"] if asked.samples else []
    length += ["--minutes", f"{asked.minutes:g}"] if asked.minutes else []
    found: dict[str, dict[str, list[float]]] = {}
    beside: dict[str, dict[str, object]] = {}
    for name, words in goal.runs.items():
        for seed in range(asked.seeds):
            folder = trained(name, (*words, *more), asked.data, length, seed, asked.out / asked.goal)
            for result in gf.evaluate(folder, progress=False, metrics=goal.metrics or None).results:
                figure = COUNT.sub("", result.name)
                found.setdefault(figure, {}).setdefault(name, []).append(result.value)
                beside[figure] = {k: v for k, v in result.detail.items() if isinstance(v, float)}
                if without := result.detail.get("baseline"):
                    beside[figure][str(without["of"])] = without["value"]
    for figure, by_run in found.items():
        bound = (goal.bounds or {}).get(figure, "")
        for name, values in by_run.items():
            mean = float(np.mean(values))
            note = f"{bound}: {'met' if met(mean, bound) else 'missed'}" if bound else ""
            print(f"{figure:28} {name:16} {mean:.4g} {[round(v, 4) for v in values]} {note}")
        print(f"{'':28} beside: " + ", ".join(f"{k} {v:.4g}" for k, v in beside[figure].items()))
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / f"{asked.goal}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
