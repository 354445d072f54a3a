"""Images of volumes from any side, and images of users in the same form: what a volume is to be made from.

Parallel rays from `TILT` degrees above meet the surface where the field, taken between cells, changes its sign; the
field's gradient there is the normal, and the light stands behind the viewer's left, as in `drawing`.

    brightness = 0.45 + 0.75 · max(0, n · light)

N samples, C channels, S cells a side, P px a side, T steps along a ray.  x [N, C, S, S, S] negative inside, image
[N, 3, P, P] in [-1, 1], angle [N] in degrees around the vertical.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from ganforge.modalities.shape.drawing import INK, LIGHT, PAPER, TILT, ZOOM

FINEST = 64
"""px a side that rays are followed for; larger images are enlarged from these."""
AT_A_TIME = 8
"""Samples: each takes 12·P²·T bytes."""
EDGE = 1e-3
"""Half a difference of places, for gradients, in half sides of the grid."""


def views(x: Tensor, angle: Tensor, size: int, up: int) -> Tensor:
    """An image of each volume's first channel from an angle.

    Args:
        up: the axis of the grid (0, 1 or 2) that points up.
    """
    parts = [
        _views(x[k : k + AT_A_TIME, :1], angle[k : k + AT_A_TIME], min(size, FINEST), up)
        for k in range(0, len(x), AT_A_TIME)
    ]
    image = torch.cat(parts)
    return image if image.shape[-1] == size else interpolate(image, (size, size), mode="bilinear", align_corners=False)


def _views(field: Tensor, angle: Tensor, size: int, up: int) -> Tensor:
    n, steps, kind = len(field), 2 * field.shape[-1], {"dtype": field.dtype, "device": field.device}
    right, depth, rise = _directions(angle.to(**kind), up)  # [N, 3] each
    across = (torch.arange(size, **kind) + 0.5) / size * 2 - 1
    along = torch.linspace(-math.sqrt(3), math.sqrt(3), steps, **kind)
    flat = across.view(1, -1, 1) * right[:, None] / ZOOM  # [N, P, 3]
    high = -across.view(1, -1, 1) * rise[:, None] / ZOOM
    start = high[:, :, None] + flat[:, None]  # [N, P, P, 3]
    rays = start[:, None] + along.view(1, -1, 1, 1, 1) * depth.view(n, 1, 1, 1, 3)  # [N, T, P, P, 3]
    met = _sampled(field, rays)  # [N, T, P, P]
    inside = met < 0
    first = inside.to(torch.int8).argmax(1, keepdim=True)  # [N, 1, P, P]
    here, before = met.gather(1, first), met.gather(1, (first - 1).clamp_min(0))
    back = torch.where(first > 0, here / (here - before).clamp_max(-1e-6), torch.zeros_like(here))
    place = along[first] - back.clamp(0, 1) * (along[1] - along[0])
    surface = start + place[:, 0, :, :, None] * depth.view(n, 1, 1, 3)  # [N, P, P, 3]
    offsets = EDGE * torch.eye(3, **kind)
    surface = surface[:, None]
    slope = torch.stack([_sampled(field, surface + o) - _sampled(field, surface - o) for o in offsets], -1)[:, 0]
    normal = slope / slope.norm(dim=-1, keepdim=True).clamp_min(1e-9)
    light = torch.tensor(LIGHT, **kind)
    towards = light[0] * right + light[1] * depth + light[2] * rise
    bright = 0.45 + 0.75 * (normal * towards.view(n, 1, 1, 3)).sum(-1).clamp_min(0)  # [N, P, P]
    ink, paper = (torch.tensor(color, **kind).view(1, 3, 1, 1) for color in (INK, PAPER))
    image = torch.where(inside.any(1, keepdim=True), (ink * bright[:, None]).clamp(0, 245), paper)
    return image / 127.5 - 1


def _directions(angle: Tensor, up: int) -> tuple[Tensor, Tensor, Tensor]:
    """To the right, into the depth and upwards of the image, as directions along the axes of the grid, [N, 3] each."""
    a, b = angle.deg2rad(), math.radians(TILT)
    level = [axis for axis in range(3) if axis != up]
    right, depth = torch.zeros(len(a), 3, dtype=a.dtype, device=a.device), torch.zeros(len(a), 3, dtype=a.dtype)
    depth = depth.to(a.device)
    right[:, level[0]], right[:, level[1]] = a.cos(), -a.sin()
    depth[:, level[0]], depth[:, level[1]] = a.sin() * math.cos(b), a.cos() * math.cos(b)
    depth[:, up] = -math.sin(b)
    rise = torch.zeros_like(depth)
    rise[:, level[0]], rise[:, level[1]], rise[:, up] = a.sin() * math.sin(b), a.cos() * math.sin(b), math.cos(b)
    return right, depth, rise


def _sampled(field: Tensor, places: Tensor) -> Tensor:
    """The field at places [N, T, P, P, 3] along its axes, in half sides from the middle; far outside it is 1."""
    order = places.flip(-1)  # grid_sample wants the last axis first
    return grid_sample(field - 1, order, align_corners=False, padding_mode="zeros")[:, 0] + 1


def of_file(image: Image.Image, size: int) -> np.ndarray:
    """An image of a user as `views` draws them: float32 [3, P, P] in [-1, 1], on paper, padded to a square."""
    image = image.convert("RGBA")
    side = max(image.size)
    square = Image.new("RGBA", (side, side), (*PAPER.astype(int).tolist(), 255))
    square.alpha_composite(image, ((side - image.width) // 2, (side - image.height) // 2))
    small = square.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(small, np.float32).transpose(2, 0, 1) / 127.5 - 1
