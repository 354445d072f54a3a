"""Distances of sounds that may run slower or faster: dynamic time warping of cepstra.

Sakoe & Chiba 1978:  D[i, j] = ‖a_i − b_j‖ + min(D[i−1, j], D[i, j−1], D[i−1, j−1]), divided by the two lengths' sum.

a [F, 13], b [M, F, 13] with every fourth frame, so that a search through thousands takes seconds.
"""

from __future__ import annotations

import numpy as np

from ganforge.modalities.audio.metrics.mfcc import cepstra

USED, STEP = 13, 4


def tracks(x: np.ndarray) -> np.ndarray:
    """Cepstra 1..13 of sounds [N, T] in steps of four frames, float32 [N, F, 13]."""
    found = cepstra(x)[:, 1 : USED + 1]
    count = found.shape[2] // STEP or 1
    found = found[:, :, : count * STEP].reshape(*found.shape[:2], count, -1).mean(3)
    return np.ascontiguousarray(found.transpose(0, 2, 1).astype(np.float32))


def warped(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances [M] of one track [F, 13] to many [M, F', 13]."""
    cost = np.sqrt(np.maximum(np.square(a[None, :, None] - b[:, None]).sum(3), 0))  # [M, F, F']
    rows, columns = cost.shape[1:]
    total = np.cumsum(cost[:, 0], axis=1)
    for i in range(1, rows):
        before = np.minimum(total, np.concatenate([np.full((len(b), 1), np.inf), total[:, :-1]], 1))
        fresh = np.empty_like(total)
        fresh[:, 0] = before[:, 0] + cost[:, i, 0]
        for j in range(1, columns):
            fresh[:, j] = np.minimum(before[:, j], fresh[:, j - 1]) + cost[:, i, j]
        total = fresh
    return total[:, -1] / (rows + columns)


def nearest_by_warping(x: np.ndarray, among: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance and place of the nearest of some sounds [M, T] to each of others [N, T]."""
    known = tracks(among)
    found = [warped(one, known) for one in tracks(x)]
    return np.array([d.min() for d in found]), np.array([d.argmin() for d in found])
