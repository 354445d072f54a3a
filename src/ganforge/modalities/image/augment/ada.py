"""ADA: a sequence of random augmentations, each with probability p, where p is adapted to the overfitting of D.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data". The augmentations are in `pipe`.

As long as some samples are unchanged (p < 1), the distribution of the samples can be inferred from that of augmented
ones, since the unchanged part is the most frequent. With p = 1, all orientations and hues would be equally likely. The
difference decreases as p approaches 1: the paper finds no leak up to 0.8, with a single augmentation. With all of them,
the orientation of a sample is unchanged only with probability (1 − p)², which at 0.8 is too rare to prevent a leak
(benchmarks/augment_leak.py). So `limit` is 0.6 here.

The controller: r, the mean of sign(D(x)) over the reals of four batches, is 0 without overfitting and 1 if D has
memorized them. p increases if r is above the target and decreases otherwise, at a rate of 1 per `length` samples.

x [N, C, H, W] in [−1, 1], gray, RGB or RGBA.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ganforge.augment.base import Augment, State
from ganforge.augment.draws import Draws, require_image, split_alpha
from ganforge.core.component import PositiveCount
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, Schedule, at
from ganforge.core.types import Spec, wide
from ganforge.modalities.image.augment.pipe import add_noise, band_gains, blits, cut, geometry, recolor

Share = Annotated[float, Field(ge=0, le=1)]


class Pipe(Augment):
    """The sequence of augmentations; subclasses determine p."""

    former: ClassVar[Mapping[str, str]] = {"colour": "color"}
    blit: Share = 1.0
    """Flips, 90° rotations and integer translations: factor of their probability p."""
    geometry: Share = 1.0
    """Scaling, rotation and stretching: factor of their probability p."""
    color: Share = 1.0
    """Brightness, contrast, hue and saturation: factor of their probability p."""
    filter: Share = 0.0
    """Amplification of frequency bands: factor of its probability p. Little benefit for photos (ADA paper)."""
    noise: Share = 0.0
    """Additive noise: factor of its probability p. Little benefit for photos (ADA paper), and slow for large ones."""
    cutout: Share = 0.0
    """Cutout, a box of zeros: factor of its probability p. Little benefit for photos (ADA paper)."""

    def check(self, spec: Spec) -> None:
        require_image(spec, self.kind)

    def changed(self, x: Tensor, rng: Rng, p: Tensor | float) -> Tensor:
        """x after all augmentations with probability `p`, in [0, 1]."""
        x = wide(x)
        draws = Draws(rng.at("ada"), x.shape[0], x.dtype)
        if self.blit:
            x = blits(x, draws, p * self.blit)
        if self.geometry:
            x = geometry(x, draws, p * self.geometry)
        color, alpha = split_alpha(x)
        if self.color:
            color = recolor(color, draws, p * self.color)
        if self.filter:
            color = band_gains(color, draws, p * self.filter)
        if self.noise:
            color = add_noise(color, draws, p * self.noise)
        x = torch.cat([color, alpha], dim=1) if alpha.shape[1] else color
        return cut(x, draws, p * self.cutout) if self.cutout else x


class FixedAda(Pipe, kind="ada_fixed"):
    """The augmentations of ADA with a fixed probability: a number or a schedule."""

    p: Rate = 0.3
    """Probability p of each augmentation, in [0, 1]. Far above 0.6, generated samples may be rotated or recolored."""

    def check(self, spec: Spec) -> None:
        super().check(spec)
        if not isinstance(self.p, Schedule) and not 0 <= self.p <= 1:
            raise UserError(
                f"task.augment.p: a probability must be between 0 and 1, got {self.p}. Try 0.3",
                code="augment.probability_out_of_range",
            )

    def apply(self, x: Tensor, rng: Rng, memory: State) -> Tensor:
        return self.changed(x, rng, min(max(at(self.p, rng.samples), 0.0), 1.0))


class Ada(Pipe, kind="ada"):
    """Adaptive augmentation (ADA): the probability of augmentations increases while D overfits."""

    target: float = Field(default=0.6, gt=-1, lt=1)
    """Target of the mean of sign(D(x)) over real samples, in (-1, 1), to which p is adapted. Lower values augment
    more."""
    start: Share = 0.0
    """Initial probability of each augmentation; useful if training starts from a trained model."""
    limit: Share = 0.6
    """Maximum probability. Far above 0.6, generated samples may be rotated or recolored."""
    length: PositiveCount = 500_000
    """Number of samples for the probability to go from 0 to 1. Small data sets are memorized quickly: use 100k or
    less."""
    every: int = Field(default=4, ge=1)
    """Number of batches between two updates of the probability."""

    def check(self, spec: Spec) -> None:
        super().check(spec)
        if self.start > self.limit:
            raise UserError(
                f"task.augment: start={self.start} is above limit={self.limit}. "
                f"Lower the start or raise the limit: task.augment.limit={self.start}",
                code="augment.start_above_limit",
            )

    def memory(self) -> dict[str, Tensor]:
        return {
            "clock": torch.tensor(-1),  # samples seen at the start of the last observed batch
            "p": torch.tensor(self.start),  # the probability in that batch
            "sign": torch.tensor(0.0),  # sum of sign(D(x)) over the reals since p last moved
            "count": torch.tensor(0.0),  # number of these reals
            "batches": torch.tensor(0),  # number of these batches
        }

    def apply(self, x: Tensor, rng: Rng, memory: State) -> Tensor:
        # p is constant within a step, for all parts of a batch, and for both D and G.
        p = torch.where(memory["clock"] == rng.samples, memory["p"], self.following(memory))
        return self.changed(x, rng, p)

    def observe(self, real_logits: Tensor, memory: State, samples: int) -> None:
        # Only tensor operations: reading a value would synchronize with the GPU.
        new = memory["clock"] != samples
        fresh = new & (memory["batches"] >= self.every)
        memory["clock"] = torch.full_like(memory["clock"], samples)
        memory["p"] = torch.where(new, self.following(memory), memory["p"])
        for name, gained in (
            ("sign", wide(real_logits.detach()).sign().sum() * memory.parts),
            ("count", real_logits.shape[0] * memory.parts),
            ("batches", new),
        ):
            memory[name] = torch.where(fresh, 0, memory[name]) + gained

    def following(self, memory: State) -> Tensor:
        """The probability after the last observed batch."""
        mean = memory["sign"] / memory["count"].clamp_min(1)
        moved = memory["p"] + torch.sign(mean - self.target) * memory["count"] / self.length
        return torch.where(memory["batches"] >= self.every, moved.clamp(0, self.limit), memory["p"])

    def stats(self, memory: State) -> dict[str, Tensor]:
        return {"p": memory["p"]}
