"""Sampling from trained generators, with the recipe's batch-norm statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ganforge.core.device import weights_dtype
from ganforge.core.types import Nets, Request, Spec
from ganforge.recipes.base import Recipe


def calibrate(recipe: Recipe, spec: Spec, nets: Nets, truncation: float, device: torch.device) -> Nets:
    """The generators with the batch-norm statistics that the recipe specifies for sampling."""

    def sample(nets: Nets, request: Request) -> Tensor:
        return encoded(recipe, nets, request, device)

    return recipe.statistics.calibrate(nets, spec.classes, sample, truncation, device)


def encoded(recipe: Recipe, nets: Nets, request: Request, device: torch.device) -> Tensor:
    """Encoded samples for a request, on `device` and in the dtype of the nets."""
    return recipe.task.sample(nets, replace(request, device=device, dtype=weights_dtype(recipe.precision, device)))


def generate(recipe: Recipe, spec: Spec, nets: Nets, request: Request, device: torch.device) -> np.ndarray:
    """Decoded samples for a request, in one batch, from nets in evaluation mode."""
    labels = request.labels
    if labels is None and spec.classes:
        labels = torch.arange(request.start, request.start + request.n) % spec.classes
    return recipe.signal.decode(encoded(recipe, nets, replace(request, labels=labels), device), spec)
