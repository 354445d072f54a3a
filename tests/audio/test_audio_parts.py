"""What of the recordings is trained on and what is held back, and where clips begin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from ganforge.core.rng import Rng
from ganforge.data.path import PathData
from ganforge.evaluation.heldout import held_out
from ganforge.modalities.audio.clips import Clips
from ganforge.modalities.audio.melspec import BANDS, HOP, STRIP, views, waveform
from ganforge.modalities.audio.signal import Audio
from refused import refused

RATE = 2_000


def written(folder: Path, n: int, seconds: float = 0.256) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    t = np.arange(int(seconds * RATE)) / RATE
    for k in range(n):
        soundfile.write(folder / f"{k:03d}.wav", 0.5 * np.sin(2 * np.pi * (200 + k) * t), RATE)
    return folder


def opened(path: Path, **fields: Any) -> Any:
    return PathData(path=str(path), **fields).open()


def test_recordings_are_held_back_by_their_names(tmp_path):
    folder = written(tmp_path / "sounds", 80)
    train, test = opened(folder), opened(folder, split="test")
    assert not set(train.files) & set(test.files)
    assert len(train) + len(test) == 80
    assert 2 <= len(test) <= 20
    assert any("held back" in sentence for sentence in train.understood)
    written(folder, 90)  # ten more change nothing for the others
    assert set(test.files) <= set(opened(folder, split="test").files)
    assert len(opened(folder, holdout=0)) == 90


def test_an_evaluation_finds_them(tmp_path):
    source = PathData(path=str(written(tmp_path / "sounds", 40)))
    signal = Audio()
    other, kept, why = held_out(source, signal, signal.items(source.open()))
    assert other is not None, why
    assert kept is not None
    assert len(kept) == 40 - len(source.open())


def test_a_folder_test_is_the_part_held_back(tmp_path):
    written(tmp_path / "train", 12)
    written(tmp_path / "test", 5)
    assert len(opened(tmp_path)) == 12
    assert len(opened(tmp_path, split="test")) == 5


def test_nothing_held_back_is_said(tmp_path):
    folder = written(tmp_path / "sounds", 8)
    with refused("data.split_not_found", "data.holdout"):
        opened(folder, split="test", holdout=0)


def test_the_end_of_one_recording_is_held_back(tmp_path):
    t = np.arange(20 * RATE) / RATE
    x = np.where(t < 18, 0.5 * np.sin(2 * np.pi * 200 * t), 0.5 * np.sin(2 * np.pi * 600 * t))
    soundfile.write(tmp_path / "one.wav", x, RATE)
    clips = {
        split: Audio(seconds=0.512).items(opened(tmp_path / "one.wav", split=split)) for split in ("train", "test")
    }
    for split, pitch in (("train", 200), ("test", 600)):
        for k in range(len(clips[split])):
            heard = clips[split].read(k)[0]
            assert abs(np.abs(np.fft.rfft(heard)).argmax() * RATE / len(heard) - pitch) < 5, (split, k)
    assert len(clips["train"]) == round(18 / 0.512)
    assert clips["train"].identity() != clips["test"].identity()


def test_crops_of_a_long_recording_begin_anywhere(tmp_path):
    soundfile.write(tmp_path / "one.wav", np.linspace(-0.9, 0.9, 8 * RATE), RATE)
    signal = Audio(seconds=0.512)
    clips = signal.items(opened(tmp_path / "one.wav", holdout=0))
    assert isinstance(clips, Clips)
    assert clips.read(0).shape == (1, 2 * clips.length)
    spec = signal.spec(clips, lambda shape: shape)
    stored = torch.from_numpy(np.stack([signal.prepare(clips.read(3), spec)] * 50))
    crops = signal.encode(stored, spec, Rng(0))
    assert crops.shape == (50, 1, clips.length)
    assert len(crops[:, 0, 0].unique()) > 30
    assert torch.equal(crops, signal.encode(stored, spec, Rng(0)))
    assert len(signal.deterministic().encode(stored, spec, Rng(0))[:, 0, 0].unique()) == 1
    assert signal.present(stored, spec).shape == (50, clips.length)


def test_one_shots_are_not_moved(tmp_path):
    clips = Audio().items(opened(written(tmp_path / "sounds", 40)))
    assert isinstance(clips, Clips)
    assert clips.extra == 0


@pytest.mark.parametrize("loudness", ["set", "clip"])
def test_loudness(tmp_path, loudness):
    t = np.arange(512) / RATE
    for k, level in enumerate((0.9, 0.1, 0.01)):
        soundfile.write(tmp_path / f"{k}.wav", level * np.sin(2 * np.pi * 300 * t), RATE)
    signal = Audio(loudness=loudness)
    clips = signal.items(opened(tmp_path, holdout=0))
    spec = signal.spec(clips, lambda shape: shape)
    rms = [float(np.sqrt(np.mean((signal.prepare(clips.read(k), spec) / 32_767.0) ** 2))) for k in range(3)]
    wanted = (0.1, 0.1, 0.1) if loudness == "clip" else (0.9 / 2**0.5, 0.1 / 2**0.5, 0.01 / 2**0.5)
    assert rms == pytest.approx(wanted, rel=0.05)


def test_silence_at_both_ends_is_cut_off(tmp_path):
    x = np.zeros(1_024)
    x[300:600] = 0.5 * np.sin(np.arange(300))
    soundfile.write(tmp_path / "a.wav", x, RATE)
    for trim, first in ((False, 300), (True, 0)):
        heard = Audio(trim=trim).items(opened(tmp_path, holdout=0)).read(0)[0]
        assert abs(np.flatnonzero(np.abs(heard) > 0.05)[0] - first) < 5


def test_stereo(tmp_path):
    t = np.arange(1_024) / RATE
    left, right = 0.5 * np.sin(2 * np.pi * 200 * t), 0.5 * np.sin(2 * np.pi * 500 * t)
    soundfile.write(tmp_path / "two.wav", np.stack([left, right], 1), RATE)
    soundfile.write(tmp_path / "dead.wav", np.stack([left, 0 * left], 1), RATE)
    files = opened(tmp_path, holdout=0)
    mono, stereo = Audio().items(files), Audio(stereo=True).items(files)
    assert np.abs(mono.read(0)[0] - left).max() < 0.01, "a dead channel does not halve the sound"
    assert stereo.read(1).shape == (2, 1_024)
    assert np.abs(stereo.read(1) - np.stack([left, right])).max() < 0.01
    signal = Audio(stereo=True)
    spec = signal.spec(stereo, lambda shape: shape)
    assert spec.shape == (2, 1_024)
    made = signal.decode(torch.zeros(3, *spec.shape) + torch.tensor([0.1, -0.1])[:, None], spec)
    assert made.shape == (3, 1_024, 2)
    paths = signal.write(made, tmp_path / "out", 0, spec)
    assert soundfile.info(paths[0]).channels == 2
    assert signal.render(made, spec)


def test_a_waveform_is_drawn_from_its_lowest_to_its_highest_value_in_each_column():
    x = np.zeros((1, 3 * HOP + 1), np.float32)
    x[0, HOP : HOP + 2] = 1, -0.5
    image = waveform(x)[0]
    assert image.shape == (STRIP, 4), "the rest of a frame is a column too"
    middle = STRIP // 2
    assert np.flatnonzero(image[:, 0]).tolist() == [middle], "silence is a line"
    assert np.flatnonzero(image[:, 1]).tolist() == list(range(middle + middle // 2 + 1))
    assert views(x, RATE).shape == (1, STRIP + 1 + BANDS, 4)
