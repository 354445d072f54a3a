"""Components and distances in a network.

V nodes.  near: V sets, of the nodes that are one step away from each.
"""

from __future__ import annotations

import numpy as np

from ganforge.core.rng import seed_of

SOURCES = 64


def path_length(near: list[set[int]]) -> float:
    """Mean distance in the largest component, from some of its nodes."""
    component = largest(near)
    if len(component) < 2:
        return 0.0
    total = sum(sum(depth * len(layer) for depth, layer in enumerate(layers(near, start))) for start in some(component))
    return total / (min(SOURCES, len(component)) * (len(component) - 1))


def directed_path_length(after: list[set[int]], before: list[set[int]]) -> float:
    """Mean distance along directions from some nodes of the largest component to all that can be reached from them."""
    component = largest([one | other for one, other in zip(after, before, strict=True)])
    sizes = [[len(layer) for layer in layers(after, start)] for start in some(component)]
    steps = sum(depth * size for layers in sizes for depth, size in enumerate(layers))
    return steps / max(1, sum(sum(layers) - 1 for layers in sizes))


def some(component: list[int]) -> list[int]:
    """At most `SOURCES` of these nodes, the same each time."""
    rng = np.random.default_rng(seed_of("path length"))
    return rng.choice(component, min(SOURCES, len(component)), replace=False).tolist()


def layers(near: list[set[int]], start: int) -> list[set[int]]:
    """The nodes at each distance from one."""
    found, seen, layer = [], {start}, {start}
    while layer:
        found.append(layer)
        layer = set().union(*(near[node] for node in layer)) - seen
        seen |= layer
    return found


def largest(near: list[set[int]]) -> list[int]:
    """The nodes of the largest component, in order."""
    left, best = set(range(len(near))), set()
    while len(left) > len(best):
        part = set().union(*layers(near, next(iter(left))))
        left -= part
        best = max(best, part, key=len)
    return sorted(best)
