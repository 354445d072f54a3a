"""DiffAugment: random color changes, translation and cutout of all samples that D sees, reals and fakes alike.

Zhao et al. 2020, "Differentiable Augmentation for Data-Efficient GAN Training". In this order:

    brightness   x + b,                       b ~ U(−½, ½)
    saturation   (x − gray(x))·s + gray(x),   s ~ U(0, 2), gray(x): mean over the channels of a pixel
    contrast     (x − mean(x))·c + mean(x),   c ~ U(½, 3/2), mean(x): over a whole image
    translation  by whole pixels, up to ⅛ of each side; filled with 0
    cutout       0 in a box of half the height and half the width, with its center anywhere

x [N, C, H, W] in [−1, 1], so that 0 is mid-gray. Draws are made per sample. Alpha is translated and cut with the rest,
but its color is not changed.
"""

from __future__ import annotations

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor

from ganforge.augment.base import Augment, State
from ganforge.augment.draws import Draws, per_sample, require_image, split_alpha
from ganforge.core.rng import Rng
from ganforge.core.types import Spec, wide
from ganforge.modalities.image.augment.resample import pick, shifted

Strength = Annotated[float, Field(ge=0, le=1)]


class DiffAugment(Augment, kind="diffaugment"):
    """DiffAugment: color changes, translation and cutout of all images that D sees. A strength of 0 turns a part
    off."""

    brightness: Strength = 0.5
    """Maximum change of brightness, on a scale from −1 (black) to 1 (white)."""
    saturation: Strength = 1.0
    """Maximum change of saturation: 1 means a factor from 0 to 2. No effect on gray images."""
    contrast: Strength = 0.5
    """Maximum change of contrast: 0.5 means a factor from 0.5 to 1.5."""
    translation: Strength = 0.125
    """Maximum translation, as a fraction of height and width."""
    cutout: Strength = 0.5
    """Size of the box that is set to 0, as a fraction of height and width."""

    def check(self, spec: Spec) -> None:
        require_image(spec, self.kind)

    def apply(self, x: Tensor, rng: Rng, memory: State) -> Tensor:
        x = wide(x)
        draws = Draws(rng.at("diffaugment"), x.shape[0], x.dtype)
        return self.cut(self.moved(self.colored(x, draws), draws), draws)

    def colored(self, x: Tensor, draws: Draws) -> Tensor:
        """x with random brightness, saturation and contrast."""
        color, alpha = split_alpha(x)
        if self.brightness:
            color = color + per_sample(draws.uniform("brightness", -self.brightness, self.brightness))
        if self.saturation and color.shape[1] == 3:
            gray = color.mean(1, keepdim=True)
            strength = draws.uniform("saturation", 1 - self.saturation, 1 + self.saturation)
            color = gray + (color - gray) * per_sample(strength)
        if self.contrast:
            middle = color.mean((1, 2, 3), keepdim=True)
            strength = draws.uniform("contrast", 1 - self.contrast, 1 + self.contrast)
            color = middle + (color - middle) * per_sample(strength)
        return torch.cat([color, alpha], dim=1) if alpha.shape[1] else color

    def moved(self, x: Tensor, draws: Draws) -> Tensor:
        """x translated by whole pixels, filled with 0."""
        height, width = x.shape[2:]
        most_down, most_right = (int(side * self.translation + 0.5) for side in (height, width))
        if most_down == most_right == 0:
            return x
        down = draws.integers("down", 2 * most_down + 1) - most_down
        right = draws.integers("right", 2 * most_right + 1) - most_right
        rows, columns = shifted(height, down), shifted(width, right)
        inside = within(rows, height)[:, None, :, None] & within(columns, width)[:, None, None, :]
        x = pick(x, rows.clamp(0, height - 1), columns.clamp(0, width - 1))
        return x * inside

    def cut(self, x: Tensor, draws: Draws) -> Tensor:
        """x with a box set to 0."""
        height, width = x.shape[2:]
        high, wide = (int(side * self.cutout + 0.5) for side in (height, width))
        if not high or not wide:
            return x
        # The center of a box of even size is between pixels, so there is one more position.
        top = draws.integers("top", height + 1 - high % 2) - high // 2
        left = draws.integers("left", width + 1 - wide % 2) - wide // 2
        rows, columns = within(shifted(height, top), high), within(shifted(width, left), wide)
        return x * ~(rows[:, None, :, None] & columns[:, None, None, :])


def within(index: Tensor, size: int) -> Tensor:
    """Whether 0 ≤ index < size."""
    return (index >= 0) & (index < size)
