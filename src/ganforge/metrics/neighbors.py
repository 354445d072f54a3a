"""Nearest neighbors among features, in chunks that fit in memory.

    ‖a − b‖² = ‖a‖² + ‖b‖² − 2 aᵀb

in float64, after subtracting the mean, which reduces cancellation; in chunks, so that at most `ROOM` of the N · M
distances are in memory at a time.

N, M: samples, D: dimension of the features, a [N, D], b [M, D].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

ROOM = 1 << 25  # distances in memory at a time: 256 MiB
RowProgress = Callable[[int, int], None]
"""Called with (samples done, samples in all)."""


def _silent(done: int, total: int) -> None:
    return None


def _pairs(a: np.ndarray, b: np.ndarray, device: torch.device, progress: RowProgress) -> Iterator[tuple[int, Tensor]]:
    """(first row, distances [rows, M] from these rows of a to all of b), chunk by chunk."""
    place = torch.device("cpu") if device.type == "mps" else device  # MPS has no float64
    mean = b.mean(0, dtype=np.float64)
    x, y = (torch.from_numpy(np.ascontiguousarray(part - mean)).to(place) for part in (a, b))
    squares = y.square().sum(1)  # [M]
    rows = max(1, ROOM // max(1, len(b)))
    for start in range(0, len(a), rows):
        piece = x[start : start + rows]
        distances = torch.addmm(squares[None], piece, y.T, alpha=-2).add_(piece.square().sum(1, keepdim=True))
        yield start, distances.clamp_(min=0).sqrt_()
        progress(min(start + rows, len(a)), len(a))


def radii(x: np.ndarray, k: int, device: torch.device, progress: RowProgress = _silent) -> np.ndarray:
    """The distance from each sample of x [N, D] to its k-th nearest other one, float64 [N]; N > k."""
    found = []
    for start, distances in _pairs(x, x, device, progress):
        own = torch.arange(len(distances), device=distances.device)
        distances[own, own + start] = torch.inf  # a sample is not its own neighbor, but a duplicate is
        found.append(distances.kthvalue(k, dim=1).values.cpu())
    return torch.cat(found).numpy()


def balls(
    centers: np.ndarray, reach: np.ndarray, points: np.ndarray, device: torch.device, progress: RowProgress = _silent
) -> tuple[np.ndarray, np.ndarray]:
    """Which points are inside balls around the centers.

    Args:
        centers: [N, D]. reach: their radii [N]. points: [M, D].

    Returns:
        The number of balls that contain each point, int64 [M]; whether each ball contains a point, bool [N].
    """
    counts, occupied = [], np.zeros(len(centers), bool)
    for _, distances in _pairs(points, centers, device, progress):  # [rows, N]
        inside = distances <= torch.from_numpy(reach).to(distances.device)
        counts.append(inside.sum(1).cpu())
        occupied |= inside.any(0).cpu().numpy()
    return torch.cat(counts).numpy(), occupied


def nearest_few(
    points: np.ndarray, others: np.ndarray, k: int, device: torch.device, progress: RowProgress = _silent
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of `others` [M, D] to each of `points` [N, D], the nearest first: distances float64 [N, k] and
    positions int64 [N, k]; k ≤ M."""
    found = [distances.topk(k, dim=1, largest=False) for _, distances in _pairs(points, others, device, progress)]
    distances, places = (torch.cat([part[j].cpu() for part in found]).numpy() for j in (0, 1))
    return distances, places


def nearest(
    points: np.ndarray, others: np.ndarray, device: torch.device, progress: RowProgress = _silent, *, same: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of `others` [M, D] to each of `points` [N, D]: distances float64 [N] and positions int64 [N].

    Args:
        same: both are the same set, so that a sample is not its own neighbor.
    """
    least_distances, places = [], []
    for start, distances in _pairs(points, others, device, progress):
        if same:
            own = torch.arange(len(distances), device=distances.device)
            distances[own, own + start] = torch.inf
        least = distances.min(1)
        least_distances.append(least.values.cpu())
        places.append(least.indices.cpu())
    return torch.cat(least_distances).numpy(), torch.cat(places).numpy()
