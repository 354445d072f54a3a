"""Enlargement and convolution in one operation, and the generator made of it."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import conv2d, conv3d, interpolate

from ganforge.core.types import Spec
from ganforge.modalities.image.nets.upconv import UpconvGenerator
from ganforge.nets.layers.upconv import UpConv


@pytest.mark.parametrize(("convolve", "sides"), [(conv2d, (6, 4)), (conv3d, (4, 2, 3))])
def test_it_is_an_enlarged_grid_convolved(convolve, sides):
    torch.manual_seed(0)
    layer = UpConv(3, 5, dims=len(sides)).double()
    x = torch.randn(2, 3, *sides, dtype=torch.float64)
    kernel = layer.weight.transpose(0, 1).flip(*range(2, 2 + len(sides)))
    wanted = convolve(interpolate(x, scale_factor=2, mode="nearest"), kernel, padding=1)
    assert torch.allclose(layer(x), wanted, atol=1e-12)
    assert torch.equal(layer.for_inference()(x), layer(x))


def test_a_flat_grid_stays_flat():
    """What a transposed convolution makes a lattice of."""
    flat = torch.ones(1, 3, 8, 8)
    made = UpConv(3, 2)(flat)[:, :, 1:-1, 1:-1]
    assert torch.allclose(made, made[:, :, :1, :1].expand_as(made), atol=1e-6)
    torch.manual_seed(0)
    lattice = torch.nn.ConvTranspose2d(3, 2, 4, 2, 1)(flat)[:, :, 1:-1, 1:-1]
    assert lattice.std() > 1e-2


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (4, 48, 64), (3, 24, 16), (1, 8, 8)])
def test_images_of_every_size(shape):
    net = UpconvGenerator(latent=6, channels=4, finest=4)
    assert net.nearest(shape) == shape
    assert net.build(Spec(shape, 2, ("a", "b")))(torch.randn(3, 6), torch.tensor([0, 1, 1])).shape == (3, *shape)
