"""Latents from a learned mixture: z alone decides a sample, evenly over the clouds and with nothing of it lost."""

from __future__ import annotations

import torch

from ganforge.core.types import Spec
from ganforge.nets.layers.mixture import Mixture
from ganforge.nets.mlp import MlpDiscriminator, MlpGenerator, Waves


def drawn(n: int, codes: int) -> tuple[torch.Tensor, torch.Tensor]:
    z = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    return Mixture(3, 8, codes, 1.0).pick(z)


def test_every_cloud_gets_its_share():
    k, _ = drawn(64_000, 64)
    counts = torch.bincount(k, minlength=64)
    assert len(counts) == 64
    assert (counts - 1_000).abs().max() < 5 * 1_000**0.5


def test_within_a_cloud_latents_are_standard_normal_and_know_nothing_of_it():
    k, rest = drawn(64_000, 64)
    assert rest.mean(0).abs().max() < 0.02
    assert (rest.std(0) - 1).abs().max() < 0.02
    together = torch.corrcoef(torch.cat([rest, k[:, None].float()], 1).T)
    assert (together - torch.eye(4)).abs().max() < 0.02


def test_the_far_ends_of_a_latent_stay_finite():
    z = torch.tensor([[-40.0, 0.0], [40.0, 0.0], [0.0, 0.0]])
    h = Mixture(2, 4, 256, 1.0)(z)
    assert torch.isfinite(h).all()


def test_one_cloud_is_the_plain_net():
    z = torch.randn(64, 2, generator=torch.Generator().manual_seed(1))
    _, rest = Mixture(2, 4, 1, 1.0).pick(z)
    assert torch.allclose(rest, z, atol=1e-3)


def test_codes_start_far_apart_and_samples_of_one_close_together():
    torch.manual_seed(0)
    G = MlpGenerator(latent=2, widths=(64, 64), norm="none", codes=32).build(Spec((2,)))
    z = torch.randn(4_000, 2)
    k, _ = G.first.pick(z)
    x = G(z)
    means = torch.stack([x[k == code].mean(0) for code in range(32)])
    within = torch.stack([x[k == code].std(0) for code in range(32)]).mean()
    assert means.std(0).mean() > 3 * within


def test_waves_are_sines_and_cosines_of_doubling_frequency():
    x = torch.tensor([[0.5, -1.0]])
    out = Waves(2)(x)
    angles = torch.tensor([0.5, 1.0, -1.0, -2.0])
    assert torch.allclose(out, torch.cat([x[0], angles.sin(), angles.cos()])[None])


def test_a_critic_with_waves_has_a_second_derivative():
    D = MlpDiscriminator(widths=(8,), octaves=3).build(Spec((2,))).double()
    x = torch.randn(3, 2, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: D(x, None).logits, x)
