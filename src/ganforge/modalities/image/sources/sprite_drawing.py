"""Draws sprites: one lit, rounded shape with a shadow before a sky, seen from above.

    height    h(u) = the dome over the shape, u in its own coordinates; computed once per shape
    normal    n ∝ (−∂h/∂x, −∂h/∂y, 1)
    light     l = (cos λ cos ε, sin λ cos ε, sin ε), λ its direction, ε = 40° its height above the image plane
    color     ρ · (ambient + diffuse · max(0, n·l)) + shine · max(0, n·b)^24,  b halfway between l and the viewer
    shadow    the shape again, moved away from the light

Directions are measured counterclockwise from the right, as in mathematics: a light of 90° comes from above, and an
angle of 90° turns the shape that points right to point up. No shape looks like itself after a turn.
Each pixel is the mean of K × K points.

u [h, w] coordinates in units of the shape's radius; images uint8 [S, S, 3].
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np

SHAPES = ("arrow", "drop", "fish", "heart", "leaf", "moon")
COLORS = {
    "red": (222, 52, 48),
    "orange": (244, 146, 36),
    "yellow": (248, 214, 64),
    "green": (66, 176, 84),
    "blue": (58, 116, 232),
    "purple": (156, 84, 208),
}
SIZES = {"small": 0.42, "medium": 0.56, "large": 0.72}
"""Radius of the shape, where half of the image is 1."""
PERIODS = ("day", "night")
SKIES = {"day": ((136, 196, 244), (222, 238, 250)), "night": ((12, 16, 46), (46, 44, 92))}
"""Colors of the upper and the lower edge."""
AMBIENT, DIFFUSE, SHINE = {"day": 0.42, "night": 0.34}, {"day": 0.80, "night": 0.80}, 0.35
ELEVATION = math.radians(40)
SHADOW = 0.13
"""How far the shadow is moved, where half of the image is 1."""
GRID = 160
REACH = 1.6  # the corners of the square around a shape, at 1.1 √2
"""The height is known in [-REACH, REACH]²."""
POINTS = 3
"""Points per pixel, in each direction."""


@dataclass(frozen=True)
class Sprite:
    """What one image shows. Angles are in degrees; x and y, in [-1, 1], are as in mathematics: y points up."""

    shape: str
    color: str
    size: str
    period: str
    angle: float
    light: float
    x: float
    y: float
    seed: int = 0
    """Of the stars or the cloud."""


def draw(sprite: Sprite, side: int) -> np.ndarray:
    """The image, uint8 [side, side, 3]."""
    fine = side * POINTS
    axis = ((np.arange(fine) + 0.5) * 2 / fine - 1).astype(np.float32)
    canvas = _sky(sprite, axis)
    light, angle = math.radians(sprite.light), math.radians(sprite.angle)
    away = (sprite.x - SHADOW * math.cos(light), sprite.y - SHADOW * math.sin(light))
    rows, columns, u, v = _around(sprite, axis, away, angle)
    canvas[rows, columns] *= 1 - 0.55 * _cover(_sampled(tables(sprite.shape)[0], u, v), sprite, fine)[..., None]
    rows, columns, u, v = _around(sprite, axis, (sprite.x, sprite.y), angle)
    inside, slope_u, slope_v = (_sampled(table, u, v) for table in tables(sprite.shape))
    slope_x = math.cos(angle) * slope_u - math.sin(angle) * slope_v
    slope_y = math.sin(angle) * slope_u + math.cos(angle) * slope_v
    cover = _cover(inside, sprite, fine)[..., None]
    canvas[rows, columns] += (_lit(sprite, slope_x, slope_y, light) - canvas[rows, columns]) * cover
    pixels = canvas.reshape(side, POINTS, side, POINTS, 3).mean((1, 3))
    return np.rint(pixels.clip(0, 255)).astype(np.uint8)


def _around(
    sprite: Sprite, axis: np.ndarray, middle: tuple[float, float], angle: float
) -> tuple[slice, slice, np.ndarray, np.ndarray]:
    """The rows and the columns of points around a shape, and their coordinates u, v in units of the shape."""
    radius = SIZES[sprite.size]
    columns, rows = (
        slice(*np.searchsorted(axis, (at - 1.1 * radius, at + 1.1 * radius))) for at in (middle[0], -middle[1])
    )
    x, y = (axis[columns][None] - middle[0]) / radius, (-axis[rows][:, None] - middle[1]) / radius
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    return rows, columns, cos * x + sin * y, cos * y - sin * x


def _cover(inside: np.ndarray, sprite: Sprite, fine: int) -> np.ndarray:
    """How much of each point the shape covers, from its distance to the edge."""
    return (inside * np.float32(SIZES[sprite.size] * fine / 2) + 0.5).clip(0, 1)


def _lit(sprite: Sprite, slope_x: np.ndarray, slope_y: np.ndarray, light: float) -> np.ndarray:
    """The color of the surface, float [h, w, 3]."""
    towards = (math.cos(light) * math.cos(ELEVATION), math.sin(light) * math.cos(ELEVATION), math.sin(ELEVATION))
    half = (towards[0], towards[1], towards[2] + 1)
    norm = math.hypot(*half)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    facing = (towards[2] - slope_x * towards[0] - slope_y * towards[1]) / length
    shine = ((half[2] - slope_x * half[0] - slope_y * half[1]) / (norm * length)).clip(0, 1)
    for _ in range(3):
        shine = shine * shine  # its 8th power; then the 24th
    paint = np.array(COLORS[sprite.color], np.float32)
    shaded = AMBIENT[sprite.period] + DIFFUSE[sprite.period] * facing.clip(0)
    return paint * shaded[..., None] + np.float32(255 * SHINE) * (shine**3)[..., None]


def _sky(sprite: Sprite, axis: np.ndarray) -> np.ndarray:
    """The background, float32 [h, w, 3]: a gradient with a cloud by day, with stars by night."""
    top, bottom = (np.array(color, np.float32) for color in SKIES[sprite.period])
    share = ((1 + axis) / 2)[:, None]
    canvas = np.repeat((top * (1 - share) + bottom * share)[:, None], len(axis), 1)
    draws = np.random.Generator(np.random.PCG64(sprite.seed))
    if sprite.period == "day":
        x, y = draws.uniform(-0.7, 0.7), draws.uniform(0.2, 0.85)
        puffs = sum(_spot(axis, x + dx, y, size, 0.5 * size) for dx, size in ((-0.16, 0.12), (0.0, 0.17), (0.18, 0.11)))
        return canvas + (255 - canvas) * np.clip(0.9 * puffs, 0, 0.75)[..., None]
    stars = zip(draws.uniform(-1, 1, 7), draws.uniform(-1, 1, 7), draws.uniform(0.5, 1, 7), strict=True)
    glow = np.sum([brightness * _spot(axis, x, y, 0.045, 0.045) for x, y, brightness in stars], axis=0)
    return canvas + 230 * glow[..., None]


def _spot(axis: np.ndarray, x: float, y: float, width: float, height: float) -> np.ndarray:
    """A soft spot around a point, float32 [h, w], 1 in its middle."""
    across, up = np.exp(-(((axis - x) / width) ** 2)), np.exp(-(((-axis - y) / height) ** 2))
    return np.outer(up, across).astype(np.float32)


def _sampled(table: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A table over [-REACH, REACH]² at points, with linear interpolation; its edge beyond."""
    scale = np.float32((GRID - 1) / (2 * REACH))
    column, row = ((at + np.float32(REACH)) * scale for at in (u, v))
    column, row = (at.clip(0, np.float32(GRID - 1.001)) for at in (column, row))
    left, top = column.astype(np.int32), row.astype(np.int32)
    dx, dy = column - left, row - top
    flat, k = table.ravel(), top * GRID + left
    upper = flat[k] * (1 - dx) + flat[k + 1] * dx
    lower = flat[k + GRID] * (1 - dx) + flat[k + GRID + 1] * dx
    return upper * (1 - dy) + lower * dy


@cache
def tables(shape: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The signed distance to the outline (positive inside) and the slopes of the height along u and v, each float32
    [GRID, GRID], v along the rows."""
    axis = np.linspace(-REACH, REACH, GRID)
    u, v = np.meshgrid(axis, axis)
    inside = _distance(outline(shape), u, v)
    rim = 0.5
    depth = (inside / rim).clip(0, 1)
    height = rim * np.sqrt(1 - (1 - depth) ** 2)
    slope_v, slope_u = np.gradient(_smooth(height, 0.07), axis, axis)
    return inside.astype(np.float32), slope_u.astype(np.float32), slope_v.astype(np.float32)


def _smooth(table: np.ndarray, width: float) -> np.ndarray:
    """A table smoothed by a normal distribution of this deviation."""
    frequency = np.fft.fftfreq(GRID, 2 * REACH / (GRID - 1))
    weights = np.exp(-2 * (math.pi * width * frequency) ** 2)
    return np.fft.ifft2(np.fft.fft2(table) * weights[:, None] * weights[None, :]).real


def outline(shape: str) -> np.ndarray:
    """The corners of a shape that points right, float [P, 2], within a circle of radius 1 around its middle."""
    t = np.linspace(0, 2 * math.pi, 96, endpoint=False)
    match shape:
        case "arrow":
            corners = [(1, 0), (0.1, 0.85), (0.1, 0.36), (-0.9, 0.36), (-0.9, -0.36), (0.1, -0.36), (0.1, -0.85)]
            return np.array(corners)
        case "drop":
            r = 0.62 * np.sin(t / 2) ** 1.3
            return np.stack([0.95 * np.cos(t), 1.15 * r * np.sin(t)], 1)
        case "fish":
            body = np.linspace(-0.86 * math.pi, 0.86 * math.pi, 72)
            back = np.array([(-0.98, 0.62), (-0.8, 0), (-0.98, -0.62)])
            return np.concatenate([np.stack([0.72 * np.cos(body) + 0.25, 0.56 * np.sin(body)], 1), back])
        case "heart":
            across = 16 * np.sin(t) ** 3
            along = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
            return np.stack([-(along + 2.5) / 16, across / 18], 1)
        case "leaf":
            s = np.linspace(-1, 1, 48)
            upper = np.stack([0.95 * s, 0.87 * (1 - s**2)], 1)
            lower = np.stack([0.95 * s, -0.22 * (1 - s**2) * (1 - s)], 1)
            return np.concatenate([upper[::-1], lower[1:-1]])
        case _:  # moon
            far, near = np.linspace(0.8512, 2 * math.pi - 0.8512, 64), np.linspace(-1.4182, 1.4182 - 2 * math.pi, 48)
            outer = 0.92 * np.stack([np.cos(far), np.sin(far)], 1)
            inner = 0.7 * np.stack([np.cos(near), np.sin(near)], 1) + (0.5, 0)  # the circles meet at its tips
            return np.concatenate([outer, inner[1:-1]])


def _distance(corners: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """The distance of points to a closed outline, positive inside: the nearest segment, and the number of crossings."""
    best, within = np.full(u.shape, np.inf), np.zeros(u.shape, bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, 0), strict=True):
        dx, dy = bx - ax, by - ay
        share = (((u - ax) * dx + (v - ay) * dy) / max(dx * dx + dy * dy, 1e-12)).clip(0, 1)
        best = np.minimum(best, (u - ax - share * dx) ** 2 + (v - ay - share * dy) ** 2)
        if ay != by:
            crosses = (ay > v) != (by > v)
            within ^= crosses & (u < ax + (v - ay) * dx / dy)
    return np.where(within, 1, -1) * np.sqrt(best)
