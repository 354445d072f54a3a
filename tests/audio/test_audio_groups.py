"""Speakers: read from the names of recordings, and never on both sides of a test of a classifier."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import ganforge as gf
from ganforge.data.path import PathData
from ganforge.evaluation.sides import real_samples
from ganforge.metrics.base import Comparison, SampleSet
from ganforge.metrics.kept_back import groups_kept_back
from ganforge.modalities.audio.extractors.fit import SoundNet
from ganforge.modalities.audio.metrics import classifier as judge
from ganforge.modalities.audio.metrics.figures import SoundLabels
from ganforge.modalities.audio.signal import Audio
from ganforge.modalities.audio.source import SoundFiles, group_field

RATE = 4_000
TAKES = range(3)


@pytest.mark.parametrize(
    ("names", "place"),
    [([f"{label}_{who}_{k}.wav" for label in (0, 1) for who in ("ann", "ben") for k in TAKES], 1),
     ([f"{label}_{who:02d}_{k}.wav" for label in (0, 1) for who in range(4) for k in TAKES], 1),
     ([f"{label}/{who}_nohash_{k}.wav" for label in (0, 1) for who in ("0a7c", "1b2f") for k in TAKES], 0),
     ([f"{label}/{label}_{who}_{k}.wav" for label in (0, 1) for who in ("ann", "ben") for k in TAKES], 1),
     ([f"{label}_ann_{k}.wav" for label in (0, 1) for k in TAKES], None),
     ([f"{label}_{'ab'[label]}{who}_{k}.wav" for label in (0, 1) for who in TAKES for k in TAKES], None),
     ([f"{label}/{k:03d}_take.wav" for label in (0, 1) for k in range(9)], None),
     ([f"{label}_{k}.wav" for label in (0, 1) for k in range(9)], None),
     ([f"{label}/{k}.wav" for label in (0, 1) for k in range(9)], None)],
    ids=["digit_speaker_n", "numbered speakers", "speaker in a class folder", "label in folder and name",
         "one speaker", "speakers of one label each", "a running number", "no third field", "no fields"],
)  # fmt: skip
def test_a_field_that_repeats_across_labels_is_the_speaker(names, place):
    labels = np.array([int(name[0]) for name in names])
    assert group_field(names, labels) == place


def written(folder: Path, speakers: int) -> Path:
    folder.mkdir()
    for label in (0, 1):
        for who in range(speakers):
            for k in range(6):
                x = 0.5 * np.sin(2 * np.pi * (200 + 100 * who + 40 * label) * np.arange(2_048) / RATE)
                soundfile.write(folder / f"{label}_s{who}_{k}.wav", x, RATE)
    return folder


def test_speakers_are_known_of_every_clip_and_part(tmp_path):
    """Of the part to train on and the part held back, of clips cut from recordings, and of samples that metrics get."""
    folder = written(tmp_path / "data", 3)
    for part in ("train", "test"):
        dataset = PathData(path=str(folder), split=part, holdout=0.3).open()
        assert isinstance(dataset, SoundFiles)
        signal = Audio(seconds=0.256, crops=False)
        clips = signal.items(dataset)
        assert len(clips) == 2 * len(dataset)
        side = real_samples(signal, clips, signal.spec(clips, lambda shape: shape))
        assert side.groups is not None
        assert side.groups.tolist() == [name.split("_")[1] for name in dataset.files for _ in (0, 1)]
    found = Audio.inspect(PathData(path=str(folder), holdout=0).open())
    assert any("field 2 of the names is taken for the speaker" in line for line in found.facts["reading"])


def test_whole_groups_are_kept_back_and_no_label_is_lost():
    draws = np.random.default_rng
    groups, labels = np.repeat([f"s{k}" for k in range(10)], 20), np.tile([0, 1], 100)
    for seed in range(5):
        names = groups_kept_back(groups, labels, 0.2, draws(seed))
        assert len(names) == 2
    assert len({groups_kept_back(groups, labels, 0.2, draws(seed))[0] for seed in range(9)}) > 1, "they are drawn"
    large = np.where(np.arange(200) < 150, "large", np.arange(200).astype(str))
    for seed in range(5):
        assert "large" not in groups_kept_back(large, labels, 0.2, draws(seed)), "more than half of all"
    only = np.where(groups == "s3", 2, labels)  # one speaker alone says it
    assert not any("s3" in groups_kept_back(groups, only, 0.2, draws(seed)) for seed in range(9))
    assert not len(groups_kept_back(np.full(200, "s0"), labels, 0.2, draws(0)))


def sounds(speakers: int, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sounds [n, T] at a level that names the speaker, labels, speakers."""
    who = np.arange(n) % speakers
    x = np.sin(2 * np.pi * 500 * np.arange(1_024) / 16_000) * 0.5 ** (1 + who[:, None])
    return x.astype(np.float32), (np.arange(n) // speakers) % 2, np.array([f"s{k}" for k in who])


def side(name: str, speakers: int, n: int, known: bool = True) -> SampleSet:
    x, labels, who = sounds(speakers, n)
    made = SampleSet.of(x, labels, name)
    return SampleSet(name, n, made.draw, labels, groups=who if known else None)


def seen_by(monkeypatch, speakers: int, known: bool = True) -> tuple[list[set[int]], list[int], judge.Classifier]:
    """Which speakers each net is trained on, on how many sounds each is tested, and what is said of them."""
    trained, tested = [], []

    def fit(x, y, classes, *_):
        peaks = np.round(x.amax((1, 2, 3)).numpy(), 3)
        known = np.round(judge.spectra(sounds(speakers, speakers)[0]).amax((1, 2, 3)).numpy(), 3)
        trained.append({int(np.abs(known - peak).argmin()) for peak in peaks})
        return SoundNet(classes).eval()

    def answers(net, x):
        tested.append(len(x))
        return torch.zeros(len(x), 1), torch.zeros(len(x), 2)

    monkeypatch.setattr(judge, "fit", fit)
    monkeypatch.setattr(judge, "answers", answers)
    real = side("real", speakers, 120, known)
    comparison = Comparison(real, real, heldout=side("heldout", speakers, 60, known))
    return trained, tested, judge.classifier(comparison, 1)


def test_of_many_speakers_some_are_kept_from_the_classifier(monkeypatch):
    (learned,), tested, found = seen_by(monkeypatch, 6)
    assert len(learned) == 4
    assert tested == [120 * 2 / 6, 60 * 2 / 6], "all that the two others say, in both parts"
    assert found.other_groups == found.accuracy == 0.5


def test_of_few_speakers_another_net_says_what_it_knows_of_others(monkeypatch):
    (some, judged), tested, found = seen_by(monkeypatch, 2)
    assert (len(some), len(judged)) == (1, 2)
    assert tested == [60, 30, 60], "one speaker in both parts; then the unseen recordings of both"
    assert found.other_groups == 0.5


@pytest.mark.parametrize(("speakers", "known"), [(1, True), (6, False)], ids=["one speaker", "none known"])
def test_without_speakers_nothing_changes(monkeypatch, speakers, known):
    trained, tested, found = seen_by(monkeypatch, speakers, known)
    assert trained == [set(range(speakers))]
    assert tested == [60]
    assert found.other_groups is None


@pytest.mark.slow
def test_a_classifier_that_knows_voices_alone_is_not_credited():
    """Each of six speakers has pitches of their own for the two labels, so that nothing learned serves for another."""
    rng, t = np.random.default_rng(0), np.arange(1_024) / 16_000
    who, labels = np.arange(120) % 6, np.arange(120) // 6 % 2
    pitch = np.array([[400, 800], [1_200, 600], [1_000, 1_500], [2_000, 1_800], [2_300, 2_600], [3_200, 2_900]])
    x = 0.3 * np.sin(2 * np.pi * pitch[who, labels][:, None] * t + rng.uniform(0, 6, (120, 1)))
    x = (x + 0.01 * rng.normal(size=x.shape)).astype(np.float32)
    draw = SampleSet.of(x).draw
    floor = {}
    for groups in (None, np.array([f"s{k}" for k in who])):
        real = SampleSet("real", 120, draw, labels, groups=groups)
        asked = SoundLabels(steps=60).compute(Comparison(real, real, classes=("no", "yes")))[0]
        floor[groups is None] = asked.detail["floor"]
        notes = " ".join(asked.detail["notes"])
        assert ("not trained on" in notes) == (groups is not None)
        assert ("unseen real sounds" in notes) == (groups is None)
    assert floor[True] > 0.9
    assert floor[False] < 0.8


@pytest.mark.slow
def test_an_evaluation_says_what_is_known_of_other_speakers(tmp_path):
    """From the names of the files of a run, through its evaluation, to the report."""
    folder = written(tmp_path / "data", 5)
    small = {"task.generator.channels": 8, "task.discriminator.channels": 4, "callbacks": [], "data.holdout": 0.3}
    model = gf.train("sound-small", data=str(folder), batch=8, samples=16, run_dir=tmp_path / "run", progress=False,
                     fields={"task.conditional": True, **small})  # fmt: skip
    found = gf.evaluate(model.folder, metrics=["sound_labels(steps=40)"], n=20, out=tmp_path / "report", progress=False)
    asked = next(result for result in found.results if result.name.startswith("as_asked"))
    assert asked.detail["other_groups"] == asked.detail["floor"]
    assert found.html is not None
    assert "speakers or other groups that it was not trained on" in found.html.read_text(encoding="utf-8")
