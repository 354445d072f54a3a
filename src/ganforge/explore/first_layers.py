"""The layers that a latent meets first, found by watching which layers are given its numbers unchanged.

The weights of such a layer are its response to unit vectors, whatever kind of layer it is (with equalized learning
rate, spectral norm, a transposed convolution on one pixel), as long as it is affine:

    A e_i = f(e_i) − f(0)

A [rows, D]: what the layer makes of a latent or style, D its dimension.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ganforge.explore.space import Space

PROBES = 8
MOST_COLUMNS = 16_384
"""Numbers of an input that are searched for those of a latent, at most."""


@torch.no_grad()
def first_layers(space: Space, layers: tuple[int, int] | None = None) -> list[tuple[nn.Module, Tensor]]:
    """Each affine layer that is given points as they are, with its weights A [rows, width], in the order of their use.

    Args:
        layers: of styles, only those between these two, inclusive.
    """
    bundle = space.model.bundle
    request = space.request(PROBES)
    draws = torch.Generator().manual_seed(1)
    points = torch.randn(PROBES, *space.shape, generator=draws).to(bundle.device, bundle.dtype)
    columns = {column.tobytes(): k for k, column in enumerate(points.flatten(1).T.contiguous().cpu().float().numpy())}
    met: list[tuple[nn.Module, Tensor, list[int], list[int]]] = []

    def watch(module: nn.Module, inputs: tuple[Any, ...]) -> None:
        x = inputs[0] if len(inputs) == 1 else None
        if not isinstance(x, Tensor) or not x.is_floating_point() or x.shape[:1] != (PROBES,):
            return
        flat = x.flatten(1)
        if flat.shape[1] > MOST_COLUMNS:
            return
        keys = [column.tobytes() for column in flat.T.contiguous().cpu().float().numpy()]
        here = [k for k, key in enumerate(keys) if key in columns]
        if here:
            met.append((module, x, here, [columns[keys[k]] for k in here]))

    handles = [
        module.register_forward_pre_hook(watch)
        for net in bundle.nets.values()
        for module in net.modules()
        if isinstance(getattr(module, "weight", None), Tensor)
    ]
    try:
        space.make(points, request.labels)
    finally:
        for handle in handles:
            handle.remove()
    found = []
    for module, x, here, places in met:
        layer, width = places[0] // space.width, space.width
        if layers is not None and not layers[0] <= layer <= layers[1]:
            continue
        response = affine_response(module, x, here)
        if response is not None:
            weights = response.new_zeros(len(response), width)
            weights[:, torch.tensor(places) % width] = response
            found.append((module, weights))
    return found


def affine_response(module: nn.Module, x: Tensor, columns: list[int]) -> Tensor | None:
    """The weights [rows, len(columns)] of a layer for some numbers of its input x [N, ...]; None if not affine."""
    basis = x.new_zeros(len(columns) + 3, x[0].numel())
    basis[torch.arange(len(columns)), torch.tensor(columns)] = 1
    basis[-3], basis[-2] = x[0].flatten(), 2 * x[0].flatten()
    out = module(basis.reshape(-1, *x.shape[1:])).flatten(1)
    if out.shape[1] < 1:
        return None
    once, twice, zero = out[-3:]
    if not torch.allclose(twice - zero, 2 * (once - zero), rtol=1e-3, atol=1e-4):
        return None
    return (out[:-3] - zero).T.float()
