"""Samples from trained generators: with the statistics that the recipe asks for, decoded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ganforge.core.types import Nets, Request, Spec
from ganforge.recipes.base import Recipe


def settle(recipe: Recipe, spec: Spec, nets: Nets, truncation: float, device: torch.device) -> Nets:
    """The generators as samples are made from them, with the statistics that the recipe asks for."""
    return recipe.statistics.settle(nets, spec.classes, recipe.task.sample, truncation, device)


def generate(recipe: Recipe, spec: Spec, nets: Nets, request: Request, device: torch.device) -> np.ndarray:
    """Decoded samples for a request, in one batch, from nets in evaluation mode."""
    labels = request.labels
    if labels is None and spec.classes:
        labels = torch.arange(request.start, request.start + request.n) % spec.classes
    request = replace(request, labels=labels, device=device)
    return recipe.signal.decode(recipe.task.sample(nets, request), spec)
