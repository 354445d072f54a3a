"""Mode-specific normalization: a number as one of its column's modes and its place within that mode.

Xu et al. 2019, "Modeling Tabular Data using Conditional GAN", section 4.2: a variational Gaussian mixture finds at most
ten modes; a number x draws its mode k by the posterior and becomes

    value = (x - μk) / (4 σk)

What differs from the article: the mixture is fitted to evenly spaced order statistics of the column, which are many
enough and need no draw; a mode is drawn among those that reach x (|value| <= 1); and where numbers lie beyond all
modes, one more mode spans the whole range, so that nothing is cut and bounds can be reached.

A number that many rows have is a mode to itself, where a column is `mixed`: its rows come back exactly and as often.

Or else the modes are ranges of about as many rows each (`ranges`), which fit a column that heaps up at some numbers:
nothing is left for a mode to blur.

K: modes. Numbers and means are in [-1, 1], as `grid.to_unit` gives them.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from ganforge.core import scratch

REACH = 4.0  # standard deviations on each side of a mean that a mode covers
NARROW = 1e-6  # by which a range is wider on either side, so that rounding leaves no number outside
DIGITS = 6  # kept of the fit: more would depend on the number of threads


def fit(v: np.ndarray, most: int, least_weight: float, rows: int) -> dict[str, Any]:
    """The modes of a column.

    Args:
        v: float64 [N], sorted.
        most: modes at most.
        least_weight: a mode of less weight is left out.
        rows: how many of the numbers the mixture is fitted to.

    Returns:
        "means", "scales" (4 σ) and "weights", K each; "tail": whether the last mode is the one over the whole range.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import BayesianGaussianMixture

    chosen = v[np.linspace(0, len(v) - 1, min(rows, len(v))).round().astype(int)]
    center, spread = float(chosen.mean()), float(chosen.std())
    mixture = BayesianGaussianMixture(
        n_components=min(most, len(np.unique(chosen))),
        covariance_type="spherical",  # of one number there is but one, and this is the quickest way to it
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=0.001,
        max_iter=100,
        random_state=0,
    )
    with warnings.catch_warnings():
        # A mixture that still moves a little after 100 rounds serves as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        mixture.fit(((chosen - center) / spread)[:, None])
    used = np.flatnonzero(mixture.weights_ > least_weight)
    used = used[np.argsort(mixture.means_[used, 0])]
    means = [_short(center + spread * m) for m in mixture.means_[used, 0].tolist()]
    scales = [_short(REACH * spread * math.sqrt(c)) for c in mixture.covariances_[used].tolist()]
    weights = [_short(w) for w in mixture.weights_[used].tolist()]
    beyond = 0
    for part in scratch.pieces(len(v)):
        reached = np.zeros(part.stop - part.start, bool)
        for mean, scale in zip(means, scales, strict=True):
            reached |= np.abs(v[part] - mean) <= scale
        beyond += int((~reached).sum())
    tail = beyond > 0
    if tail:
        means, scales = [*means, 0.0], [*scales, 1.0]
        weights.append(_short(beyond / len(v)))
    return {"means": means, "scales": scales, "weights": weights, "tail": bool(tail)}


def mixed(v: np.ndarray, share: float, most: int, least_weight: float, rows: int) -> dict[str, Any]:
    """Modes of a column of spikes and a continuous rest, as `fit`: a mode for each spike, a mixture for the rest.

    Zhao et al. 2021, "CTAB-GAN: Effective Table Data Synthesizing", section 3.3 (mixed-type encoding). Here a spike is
    found, as a number that holds at least a `share` of the rows; "spikes" says how many of the first modes are such.
    """
    at, counts = np.unique(v, return_counts=True)
    heavy = counts >= share * len(v)
    spikes, held = at[heavy], counts[heavy] / len(v)
    rest = v[~np.isin(v, spikes)]
    found: dict[str, Any] = {"means": [], "scales": [], "weights": [], "tail": False}
    if len(rest) and rest[0] < rest[-1]:
        found = fit(rest, most, least_weight, rows)
    elif len(rest):
        found |= {"means": [float(rest[0])], "scales": [NARROW], "weights": [1.0]}
    return {
        "means": [*spikes.tolist(), *found["means"]],
        "scales": [*[NARROW] * len(spikes), *found["scales"]],
        "weights": [*map(_short, held.tolist()), *(_short(w * len(rest) / len(v)) for w in found["weights"])],
        "tail": found["tail"],
        "spikes": len(spikes),
    }


def ranges(v: np.ndarray, most: int) -> dict[str, Any]:
    """Ranges of about as many rows each, as modes; a number as frequent as that has a range of its own.

    Args:
        v: float64 [N], sorted.
        most: a range is full when it holds one part in so many.

    Returns:
        As `fit`: middles, half widths, shares of the rows.
    """
    at, counts = np.unique(v, return_counts=True)
    full = len(v) / most
    found: list[tuple[int, int, int]] = []  # first, last, rows
    first, held = 0, 0
    for k, count in enumerate(counts.tolist()):
        if held and count >= full:
            found.append((first, k - 1, held))
            first, held = k, 0
        held += count
        if held >= full or k == len(at) - 1:
            found.append((first, k, held))
            first, held = k + 1, 0
    low, high = at[[group[0] for group in found]], at[[group[1] for group in found]]
    return {
        "means": ((low + high) / 2).tolist(),
        "scales": ((high - low) / 2 + NARROW).tolist(),
        "weights": [_short(rows / len(v)) for _, _, rows in found],
        "tail": False,
    }


def of_one_number(found: dict[str, Any]) -> list[bool]:
    """Which of K modes hold one number each; their width is there for rounding alone."""
    return [scale <= NARROW for scale in found["scales"]]


def heaped(v: np.ndarray, most: int) -> bool:
    """Whether one of some sorted numbers [N] is so frequent that it has one of `most` ranges to itself."""
    return bool(np.unique(v, return_counts=True)[1].max() * most >= len(v))


ONE = {"means": [0.0], "scales": [1.0], "weights": [1.0], "tail": False}
"""The modes of a column that is not split into any: the whole of [-1, 1]."""


def _short(x: float) -> float:
    return float(f"{x:.{DIGITS}g}")
