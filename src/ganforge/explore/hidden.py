"""The hidden layers of a generator that hold a grid of features, and switches for their units.

A unit is a channel: h [N, U, *grid], U units. Generators that keep channels last, h [N, *grid, U], say so with the
attribute `unit_axis = -1`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from ganforge.core.errors import UserError
from ganforge.explore.space import Space

MODES = {1: "linear", 2: "bilinear", 3: "trilinear"}


@dataclass(frozen=True, eq=False)
class Grid:
    """A hidden layer.

    Attributes:
        name: its name within the generator.
        units: number of its units. size: of its grid.
        axis: the axis of its output that holds units: 1 or -1.
    """

    name: str
    module: nn.Module
    units: int
    size: tuple[int, ...]
    axis: int

    def features(self, out: Tensor) -> Tensor:
        """Its output as [N, U, *size]."""
        return out.movedim(self.axis, 1)

    @contextlib.contextmanager
    def kept(self) -> Iterator[list[Tensor]]:
        """A context that collects the features [N, U, *size] of each sample that is made in it."""
        found: list[Tensor] = []
        handle = self.module.register_forward_hook(lambda _, __, out: found.append(self.features(out)))
        try:
            yield found
        finally:
            handle.remove()

    @contextlib.contextmanager
    def switched(self, off: Sequence[int] = (), on: Mapping[int, float] | None = None) -> Iterator[None]:
        """A context in which some units are 0, and others have a value everywhere."""
        values = dict.fromkeys(off, 0.0) | dict(on or {})

        def switch(module: nn.Module, inputs: object, out: Tensor) -> Tensor:
            changed = out.clone()
            for unit, value in values.items():
                changed.select(self.axis, unit).fill_(value)
            return changed

        handle = self.module.register_forward_hook(switch)
        try:
            yield
        finally:
            handle.remove()


def watch_outputs(space: Space, note: Callable[[str, nn.Module, Tensor, int], None]) -> None:
    """Makes two samples, and calls note(name, module, output, axis of units) for each layer as it is used, by the name
    that it has in the model; only for outputs of floating-point numbers."""
    handles = []
    nets = space.model.bundle.nets

    def hook_of(name: str, axis: int) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: object, out: object) -> None:
            if isinstance(out, Tensor) and out.is_floating_point():
                note(name, module, out, axis)

        return hook

    for player, net in nets.items():
        for path, module in net.named_modules():
            if path:
                name = path if len(nets) == 1 else f"{player}.{path}"
                handles.append(module.register_forward_hook(hook_of(name, getattr(net, "unit_axis", 1))))
    request = space.request(2)
    try:
        with torch.no_grad():
            space.make(space.points_of(request), request.labels)
    finally:
        for handle in handles:
            handle.remove()


def grids(space: Space) -> dict[str, Grid]:
    """The hidden layers that have as many axes as samples and more channels, by name, in the order of their use."""
    shape = space.model.spec.shape
    found: dict[str, Grid] = {}

    def note(name: str, module: nn.Module, out: Tensor, axis: int) -> None:
        if out.ndim == len(shape) + 1:
            units, *size = out.movedim(axis, 1).shape[1:]
            found.pop(name, None)  # a layer that is used again stands where it was used last
            found[name] = Grid(name, module, units, tuple(size), axis)

    watch_outputs(space, note)
    return {name: grid for name, grid in found.items() if max(grid.size, default=1) > 1 and grid.units > shape[0]}


def grid_of(space: Space, name: str | None, share: float = 0.5) -> Grid:
    """A hidden layer by name; by default the last of those whose grid is nearest to a share of the side of samples.

    Raises:
        UserError: the generator has no hidden grids, or none of that name.
    """
    model = space.model
    known = grids(space)
    if not known:
        raise UserError(
            f"{model.folder}: the generator of this model ({model.recipe.name}) has no hidden layers with a grid of "
            "units, as convolutions have; explore directions works for it",
            code="explore.no_grid",
        )
    if name is None:
        side = max(model.spec.shape[1:])
        best = min(abs(max(grid.size) / side - share) for grid in known.values())
        return [grid for grid in known.values() if abs(max(grid.size) / side - share) == best][-1]
    if name not in known:
        listed = ", ".join(
            f"{grid.name} ({grid.units} units of {'×'.join(map(str, grid.size))})" for grid in known.values()
        )
        raise UserError(f"--layer {name}: no such hidden layer (there are: {listed})", code="explore.unknown_layer")
    return known[name]


def resized(features: Tensor, size: Sequence[int]) -> Tensor:
    """Features [N, U, *grid], interpolated to a size."""
    return functional.interpolate(features.float(), tuple(size), mode=MODES[len(size)], align_corners=False)
