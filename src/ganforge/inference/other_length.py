"""A trained model with an average of its weights of another length, made after training (`recipes/power_ema.py`)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from ganforge.artifacts import checkpoint, snapshots
from ganforge.core.errors import UserError
from ganforge.core.types import Nets
from ganforge.inference.model import Model
from ganforge.recipes import sampling
from ganforge.recipes.power_ema import LENGTHS, LONGEST, SHORTEST, Combination, Moment, combination
from ganforge.recipes.statistics import CachedNets

MOST_ERROR = 0.1
"""The largest error of a profile with which an average is made."""


@dataclass(frozen=True)
class Averages:
    """The averages that a run has kept.

    Attributes:
        files: (step, file) of each snapshot and, last, of the newest checkpoint; each holds the averages of `LENGTHS`.
    """

    files: tuple[tuple[int, Path], ...]

    @property
    def moments(self) -> list[Moment]:
        return [Moment(length, step) for step, _ in self.files for length in LENGTHS]

    def combined(self, length: float) -> Combination:
        """How the average of a length at the last step is made of those that are there.

        Raises:
            UserError: the length is out of range, or the snapshots are too few for it.
        """
        if not SHORTEST <= length <= LONGEST:
            raise UserError(
                f"length {length:g}: it must be from {SHORTEST:g} to {LONGEST:g}, as a share of the training",
                code="ema.length_out_of_range",
            )
        found = combination(self.moments, Moment(length, self.files[-1][0]))
        if found.error > MOST_ERROR:
            raise UserError(
                f"length {length:g}: the average of this length cannot be made of {len(self.files)} snapshots (its "
                f"profile would be {found.error:.0%} off). Choose one nearer to 0.05 or 0.1, or train with more "
                "ema.snapshots",
                code="ema.too_few_snapshots",
            )
        return found

    def each(self) -> Iterator[tuple[Path, Mapping[str, Tensor]]]:
        """Each file with its tensors."""
        for _, path in self.files:
            yield path, checkpoint.read(path)[0] if path.is_dir() else snapshots.read(path)[1]


def averages_of(model: Model) -> Averages:
    """What the run of a model has kept.

    Raises:
        UserError: this is a model file, or the run was trained without snapshots, or its model is not that of its
            newest checkpoint.
    """
    folder, ema = model.folder, model.recipe.ema
    point = checkpoint.newest(folder / "checkpoints") if folder.is_dir() else None
    if point is None:
        raise UserError(
            f"{folder}: no checkpoint here, and a model file holds one average only. Give the run directory, with its "
            "checkpoints",
            code="ema.no_run",
        )
    found = [(samples, path) for samples, path in snapshots.listed(folder) if samples < model.samples]
    if not ema.snapshots or not found:
        why = "has taken no snapshot yet" if ema.snapshots else "was trained without snapshots of its averages"
        raise UserError(
            f"{folder}: this run {why}, of which other averages are made. Train with ema.snapshots=16",
            code="ema.no_snapshots",
        )
    if int(point.name) != model.samples:
        raise UserError(
            f"{folder}: its model has seen {model.samples:,} samples and its newest checkpoint {int(point.name):,}. "
            f"Resume the run, which writes the model again: ganforge train --resume {folder}",
            code="ema.other_checkpoint",
        )
    files = [(snapshots.read(path)[0], path) for _, path in found]
    samples_per_step = found[0][0] // files[0][0]
    return Averages((*files, (model.samples // samples_per_step, point)))


@torch.no_grad()
def with_length(model: Model, averages: Averages, length: float) -> Model:
    """The model with the average of a length, as a share of the training.

    Raises:
        UserError: as `Averages.combined`, or a file is damaged.
    """
    bundle, combined = model.bundle, averages.combined(length)
    sums: dict[str, Tensor] = {}
    signed: set[str] = set()  # tensors with negative values, unlike variances
    coefficients = iter(combined.coefficients)
    for path, tensors in averages.each():
        for one in LENGTHS:
            share = next(coefficients)
            for name, net in bundle.nets.items():
                prefix = snapshots.prefix_of(one, name)
                for key in net.state_dict():
                    tensor = tensors.get(f"{prefix}.{key}")
                    if tensor is None:
                        raise UserError(f"{path}: {prefix}.{key} is missing", code="snapshot.damaged")
                    place = f"{name}.{key}"
                    if not tensor.is_floating_point():  # a counter: the last one stays
                        sums[place] = tensor
                        continue
                    sums[place] = sums.get(place, 0) + share * tensor.double()
                    if bool((tensor < 0).any()):
                        signed.add(place)
    for place in sums.keys() - signed:  # an average of variances is none below zero
        sums[place].clamp_(min=0)
    nets = Nets({name: copy.deepcopy(net) for name, net in bundle.nets.items()}, bundle.nets.memory)
    for name, net in nets.items():
        checkpoint.load_module(name, net, sums, str(model.folder))
    nets = sampling.calibrate(model.recipe, model.spec, nets, 1.0, bundle.device)
    return Model(replace(bundle, nets=nets, truncated=CachedNets(), average={"length": length}), model.folder)
