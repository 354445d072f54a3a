"""Which recipe for shapes, where nobody names one."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine, choice_for_clips
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError

FEWEST = 16
"""Shapes below which a GAN can only memorize them."""
LEAST_A_LABEL = 10
"""Shapes a label, on average, from which on labels are worth having."""


def choose(dataset: Dataset, machine: Machine) -> Choice:
    """The recipe for shapes.

    Raises:
        UserError: too few shapes for any.
    """
    if len(dataset) < FEWEST:
        raise UserError(
            f"data {dataset.name}: {len(dataset)} shapes are too few to learn from; at least {FEWEST} are needed. Is it "
            "a folder of single files, or one array [N, ...] of many?",
            code="shape.too_few",
        )
    recipe, what, batch = (
        ("cloud-small", "clouds of points", 64)
        if dataset.signal == "cloud"
        else ("voxels-small", "volumes and meshes", 32)
    )
    return choice_for_clips(
        dataset, len(dataset), machine, recipe=recipe, samples=what, files="shapes", batch=batch,
        per_label=LEAST_A_LABEL,
    )  # fmt: skip
