"""Recipes small enough to try: only those of their own fields that are there are set."""

from __future__ import annotations

from typing import Any

from ganforge.core.component import to_plain
from ganforge.core.overrides import flatten
from ganforge.recipes.base import Recipe

FIELDS: dict[str, Any] = {"alone": 0, "channels": 4, "max_channels": 8, "growth": 4, "widths": [8, 8], "latent": 8}
FIELDS |= {"d_steps": 1, "translator.blocks": 3}  # as few as CUT, which compares the layers of the second block, takes
STEPS = {"batch": 4, "samples": 8, "log_every": 4, "checkpoint_every": 8, "seed": 3}


def shrunk(recipe: Recipe) -> list[str]:
    """The overrides that make a recipe a run of two steps with narrow nets."""
    plain = to_plain(recipe)
    found = [
        f"{path}={value}" for path in flatten(plain) for field, value in FIELDS.items() if path.endswith(f".{field}")
    ]
    for player in ("generator", "discriminator", "encoder"):
        if "widths" in plain["task"].get(player, {}):
            found.append(f"task.{player}.widths=[8,8]")
    return found + [f"{path}={value}" for path, value in STEPS.items()]
