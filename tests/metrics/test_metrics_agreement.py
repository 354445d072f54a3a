"""Figures agree with closed forms, with SciPy and with torchmetrics to 1e-6 relative.

torchmetrics is imported where it is needed, so that a process that only lists the tests need not load it.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import torch
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.distance import cdist
from torch import nn

from ganforge.metrics.base import Comparison, Encoder, Metric, SampleSet, measure
from ganforge.metrics.frechet import frechet_distance
from ganforge.metrics.inception_score import inception_scores
from ganforge.metrics.kid import squared_mmd
from ganforge.metrics.memorization import cosine_nearness
from ganforge.metrics.neighbors import nearest
from ganforge.metrics.prdc import density_coverage, precision_recall
from ganforge.metrics.statistics import Moments, moments
from ganforge.modalities.image.metrics.diversity import BETAS, ms_ssim, scales
from ganforge.modalities.image.metrics.pairwise import luma, psnr, ssim
from ganforge.modalities.image.metrics.swd import pyramid, sliced_distance

CLOSE = 1e-6
CPU = torch.device("cpu")


def gaussian(mean, covariance, n=1000):
    return Moments(n, np.asarray(mean, float), np.asarray(covariance, float) * (n - 1))


def features(n, d, seed):
    draws = np.random.default_rng(seed)
    return (draws.standard_normal((n, d)) @ draws.standard_normal((d, d)) / d**0.5 + draws.standard_normal(d)).astype(
        np.float32
    )


class Same(nn.Module):
    """Lets features through, for torchmetrics."""

    def __init__(self, width):
        super().__init__()
        self.num_features = width

    def forward(self, x):
        return x


class TestFrechet:
    def test_gaussians_of_known_distance(self):
        """For covariances that commute: ‖μ₁ − μ₂‖² + Σ (√λ₁ − √λ₂)²."""
        turn = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
        a, b = np.array([4.0, 1, 9, 0, 2]), np.array([1.0, 16, 9, 4, 0])
        first = gaussian([1, 2, 3, 4, 5], turn * a @ turn.T)
        second = gaussian([1, 2, 3, 4, 7], turn * b @ turn.T)
        assert frechet_distance(first, second) == pytest.approx(4 + ((a**0.5 - b**0.5) ** 2).sum(), rel=CLOSE)

    def test_two_dimensions_by_hand(self):
        """tr √(Σ₁Σ₂) = √(tr Σ₁Σ₂ + 2 √det Σ₁Σ₂) for 2 × 2, whether they commute or not."""
        a, b = np.array([[2.0, 0.5], [0.5, 1.0]]), np.array([[1.0, -0.7], [-0.7, 3.0]])
        shared = (np.trace(a @ b) + 2 * np.linalg.det(a @ b) ** 0.5) ** 0.5
        expected = np.trace(a) + np.trace(b) - 2 * shared
        assert frechet_distance(gaussian([0, 0], a), gaussian([0, 0], b)) == pytest.approx(expected, rel=CLOSE)

    @pytest.mark.parametrize(("n", "d"), [(400, 8), (300, 64)])
    def test_torchmetrics_and_scipy(self, n, d):
        from torchmetrics.image.fid import FrechetInceptionDistance, _compute_fid

        x, y = features(n, d, 1), features(n + 50, d, 2)
        ours = frechet_distance(moments(x), moments(y))
        metric = FrechetInceptionDistance(feature=Same(d))
        metric.update(torch.from_numpy(x), real=True)
        metric.update(torch.from_numpy(y), real=False)
        assert ours == pytest.approx(float(metric.compute()), rel=1e-5), "it answers in float32"
        a, b = (np.cov(part.astype(float), rowvar=False) for part in (x, y))
        mean = [torch.from_numpy(part.astype(float).mean(0)) for part in (x, y)]
        exact = _compute_fid(mean[0], torch.from_numpy(a), mean[1], torch.from_numpy(b))
        assert ours == pytest.approx(float(exact), rel=CLOSE)
        root = np.trace(scipy.linalg.sqrtm(a @ b)).real
        expected = float(((mean[0] - mean[1]) ** 2).sum()) + np.trace(a) + np.trace(b) - 2 * root
        assert ours == pytest.approx(expected, rel=CLOSE)

    @pytest.mark.parametrize(("n", "m"), [(20, 30), (20, 500), (2, 2)])
    def test_fewer_samples_than_features_is_exact_too(self, n, m):
        """Without a matrix root: the singular values of the centered samples against each other."""
        x, y = features(n, 100, 3).astype(float), features(m, 100, 4).astype(float)
        p, q = ((part - part.mean(0)) / (len(part) - 1) ** 0.5 for part in (x, y))
        shared = np.linalg.svd(p @ q.T, compute_uv=False).sum()
        expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + (p**2).sum() + (q**2).sum() - 2 * shared
        assert frechet_distance(moments(x), moments(y)) == pytest.approx(expected, rel=CLOSE)

    def test_equal_moments_and_constant_features(self):
        x = features(200, 30, 5)
        assert frechet_distance(moments(x), moments(x)) == pytest.approx(0, abs=1e-9 * np.trace(np.cov(x.T)))
        flat = np.zeros((10, 30))
        assert frechet_distance(moments(flat), moments(flat + 2)) == pytest.approx(30 * 4)


class TestKernel:
    def test_torchmetrics(self):
        from torchmetrics.image.kid import KernelInceptionDistance

        x, y = features(120, 16, 1), features(120, 16, 2)
        metric = KernelInceptionDistance(feature=Same(16), subsets=1, subset_size=120).set_dtype(torch.float64)
        metric.update(torch.from_numpy(x).double(), real=True)
        metric.update(torch.from_numpy(y).double(), real=False)
        assert squared_mmd(x, y) == pytest.approx(float(metric.compute()[0]), rel=CLOSE)

    def test_by_hand(self):
        """k = (xy + 1)³ of numbers: x = {1, 2}, y = {0, 1}: k(1,2) = 27, k(0,1) = 1, crosswise 1, 8, 1, 27."""
        assert squared_mmd(np.array([[1.0], [2.0]]), np.array([[0.0], [1.0]])) == pytest.approx(27 + 1 - 2 * 37 / 4)

    def test_it_has_no_bias(self):
        """Over many pairs of small samples of one distribution its mean is nought within its error."""
        draws = np.random.default_rng(0)
        found = [squared_mmd(*draws.standard_normal((2, 20, 4))) for _ in range(400)]
        assert abs(np.mean(found)) < 3 * np.std(found) / 20


class TestInceptionScore:
    def test_torchmetrics(self):
        from torchmetrics.image.inception import InceptionScore

        logits = torch.randn(500, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2
        metric = InceptionScore(feature=Same(10), splits=5).set_dtype(torch.float64)
        metric.update(logits)
        torch.manual_seed(3)
        mean, sd = metric.compute()
        torch.manual_seed(3)
        scores = inception_scores(logits.softmax(1)[torch.randperm(500)].numpy(), 5)
        assert scores.mean() == pytest.approx(float(mean), rel=CLOSE)
        assert scores.std(ddof=1) == pytest.approx(float(sd), rel=CLOSE)

    def test_its_ends(self):
        assert inception_scores(np.eye(10)[np.arange(100) % 10], 1)[0] == pytest.approx(10)
        assert inception_scores(np.eye(10)[np.zeros(100, int)], 1)[0] == pytest.approx(1)
        assert inception_scores(np.full((100, 10), 0.1), 1)[0] == pytest.approx(1)


class TestNeighbors:
    @pytest.mark.parametrize("room", [1 << 25, 700])
    def test_prdc_as_the_papers_have_it(self, room, monkeypatch):
        monkeypatch.setattr("ganforge.metrics.neighbors.ROOM", room)
        x, y = features(150, 6, 1), features(110, 6, 1)[::-1] * 1.3
        rr, ff, fr = cdist(x, x), cdist(y, y), cdist(y, x)
        for k in (1, 3, 5):
            reach, of_fake = np.sort(rr, 1)[:, k], np.sort(ff, 1)[:, k]
            expected = (fr <= reach).any(1).mean(), (fr <= of_fake[:, None]).any(0).mean()
            assert precision_recall(x, y, k, CPU) == pytest.approx(expected, rel=CLOSE)
            inside = fr <= reach
            expected = inside.sum(1).mean() / k, inside.any(0).mean()
            assert density_coverage(x, y, k, CPU) == pytest.approx(expected, rel=CLOSE)

    def test_doubles_count_as_neighbors(self):
        """A copy of a sample is its nearest neighbor, at distance 0; the sample itself is not."""
        x = np.array([[0.0, 0], [0, 0], [3, 4]])
        distance, place = nearest(x, x, CPU, same=True)
        assert distance == pytest.approx([0, 0, 5])
        assert place.tolist()[:2] == [1, 0]

    def test_nearest_is_scipys(self):
        x, y = features(90, 20, 1) + 1000, features(70, 20, 2) + 1000
        apart = cdist(x, y)
        distance, place = nearest(x, y, CPU)
        assert (place == apart.argmin(1)).all()
        assert distance == pytest.approx(apart.min(1), rel=CLOSE)

    def test_cosine_nearness_is_torchmetrics(self):
        from torchmetrics.image.mifid import _compute_cosine_distance

        x, t = features(60, 12, 1), features(80, 12, 2)
        expected = _compute_cosine_distance(torch.from_numpy(x).double(), torch.from_numpy(t).double(), 1.0)
        comparison = Comparison(SampleSet.of(x), SampleSet.of(t))
        found = cosine_nearness(x, t, comparison, lambda done, total: None, same=False)
        assert found == pytest.approx(float(expected), rel=CLOSE)


class Numbers(Encoder):
    name, digest, dim = "numbers", "0" * 64, 12

    def encode(self, samples):
        return torch.from_numpy(samples), None


def test_the_papers_rule_of_memorization():
    """FD over the mean least cosine distance, where that is below the threshold."""
    from torchmetrics.image.mifid import _compute_cosine_distance

    x, y = features(300, 12, 1), features(300, 12, 2)
    comparison = Comparison(SampleSet.of(x), SampleSet.of(y), Numbers())
    (plain,) = measure([Metric.parse("fd")], comparison)
    (strict,) = measure([Metric.parse({"kind": "mfd", "threshold": 0.9})], comparison)
    (loose,) = measure([Metric.parse({"kind": "mfd", "threshold": 1e-9})], comparison)
    s = float(_compute_cosine_distance(torch.from_numpy(y).double(), torch.from_numpy(x).double(), 1.0))
    assert strict.value == pytest.approx(plain.value / s, rel=CLOSE)
    assert loose.value == plain.value


def pictures(n=3, channels=3, side=48, seed=0):
    draws = np.random.default_rng(seed)
    x = np.cumsum(draws.standard_normal((n, channels, side, side)), axis=3)
    y = x + draws.standard_normal(x.shape)
    scale = [np.clip(127 + 12 * part, 0, 255).round() for part in (x, y)]
    return [torch.from_numpy(part) for part in scale]


class TestPictures:
    def test_psnr(self):
        from torchmetrics.functional.image import peak_signal_noise_ratio

        x, y = pictures()
        ours = psnr(x, y)
        for k in range(len(x)):
            theirs = peak_signal_noise_ratio(y[k], x[k], data_range=255.0)
            assert float(ours[k]) == pytest.approx(float(theirs), rel=CLOSE)
        assert psnr(x, x).tolist() == [100.0] * 3
        assert float(psnr(torch.zeros(1, 1, 4, 4), torch.full((1, 1, 4, 4), 25.5))) == pytest.approx(20)

    def test_ssim_as_the_paper_has_it(self):
        """SciPy's Gaussian filter over windows of 11, without padding."""
        x, y = pictures(channels=1)

        def blur(z):
            for axis in (1, 2):
                z = gaussian_filter1d(z, 1.5, axis=axis, truncate=5 / 1.5)
            return z[:, 5:-5, 5:-5]

        a, b = x[:, 0].numpy(), y[:, 0].numpy()
        mean_a, mean_b = blur(a), blur(b)
        aa, bb, ab = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2, blur(a * b) - mean_a * mean_b
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        maps = (2 * mean_a * mean_b + c1) * (2 * ab + c2) / ((mean_a**2 + mean_b**2 + c1) * (aa + bb + c2))
        assert ssim(x, y).numpy() == pytest.approx(maps.mean((1, 2)), rel=CLOSE)
        assert ssim(x, x).numpy() == pytest.approx(1)

    def test_ssim_is_the_inside_of_torchmetrics(self):
        """Which mirrors at the edges; its map of an image, less the five pixels that see them."""
        from torchmetrics.functional.image import structural_similarity_index_measure

        x, y = pictures()
        _, whole = structural_similarity_index_measure(x, y, data_range=255.0, return_full_image=True, reduction="none")
        inside = whole[..., 5:-5, 5:-5]
        assert ssim(x, y).numpy() == pytest.approx(inside.mean((1, 2, 3)).numpy(), rel=CLOSE)

    def test_luma_has_footroom(self):
        """ITU-R BT.601: black is 16, white 235."""
        ends = luma(torch.tensor([0.0, 255.0], dtype=torch.float64).view(2, 1, 1, 1).expand(2, 3, 1, 1))
        assert ends.flatten().tolist() == pytest.approx([16, 235], abs=0.01)

    def test_ms_ssim_with_all_and_with_fewer_scales(self):
        assert scales(256, 256) == pytest.approx(BETAS)
        assert len(scales(32, 64)) == 2
        assert sum(scales(32, 64)) == pytest.approx(sum(BETAS))
        x, y = pictures(side=44)
        one = ms_ssim(x, y, (1.0,))
        assert one.numpy() == pytest.approx(ssim(x, y).numpy(), rel=1e-6), "one scale is SSIM"
        assert ms_ssim(x, x, scales(44, 44)).numpy() == pytest.approx(1)


class TestSlicedWasserstein:
    def test_a_shift_by_hand(self):
        """Points moved by v are at distance |v·d| along each direction d."""
        x = torch.from_numpy(features(200, 3, 1)).double()
        directions = torch.eye(3, dtype=torch.float64)
        assert sliced_distance(x, x + torch.tensor([1.0, -2.0, 3.0]), directions) == pytest.approx(2.0)
        assert sliced_distance(x, x[torch.randperm(200)], directions) == 0

    def test_one_dimension_is_scipys(self):
        from scipy.stats import wasserstein_distance

        x, y = features(300, 1, 1), features(300, 1, 2)
        ours = sliced_distance(torch.from_numpy(x), torch.from_numpy(y), torch.ones(1, 1))
        assert ours == pytest.approx(wasserstein_distance(x[:, 0], y[:, 0]), rel=1e-5)

    def test_a_flat_picture_has_no_detail(self):
        levels = pyramid(torch.full((1, 3, 64, 64), 100.0))
        assert [level.shape[2] for level in levels] == [64, 32, 16]
        assert levels[0].abs().max() < 1e-4
        assert levels[-1] == pytest.approx(100)
