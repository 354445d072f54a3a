"""Files as users have them: what is repaired says so, what cannot be used says why, and nothing else is lost."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

import ganforge as gf
from ganforge import recipes
from ganforge.cli.main import main
from ganforge.core.component import build, to_plain
from ganforge.core.dataset import BadItem
from ganforge.core.overrides import apply
from ganforge.data.path import PathData
from ganforge.engine.build import open_data
from ganforge.engine.train import train
from ganforge.modalities.audio import files
from ganforge.modalities.audio.clips import Clips
from ganforge.modalities.audio.signal import Audio
from ganforge.recipes.base import Recipe
from refused import refused

RATE = 4_000


def tone(pitch: float = 300.0, n: int = 1_024, level: float = 0.5, rate: int = RATE) -> np.ndarray:
    return level * np.sin(2 * np.pi * pitch * np.arange(n) / rate)


def clips_of(folder: Path, **fields) -> Clips:
    found = Audio(**fields).items(PathData(path=str(folder), holdout=0).open())
    assert isinstance(found, Clips)
    return found


def pitch_of(x: np.ndarray, rate: int) -> float:
    return float(np.abs(np.fft.rfft(x, 65_536)).argmax()) * rate / 65_536


@pytest.mark.parametrize(
    ("ending", "subtype"),
    [("wav", "PCM_U8"), ("wav", "PCM_16"), ("wav", "PCM_24"), ("wav", "PCM_32"), ("wav", "FLOAT"), ("wav", "DOUBLE"),
     ("wav", "ALAW"), ("wav", "ULAW"), ("flac", "PCM_16"), ("flac", "PCM_24"), ("ogg", "VORBIS"), ("aiff", "PCM_16")],
)  # fmt: skip
def test_every_depth_and_format_holds_the_same_sound(tmp_path, ending, subtype):
    soundfile.write(tmp_path / f"a.{ending}", tone(n=8_000, rate=8_000), 8_000, subtype=subtype)
    x, rate = files.decode(tmp_path / f"a.{ending}", "a")
    assert rate == 8_000
    assert pitch_of(x[:, 0], rate) == pytest.approx(300, abs=1)
    assert np.sqrt(np.mean(x[2_000:6_000] ** 2)) == pytest.approx(0.354, rel=0.05)


def test_an_extensible_header_is_read(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(), RATE, format="WAVEX", subtype="PCM_24")
    assert pitch_of(files.decode(tmp_path / "a.wav", "a")[0][:, 0], RATE) == pytest.approx(300, abs=1)


def test_mp3(tmp_path):
    soundfile.write(tmp_path / "a.mp3", tone(n=16_000, rate=16_000), 16_000)
    x, rate = files.decode(tmp_path / "a.mp3", "a")
    assert rate == 16_000
    assert abs(len(x) - 16_000) < 3_000, "the encoder's delay is at the ends"
    assert pitch_of(x[4_000:12_000, 0], rate) == pytest.approx(300, abs=1)


def test_mixed_rates_depths_and_channels_become_one(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(n=44_100, rate=44_100), 44_100, subtype="PCM_16")
    soundfile.write(tmp_path / "b.wav", tone(n=44_100, rate=44_100), 44_100, subtype="PCM_16")
    soundfile.write(tmp_path / "c.wav", tone(n=48_000, rate=48_000), 48_000, subtype="PCM_24")
    soundfile.write(tmp_path / "d.wav", np.stack([tone(n=48_000, rate=48_000)] * 3, 1), 48_000)
    clips = clips_of(tmp_path)
    assert clips.rate == 16_000, "the highest rate that is taken unasked"
    for k in range(len(clips)):
        assert clips.read(k).shape == (1, clips.length)
        assert pitch_of(clips.read(k)[0], clips.rate) == pytest.approx(300, abs=2)
    found = Audio.inspect(PathData(path=str(tmp_path), holdout=0).open())
    (said,) = found.facts["reading"]
    assert "44,100 Hz (2), 48,000 Hz (2): all become 16,000 Hz" in said
    assert "1 of 4 have several channels" in said


def test_an_offset_is_taken_off(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(level=0.2) + 0.5, RATE)
    assert abs(clips_of(tmp_path).read(0).mean()) < 1e-4


def test_a_clip_of_forty_milliseconds_is_padded(tmp_path):
    soundfile.write(tmp_path / "long.wav", tone(n=2_048), RATE)
    soundfile.write(tmp_path / "short.wav", tone(n=160), RATE)
    x = clips_of(tmp_path).read(1)[0]
    assert len(x) == 2_048
    assert np.abs(x[:160]).max() > 0.3
    assert (x[160:] == 0).all()


def test_clipped_recordings_are_taken_as_they_are(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.clip(3 * tone(), -1, 1), RATE)
    x = clips_of(tmp_path).read(0)[0]
    assert (np.abs(x) > 0.99).mean() > 0.3


def test_a_header_that_lies_about_its_length(tmp_path):
    """It promises ten times what there is: what is there is read, and the clips beyond it are left out by name."""
    soundfile.write(tmp_path / "a.wav", tone(n=2_048), RATE, subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 40_960)
    (tmp_path / "a.wav").write_bytes(data)
    clips = clips_of(tmp_path, seconds=0.256, crops=False)
    good, bad = [], []
    for k in range(len(clips)):
        try:
            good.append(clips.read(k))
        except BadItem as error:
            bad.append(str(error))
    assert len(good) == 2
    assert all("no samples" in why or "silent" in why for why in bad)


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [("text.wav", b"this is a note\n", "holds text"), ("zero.wav", b"", "can be read"),
     ("page.mp3", b"<html><body>not found</body></html>", "holds text"),
     ("noise.flac", bytes(range(256)) * 8, "be read")],
    ids=["text", "zero length", "a page", "not a flac"],
)  # fmt: skip
def test_what_is_no_sound_is_left_out_by_name(tmp_path, name, content, why):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadItem, match=why) as caught:
        files.decode(tmp_path / name, name)
    assert name in str(caught.value)


def test_bad_files_among_good_ones_cost_nothing(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    for k in range(40):
        soundfile.write(folder / f"{k:02d}.wav", tone(200 + 10 * k), RATE)
    (folder / "text.wav").write_text("words")
    (folder / "zero.wav").write_bytes(b"")
    soundfile.write(folder / "none.wav", np.zeros((0, 1)), RATE)
    soundfile.write(folder / "nan.wav", np.full(1_024, np.nan, np.float32), RATE, subtype="FLOAT")
    soundfile.write(folder / "silent.wav", np.zeros(1_024), RATE)
    (folder / "cut.wav").write_bytes((folder / "00.wav").read_bytes()[:300])
    run = tmp_path / "run"
    small = ["task.generator.channels=8", "task.discriminator.channels=4", "batch=8", "samples=16", "callbacks=[]"]
    recipe = build(Recipe, apply(to_plain(recipes.get("sound-small")), [f"data={folder}", "data.holdout=0", *small]))
    train(recipe, run_dir=run, device="cpu")
    skipped = (run / "events.jsonl").read_text()
    assert all(name in skipped for name in ("text.wav", "zero.wav", "none.wav", "nan.wav", "silent.wav"))
    assert gf.load(run, device="cpu").sample(2).shape == (2, 1_024)


@pytest.mark.parametrize("crops", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_three_hours_are_read_in_flat_memory(tmp_path, crops):
    """22 MB of sound: what is held at a time is a clip, wherever in the file it lies."""
    path = tmp_path / "long.wav"
    hour, rate = 3_600, 1_000
    with soundfile.SoundFile(str(path), "w", rate, 1, "PCM_16") as file:
        for k in range(3):
            file.write(tone(50 + 50 * k, hour * rate, rate=rate))
    dataset = PathData(path=str(path), holdout=0).open()
    signal = Audio(crops=crops)
    clips = signal.items(dataset)
    spec = signal.spec(clips, lambda shape: shape)
    assert len(clips) == round(3 * hour * rate / spec.state["length"])
    tracemalloc.start()
    for k in np.linspace(0, len(clips) - 1, 60).round().astype(int):
        stored = torch.from_numpy(signal.prepare(clips.read(int(k)), spec))[None]
        x = signal.present(stored, spec)[0]
        share = k / len(clips)
        if min(abs(share - edge) for edge in (1 / 3, 2 / 3)) > 0.01:
            assert pitch_of(x, rate) == pytest.approx(50 + 50 * int(3 * share), abs=2)
    assert tracemalloc.get_traced_memory()[1] < 8e6
    tracemalloc.stop()


@pytest.mark.parametrize(("name", "start"), [("song.mid", b"MThd"), ("tune.abc", b"X:1\nT:tune\n")])
def test_notes_are_no_sound(tmp_path, name, start):
    (tmp_path / name).write_bytes(start + b"\0" * 50 if name.endswith("mid") else start)
    with refused("data.not_sound", "notes"):
        PathData(path=str(tmp_path / name)).open()


def test_silence_alone_is_refused(tmp_path):
    for k in range(40):
        soundfile.write(tmp_path / f"{k}.wav", np.zeros(1_024), RATE)
    with refused("data.mostly_unreadable", "silent"):
        open_data(build(Recipe, apply(to_plain(recipes.get("sound-small")), [f"data={tmp_path}"])))


def test_a_resumed_run_is_the_whole_one(tmp_path):
    """Crops and all: half of a run and the rest of it end where one in one go does, bit for bit."""
    rng = np.random.default_rng(0)
    for k in range(3):
        soundfile.write(tmp_path / f"{k}.wav", rng.normal(0, 0.1, 40_000), RATE)
    small = ["task.generator.channels=8", "task.discriminator.channels=4", "batch=8", "callbacks=[]",
             "signal.seconds=0.256"]  # fmt: skip

    def run(name: str, samples: int) -> Path:
        fields = [f"data={tmp_path}", "data.holdout=0", *small, f"samples={samples}", f"checkpoint_every={samples}"]
        recipe = build(Recipe, apply(to_plain(recipes.get("sound-small")), fields))
        return train(recipe, run_dir=tmp_path / name, device="cpu").folder

    whole, half = run("whole", 32), run("half", 16)
    with pytest.raises(SystemExit) as ended:
        main(["train", "--resume", str(half), "samples=32", "--quiet"])
    assert ended.value.code in (0, None)
    a, b = (gf.load(folder, device="cpu").bundle.nets["G"].state_dict() for folder in (whole, half))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_flac_that_is_cut_short_is_read_as_far_as_it_goes(tmp_path):
    soundfile.write(tmp_path / "a.flac", tone(n=40_000) + np.random.default_rng(0).normal(0, 0.01, 40_000), RATE)
    (tmp_path / "a.flac").write_bytes((tmp_path / "a.flac").read_bytes()[: (tmp_path / "a.flac").stat().st_size // 2])
    x, rate = files.decode(tmp_path / "a.flac", "a.flac")
    assert 10_000 < len(x) < 30_000
    assert pitch_of(x[:8_000, 0], rate) == pytest.approx(300, abs=1)
    clips = clips_of(tmp_path, seconds=1.536, crops=False)
    clips.preflight()
    assert any("read as far as they go: a.flac" in sentence for sentence in clips.understood)


def test_what_is_repaired_is_said(tmp_path):
    """Rates, channels, an offset, clipping, silence at both ends, short clips, a header that lies."""
    quiet = np.concatenate([np.zeros(1_500), tone(n=1_000), np.zeros(1_596)])
    for k in range(6):
        soundfile.write(tmp_path / f"a{k}.wav", quiet + 0.1, RATE)
    soundfile.write(tmp_path / "clipped.wav", np.clip(3 * tone(n=4_096), -1, 1), RATE)
    soundfile.write(tmp_path / "short.wav", tone(n=400), RATE)
    soundfile.write(tmp_path / "stereo.wav", np.stack([quiet, 0 * quiet], 1), 8_000)
    soundfile.write(tmp_path / "lies.wav", quiet, RATE, subtype="PCM_16")
    data = bytearray((tmp_path / "lies.wav").read_bytes())
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", 10 * 8_192)
    (tmp_path / "lies.wav").write_bytes(data)
    found = Audio.inspect(PathData(path=str(tmp_path), holdout=0).open())
    (said,) = found.facts["reading"]
    for words in ("4,000 Hz (9), 8,000 Hz (1): all become 4,000 Hz", "1 of 10 have several channels",
                  "end in silence", "6 of 10 clips looked at have an offset", "1 of 10 clips looked at are clipped",
                  "silence at both ends", "as far as they go: lies.wav"):  # fmt: skip
        assert words in said, words
    plain = tmp_path / "plain"
    plain.mkdir()
    for k in range(6):
        soundfile.write(plain / f"{k}.wav", tone(200 + 50 * k), RATE)
    assert Audio.inspect(PathData(path=str(plain), holdout=0).open()).facts["reading"] == []


@pytest.mark.parametrize("dead", ["silent", "faint noise", "an offset"])
@pytest.mark.parametrize("side", [0, 1])
def test_a_dead_channel_does_not_halve_the_sound(tmp_path, dead, side):
    """Also where it is not quite silent, or has an offset of its own, and where the rate is another."""
    x = tone(n=8_192, rate=8_000)
    other = {
        "silent": 0 * x,
        "faint noise": 7e-5 * np.random.default_rng(0).normal(size=len(x)),
        "an offset": 0 * x + 0.2,
    }
    both = [x, other[dead]] if side == 0 else [other[dead], x]
    soundfile.write(tmp_path / "a.wav", np.stack(both, 1), 8_000, subtype="PCM_24")
    for rate in (8_000, RATE):
        heard = clips_of(tmp_path, rate=rate).read(0)[0]
        assert np.sqrt(np.mean(heard[200:-200] ** 2)) == pytest.approx(0.354, rel=0.02), rate


def test_an_offset_makes_no_click_at_another_rate(tmp_path):
    soundfile.write(tmp_path / "a.wav", 0.1 * tone(n=16_384, rate=16_000) + 0.5, 16_000)
    heard = clips_of(tmp_path, rate=RATE).read(0)[0]
    assert np.abs(heard).max() < 0.06


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_sample_costs_one_clip(tmp_path, bad):
    """Of a long float recording all other clips are used, and the bad one is named."""
    x = tone(n=10 * 1_024)
    x[5_000] = bad
    soundfile.write(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
    clips = clips_of(tmp_path, seconds=0.256, crops=False)
    assert len(clips) == 10
    for k in range(10):
        if k == 4:
            with pytest.raises(BadItem, match=r"a\.wav.*not finite"):
                clips.read(k)
        else:
            assert pitch_of(clips.read(k)[0], RATE) == pytest.approx(300, abs=2)


def test_float_files_beyond_full_scale_come_back_undistorted(tmp_path):
    """As those whose whole numbers were taken over undivided: the loudest of a set comes back at full scale."""
    for k, level in enumerate((20_000, 10_000)):
        soundfile.write(tmp_path / f"{k}.wav", tone(level=level), RATE, subtype="FLOAT")
    signal = Audio()
    clips = signal.items(PathData(path=str(tmp_path), holdout=0).open())
    spec = signal.spec(clips, lambda shape: shape)
    stored = torch.from_numpy(np.stack([signal.prepare(clips.read(k), spec) for k in (0, 1)]))
    heard = signal.present(stored, spec)
    assert np.abs(heard).max(1) == pytest.approx([1.0, 0.5], rel=0.01)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(1_024), 8_192))
    assert (spectrum[:, 1_500:].max(1) < 1e-3 * spectrum.max(1)).all(), "no overtones of clipping"


@pytest.mark.parametrize("promised", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_recording_that_was_piped_is_read_to_its_end(tmp_path, promised):
    """Its header holds the largest length, for the true one was not known yet."""
    soundfile.write(tmp_path / "a.wav", tone(n=2_048), RATE, subtype="PCM_16")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    for at in (4, data.index(b"data") + 4):
        data[at : at + 4] = struct.pack("<I", promised)
    (tmp_path / "a.wav").write_bytes(data)
    clips = clips_of(tmp_path, seconds=0.256, crops=False)
    assert len(clips) == 2
    assert pitch_of(clips.read(1)[0], RATE) == pytest.approx(300, abs=2)


def test_a_table_of_files_and_labels(tmp_path):
    """The labels of a csv file become a condition of each clip, by the names of the files."""
    folder = tmp_path / "sounds"
    folder.mkdir()
    for k in range(8):
        soundfile.write(folder / f"rec{k}.wav", tone(300 + 200 * (k % 2), n=2_048), RATE)
    rows = "".join(f"rec{k}.wav,{('low', 'high')[k % 2]}\n" for k in reversed(range(8)))
    (tmp_path / "labels.csv").write_text("path,label\n" + rows)
    dataset = PathData(path=str(folder), labels=str(tmp_path / "labels.csv"), holdout=0).open()
    clips = Audio(seconds=0.256, crops=False).items(dataset)
    assert clips.conditions.names == ("label",)
    assert clips.vectors is not None
    low = clips.conditions.encode([["low"]])[0]
    for k in range(len(clips)):
        is_low = pitch_of(clips.read(k)[0], RATE) < 400
        assert np.array_equal(clips.vectors[k], low) == is_low
