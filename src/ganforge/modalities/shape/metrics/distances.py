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
SCALES = (16, 4, 1)
"""Of ε, one auction after the other."""


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
    its price as the second nearest would be worse, and ε. The highest bid wins and frees who had it. The prices of an
    auction with a large ε are a good start for one with a smaller ε.
    """
    x, y = (torch.from_numpy(np.ascontiguousarray(one, np.float32)) for one in (a, b))
    cost = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")  # [B, P, P]
    pairs, count = cost.shape[:2]
    if count == 1:
        return cost.flatten().double().numpy()
    rows = cost.view(pairs * count, count)
    epsilon = PRECISE * cost.mean((1, 2)).clamp_min(1e-9)
    prices = torch.zeros(pairs * count)
    partner = torch.full((pairs * count,), -1)  # of each point of a, the point of b
    for scale in SCALES:
        owner, partner = torch.full((pairs * count,), -1), torch.full((pairs * count,), -1)
        bidders = torch.arange(pairs * count)
        while len(bidders):
            pair = bidders // count
            values, nearest = (rows[bidders] + prices.view(pairs, count)[pair]).topk(2, dim=1, largest=False)
            goal = pair * count + nearest[:, 0]
            bid = prices[goal] + values[:, 1] - values[:, 0] + scale * epsilon[pair]
            order = bid.argsort(stable=True)
            winner = torch.full((pairs * count,), -1).index_put_((goal[order],), order)  # of several, the last: highest
            place = (winner >= 0).nonzero().squeeze(1)
            won = winner[place]
            freed = owner[place][owner[place] >= 0]
            partner[freed] = -1
            owner[place], partner[bidders[won]], prices[place] = bidders[won], place, bid[won]
            lost = torch.ones(len(bidders), dtype=torch.bool).index_fill_(0, won, False)
            bidders = torch.cat([bidders[lost], freed])
    match = partner.view(pairs, count) - torch.arange(pairs)[:, None] * count
    return cost.gather(2, match[:, :, None]).mean((1, 2)).double().numpy()


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
