"""Properties of molecules that can be computed from them, by name.

logP     logarithm of the partition coefficient between octanol and water, estimated (Wildman & Crippen 1999)
QED      drug-likeness, 0 to 1 (Bickerton et al. 2012)
SA       synthetic accessibility, 1 (easy) to 10 (Ertl & Schuffenhauer 2009)
weight   g/mol        TPSA     polar surface, Å²        rings    number of rings
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np

from ganforge.modalities.molecule.chem import parsed, rdkit

NAMES = ("logP", "QED", "SA", "weight", "TPSA", "rings")


@cache
def functions() -> dict[str, Callable[[Any], float]]:
    """A function of an RDKit molecule for each name."""
    rdkit()
    from rdkit.Chem import QED, Crippen, Descriptors, rdMolDescriptors
    from rdkit.Contrib.SA_Score import sascorer  # pyright: ignore[reportMissingImports]

    return {
        "logP": Crippen.MolLogP,  # type: ignore[attr-defined]
        "QED": QED.qed,
        "SA": sascorer.calculateScore,
        "weight": Descriptors.MolWt,  # type: ignore[attr-defined]
        "TPSA": rdMolDescriptors.CalcTPSA,
        "rings": lambda molecule: float(rdMolDescriptors.CalcNumRings(molecule)),
    }


def values(smiles: Iterable[str], name: str) -> np.ndarray:
    """The property of each valid SMILES, float64 [N]."""
    of = functions()[name]
    return np.array([float(of(parsed(one))) for one in smiles])
