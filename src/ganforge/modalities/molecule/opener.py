"""Molecules at a path: files of SMILES, SDF files, tables with a column of SMILES, folders and zips of them."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.files_at import ending_of
from ganforge.data.given import Given, MemoryData
from ganforge.data.opener import Head, Opener
from ganforge.data.store import is_hidden
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.molecule import reading
from ganforge.modalities.molecule.source import MoleculeFile, is_molecules

CLEAR = 0.97
"""A table with a column of SMILES is more than a table."""
ASKED = 0.01


class MoleculeOpener(Opener, kind="molecule"):
    """Molecules, as SMILES a line, in SDF files or in a column of a table."""

    signal = "molecule"
    takes = "molecules: .smi, .sdf, .mol, a .csv with a column of SMILES, a folder or zip of them"
    endings = reading.PLAIN

    def claims(self, path: Path, head: Head) -> float:
        names = [name for name in head.names if not is_hidden(name)]
        if names:
            return CLEAR if 2 * sum(map(is_molecules, names)) > len(names) else 0.0
        if head.store is not None:
            return 0.0
        if ending_of(path.name) in reading.TABLES:
            return CLEAR if _has_smiles(head.start) else ASKED
        return CLEAR if is_molecules(path.name) and head.start else 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        part = "test" if split in ("test", "val") else "all" if split == "all" else "train"
        source = MoleculeFile(path=name, split=part, holdout=holdout)
        if head.store is not None or head.names:
            return source.of_store(head.store or ZipStore(path, head.name_encoding))
        return source.open()

    def source_of(self, given: Given) -> MemoryData | None:
        """RDKit molecules in memory, as a list."""
        molecules = given.samples
        if not isinstance(molecules, (list, tuple)) or not molecules:
            return None
        if type(molecules[0]).__module__ != "rdkit.Chem.rdchem":
            return None
        from ganforge.modalities.molecule.chem import rdkit
        from ganforge.modalities.molecule.cleaning import Record

        if not all(type(one).__module__ == "rdkit.Chem.rdchem" for one in molecules):
            raise UserError("data: some of these molecules are None or something else", code="molecule.not_molecules")
        records = [Record(f"molecule {k}", rdkit().MolToSmiles(one)) for k, one in enumerate(molecules)]
        return MemoryData.of(MoleculeFile(path="the molecules", holdout=0).of_records(records))


def _has_smiles(start: bytes) -> bool:
    """Whether the first line of a table names a column of SMILES."""
    if start.startswith(b"\x1f\x8b"):
        try:
            start = zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(start)
        except (zlib.error, gzip.BadGzipFile):
            return False
    first = start.partition(b"\n")[0].decode("utf-8-sig", "replace").strip()
    delimiter = max(",;\t|", key=first.count)
    return reading.smiles_column([one.strip(' "') for one in first.split(delimiter)]) is not None
