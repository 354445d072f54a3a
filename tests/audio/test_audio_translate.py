"""Vocoders and restorers: chunks that fit together, damage that is taken off again, files in and files out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import ganforge as gf
from ganforge import recipes
from ganforge.cli.main import main
from ganforge.core.component import build, to_plain
from ganforge.core.errors import UserError
from ganforge.core.overrides import apply
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.engine.train import train
from ganforge.modalities.audio.degrade import SoundDegrade
from ganforge.modalities.audio.melscale import MelScale
from ganforge.modalities.audio.nets.hifigan import Hifigan
from ganforge.modalities.audio.nets.translators import SpectralMask, Vocos
from ganforge.modalities.audio.stft import analysis
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe
from refused import refused

RATE = 4_000
TINY = ["task.translator.channels=8", "task.translator.inner=16", "task.translator.blocks=2", "callbacks=[]", "batch=4",
        "task.critics.0.channels=2", "task.critics.0.max_channels=4", "task.critics.1.channels=2", "samples=16",
        "checkpoint_every=16", "task.alone=8", "data.holdout=0.3"]  # fmt: skip


def tone(pitch: float, n: int) -> np.ndarray:
    return (0.4 * np.sin(2 * np.pi * pitch * np.arange(n) / RATE)).astype(np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("speech")
    for k in range(60):
        soundfile.write(folder / f"{k:02d}.wav", tone(200 + 20 * k, 1_024), RATE)
    return folder


def trained(name: str, data: Path, folder: Path, *more: str) -> Path:
    recipe = build(Recipe, apply(to_plain(recipes.get(name)), [f"data={data}", *TINY, *more]))
    return train(recipe, run_dir=folder, device="cpu").folder


@pytest.fixture(scope="module")
def vocoder(data, tmp_path_factory) -> Path:
    return trained("vocoder-small", data, tmp_path_factory.mktemp("runs") / "vocoder")


@pytest.fixture(scope="module")
def restorer(data, tmp_path_factory) -> Path:
    return trained("denoise-sound-small", data, tmp_path_factory.mktemp("runs") / "restorer")


def run_cli(*words: object, status: tuple = (0, None)) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code in status


# --- nets


NETS = {
    "vocos": (Vocos(channels=8, inner=16, blocks=2, window=64), 16, 12),
    "vocos-rounds": (Vocos(channels=8, inner=16, blocks=2, window=64, rounds=1, rounds_in_use=2), 16, 12),
    "hifigan": (Hifigan(channels=16, rates=(4, 2, 2), kernels=(3, 5), dilations=((1, 3), (1, 3))), 16, 12),
    "hifigan-2": (Hifigan(channels=16, rates=(4, 4), kernels=(3,), dilations=((1, 2),), block="2"), 16, 12),
    "spectral_mask": (SpectralMask(channels=8, inner=16, blocks=2, window=64), 16, 1),
}


@pytest.mark.parametrize("name", NETS)
def test_chunks_are_what_the_whole_would_give(name):
    """A frame depends on `halo` frames on either side, and on no other."""
    translator, hop, channels = NETS[name]
    torch.manual_seed(0)
    mel = MelScale(window=64, hop=hop, bands=channels, high=None)
    net = translator.build(Spec((channels, 160)), Spec((1, 160 * hop)), mel).double().eval()
    net.rate = RATE
    source = torch.randn(1, channels, 160 * net.unit, dtype=torch.float64)
    with torch.no_grad():
        whole = net(source)
        assert whole.shape == (1, 1, 160 * hop)
        for start, stop in ((0, 50), (50, 101), (101, 160)):
            low, high = max(0, start - net.halo), min(160, stop + net.halo)
            part = net(source[..., low * net.unit : high * net.unit])
            part = part[..., (start - low) * hop : (stop - low) * hop]
            assert torch.allclose(part, whole[..., start * hop : stop * hop], atol=1e-12)
        near = net(source[..., (50 - net.halo) * net.unit :])
        changed = source.clone()
        changed[..., : (50 - net.halo) * net.unit] += 1
        assert torch.allclose(net(changed)[..., 50 * hop :], near[..., net.halo * hop :], atol=1e-12)


def test_a_hop_that_the_rates_do_not_make_is_refused():
    translator = Hifigan(channels=16, rates=(4, 4), kernels=(3,), dilations=((1,),))
    with refused("audio.hop_does_not_fit", "task.mel.hop=16"):
        translator.build(Spec((4, 8)), Spec((1, 64)), MelScale(hop=8))


# --- mel spectra


@pytest.mark.parametrize("scale", ["slaney", "htk"])
def test_a_tone_is_in_its_band(scale):
    mel = MelScale(window=256, hop=64, bands=20, high=None, scale=scale)
    found = mel(torch.from_numpy(np.stack([tone(500, 2_048), tone(1_500, 2_048)]))[:, None], RATE)
    assert found.shape == (2, 20, 32)
    low, high = found.mean(2).argmax(1).tolist()
    assert 0 < low < high < 20
    assert torch.allclose(mel(torch.zeros(1, 1, 512), RATE).exp().max(), torch.tensor(mel.floor), atol=1e-3)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_sound_is_brought_nearer_to_a_mel(channels):
    mel = MelScale(window=256, hop=64, bands=40, high=None)
    rng = torch.Generator().manual_seed(0)
    target = torch.from_numpy(np.stack([tone(500, 2_048), tone(1_500, 2_048)])).reshape(-1, channels, 2_048)
    target = target + 0.05 * torch.randn(target.shape, generator=rng)
    x = 0.1 * torch.randn(target.shape, generator=rng)
    wanted = mel(target, RATE)
    gaps = [(mel(x, RATE) - wanted).abs().mean()]
    for _ in range(3):
        x = mel.nearer(x, wanted, RATE)
        gaps.append((mel(x, RATE) - wanted).abs().mean())
    assert gaps[1] < gaps[0] / 2
    assert gaps[3] < gaps[2] < gaps[1]
    gap = analysis(mel.nearer(target, wanted, RATE) - target, 256, 64).abs()[..., 2:-2, :].mean()
    assert gap < 0.02 * analysis(target, 256, 64).abs().mean(), "what fits stays"
    lifted = mel.nearer(target + 0.1, wanted, RATE)
    assert (lifted.mean(2).abs() < 0.05).all(), "an offset, which no band holds, goes"


def test_slaneys_scale_is_linear_below_a_kilohertz():
    from ganforge.modalities.audio.melscale import to_hertz, to_mel

    assert to_mel(500.0, "slaney") == pytest.approx(7.5)
    assert to_mel(6_400.0, "slaney") == pytest.approx(42.0)
    for scale in ("slaney", "htk"):
        assert to_hertz(to_mel(np.array([100.0, 900.0, 3_000.0]), scale), scale) == pytest.approx([100, 900, 3_000])


# --- damage


def damaged(text: str, x: torch.Tensor) -> torch.Tensor:
    return SoundDegrade.parse(text).apply(x, RATE, Rng(0))


def test_damage():
    x = torch.from_numpy(np.stack([tone(300, 2_048) + tone(1_500, 2_048)] * 4))[:, None] / 2
    noisy = damaged("noise(snr=10)", x)
    ratio = 20 * torch.log10(x.norm() / (noisy - x).norm())
    assert ratio == pytest.approx(10, abs=0.5)
    narrow = torch.fft.rfft(damaged("band(rate=1000)", x)).abs()
    assert narrow[..., 1_500 * 2_048 // RATE].max() < 0.01 * narrow[..., round(300 * 2_048 / RATE)].max()
    cut = damaged("clip(level=0.5)", x)
    assert cut.abs().max() == pytest.approx(float(x.abs().max()) / 2, rel=1e-3)
    struck = torch.zeros(1, 1, 2_048)
    struck[..., 100] = 1
    echo = damaged("reverb(seconds=0.2, level=-6)", struck)[0, 0]
    assert (echo[:100] == 0).all() or echo[:100].abs().max() < 1e-5
    assert echo[101:].square().sum() == pytest.approx(10**-0.6, rel=0.05)
    assert echo[101:300].square().mean() > 100 * echo[700:900].square().mean()
    both = SoundDegrade.parse("noise(snr=0..20)+clip(level=0.5)")
    assert torch.equal(both.apply(x, RATE, Rng(3)), both.apply(x, RATE, Rng(3)))
    assert len((both.apply(x, RATE, Rng(3))[:, 0, 0]).unique()) == 4, "each sound has noise of its own"


def test_damage_that_is_unknown_is_refused():
    with pytest.raises(UserError, match="noize"):
        make_recipe("denoise-sound-small", overrides=["degrade=noize"])


# --- from the command line


def test_mels_and_sounds_become_sounds(vocoder, tmp_path):
    mels = tmp_path / "mels"
    mels.mkdir()
    task: Any = recipes.get("vocoder-small").task
    mel = task.mel
    for k, n in enumerate((1_024, 2_500)):
        x = torch.from_numpy(np.pad(tone(300, n), (0, -n % 64)))[None, None]
        np.save(mels / f"{k}.npy", mel(x, RATE)[0].numpy())
    soundfile.write(mels / "whole.wav", tone(300, 1_501), RATE)
    run_cli("translate", vocoder, mels, "--out", tmp_path / "speech")
    lengths = {f.name: soundfile.info(f).frames for f in (tmp_path / "speech").glob("*.wav")}
    assert lengths == {"0.wav": 1_024, "1.wav": 2_560, "whole.wav": 1_501}
    run_cli("translate", vocoder, mels / "0.npy", "--out", tmp_path / "one.flac")
    assert soundfile.info(tmp_path / "one.flac").format == "FLAC"


def test_chunks_of_a_file_have_no_seams(vocoder):
    x = tone(300, 6_000)
    whole = gf.load(vocoder, device="cpu").translate(x)
    assert whole.shape == (6_000,)
    assert np.abs(gf.load(vocoder, device="cpu").translate(x, tile=17) - whole).max() < 1e-4


def test_a_damaged_sound_is_restored_at_its_length(restorer, tmp_path):
    stereo = np.stack([tone(300, 3_001)] * 2, 1)
    soundfile.write(tmp_path / "a.wav", stereo, RATE)
    run_cli("translate", restorer, tmp_path / "a.wav", "--out", tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").frames == 3_001
    soundfile.write(tmp_path / "other.wav", np.repeat(tone(300, 3_000), 2), 2 * RATE)
    assert gf.load(restorer, device="cpu").translate(tmp_path / "other.wav").shape == (3_000,)


def test_what_cannot_be_translated(vocoder, restorer, tmp_path):
    np.save(tmp_path / "bands.npy", np.zeros((80, 20), np.float32))
    with refused("data.unreadable", "40", "80"):
        gf.load(vocoder, device="cpu").translate(tmp_path / "bands.npy")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "text.wav").write_text("no sound")
    soundfile.write(tmp_path / "in" / "fine.wav", tone(300, 500), RATE)
    run_cli("translate", restorer, tmp_path / "in", "--out", tmp_path / "out", status=(3,))
    assert [f.name for f in (tmp_path / "out").glob("*.wav")] == ["fine.wav"]
    assert "text.wav" in json.dumps(json.loads((tmp_path / "out" / "refused.json").read_text()))
    use: Any = gf.load(restorer, device="cpu").translator()
    with refused("output.exists"):
        use.translate_files(tmp_path / "in", tmp_path / "out", ending=None, skip=False, force=False)
    with refused("output.is_the_input"):
        use.translate_files(tmp_path / "in", tmp_path / "in", ending=None, skip=False, force=True)
    with refused("translate.mask_not_taken"):
        gf.load(restorer, device="cpu").translate(tone(300, 500), mask=tone(300, 500))


@pytest.mark.parametrize("which", ["vocoder", "restorer"])
def test_a_translator_is_evaluated(which, request, tmp_path):
    found = gf.evaluate(request.getfixturevalue(which), out=tmp_path / "report", progress=False, device="cpu")
    names = " ".join(result.name for result in found.results)
    assert all(stem in names for stem in ("mcd", "mel_l1", "mstft"))
    assert found.html is not None
    assert "<audio" in found.html.read_text(encoding="utf-8")
    beside = [result.detail.get("baseline", {}).get("of") for result in found.results]
    assert beside == ["the source itself" if which == "restorer" else None] * len(beside)
    assert ("si_sdr" in names) == (which == "restorer"), "a vocoder is free to choose phases"


def test_a_resumed_vocoder_is_the_whole_one(data, tmp_path):
    """Half of a run and the rest of it, critics and all, are the run in one go, bit for bit."""
    trained("vocoder-small", data, tmp_path / "whole", "samples=24", "checkpoint_every=24")
    trained("vocoder-small", data, tmp_path / "parts", "samples=12", "checkpoint_every=12")
    run_cli("train", "--resume", tmp_path / "parts", "samples=24", "--quiet")
    a, b = (gf.load(tmp_path / name, device="cpu").bundle.nets["G"].state_dict() for name in ("whole", "parts"))
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_sources_that_do_not_fit_are_refused(data):
    from ganforge.engine.build import open_data

    with refused("task.needs_pairs", "degrade"):
        recipe = make_recipe("denoise-sound-small", overrides=[f"data={data}", "degrade=null"])
        open_data(recipe)
    with refused("task.unsuitable_net", "mel"):
        open_data(make_recipe("denoise-sound-small", overrides=[f"data={data}", "task.translator=vocos"]))
