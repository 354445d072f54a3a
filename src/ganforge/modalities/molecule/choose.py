"""Which recipe for molecules, where nobody names one."""

from __future__ import annotations

import numpy as np

from ganforge.core.choice import Choice, Machine
from ganforge.core.errors import UserError
from ganforge.modalities.molecule.source import MoleculeSet

FEWEST = 32
SMALL_ATOMS, SMALL_SHARE = 9, 0.8
"""Atoms up to which graphs are made, and the share of molecules that must be as small."""
USUAL_AE = 300_000
SPEED = 700
"""Molecules a second on which the autoencoder of selfies-small is trained by one core, at 24 tokens; measured."""


def choose(dataset: MoleculeSet, machine: Machine) -> Choice:
    """Graphs for molecules as small as those of QM9, SELFIES for larger ones.

    Raises:
        UserError: too few molecules.
    """
    if len(dataset) < FEWEST:
        raise UserError(
            f"data {dataset.name}: {len(dataset)} molecules are too few to learn from; at least {FEWEST} are needed",
            code="molecule.too_few",
        )
    sizes = np.array([len(atoms) for atoms in dataset.atoms])
    small = float((sizes <= SMALL_ATOMS).mean())
    fields = [f"task.conditional={'true' if dataset.conditions else 'false'}"]
    named = ", ".join(dataset.conditions.names)
    facts = f"{len(dataset):,} molecules of {sizes.min()} to {sizes.max()} atoms; {machine}"
    if small >= SMALL_SHARE:
        recipe, usual = "molecule-small", 64
        why = f"{small:.0%} of the molecules have at most {SMALL_ATOMS} atoms: a GAN of graphs"
    else:
        recipe, usual = "selfies-small", 32
        why = f"{1 - small:.0%} of the molecules have more than {SMALL_ATOMS} atoms: a GAN on latents of SELFIES"
    reasons = [f"{recipe}: {why}", f"{fields[0]}: {f'conditions {named}' if named else 'no conditions'}"]
    if len(dataset) < 2 * usual:
        fields.append(f"batch={max(8, len(dataset) // 3)}")
        reasons.append(f"{fields[-1]}: its usual {usual} would be most of {len(dataset)} molecules")
    if recipe == "selfies-small" and machine.minutes is not None and machine.device == "cpu":
        tokens = 1.7 * float(np.quantile(sizes, 0.9))
        first = int(0.6 * 60 * machine.minutes * SPEED * machine.cores**0.7 * 24 / max(tokens, 1)) // 1_000 * 1_000
        first = min(USUAL_AE, max(1_000, first))
        if first < USUAL_AE:
            fields += [f"task.autoencoder={first}", f"optimizers.E.lr.over={first}", f"optimizers.R.lr.over={first}"]
            reasons.append(f"task.autoencoder={first}: about 60% of the time; the GAN gets the rest")
    return Choice(facts, recipe, tuple(fields), tuple(reasons))
