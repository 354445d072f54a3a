"""Molecules to try things out with: chains with groups at both ends."""

from __future__ import annotations

import itertools
from pathlib import Path

HEADS = ("C", "CC", "O", "N", "F", "N#C", "O=C", "CO")
MIDDLES = ("C", "CC", "C(C)", "C=C", "C1CC1", "C(=O)", "CO", "CN")
TAILS = ("C", "O", "N", "F", "C#N", "C=O", "C#C")


def molecules(n: int) -> list[str]:
    """n SMILES, most of them different molecules."""
    every = ["".join(parts) for parts in itertools.product(HEADS, MIDDLES, TAILS)]
    return [every[k * 37 % len(every)] for k in range(n)]


def write_example(folder: Path, n: int) -> str:
    """Writes a .smi file to a folder, with some more than n, since some are the same and some are held back; returns
    its path."""
    lines = [f"{smiles} M{k}" for k, smiles in enumerate(molecules(2 * n))]
    (folder / "chains.smi").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(folder / "chains.smi")
