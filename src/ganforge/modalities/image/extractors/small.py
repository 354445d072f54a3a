"""The extractor that needs no download: a small net that is trained once on the data itself, and cached.

With labels it is trained to classify them, without labels to classify rotations (see `fit`). Features of nets trained
on other data, or with another seed, are not comparable: names of results contain the hash of the weights.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet, silent
from ganforge.metrics.extraction import cached
from ganforge.modalities.image.extractors import fit, weights
from ganforge.modalities.image.extractors.net import FEATURES, SmallNet
from ganforge.modalities.image.extractors.resize import resize

MOST = 60_000  # samples that it is trained on
LARGEST, SMALLEST = 32, 8  # px: side of its input
RECIPE = 1  # increased when the net or its training changes, so that older cached nets are not used


class Small(Extractor, kind="small"):
    """A small net trained once on the data itself, to classify its labels or (without labels) rotations. No
    download."""

    signals: ClassVar[tuple[str, ...]] = ("image", "pair")

    steps: int | None = Field(default=None, ge=1)
    """Number of training steps with batches of 128; by default 1000, fewer for very small sets."""

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        labels = data.labels if data.labels is not None and len(np.unique(data.labels)) > 1 else None
        names = tuple(context.classes) or tuple(str(k) for k in range(0 if labels is None else int(labels.max()) + 1))
        names = fit.ROTATIONS if labels is None else names
        steps = fit.steps_for(min(data.n, MOST)) if self.steps is None else self.steps
        key = [RECIPE, data.fingerprint, context.seed, steps, labels is not None, list(names), torch.get_num_threads()]
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        path = (
            None
            if context.cache is None or not data.fingerprint
            else context.cache / "extractors" / f"small-{digest[:24]}.safetensors"
        )

        def read(file: Path) -> tuple[SmallNet, tuple[int, ...]]:
            tensors, header, _ = weights.read(file)
            shape = tuple(json.loads(header["shape"]))
            net = weights.blank(lambda: SmallNet(_channels(shape), len(names)))
            weights.load_into(net, tensors, file)
            return net.eval().requires_grad_(False), shape

        def trained() -> tuple[SmallNet, tuple[int, ...]]:
            if data.n < 2 * len(names):
                raise UserError(
                    f"{data.name}: {data.n} samples are too few to train an extractor (at least {2 * len(names)} are "
                    "needed). Pass more real samples, or choose another extractor",
                    code="metric.too_few_samples",
                )
            x, rows, shape = _pictures(data, min(data.n, MOST))
            y = None if labels is None else torch.from_numpy(labels[rows].astype(np.int64))
            return fit.fit(x, y, len(names), context.seed, context.progress or silent, steps), shape

        def write(file: Path, found: tuple[SmallNet, tuple[int, ...]]) -> None:
            net, shape = found
            weights.write(file, net.state_dict(), {"shape": json.dumps(shape), "data": data.name})

        net, shape = cached(path, trained, read, write)
        return SmallEncoder(net, shape, names, labels is not None, data.name, context.device)


class SmallEncoder(Encoder):
    """The net at work.

    Args:
        shape: [H, W, C] of its training images; others are rejected.
        names: names of its classes.
        labeled: whether these are the data's labels.
    """

    name = "small"
    dim = FEATURES

    def __init__(
        self,
        net: SmallNet,
        shape: tuple[int, ...],
        names: Sequence[str],
        labeled: bool,
        data: str,
        device: torch.device | str,
    ):
        self.digest = weights.digest_of(net.state_dict())
        self.net, self.shape, self.device = net.to(device), tuple(shape), device
        side = _side(shape)
        self.resizer = "none" if shape[:2] == (side, side) else f"pil-bicubic {side}×{side}"
        self.classes = tuple(names) if labeled else ()
        self.trained_on_data = True
        self.detail = {"trained_on": data, "by": "labels" if labeled else "rotations"}

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        if samples.ndim != 4 or samples.shape[1:] != self.shape:
            say = "×".join(map(str, self.shape))
            raise UserError(
                f"the small extractor was trained on images of {say} (height, width, channels) and got "
                f"{'×'.join(map(str, samples.shape[1:]))}. Convert both sets to one size and mode first",
                code="extractor.other_shape",
            )
        features, logits = self.net(seen(samples).to(self.device))
        return features, logits.softmax(1) if self.classes else None


def _side(shape: Sequence[int]) -> int:
    return max(SMALLEST, min(LARGEST, max(shape[:2])))


def _channels(shape: Sequence[int]) -> int:
    return 1 if shape[2] in (1, 2) else 3


def seen(samples: np.ndarray) -> Tensor:
    """Decoded images as input of the net, float32 [N, 1 or 3, S, S], 0 to 255."""
    x = samples.astype(np.float32) / 257 if samples.dtype == np.uint16 else samples
    channels = _channels(x.shape[1:])
    if x.shape[3] != channels:  # alpha over white
        alpha = x[..., -1:].astype(np.float32) / 255
        x = x[..., :channels].astype(np.float32) * alpha + 255 * (1 - alpha)
    side = _side(x.shape[1:])
    return resize(x, side, side, "pil-bicubic")


def _pictures(data: SampleSet, n: int) -> tuple[Tensor, np.ndarray, tuple[int, ...]]:
    """n evenly spaced images as input of the net, in 8 bits; their indices; and their original shape."""
    chosen = np.linspace(0, data.n - 1, n).round().astype(np.int64)  # data is often sorted by class
    parts, shape, start = [], None, 0
    for part in data.parts(1024, data.n):
        if shape not in (None, part.shape[1:]):
            raise UserError(
                f"{data.name}: its images differ in size or mode; convert them to one size and mode first",
                code="metric.shapes_differ",
            )
        shape = part.shape[1:]
        rows = chosen[(chosen >= start) & (chosen < start + len(part))] - start
        start += len(part)
        if len(rows):
            parts.append(seen(part[rows]).round().to(torch.uint8))
    assert shape is not None
    return torch.cat(parts), chosen, tuple(shape)
