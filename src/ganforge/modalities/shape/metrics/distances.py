"""Distances of clouds of points, and what PointFlow's protocol makes of them (Yang et al. 2019).

    CD(a, b)  = mean over a of min ‖a − b‖² + mean over b of min ‖a − b‖²
    EMD(a, b) = min over one-to-one matches of the mean ‖a − b‖                  by an auction, to within ε
    MMD       = mean over real shapes of the distance to the nearest generated one
    COV       = share of real shapes that are the nearest one of some generated shape
    1-NNA     = accuracy of a leave-one-out nearest-neighbor classifier of real and generated shapes: 0.5 is best
    JSD       = Jensen-Shannon divergence of the occupancies of a 28³ grid over the cube from -1 to 1, in nats

N, M clouds, P points.  clouds float32 [N, P, 3].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

Progress = Callable[[int, int], None]
Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Of pairs of clouds [B, P, 3], float64 [B]."""
CELLS = 28
PRECISE = 0.01
"""ε of the auction, as a share of the mean distance of points: the error of EMD is at most ε."""
TOGETHER = 512
"""Pairs whose matches are sought at the same time."""
MOST_ROUNDS = 100_000


def across(distance: Distance, a: np.ndarray, b: np.ndarray, progress: Progress) -> np.ndarray:
    """The distance of each cloud of a [N, P, 3] and each of b [M, P, 3], float64 [N, M]."""
    rows, columns = np.unravel_index(np.arange(len(a) * len(b)), (len(a), len(b)))
    return _of_pairs(distance, a, b, rows, columns, progress).reshape(len(a), len(b))


def among(distance: Distance, clouds: np.ndarray, progress: Progress) -> np.ndarray:
    """The distances of clouds [N, P, 3] among each other, each pair computed once, float64 [N, N]."""
    rows, columns = np.tril_indices(len(clouds), -1)
    found = np.zeros((len(clouds),) * 2)
    found[rows, columns] = _of_pairs(distance, clouds, clouds, rows, columns, progress)
    return found + found.T


def _of_pairs(distance: Distance, a, b, rows: np.ndarray, columns: np.ndarray, progress: Progress) -> np.ndarray:
    found = np.zeros(len(rows))
    for start in range(0, len(rows), TOGETHER):
        some = slice(start, start + TOGETHER)
        found[some] = distance(a[rows[some]], b[columns[some]])
        progress(min(start + TOGETHER, len(rows)), len(rows))
    return found


def chamfer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """CD of pairs of clouds [B, P, 3], float64 [B]."""
    found = np.zeros(len(a))
    for k, (x, y) in enumerate(zip(torch.from_numpy(a), torch.from_numpy(b), strict=True)):
        away = torch.addmm(x.square().sum(1)[:, None] + y.square().sum(1), x, y.t(), alpha=-2)
        found[k] = float(away.amin(1).clamp_min(0).mean() + away.amin(0).clamp_min(0).mean())
    return found


def emd(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """EMD of pairs of clouds [B, P, 3], float64 [B], by an auction (Bertsekas 1988) in all pairs at once.

    Each point of a that has no partner bids for the point of b that is nearest when prices are added: so much more than
    its price as the second nearest would have been worse, and ε. The highest bid wins and frees who had it.
    """
    x, y = torch.from_numpy(np.ascontiguousarray(a)).double(), torch.from_numpy(np.ascontiguousarray(b)).double()
    cost = torch.cdist(x, y)  # [B, P, P]
    pairs, count = cost.shape[:2]
    if count == 1:
        return cost.flatten().numpy()
    epsilon = PRECISE * cost.mean((1, 2)).clamp_min(1e-12)
    prices = torch.zeros(pairs, count, dtype=cost.dtype)
    owner = torch.full((pairs, count), -1)  # of each point of b, the point of a
    partner = torch.full((pairs, count), -1)  # of each point of a
    for _ in range(MOST_ROUNDS):
        pair, bidder = (partner < 0).nonzero(as_tuple=True)
        if not len(pair):
            break
        value, wanted = (cost[pair, bidder] + prices[pair]).topk(2, dim=1, largest=False)
        goal = pair * count + wanted[:, 0]
        bid = prices.view(-1)[goal] + value[:, 1] - value[:, 0] + epsilon[pair]
        highest = torch.full((pairs * count,), -torch.inf, dtype=cost.dtype).scatter_reduce(0, goal, bid, "amax")
        first = torch.full((pairs * count,), len(pair)).scatter_reduce(  # of equal bids, one wins
            0, goal, torch.where(bid == highest[goal], torch.arange(len(pair)), len(pair)), "amin"
        )
        winner = first[first < len(pair)]
        place = goal[winner]
        before = owner.view(-1)[place]
        freed = before >= 0
        partner.view(-1)[place[freed] // count * count + before[freed]] = -1
        owner.view(-1)[place] = bidder[winner]
        partner.view(-1)[pair[winner] * count + bidder[winner]] = wanted[winner, 0]
        prices.view(-1)[place] = bid[winner]
    return cost.gather(2, partner.clamp_min(0)[:, :, None]).mean((1, 2)).numpy()


def coverage(apart: np.ndarray) -> tuple[float, float]:
    """MMD and COV from the distances of real and generated shapes [N, M]."""
    return float(apart.min(1).mean()), len(np.unique(apart.argmin(0))) / len(apart)


def nearest_neighbor_accuracy(real: np.ndarray, fake: np.ndarray, apart: np.ndarray) -> float:
    """1-NNA from the distances among real ones [N, N], among generated ones [M, M], and between both [N, M]."""
    whole = np.block([[real, apart], [apart.T, fake]])
    np.fill_diagonal(whole, np.inf)
    is_real = np.arange(len(whole)) < len(real)
    return float((is_real[whole.argmin(1)] == is_real).mean())


def occupancy(clouds: np.ndarray) -> np.ndarray:
    """The share of points in each cell of a grid over the cube from -1 to 1, float64 [28³]."""
    cells = ((clouds.reshape(-1, 3) + 1) / 2 * CELLS).astype(int).clip(0, CELLS - 1)
    counts = np.bincount(cells @ [CELLS * CELLS, CELLS, 1], minlength=CELLS**3)
    return counts / counts.sum()


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Jensen-Shannon divergence of two distributions, in nats: 0 to log 2."""
    middle = (p + q) / 2

    def to(one: np.ndarray) -> float:
        there = one > 0
        return float((one[there] * np.log(one[there] / middle[there])).sum())

    return (to(p) + to(q)) / 2
