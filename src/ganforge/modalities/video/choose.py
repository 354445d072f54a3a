"""Which recipe for films, where nobody names one."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError

FEWEST = 16
"""Clips below which a GAN can only memorize them."""
USUAL_BATCH = 32
LEAST_A_LABEL = 5
"""Films a label, on average, from which on labels are worth having."""


def choose(dataset: Dataset, clips: int, machine: Machine) -> Choice:
    """The recipe for films.

    Args:
        clips: how many the films are cut into.

    Raises:
        UserError: too few clips for any.
    """
    if clips < FEWEST:
        raise UserError(
            f"data {dataset.name}: {len(dataset):,} films make {clips} clips, too few to learn from; at least {FEWEST} "
            "are needed. Shorter clips are more: signal.frames=8",
            code="video.too_few_clips",
        )
    labels = len(dataset.classes)
    enough = labels > 1 and len(dataset) >= LEAST_A_LABEL * labels
    fields = [f"task.conditional={'true' if enough else 'false'}"]
    why = f"{labels} labels" if enough else f"fewer than {LEAST_A_LABEL} films a label" if labels > 1 else "no labels"
    reasons = ["r3gan-video-small: the recipe for short clips", f"{fields[0]}: {why}"]
    if clips < 2 * USUAL_BATCH:
        fields.append(f"batch={clips // 2}")
        reasons.append(f"batch={clips // 2}: its usual {USUAL_BATCH} would be most of {clips} clips")
    many = f" ({clips:,} clips)" if clips != len(dataset) else ""
    named = f", {labels} labels" if labels > 1 else ""
    return Choice(f"{len(dataset):,} films{many}{named}; {machine}", "r3gan-video-small", tuple(fields), tuple(reasons))
