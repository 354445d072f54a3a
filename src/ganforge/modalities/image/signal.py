"""Images: gray, RGB or RGBA, with 8 or 16 bits, of any size that the nets support."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field
from torch import Tensor

from ganforge.core.choice import Choice, Machine
from ganforge.core.component import build
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.image import choose, drawing, inspect, pack
from ganforge.modalities.image import pixels as pictures
from ganforge.modalities.image.alike import common_fields
from ganforge.modalities.image.appearance import APPEARANCE_SAMPLES, RULES, Appearance, compare_appearance
from ganforge.modalities.image.example import write_example
from ganforge.modalities.image.patches import Patches
from ganforge.modalities.image.pixels import CHANNELS, Fit
from ganforge.modalities.image.sizes import Size, mode_of, pair_of, picture_shapes, sample_shape, sized_as
from ganforge.signals import Card, Gallery, Inspection, Nearest, Noun, Rule, Signal

log = logging.getLogger("ganforge")


class Image(Signal, kind="image"):
    """Images. All are converted to one mode, depth and size.

    Kept in memory as [C, H, W]: uint8, or for 16 bits int16 with value - 32768, since torch supports few operations on
    uint16. The nets see float32 in [-1, 1], including alpha. Alpha is straight, not premultiplied, so that every
    channel uses its full range; the invisible color of fully transparent pixels is set to `background`, so that the
    nets need not learn it.
    """

    former: ClassVar[Mapping[str, str]] = {"place=centre": "center"}
    metrics: ClassVar[tuple[str, ...]] = ("fd", "kid", "is", "pr", "dc", "ifd", "nn")
    extractor: ClassVar[str] = "small"
    tolerates_bf16: ClassVar[bool] = True
    hub_task: ClassVar[str] = "unconditional-image-generation"
    array_name = "images"
    noun: ClassVar[Noun] = Noun("sample", "samples", "a set of images")
    gallery: ClassVar[Gallery | None] = Gallery(walks=True)
    appearance_samples: ClassVar[int] = APPEARANCE_SAMPLES
    rules: ClassVar[Sequence[Rule]] = RULES

    size: Size = None
    """Size in px: the side of square images, or [height, width]. By default the median size of the data, reduced to
    `max_size` and to a size that the nets support."""
    max_size: int = Field(default=64, ge=1)
    """Maximum of the longer side in px, if `size` is not set."""
    mode: Literal["auto", "L", "RGB", "RGBA"] = "auto"
    """Color mode: L (gray), RGB or RGBA. auto: RGBA if any image has alpha, else RGB if any has color, else L."""
    depth: Literal[8, 16] = 8
    """Bits per channel: 8 or 16."""
    fit: Fit = "crop"
    """How images with another aspect ratio are fitted: center crop, padding with `background`, or stretching."""
    background: int = Field(default=255, ge=0, le=255)
    """Gray level, 0 to 255, behind transparent pixels and around padded images."""
    flip: bool = False
    """Randomly flip images left to right, with probability ½, newly drawn for each batch."""
    jitter: int = Field(default=0, ge=0)
    """Random crops: images are resized to this many px more than `size`, and cropped to `size` for each batch."""
    place: Literal["random", "center"] = "random"
    """Position of that crop: random for each batch, or the center."""
    patches: bool = False
    """Split images of any size into patches of `size` + `jitter` px, instead of resizing whole images."""

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> str:
        return write_example(folder, n)

    @classmethod
    def inspect(cls, dataset: Dataset, limit: int | None = None) -> Inspection:
        return inspect.inspection(dataset, limit)

    @classmethod
    def recommend(cls, dataset: Dataset, machine: Machine) -> Choice:
        return choose.choose(choose.Facts.of(dataset, machine))

    @classmethod
    def pack(
        cls, dataset: Dataset, out: Path, *, duplicates: bool = False, force: bool = False, shards: int | None = None
    ) -> list[str]:
        return pack.pack_images(dataset, out, duplicates=duplicates, force=force, shards=shards)

    def at(self, spec: Spec) -> Self:
        return sized_as(self, spec)

    def items(self, dataset: Dataset) -> Dataset:
        if not self.patches:
            return dataset
        picture_shapes(dataset)
        if self.size is None:
            raise UserError(
                "signal.patches: the size of a patch is missing; set it, for example signal.size=96",
                code="signal.size_missing",
            )
        height, width = pair_of(self.size)
        return Patches.of(dataset, (height + self.jitter, width + self.jitter), (height, width))

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        shapes = picture_shapes(dataset)
        mode = mode_of(shapes) if self.mode == "auto" else self.mode
        shape = sample_shape(CHANNELS[mode], self.size, shapes, self.max_size, nearest)
        deep = sum(count for (_, dtype), count in shapes.items() if dtype == "uint16")
        if deep and self.depth == 8:
            log.warning(
                "data %s: %s images have 16 bits, and 8 are kept (signal.depth=16: all)", dataset.name, f"{deep:,}"
            )
        state: dict[str, Any] = {"mode": mode, "depth": self.depth}
        if dataset.colored:
            state["coloured"] = list(dataset.colored)
        return Spec(shape, len(dataset.classes), tuple(dataset.classes), state)

    def stored(self, spec: Spec) -> tuple[int, ...]:
        channels, height, width = spec.shape
        return channels, height + self.jitter, width + self.jitter

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """[H, W, C] uint8 or uint16, C 1 (gray), 2 (gray, alpha), 3 or 4 → [C, H, W], uint8 or (16 bits) int16."""
        channels, height, width = self.stored(spec)
        if self.depth == 8 and item.dtype == np.uint8 and item.shape == (height, width, channels) and channels < 4:
            return item.transpose(2, 0, 1)  # no conversion needed; fast path for arrays
        return pictures.kept(
            pictures.fitted(item, spec.state["mode"], height, width, self.fit, self.background, self.depth)
        )

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        if self.jitter:
            places = pictures.crop_places(rng, len(stored), self.jitter, self.place == "center")
            stored = pictures.crop(stored, places, *spec.shape[1:])
        x = pictures.scaled(stored, spec.state["depth"], rng.dtype)
        if self.flip:
            x = pictures.mirrored(x, (rng.uniform("flip", (x.shape[0],)) < 0.5).to(x.device))
        return x

    def deterministic(self) -> Self:
        return replace(self, flip=False, place="center")

    def present(self, stored: Tensor, spec: Spec) -> np.ndarray:
        places = pictures.crop_places(Rng(0), len(stored), self.jitter, True)
        return pictures.presented(pictures.crop(stored, places, *spec.shape[1:]))

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, C, H, W] in [-1, 1] (values beyond are clipped) → uint8 or uint16 [N, H, W, C]."""
        return pictures.decoded(x, spec.state["depth"])

    @classmethod
    def common(cls, sets: Sequence[Dataset], fields: Mapping[str, Any]) -> Self:
        return build(cls, common_fields(sets, fields))

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        if translates:
            return ("fd", "kid")
        of_texts = ("sentences",) if spec.conditions.texts else ()
        return (*self.metrics, *of_texts, *(("conditions", "sfid") if spec.conditions.besides_texts else ()))

    def comparable(self, samples: np.ndarray) -> np.ndarray:
        """Converts to 8 bits, the input of extractors."""
        return pictures.to_depth(samples, 8)

    def compare_appearance(self, real: np.ndarray, fake: np.ndarray) -> Appearance:
        return compare_appearance(real, fake)

    def describe(self, spec: Spec) -> str:
        return drawing.size_of(spec)

    def card(self, spec: Spec) -> Card:
        return drawing.card_of(spec)

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        return [drawing.sheet(samples, columns)]

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        return drawing.write_files(samples, folder, start)

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return pictures.to_mode(pictures.to_depth(sample, 8), "RGB", self.background)
