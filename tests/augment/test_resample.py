"""Images read between their pixels: against formulas, against torch, and twice differentiated."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import grid_sample

from ganforge.modalities.image.augment.resample import filtered, gathered, matrix, mirrored, pick, read, shifted, warped


def wave(height: int, width: int, linear: Tensor, offset: Tensor) -> Tensor:
    """A smooth image [1, 1, H, W] as it looks after it was warped."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64) - (height - 1) / 2,
        torch.arange(width, dtype=torch.float64) - (width - 1) / 2,
        indexing="ij",
    )
    u = linear[0, 0] * x + linear[0, 1] * y + offset[0]
    v = linear[1, 0] * x + linear[1, 1] * y + offset[1]
    return (torch.cos(0.5 * u + 0.3 * v) + 0.5 * torch.sin(0.2 * u - 0.6 * v))[None, None]


def turn(angle: float) -> Tensor:
    c, s = math.cos(angle), math.sin(angle)
    return torch.tensor([[c, s], [-s, c]], dtype=torch.float64)


def test_mirrors():
    assert mirrored(torch.arange(-5, 8), 3).tolist() == [1, 2, 2, 1, 0, 0, 1, 2, 2, 1, 0, 0, 1]


def test_moves_by_whole_pixels():
    x = torch.arange(6.0).view(1, 1, 2, 3)
    rows, columns = shifted(2, torch.tensor([1])), shifted(3, torch.tensor([-1]))
    assert pick(x, mirrored(rows, 2), mirrored(columns, 3)).tolist() == [[[[1, 2, 2], [1, 2, 2]]]]


@pytest.mark.parametrize(("name", "stretch"), [("up", 1), ("down", 1), ("blur", 2), ("blur", 8)])
@pytest.mark.parametrize("size", [3, 8, 31])
def test_filters_keep_what_is_even(name, stretch, size):
    rows = matrix(name, size, stretch, torch.float64, torch.device("cpu"))
    torch.testing.assert_close(rows.sum(1), torch.ones(rows.shape[0], dtype=torch.float64))


def test_a_filter_kept_from_inference_can_be_trained_through():
    with torch.inference_mode():
        filtered(torch.zeros(1, 1, 23, 29), "blur", (23, 29), 2)
    x = torch.randn(1, 1, 23, 29, requires_grad=True)
    filtered(x, "blur", (23, 29), 2).sum().backward()


@pytest.mark.parametrize(
    ("linear", "offset"),
    [
        (turn(0.0), (0.0, 0.0)),
        (turn(0.0), (0.3, -0.8)),
        (turn(0.7), (0.0, 0.0)),
        (turn(2.0) * 0.8, (0.5, 0.25)),
        (turn(-1.0) @ torch.diag(torch.tensor([1.2, 1 / 1.2], dtype=torch.float64)) @ turn(0.4), (-0.5, 0.1)),
    ],
)
@pytest.mark.parametrize("size", [(33, 33), (24, 40)])
def test_a_smooth_picture_lands_where_the_formula_says(linear, offset, size):
    offset = torch.tensor(offset, dtype=torch.float64)
    before = wave(*size, turn(0.0), torch.zeros(2, dtype=torch.float64))
    after = warped(before, linear[None], offset[None])
    wanted = wave(*size, linear, offset)
    height, width = size
    # where the place lies well within the image; the mirror image follows another formula
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64) - (height - 1) / 2,
        torch.arange(width, dtype=torch.float64) - (width - 1) / 2,
        indexing="ij",
    )
    u = linear[0, 0] * x + linear[0, 1] * y + offset[0]
    v = linear[1, 0] * x + linear[1, 1] * y + offset[1]
    inside = (u.abs() < width / 2 - 4) & (v.abs() < height / 2 - 4)
    assert inside.sum() > 100
    assert (after - wanted)[0, 0][inside].abs().max() < 0.03


def test_a_quarter_turn_of_any_picture_is_nearly_that():
    x = torch.randn(2, 3, 16, 16, dtype=torch.float64)
    x = filtered(x, "blur", (16, 16), 2)
    turned = warped(x, turn(math.pi / 2).expand(2, 2, 2), torch.zeros(2, 2, dtype=torch.float64))
    wanted = x.rot90(-1, (2, 3))  # what lay at the top is on the right: a turn clockwise
    assert (turned - wanted).abs().max() < 0.1 * x.abs().max()


def test_what_is_too_fine_for_a_smaller_picture_is_gone():
    """A board of single pixels, shown at half its size, is gray and not a coarser board."""
    board = ((torch.arange(32)[:, None] + torch.arange(32)) % 2 * 2.0 - 1)[None, None]
    small = warped(board, 2 * torch.eye(2)[None], torch.zeros(1, 2))
    assert small.abs().max() < 0.1


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (8, 8), (5, 9)])
def test_reads_as_torch_does(size):
    x = torch.randn(3, 2, *size, dtype=torch.float64)
    grid = torch.rand(3, 7, 6, 2, dtype=torch.float64) * 9 - 4.5  # the mirrors of mirrors too
    wanted = grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    torch.testing.assert_close(read(x, grid), wanted)
    torch.testing.assert_close(gathered(x, grid), wanted)


@pytest.mark.parametrize("sampler", [read, gathered])
def test_derivatives_of_reading(sampler):
    x = torch.randn(2, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    grid = torch.rand(2, 3, 3, 2, dtype=torch.float64) * 3 - 1.5
    assert torch.autograd.gradcheck(lambda x: sampler(x, grid), (x,))
    assert torch.autograd.gradgradcheck(lambda x: sampler(x, grid), (x,))
    assert torch.autograd.gradgradcheck(lambda x: sampler(x, grid).exp(), (x,))
