"""Whether generated molecules are valid, different and new, and all three.

valid_molecules      share of all samples that RDKit takes and that are of one part
unique_molecules     different molecules ÷ valid ones
novel_molecules      those not in the training data ÷ different ones
valid_unique_novel   the product: share of samples that are new molecules, each counted once
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.molecule import chem
from ganforge.modalities.molecule.metrics import sides

PARTS = "of several parts"


class Validity(Metric, kind="molecule_validity"):
    """Valid, unique and novel molecules, as they are made and after repair."""

    signals: ClassVar[tuple[str, ...]] = ("molecule",)
    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    values: ClassVar[Mapping[str, Meaning]] = {
        "valid_unique_novel": Meaning("Share of samples that are valid, new molecules, each counted once.", "higher"),
        "valid_molecules": Meaning("Share of samples that are valid molecules of one part, as made.", "higher", 1.0),
        "unique_molecules": Meaning("Share of valid molecules that are different ones.", "higher", 1.0),
        "novel_molecules": Meaning("Share of different molecules that are not in the training data."),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        samples = [str(one) for one in comparison.samples("fake", self.n)]
        made = sides.whole(comparison, "fake", self.n)
        known = {one for one in sides.whole(comparison, "train") if one is not None}
        count, protocol = short_count(len(samples)), comparison.protocol(self.n)
        reasons = Counter(
            PARTS if "." in sample else chem.problem(sample)
            for sample, one in zip(samples, made, strict=True)
            if one is None
        )
        repaired = [one or chem.repaired(sample) for one, sample in zip(made, samples, strict=True)]
        shares, after = shares_of(made, known), shares_of(repaired, known)
        notes = {
            "valid_molecules": [
                phrase(
                    "after repair (largest fragment, surplus bonds removed): {share:.2%}",
                    share=after["valid_molecules"],
                )
            ],
            "valid_unique_novel": [phrase("after repair: {share:.2%}", share=after["valid_unique_novel"])],
        }
        detail: dict[str, dict[str, Any]] = {name: {"after_repair": after[name]} for name in shares}
        detail["valid_molecules"]["reasons"] = dict(reasons.most_common())
        detail["unique_molecules"]["of_first_thousand"] = shares_of(made[:1_000], known)["unique_molecules"]
        if comparison.heldout is not None:
            unseen = [one for one in sides.whole(comparison, "heldout") if one is not None]
            share = sum(one not in known for one in unseen) / max(1, len(unseen))
            detail["novel_molecules"]["of_heldout"] = share
            notes["novel_molecules"] = [phrase("of unseen real molecules {share:.2%}", share=share)]
        return [
            Result(f"{name}[{count}]", value, protocol, detail[name] | {"notes": notes.get(name, [])})
            for name, value in shares.items()
        ]


def shares_of(molecules: list[str | None], known: set[str]) -> dict[str, float]:
    """The four values of canonical SMILES, None for what is not valid."""
    there = [one for one in molecules if one is not None]
    different = set(there)
    new = different - known
    return {
        "valid_unique_novel": len(new) / max(1, len(molecules)),
        "valid_molecules": len(there) / max(1, len(molecules)),
        "unique_molecules": len(different) / max(1, len(there)),
        "novel_molecules": len(new) / max(1, len(different)),
    }
