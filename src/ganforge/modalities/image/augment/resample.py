"""Antialiased resampling of images at arbitrary positions, differentiable any number of times.

    upsampling by 2:    x ↦ U_h x U_wᵀ       Lanczos-3
    sampling:           bilinear, on the finer grid
    downsampling:       y ↦ D_h y D_wᵀ       Lanczos-3, stretched to the coarser grid

Images are extended by repeated reflection, so every position is defined, for any size. A filter with reflected edges is
a small matrix; everything is linear in x.

x [N, C, H, W]; U [2·size, size]; D [size, 2·size + 2·MARGIN].
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import grid_sample

REACH = 3
"""Lobes of the Lanczos kernel on each side."""
MARGIN = 2 * REACH - 1
"""Number of fine samples beyond each edge that the downsampling filter uses."""


def mirrored(index: Tensor, size: int) -> Tensor:
    """Any integer as an index 0 ... size − 1, by repeated reflection at the edges of the image."""
    index = index % (2 * size)
    return torch.where(index < size, index, 2 * size - 1 - index)


def shifted(size: int, by: Tensor) -> Tensor:
    """Indices [N, size] along one side for a translation by whole pixels, int64 [N]; may be out of range."""
    return torch.arange(size, device=by.device) - by[:, None]


def pick(x: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Each sample's rows [N, H] and columns [N, W], in this order."""
    x = x.gather(2, rows[:, None, :, None].expand_as(x))
    return x.gather(3, columns[:, None, None, :].expand_as(x))


def lanczos(distance: Tensor) -> Tensor:
    """Lanczos-3 kernel at distances in samples of the coarser grid."""
    inside = distance.abs() < REACH
    return torch.where(inside, torch.sinc(distance) * torch.sinc(distance / REACH), 0.0)


def filter_matrix(places: Sequence[float], size: int, stretch: int) -> Tensor:
    """[len(places), size]: the weights of `size` samples in the values at `places` (positions in samples).

    The bandwidth is 1/stretch of that of the samples.
    """
    at = torch.tensor(places, dtype=torch.float64)[:, None]
    taps = at.floor() + torch.arange(1 - REACH * stretch, REACH * stretch + 1)
    weights = lanczos((at - taps) / stretch)
    weights = weights / weights.sum(1, keepdim=True)
    return torch.zeros(len(places), size, dtype=torch.float64).scatter_add_(1, mirrored(taps.long(), size), weights)


@lru_cache(maxsize=256)
def matrix(name: str, size: int, stretch: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The matrix `up`, `down` or `blur` for one side of an image; cached, since every step uses the same few."""
    with torch.inference_mode(False):  # tensors made in inference mode could not be used for training later
        if name == "up":
            made = filter_matrix([(k + 0.5) / 2 - 0.5 for k in range(2 * size)], size, 1)
        elif name == "down":
            made = filter_matrix([2 * k + 0.5 + MARGIN for k in range(size)], 2 * size + 2 * MARGIN, 2)
        else:
            made = filter_matrix(range(size), size, stretch)
        return made.to(device=device, dtype=dtype)


def filtered(x: Tensor, name: str, size: Sequence[int], stretch: int = 1) -> Tensor:
    """x [N, C, H, W] filtered along both sides by the matrices `name` for images of `size` (H, W)."""
    down, across = (matrix(name, side, stretch, x.dtype, x.device) for side in size)
    return (down @ (x @ across.T)).to(x.dtype)


def warped(x: Tensor, linear: Tensor, offset: Tensor) -> Tensor:
    """Transforms images: the output at q is the input at linear·q + offset.

    Args:
        x: [N, C, H, W].
        linear: [N, 2, 2], acting on (x, y), in pixels from the image's center, x to the right, y down.
        offset: [N, 2], in pixels.
    """
    height, width = x.shape[2:]
    right, down = (
        (torch.arange(-MARGIN, 2 * side + MARGIN, device=x.device, dtype=x.dtype) + 0.5 - side) / 2
        for side in (width, height)
    )
    places = [
        (linear[:, k, 0, None, None] * right + linear[:, k, 1, None, None] * down[:, None] + offset[:, k, None, None])
        * (2 / side)  # 1 is an edge of the image
        for k, side in enumerate((width, height))
    ]
    fine = filtered(x, "up", (height, width))
    return filtered(read(fine, torch.stack(places, dim=3)), "down", (height, width))


def read(x: Tensor, grid: Tensor) -> Tensor:
    """Bilinear values of x [N, C, H, W] at grid [N, P, Q, 2]: (x, y), −1 and 1 at the edges, mirrored beyond.

    Differentiable in x alone.
    """
    if x.device.type in ("cpu", "cuda"):
        result = Read.apply(x, grid)
        assert isinstance(result, Tensor)
        return result
    return gathered(x, grid)  # on other devices, torch may lack the backward pass of its sampler


def gathered(x: Tensor, grid: Tensor) -> Tensor:
    """`read`, implemented with basic operations."""
    height, width = x.shape[2:]
    right, down = ((grid[..., k] + 1) * (side / 2) - 0.5 for k, side in enumerate((width, height)))
    left, top = right.floor(), down.floor()
    columns = [mirrored(left.long() + k, width).flatten(1) for k in (0, 1)]
    rows = [mirrored(top.long() + k, height).flatten(1) for k in (0, 1)]
    flat = x.flatten(2)
    a, b, c, d = (
        flat.gather(2, (row * width + column)[:, None].expand(-1, x.shape[1], -1)) for row in rows for column in columns
    )
    u, v = (right - left).flatten(1)[:, None], (down - top).flatten(1)[:, None]
    return torch.lerp(torch.lerp(a, b, u), torch.lerp(c, d, u), v).unflatten(2, grid.shape[1:3])


class Read(torch.autograd.Function):
    """y = S x, where S is set by the grid. Torch's sampler lacks a second derivative in some versions, but S is linear:
    the backward pass Sᵀ is implemented as a separate operation, whose backward pass is S again.
    """

    @staticmethod
    def forward(x: Tensor, grid: Tensor) -> Tensor:
        return grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        x, grid = inputs
        ctx.save_for_backward(grid)
        ctx.shape = x.shape

    @staticmethod
    def backward(ctx, *grads: Tensor) -> tuple[Tensor, None]:
        (grid,) = ctx.saved_tensors
        return Spread.apply(grads[0], grid, ctx.shape), None


class Spread(torch.autograd.Function):
    """x = Sᵀ y: adds each value to the four pixels that it was interpolated from."""

    @staticmethod
    def forward(y: Tensor, grid: Tensor, shape: torch.Size) -> Tensor:
        empty = y.new_zeros(shape)  # the input values do not affect the transposed operation
        bilinear, reflection = 0, 2
        return torch.ops.aten.grid_sampler_2d_backward(y, empty, grid, bilinear, reflection, False, (True, False))[0]

    @staticmethod
    def setup_context(ctx, inputs, output) -> None:
        _, grid, _ = inputs
        ctx.save_for_backward(grid)

    @staticmethod
    def backward(ctx, *grads: Tensor) -> tuple[Tensor, None, None]:
        (grid,) = ctx.saved_tensors
        return Read.apply(grads[0], grid), None, None
