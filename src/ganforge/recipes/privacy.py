"""The guarantee for every single training sample: none, or differential privacy.

Dwork & Roth 2014: a run is (ε, δ)-differentially private when for any two data sets of which one has one sample more,
and any set S of models,

    P(model ∈ S) ≤ e^ε · P′(model ∈ S) + δ

so that nobody who has the model can be sure whether a certain sample was among the training data. `docs/privacy.md`
says what this covers and what it does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field

from ganforge.core.component import Component


class Privacy(Component, family="privacy"):
    """The guarantee for single training samples: none, or differential privacy."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        if isinstance(value, Mapping) and value.get("kind") is False:
            value = {**value, "kind": "off"}
        return super().parse("off" if value is False else value)  # YAML reads a bare `off` as false


class Off(Privacy, kind="off"):
    """No guarantee: the model may memorize training samples."""


class DpSgd(Privacy, kind="dp_sgd"):
    """Differential privacy by DP-SGD: the gradient of every sample is clipped, and noise is added to their sum."""

    epsilon: float = Field(default=10.0, gt=0)
    """The budget ε, for all the samples of the run. Smaller is more private: 1 is strong, 10 is usual for images."""
    delta: float | None = Field(default=None, gt=0, lt=1)
    """The δ of the guarantee; it must be below 1 / (samples in the data). By default a tenth of that."""
    clip: float = Field(default=1.0, gt=0)
    """The norm that the gradient of each sample is clipped to."""
    noise_multiplier: float | None = Field(default=None, gt=0)
    """Noise, as a multiple of `clip`. By default the amount with which the run's samples spend `epsilon`."""
