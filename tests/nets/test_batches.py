"""Layers that look at several samples: against their formulas, sample by sample."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from ganforge.core.types import Spec
from ganforge.modalities.image.nets.dcgan import DcganGenerator
from ganforge.nets.base import couples_batch
from ganforge.nets.layers.minibatch import MinibatchDiscrimination, MinibatchStddev
from ganforge.nets.layers.norms import VirtualBatchNorm, layer_norm


def doubles(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.mark.parametrize(
    ("n", "group", "size"), [(8, 4, 4), (6, 4, 3), (7, 4, 7), (2, 4, 2), (1, 4, 1), (4, 1, 4), (4, 8, 4)]
)
def test_stddev(n, group, size):
    x = doubles(n, 3, 2, 2)
    y = MinibatchStddev(group)(x)
    assert y.shape == (n, 4, 2, 2)
    assert torch.equal(y[:, :3], x)
    groups = n // size
    for i in range(n):
        members = x[[j for j in range(n) if j % groups == i % groups]]
        assert len(members) == size
        wanted = members.std(0, correction=0).mean().expand(2, 2)
        torch.testing.assert_close(y[i, 3], wanted, atol=2e-4, rtol=0)  # √(variance + 1e-8)


def test_stddev_of_features_and_its_derivatives():
    layer = MinibatchStddev(2)
    assert layer(doubles(4, 3)).shape == (4, 4)
    x = doubles(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))


def test_stddev_sees_collapse():
    same = torch.ones(4, 5)
    assert MinibatchStddev()(same)[:, -1].max() < 1e-3
    assert MinibatchStddev()(torch.randn(4, 5))[:, -1].min() > 0.3
    same.requires_grad_()
    (gradient,) = torch.autograd.grad(MinibatchStddev()(same).sum(), same)
    assert torch.isfinite(gradient).all()


def test_discrimination():
    layer = MinibatchDiscrimination(6, kernels=3, width=2).double()
    x = doubles(5, 6)
    y = layer(x)
    assert y.shape == (5, 9)
    assert torch.equal(y[:, :6], x)
    m = (x @ layer.measures.weight.T).reshape(5, 2, 3).transpose(1, 2)  # [N, B, C]
    for i in range(5):
        for b in range(3):
            near = [torch.exp(-(m[i, b] - m[j, b]).abs().sum()) for j in range(5) if j != i]
            torch.testing.assert_close(y[i, 6 + b], torch.stack(near).mean())


def test_discrimination_sees_collapse():
    layer = MinibatchDiscrimination(6)
    assert torch.equal(layer(torch.ones(4, 6))[:, 6:], torch.ones(4, 50))
    assert torch.equal(layer(torch.randn(1, 6))[:, 6:], torch.zeros(1, 50))
    assert layer(torch.randn(64, 6))[:, 6:].mean() < 0.8


@pytest.mark.parametrize("features", [16, 6272])
def test_discrimination_starts_where_its_slope_is(features):
    near = MinibatchDiscrimination(features)(torch.randn(16, features))[:, features:]
    assert 0.2 < near.mean() < 0.6


def test_discrimination_has_derivatives():
    layer = MinibatchDiscrimination(3, kernels=2, width=2).double()
    x = doubles(3, 3).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))


@pytest.mark.parametrize("places", [(), (3,), (2, 3)])
def test_virtual_batch_norm(places):
    R, N, C = 4, 3, 5
    layer = VirtualBatchNorm(C, R).double()
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    x = doubles(R + N, C, *places) + 2
    y = layer(x)
    reference, rest = x[:R], x[R:]
    torch.testing.assert_close(y[:R], batch_norm(reference, None, None, layer.weight, layer.bias, training=True))
    every = (0, *range(2, x.ndim))
    per_channel = (C, *[1] * len(places))
    for i in range(N):
        numbers = rest[i].reshape(C, -1)
        own = numbers.mean(1), numbers.square().mean(1)  # moments [C]
        mean = (R * reference.mean(every) + own[0]) / (R + 1)
        square = (R * reference.square().mean(every) + own[1]) / (R + 1)
        std = (square - mean.square() + layer.eps).sqrt()
        wanted = (rest[i] - mean.view(per_channel)) / std.view(per_channel)
        wanted = wanted * layer.weight.view(per_channel) + layer.bias.view(per_channel)
        torch.testing.assert_close(y[R + i], wanted)


def test_virtual_batch_norm_has_derivatives():
    layer = VirtualBatchNorm(2, 3).double()
    x = doubles(5, 2, 2, 1).requires_grad_()
    assert torch.autograd.gradcheck(layer, (x,))
    assert torch.autograd.gradgradcheck(layer, (x,))


@pytest.mark.parametrize("classes", [0, 3])
def test_a_sample_of_virtual_batch_norm_does_not_hang_on_its_neighbors(classes):
    net = DcganGenerator(latent=5, channels=4, norm="virtual", reference=6).build(Spec((1, 8, 8), classes)).double()
    z = doubles(4, 5)
    c = torch.arange(4) % classes if classes else None
    together = net(z, c)
    for i in range(4):
        torch.testing.assert_close(net(z[i : i + 1], None if c is None else c[i : i + 1]), together[i : i + 1])
    torch.testing.assert_close(net.eval()(z, c), together)  # no running statistics that could lag behind
    assert not couples_batch(net)


def test_layer_norm_is_of_each_sample():
    x = doubles(3, 4, 2, 2)
    y = layer_norm(4).double()(x)
    torch.testing.assert_close(y[1:2], layer_norm(4).double()(x[1:2]))
    torch.testing.assert_close(y.flatten(1).mean(1), torch.zeros(3).double())
    torch.testing.assert_close(y.flatten(1).var(1, correction=0), torch.ones(3).double(), atol=1e-4, rtol=0)


def test_who_couples_the_batch():
    assert couples_batch(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)))
    assert couples_batch(nn.SyncBatchNorm(2))
    assert couples_batch(nn.Sequential(MinibatchStddev()))
    assert couples_batch(MinibatchDiscrimination(3))
    assert not couples_batch(nn.Sequential(nn.LayerNorm(2), nn.GroupNorm(1, 2), nn.InstanceNorm2d(2)))
