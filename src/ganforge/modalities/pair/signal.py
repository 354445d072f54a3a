"""Pairs of images: a target, and the source that it is to be made from.

The source is a second image (a sketch, a label map, a smaller version: the set's own `source`), or the target itself,
degraded by a degradation again each time it is seen. Source and target are cropped, mirrored and turned alike.

N: pairs in the batch, [C, H, W] the target's shape, [Cs, H/s, W/s] the source's, s the scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.media import Media
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Spec
from ganforge.modalities.image import choose, drawing, pack
from ganforge.modalities.image import pixels as pictures
from ganforge.modalities.image.patches import Patches
from ganforge.modalities.image.pixels import CHANNELS, Fit
from ganforge.modalities.image.sizes import Shapes, Size, mode_of, pair_of, picture_shapes, sample_shape, sized_as
from ganforge.modalities.pair import inputs, inspect, labelmaps
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.example import write_pairs
from ganforge.modalities.pair.inputs import Together
from ganforge.modalities.pair.metrics.usual import usual_metrics
from ganforge.modalities.pair.sizes import paired_sizes, size_of
from ganforge.modalities.pair.tasks.translating import as_image
from ganforge.signals import Card, Gallery, Inspection, Nearest, Signal


class Pair(Signal, kind="pair"):
    """Images, each with a source that it is to be made from: `Batch.extra["source"]`.

    A pair is kept in memory as one row of bytes: the target's, then the source's, where that is not drawn again.
    """

    former: ClassVar[Mapping[str, str]] = {"place=centre": "center"}
    metrics: ClassVar[tuple[str, ...]] = ("fd", "kid")
    reads: ClassVar[tuple[str, ...]] = ("image",)
    extractor: ClassVar[str] = "small"
    tolerates_bf16: ClassVar[bool] = True
    gallery: ClassVar[Gallery | None] = Gallery()

    size: Size = None
    """Side in px of the crop of the target that is seen in training, or [height, width]. By default the size of the
    data (the median where sizes differ), reduced to `max_size` and to what the nets can generate."""
    max_size: int = Field(default=256, ge=1)
    """Upper limit in px of the longer side when the size is chosen automatically."""
    mode: Literal["auto", "L", "RGB", "RGBA"] = "auto"
    """Channels of the target: L is gray. auto takes RGBA if any image has alpha (and none is degraded), else RGB if
    any has color, else L."""
    source: Literal["auto", "L", "RGB", "RGBA", "classes"] = "auto"
    """What a source of the data is: an image of one of these modes, or a label map (each level or color a class).
    auto recognizes label maps: gray images with small values only, or with few colors."""
    classes: tuple[str, ...] = ()
    """The classes of label maps: gray levels (0, 1, ...) or colors (#804080, ...). By default those that occur."""
    degrade: Degrade | None = None
    """Make the source from the target, as with bicubic4 or gaussian(sigma=5..50); see docs/degradations.md."""
    jitter: int = Field(default=0, ge=0)
    """Keep images this many px higher and wider than `size`, and show crops of `size` px of them."""
    place: Literal["random", "center"] = "random"
    """Where that crop is: drawn again each time, or in the center."""
    patches: bool = False
    """Split images of any size into patches of `size` + `jitter` px, instead of resizing whole images."""
    fit: Fit = "stretch"
    """How a whole image of another aspect ratio is brought to the size: center crop, padding with `background`, or
    stretching."""
    background: int = Field(default=255, ge=0, le=255)
    """Gray level, 0 to 255, behind transparent pixels and around padded images."""
    flip: bool = False
    """Show half of the pairs mirrored left to right, drawn again each time."""
    turn: bool = False
    """Show pairs turned by 0, 90, 180 or 270 degrees, drawn again each time. For square sizes."""

    # --- data

    @classmethod
    def example(cls, folder: Path, n: int = 64) -> Mapping[str, str]:
        """Colored shapes, and the same ones in gray."""
        return write_pairs(folder, n)

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
        picture_shapes(dataset)
        source = inputs.sources_in(dataset, self.degrade)
        if source is None:
            sizes, scale = [size_of(shape) for shape in dataset.each_shape()], 1
        else:
            sizes, scale = paired_sizes(dataset, source)
        if not self.patches:
            return dataset if source is None else Together(dataset, source, scale)
        if self.size is None:
            raise UserError("signal.patches: needs their size, for instance signal.size=96", code="signal.size_missing")
        size = pair_of(self.size)
        self._check_divides(size, scale)
        patch = (size[0] + self.jitter, size[1] + self.jitter)
        cut = Patches(dataset, sizes, patch, size, scale)
        if source is None:
            return cut
        smaller = [None if s is None else (s[0] // scale, s[1] // scale) for s in sizes]
        part = (patch[0] // scale, patch[1] // scale)
        return Together(cut, Patches(source, smaller, part, (size[0] // scale, size[1] // scale)), scale)

    def spec(self, dataset: Dataset, nearest: Nearest) -> Spec:
        shapes = picture_shapes(dataset)
        mode = self._target_mode(shapes)
        shape = sample_shape(CHANNELS[mode], self.size, shapes, self.max_size, nearest)
        if self.turn and shape[1] != shape[2]:
            raise UserError(
                f"signal.turn: only square images can be turned, and these are {shape[1]}×{shape[2]}",
                code="signal.not_square",
            )
        if self.degrade is None:
            assert isinstance(dataset, Together)
            source = inputs.given_sources(dataset, self.source, self.classes)
        else:
            source = inputs.degraded_sources(self.degrade, mode)
        self._check_divides((shape[1], shape[2]), source["scale"])
        source["shape"] = [source["shape"][0], *(side // source["scale"] for side in shape[1:])]
        return Spec(shape, len(dataset.classes), tuple(dataset.classes), {"mode": mode, "depth": 8, "source": source})

    def _target_mode(self, shapes: Shapes) -> str:
        if self.mode != "auto":
            return self.mode
        mode = mode_of(shapes)
        if mode == "RGBA" and self.degrade is not None:  # images with alpha are not degraded
            return "RGB" if any(shape[2] > 2 for shape, _ in shapes) else "L"
        return mode

    def _check_divides(self, size: tuple[int, int], scale: int) -> None:
        lengths = [("size", size[0]), ("size", size[1])]
        if self.degrade is None:  # else the source is made after the crop
            lengths.append(("jitter", self.jitter))
        inputs.check_multiples(scale, lengths)

    # --- one pair

    def stored(self, spec: Spec) -> tuple[int, ...]:
        return (sum(int(np.prod(shape)) for shape in self._kept_shapes(spec)),)

    def _kept_shapes(self, spec: Spec) -> list[tuple[int, int, int]]:
        """Of the target and, where it is not drawn again, of the source as they are kept."""
        channels, height, width = spec.shape
        shapes = [(channels, height + self.jitter, width + self.jitter)]
        if self.degrade is None:
            source = spec.state["source"]
            channels = 1 if source["mode"] == "classes" else source["shape"][0]
            shapes.append((channels, *(side // source["scale"] for side in shapes[0][1:])))
        return shapes

    def prepare(self, item: np.ndarray, spec: Spec) -> np.ndarray:
        """An image [H, W, C], or what `Together` reads → uint8 [bytes].

        Raises:
            UserError: a label map with other classes than those that were listed.
        """
        shapes, source = self._kept_shapes(spec), spec.state["source"]
        if self.degrade is not None:
            return self._fitted(item, spec.state["mode"], shapes[0])
        target = self._fitted(item[0], spec.state["mode"], shapes[0])
        if source["mode"] != "classes":
            return np.concatenate([target, self._fitted(item[1], source["mode"], shapes[1])])
        found = labelmaps.indices(item[1], source["classes"], where=item[2])
        return np.concatenate([target, labelmaps.fitted(found, *shapes[1][1:], self.fit).reshape(-1)])

    def _fitted(self, item: np.ndarray, mode: str, shape: tuple[int, int, int]) -> np.ndarray:
        return pictures.kept(pictures.fitted(item, mode, *shape[1:], self.fit, self.background, depth=8)).reshape(-1)

    # --- batches

    def batch(self, stored: Tensor, labels: Tensor | None, spec: Spec, rng: Rng) -> Batch:
        """`x`, the targets [N, C, H, W] in [-1, 1], and `extra["source"]` [N, Cs, H/s, W/s], one-hot for label maps."""
        mode = spec.state["source"]["mode"]
        target, source = self._moved(*self._cropped(stored, spec, rng), rng)
        if self.degrade is not None:
            degraded = self.degrade.apply(target.to(rng.dtype), rng.at("degrade"))
            source = inputs.masked(degraded) if self.degrade.mask else pictures.scaled(degraded, 8, rng.dtype)
        elif mode == "classes":
            assert source is not None
            source = labelmaps.one_hot(source[:, 0], len(spec.state["source"]["classes"]))
        else:
            assert source is not None
            source = pictures.scaled(source, 8, rng.dtype)
        x = pictures.scaled(target, 8, rng.dtype)
        return Batch(x, labels if spec.classes else None, {"source": source.contiguous()})

    def _cropped(self, stored: Tensor, spec: Spec, rng: Rng) -> tuple[Tensor, Tensor | None]:
        """Targets [N, C, H, W] and, where they are kept, sources [N, Cs, H/s, W/s], as integers."""
        (height, width), scale = spec.shape[1:], spec.state["source"]["scale"]
        shapes = self._kept_shapes(spec)
        rows = stored.split([int(np.prod(shape)) for shape in shapes], dim=1)
        kept = [row.unflatten(1, shape) for row, shape in zip(rows, shapes, strict=True)]
        step = 1 if self.degrade else scale  # in px of the target: what is kept of a source has whole pixels alone
        places = pictures.crop_places(rng, len(stored), self.jitter // step, self.place == "center") * step
        target = pictures.crop(kept[0], places, height, width)
        source = pictures.crop(kept[1], places // scale, height // scale, width // scale) if len(kept) > 1 else None
        return target, source

    def present(self, stored: Tensor, spec: Spec) -> np.ndarray:
        return pictures.presented(self.deterministic()._cropped(stored, spec, Rng(0))[0])

    def encode(self, stored: Tensor, spec: Spec, rng: Rng) -> Tensor:
        return self.batch(stored, None, spec, rng).x

    def _moved(self, target: Tensor, source: Tensor | None, rng: Rng) -> tuple[Tensor, Tensor | None]:
        """Both mirrored and turned alike."""
        pair = [target] if source is None else [target, source]
        n = len(target)
        if self.flip:
            chosen = rng.uniform("flip", (n,)) < 0.5
            pair = [pictures.mirrored(x, chosen) for x in pair]
        if self.turn:
            turns = rng.integers("turn", (n,), 4)[:, None, None, None]
            for k in (1, 2, 3):
                pair = [torch.where(turns == k, x.rot90(k, (2, 3)), x) for x in pair]
        return pair[0], pair[1] if len(pair) > 1 else None

    def deterministic(self) -> Self:
        return replace(self, flip=False, turn=False, place="center")

    # --- after training

    def source_of(self, image: np.ndarray, spec: Spec, mask: np.ndarray | None = None) -> Tensor:
        """An image as a trained translator takes it.

        Args:
            image: uint8 or uint16 [H, W, 1 to 4]; a label map where sources are.
            mask: [H, W] or [H, W, 1 to 4]: white (128 and more) is to be filled.

        Returns:
            float32 [Cs, H, W] in [-1, 1]; one-hot for label maps; with the mask (1: to be filled) as last channel.

        Raises:
            UserError: a map with other classes than those of the training, a mask of another size, one too many, or
                none where one is needed.
        """
        return inputs.source_of(image, spec, self.background, mask)

    # --- what people see

    def decode(self, x: Tensor, spec: Spec) -> np.ndarray:
        """[N, C, H, W] in [-1, 1] (beyond is cut) → uint8 [N, H, W, C]."""
        return pictures.decoded(x, 8)

    def has_sources(self, spec: Spec) -> bool:
        return True

    def default_metrics(
        self, spec: Spec, *, translates: bool, paired: bool, sizes: Sequence[tuple[int, ...]] = ()
    ) -> Sequence[str]:
        return usual_metrics(spec, sizes) if paired else self.metrics

    def sources(self, batch: Batch, spec: Spec) -> np.ndarray:
        """Images without the mask; of label maps the place of each pixel's class among the classes, one channel."""
        x, source = batch.extra["source"], spec.state["source"]
        if source["mode"] == "classes":
            return x.argmax(1)[..., None].to(torch.uint8).cpu().numpy()
        return pictures.decoded(x[:, : x.shape[1] - source["mask"]], 8)

    def shown_sources(self, sources: np.ndarray, like: np.ndarray, spec: Spec) -> np.ndarray:
        """[N, h, w, Cs] → uint8 [N, H, W, C]: enlarged, and each class of a label map in a color of its own."""
        x = torch.from_numpy(sources)
        if spec.state["source"]["mode"] == "classes":
            x = labelmaps.one_hot(x[..., 0].long(), len(spec.state["source"]["classes"]))
        else:
            x = x.permute(0, 3, 1, 2).float() / 127.5 - 1
        targets = torch.from_numpy(like).permute(0, 3, 1, 2).float() / 127.5 - 1
        return self.decode(as_image(x, targets), spec)

    def describe(self, spec: Spec) -> str:
        return drawing.size_of(spec)

    def card(self, spec: Spec) -> Card:
        return drawing.card_of(spec)

    def render(self, samples: np.ndarray, spec: Spec, columns: int = 8) -> list[Media]:
        return [drawing.sheet(samples, columns)]

    def write(self, samples: np.ndarray, folder: Path, start: int, spec: Spec) -> list[Path]:
        return drawing.write_files(samples, folder, start)

    def frame(self, sample: np.ndarray, spec: Spec) -> np.ndarray:
        return pictures.to_mode(sample, "RGB", self.background)
