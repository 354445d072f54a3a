"""Sets of molecules: a file of SMILES, a table with a column of them, an SDF file, a folder or zip of such files.

What was repaired or left out is counted and said (`MoleculeSet.understood`).
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from ganforge.core.condition_kinds import Category, Condition, Number, Value
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.rng import seed_of
from ganforge.data.base import HOLDOUT, DataSource
from ganforge.data.files_at import at_path, content, ending_of
from ganforge.data.store import Store, is_hidden
from ganforge.modalities.molecule import properties, reading
from ganforge.modalities.molecule.cleaning import CHARGED, DUPLICATE, ISOTOPE, SALT, STEREO, Cleaned, Record, clean

FEW_VALUES = 20
"""Different values up to which a column of texts is a condition."""


class MoleculeSet(Dataset):
    """Molecules in memory, as canonical SMILES, each once. Item k is a string array without axes.

    Attributes:
        smiles: the molecules. atoms: the types of the atoms of each (`cleaning.type_of`).
        read: how many records were read. left_out_for: reason → how many. repairs: repair → how many.
        examples: reason → (where, what) of a few.
    """

    signal = "molecule"

    def __init__(self, name: str, cleaned: Cleaned):
        self.name, self.smiles, self.atoms = name, cleaned.smiles, cleaned.atoms
        self.read_count, self.left_out_for, self.repairs = cleaned.read, cleaned.left_out, cleaned.repairs
        self.examples, self.records = cleaned.examples, cleaned.rows
        self.skipped = []
        self.digest = hashlib.sha256("\n".join(self.smiles).encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.smiles)

    def read(self, index: int) -> np.ndarray:
        return np.array(self.smiles[index])

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        return {((), "molecule"): len(self)}

    def describe(self, index: int) -> str:
        return f"{self.name}[{index}] ({self.smiles[index][:40]})"

    def some(self, rows: np.ndarray, why: str = "") -> MoleculeSet:
        """The molecules at these positions.

        Args:
            why: the others are missing, as a sentence without a period; empty: nothing is said.
        """
        part = MoleculeSet(
            self.name,
            Cleaned(
                self.read_count, [self.smiles[k] for k in rows], [self.atoms[k] for k in rows],
                [self.records[k] for k in rows], self.left_out_for, self.repairs, self.examples,
            ),
        )  # fmt: skip
        part.understood, part.left_out, part.skipped = (*self.understood, *([why] if why else [])), True, self.skipped
        part.conditions = self.conditions
        part.vectors = None if self.vectors is None else self.vectors[rows]
        return part


class MoleculeFile(DataSource, kind="molecule_file"):
    """Molecules from a .smi, .sdf, .mol or .csv file (also .gz), or from a folder or zip of them; for more say than
    `data=FILE` gives."""

    path: str
    """The file, folder or zip."""
    column: str | None = None
    """The column of a table that holds the SMILES; found by default."""
    properties: tuple[str, ...] = ("logP",)
    """Conditions: properties that are computed (logP, QED, SA, weight, TPSA, rings), columns of the table or fields of
    the SDF file; [] for none."""
    stereo: bool = False
    """Keep stereo centers and double-bond geometry; graphs cannot hold them, SELFIES can."""
    neutralize: bool = True
    """Add or remove hydrogens at charged atoms where that makes the molecule neutral."""
    split: Literal["train", "test", "all"] = "train"
    """Which part to take: the molecules to train on, those that are held back (test), or all."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """The share of the molecules that is held back for `ganforge evaluate`."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def open(self) -> MoleculeSet:
        found = at_path(self.path)
        if not isinstance(found, Path):
            return self.of_store(found)
        return self.of_records(reading.records(found.read_bytes(), found.name, self.column))

    def of_store(self, store: Store) -> MoleculeSet:
        """The molecules of all files in a folder or zip.

        Raises:
            UserError: there is none.
        """
        names = sorted(name for name in store.names() if not is_hidden(name) and is_molecules(name))
        if not names:
            raise UserError(
                f"data {self.path}: no molecules here. Expected files that end in {', '.join(reading.PLAIN)}",
                code="molecule.no_files",
            )

        def each() -> Iterator[Record]:
            for name in names:
                data = content(store, name) if store.size(name) else b""
                yield from reading.records(data, name, self.column)

        return self.of_records(each())

    def of_records(self, records: Iterator[Record] | Sequence[Record]) -> MoleculeSet:
        """The set, with what there is to say of it.

        Raises:
            UserError: no molecule is left, or a property is unknown.
        """
        cleaned = clean(records, stereo=self.stereo, neutralize=self.neutralize)
        if not cleaned.smiles:
            reasons = ", ".join(f"{count:,}: {why}" for why, count in cleaned.left_out.most_common())
            raise UserError(
                f"data {self.path}: no molecule in {cleaned.read:,} entries ({reasons or 'it is empty'})",
                code="molecule.none_valid" if cleaned.read else "data.empty",
            )
        whole = MoleculeSet(self.path, cleaned)
        whole.understood = tuple(said_of(cleaned))
        part = part_of(whole, self.split, self.holdout)
        if self.properties:
            whole_conditions(part, self.properties)
        return part


def said_of(cleaned: Cleaned) -> Iterator[str]:
    """What was repaired and left out, as sentences without a period."""
    names = {
        SALT: "of several parts, such as salts: the largest was kept",
        CHARGED: "with charges that were neutralized",
        ISOTOPE: "with isotopes, which were dropped",
        STEREO: "with stereo, which was dropped (data.kind=molecule_file data.stereo=true keeps it)",
    }
    yield f"{cleaned.read:,} entries read"
    for repair, count in cleaned.repairs.most_common():
        yield f"{count:,} {names[repair]}"
    for why, count in cleaned.left_out.most_common():
        where = "" if why == DUPLICATE else f" (first: {': '.join(cleaned.examples[why][0])})"
        yield f"{count:,} left out: {why}{where}"


def part_of(whole: MoleculeSet, split: str, holdout: float) -> MoleculeSet:
    """The molecules to train on, or those held back; drawn by their SMILES.

    Raises:
        UserError: the part asked for is empty.
    """
    if split == "all" or (split == "train" and not holdout):
        return whole
    back = np.array([seed_of("held back", smiles) / 2**63 < holdout for smiles in whole.smiles])
    rows = np.flatnonzero(back if split == "test" else ~back)
    if not len(rows):
        raise UserError(
            f"data {whole.name}: none of its {len(whole):,} molecules are "
            f"{'held back' if split == 'test' else 'left'}. Set data.holdout=0.1",
            code="data.split_not_found",
        )
    said = f"{back.sum():,} of {len(back):,} are held back for evaluation (data.holdout=0: none)"
    part = whole.some(rows, said if split == "train" and back.any() else "")
    part.left_out = False
    return part


def whole_conditions(dataset: MoleculeSet, names: Sequence[str]) -> None:
    """Sets the conditions of a data set, and their values.

    Raises:
        UserError: a name is neither a property nor a column, or all its values are the same.
    """
    columns = [condition(dataset, name) for name in dict.fromkeys(names)]
    rows = list(zip(*[values for _, values in columns], strict=True))
    conditions = Conditions(tuple(one for one, _ in columns)).with_observed(rows)
    dataset.conditions, dataset.vectors = conditions, conditions.encode(rows)


def condition(dataset: MoleculeSet, name: str) -> tuple[Condition, list[Value]]:
    """A condition and its value for each molecule; None where it is not known."""
    fields = Counter(key for record in dataset.records[:1000] for key in record.values)
    if name in fields:
        texts = [record.values.get(name, "").strip() for record in dataset.records]
        numbers = [_number(text) for text in texts]
        if all(value is not None for value, text in zip(numbers, texts, strict=True) if text):
            return numeric(name, numbers)
        known = sorted({text for text in texts if text})
        if len(known) <= FEW_VALUES:
            return Category(name, tuple(known)), [text or None for text in texts]
        raise UserError(
            f"data.properties={name}: the column holds {len(known):,} different texts, neither numbers nor categories",
            code="molecule.unusable_property",
        )
    found = next((known for known in properties.NAMES if known.lower() == name.lower()), None)
    if found is None:
        known = (*properties.NAMES, *fields)
        raise UserError(
            f"data.properties={name}: no such property or column{did_you_mean(name, known)} (known: "
            f"{', '.join(known)})",
            code="molecule.unknown_property",
        )
    return numeric(found, properties.values(dataset.smiles, found).tolist())


def numeric(name: str, values: list[float | None]) -> tuple[Condition, list[Value]]:
    """A condition of numbers; None where the value is not known.

    Raises:
        UserError: all of them are the same.
    """
    found = Number.spanning(name, [value for value in values if value is not None])
    if found is None:
        raise UserError(
            f"data.properties={name}: all its values are the same, so it can be no condition. Set data.properties=[]",
            code="molecule.constant_property",
        )
    return found, list(values)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def is_molecules(name: str) -> bool:
    """Whether a name is that of a file of molecules (a table only where it is asked for)."""
    return ending_of(name) in reading.PLAIN
