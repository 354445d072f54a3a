"""The shared layers: reachable sizes, cheap dropout, labels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ganforge.core.types import Spec
from ganforge.modalities.image.layers import grid
from ganforge.modalities.image.nets import dcgan
from ganforge.nets.layers.dropout import FastDropout
from ganforge.nets.layers.labels import LabelTable
from ganforge.nets.layers.memory import ChannelsLast


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((28, 28), (7, 7, 2)),
        ((32, 32), (4, 4, 3)),
        ((8, 8), (4, 4, 1)),
        ((64, 64), (4, 4, 4)),
        ((48, 64), (3, 4, 4)),
        ((64, 48), (4, 3, 4)),
        ((256, 256), (4, 4, 6)),
        ((100, 100), None),
        ((7, 7), None),
        ((36, 36), None),
        ((31, 32), None),
    ],
)
def test_split(size, expected):
    assert grid.split(*size) == expected


@pytest.mark.parametrize(
    ("size", "expected"),
    [((100, 100), (96, 96)), ((28, 28), (28, 28)), ((1, 1), (6, 6)), ((31, 33), (32, 32)), ((50, 60), (48, 56))],
)
def test_nearest(size, expected):
    assert grid.nearest(*size) == expected


def test_dcgan_doubles_at_least_twice_where_it_can():
    assert dcgan.layout(Spec((1, 8, 8)), "a net") == (1, 2, 2, 2)
    assert dcgan.layout(Spec((3, 6, 6)), "a net") == (3, 3, 3, 1)
    assert dcgan.layout(Spec((3, 28, 28)), "a net") == (3, 7, 7, 2)


@given(st.integers(1, 600), st.integers(1, 600))
def test_nearest_is_reachable_and_a_fixed_point(height, width):
    near = grid.nearest(height, width)
    found = grid.split(*near)
    assert found is not None
    base_height, base_width, doublings = found
    assert (base_height << doublings, base_width << doublings) == near
    assert grid.nearest(*near) == near
    if grid.split(height, width):
        assert near == (height, width)


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
def test_dropout_mean_and_variance(p):
    torch.manual_seed(0)
    n = 400_003  # not a multiple of four
    y = FastDropout(p)(torch.ones(n))
    kept = (y != 0).double().mean().item()
    assert kept == pytest.approx(1 - p, abs=5 * (p * (1 - p) / n) ** 0.5)
    assert y.max().item() == pytest.approx(1 / (1 - p), rel=1e-4)
    assert y.double().mean().item() == pytest.approx(1, abs=5 * (p / (1 - p) / n) ** 0.5)
    assert y.double().var().item() == pytest.approx(p / (1 - p), rel=0.02)


def test_dropout_has_no_pattern():
    """The four numbers cut from one word are independent of their place and of one another."""
    torch.manual_seed(1)
    kept = (FastDropout(0.5)(torch.ones(4 * 200_000)) != 0).double().reshape(-1, 4)
    torch.testing.assert_close(kept.mean(0), torch.full((4,), 0.5, dtype=torch.float64), atol=0.006, rtol=0)
    torch.testing.assert_close(torch.corrcoef(kept.T), torch.eye(4, dtype=torch.float64), atol=0.012, rtol=0)


def test_dropout_is_fixed_by_the_seed():
    layer, x = FastDropout(0.3), torch.randn(5, 7)
    torch.manual_seed(3)
    a = layer(x)
    b = layer(x)
    torch.manual_seed(3)
    assert torch.equal(layer(x), a)
    assert not torch.equal(a, b)


def test_dropout_passes_the_gradient_of_what_it_keeps():
    x = torch.randn(4, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    y = FastDropout(0.5)(x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, torch.where(y == 0, 0.0, 2.0).double())

    def fixed(x):
        torch.manual_seed(0)
        return FastDropout(0.5)(x).square()

    assert torch.autograd.gradgradcheck(fixed, (x[:1, :1].detach().requires_grad_(),))


def test_dropout_keeps_dtype_and_memory_order():
    x = torch.randn(2, 4, 6, 6).to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
    y = FastDropout(0.4)(x)
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=torch.channels_last)
    view = torch.randn(6, 8)[::2, ::2]  # with gaps
    assert FastDropout(0.4)(view).shape == view.shape


def test_dropout_does_nothing_when_it_should_not():
    x = torch.randn(3, 3)
    assert FastDropout(0.5).eval()(x) is x
    assert FastDropout(0.0)(x) is x
    assert FastDropout(0.5)(torch.empty(0, 3)).shape == (0, 3)
    with pytest.raises(ValueError, match=r"\[0, 1\)"):
        FastDropout(1.0)


def test_labels_are_rows_of_a_table():
    table = LabelTable(3, 5)
    rows = table(torch.tensor([2, 0, 2]))
    assert rows.shape == (3, 5)
    assert torch.equal(rows[0], rows[2])
    with pytest.raises(ValueError, match="3 classes"):
        table(None)


def test_channels_last_changes_no_value():
    x = torch.randn(2, 3, 4, 4)
    y = ChannelsLast()(x)
    assert torch.equal(x, y)
    assert y.is_contiguous(memory_format=torch.channels_last)
