"""Which recipe for sounds, where nobody names one."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine, choice_for_clips
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError

FEWEST = 32
"""Clips below which a GAN can only memorize them."""
USUAL_BATCH = 32
LEAST_A_LABEL = 10
"""Recordings a label, on average, from which on labels are worth having."""


def choose(dataset: Dataset, clips: int, machine: Machine) -> Choice:
    """The recipe for sounds.

    Args:
        clips: how many the recordings are cut into.

    Raises:
        UserError: too few sounds for any.
    """
    if clips < FEWEST:
        raise UserError(
            f"data {dataset.name}: {len(dataset):,} recordings make {clips} clips, too few to learn from; at least "
            f"{FEWEST} are needed. Shorter clips are more: signal.seconds=0.25",
            code="audio.too_few_sounds",
        )
    return choice_for_clips(
        dataset, clips, machine, recipe="sound-small", samples="short sounds", files="recordings", batch=USUAL_BATCH,
        per_label=LEAST_A_LABEL,
    )  # fmt: skip
