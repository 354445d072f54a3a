"""Sampling from trained generators, with the recipe's batch-norm statistics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from ganforge.core.device import weights_dtype
from ganforge.core.types import Nets, Request, Spec
from ganforge.recipes.base import Recipe
from ganforge.tasks.base import Task


def calibrate(recipe: Recipe, spec: Spec, nets: Nets, truncation: float, device: torch.device) -> Nets:
    """The generators with the batch-norm statistics that the recipe specifies for sampling."""

    def sample(nets: Nets, request: Request) -> Tensor:
        return encoded(recipe, nets, labeled(request, spec), device)

    return recipe.statistics.calibrate(nets, spec.classes, sample, truncation, device)


def encoded(recipe: Recipe, nets: Nets, request: Request, device: torch.device) -> Tensor:
    """Encoded samples for a request, on `device` and in the dtype of the nets."""
    dtype, labels = weights_dtype(recipe.precision, device), request.labels
    if labels is not None and labels.is_floating_point():
        labels = labels.to(dtype)
    return recipe.task.sample(
        nets, shifted(recipe.task, nets, replace(request, labels=labels, device=device, dtype=dtype))
    )


def shifted(task: Task, nets: Nets, request: Request) -> Request:
    """The request with its latents or styles where its `shift` moves them to."""
    if request.shift is None:
        return request
    shift = request.shift.to(request.device, request.dtype)
    if shift.ndim == 2:
        latents = task.latents(request).to(request.device, request.dtype) + shift
        return replace(request, latents=latents, shift=None)
    styles = task.styles(nets, request)
    assert styles is not None, "only models with styles are given shifts of styles"
    return replace(request, styles=styles + shift, shift=None)


def generate(recipe: Recipe, spec: Spec, nets: Nets, request: Request, device: torch.device) -> np.ndarray:
    """Decoded samples for a request, in one batch, from nets in evaluation mode."""
    return recipe.signal.decode(encoded(recipe, nets, labeled(request, spec), device), spec)


def labeled(request: Request, spec: Spec) -> Request:
    """The request with labels, if the model needs some and none are given: all classes in turn, or combinations of
    conditions as the data has them."""
    if request.labels is not None or not spec.for_nets.classes:
        return request
    if spec.conditions:
        labels = torch.from_numpy(spec.conditions.vectors(request.seed, request.start, request.n))
    else:
        labels = torch.arange(request.start, request.start + request.n) % spec.classes
    return replace(request, labels=labels)
