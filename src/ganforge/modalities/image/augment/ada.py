"""ADA: a long pipe of random changes, each with probability p, and p as large as D's overfitting asks for.

Karras et al. 2020, "Training Generative Adversarial Networks with Limited Data". The changes are in `pipe`.

As long as some samples stay as they were (p < 1), the distribution of augmented samples says which one they came from,
since its part that is in place stands out. With p = 1, every way up and every hue would be as likely as the right one.
The nearer p is to 1, the fainter the difference: the paper finds no leak up to 0.8, for one change at a time. With the
whole pipe a sample is the right way up with (1 − p)² only, and what is left to tell it by at 0.8 is lost in the noise
(benchmarks/augment_leak.py). So `limit` is 0.6 here.

The controller: r = mean of sign(D(x)) over the reals of four batches is 0 for a D that does not know them and 1 for one
that has memorized them. p goes up where r is above the target and else down, by 1 in `length` samples.

x [N, C, H, W] in [−1, 1], gray, RGB or RGBA.
"""

from __future__ import annotations

from typing import Annotated

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
from ganforge.modalities.image.augment.pipe import add_noise, band_gains, blits, cut, geometry, recolour

Share = Annotated[float, Field(ge=0, le=1)]


class Pipe(Augment):
    """The pipe of changes; what follows it says how p is found."""

    blit: Share = 1.0
    """Flips, 90° rotations and translations by whole pixels: p is multiplied by this."""
    geometry: Share = 1.0
    """Scaling, rotation and stretching: p is multiplied by this."""
    colour: Share = 1.0
    """Brightness, contrast, hue and saturation: p is multiplied by this."""
    filter: Share = 0.0
    """Gains of frequency bands: p is multiplied by this. Helps photos little (ADA paper)."""
    noise: Share = 0.0
    """Added noise: p is multiplied by this. Helps photos little (ADA paper), and is slow for large ones."""
    cutout: Share = 0.0
    """A box of zeros: p is multiplied by this. Helps photos little (ADA paper)."""

    def check(self, spec: Spec) -> None:
        require_image(spec, self.kind)

    def changed(self, x: Tensor, rng: Rng, p: Tensor | float) -> Tensor:
        """x through the whole pipe with probability `p`, in [0, 1]."""
        x = wide(x)
        draws = Draws(rng.at("ada"), x.shape[0], x.dtype)
        if self.blit:
            x = blits(x, draws, p * self.blit)
        if self.geometry:
            x = geometry(x, draws, p * self.geometry)
        colour, alpha = split_alpha(x)
        if self.colour:
            colour = recolour(colour, draws, p * self.colour)
        if self.filter:
            colour = band_gains(colour, draws, p * self.filter)
        if self.noise:
            colour = add_noise(colour, draws, p * self.noise)
        x = torch.cat([colour, alpha], dim=1) if alpha.shape[1] else colour
        return cut(x, draws, p * self.cutout) if self.cutout else x


class FixedAda(Pipe, kind="ada_fixed"):
    """The augmentations of ADA with a fixed probability: a number or a schedule."""

    p: Rate = 0.3
    """The probability of each change, in [0, 1]. Far above 0.6, samples may come out rotated or recolored."""

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
    """Augments what D sees with a probability that follows its overfitting (ADA): 0 at first, more as D memorizes."""

    target: float = Field(default=0.6, gt=-1, lt=1)
    """The mean of sign(D(x)) over real samples that p is adjusted to hold. Lower augments more."""
    start: Share = 0.0
    """The probability of each change at the start; useful when training continues from a trained model."""
    limit: Share = 0.6
    """The highest probability. Far above 0.6, samples may come out rotated or recolored."""
    length: PositiveCount = 500_000
    """Samples in which the probability could go from 0 to 1. A small set is memorized fast: 100k or less."""
    every: int = Field(default=4, ge=1)
    """Number of batches whose D outputs are collected before the probability is updated."""

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
            "clock": torch.tensor(-1),  # samples seen at the start of the last batch that was observed
            "p": torch.tensor(self.start),  # the probability in that batch
            "next": torch.tensor(self.start),  # the probability after it
            "sign": torch.tensor(0.0),  # sum of sign(D(x)) over the reals since p last moved
            "count": torch.tensor(0.0),  # how many they were
            "batches": torch.tensor(0),  # in how many batches
        }

    def apply(self, x: Tensor, rng: Rng, memory: State) -> Tensor:
        # A batch may come in parts, and G sees it after D: all of it is augmented alike.
        p = torch.where(memory["clock"] == rng.samples, memory["p"], memory["next"])
        return self.changed(x, rng, p)

    def observe(self, real_logits: Tensor, memory: State, samples: int) -> None:
        # All in tensors: to look at a value would make a GPU wait.
        new = memory["clock"] != samples
        fresh = new & (memory["batches"] >= self.every)
        memory["clock"] = torch.full_like(memory["clock"], samples)
        memory["p"] = torch.where(new, memory["next"], memory["p"])
        for name, gained in (
            ("sign", wide(real_logits.detach()).sign().sum()),
            ("count", real_logits.shape[0]),
            ("batches", new),
        ):
            memory[name] = torch.where(fresh, 0, memory[name]) + gained
        mean = memory["sign"] / memory["count"].clamp_min(1)
        moved = memory["p"] + torch.sign(mean - self.target) * memory["count"] / self.length
        memory["next"] = torch.where(memory["batches"] >= self.every, moved.clamp(0, self.limit), memory["p"])

    def stats(self, memory: State) -> dict[str, Tensor]:
        return {"p": memory["p"]}
