"""The form in which nets see molecules: graphs of atoms and bonds, or texts of SELFIES."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from torch import Tensor

from ganforge.core.component import Component
from ganforge.core.types import Spec
from ganforge.modalities.molecule.source import MoleculeSet

Shape = tuple[int, ...]


class Form(Component, family="molecule_form"):
    """What nets see of a molecule."""

    def items(self, dataset: MoleculeSet) -> MoleculeSet:
        """The molecules that this form can hold; says how many it cannot."""
        return dataset

    def spec(self, dataset: MoleculeSet, nearest: Callable[[Shape], Shape]) -> Spec:
        """The shape of a sample, and what decoding needs.

        Raises:
            UserError: the nets cannot make samples of this shape.
        """
        raise NotImplementedError

    def at(self, spec: Spec) -> Self:
        """This form with its limits as a spec says."""
        return self

    def stored(self, spec: Spec) -> Shape:
        """The shape of a prepared molecule."""
        raise NotImplementedError

    def prepare(self, smiles: str, spec: Spec) -> np.ndarray:
        """A molecule as integers."""
        raise NotImplementedError

    def encode(self, stored: Tensor, spec: Spec) -> Tensor:
        """Prepared molecules as nets see them, float32 [N, *spec.shape]."""
        raise NotImplementedError

    def decode(self, x: Tensor, spec: Spec) -> list[str]:
        """What nets made as SMILES, unchanged: it may be no molecule."""
        raise NotImplementedError

    def describe(self, spec: Spec) -> str:
        """A sample as a short phrase."""
        raise NotImplementedError

    def facts(self, spec: Spec) -> dict[str, Any]:
        """What a card says of the samples."""
        return {}
