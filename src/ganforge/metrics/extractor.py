"""From samples to features: encoders, and the components that create them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ganforge.core.component import Component
from ganforge.metrics.samples import Progress, SampleSet


class Encoder:
    """A net, ready to compute features of samples.

    Attributes:
        name: "small", "inception", "dinov2".
        digest: SHA-256 of its weights, in hexadecimal.
        resizer: how samples are resized to its input size.
        dim: dimension of a feature vector.
        classes: names of the classes of its probabilities; empty if it has none.
        trained_on_data: whether the classes are those of the evaluated data.
        reference: whether the Fréchet distance with it is the standard FID.
        detail: additional entries of the protocol.
    """

    name: str = ""
    digest: str = ""
    resizer: str = "none"
    dim: int = 0
    classes: tuple[str, ...] = ()
    trained_on_data: bool = False
    reference: bool = False
    detail: dict[str, Any]

    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        """Features float32 [N, D] and class probabilities float32 [N, K], or None, on any device.

        Args:
            samples: decoded samples; images uint8 (or float32 in the same range, 0 to 255) [N, H, W, C].
        """
        raise NotImplementedError

    @property
    def tag(self) -> str:
        """The short name in the name of a result: `small@1a2b3c4d`."""
        return f"{self.name}@{self.digest[:8]}" if self.digest else self.name

    @property
    def provenance(self) -> dict[str, Any]:
        """Entries for the protocol of a result."""
        provenance = {"extractor": self.name, "weights": self.digest, "resizer": self.resizer, "features": self.dim}
        return provenance | getattr(self, "detail", {})

    @property
    def identity(self) -> str:
        """A string that is equal for two encoders if and only if their features are."""
        return json.dumps(self.provenance, sort_keys=True)


@dataclass(frozen=True)
class OpenContext:
    """What an extractor may use when opened.

    Attributes:
        classes: names of the classes of the real samples.
        cache: folder for cached results and for weights files; None: none.
        device: device for the net.
        seed: random seed, for nets that are trained on the data.
        progress: called to report the progress of long computations.
    """

    classes: tuple[str, ...] = ()
    cache: Path | None = None
    device: torch.device | str = "cpu"
    seed: int = 0
    progress: Progress | None = None


class Extractor(Component, family="extractor"):
    """A feature extractor for metrics."""

    signals: ClassVar[tuple[str, ...]] = ("*",)
    """The kinds of signal that it supports; "*" is any."""

    def open(
        self,
        data: SampleSet,
        *,
        classes: Sequence[str] = (),
        cache: Path | None = None,
        device: torch.device | str = "cpu",
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Encoder:
        """The net, ready to use; the arguments are those of `OpenContext`.

        Args:
            data: real samples, on which an extractor may be trained.

        Raises:
            UserError: weights are missing or wrong (the message says which, where to get and put them, and what works
                without).
        """
        return self.load(data, OpenContext(tuple(classes), cache, device, seed, progress))

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        """The net, as returned by `open`."""
        raise NotImplementedError
