"""RDKit, imported where it is needed: from SMILES to molecules and back, and what is wrong with those that are none.

A molecule here is a canonical SMILES. What nets make is written as SMILES as it is, so that it may be no molecule.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from ganforge.core.extras import need

SYNTAX = "not valid SMILES"
PROBLEMS = {
    "AtomValenceException": "an atom with more bonds than it can have",
    "KekulizeException": "an aromatic ring without a valid structure",
    "AtomKekulizeException": "an aromatic atom outside a ring",
}


@cache
def rdkit() -> Any:
    """The module `rdkit.Chem`, with its messages about single molecules turned off: they are counted instead.

    Raises:
        MissingExtra: RDKit is not installed.
    """
    need("rdkit", "reading and writing molecules")
    from rdkit import Chem, RDLogger
    from rdkit.Chem import rdDepictor

    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    rdDepictor.SetPreferCoordGen(False)
    return Chem


def parsed(smiles: str) -> Any | None:
    """The molecule of a SMILES, or None."""
    return rdkit().MolFromSmiles(smiles) if smiles.strip() else None


def canonical(smiles: str) -> str | None:
    """The canonical SMILES, or None if it is no molecule."""
    molecule = parsed(smiles)
    return None if molecule is None or not molecule.GetNumAtoms() else rdkit().MolToSmiles(molecule)


CHARGES = range(-3, 5)
MOST_BONDS = 8


@cache
def largest_valences() -> dict[str, int]:
    """The most bonds of an atom of each element and charge for which RDKit has a limit below eight, under the names of
    SELFIES: `Si`, `F+1`, `As-1`. RDKit is asked about atoms with that many fluorines."""
    Chem = rdkit()
    table = Chem.GetPeriodicTable()
    found: dict[str, int] = {}
    for symbol in map(table.GetElementSymbol, range(1, 119)):
        for charge in CHARGES:
            molecule = Chem.RWMol()
            center = Chem.Atom(symbol)
            center.SetFormalCharge(charge)
            center.SetNoImplicit(True)
            molecule.AddAtom(center)
            most = 0
            for bonds in range(1, MOST_BONDS + 1):
                molecule.AddBond(0, molecule.AddAtom(Chem.Atom("F")), Chem.BondType.SINGLE)
                if not Chem.DetectChemistryProblems(molecule):
                    most = bonds
            if most < MOST_BONDS:
                found[f"{symbol}{charge:+d}" if charge else symbol] = most
    return found


def problem(smiles: str) -> str:
    """Why a SMILES is no molecule."""
    Chem = rdkit()
    molecule = Chem.MolFromSmiles(smiles, sanitize=False)
    if molecule is None:
        return SYNTAX
    found = Chem.DetectChemistryProblems(molecule)
    kind = str(found[0].GetType()) if found else ""
    return PROBLEMS.get(kind, kind or SYNTAX)


def largest_fragment(smiles: str) -> str:
    """The part with the most atoms other than hydrogen, of parts that are joined by a dot."""
    return max(smiles.split("."), key=lambda part: sum(letter.isalpha() and letter != "H" for letter in part))


def repaired(smiles: str) -> str | None:
    """The nearest molecule of one part: the largest fragment, with bonds lowered by one, or taken away, at atoms that
    have too many; or None if that is not enough."""
    Chem = rdkit()
    molecule = Chem.MolFromSmiles(smiles, sanitize=False)
    if molecule is None or not molecule.GetNumAtoms():
        return None
    lower = {Chem.BondType.TRIPLE: Chem.BondType.DOUBLE, Chem.BondType.DOUBLE: Chem.BondType.SINGLE}
    editable = Chem.RWMol(molecule)
    for _ in range(4 * editable.GetNumBonds() + 1):
        found = [one for one in Chem.DetectChemistryProblems(editable) if one.GetType() == "AtomValenceException"]
        if not found:
            break
        atom = editable.GetAtomWithIdx(found[0].GetAtomIdx())
        atom.SetNoImplicit(False)
        bonds = sorted(atom.GetBonds(), key=lambda bond: (-bond.GetBondTypeAsDouble(), bond.GetIdx()))
        if not bonds:
            return None
        first = bonds[0]
        if first.GetBondType() in lower:
            first.SetBondType(lower[first.GetBondType()])
        else:
            last = bonds[-1]
            editable.RemoveBond(last.GetBeginAtomIdx(), last.GetEndAtomIdx())
    return canonical(largest_fragment(Chem.MolToSmiles(editable)))
