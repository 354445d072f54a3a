"""The worked example that balances a rare class of sounds: who is trained on what, and the whole of it in small."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

FILE = Path(__file__).parents[2] / "examples" / "sounds" / "balance.py"
spec = importlib.util.spec_from_file_location("balance_example", FILE)
assert spec is not None
assert spec.loader is not None
balance = importlib.util.module_from_spec(spec)
spec.loader.exec_module(balance)

RATE, EACH = 4_000, 12
SMALL = ["samples=16", "task.generator.channels=8", "task.discriminator.channels=4", "batch=8", "callbacks=[]"]


def written(folder: Path) -> Path:
    """Two labels that any classifier tells apart by their pitch, with a little noise."""
    folder.mkdir()
    rng, t = np.random.default_rng(0), np.arange(1_024) / RATE
    for label, pitch in (("high", 1_400), ("low", 250)):
        for k in range(EACH):
            x = 0.4 * np.sin(2 * np.pi * (pitch + 5 * k) * t) + rng.normal(0, 0.01, len(t))
            soundfile.write(folder / f"{label}_{k}.wav", x, RATE)
    return folder


def test_only_the_rare_class_loses_recordings_and_no_test_is_trained_on():
    labels = np.repeat([0, 1, 2], 30)
    train, away, test = balance.divided(labels, 1, 0.1)
    assert sorted([*train, *away, *test]) == list(range(90))
    assert np.bincount(labels[train]).tolist() == [20, 2, 20]
    assert np.bincount(labels[test]).tolist() == [10, 10, 10]
    assert (labels[away] == 1).all()


@pytest.mark.slow
def test_accuracies_before_and_after_are_printed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(balance, "SEEDS", 1)
    words = [str(written(tmp_path / "data")), "low", *SMALL, "--share", "0.25", "--steps", "40"]
    monkeypatch.setattr(sys, "argv", ["balance.py", *words])
    balance.main()
    printed = capsys.readouterr().out
    rows = re.findall(r"^(before|the|after|at best)\b.* ([\d.]+)% +([\d.]+)%$", printed, re.MULTILINE)
    assert [name for name, *_ in rows] == ["before", "the", "after", "at best"], printed
    shares = np.array([[float(share) for share in row[1:]] for row in rows])
    per = 100 / (EACH // 3)  # per cent of one recording of a label in the test
    assert np.allclose(shares[:, 0] / per, np.round(shares[:, 0] / per)), "shares of the rare recordings of the test"
    assert np.allclose(2 * shares[:, 1] / per, np.round(2 * shares[:, 1] / per)), "shares of all"
    assert shares[3].min() == 100, "the labels are told apart by whoever has heard enough of both"


def test_a_label_that_is_not_there_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["balance.py", str(written(tmp_path / "data")), "middle"])
    with pytest.raises(SystemExit, match="no label 'middle'; there are: high, low"):
        balance.main()
