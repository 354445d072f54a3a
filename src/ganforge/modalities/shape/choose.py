"""Which recipe for shapes, where nobody names one."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError

FEWEST = 16
"""Shapes below which a GAN can only memorize them."""
VOLUMES = ("voxels-latent-small", "volumes and meshes: an autoencoder, and a GAN on its latents", 32)
USUAL_AE, USUAL_GAN = 100_000, 200_000
"""Samples of the recipe for volumes, in its two phases."""
AE_SPEED, GAN_SPEED = 47.0, 180.0
"""Volumes of 32 cells a side that one core of an AMD EPYC trains on in a second; 1.8 times as many in bf16, in which
the speed of the GAN was measured (330)."""
AE_SHARE = 0.65
"""Of the time, for the autoencoder."""
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
    if recipe == VOLUMES[0] and machine.device == "cpu":
        timed, because = within(machine)
        fields += timed
        reasons += because
    named = f", {labels} labels" if labels > 1 else ""
    return Choice(f"{len(dataset):,} shapes{named}; {machine}", recipe, tuple(fields), tuple(reasons))


def within(machine: Machine) -> tuple[list[str], list[str]]:
    """Fields with which the recipe for volumes uses a CPU and ends within the time, and the reasons."""
    fields = ["precision=bf16"] if machine.bf16 else []
    reasons = ["precision=bf16: this processor computes it nearly twice as fast"] if machine.bf16 else []
    if machine.minutes is None:
        return fields, reasons
    second = machine.cores**0.7 * (1.8 if machine.bf16 else 1.0)
    first = round_down(AE_SHARE * 60 * machine.minutes * AE_SPEED * second, USUAL_AE)
    rest = round_down((1 - AE_SHARE) * 60 * machine.minutes * GAN_SPEED * second, USUAL_GAN)
    if (first, rest) != (USUAL_AE, USUAL_GAN):
        fields += [f"task.autoencoder={first}", f"samples={first + rest}"]
        fields += [f"optimizers.{player}.lr.over={first}" for player in "ER"]
        fields += [f"optimizers.{player}.lr.over={first + rest}" for player in "GD"]
        reasons.append(f"task.autoencoder={first}: about {AE_SHARE:.0%} of the time; the GAN gets the rest")
    return fields, reasons


def round_down(samples: float, most: int) -> int:
    """To whole thousands, at least one of them."""
    return min(most, max(1_000, int(samples) // 1_000 * 1_000))
