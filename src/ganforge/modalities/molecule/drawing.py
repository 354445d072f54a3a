"""Molecules drawn by RDKit; what is no valid molecule is drawn as it is, with a red border."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from ganforge.modalities.molecule import chem

SIDE = 160
INVALID = (200, 40, 40)


def drawn(smiles: str, side: int = SIDE) -> np.ndarray:
    """One molecule, uint8 [side, side, 3]."""
    chem.rdkit()
    from rdkit.Chem.Draw import rdMolDraw2D

    canvas = rdMolDraw2D.MolDraw2DCairo(side, side)
    canvas.drawOptions().prepareMolsBeforeDrawing = False
    molecule = chem.parsed(smiles)
    valid = molecule is not None and "." not in smiles
    shown = _prepared(molecule if molecule is not None else chem.rdkit().MolFromSmiles(smiles, sanitize=False))
    if shown is not None:
        canvas.DrawMolecule(shown)
    canvas.FinishDrawing()
    with Image.open(io.BytesIO(canvas.GetDrawingText())) as image:
        pixels = image.convert("RGB")
    if not valid:
        ImageDraw.Draw(pixels).rectangle((1, 1, side - 2, side - 2), outline=INVALID, width=2)
    return np.asarray(pixels)


def _prepared(molecule: Any) -> Any | None:
    """With coordinates, as RDKit draws it; also one that is not valid."""
    if molecule is None or not molecule.GetNumAtoms():
        return None
    Chem = chem.rdkit()
    from rdkit.Chem import rdDepictor

    molecule = Chem.Mol(molecule)
    molecule.UpdatePropertyCache(strict=False)
    Chem.FastFindRings(molecule)
    try:
        Chem.Kekulize(molecule, clearAromaticFlags=True)
    except Chem.KekulizeException:
        return None
    rdDepictor.Compute2DCoords(molecule)
    return molecule


def grid(samples: Sequence[str], columns: int, side: int = SIDE) -> np.ndarray:
    """Molecules in rows, uint8 [rows · side, columns · side, 3]."""
    cells = [drawn(str(one), side) for one in samples]
    cells += [np.full((side, side, 3), 255, np.uint8)] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)])
