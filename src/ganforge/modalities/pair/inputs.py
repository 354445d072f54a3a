"""The sources of pairs: images or label maps of the data, or degraded targets; how they come to the nets.

What sources are lies in `Spec.state["source"]`: `shape` [Cs, h, w], `mode` (L, RGB, RGBA or classes), `classes` (of
label maps), `scale` (how many times smaller than the targets they are), `mask` (whether their last channel is a mask).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.modalities.image import pixels as pictures
from ganforge.modalities.image.pixels import CHANNELS
from ganforge.modalities.image.sizes import mode_of, picture_shapes
from ganforge.modalities.pair import labelmaps
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.sizes import LOOK

HIDDEN = 255  # in a mask


class Together(Dataset):
    """Targets with their sources: items are objects [3], the target, the source, and what that is called.

    Args:
        target: what is to be made. source: what from, item by item.
        scale: how many times as small sources are.
    """

    def __init__(self, target: Dataset, source: Dataset, scale: int):
        self.target, self.sources, self.scale = target, source, scale
        self.name, self.classes, self.labels = target.name, target.classes, target.labels
        self.digest, self.signal = target.digest + source.digest, "pair"
        self.skipped = [*target.skipped, *source.skipped]

    def __len__(self) -> int:
        return len(self.target)

    def read(self, index: int) -> np.ndarray:
        pair = np.empty(3, object)
        pair[0], pair[1], pair[2] = self.target.read(index), self.sources.read(index), self.sources.describe(index)
        return pair

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        """Of the targets."""
        return self.target.shapes()

    def describe(self, index: int) -> str:
        return self.target.describe(index)


def sources_in(dataset: Dataset, degrade: Degrade | None) -> Dataset | None:
    """The sources that a set has; None where they are made from its images by a degradation.

    Raises:
        UserError: it has sources and there is a degradation, or neither.
    """
    if degrade is not None:
        if dataset.source is not None:
            raise UserError(
                f"data {dataset.name}: has a source for each image, and signal.degrade would make another. "
                "Set signal.degrade=null, or give only the targets as data=FOLDER",
                code="signal.two_sources",
            )
        return None
    if dataset.source is None:
        say = "data.source=FOLDER data.target=FOLDER (files of the same names)"
        if len(dataset.classes) == 2:
            one, two = dataset.classes
            say = f"data.source={dataset.name}/{one} data.target={dataset.name}/{two} (or the other way round)"
        raise UserError(
            f"data {dataset.name}: has no sources to make its images from. Give two sets: {say}; or say how the "
            "source is made from the target, for instance degrade=bicubic4",
            code="signal.no_source",
        )
    return dataset.source


def given_sources(dataset: Together, mode: str, classes: Sequence[str]) -> dict[str, Any]:
    """What sources of the data are, with the channels alone as their shape.

    Args:
        mode: L, RGB, RGBA or classes; auto to find out.
        classes: of label maps, as the user lists them; empty to find them.
    """
    shapes = picture_shapes(dataset.sources)
    if mode == "auto":
        mode = "classes" if classes or labelmaps.look_like(dataset.sources, LOOK) else mode_of(shapes)
    known: list[int | str] = []
    if mode == "classes":
        known = labelmaps.parse(classes) if classes else labelmaps.found_in(dataset.sources)
    channels = len(known) if known else CHANNELS[mode]
    return {"shape": [channels], "mode": mode, "classes": known, "scale": dataset.scale, "mask": False}


def degraded_sources(degrade: Degrade, mode: str) -> dict[str, Any]:
    """What sources made from targets of a mode are, with the channels alone as their shape.

    Raises:
        UserError: targets with alpha, or a degradation that cannot be used.
    """
    if mode == "RGBA":
        raise UserError(
            "signal.degrade: images with alpha cannot be degraded. Remove signal.mode=RGBA: they are then "
            "composited over signal.background",
            code="signal.alpha_not_supported",
        )
    degrade.check()
    channels = degrade.channels(CHANNELS[mode])
    return {
        "shape": [channels + degrade.mask],
        "mode": "L" if channels == 1 else "RGB",
        "classes": [],
        "scale": degrade.scale,
        "mask": degrade.mask,
    }


def check_multiples(scale: int, lengths: Sequence[tuple[str, int]]) -> None:
    """Raises UserError where one of some lengths in px, each with its field's name, is no multiple of the scale."""
    for name, value in lengths:
        if value % scale:
            raise UserError(
                f"signal.{name}: sources are {scale} times smaller, so {value} px must be a multiple of {scale}: "
                f"signal.{name}={value // scale * scale or scale}",
                code="signal.size_not_a_multiple",
            )


def masked(degraded: Tensor) -> Tensor:
    """[N, C + 1, H, W] in 0..255 with a mask last → the source: 0 where hidden, and 1 there in the mask."""
    mask = degraded[:, -1:] / HIDDEN
    return torch.cat([(degraded[:, :-1] / 127.5 - 1) * (1 - mask), mask], dim=1)


def source_of(image: np.ndarray, spec: Spec, background: int, mask: np.ndarray | None = None) -> Tensor:
    """An image as a trained translator takes it: see `Pair.source_of`.

    Args:
        background: gray level, 0 to 255, behind transparent pixels.
    """
    source = spec.state["source"]
    if source["mode"] == "classes":
        found = labelmaps.indices(image, source["classes"], where="the label map")
        return labelmaps.one_hot(torch.from_numpy(found)[None], len(source["classes"]))[0]
    top = int(np.iinfo(image.dtype).max)
    item = pictures.to_mode(image, source["mode"], background * (top // 255))
    x = torch.from_numpy(item.transpose(2, 0, 1).astype(np.float32)) / (top / 2) - 1  # all of 16 bits
    if not source["mask"]:
        if mask is not None:
            raise UserError(
                "this model was not trained to fill holes and takes no mask: leave it out",
                code="translate.mask_not_taken",
            )
        return x
    if mask is None:
        raise UserError(
            "this model fills holes and needs a mask of the size of the image, white where a hole is",
            code="translate.mask_missing",
        )
    if mask.shape[:2] != image.shape[:2]:
        raise UserError(
            f"the mask is {mask.shape[0]}×{mask.shape[1]} px and the image "
            f"{image.shape[0]}×{image.shape[1]}; they must have the same size",
            code="translate.mask_size_differs",
        )
    flat = mask if mask.ndim == 2 else pictures.to_mode(pictures.to_depth(mask, 8), "L", 0)[..., 0]
    hidden = torch.from_numpy((flat >= 128).astype(np.float32))
    return torch.cat([x * (1 - hidden), hidden[None]])
