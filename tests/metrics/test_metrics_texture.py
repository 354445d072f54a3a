"""Sharpness and texture: closed forms, and what they say of a real photograph that was degraded in several ways."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from ganforge.metrics.base import Comparison, Metric, SampleSet, measure
from ganforge.modalities.image.metrics.pairwise import psnr
from ganforge.modalities.image.metrics.sharpness import sharpness
from ganforge.modalities.image.metrics.texture import DIRECTIONS, FAINT, texture
from refused import refused


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return load_sample_image("china.jpg")[150:278, 200:328]


def smaller_and_back(item: np.ndarray, scale: int) -> np.ndarray:
    picture, side = Image.fromarray(item), item.shape[0]
    small = picture.resize((side // scale, side // scale), Image.Resampling.BICUBIC)
    return np.asarray(small.resize((side, side), Image.Resampling.BICUBIC))


def misplaced(item: np.ndarray) -> np.ndarray:
    """The fine detail of an image two px off: as sharp as it was, and wrong."""
    coarse = smaller_and_back(item, 4).astype(int)
    return np.clip(coarse + np.roll(item - coarse, (2, 2), (0, 1)), 0, 255).astype(np.uint8)


def gray(item: np.ndarray) -> Tensor:
    return torch.from_numpy(item.astype(float).mean(2))[None, None]


class TestSharpness:
    def test_detail_that_is_weaker_everywhere_has_that_share(self):
        x = torch.from_numpy(np.random.default_rng(0).normal(128, 30, (2, 1, 40, 56)))
        for share in (0.3, 1.0, 1.7):
            assert sharpness(x, 128 + share * (x - 128)).numpy() == pytest.approx(share, rel=1e-3)

    def test_one_octave_is_half_of_it(self):
        """Waves of 3 px lie in the finer octave alone; without them that one is gone, and the other one unchanged."""
        down, across = torch.meshgrid(torch.arange(96.0), torch.arange(96.0), indexing="ij")
        coarse, fine = (40 * torch.sin(2 * torch.pi * across / 6), 40 * torch.sin(2 * torch.pi * down / 3))
        both = (coarse + fine)[None, None].double()
        assert float(sharpness(both, coarse[None, None].double())) == pytest.approx(0.5, abs=0.01)

    def test_flat_pictures_are_as_sharp_as_each_other(self):
        flat = torch.full((1, 1, 20, 20), 9.0, dtype=torch.float64)
        assert float(sharpness(flat, flat + 50)) == pytest.approx(1)
        with refused("metric.images_too_small", "at least 16 px"):
            sharpness(flat[..., :12], flat[..., :12])

    def test_of_a_photograph(self, photo):
        draws = np.random.default_rng(0)
        noisy = np.clip(photo + draws.normal(0, 20, photo.shape), 0, 255)
        x = gray(photo)
        found = [
            float(sharpness(x, gray(item))) for item in (smaller_and_back(photo, 4), misplaced(photo), photo, noisy)
        ]
        assert found == sorted(found)
        assert found[0] < 0.3
        assert found[1] > 0.6
        assert found[2] == 1


class TestTexture:
    def test_of_one_place_worked_out_by_hand(self):
        draws = np.random.default_rng(0)
        x, y = draws.uniform(0, 255, (2, 14, 14))  # one window at one scale
        at = np.arange(11) - 5
        window = np.exp(-(at[:, None] ** 2 + at**2) / (2 * 1.5**2))
        window /= window.sum()
        alike = []
        for kernel in DIRECTIONS:
            f, g = (
                np.array([[(z[i : i + 3, j : j + 3] * kernel.numpy()).sum() for j in range(12)] for i in range(12)])
                for z in (x, y)
            )
            a, b = ((window * (z * z)[:11, :11]).sum() for z in (f, g))
            value = (2 * np.sqrt(a * b) + FAINT) / (a + b + FAINT)
            for i, j in ((0, 1), (1, 0)):
                e, h = ((window * z[:11, :11] * z[i : 11 + i, j : 11 + j]).sum() for z in (f, g))
                value *= 1 - abs(e / (a + FAINT) - h / (b + FAINT)) / 2
            alike.append(value)
        ours = texture(*(torch.from_numpy(z)[None, None] for z in (x, y)))
        assert float(ours) == pytest.approx(1 - np.mean(alike), rel=1e-9)

    def test_sharp_and_wrong_is_nearer_than_blurred_though_decibels_say_otherwise(self, photo):
        x, wrong, blurred = (gray(item) for item in (photo, misplaced(photo), smaller_and_back(photo, 4)))
        assert float(texture(x, x)) == 0
        assert float(texture(x, wrong)) < 0.8 * float(texture(x, blurred))
        assert float(psnr(x, wrong)) < float(psnr(x, blurred)) - 1

    def test_more_of_a_fault_is_worse(self, photo):
        draws = np.random.default_rng(0)
        x, noise = gray(photo), draws.normal(0, 1, photo.shape)
        for row in (
            [smaller_and_back(photo, scale) for scale in (2, 4, 8)],
            [np.clip(photo + sigma * noise, 0, 255) for sigma in (5, 15, 40)],
        ):
            found = [float(texture(x, gray(item))) for item in row]
            assert found == sorted(found)
        assert float(texture(x, gray(photo[::-1, ::-1]))) > 0.05, "another place is another texture"
        with refused("metric.images_too_small", "at least 14 px"):
            texture(x[..., :13, :], x[..., :13, :])


def test_pictures_of_many_sizes_go_pair_by_pair_beside_a_baseline(photo):
    """A side may give images of its own sizes, one by one; the baseline's figures go along."""
    sizes = ((64, 40), (33, 80))

    def side(name: str, change) -> SampleSet:
        return SampleSet(name, 2, lambda size: (change(photo[:h, :w])[None] for h, w in sizes))

    real, noisy, dark = side("real", np.array), side("noisy", lambda x: x ^ 8), side("dark", lambda x: x // 2)
    names = ["psnr", "ssim", "sharpness", "texture"]
    both = Comparison(real, noisy, paired=True, baseline=dark)
    alone = Comparison(real, dark, paired=True)
    for ours, bare in zip(
        measure([Metric.parse(name) for name in names], both),
        measure([Metric.parse(name) for name in names], alone),
        strict=True,
    ):
        assert ours.detail["baseline"] == {"of": "dark", "value": bare.value, "sd": bare.detail["sd"]}
        assert "baseline" not in bare.detail
        assert ours.value != bare.value
    expected = [
        10 * np.log10(255**2 / np.mean((photo[:h, :w].astype(float) - (photo[:h, :w] ^ 8)) ** 2)) for h, w in sizes
    ]
    assert measure([Metric.parse("psnr")], both)[0].value == pytest.approx(np.mean(expected))
    turned = SampleSet("turned", 2, lambda size: (photo[:w, :h][None] for h, w in sizes))
    with refused("metric.shapes_differ", "'psnr'", "real", "turned"):
        measure([Metric.parse("psnr")], Comparison(real, turned, paired=True))
