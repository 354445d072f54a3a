"""Mean and covariance of features, accumulated over batches and processes in float64.

Chan, Golub & LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances":

    δ = μ_b − μ_a        μ = μ_a + δ · n_b / n        M = M_a + M_b + δδᵀ · n_a n_b / n        Σ = M / (n − 1)

n: samples, D: dimension of the features, μ [D], M [D, D] = Σᵢ (xᵢ − μ)(xᵢ − μ)ᵀ. The square of a sum is never
subtracted from a sum of squares, so there is no cancellation for features far from zero.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors
from safetensors.numpy import save_file

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file

ROWS = 4096  # collected before a matrix product: large products are several times faster than small ones


@dataclass(frozen=True)
class Moments:
    """The first two moments of features.

    Attributes:
        n: number of samples.
        mean: float64 [D].
        scatter: float64 [D, D], the sum of outer products of the samples minus the mean.
    """

    n: int
    mean: np.ndarray
    scatter: np.ndarray

    @property
    def covariance(self) -> np.ndarray:
        """The unbiased covariance, float64 [D, D]; requires two samples."""
        return self.scatter / (self.n - 1)

    def merge(self, other: Moments) -> Moments:
        """The moments of both sets combined."""
        if not self.n or not other.n:
            return self if self.n else other
        n = self.n + other.n
        delta = other.mean - self.mean
        mean = self.mean + delta * (other.n / n)
        scatter = np.outer(delta * (self.n * other.n / n), delta)
        scatter += self.scatter
        scatter += other.scatter
        return Moments(n, mean, scatter)


def moments(features: np.ndarray) -> Moments:
    """The moments of features [N, D] of any floating-point type."""
    gathered = Gather()
    for start in range(0, len(features), ROWS):
        gathered.add(features[start : start + ROWS])
    return gathered.moments()


def relative_entropy(q: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Σ q log(q / p) over the last axis, the Kullback-Leibler divergence of q [..., K] from p; 0 log 0 is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(q > 0, q * np.log(q / p), 0.0).sum(-1)


class Gather:
    """Accumulates moments of features in batches of any size, with O(D²) memory."""

    def __init__(self) -> None:
        self._n = 0
        self._mean = np.zeros(0)
        self._scatter = np.zeros((0, 0))
        self._waiting: list[np.ndarray] = []
        self._rows = 0

    def add(self, features: np.ndarray) -> None:
        """Adds a batch [n, D]."""
        self._waiting.append(np.asarray(features))
        self._rows += len(features)
        if self._rows >= ROWS:
            self._flush()

    def moments(self) -> Moments:
        """The moments of everything added so far."""
        self._flush()
        return Moments(self._n, self._mean.copy(), self._scatter.copy())

    def _flush(self) -> None:
        if not self._rows:
            return
        x = np.concatenate(self._waiting).astype(np.float64, copy=False)
        self._waiting, self._rows = [], 0
        mean = x.mean(0)
        x = x - mean
        scatter = x.T @ x  # numpy detects the transpose and computes only one triangle
        if not self._n:
            self._n, self._mean, self._scatter = len(x), mean, scatter
            return
        n = self._n + len(x)
        delta = mean - self._mean
        self._scatter += scatter
        self._scatter += np.outer(delta * (self._n * len(x) / n), delta)
        self._mean = self._mean + delta * (len(x) / n)
        self._n = n


def save(path: Path, found: Moments, identity: str) -> None:
    """Writes moments as safetensors, with the identity of the extractor in the header."""
    _write(path, {"mean": found.mean, "scatter": found.scatter}, {"identity": identity, "n": str(found.n)})


def load(path: Path, identity: str) -> Moments:
    """Reads a file written by `save`.

    Raises:
        UserError: the file does not exist, does not contain moments, or they are of another extractor than `identity`.
    """
    arrays, header = _read(path, identity, {"mean", "scatter"}, "statistics of features")
    return Moments(int(header["n"]), arrays["mean"], arrays["scatter"])


def save_features(path: Path, arrays: dict[str, np.ndarray], identity: str) -> None:
    """Writes features [N, D] and, if available, probabilities [N, K], as `features` and `probabilities`."""
    _write(path, arrays, {"identity": identity})


def load_features(path: Path, identity: str) -> dict[str, np.ndarray]:
    """Reads a file written by `save_features`; raises the same errors as `load`."""
    return _read(path, identity, {"features"}, "features")[0]


def _write(path: Path, arrays: dict[str, np.ndarray], header: dict[str, str]) -> None:
    with atomic_file(path) as file:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, file, metadata=header)


def _read(path: Path, identity: str, names: set[str], what: str) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    if not path.is_file():
        raise UserError(f"{path}: no such file of {what}", code="statistics.not_found")
    try:
        with safetensors.safe_open(path, framework="np") as file:
            header = file.metadata() or {}
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # not a mapping
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(
            f"{path}: not a complete safetensors file ({error}). Nothing was loaded", code="statistics.unreadable"
        ) from None
    if not names <= set(found) or "identity" not in header:
        raise UserError(
            f"{path}: a safetensors file, but it does not hold {what} written by ganforge", code="statistics.other_file"
        )
    if header["identity"] != identity:
        raise UserError(
            f"{path}: holds {what} of another extractor: {_short(header['identity'])}; this evaluation uses "
            f"{_short(identity)}. Results with different extractors cannot be compared: use the same extractor, "
            "or leave the file out",
            code="statistics.other_extractor",
        )
    return found, header


def _short(identity: str) -> str:
    try:
        plain = json.loads(identity)
    except json.JSONDecodeError:
        return identity
    return f"{plain.get('extractor')} (weights {str(plain.get('weights'))[:8]}, resizer {plain.get('resizer')})"
