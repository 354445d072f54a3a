"""How many molecules pass filters of medicinal chemistry: none of the substructures of three published lists.

    PAINS   what answers to many assays at once             Baell & Holloway 2010
    BRENK   reactive, unstable or toxic groups              Brenk et al. 2008
    NIH     groups left out of a screening library          Doveston et al. 2015, Jadhav et al. 2010

The lists are those of RDKit. MOSES has a list of its own beside PAINS, so its values are others. Real sets hold many
such molecules too: a generator should have the share of its data, which stands beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, ClassVar

from pydantic import Field

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.molecule import chem
from ganforge.modalities.molecule.metrics import sides

LISTS = ("PAINS", "BRENK", "NIH")


class Filters(Metric, kind="molecule_filters"):
    """The share of molecules without a substructure of PAINS, BRENK and NIH."""

    signals: ClassVar[tuple[str, ...]] = ("molecule",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "passing_molecules": Meaning(
            "Share of molecules without a group that medicinal chemistry avoids (PAINS, BRENK, NIH).", "higher"
        ),
    }
    most: int = Field(default=1_000, ge=10)
    """Molecules of a side."""

    def compute(self, comparison: Comparison) -> list[Result]:
        fake = sides.some(comparison, "fake", self.most, self.n)
        test, train = sides.parted(comparison, self.most)
        made, real, floor = (passing(one) for one in (fake, test, train))
        protocol = comparison.protocol(self.n) | {"n_valid": len(fake), "lists": list(LISTS)}
        notes = [phrase("unseen real molecules: {real:.0%}, training molecules: {floor:.0%}", real=real, floor=floor)]
        return [Result("passing_molecules", made, protocol, {"floor": floor, "of_heldout": real, "notes": notes})]


def passing(smiles: list[str]) -> float:
    """The share of valid molecules that have none of the substructures."""
    return sum(not catalog().HasMatch(chem.parsed(one)) for one in smiles) / len(smiles)


@cache
def catalog() -> Any:
    """RDKit's lists together."""
    chem.rdkit()
    from rdkit.Chem.FilterCatalog import FilterCatalog, FilterCatalogParams

    asked = FilterCatalogParams()
    for name in LISTS:
        asked.AddCatalog(getattr(FilterCatalogParams.FilterCatalogs, name))
    return FilterCatalog(asked)
