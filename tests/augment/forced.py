"""Draws that a test sets itself."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ganforge.augment.draws import Draws
from ganforge.core.rng import Rng


class Forced(Draws):
    """Every draw is what the test says, the same for all samples; what it does not name is not chosen and 0."""

    def __init__(self, values: Mapping[str, float], n: int = 1, dtype: torch.dtype = torch.float64):
        super().__init__(Rng(0), n, dtype)
        object.__setattr__(self, "values", dict(values))

    def _value(self, name: str) -> Tensor:
        return torch.full((self.n,), float(self.values.get(name, 0)), dtype=self.dtype)  # type: ignore[attr-defined]

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        return self._value(name)

    def normal(self, name: str) -> Tensor:
        return self._value(name)

    def integers(self, name: str, high: int) -> Tensor:
        value = self._value(name).long()
        assert ((value >= 0) & (value < high)).all()
        return value

    def chosen(self, name: str, p: Tensor | float) -> Tensor:
        return torch.full((self.n,), name in self.values)  # type: ignore[attr-defined]
