"""A trained model of style transfer, at work on texts and on files of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ganforge.core.condition_kinds import Category
from ganforge.core.conditions import Conditions
from ganforge.data.few_labels import LABEL
from ganforge.inference import conditions
from ganforge.modalities.text.writing import TextWriter

if TYPE_CHECKING:
    from ganforge.artifacts.bundle import Bundle


class StyleWriter(TextWriter):
    """Rewrites texts as texts of the class that is asked for.

    Attributes:
        asked: that class, as 1 among zeros, float32 [1, C]; None before `ask`.
    """

    asked: Tensor | None = None

    def __init__(self, bundle: Bundle, name: str):
        super().__init__(bundle, name)
        self.attributes = Conditions((Category(LABEL, self.spec.labels),))

    def ask(self, where: Sequence[str]) -> None:
        """The class that texts are to have: `label=formal`.

        Raises:
            UserError: no such class, or several.
        """
        vector = conditions.one_each(where, self.attributes, self.bundle.recipe.name)[:, :-1]  # without "unknown"
        self.asked = vector if vector.any() else None

    @property
    def longest(self) -> int:
        return self.spec.shape[1]

    def encoded(self, known: Tensor) -> Tensor:
        if self.asked is None:
            raise conditions.nothing_asked(self.attributes, self.name)
        x = super().encoded(known)
        return torch.cat([x, self.asked[:, :, None].expand(len(x), -1, x.shape[2]).to(x)], 1)

    def rewritten(self, texts: Sequence[str], asked: np.ndarray) -> np.ndarray:
        """Texts as those of the classes int64 [N], str [N]."""
        found = np.empty(len(texts), object)
        for k, name in enumerate(self.spec.labels):
            rows = np.flatnonzero(asked == k).tolist()
            self.ask([f"{self.attributes.names[0]}={name}"])
            found[rows] = self.written([texts[row] for row in rows])
        return found.astype(str)
