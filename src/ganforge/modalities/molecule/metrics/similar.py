"""Diversity, and what generated molecules share with real ones (the set of MOSES, Polykovskiy et al. 2020).

    internal_diversity    1 − mean Tanimoto similarity of two generated molecules
    nearest_similarity    mean over generated molecules of the largest Tanimoto similarity to an unseen real one (SNN)
    fragment_similarity   cosine of the counts of BRICS fragments
    scaffold_similarity   cosine of the counts of Bemis–Murcko scaffolds

Fingerprints: Morgan, radius 2, 1,024 bits. Beside each the same for molecules of the training data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.molecule import chem
from ganforge.modalities.molecule.metrics import sides


class Sets(Metric, kind="molecule_sets"):
    """Internal diversity, nearest neighbors, fragments and scaffolds."""

    signals: ClassVar[tuple[str, ...]] = ("molecule",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "nearest_similarity": Meaning("Similarity to the nearest unseen real molecule, on average.", "higher", 1.0),
        "internal_diversity": Meaning("How different generated molecules are from each other, 0 to 1."),
        "fragment_similarity": Meaning("Whether fragments are as frequent as in real molecules.", "higher", 1.0),
        "scaffold_similarity": Meaning("Whether ring systems are as frequent as in real molecules.", "higher", 1.0),
    }
    most: int = Field(default=1_000, ge=10)
    """Molecules of a side."""

    def compute(self, comparison: Comparison) -> list[Result]:
        fake = sides.some(comparison, "fake", self.most, self.n)
        test, train = sides.parted(comparison, self.most)
        protocol = comparison.protocol(self.n) | {"n_valid": len(fake), "n_test": len(test)}
        found = []
        made, floor = (self._values(comparison, one, test) for one in (fake, train))
        for name, value in made.items():
            notes = [phrase("training molecules: {floor:.3g}", floor=floor[name])]
            found.append(Result(name, value, protocol, {"floor": floor[name], "notes": notes}))
        return found

    def _values(self, comparison: Comparison, smiles: list[str], test: list[str]) -> dict[str, float]:
        bits, real = sides.fingerprints(comparison, smiles), sides.fingerprints(comparison, test)
        each = tanimoto(bits, bits)
        n = len(smiles)
        return {
            "nearest_similarity": float(tanimoto(bits, real).max(1).mean()),
            "internal_diversity": float(1 - (each.sum() - np.trace(each)) / max(1, n * (n - 1))),
            "fragment_similarity": cosine(fragments(smiles), fragments(test)),
            "scaffold_similarity": cosine(scaffolds(smiles), scaffolds(test)),
        }


def tanimoto(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Shared bits ÷ bits of either, [N, M], of 0-or-1 fingerprints [N, D] and [M, D]."""
    shared = a @ b.T
    return shared / np.maximum(a.sum(1)[:, None] + b.sum(1)[None] - shared, 1e-9)


def fragments(smiles: list[str]) -> Counter[str]:
    """How many molecules have each BRICS fragment."""
    chem.rdkit()
    from rdkit.Chem import BRICS

    return Counter(part for one in smiles for part in BRICS.BRICSDecompose(chem.parsed(one), minFragmentSize=1))


def scaffolds(smiles: list[str]) -> Counter[str]:
    """How many molecules have each ring system with its linkers; those without a ring are not counted."""
    chem.rdkit()
    from rdkit.Chem.Scaffolds import MurckoScaffold

    found = Counter(MurckoScaffold.MurckoScaffoldSmiles(mol=chem.parsed(one)) for one in smiles)
    found.pop("", None)
    return found


def cosine(a: Counter[str], b: Counter[str]) -> float:
    """Of two vectors of counts; 0 if one is empty."""
    norms = [sum(value**2 for value in one.values()) ** 0.5 for one in (a, b)]
    return sum(value * b[key] for key, value in a.items()) / (norms[0] * norms[1]) if all(norms) else 0.0
