"""From samples to features: nets that are ready to encode, and the components that make them so."""

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
    """A net that is ready to turn samples into features.

    Attributes:
        name: "small", "inception", "dinov2".
        digest: SHA-256 of its weights, in hexadecimal.
        resizer: how samples come to the size it takes.
        dim: width of a feature.
        classes: names of what its probabilities are of; empty where it has none.
        trained_on_data: whether the classes are those of the data at hand.
        reference: whether a Fréchet distance with it is what the field calls FID.
        detail: what else the protocol should say.
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
            samples: as the signal decodes them; images uint8 (or float32 in the same units, 0 to 255) [N, H, W, C].
        """
        raise NotImplementedError

    @property
    def tag(self) -> str:
        """For the name of a figure: `small@1a2b3c4d`."""
        return f"{self.name}@{self.digest[:8]}" if self.digest else self.name

    @property
    def provenance(self) -> dict[str, Any]:
        """For the protocol of a figure."""
        provenance = {"extractor": self.name, "weights": self.digest, "resizer": self.resizer, "features": self.dim}
        return provenance | getattr(self, "detail", {})

    @property
    def identity(self) -> str:
        """Equal for two encoders exactly where their features are."""
        return json.dumps(self.provenance, sort_keys=True)


@dataclass(frozen=True)
class OpenContext:
    """What an extractor may use when it is opened.

    Attributes:
        classes: names of the labels of the real samples.
        cache: folder where what was computed once is kept, and where files of weights are looked for; None: nowhere.
        device: where the net is to run.
        seed: of what is drawn where a net is trained on the data.
        progress: called as long work advances, to report how far it is.
    """

    classes: tuple[str, ...] = ()
    cache: Path | None = None
    device: torch.device | str = "cpu"
    seed: int = 0
    progress: Progress | None = None


class Extractor(Component, family="extractor"):
    """Where features come from."""

    signals: ClassVar[tuple[str, ...]] = ("*",)
    """The kinds of signal whose samples it reads; "*" is any."""

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
            data: real samples; an extractor that is trained on the data itself learns from these.

        Raises:
            UserError: weights that are absent or wrong (says which, where from, where to put them, what runs without).
        """
        return self.load(data, OpenContext(tuple(classes), cache, device, seed, progress))

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        """What `open` returns."""
        raise NotImplementedError
