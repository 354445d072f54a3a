"""The systems of papers have the sizes that their papers state or that follow from their tables; forms work."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from ganforge import recipes
from ganforge.core.types import Spec
from ganforge.modalities.audio.forms.mel_if import MelIf
from ganforge.modalities.audio.forms.spectrogram import Spectrogram
from ganforge.modalities.audio.nets.wavegan import shuffled
from ganforge.modalities.audio.stft import analysis
from ganforge.registry import load_all

load_all()


def task_of(name: str) -> Any:
    return recipes.get(name).task


def sizes(name: str, shape: tuple[int, ...]) -> dict[str, int]:
    """Parameters of each player of a recipe, weight norm's own not counted."""
    spec = Spec(shape, state={"rate": 22_050, "length": shape[-1]})
    found = {}
    with torch.device("meta"):
        players = recipes.get(name).task.players(spec)
    for player, net in players.items():
        for layer in net.modules():
            if parametrize.is_parametrized(layer):
                parametrize.remove_parametrizations(layer, "weight")
        found[player] = sum(p.numel() for p in net.parameters())
    return found


def conv(inputs: int, outputs: int, kernel: int = 9) -> int:
    return inputs * outputs * kernel + outputs


class TestSizesOfPapers:
    def test_wavegan(self):
        assert sizes("wavegan", (1, 16_384)) == {"G": 19_065_345, "D": 17_427_969}

    def test_specgan_has_as_many_weights_as_wavegan(self):
        assert sizes("specgan", (1, 128, 128)) == {"G": 19_065_345, "D": 17_427_969}

    def test_gansynth(self):
        grids = [256, 256, 256, 256, 128, 64, 32]  # 2x16 to 128x1,024
        g = conv(256, 256, 2 * 16) + conv(256, 256) + conv(32, 2, 1)
        g += sum(conv(a, b) + conv(b, b) for a, b in pairwise(grids))
        G = task_of("gansynth").generator.build(Spec((2, 128, 1_024)))
        assert sum(p.numel() for p in G.parameters()) == g == 6_809_090
        D = task_of("gansynth").discriminator.build(Spec((2, 128, 1_024)))
        d = conv(2, 32, 1) + sum(conv(b, b) + conv(b, a) for a, b in pairwise(grids))
        d += conv(257, 256) + (256 * 32 * 256 + 256) + 257
        assert sum(p.numel() for p in D.parameters()) == d

    @pytest.mark.slow
    @pytest.mark.parametrize(("version", "g"), [(1, 13_926_017), (2, 925_985), (3, 1_462_273)])
    def test_hifigan(self, version, g):
        found = sizes(f"hifigan-v{version}", (1, 8_192))
        assert found["G"] == g  # 13.9, 0.92 and 1.46 M in the paper

    def test_vocos(self):
        assert sizes("vocos", (1, 16_384))["G"] == 13_531_650  # 13.5 M in the paper

    def test_vocoder_small(self):
        assert sizes("vocoder-small", (1, 8_192))["G"] == 470_658


def test_phase_shuffle_moves_and_reflects():
    torch.manual_seed(0)
    h = torch.arange(10.0).expand(200, 1, 10)
    moved = shuffled(h, 2)
    by = moved[:, 0, 4] - 4
    assert set(by.tolist()) == {-2.0, -1.0, 0.0, 1.0, 2.0}
    assert torch.equal(moved[by == -2][0, 0], torch.tensor([2.0, 1, 0, 1, 2, 3, 4, 5, 6, 7]))


def test_phase_shuffle_is_off_in_evaluation():
    D = task_of("wavegan").discriminator.build(Spec((1, 1_024)))
    x = torch.randn(3, 1, 1_024)
    assert not torch.equal(D(x).logits, D(x).logits)
    D.eval()
    assert torch.equal(D(x).logits, D(x).logits)


@pytest.mark.parametrize("length", [1_024, 2_048, 16_384, 32_768])
def test_wavegan_makes_powers_of_two(length):
    G = task_of("wavegan").generator
    small = type(G)(channels=2)
    assert small.nearest((1, length)) == (1, length)
    assert small.nearest((1, length + 7)) == (1, length)
    assert small.build(Spec((1, length)))(torch.randn(2, 100)).shape == (2, 1, length)


# --- forms


def note(rate: int = 8_000, length: int = 8_192) -> torch.Tensor:
    t = torch.arange(length) / rate
    return ((0.4 * torch.sin(2 * torch.pi * 440 * t) + 0.2 * torch.sin(2 * torch.pi * 880 * t)) * torch.exp(-2 * t))[
        None, None
    ]


@pytest.mark.parametrize(
    ("form", "most"),
    [(Spectrogram(), 0.15), (Spectrogram(hop=128, floor=1e-6, rounds=16), 0.5), (MelIf(window=512), 0.15)],
    ids=["spectrogram", "specgan", "mel_if"],
)
def test_a_sound_comes_back_from_its_form(form, most):
    x = note()
    # several levels and places, so that each bin has a deviation
    data = torch.cat([x * level for level in (0.3, 0.6, 1.0)] + [x.roll(1_000, 2), torch.rand_like(x) * 0.05])
    known = form.measure(data, 8_000) | {"rate": 8_000}
    seen = form.encode(x, known)
    assert seen.shape == (1, *form.shape(1, 8_192))
    assert seen.abs().max() <= 1
    a, b = (analysis(y, 512, 128).abs() for y in (x, form.decode(seen, known)))
    assert (a - b).norm() / a.norm() < most


def test_a_steady_note_has_a_steady_instantaneous_frequency():
    form = MelIf(window=512)
    t = torch.arange(8_192) / 8_000
    x = 0.5 * torch.sin(2 * torch.pi * 1_000 * t)[None, None]
    known = form.measure(x, 8_000) | {"rate": 8_000}
    level, step = form.encode(x, known)[0]
    band = level[10].argmax()
    inner = step[4:-4, band]
    assert inner.std() < 0.02
    assert inner.mean() == pytest.approx((2 * 1_000 * 128 / 8_000 + 1) % 2 - 1, abs=0.05)


# --- the small system


def test_batch_norm_is_in_the_generator_alone():
    task = recipes.get("sound-small").task
    nets = task.players(Spec((1, 2_048)))
    assert any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in nets["G"].modules())
    assert not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in nets["D"].modules())
