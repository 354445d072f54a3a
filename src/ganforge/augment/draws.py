"""Shared by the augmentations: named draws, one per sample, and helpers for images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Spec


@dataclass(frozen=True)
class Draws:
    """Draws for the samples of one batch: [N] each, in the dtype of the samples."""

    rng: Rng
    n: int
    dtype: torch.dtype

    def uniform(self, name: str, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform in [low, high)."""
        return self.rng.uniform(name, (self.n,), low, high).to(self.dtype)

    def normal(self, name: str) -> Tensor:
        """Standard normal."""
        return self.rng.normal(name, (self.n,)).to(self.dtype)

    def integers(self, name: str, high: int) -> Tensor:
        """Integers 0 to high − 1."""
        return self.rng.integers(name, (self.n,), high)

    def chosen(self, name: str, p: Tensor | float) -> Tensor:
        """True with probability `p` for each sample; for none if p is 0, for all if it is 1."""
        return self.rng.uniform(f"{name}?", (self.n,)) < p


def per_sample(value: Tensor) -> Tensor:
    """[N] → [N, 1, 1, 1], to broadcast with images."""
    return value[:, None, None, None]


def split_alpha(x: Tensor) -> tuple[Tensor, Tensor]:
    """Splits images into color [N, 1 or 3, H, W] and alpha [N, 0 or 1, H, W]."""
    colors = 3 if x.shape[1] == 4 else x.shape[1]
    return x[:, :colors], x[:, colors:]


def require_image(spec: Spec, kind: str) -> None:
    """Raises UserError for samples that are not images in gray, RGB or RGBA."""
    if len(spec.shape) != 3 or spec.shape[0] not in (1, 3, 4):
        raise UserError(
            f"task.augment: {kind!r} augments images in gray, RGB or RGBA, and these samples have the shape "
            f"{list(spec.shape)}. Set task.augment=null; penalties such as r1 work for samples of any kind",
            code="task.not_for_shape",
        )
