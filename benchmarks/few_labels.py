"""Classifiers from few labels: `sgan` beside a supervised net on the same labels, over several seeds.

    python benchmarks/few_labels.py mnist --data DATA/mnist --minutes 30 --seeds 3
    python benchmarks/few_labels.py cifar --data DATA/cifar10.zip --minutes 30 --seeds 1
    python benchmarks/few_labels.py sound --data DATA/spoken_digits.zip --minutes 10 --seeds 1

Goal: MNIST with 100 labels, error at most 1.2 % after 30 minutes on two cores (0.93 ± 0.065 % in Salimans et al. 2016).
A seed draws both the labeled samples and the weights. Prints the error on the test part, the calibration error with its
temperature and without, and the samples seen, for each run; further `field=value` words go to every run. Runs are kept
in `--out` (default: runs/few) and not trained again. Writes OUT/SET.json.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ganforge as gf


@dataclass(frozen=True)
class Goal:
    """What is trained.

    Attributes:
        recipe: its name. words: its fields.
        labels: labeled samples of each class.
        bound: the goal for the error in percent; None: there is none.
    """

    recipe: str
    labels: int
    words: tuple[str, ...] = ()
    bound: float | None = None


SPECTRA = ("signal.kind=audio", "signal.form=spectrogram")
GOALS = {
    "mnist": Goal("sgan", 10, bound=1.2),
    "cifar": Goal("sgan-conv", 100),
    "sound": Goal("sgan", 5, (*SPECTRA, "signal.rate=4000", "signal.seconds=0.512")),
}
SUPERVISED_SHARE = 0.2
"""Of the minutes of a run: a supervised net on a hundred labels is at its best long before."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=GOALS)
    parser.add_argument("--data", required=True)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs/few"))
    parser.add_argument("--no-baseline", action="store_true")
    asked, more = parser.parse_known_args()
    goal = GOALS[asked.set]
    found: dict[str, list[dict[str, float]]] = {}
    for name, words in {"supervised": ("task.supervised=true",), goal.recipe: ()}.items():
        if name == "supervised" and asked.no_baseline:
            continue
        minutes = asked.minutes * (SUPERVISED_SHARE if name == "supervised" else 1)
        for seed in range(asked.seeds):
            folder = asked.out / f"{asked.set}-{name}-{seed}"
            fields = dict(word.split("=", 1) for word in (*goal.words, *words, *more))
            fields |= {"data.labels_per_class": goal.labels, "data.labels_seed": seed, "seed": seed}
            if not (folder / "model.safetensors").exists():
                gf.train(goal.recipe, data=asked.data, minutes=minutes, run_dir=folder, fields=fields)
            tested = gf.classify(folder, "split=test")
            assert tested.quality is not None
            calibration = tested.calibration.quality
            row = {"error": 100 * (1 - tested.quality.accuracy), "temperature": tested.calibration.temperature}
            if calibration is not None:
                row |= {"calibration": calibration.calibration_error, "without": calibration.uncalibrated_error}
            found.setdefault(name, []).append(row | {"samples": float(gf.load(folder).samples)})
            print(f"{name:12} seed {seed}:", ", ".join(f"{key} {value:.4g}" for key, value in found[name][-1].items()))
            asked.out.mkdir(parents=True, exist_ok=True)
            (asked.out / f"{asked.set}.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    for name, rows in found.items():
        errors = np.array([row["error"] for row in rows])
        met = "" if goal.bound is None or name == "supervised" else f", goal {goal.bound} %"
        print(f"{name:12} error {errors.mean():.2f} ± {errors.std():.2f} %{met}")


if __name__ == "__main__":
    main()
