"""Degradations that hide parts of an image: boxes, brush strokes, scratches and dust of old photos, masks from files.

    y = [x·(1 − m), 255·m],  m 1 where the image is hidden: the mask is the last channel
    y = x·(1 − m) + l·m      with paint: no mask, but marks of a level l, which a net has to find by itself

Strokes: Yu et al. 2019, "Free-Form Image Inpainting with Gated Convolution" (algorithm 1): a brush that goes some way,
turns, and goes on. x [N, C, H, W] in 0..255, m [N, 1, H, W].
"""

from __future__ import annotations

import functools
import math
from typing import Annotated, ClassVar

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.data.path import PathData
from ganforge.modalities.pair.degrade.base import Degrade, Range, draw, per_image, seeds, whole, within

FINE = 2  # marks are drawn this many times larger and downsampled, so that thin ones are antialiased


class Hide(Degrade):
    """Hides parts of an image and returns a mask, or paints over them without one."""

    paint: bool = False
    """Paint over the image, as damage would, instead of returning a mask."""
    level: Annotated[Range, within(0, 255)] = (0, 255)
    """Gray level of the paint, or a..b."""

    @property
    def mask(self) -> bool:
        return not self.paint

    def apply(self, x: Tensor, rng: Rng) -> Tensor:
        n, _, height, width = x.shape
        rng = rng.at(self.kind)
        hidden = self.hidden(n, height, width, rng).to(x)
        if self.paint:
            return whole(x * (1 - hidden) + per_image(draw(rng, "level", self.level, n)) * hidden)
        hidden = (hidden >= 0.5).to(x)
        return torch.cat([x * (1 - hidden), 255 * hidden], dim=1)

    def hidden(self, n: int, height: int, width: int, rng: Rng) -> Tensor:
        """How far each pixel is hidden: [N, 1, H, W] in 0..1."""
        raise NotImplementedError


class Boxes(Hide, kind="boxes"):
    """Boxes at random places."""

    number: ClassVar[str] = "count"

    count: Annotated[Range, within(1, 100)] = (1, 3)
    """Number of boxes, or a..b."""
    side: Annotated[Range, within(0.01, 1)] = (0.15, 0.5)
    """Height and width of a box as shares of those of the image, or a..b."""

    def hidden(self, n: int, height: int, width: int, rng: Rng) -> Tensor:
        count = whole_numbers(rng, "count", self.count, n)
        hidden = torch.zeros(n, 1, height, width, device=rng.device)
        for k in range(round(self.count[1])):
            inside = []
            for name, length in (("down", height), ("across", width)):
                size = (draw(rng, f"{name} size {k}", self.side, n) * length).round().clamp(1, length)
                start = (rng.uniform(f"{name} start {k}", (n,)) * (length - size + 1)).floor()
                at = torch.arange(length, device=rng.device)
                inside.append((at >= start[:, None]) & (at < (start + size)[:, None]))  # [N, length]
            box = inside[0][:, None, :, None] & inside[1][:, None, None, :]
            hidden = hidden.maximum((box & per_image(k < count)).float())
        return hidden


class Strokes(Hide, kind="strokes"):
    """Free-form strokes of a round brush."""

    number: ClassVar[str] = "count"

    count: Annotated[Range, within(1, 100)] = (2, 5)
    """Number of strokes, or a..b."""
    width: Annotated[Range, within(0.005, 0.5)] = (0.05, 0.12)
    """Width of the brush as a share of the shorter side of the image, or a..b."""
    turns: Annotated[Range, within(1, 50)] = (4, 10)
    """Number of straight segments per stroke, or a..b."""
    reach: Annotated[Range, within(0.01, 1)] = (0.08, 0.25)
    """Length of a segment as a share of the shorter side, or a..b."""

    def hidden(self, n: int, height: int, width: int, rng: Rng) -> Tensor:
        return drawn(n, height, width, rng, self._strokes)

    def _strokes(self, pen: ImageDraw.ImageDraw, height: int, width: int, g: np.random.Generator) -> None:
        short = min(height, width)
        for _ in range(among(g, self.count)):
            brush = g.uniform(*self.width) * short
            at = g.uniform((0, 0), (width, height))
            heading = g.uniform(0, 2 * math.pi)
            points = [at]
            for _ in range(among(g, self.turns)):
                # Back and forth around one direction, as a hand does it.
                heading += g.uniform(math.pi / 3, math.pi) * (1 if len(points) % 2 else -1)
                way = g.uniform(*self.reach) * short
                at = np.clip(at + way * np.array([math.cos(heading), math.sin(heading)]), 0, (width, height))
                points.append(at)
            line(pen, points, brush)


class Scratches(Hide, kind="scratches"):
    """Long thin scratches, mostly vertical, as on film and prints."""

    number: ClassVar[str] = "count"

    level: Annotated[Range, within(0, 255)] = (200, 255)
    """The gray level of painted ones, or a..b."""
    count: Annotated[Range, within(1, 200)] = (3, 10)
    """Number of scratches, or a..b."""
    width: Annotated[Range, within(0.3, 20)] = (0.7, 2)
    """Width in px, or a..b."""

    def hidden(self, n: int, height: int, width: int, rng: Rng) -> Tensor:
        return drawn(n, height, width, rng, self._scratches)

    def _scratches(self, pen: ImageDraw.ImageDraw, height: int, width: int, g: np.random.Generator) -> None:
        for _ in range(among(g, self.count)):
            length = height * g.uniform(0.2, 1.2)
            lean = g.normal(0, 0.15) if g.random() < 0.8 else g.uniform(-1.5, 1.5)  # few lie across
            x, y = g.uniform(0, width), g.uniform(-0.2 * height, 0.8 * height)
            parts = 12
            wobble = np.cumsum(g.normal(0, 0.004 * width, parts + 1))
            along = np.linspace(0, length, parts + 1)
            points = np.stack([x + along * math.sin(lean) + wobble, y + along * math.cos(lean)], axis=1)
            line(pen, list(points), g.uniform(*self.width))


class Dust(Hide, kind="dust"):
    """Specks of dust, and hairs among them."""

    number: ClassVar[str] = "count"

    level: Annotated[Range, within(0, 255)] = (200, 255)
    """The gray level of painted ones, or a..b."""
    count: Annotated[Range, within(1, 2000)] = (15, 60)
    """Number of specks and hairs, or a..b."""
    size: Annotated[Range, within(0.3, 50)] = (0.7, 3)
    """Radius of a speck in px, or a..b."""

    def hidden(self, n: int, height: int, width: int, rng: Rng) -> Tensor:
        return drawn(n, height, width, rng, self._specks)

    def _specks(self, pen: ImageDraw.ImageDraw, height: int, width: int, g: np.random.Generator) -> None:
        for _ in range(among(g, self.count)):
            at, radius = g.uniform((0, 0), (width, height)), g.uniform(*self.size)
            if g.random() < 0.1:  # a hair, curled
                angle, curl = g.uniform(0, 2 * math.pi), g.normal(0, 0.3)
                points = [at]
                for k in range(10):
                    heading = angle + curl * k
                    points.append(points[-1] + 2 * radius * np.array([math.cos(heading), math.sin(heading)]))
                line(pen, points, max(0.5, radius / 4))
            else:
                turns = np.linspace(0, 2 * math.pi, 9)[:-1]
                rim = radius * g.uniform(0.5, 1.2, 8)
                points = at + np.stack([rim * np.cos(turns), rim * np.sin(turns)], axis=1)
                pen.polygon([tuple(point * FINE) for point in points], fill=255)


class Masks(Hide, kind="masks"):
    """Masks from files, resized to the image, half of them mirrored."""

    path: str
    """A folder or zip of masks: white is hidden."""
    invert: bool = False
    """Black is hidden instead."""

    def check(self) -> None:
        files(self.path)

    def hidden(self, n: int, height: int, width: int, rng: Rng) -> Tensor:
        chosen = (rng.uniform("which", (n,), 0, len(files(self.path)))).long().tolist()
        masks = torch.stack([torch.from_numpy(self._read(k, height, width)) for k in chosen])[:, None].to(rng.device)
        mirror = per_image(rng.uniform("mirror", (n,)) < 0.5)
        return torch.where(mirror, masks.flip(-1), masks)

    def _read(self, index: int, height: int, width: int) -> np.ndarray:
        """The mask with this number, or the next one that can be read: float32 [H, W]."""
        masks = files(self.path)
        for k in range(len(masks)):
            try:
                item = masks.read((index + k) % len(masks))
            except BadItem:  # no image is lost for a damaged mask, as long as there is a sound one
                continue
            level = item[..., : 3 if item.shape[2] > 2 else 1].mean(2) / np.iinfo(item.dtype).max
            small = Image.fromarray(((level >= 0.5) != self.invert).astype(np.uint8))
            return np.asarray(small.resize((width, height), Image.Resampling.NEAREST), np.float32)
        raise UserError(f"masks {self.path}: none of its {len(masks)} images can be read", code="data.none_readable")


@functools.lru_cache(maxsize=4)
def files(path: str) -> Dataset:
    """The masks at a path.

    Raises:
        UserError: none there.
    """
    try:
        masks = PathData(path=path, signal="image").open()
    except UserError as error:
        raise UserError(f"masks: {error}", code=error.code) from None
    if any(len(shape) != 3 for shape, _ in masks.shapes()):
        raise UserError(f"masks {path}: expected images, found other data", code="data.not_images")
    if not masks.shapes():
        raise UserError(f"masks {path}: none of its {len(masks)} images can be read", code="data.none_readable")
    return masks


def drawn(n: int, height: int, width: int, rng: Rng, marks) -> Tensor:
    """Masks on which `marks(pen, height, width, generator)` has drawn, each from a seed of its own."""
    masks = []
    for seed in seeds(rng, n):
        large = Image.new("L", (width * FINE, height * FINE))
        marks(ImageDraw.Draw(large), height, width, np.random.Generator(np.random.PCG64(seed)))
        masks.append(np.asarray(large.resize((width, height), Image.Resampling.BOX)))
    return torch.from_numpy(np.stack(masks)).float()[:, None].to(rng.device) / 255


def line(pen: ImageDraw.ImageDraw, points: list[np.ndarray], width: float) -> None:
    """A line of a round pen through points (x, y), all in px of the image."""
    large = [tuple(point * FINE) for point in points]
    pen.line(large, fill=255, width=max(1, round(width * FINE)), joint="curve")
    half = width * FINE / 2
    for x, y in large:
        pen.ellipse((x - half, y - half, x + half, y + half), fill=255)


def among(g: np.random.Generator, between: tuple[float, float]) -> int:
    """A whole number of a range."""
    return int(g.integers(round(between[0]), round(between[1]) + 1))


def whole_numbers(rng: Rng, name: str, between: tuple[float, float], n: int) -> Tensor:
    """[N] whole numbers of a range."""
    low, high = round(between[0]), round(between[1])
    return low + rng.integers(name, (n,), high - low + 1)
