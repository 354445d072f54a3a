"""Balance a rare class of sounds: a classifier trained with generated clips of it, beside one trained without.

    python examples/sounds/balance.py spoken_digits.zip seven --minutes 10

A third of the recordings is kept for the test. Of the rest, the rare class keeps a tenth (`--share`), and a conditional
model is trained on what is left. It is asked for as many clips of the rare class as are missing. Four classifiers are
compared, each trained three times: on the recordings as they are, with the rare ones repeated, with the generated ones,
and, as a ceiling, with the recordings that were taken away. What is printed is the share of the test that each names
right: of the rare class, and of all.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

import ganforge as gf
from ganforge.data.path import PathData
from ganforge.metrics.base import silent
from ganforge.modalities.audio.extractors.fit import STEPS, answers, fit
from ganforge.modalities.audio.metrics.classifier import spectra
from ganforge.modalities.audio.source import SoundFiles
from ganforge.registry import load_all

TEST = 1 / 3
SEEDS = 3


def divided(labels: np.ndarray, rare: int, share: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Recordings to train on, those of the rare class that are taken away, and those of the test."""
    draws = np.random.default_rng(0)
    train, away, test = [], [], []
    for label in np.unique(labels):
        rows = draws.permutation(np.flatnonzero(labels == label))
        cut = round(len(rows) * TEST)
        kept = max(2, round((len(rows) - cut) * share)) if label == rare else len(rows) - cut
        test += list(rows[:cut])
        train += list(rows[cut : cut + kept])
        away += list(rows[cut + kept :])
    return np.array(train), np.array(away, dtype=int), np.array(test)


def copied(files: SoundFiles, rows: np.ndarray, folder: Path) -> Path:
    """Recordings as files in folders that are called like their class."""
    assert files.labels is not None
    for k in rows:
        place = folder / files.classes[files.labels[k]] / f"{k}-{Path(files.files[k]).name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        opened = files.store.open(files.files[k])
        place.write_bytes(opened.read_bytes() if isinstance(opened, Path) else opened.read())
    return folder


def accuracy(
    x: np.ndarray, y: np.ndarray, test_x: np.ndarray, test_y: np.ndarray, rare: int, steps: int
) -> tuple[float, float]:
    """Share of the test's recordings of the rare class, and of all, that a classifier trained on x names right."""
    found = []
    for seed in range(SEEDS):
        net = fit(spectra(x), torch.from_numpy(y), int(test_y.max()) + 1, seed, steps, silent)
        right = answers(net, spectra(test_x))[1].argmax(1).numpy() == test_y
        found.append((right[test_y == rare].mean(), right.mean()))
    return tuple(np.mean(found, 0).tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="a folder or zip of sounds with labels")
    parser.add_argument("label", help="the class that becomes rare")
    parser.add_argument("fields", nargs="*", help="fields of the model's recipe, such as samples=50k")
    parser.add_argument("--share", type=float, default=0.1, help="of its recordings that are left")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--steps", type=int, default=STEPS, help="of each classifier")
    parser.add_argument("--run", type=Path, help="an earlier run of this script, in place of training")
    asked = parser.parse_args()
    load_all()
    files: Any = PathData(path=asked.data, holdout=0).open()
    if asked.label not in files.classes:
        raise SystemExit(f"{asked.data}: no label {asked.label!r}; there are: {', '.join(files.classes) or 'none'}")
    rare = files.classes.index(asked.label)
    train, away, test = divided(files.labels, rare, asked.share)
    with tempfile.TemporaryDirectory() as folder:
        data = copied(files, train, Path(folder) / "train")
        model = gf.load(asked.run) if asked.run else gf.train(
            "sound-small", data=str(data), minutes=asked.minutes,
            fields={"data.holdout": 0, "task.conditional": True, **dict(word.split("=", 1) for word in asked.fields)},
        )  # fmt: skip
    clips: Any = model.recipe.signal.at(model.spec).items(files)

    def read(rows: np.ndarray) -> np.ndarray:
        return np.stack([clips.read(int(k))[0, : clips.length] for k in rows])

    made = model.sample(len(away), label=asked.label)
    x, y, of_test = read(train), files.labels[train], (read(test), files.labels[test])
    left = np.flatnonzero(y == rare)
    more = np.full(len(away), rare)
    print(f"model: {model.folder}")
    print(f"accuracy on {len(test)} recordings that were not trained on, the mean of {SEEDS} classifiers each")
    print(f"{'trained on':44} {asked.label!r:>10} {'all labels':>10}")
    for name, extra in (
        (f"before: {len(left)} recordings of {asked.label!r}", None),
        (f"the {len(left)}, repeated {len(away)} times in all", x[np.resize(left, len(away))]),
        (f"after: the {len(left)}, and {len(away)} generated clips", made),
        (f"at best: the {len(left)}, and the {len(away)} taken away", read(away)),
    ):
        both = (x, y) if extra is None else (np.concatenate([x, extra]), np.concatenate([y, more]))
        of_rare, of_all = accuracy(*both, *of_test, rare, asked.steps)
        print(f"{name:44} {of_rare:10.1%} {of_all:10.1%}")


if __name__ == "__main__":
    main()
