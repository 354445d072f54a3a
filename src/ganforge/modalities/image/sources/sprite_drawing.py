"""Draws sprites: one lit, rounded shape with a shadow before a sky, seen from above.

    height    h(u) = the dome over the shape, u in its own coordinates; computed once per shape
    normal    n ∝ (−∂h/∂x, −∂h/∂y, 1)
    light     l = (cos λ cos ε, sin λ cos ε, sin ε), λ its direction, ε = 40° its height above the image plane
    color     ρ · (ambient + diffuse · max(0, n·l)) + shine · max(0, n·b)^24,  b halfway between l and the viewer
    shadow    the shape again, moved away from the light

Directions are measured counterclockwise from the right, as in mathematics: a light of 90° comes from above, and an angle
of 90° turns the shape that points right to point up. No shape looks like itself after a turn.
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
REACH = 1.3
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
    across, up = np.meshgrid(axis, -axis)  # [fine, fine]
    canvas = _sky(sprite, across, up)
    light, angle = math.radians(sprite.light), math.radians(sprite.angle)
    away = (sprite.x - SHADOW * math.cos(light), sprite.y - SHADOW * math.sin(light))
    shade, _, _ = _at(sprite, across, up, away, angle)
    canvas *= 1 - 0.55 * _cover(shade, sprite, fine)[..., None]
    height, slope_x, slope_y = _at(sprite, across, up, (sprite.x, sprite.y), angle)
    lit = _lit(sprite, slope_x, slope_y, light)
    cover = _cover(height, sprite, fine)[..., None]
    canvas = canvas * (1 - cover) + lit * cover
    pixels = canvas.reshape(side, POINTS, side, POINTS, 3).mean((1, 3))
    return np.rint(pixels.clip(0, 255)).astype(np.uint8)


def _at(
    sprite: Sprite, across: np.ndarray, up: np.ndarray, middle: tuple[float, float], angle: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The signed distance inside the shape and the slopes of its height, in directions of the image, at all points."""
    radius = SIZES[sprite.size]
    x, y = (across - middle[0]) / radius, (up - middle[1]) / radius
    u, v = math.cos(angle) * x + math.sin(angle) * y, -math.sin(angle) * x + math.cos(angle) * y
    inside, slope_u, slope_v = (_sampled(table, u, v) for table in tables(sprite.shape))
    slope_x = math.cos(angle) * slope_u - math.sin(angle) * slope_v
    slope_y = math.sin(angle) * slope_u + math.cos(angle) * slope_v
    return inside, slope_x, slope_y


def _cover(inside: np.ndarray, sprite: Sprite, fine: int) -> np.ndarray:
    """How much of each point the shape covers, from its distance to the edge."""
    return (inside * SIZES[sprite.size] * fine / 2 + 0.5).clip(0, 1)


def _lit(sprite: Sprite, slope_x: np.ndarray, slope_y: np.ndarray, light: float) -> np.ndarray:
    """The color of the surface, float [h, w, 3]."""
    towards = (math.cos(light) * math.cos(ELEVATION), math.sin(light) * math.cos(ELEVATION), math.sin(ELEVATION))
    half = np.array(towards) + (0, 0, 1)
    half /= np.linalg.norm(half)
    length = np.sqrt(slope_x**2 + slope_y**2 + 1)
    facing = (towards[2] - slope_x * towards[0] - slope_y * towards[1]) / length
    shine = (half[2] - slope_x * half[0] - slope_y * half[1]) / length
    paint = np.array(COLORS[sprite.color], np.float32)
    shaded = AMBIENT[sprite.period] + DIFFUSE[sprite.period] * np.maximum(facing, 0)
    return paint * shaded[..., None] + 255 * SHINE * (np.maximum(shine, 0) ** 24)[..., None]


def _sky(sprite: Sprite, across: np.ndarray, up: np.ndarray) -> np.ndarray:
    """The background, float [h, w, 3]: a gradient with a cloud by day, with stars by night."""
    top, bottom = (np.array(color, np.float32) for color in SKIES[sprite.period])
    share = ((1 - up) / 2)[..., None]
    canvas = top * (1 - share) + bottom * share
    draws = np.random.Generator(np.random.PCG64(sprite.seed))
    if sprite.period == "day":
        x, y = draws.uniform(-0.7, 0.7), draws.uniform(0.2, 0.85)
        for dx, r in ((-0.16, 0.15), (0.0, 0.2), (0.18, 0.14)):
            far = ((across - x - dx) ** 2 + ((up - y) * 1.5) ** 2) / r**2
            canvas += (255 - canvas) * (0.6 * np.exp(-(far**2)))[..., None]
        return canvas
    for x, y, glow in zip(draws.uniform(-1, 1, 7), draws.uniform(-1, 1, 7), draws.uniform(0.5, 1, 7), strict=True):
        far = ((across - x) ** 2 + (up - y) ** 2) / 0.045**2
        canvas += (230 * glow * np.exp(-far))[..., None]
    return canvas


def _sampled(table: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A table over [-REACH, REACH]² at points, with linear interpolation; its edge beyond."""
    scale = (GRID - 1) / (2 * REACH)
    column, row = ((u + REACH) * scale).clip(0, GRID - 1.001), ((v + REACH) * scale).clip(0, GRID - 1.001)
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
