"""Holes filled smoothly from their edges, and the inpainter that begins from that."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from ganforge.core.types import Spec
from ganforge.modalities.pair.layers.continued import CELL, HALO, REACH, continued
from ganforge.modalities.pair.nets.gated import Gated
from refused import refused


def ramp(side: int) -> Tensor:
    """An image that gets brighter from the left to the right, from -0.5 to 0.5."""
    return torch.linspace(-0.5, 0.5, side).expand(1, 3, side, side).clone()


def hole(side: int, first: int, last: int) -> Tensor:
    """A square hole with corners at (first, first) and (last, last)."""
    mask = torch.zeros(1, 1, side, side)
    mask[:, :, first:last, first:last] = 1
    return mask


def scattered(side: int) -> Tensor:
    """Many holes of up to 40 px."""
    chance = torch.Generator().manual_seed(0)
    mask = torch.zeros(1, 1, side, side)
    for _ in range(side // 8):
        y, x = torch.randint(0, side - 40, (2,), generator=chance).tolist()
        h, w = torch.randint(4, 40, (2,), generator=chance).tolist()
        mask[:, :, y : y + h, x : x + w] = 1
    return mask


def test_what_is_known_stays_as_it_is():
    x = torch.rand(2, 3, 64, 64)
    mask = scattered(64).expand(2, -1, -1, -1)
    assert torch.equal(continued(x, mask) * (1 - mask), x * (1 - mask))


def test_what_is_hidden_does_not_show():
    mask = hole(64, 20, 40)
    filled = continued(ramp(64), mask)
    assert torch.equal(continued(ramp(64).masked_fill(mask.bool(), 9.0), mask), filled)


@pytest.mark.parametrize("width", [1, 4, 12, 30, 60])
def test_a_hole_takes_the_colors_of_its_edge(width):
    """On a ramp that is the ramp itself: a tenth of its rise is the furthest that the filling is from it."""
    mask = hole(128, 40, 40 + width)
    off = (continued(ramp(128), mask) - ramp(128)).abs().max()
    assert float(off) < 0.1 * width / 128 + 1e-6


def test_one_color_stays_that_color():
    mask = scattered(128)
    assert torch.allclose(continued(torch.full((1, 3, 128, 128), 0.3), mask), torch.tensor(0.3), atol=1e-5)


def test_a_hole_too_wide_stays_open_in_its_middle():
    side = 4 * REACH
    filled = continued(torch.ones(1, 1, side, side), hole(side, 16, side - 16))
    assert float(filled[0, 0, side // 2, side // 2]) == 0
    assert float(filled[0, 0, 16 + REACH // 2, side // 2]) > 0.9


def test_parts_of_a_picture_come_out_alike():
    """Where a part begins at a multiple of CELL, what is HALO from its edge is what the whole image has there."""
    side, first = 640, 2 * CELL
    x, mask = torch.rand(1, 3, side, side), scattered(side)
    whole = continued(x, mask)[:, :, first:, first:]
    part = continued(x[:, :, first:, first:], mask[:, :, first:, first:])
    assert not torch.allclose(part, whole, atol=1e-6), "or the margin is for nothing"
    assert torch.allclose(part[:, :, HALO:, HALO:], whole[:, :, HALO:, HALO:], atol=1e-6)


def test_an_inpainter_begins_from_it():
    """Before any training the residual net gives the smooth filling, whatever the image's size."""
    torch.manual_seed(0)
    net = Gated(channels=2, residual=True).build(Spec((4, 64, 64)), Spec((3, 64, 64)))
    x, mask = ramp(50), hole(50, 20, 30)
    with torch.no_grad():
        made = net(torch.cat([x * (1 - mask), mask], 1))
    assert made.shape == (1, 3, 50, 50)
    assert float((made - x).abs().max()) < 0.05


def test_it_reaches_further_than_without():
    shapes = Spec((4, 64, 64)), Spec((3, 64, 64))
    plain, residual = (Gated(channels=2, residual=on).build(*shapes) for on in (False, True))
    assert residual.halo == plain.halo + HALO
    assert residual.multiple == CELL


def test_without_a_mask_there_is_nothing_to_fill():
    with refused("nets.needs_mask", "3 channels for 3", "signal.degrade=strokes", "residual=false"):
        Gated(residual=True).build(Spec((3, 64, 64)), Spec((3, 64, 64)))


def test_what_is_known_is_never_corrected():
    """Or the loss of touching it holds the correction of the holes at 0 too."""
    torch.manual_seed(0)
    net = Gated(channels=2, residual=True).build(Spec((4, 64, 64)), Spec((3, 64, 64)))
    with torch.no_grad():
        net.paint.weight.normal_()  # type: ignore[union-attr, operator]
        x, mask = ramp(64), hole(64, 20, 40)
        made = net(torch.cat([x * (1 - mask), mask], 1))
    assert torch.equal(made * (1 - mask), x * (1 - mask))
    assert float((made - x).abs().max()) > 0.1
