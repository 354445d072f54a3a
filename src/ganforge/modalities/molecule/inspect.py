"""What `ganforge data inspect` says of molecules: how many there are, and how many rows fell out and why."""

from __future__ import annotations

from collections import Counter

import numpy as np

from ganforge.modalities.molecule.source import MoleculeSet
from ganforge.recipes import fitting
from ganforge.signals import Inspection

SHOWN = 8


def inspection(dataset: MoleculeSet) -> Inspection:
    """Counts, sizes, atoms, conditions, repairs and reasons."""
    sizes = np.array([len(atoms) for atoms in dataset.atoms])
    atoms = Counter(name for one in dataset.atoms for name in set(one))
    fits = fitting.fitting(dataset)
    facts = {
        "name": dataset.name,
        "count": len(dataset),
        "read": dataset.read_count,
        "left_out": dict(dataset.left_out_for),
        "examples": {why: [f"{where}: {what}" for where, what in some] for why, some in dataset.examples.items()},
        "repaired": dict(dataset.repairs),
        "atoms": {"min": int(sizes.min()), "median": float(np.median(sizes)), "max": int(sizes.max())},
        "elements": dict(atoms.most_common()),
        "conditions": {one.name: one.to_plain() for one in dataset.conditions.each},
        "notes": list(dataset.understood),
        "recipes": fitting.to_plain(fits),
        "hints": [],
    }

    def shown():
        span = f"{sizes.min()} to {sizes.max()} atoms without hydrogens, half of them up to {np.median(sizes):.0f}"
        lines = [f"{dataset.name}: {len(dataset):,} molecules of {span}"]
        lines.append("molecules with each type of atom: " + ", ".join(f"{k} {n:,}" for k, n in atoms.most_common(12)))
        lines += [f"condition {one.name} ({one.kind}): {one.said()}" for one in dataset.conditions.each]
        lines += dataset.understood
        for why, some in dataset.examples.items():
            lines += [f"  {why}: {where}: {what}" for where, what in some]
        places = np.unique(np.linspace(0, len(dataset) - 1, SHOWN).round().astype(int))
        lines += ["", *(f"  {dataset.smiles[k]}" for k in places)]
        return [*lines, "", fitting.as_table(fits)]

    return Inspection(facts, shown)
