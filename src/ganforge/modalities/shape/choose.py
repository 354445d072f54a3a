"""Which recipe for shapes, where nobody names one."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError

FEWEST = 16
"""Shapes below which a GAN can only memorize them."""
VOLUMES = ("voxels-small", "volumes and meshes", 32)
LEAST_A_LABEL = 10
"""Shapes a label, on average, from which on labels are worth having."""


def choose(dataset: Dataset, machine: Machine) -> Choice:
    """The recipe for shapes.

    Raises:
        UserError: too few shapes for any.
    """
    if len(dataset) < FEWEST:
        raise UserError(
            f"data {dataset.name}: {len(dataset)} shapes are too few to learn from; at least {FEWEST} are needed. "
            "Is it a folder of single files, or one array [N, ...] of many?",
            code="shape.too_few",
        )
    recipe, what, batch = ("cloud-small", "clouds of points", 64) if dataset.signal == "cloud" else VOLUMES
    labels = len(dataset.classes)
    enough = labels > 1 and len(dataset) >= LEAST_A_LABEL * labels
    fields = [f"task.conditional={'true' if enough else 'false'}"]
    why = f"{labels} labels" if enough else f"fewer than {LEAST_A_LABEL} shapes a label" if labels > 1 else "no labels"
    reasons = [f"{recipe}: the recipe for {what}", f"{fields[0]}: {why}"]
    if len(dataset) < 2 * batch:
        fields.append(f"batch={len(dataset) // 2}")
        reasons.append(f"batch={len(dataset) // 2}: its usual {batch} would be most of {len(dataset)} shapes")
    named = f", {labels} labels" if labels > 1 else ""
    return Choice(f"{len(dataset):,} shapes{named}; {machine}", recipe, tuple(fields), tuple(reasons))
