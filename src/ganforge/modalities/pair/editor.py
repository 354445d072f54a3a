"""A trained editor of attributes with the interface for users: images of any size, and what is to be changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ganforge.artifacts.bundle import Bundle
from ganforge.core.conditions import Conditions
from ganforge.inference import conditions
from ganforge.modalities.pair.translate import ImageTranslator


class AttributeEditor(ImageTranslator):
    """Changes the attributes that it is asked to, and leaves the others as they are.

    Attributes:
        values: the attributes that images are to have, float32 [1, K]; None before `ask`.
    """

    values: torch.Tensor | None = None

    def __init__(self, bundle: Bundle, name: str, direction: str | None = None, tile: int | None = None):
        self.editing: Any = bundle.nets.G
        super().__init__(bundle, name, direction, tile)

    @property
    def attributes(self) -> Conditions:
        return self.editing.chosen

    def ask(self, where: Sequence[str]) -> None:
        """What images are to have: `color=blue`.

        Raises:
            UserError: no such attribute, no such value, or several values of one.
        """
        self.values = conditions.one_each(where, self.editing.chosen, self.bundle.recipe.name)

    def check(self, image: np.ndarray, mask: np.ndarray | None) -> None:
        super().check(image, mask)
        if self.values is None:
            raise conditions.nothing_asked(self.editing.chosen, self.name)

    def net(self, source: torch.Tensor) -> np.ndarray:
        values = self.editing.in_turn(1) if self.values is None else self.values
        planes = values[:, :, None, None].expand(len(source), -1, *source.shape[2:])
        return super().net(torch.cat([source, planes.to(source)], 1))
