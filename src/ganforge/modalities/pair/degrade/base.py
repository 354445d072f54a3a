"""Degradations of images for nets that learn to restore them: the source of a pair is made from its target.

A degradation is a text, on the command line and in recipes:

    bicubic4                          a name, followed by the value of its main field
    gaussian(sigma=5..50)             with fields; a..b is drawn uniformly for every image
    motion(length=5..15)+jpeg(quality=30..95)+gaussian10       several, from left to right

x [N, C, H, W] float, whole numbers in 0..255, C 1 (gray) or 3; all draws come from `rng`, one row an image, so that
the degradation of an image depends on the seed, the step and its place in the batch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, ClassVar, TypeVar

import numpy as np
import torch
from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError
from torch import Tensor

from ganforge.core.component import Component
from ganforge.core.errors import UserError
from ganforge.core.overrides import called, parts, read_value
from ganforge.core.rng import Rng

T = TypeVar("T")
WORD = re.compile(r"(?P<name>[a-z][a-z_-]*?)(?P<number>\d+(\.\d+)?)?")


class Degrade(Component, family="degrade"):
    """A degradation of images. A bare string is a text such as `gaussian(sigma=5..50)` or `bicubic4`, or several
    joined by +."""

    former: ClassVar[Mapping[str, str]] = {"grey": "gray"}
    number: ClassVar[str] = ""
    """The field that a number right behind the name sets."""

    @property
    def scale(self) -> int:
        """The factor by which images get smaller, in height and width."""
        return 1

    @property
    def mask(self) -> bool:
        """Whether the last channel that `apply` returns is a mask: 255 where an image is hidden, 0 elsewhere."""
        return False

    def channels(self, channels: int) -> int:
        """The number of output channels without the mask."""
        return channels

    def check(self) -> None:
        """Checks before training that files and folders exist.

        Raises:
            UserError: a file or folder is missing.
        """

    def apply(self, x: Tensor, rng: Rng) -> Tensor:
        """Degraded images.

        Args:
            x: [N, C, H, W] float of the dtype of `rng`, whole numbers in 0..255; `scale` divides H and W.
            rng: every draw comes from it, one row an image.

        Returns:
            [N, channels(C) (+ 1 with a mask), H / scale, W / scale], whole numbers in 0..255.
        """
        raise NotImplementedError

    def apply_to_images(self, images: np.ndarray, seed: int = 0) -> np.ndarray:
        """Degrades images as they are read from files.

        Args:
            images: uint8 [N, H, W, C] or one [H, W, C], C 1 or 3; cut at their lower and right edge to what `scale`
                divides, as papers do it.

        Returns:
            uint8, with the same number of axes.

        Raises:
            UserError: another shape or kind of number.
        """
        if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.shape[-1] not in (1, 3):
            raise UserError(
                f"degrade: expected images uint8 [H, W, C] or [N, H, W, C], gray (C = 1) or color (C = 3), got "
                f"{images.dtype} {list(images.shape)}",
                code="data.wrong_array",
            )
        x = torch.from_numpy(np.ascontiguousarray(images)).reshape(-1, *images.shape[-3:]).permute(0, 3, 1, 2)
        height, width = (side // self.scale * self.scale for side in x.shape[2:])
        y = self.apply(x[..., :height, :width].float(), Rng(seed)).byte().permute(0, 2, 3, 1).numpy()
        return y[0] if images.ndim == 3 else y

    @classmethod
    def from_text(cls, text: str) -> Mapping[str, Any]:
        steps = [cls._one(part) for part in parts(text, "+")]
        return steps[0] if len(steps) == 1 else {"kind": "chain", "steps": steps}

    @classmethod
    def _one(cls, text: str) -> dict[str, Any]:
        if text in cls.kinds:  # a name may end in a number
            return {"kind": text}
        written = called(text)
        found = None if written is None else WORD.fullmatch(written[0])
        if written is None or found is None:
            raise refused(
                f"{text!r} is not a degradation: write a name, as in blur, bicubic4 or gaussian(sigma=5..50), with "
                "fields as name=value, or several joined by +"
            )
        name, number = found["name"], found["number"]
        plain: dict[str, Any] = {"kind": name}
        if number is not None:
            field = cls.kinds[name].number if name in cls.kinds else ""
            if not field:
                return {"kind": name + number}  # which no kind is called: the message names it whole
            plain[field] = read_value(number)
        return plain | written[1]


class Alter(Degrade):
    """A degradation that keeps the size of an image and hides nothing."""

    p: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The probability that an image is degraded, drawn again each time."""

    def apply(self, x: Tensor, rng: Rng) -> Tensor:
        rng = rng.at(self.kind)
        changed = whole(self.alter(x, rng))
        if self.p == 1:
            return changed
        return torch.where(per_image(rng.uniform("whether", (x.shape[0],)) < self.p), changed, x)

    def alter(self, x: Tensor, rng: Rng) -> Tensor:
        """Every image changed; need not be whole numbers, nor within 0..255."""
        raise NotImplementedError


def refused(message: str) -> PydanticCustomError:
    """An error of a field's value, which pydantic shows with its path."""
    return PydanticCustomError("component", "{message}", {"message": message})


def _between(value: Any) -> Any:
    """5, "5..50" or [5, 50] as (low, high)."""
    if isinstance(value, str) and ".." in value:
        low, _, high = value.partition("..")
        value = [read_value(low), read_value(high)]
    elif isinstance(value, (int, float)):
        value = [value, value]
    if isinstance(value, (list, tuple)) and len(value) == 2:
        low, high = value
        if isinstance(low, (int, float)) and isinstance(high, (int, float)) and low > high:
            raise refused(f"{low:g}..{high:g}: the lower end must come first")
    return value


Range = Annotated[tuple[float, float], BeforeValidator(_between)]
"""A number, or a..b: drawn evenly for every image."""


def within(low: float, high: float) -> AfterValidator:
    """Both ends of a range lie in low..high."""

    def check(value: tuple[float, float]) -> tuple[float, float]:
        if not (low <= value[0] and value[1] <= high):
            raise refused(f"{value[0]:g}..{value[1]:g} is not within {low:g}..{high:g}")
        return value

    return AfterValidator(check)


def draw(rng: Rng, name: str, between: tuple[float, float], n: int) -> Tensor:
    """[N] numbers of a range."""
    low, high = between
    return rng.uniform(name, (n,), low, high)


def seeds(rng: Rng, n: int) -> list[int]:
    """A seed for each image, for what is drawn image by image: its degradation depends on no other image."""
    return rng.integers("seeds", (n,), 2**62).tolist()


def one_by_one(do: Callable[..., T], *rows: Iterable[Any]) -> list[T]:
    """What `do` makes of each image, by several threads: Pillow and torch let them work at once."""
    with ThreadPoolExecutor(min(16, os.cpu_count() or 1)) as pool:
        return list(pool.map(do, *rows))


def per_image(values: Tensor) -> Tensor:
    """[N] → [N, 1, 1, 1]."""
    return values[:, None, None, None]


def whole(x: Tensor) -> Tensor:
    """Whole numbers in 0..255: what a file of 8 bits would hold."""
    return x.round().clamp(0, 255)
