"""Which recipe for films, where nobody names one."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine, choice_for_clips
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
    return choice_for_clips(
        dataset, clips, machine, recipe="r3gan-video-small", samples="short clips", files="films", batch=USUAL_BATCH,
        per_label=LEAST_A_LABEL,
    )  # fmt: skip
