"""What the metrics of molecules share: the valid molecules of each side, some of them, and their features."""

from __future__ import annotations

from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.metrics.base import Comparison
from ganforge.modalities.molecule import chem, properties

FEWEST = 10
"""Valid molecules below which nothing is measured."""
MOST = 2_000
"""Molecules of a side whose properties are computed."""
BITS = 1_024


def whole(comparison: Comparison, name: str, n: int | None = None) -> list[str | None]:
    """The canonical SMILES of each sample of a side; None for what is not valid or falls into parts."""

    def found() -> list[str | None]:
        return [None if "." in one else chem.canonical(one) for one in map(str, comparison.samples(name, n))]

    return comparison.once(("molecules", id(comparison.side(name)), n), found)


def valid(comparison: Comparison, name: str, n: int | None = None) -> list[str]:
    """The valid molecules of a side.

    Raises:
        UserError: there are too few.
    """
    found = [one for one in whole(comparison, name, n) if one is not None]
    if len(found) < FEWEST:
        raise UserError(
            f"{comparison.side(name).name}: {len(found)} valid molecules are too few; at least {FEWEST} are needed",
            code="metric.too_few_samples",
        )
    return found


def some(comparison: Comparison, name: str, most: int, n: int | None = None) -> list[str]:
    """A random choice of at most `most` valid molecules of a side."""
    found = valid(comparison, name, n)
    order = comparison.draws(f"molecules {name}").permutation(len(found))[:most]
    return [found[k] for k in np.sort(order)]


def parted(comparison: Comparison, most: int) -> tuple[list[str], list[str]]:
    """Unseen real molecules, and as many others for the floor: those held out and those of the training or, where none
    are held out, two halves."""
    if comparison.heldout is not None and comparison.heldout.n >= FEWEST:
        test, train = some(comparison, "heldout", most), some(comparison, "real", most)
        return test, train[: len(test)]
    real = some(comparison, "real", 2 * most)
    order = comparison.draws("molecule halves").permutation(len(real))
    half = len(real) // 2
    return [real[k] for k in order[:half]], [real[k] for k in order[half : 2 * half]]


def values(comparison: Comparison, smiles: list[str], name: str) -> np.ndarray:
    """A property of molecules, float64 [N]."""
    return comparison.once(("property", name, tuple(smiles)), lambda: properties.values(smiles, name))


def fingerprints(comparison: Comparison, smiles: list[str]) -> np.ndarray:
    """Morgan fingerprints of radius 2, float32 [N, BITS] of 0 and 1."""
    return comparison.once(("fingerprints", tuple(smiles)), lambda: _fingerprints(smiles))


def _fingerprints(smiles: list[str]) -> np.ndarray:
    chem.rdkit()
    from rdkit.Chem import rdFingerprintGenerator

    generator: Any = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=BITS)
    return np.stack([generator.GetFingerprintAsNumPy(chem.parsed(one)) for one in smiles]).astype(np.float32)
