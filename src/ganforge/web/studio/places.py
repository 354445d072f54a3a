"""Places of the latent space, as `asking.Place` names them: seeds or a given point, then steps to a neighbor, then
moves along directions. Runs in the worker process alone."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ganforge.core.rng import seed_of
from ganforge.core.types import Request
from ganforge.inference.codes import Codes, at_points, digest_of, styles_of
from ganforge.inference.model import Model
from ganforge.web.operations import Held, request_of

WIDEST = math.pi / 3
"""The angle between a sample and those around it at the first step; half of it at each step after that."""


def placed(held: Held, ask: dict[str, Any]) -> tuple[Model, Request]:
    """The request for the sample at a place, its labels written out.

    Raises:
        UserError: the model has no such label, setting or latents.
    """
    model = held.tuned(ask)
    if ask["codes"] is not None:
        model = model.at(codes_of(ask["codes"]))
    request = request_of(model, ask)
    if ask["path"]:
        point = nearer(model, request, ask["path"])
        request = at_points(request, point)
    if ask["shifts"]:
        request = replace(request, shift=sum(shift_of(model, one) for one in ask["shifts"]))
    return model, request


def codes_of(plain: dict[str, Any]) -> Codes:
    labels = None if plain["labels"] is None else torch.tensor(plain["labels"])
    return Codes("", torch.tensor(plain["values"], dtype=torch.float32), labels)


def shift_of(model: Model, move: dict[str, Any]) -> Tensor:
    """A move, {"vector": [D], "layers"}, as a shift of latents [1, L] or of styles [1, layers, K]."""
    vector = torch.tensor(move["vector"], dtype=torch.float32)
    if move["layers"] is None:
        return vector[None]
    shape = styles_of(model.bundle)
    assert shape is not None, "directions of styles belong to a model with styles"
    whole = torch.zeros(1, *shape)
    whole[:, move["layers"][0] : move["layers"][1] + 1] = vector
    return whole


def point_of(model: Model, request: Request) -> Tensor:
    """The point of a request for one sample: latents [1, L], or styles [1, layers, K] if it names these."""
    if request.styles is not None:
        return request.styles
    return request.latents if request.latents is not None else model.recipe.task.latents(request).cpu()


def nearer(model: Model, request: Request, path: list[int]) -> Tensor:
    """The point after some steps, each to one of the samples around the one before."""
    point = point_of(model, request)
    for depth in range(len(path)):
        point = turned(model, request, point, path[: depth + 1])
    return point


def turned(model: Model, request: Request, point: Tensor, path: list[int]) -> Tensor:
    """A point turned towards that of a seed of its own, which its path names: cos a · point + sin a · other. Styles go
    straight."""
    seed = seed_of(0, f"nearer {path}") % 2**63
    asked = replace(request, seed=seed, start=0, latents=None, styles=None, shift=None)
    angle = WIDEST * 0.5 ** (len(path) - 1)
    task, bundle = model.recipe.task, model.bundle
    if point.ndim == 3 and request.styles is not None:
        asked = replace(asked, device=bundle.device, dtype=bundle.dtype)
        with torch.no_grad():
            other = task.styles(bundle.nets, asked)
        assert other is not None
        return torch.lerp(point, other.to(point), math.sin(angle) / 2)
    return math.cos(angle) * point + math.sin(angle) * task.latents(asked).to(point)


def codes_at(model: Model, request: Request) -> Codes:
    """The sample of a request as one point, with its truncation and moves."""
    point = point_of(model, request)
    if point.ndim == 2 and styles_of(model.bundle) is not None:  # truncation and moves are of styles
        with torch.no_grad():
            styles = model.recipe.task.styles(model.bundle.nets, replace(request, shift=None))
        assert styles is not None
        point = styles.cpu()
    point = point if request.shift is None else point + request.shift.to(point)
    return Codes(digest_of(model.bundle), point.float(), request.labels)
