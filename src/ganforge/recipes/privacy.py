"""The guarantee for every single training sample: none, or differential privacy.

Dwork & Roth 2014: a run is (ε, δ)-differentially private if, for any two data sets that differ by one additional
sample, and any set S of models,

    P(model ∈ S) ≤ e^ε · P′(model ∈ S) + δ

so nobody can tell from the model with certainty whether a given sample was in the training data. `docs/privacy.md`
describes what this covers and what it does not.
"""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field

from ganforge.core.component import Component, off_if_false


class Privacy(Component, family="privacy"):
    """The privacy guarantee for single training samples: none, or differential privacy."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        return super().parse(off_if_false(value))


class Off(Privacy, kind="off"):
    """No guarantee: the model may memorize training samples."""


class DpSgd(Privacy, kind="dp_sgd"):
    """Differential privacy by DP-SGD: the gradient of each sample is clipped, and noise is added to the sum of the
    gradients."""

    epsilon: float = Field(default=10.0, gt=0)
    """Privacy budget ε of the whole run. Smaller is more private: 1 is strong, 10 is usual for images."""
    delta: float | None = Field(default=None, gt=0, lt=1)
    """δ of the guarantee; must be below 1/N for N training samples. Default: 0.1/N."""
    clip: float = Field(default=1.0, gt=0)
    """Maximum L2 norm of the gradient of a single sample; larger gradients are scaled down to it."""
    noise_multiplier: float | None = Field(default=None, gt=0)
    """Standard deviation of the noise, as a multiple of `clip`. By default the smallest with which the run stays within
    `epsilon`."""
