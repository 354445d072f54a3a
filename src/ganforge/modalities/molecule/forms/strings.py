"""Molecules as SELFIES (Krenn et al. 2020), a language in which every sequence of tokens is a valid molecule.

As in texts, token 0 ends a molecule and the nets get the bits of tokens as ±1.

N: molecules, T: tokens, K: bits of a token.  stored int32 [N, T], x [N, K, T].
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

import numpy as np
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.extras import need
from ganforge.core.language import phrase
from ganforge.core.types import Spec
from ganforge.modalities.molecule import chem
from ganforge.modalities.molecule.forms.base import Form, Shape
from ganforge.modalities.molecule.source import MoleculeSet
from ganforge.modalities.text import tokens


@functools.cache
def selfies() -> Any:
    """The module, with RDKit's limits for atoms that it has no rule for: silicon, arsenic, fluorine with a charge, ...

    Its own limit for these is eight bonds, with which some sequences of tokens are no valid molecules.

    Raises:
        MissingExtra: it is not installed.
    """
    need("selfies", "molecules as SELFIES")
    import selfies

    known = selfies.get_semantic_constraints()
    selfies.set_semantic_constraints(chem.largest_valences() | known)
    return selfies


def symbols(smiles: str) -> list[str] | None:
    """The tokens of a molecule; None if SELFIES cannot hold it."""
    module = selfies()
    try:
        return list(module.split_selfies(module.encoder(smiles)))
    except module.EncoderError:
        return None


class Selfies(Form, kind="selfies"):
    """Tokens of SELFIES."""

    length: int = Field(default=80, ge=4, le=512)
    """The most tokens of a molecule; longer ones are left out, and counted."""

    def items(self, dataset: MoleculeSet) -> MoleculeSet:
        lengths = np.array([-1 if (found := symbols(one)) is None else len(found) for one in dataset.smiles])
        rows = np.flatnonzero((lengths >= 0) & (lengths < self.length))
        if not len(rows):
            raise UserError(
                f"data {dataset.name}: none of its {len(dataset):,} molecules has fewer than {self.length} SELFIES "
                "tokens. Raise signal.form.length",
                code="molecule.too_large",
            )
        if len(rows) == len(dataset):
            return dataset
        reasons = []
        if (lengths >= self.length).any():
            longer = (lengths >= self.length).sum()
            reasons.append(f"{longer:,} longer than {self.length - 1} tokens (signal.form.length)")
        if (lengths < 0).any():
            reasons.append(f"{(lengths < 0).sum():,} that SELFIES cannot hold")
        return dataset.some(rows, f"left out of SELFIES: {'; '.join(reasons)}")

    def spec(self, dataset: MoleculeSet, nearest: Callable[[Shape], Shape]) -> Spec:
        counts: Counter[str] = Counter()
        longest = 1
        for smiles in dataset.smiles:
            found = symbols(smiles) or []
            counts.update(found)
            longest = max(longest, len(found))
        names = [name for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
        state = {"form": "selfies", "tokenizer": "words", "tokens": names}
        shape = (tokens.bits(tokens.size(state)), longest + 1)
        if tuple(nearest(shape)) != shape:
            raise UserError(
                f"data {dataset.name}: these nets cannot make SELFIES. Use the recipe selfies-small",
                code="nets.not_for_shape",
            )
        return Spec(shape, state=state)

    def at(self, spec: Spec) -> Self:
        return replace(self, length=max(4, spec.shape[1]))

    def stored(self, spec: Spec) -> Shape:
        return (spec.shape[1],)

    def prepare(self, smiles: str, spec: Spec) -> np.ndarray:
        numbers = {name: k for k, name in enumerate(spec.state["tokens"], tokens.FIRST)}
        found = np.zeros(spec.shape[1], np.int32)
        for k, name in enumerate((symbols(smiles) or [])[: spec.shape[1]]):
            found[k] = numbers.get(name, tokens.UNKNOWN)
        return found

    def encode(self, stored: Tensor, spec: Spec) -> Tensor:
        return tokens.to_bits(stored, spec.shape[0])

    def decode(self, x: Tensor, spec: Spec) -> list[str]:
        names = spec.state["tokens"]
        found = []
        for row in tokens.to_numbers(x, tokens.size(spec.state)).tolist():
            end = row.index(tokens.END) if tokens.END in row else len(row)
            known = [names[k - tokens.FIRST] for k in row[:end] if tokens.FIRST <= k < tokens.FIRST + len(names)]
            smiles = selfies().decoder("".join(known))
            found.append(chem.canonical(smiles) or smiles)
        return found

    def describe(self, spec: Spec) -> str:
        return phrase("a molecule of up to {n} SELFIES tokens", n=spec.shape[1] - 1)
