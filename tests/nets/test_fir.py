"""Filters that halve and double: what they do is what their equation says, also at odd sides and at the edge."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d, interpolate, pad

from ganforge.modalities.image.layers.fir import BILINEAR, SMOOTH, around, double, half, within
from ganforge.modalities.image.layers.pyramid import grids, nearest_picture

SIZES = [(8, 8), (7, 7), (6, 9)]


def kernel(taps, channels):
    f = torch.tensor(taps, dtype=torch.float64)
    return (f[:, None] * f / f.sum() ** 2).expand(channels, 1, -1, -1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("taps", [BILINEAR, SMOOTH])
def test_half_is_a_filter_and_every_second_value(size, taps):
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    ahead = (len(taps) - 1) // 2
    wanted = conv2d(pad(x, (ahead, 4, ahead, 4)), kernel(taps, 3), groups=3)[..., : size[0] : 2, : size[1] : 2]
    found = half(size, taps).double()(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("taps", [BILINEAR, SMOOTH])
def test_double_is_half_turned_round(size, taps):
    down, up = half(size, taps).double(), double(size, taps).double()
    x = torch.randn(1, *size, 2, dtype=torch.float64)
    y = torch.randn_like(down(x))
    torch.testing.assert_close((down(x) * y).sum() * 4, (x * up(y)).sum())


def test_smooth_doubling_is_bilinear_away_from_the_edge():
    x = torch.randn(1, 2, 8, 8, dtype=torch.float64)
    wanted = interpolate(x, scale_factor=2, mode="bilinear")
    found = double((16, 16), SMOOTH).double()(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
    torch.testing.assert_close(found[..., 1:-1, 1:-1], wanted[..., 1:-1, 1:-1])


@pytest.mark.parametrize("size", SIZES)
def test_filters_around_strided_convolutions_are_each_others_way_back(size):
    """`within` and `around` are 4 times transposed, so G's doubling is D's halving turned round."""
    to, back = around(size, SMOOTH).double(), within(size, SMOOTH).double()
    assert to(torch.zeros(1, *size, 1).double()).shape[1:3] == tuple(2 * ((s + 1) // 2) + 1 for s in size)
    x, y = torch.randn(1, *size, 1).double(), torch.randn(1, *(2 * ((s + 1) // 2) + 1 for s in size), 1).double()
    torch.testing.assert_close((to(x) * y).sum() * 4, (x * back(y)).sum())


def test_a_picture_of_one_level_stays_one():
    inside = slice(2, -2)
    for layer, size in ((half((16, 16), SMOOTH), 16), (double((16, 16), BILINEAR), 8)):
        y = layer(torch.ones(1, size, size, 1))
        torch.testing.assert_close(y[:, inside, inside], torch.ones_like(y[:, inside, inside]))


@pytest.mark.parametrize(
    ("size", "coarsest", "count"),
    [
        ((28, 28), (4, 4), 4),
        ((32, 32), (4, 4), 4),
        ((512, 512), (4, 4), 8),
        ((100, 75), (4, 3), 6),
        ((4, 4), (4, 4), 1),
    ],
)
def test_pyramids(size, coarsest, count):
    found = grids(*size)
    assert (found[0], found[-1], len(found)) == (coarsest, size, count)


def test_the_nearest_picture_is_a_whole_number_of_cells():
    assert nearest_picture((3, 29, 30), "a net", cell=2) == (3, 28, 30)
    assert nearest_picture((3, 2, 30), "a net") == (3, 4, 30)
