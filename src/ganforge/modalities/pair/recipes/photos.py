"""What the recipes share that are trained on photographs, each of which is degraded to make its source."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ganforge.engine.callbacks.usual import seen
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.signal import Pair
from ganforge.recipes.base import Recipe
from ganforge.recipes.ema import Ema

M = 1_000_000
LATER = (0.9, 0.999)


def patches(degrade: str, size: int, jitter: int) -> Pair:
    """Parts of `size` px of images of any size, mirrored and turned, degraded again each time."""
    return Pair(size=size, jitter=jitter, patches=True, flip=True, turn=True, degrade=Degrade.parse(degrade))


def small(base: Recipe, samples: int = 80_000, **fields: Any) -> Recipe:
    """A recipe for two CPU cores: fewer samples, a steady look at them."""
    return replace(
        base, samples=samples, checkpoint_every=8_000, log_every=400,
        ema=Ema(half_life=2_000), callbacks=seen(2_000), **fields,
    )  # fmt: skip
