"""Files of generated molecules: each is valid. What is not is repaired as `chem.repaired` says, or left out, and
counted."""

from __future__ import annotations

import csv
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.molecule import chem, properties

log = logging.getLogger("ganforge")
COLUMNS = ("logP", "QED", "weight")
"""Properties that a table holds beside the SMILES."""


class Written(NamedTuple):
    """A valid molecule, and whether it was repaired to be one."""

    smiles: str
    repaired: bool


def valid(samples: Sequence[str]) -> list[Written]:
    """The molecules of some samples; says how many were repaired and left out.

    Raises:
        UserError: none is valid.
    """
    found, lost = [], 0
    for sample in map(str, samples):
        whole = chem.canonical(sample) if "." not in sample else None
        again = chem.repaired(sample) if whole is None else whole
        if again is None:
            lost += 1
        else:
            found.append(Written(again, whole is None))
    repaired = sum(one.repaired for one in found)
    if repaired or lost:
        log.warning(
            "%s of %s molecules were not valid as they were made: %s repaired (largest fragment, surplus bonds removed)"
            ", %s left out", f"{repaired + lost:,}", f"{len(samples):,}", f"{repaired:,}", f"{lost:,}",
        )  # fmt: skip
    if not found and len(samples):
        raise UserError(
            f"none of the {len(samples):,} molecules is valid, nor could be repaired. Train longer",
            code="molecule.none_valid",
        )
    return found


def write_smiles(samples: Sequence[str], path: Path, spec: Spec) -> None:
    """A SMILES a line, with a number as its name, and `repaired` behind it where it was."""
    lines = [f"{one.smiles} {k:06d}{' repaired' if one.repaired else ''}" for k, one in enumerate(valid(samples))]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_table(samples: Sequence[str], path: Path, spec: Spec) -> None:
    """The columns smiles, logP, QED, weight and repaired."""
    rows = valid(samples)
    of = properties.functions()
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("smiles", *COLUMNS, "repaired"))
        for one in rows:
            molecule = chem.parsed(one.smiles)
            values = [f"{of[name](molecule):.4f}" for name in COLUMNS]
            table.writerow((one.smiles, *values, int(one.repaired)))


def blocks(samples: Sequence[str]) -> Iterator[str]:
    """An MDL block for each molecule, with coordinates in the plane."""
    Chem = chem.rdkit()
    from rdkit.Chem import rdDepictor

    for k, one in enumerate(valid(samples)):
        molecule = chem.parsed(one.smiles)
        assert molecule is not None
        rdDepictor.Compute2DCoords(molecule)
        molecule.SetProp("_Name", f"{k:06d}")
        fields = f">  <SMILES>\n{one.smiles}\n\n>  <repaired>\n{int(one.repaired)}\n\n"
        yield Chem.MolToMolBlock(molecule) + fields


def write_sdf(samples: Sequence[str], path: Path, spec: Spec) -> None:
    """All molecules, drawn in the plane, with the fields SMILES and repaired."""
    path.write_text("".join(f"{block}$$$$\n" for block in blocks(samples)), encoding="utf-8")
