"""What to change where memory does not suffice."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ganforge.core.device import is_out_of_memory
from ganforge.core.errors import UserError
from ganforge.engine.preflight import instead
from ganforge.recipes.base import Recipe


@contextlib.contextmanager
def out_of_memory_said(recipe: Recipe, device: torch.device, processes: int = 1) -> Iterator[None]:
    """The context of work that may need more memory than there is.

    Raises:
        UserError: an allocation failed; the message says what to change.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        text = str(error).strip()
        raise UserError(
            f"out of memory on {device}{': ' if text else ''}{text.splitlines()[0] if text else ''}. "
            f"{'; '.join(remedies(recipe, processes))}{instead(recipe)}",
            code="run.out_of_memory",
        ) from error


def remedies(recipe: Recipe, processes: int = 1) -> list[str]:
    """What saves memory, the least harmful first, as fields to set."""
    rows = recipe.batch // processes
    more = next((k for k in range(recipe.accumulate + 1, rows + 1) if rows % k == 0), None)
    found = [] if more is None else [f"Split each batch: accumulate={more}, or let a trial choose: batch=auto"]
    if not recipe.recompute:
        found.append("keep fewer activations: recompute=true")
    if recipe.batch > 2:
        found.append(f"use smaller batches: batch={recipe.batch // 2}")
    found.append("use smaller samples (for images: signal.size)")
    return found
