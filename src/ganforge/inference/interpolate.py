"""Paths through latent space.

Standard normal latents lie close to a sphere of radius √L. A straight line between two of them passes nearer to the
origin, where the generator was hardly trained; an arc on a great circle does not (slerp: Shoemake 1985; for latents:
White 2016).

K: number of keys, the latents that the path passes through. F: frames. L: dimension of the latents.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ganforge.core.errors import UserError, did_you_mean


def lerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Points on the straight line from `a` to `b`, both [L], at `t` [F] in [0, 1] → [F, L]."""
    return a + (b - a) * t[:, None]


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Points on the arc from `a` to `b`, both [L], at `t` [F] in [0, 1] → [F, L].

    The direction moves at constant angular speed, and the norm changes linearly from |a| to |b|. If a and b are
    parallel, opposite or zero, there is no unique arc; the straight line is used instead.
    """
    a64, b64 = a.double(), b.double()
    norm_a, norm_b = a64.norm(), b64.norm()
    if norm_a == 0 or norm_b == 0:
        return lerp(a, b, t)
    unit_a, unit_b = a64 / norm_a, b64 / norm_b
    angle = torch.arccos((unit_a @ unit_b).clamp(-1, 1))
    if torch.sin(angle) < 1e-6:
        return lerp(a, b, t)
    s = t.double()[:, None]  # [F, 1]
    direction = (torch.sin((1 - s) * angle) * unit_a + torch.sin(s * angle) * unit_b) / torch.sin(angle)
    return (direction * ((1 - s) * norm_a + s * norm_b)).to(a.dtype)


MODES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {"slerp": slerp, "linear": lerp}


def path(keys: Tensor, frames: int, mode: str = "slerp", loop: bool = False) -> Tensor:
    """Latents along a path through all `keys`, evenly spaced in time.

    Args:
        keys: [K, L] in order, K at least 2.
        frames: F, the number of latents to return, at least K.
        mode: "slerp" along arcs or "linear" along straight lines.
        loop: return to the first key, so that the first frame smoothly follows the last.

    Returns:
        [F, L]. The first row is exactly the first key; without `loop`, the last row is exactly the last key.

    Raises:
        UserError: there are too few keys or frames, or the mode is unknown.
    """
    if mode not in MODES:
        raise UserError(
            f"unknown mode {mode!r}{did_you_mean(mode, MODES)} (known: {', '.join(MODES)})", code="walk.unknown_mode"
        )
    if len(keys) < 2:
        raise UserError(f"a walk needs at least two seeds, got {len(keys)}", code="walk.too_few_seeds")
    if frames < len(keys):
        raise UserError(
            f"a walk through {len(keys)} seeds needs at least {len(keys)} frames, got {frames}",
            code="walk.too_few_frames",
        )
    if loop:
        stops = torch.cat([keys, keys[:1]])
        position = torch.arange(frames, dtype=torch.float64) * (
            len(keys) / frames
        )  # without the end point, which equals the start
    else:
        stops = keys
        position = torch.arange(frames, dtype=torch.float64) * ((len(keys) - 1) / (frames - 1))
    segment = position.long().clamp(max=len(stops) - 2)  # [F]: the last key before each frame
    share = (position - segment).to(keys.dtype)
    parts = []
    for k in range(len(stops) - 1):
        t = share[segment == k]
        between = MODES[mode](stops[k], stops[k + 1], t)
        at_key = (t == 0)[:, None]  # exactly the key, without rounding of sines
        at_next = (t == 1)[:, None]
        parts.append(torch.where(at_key, stops[k], torch.where(at_next, stops[k + 1], between)))
    return torch.cat(parts)
