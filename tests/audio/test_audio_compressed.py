"""Compressed files keep their place in time: the delay of encoders, variable bit rates, parts of long recordings."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import ganforge as gf
from ganforge.core.component import build, to_plain
from ganforge.core.overrides import apply
from ganforge.data.path import PathData
from ganforge.engine.train import train
from ganforge.modalities.audio import decoded, files
from ganforge.modalities.audio.clips import Clips
from ganforge.modalities.audio.signal import Audio
from ganforge.modalities.audio.source import SoundFiles
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe

RATE, STEP = 16_000, 4_096
FORMS = {
    "constant.mp3": {"bitrate_mode": "CONSTANT", "compression_level": 0.5},
    "average.mp3": {"bitrate_mode": "AVERAGE", "compression_level": 0.5},
    "best.mp3": {"bitrate_mode": "VARIABLE", "compression_level": 0.0},
    "smallest.mp3": {"bitrate_mode": "VARIABLE", "compression_level": 0.99},
    "vorbis.ogg": {"subtype": "VORBIS"},
    "opus.ogg": {"subtype": "OPUS"},
    "named.opus": {"subtype": "OPUS", "format": "OGG"},
}
ALIKE = {"named.opus", "average.mp3"}
"""Read as another one is: where that takes long they are slow."""


def scale(steps: int, rate: int = RATE, up: int = 100) -> np.ndarray:
    """Steps of 4,096 samples, each of another pitch: 300, 400, 500 Hz and so on."""
    pitch = np.repeat(300.0 + up * np.arange(steps), STEP)
    return 0.5 * np.sin(2 * np.pi * np.cumsum(pitch) / rate)


def noisy(steps: int) -> np.ndarray:
    """Parts that are hard to encode, and others that are not, so that the bit rate varies."""
    loud = np.repeat(np.arange(steps) % 7 < 3, STEP)
    return loud * np.random.default_rng(0).normal(0, 0.07, steps * STEP)


def written(path: Path, x: np.ndarray, form: str, rate: int = RATE) -> Path:
    options: dict[str, Any] = FORMS[form]
    soundfile.write(path, x, rate, **options)
    return path


def pitch_of(x: np.ndarray, rate: int = RATE) -> float:
    return float(np.abs(np.fft.rfft(x * np.hanning(len(x)), 65_536)).argmax()) * rate / 65_536


def clips_of(path: Path, **fields: Any) -> Clips:
    found = Audio(crops=False, **fields).items(PathData(path=str(path), holdout=0).open())
    assert isinstance(found, Clips)
    return found


@pytest.mark.parametrize("form", FORMS)
def test_length_and_place_are_those_of_the_sound(tmp_path, form):
    """The encoder's delay is taken off: nothing is longer, and nothing moved."""
    x = np.concatenate([np.zeros(STEP), scale(6), np.zeros(STEP)])
    path = written(tmp_path / form, x, form)
    found, rate = files.decode(path, form)
    assert rate == RATE
    assert found.shape == (len(x), 1)
    assert files.header(path, form).frames == len(x)
    heard = np.flatnonzero(np.abs(found[:, 0]) > 0.1)
    assert heard[0] == pytest.approx(STEP, abs=40)
    assert heard[-1] == pytest.approx(len(x) - STEP, abs=40)
    for k in range(6):
        assert pitch_of(found[(k + 1) * STEP : (k + 2) * STEP, 0]) == pytest.approx(300 + 100 * k, abs=5)


@pytest.mark.parametrize(
    "form", [pytest.param(form, marks=pytest.mark.slow if form in ALIKE else ()) for form in FORMS]
)
def test_each_clip_of_a_long_recording_is_from_its_place(tmp_path, form):
    """Also of variable bit rates, in which seeking is off by seconds."""
    steps = 60
    written(tmp_path / form, scale(steps, up=40) + noisy(steps), form)
    clips = clips_of(tmp_path, seconds=STEP / RATE)
    assert len(clips) == steps
    whole, _ = files.decode(tmp_path / form, form)
    for k in (0, 17, 41, 5, 30, steps - 1):  # not in order
        x = whole[k * STEP : (k + 1) * STEP, 0]
        assert np.abs(clips.read(k)[0] - (x - x.mean())).max() < 1e-3, k
        assert pitch_of(clips.read(k)[0]) == pytest.approx(300 + 40 * k, abs=10), k
    clips.preflight()
    assert not any("before their header says" in line for line in clips.understood)


def test_the_end_of_a_recording_of_variable_bit_rate_is_held_back(tmp_path):
    """What is held back for evaluation is never read for training."""
    path = written(tmp_path / "one.mp3", scale(80, up=40) + noisy(80), "smallest.mp3")
    whole, _ = files.decode(path, "one.mp3")
    for split, part in (("train", whole[: 40 * STEP]), ("test", whole[40 * STEP :])):
        clips = Audio(crops=False, seconds=STEP / RATE).items(PathData(path=str(path), split=split, holdout=0.5).open())
        assert len(clips) == 40
        for k in (21, 30, 39):
            x = part[k * STEP : (k + 1) * STEP, 0]
            assert np.abs(clips.read(k)[0] - (x - x.mean())).max() < 1e-3, (split, k)


def test_few_decoded_recordings_are_kept(tmp_path, monkeypatch):
    """Each holds a file open, so those asked for last are kept, and the others decoded again."""
    monkeypatch.setattr(decoded, "MOST", 2)
    for k in range(3):
        written(tmp_path / f"{k}.mp3", scale(10)[k * STEP :], "best.mp3")
    dataset = PathData(path=str(tmp_path), holdout=0).open()
    assert isinstance(dataset, SoundFiles)
    for k in (0, 1, 2, 0, 2, 1):
        x, _ = dataset.part(k, 2 * STEP, STEP)
        assert pitch_of(x[:, 0]) == pytest.approx(300 + 100 * (k + 2), abs=5)
        assert np.abs(x - dataset.read(k)[2 * STEP : 3 * STEP]).max() < 1e-4
        assert len(dataset._decoded.kept) <= 2


def test_a_damaged_file_of_variable_bit_rate_is_read_as_far_as_it_goes(tmp_path):
    path = written(tmp_path / "a.mp3", scale(20), "best.mp3")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clips = clips_of(tmp_path, seconds=STEP / RATE)
    assert pitch_of(clips.read(5)[0]) == pytest.approx(800, abs=5)
    clips.preflight()
    assert any("read as far as they go: a.mp3" in line for line in clips.understood)


def without_its_first_frame(data: bytes) -> bytes:
    """An mp3 file (MPEG 1, 44.1 kHz) without the frame that says how long the encoder's delay is."""
    (head,) = struct.unpack(">I", data[:4])
    kilobits = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)[(head >> 12) & 15]
    return data[144_000 * kilobits // 44_100 + ((head >> 9) & 1) :]


def test_a_delay_that_the_file_does_not_say_stays_as_silence(tmp_path):
    """Without the frame of the encoder nobody knows it: 1,105 samples come first, and nothing is lost."""
    x = np.tile(scale(1, 44_100), 10)
    path = written(tmp_path / "a.mp3", x, "constant.mp3", 44_100)
    path.write_bytes(without_its_first_frame(path.read_bytes()))
    found, rate = files.decode(path, "a.mp3")
    assert (rate, len(found) >= len(x)) == (44_100, True)
    heard = np.flatnonzero(np.abs(found[:, 0]) > 0.05)
    assert 1_000 < heard[0] < 1_300
    assert heard[-1] - heard[0] == pytest.approx(len(x), abs=1_200)
    assert pitch_of(found[10_000:30_000, 0], rate) == pytest.approx(300, abs=3)


def test_all_forms_are_trained_on_together(tmp_path):
    """In one folder, some under another ending than that of their form, and with 8-bit, A-law and float files."""
    folder = tmp_path / "data"
    folder.mkdir()
    for k, form in enumerate(FORMS):
        written(folder / f"{k}_{form}", scale(2), form)
    shutil.move(folder / "0_constant.mp3", folder / "0_mp3.wav")
    shutil.move(folder / "5_opus.ogg", folder / "5_OPUS.MP3")
    for name, subtype in (("eight", "PCM_U8"), ("alaw", "ALAW"), ("ulaw", "ULAW"), ("float", "FLOAT")):
        soundfile.write(folder / f"{name}.WAV", scale(2), RATE, subtype=subtype)
    clips = clips_of(folder)
    assert len(clips) == len(FORMS) + 4
    for k in range(len(clips)):
        x = clips.read(k)[0]
        assert len(x) == 2 * STEP
        assert [pitch_of(part) for part in np.split(x, 2)] == pytest.approx([300, 400], abs=5), clips.describe(k)
        assert np.sqrt(np.mean(x**2)) == pytest.approx(0.354, rel=0.08), clips.describe(k)
    small = ["task.generator.channels=8", "task.discriminator.channels=4", "batch=8", "samples=16", "callbacks=[]"]
    recipe = build(Recipe, apply(to_plain(make_recipe("sound-small")), [f"data={folder}", "data.holdout=0", *small]))
    run = train(recipe, run_dir=tmp_path / "run", device="cpu").folder
    assert "skipped" not in (run / "events.jsonl").read_text()
    assert gf.load(run, device="cpu").sample(2).shape == (2, 2 * STEP)
