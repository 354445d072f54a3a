"""Molecules as graphs: the type of every atom and the bond of every pair, with double and single bonds in aromatic
rings (kekulized). Hydrogens are implicit.

    x[:, :V, i, i]       one-hot type of atom i: none, C, N, ...
    x[:, V:, i, j]       one-hot bond of atoms i ≠ j: none, single, double, triple
    all else 0

Atoms of the data are in canonical order. G makes and D reads them as a set, so that the order says nothing.

N: molecules, n: atoms at most, V: types of atoms, B = 4 types of bonds.  x [N, V + B, n, n], stored int8 [N, n, n] with
types of atoms on the diagonal and types of bonds elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import one_hot

from ganforge.core.errors import UserError
from ganforge.core.language import phrase
from ganforge.core.types import Spec
from ganforge.modalities.molecule import chem
from ganforge.modalities.molecule.cleaning import type_of
from ganforge.modalities.molecule.forms.base import Form, Shape
from ganforge.modalities.molecule.source import MoleculeSet

BONDS = 4
NONE = "none"
MOST_BONDS = 7


class Sizes(NamedTuple):
    """V types of atoms, the empty one included, and n atoms at most."""

    types: int
    atoms: int


def sizes_of(shape: Shape) -> Sizes:
    """Those of samples of a shape.

    Raises:
        UserError: it is not that of molecules as graphs.
    """
    if len(shape) != 3 or shape[1] != shape[2] or shape[0] < BONDS + 2:
        raise UserError(
            "these nets are for molecules as graphs, [types of atoms and bonds, atoms, atoms], not for samples of the "
            f"shape {'×'.join(map(str, shape))}",
            code="nets.not_for_shape",
        )
    return Sizes(shape[0] - BONDS, shape[1])


def joined(atoms: Tensor, bonds: Tensor) -> Tensor:
    """Atoms [N, n, V] and bonds [N, n, n, B] as x; what bonds say of an atom with itself does not count."""
    n = atoms.shape[1]
    apart = 1 - torch.eye(n, dtype=bonds.dtype, device=bonds.device)
    there = torch.diag_embed(atoms.transpose(1, 2))  # [N, V, n, n]
    return torch.cat([there, bonds.permute(0, 3, 1, 2) * apart], 1)


def parted(x: Tensor, types: int) -> tuple[Tensor, Tensor]:
    """x as atoms [N, n, V] and bonds [N, B, n, n], made symmetric, with nothing between an atom and itself."""
    atoms = x[:, :types].diagonal(dim1=2, dim2=3).transpose(1, 2)
    bonds = x[:, types:]
    apart = 1 - torch.eye(x.shape[2], dtype=x.dtype, device=x.device)
    return atoms, 0.5 * (bonds + bonds.transpose(2, 3)) * apart


class Graph(Form, kind="graph"):
    """Atoms and bonds."""

    atoms: int = Field(default=9, ge=2, le=60)
    """The most atoms of a molecule, without hydrogens; larger molecules are left out, and counted."""
    rare: float = Field(default=0.01, ge=0, lt=1)
    """Molecules with a type of atom (an element with a charge) that fewer than this share have are left out."""

    def items(self, dataset: MoleculeSet) -> MoleculeSet:
        small = np.array([len(atoms) <= self.atoms for atoms in dataset.atoms])
        counts: Counter[str] = Counter()
        for atoms, fits in zip(dataset.atoms, small, strict=True):
            counts.update(set(atoms) if fits else ())
        usual = {name for name, count in counts.items() if count >= self.rare * small.sum()}
        known = np.array([usual.issuperset(atoms) for atoms in dataset.atoms])
        rows = np.flatnonzero(small & known)
        if small.any() and not len(rows):
            raise UserError(
                f"data {dataset.name}: each of its {small.sum():,} molecules of at most {self.atoms} atoms has a type "
                "of atom that few others have. Lower signal.form.rare",
                code="molecule.rare_atoms",
            )
        if not len(rows):
            least = min(len(atoms) for atoms in dataset.atoms)
            raise UserError(
                f"data {dataset.name}: none of its {len(dataset):,} molecules has at most {self.atoms} atoms (the "
                f"smallest has {least}). Raise signal.form.atoms, or use the recipe selfies-small",
                code="molecule.too_large",
            )
        if len(rows) == len(dataset):
            return dataset
        reasons = []
        if not small.all():
            reasons.append(f"{(~small).sum():,} larger than {self.atoms} atoms (signal.form.atoms)")
        if (small & ~known).any():
            others = ", ".join(sorted(set(counts) - usual)[:8])
            reasons.append(f"{(small & ~known).sum():,} with rare atoms: {others} (signal.form.rare)")
        return dataset.some(rows, f"left out of graphs: {'; '.join(reasons)}")

    def spec(self, dataset: MoleculeSet, nearest: Callable[[Shape], Shape]) -> Spec:
        counts: Counter[str] = Counter()
        numbers: Counter[int] = Counter()
        for atoms in dataset.atoms:
            counts.update(atoms)
            numbers[len(atoms)] += 1
        names = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
        largest = max(2, *numbers)
        state: dict[str, Any] = {
            "form": "graph",
            "atoms": names,
            "shares": [counts[name] / counts.total() for name in names],
            "valences": [valence(name) for name in names],
            "sizes": [numbers[k] / len(dataset) for k in range(largest + 1)],
        }
        shape = (1 + len(names) + BONDS, largest, largest)
        if tuple(nearest(shape)) != shape:
            raise UserError(
                f"data {dataset.name}: these nets cannot make molecules as graphs. Use the recipe molecule-small",
                code="nets.not_for_shape",
            )
        return Spec(shape, state=state)

    def at(self, spec: Spec) -> Self:
        return replace(self, atoms=spec.shape[1])

    def stored(self, spec: Spec) -> Shape:
        return spec.shape[1:]

    def prepare(self, smiles: str, spec: Spec) -> np.ndarray:
        Chem = chem.rdkit()
        molecule = chem.parsed(smiles)
        assert molecule is not None
        Chem.Kekulize(molecule, clearAromaticFlags=True)
        known = {name: k for k, name in enumerate(spec.state["atoms"], 1)}
        found = np.zeros(spec.shape[1:], np.int8)
        for atom in molecule.GetAtoms():
            k = atom.GetIdx()
            found[k, k] = known[type_of(atom)]
        for bond in molecule.GetBonds():
            a, b = bond.GetBeginAtomIdx(), bond.GetEndAtomIdx()
            found[a, b] = found[b, a] = round(bond.GetBondTypeAsDouble())
        return found

    def encode(self, stored: Tensor, spec: Spec) -> Tensor:
        types, n = sizes_of(spec.shape)
        atoms = one_hot(stored.diagonal(dim1=1, dim2=2).long(), types).float()
        apart = ~torch.eye(n, dtype=torch.bool, device=stored.device)
        return joined(atoms, one_hot(stored.long() * apart, BONDS).float())

    def decode(self, x: Tensor, spec: Spec) -> list[str]:
        types, _ = sizes_of(spec.shape)
        atoms, bonds = parted(x.detach(), types)
        chosen, between = atoms.argmax(2).cpu().numpy(), bonds.argmax(1).cpu().numpy()
        return [written(a, b, spec.state["atoms"]) for a, b in zip(chosen, between, strict=True)]

    def describe(self, spec: Spec) -> str:
        return phrase(
            "a molecule of up to {n} atoms of {types}", n=spec.shape[1], types=", ".join(spec.state["atoms"])
        )  # fmt: skip


def written(atoms: np.ndarray, bonds: np.ndarray, names: list[str]) -> str:
    """The SMILES of a graph as it is, valid or not.

    Args:
        atoms: int [n], 0 for none. bonds: int [n, n], 0 for none.
    """
    Chem = chem.rdkit()
    kinds = (None, Chem.BondType.SINGLE, Chem.BondType.DOUBLE, Chem.BondType.TRIPLE)
    molecule = Chem.RWMol()
    places: dict[int, int] = {}
    for k in np.flatnonzero(atoms).tolist():
        places[k] = molecule.AddAtom(_atom(names[atoms[k] - 1]))
    for a, b in zip(*np.nonzero(np.triu(bonds, 1)), strict=True):
        if int(a) in places and int(b) in places:
            molecule.AddBond(places[int(a)], places[int(b)], kinds[bonds[a, b]])
    molecule.UpdatePropertyCache(strict=False)  # hydrogens of charged atoms
    return Chem.MolToSmiles(molecule)


@cache
def valence(name: str) -> int:
    """The most single bonds that RDKit takes at an atom of a type; what is less is filled with hydrogen."""
    Chem = chem.rdkit()
    found = 0
    for bonds in range(1, MOST_BONDS + 1):
        molecule = Chem.RWMol()
        molecule.AddAtom(_atom(name))
        for _ in range(bonds):
            molecule.AddBond(0, molecule.AddAtom(Chem.Atom("C")), Chem.BondType.SINGLE)
        if not Chem.DetectChemistryProblems(molecule):
            found = bonds
    return found


def _atom(name: str) -> Any:
    """An atom of a type as `cleaning.type_of` writes it."""
    symbol = name.rstrip("+-0123456789")
    charge = name[len(symbol) :]
    atom = chem.rdkit().Atom(symbol)
    if charge:
        atom.SetFormalCharge(int(charge[1:] or 1) * (1 if charge[0] == "+" else -1))
    return atom
