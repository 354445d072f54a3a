"""From SMILES as users have them to molecules that can be learned: repairs, and reasons to leave some out.

several parts   the largest stays: the others are salts and solvents
isotopes        left out of the SMILES
charges         neutralized where a hydrogen does it
stereo          left out, unless it is to be kept
left out        what is no SMILES or no molecule, radicals, and atoms that stand for any (*)
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from ganforge.modalities.molecule import chem

EXAMPLES = 3
"""Examples of each reason that are kept."""


class Record(NamedTuple):
    """A molecule as it was read: where, its SMILES or the MDL block of it, and numbers that the file gives it."""

    place: str
    text: str
    values: dict[str, str] = {}  # noqa: RUF012  # never written to
    block: bool = False


@dataclass
class Cleaned:
    """Molecules, and what was repaired or left out.

    Attributes:
        smiles: canonical, each once.
        atoms: the types of the atoms of each, without hydrogen: C, N+.
        rows: what was read of each.
        left_out: reason → how many. repairs: repair → how many. examples: reason → (where, what).
    """

    read: int = 0
    smiles: list[str] = field(default_factory=list)
    atoms: list[tuple[str, ...]] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    repairs: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def drop(self, record: Record, why: str) -> None:
        self.left_out[why] += 1
        some = self.examples.setdefault(why, [])
        if len(some) < EXAMPLES:
            some.append((record.place, record.text.strip().partition("\n")[0][:60]))


DUPLICATE = "the same molecule as an earlier one, by another or the same SMILES"
ISOTOPES = re.compile(r"\[\d")
CHARGED, SALT, ISOTOPE, STEREO = "charges neutralized", "salts or other parts removed", "isotopes dropped", "stereo"


def clean(records: Iterable[Record], *, stereo: bool = False, neutralize: bool = True) -> Cleaned:
    """The molecules of records."""
    Chem = chem.rdkit()
    found, known = Cleaned(), set()
    for record in records:
        found.read += 1
        text = record.text if record.block else record.text.strip()
        molecule = Chem.MolFromMolBlock(text) if record.block else chem.parsed(text)
        if molecule is None or not molecule.GetNumAtoms():
            found.drop(record, "not a valid structure" if record.block else chem.problem(text) if text else "empty")
            continue
        repaired = _repaired(molecule, stereo, neutralize)
        if isinstance(repaired, str):
            found.drop(record, repaired)
            continue
        smiles, atoms, repairs = repaired
        found.repairs.update(repairs)
        if smiles in known:
            found.drop(record, DUPLICATE)
            continue
        known.add(smiles)
        found.smiles.append(smiles)
        found.atoms.append(atoms)
        found.rows.append(record._replace(text="") if record.block else record)
    return found


def _repaired(molecule: Any, stereo: bool, neutralize: bool) -> tuple[str, tuple[str, ...], list[str]] | str:
    """(SMILES, types of atoms, repairs) of a molecule, or why it cannot be used.

    The SMILES shows what there is to repair, which is quicker than to look at all atoms.
    """
    Chem = chem.rdkit()
    repairs = []
    smiles = Chem.MolToSmiles(molecule)
    if "." in smiles:
        molecule = max(Chem.GetMolFrags(molecule, asMols=True), key=lambda part: part.GetNumHeavyAtoms())
        repairs.append(SALT)
    if ISOTOPES.search(smiles):
        for atom in molecule.GetAtoms():
            atom.SetIsotope(0)
        molecule = Chem.RemoveHs(molecule)
        repairs.append(ISOTOPE)
    if neutralize and any(atom.GetFormalCharge() for atom in molecule.GetAtoms() if "[" in smiles):
        neutral = Chem.MolToSmiles(_uncharger().uncharge(molecule))
        if neutral != Chem.MolToSmiles(molecule) and (again := chem.parsed(neutral)) is not None:
            molecule = again
            repairs.append(CHARGED)
    if not stereo and any(mark in smiles for mark in "@/\\"):
        Chem.RemoveStereochemistry(molecule)
        repairs.append(STEREO)
    if repairs:
        again = chem.canonical(Chem.MolToSmiles(molecule))
        if again is None:
            return "no valid molecule after repair"
        smiles, molecule = again, chem.parsed(again)
    plain = "[" not in smiles and "*" not in smiles
    atoms = list(molecule.GetAtoms())
    if not plain and any(not atom.GetAtomicNum() for atom in atoms):
        return "an atom of no element (*)"
    if not plain and any(atom.GetNumRadicalElectrons() for atom in atoms):
        return "a radical"
    return smiles, tuple(atom.GetSymbol() if plain else type_of(atom) for atom in atoms), repairs


def type_of(atom: Any) -> str:
    """The element and the charge: C, N+, O-, Fe+2."""
    charge = atom.GetFormalCharge()
    sign = "" if not charge else "+" if charge > 0 else "-"
    return f"{atom.GetSymbol()}{sign}{abs(charge) if abs(charge) > 1 else ''}"


@cache
def _uncharger() -> Any:
    from rdkit.Chem.MolStandardize import rdMolStandardize

    return rdMolStandardize.Uncharger()
