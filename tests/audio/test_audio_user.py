"""Sounds from a folder to a model to hand on, as a user goes; and files that cannot be used."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.choice import Machine
from ganforge.data.path import PathData
from ganforge.engine.build import open_data
from ganforge.modalities.audio.clips import Clips, resampled
from ganforge.modalities.audio.metrics.mel import MelEncoder
from ganforge.modalities.audio.nets.istft import HOP, WINDOW, loudness
from ganforge.modalities.audio.signal import Audio
from ganforge.modalities.audio.source import SoundFiles
from ganforge.modalities.audio.stft import analysis, griffin_lim, synthesis
from ganforge.recipes import make_recipe
from ganforge.recipes.choice import choose
from refused import refused

RATE = 4_000
SMALL = ["task.generator.channels=8", "task.discriminator.channels=4", "batch=8", "callbacks.0.columns=2"]


def tone(pitch: float, seconds: float = 0.25, loud: float = 0.5, rate: int = RATE) -> np.ndarray:
    return loud * np.sin(2 * np.pi * pitch * np.arange(int(seconds * rate)) / rate)


def written(folder: Path, n: int = 20) -> Path:
    """Two labels in the names: 3 is low and 7 is high."""
    folder.mkdir()
    for k in range(n):
        for digit, pitch in ((3, 300), (7, 1_200)):
            soundfile.write(folder / f"{digit}_anna_{k}.wav", tone(pitch + 5 * k), RATE)
    return folder


def opened(path: Path) -> SoundFiles:
    found = PathData(path=str(path), holdout=0).open()
    assert isinstance(found, SoundFiles)
    return found


def run_cli(*words: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code in (0, None)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return written(tmp_path_factory.mktemp("sounds") / "spoken")


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Path:
    """No recipe is named: the data chooses it, with labels."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    run_cli("train", data, *SMALL, "samples=32", "checkpoint_every=32", "--run-dir", folder, "--quiet")
    return folder


def test_a_run_leaves_previews_to_hear_and_to_see(run):
    sound, rate = soundfile.read(run / "previews" / "latest.wav")
    assert rate == RATE
    assert np.isfinite(sound).all()
    assert len(sound) == 4 * (1024 + RATE // 10)  # two labels, two of each, gaps of 0.1 s
    assert (run / "previews" / "latest.png").read_bytes().startswith(b"\x89PNG")


def test_one_label_is_sampled_as_files_and_as_one_file(run, tmp_path):
    run_cli("sample", run, "-n", 5, "--label", "seven", "--out", tmp_path / "sevens")
    files = sorted((tmp_path / "sevens").glob("*.wav"))
    assert len(files) == 5
    assert soundfile.info(files[0]).samplerate == RATE
    assert soundfile.info(files[0]).frames == 1024
    run_cli("sample", run, "-n", 3, "--out", tmp_path / "all.wav")
    assert soundfile.info(tmp_path / "all.wav").frames == 3 * (1024 + RATE // 10)


def test_a_file_of_a_form_that_is_not_written_is_no_folder(run, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["sample", str(run), "-n", "2", "--out", str(tmp_path / "all.mp3")])
    assert ended.value.code == 2
    assert "FILE.wav, FILE.flac" in capsys.readouterr().err
    assert not (tmp_path / "all.mp3").exists()


@pytest.mark.slow
def test_a_report_plays(run, tmp_path):
    found = gf.evaluate(run, n=40, out=tmp_path / "report", progress=False, device="cpu")
    assert any("fd" in result.name and "mfcc" in result.name for result in found.results)
    assert found.html is not None
    page = found.html.read_text(encoding="utf-8")
    assert page.count("<audio") == 2  # generated and real
    assert "data:audio/wav;base64," in page


def test_a_run_is_resumed_and_exported(run, tmp_path):
    shutil.copytree(run, tmp_path / "run")
    run_cli("train", "--resume", tmp_path / "run", "samples=64", "--quiet")
    model = gf.load(tmp_path / "run", device="cpu")
    assert model.samples == 64
    run_cli("export", tmp_path / "run", "--out", tmp_path / "export")
    card = (tmp_path / "export" / "README.md").read_text(encoding="utf-8")
    assert "sounds of 0.26 s at 4,000 Hz" in card
    sounds = gf.load(tmp_path / "export" / "model.safetensors", device="cpu").sample(2, seed=0, label="three")
    assert np.array_equal(sounds, model.sample(2, seed=0, label="three"))


def test_inspect_says_lengths_rates_labels_and_what_is_broken(data, tmp_path, capsys):
    folder = shutil.copytree(data, tmp_path / "copy")
    (folder / "7_anna_99.wav").write_text("words")
    soundfile.write(folder / "3_ben_0.wav", np.stack([tone(300, 2.0, rate=8_000)] * 2, 1), 8_000)
    found = Audio.inspect(opened(folder))
    assert found.facts["count"] == 42
    assert found.facts["seconds"] == {"shortest": 0.25, "median": 0.25, "longest": 2.0, "total": 12.0}
    assert found.facts["rates"] == {"4000": 40, "8000": 1}
    assert found.facts["channels"] == {"1": 40, "2": 1}
    assert found.facts["classes"] == {"three": 21, "seven": 21}
    assert found.facts["unreadable"] == ["7_anna_99.wav"]
    assert "7_anna_99.wav" in found.hints[0]
    run_cli("data", "inspect", folder)
    said = capsys.readouterr().out
    assert "three (21), seven (21)" in said
    assert "sound-small" in said


def test_the_choice_has_labels_and_a_small_batch(data, tmp_path):
    choice = choose(opened(data), Machine())
    assert (choice.recipe, choice.fields) == ("sound-small", ("task.conditional=true", "batch=20"))
    with refused("audio.too_few_sounds", "12", "signal.seconds"):
        choose(opened(written(tmp_path / "few", 6)), Machine())


# --- clips that cannot be used


def test_silent_and_unreadable_clips_do_not_stop_a_run(data, tmp_path):
    folder = shutil.copytree(data, tmp_path / "copy")
    for k in range(10):  # the first and the last by name, which are among those whose loudness is measured
        soundfile.write(folder / f"0_silent_{k}.wav", np.full(500, 0.3), RATE)  # no sound but an offset
        (folder / f"9_broken_{k}.wav").write_text("words")
    run_cli("train", "sound-small", f"data={folder}", *SMALL, "samples=16", "callbacks=[]",
            "--run-dir", tmp_path / "run", "--quiet")  # fmt: skip
    assert gf.load(tmp_path / "run", device="cpu").spec.state["gain"] == pytest.approx(1.8, rel=0.01)


def test_loudness_is_found_beyond_the_clips_that_are_measured_first(tmp_path):
    for k in range(200):
        soundfile.write(tmp_path / f"{k:03d}.wav", tone(300) if k == 79 else np.zeros(500), RATE)
    clips = Audio().items(opened(tmp_path))
    assert isinstance(clips, Clips)
    assert 79 not in np.linspace(0, 199, 50).round()
    assert clips.peak() == pytest.approx(0.5, rel=0.01)


def test_only_silence_is_refused(tmp_path):
    for k in range(40):
        soundfile.write(tmp_path / f"{k}.wav", np.zeros(500), RATE)
    with refused("data.mostly_unreadable", "40 sounds", "silent"):
        open_data(make_recipe("sound-small", overrides=[f"data={tmp_path}", "data.holdout=0"]))


@pytest.mark.parametrize(
    ("name", "code", "named"),
    [("a.mid", "data.not_sound", "MIDI"), ("a.abc", "data.not_sound", "ABC"),
     ("a.m4a", "data.unsupported_format", "ffmpeg"),
     ("empty.wav", "data.empty", "empty.wav")],
)  # fmt: skip
@pytest.mark.parametrize("folder", [True, False], ids=["folder", "file"])
def test_what_is_no_sound_is_refused(tmp_path, name, code, named, folder):
    (tmp_path / name).write_bytes(b"" if name == "empty.wav" else b"MThd or X:1")
    if name == "empty.wav" and folder:
        code, named = "data.mostly_unreadable", "empty"
    with refused(code, named):
        Audio().items(PathData(path=str(tmp_path if folder else tmp_path / name)).open())


def test_nets_of_other_samples_are_refused(data):
    with refused("nets.not_for_shape"):
        open_data(make_recipe("sound-small", overrides=[f"data={data}", "task.generator=dcgan"]))


def test_a_cover_beside_sounds_makes_them_no_images(data, tmp_path):
    folder = shutil.copytree(data, tmp_path / "album")
    Image.new("RGB", (40, 40)).save(folder / "cover.png")
    dataset = opened(folder)
    assert len(dataset) == 40
    assert any("cover.png" in sentence for sentence in dataset.understood)


# --- what the parts do


def test_long_recordings_are_cut_and_resampled(tmp_path):
    soundfile.write(tmp_path / "long.wav", tone(440, 10.0, rate=44_100), 44_100)
    clips = Audio(rate=8_000, seconds=0.512).items(opened(tmp_path))
    assert isinstance(clips, Clips)
    assert (clips.length, len(clips)) == (4_096, 20)
    assert clips.extra == 4_096
    spectrum = np.abs(np.fft.rfft(clips.read(7)[0, :4_096]))
    assert spectrum.argmax() * 8_000 / 4_096 == pytest.approx(440, abs=2)
    assert Audio(rate=8_000).items(clips) is clips


def test_resampling_keeps_a_tone():
    x = tone(200, 1.0, rate=8_000)[:, None]
    assert np.abs(resampled(x, 8_000, 4_000)[100:-100] - tone(200, 1.0)[100:-100, None]).max() < 0.01


def test_frames_of_a_sound_add_up_to_it():
    """The spectra of a sound are turned into the same sound again."""
    x = torch.randn(2, 1, 20 * HOP, dtype=torch.float64)
    spectra = analysis(x, WINDOW, HOP)
    assert spectra.shape == (2, 1, WINDOW // 2 + 1, 20)
    assert torch.allclose(synthesis(spectra, WINDOW, HOP), x, atol=1e-10)


def test_phases_are_found_again():
    """Griffin-Lim's sound has the magnitudes that were asked for, whatever other sounds are in the batch."""
    x = torch.from_numpy(tone(300, 0.256, rate=8_000) + tone(1_000, 0.256, rate=8_000))[None]
    wanted = analysis(x, WINDOW, HOP).abs()
    made = griffin_lim(wanted, WINDOW, HOP, 60)
    off = (analysis(made, WINDOW, HOP).abs() - wanted).norm() / wanted.norm()
    assert off < 0.1
    assert torch.allclose(griffin_lim(torch.cat([wanted, wanted.roll(3, 1)]), WINDOW, HOP, 60)[:1], made, atol=1e-8)


def test_gradients_of_gradients_pass_through_loudness():
    x = torch.from_numpy(tone(300, 0.032)).reshape(1, 1, -1).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda sound: loudness(0.01 * sound)[:, :, ::32], (x,))


def test_loudness_is_zero_for_silence_and_one_for_a_full_tone():
    assert (loudness(torch.zeros(1, 1, 1_024)) == 0).all()
    full = loudness(torch.from_numpy(tone(500, 0.256, 1.0)).float()[None, None])
    assert full.shape == (1, 1, WINDOW // 2, 16)
    assert full[0, 0, :, 8].argmax() == 500 * WINDOW // RATE
    assert float(full.max()) == pytest.approx(1, abs=0.05)


def test_features_tell_pitch_and_time_apart():
    encoder = MelEncoder()
    low, high, later = tone(300), tone(1_200), np.roll(np.pad(tone(300), (0, 1_000)), 1_000)[: len(tone(300))]
    features, probabilities = encoder.encode(np.stack([low, high, later, 0 * low]))
    assert probabilities is None
    assert features.shape == (4, encoder.dim)
    assert (features[3] == 0).all()
    assert (features[0] - features[1]).abs().max() > 0.3
    assert (features[0] - features[2]).abs().max() > 0.3
