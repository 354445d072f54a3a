"""Features of films: a small net that is trained on the films at hand, once, and kept.

It tells how a film runs (forward, backward, shuffled, frozen, at double speed) and, where there are labels, which label
it has; its last hidden layer are the features.

It takes windows of at most 16 frames, of at most 32 px, each with its difference to the next; features of longer clips
are the mean over their windows. They compare runs on the same data: a distance under them is no FVD (Unterthiner et
al. 2018), which needs a net trained on Kinetics.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import safetensors
import safetensors.torch
import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate

from ganforge.core.errors import UserError
from ganforge.metrics.base import Encoder, Extractor, OpenContext, SampleSet, cached, silent
from ganforge.modalities.video.extractors import fit
from ganforge.modalities.video.extractors.net import FEATURES, WINDOW, OrderNet, scaled

SIDE = 32
"""px of the side of what the net sees of larger films."""
MOST = 4_096
"""Clips that it is trained on."""
FEWEST = 8
VERSION = 1
"""Raised when the net or its training changes, so that no older one is taken from a cache."""


def seen(clips: np.ndarray) -> Tensor:
    """Clips uint8 [N, T, H, W, 3] as the net sees them: uint8 [N, T, 3, h, w], larger ones reduced to 32×32."""
    x = torch.from_numpy(np.ascontiguousarray(clips)).permute(0, 1, 4, 2, 3)
    if max(x.shape[3:]) <= SIDE:
        return x.contiguous()
    flat = [interpolate(part.float(), (SIDE, SIDE), mode="area") for part in x.flatten(0, 1).split(1024)]
    return torch.cat(flat).round().to(torch.uint8).unflatten(0, x.shape[:2])


class FilmClassifier(Extractor, kind="films"):
    """A small net trained on the films themselves, once: to tell how a film runs and which label it has."""

    signals: ClassVar[tuple[str, ...]] = ("film",)

    steps: int | None = Field(default=None, ge=1)
    """Training steps, batches of 32 windows; by default 400, and fewer for small sets."""

    def load(self, data: SampleSet, context: OpenContext) -> Encoder:
        if data.n < FEWEST:
            raise UserError(
                f"{data.name}: {data.n} clips are too few to train a classifier; at least {FEWEST} are needed",
                code="metric.too_few_samples",
            )
        labels = data.labels if data.labels is not None and len(np.unique(data.labels)) > 1 else None
        classes = () if labels is None else tuple(context.classes) or tuple(map(str, range(int(labels.max()) + 1)))
        steps = self.steps or fit.steps_for(data.n)
        key = [VERSION, data.fingerprint, context.seed, steps, list(classes), torch.get_num_threads()]
        digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        kept = context.cache is not None and data.fingerprint
        path = context.cache / "extractors" / f"films-{digest[:24]}.safetensors" if kept and context.cache else None

        def make() -> OrderNet:
            rows = np.unique(np.linspace(0, data.n - 1, min(data.n, MOST)).round().astype(int))
            x = torch.cat([seen(part) for part in data.chosen(rows, 64)])
            y = None if labels is None else torch.from_numpy(labels[rows].astype(np.int64))
            return fit.trained(x, y, len(classes), context.seed, steps, context.progress or silent)

        def read(file: Path) -> OrderNet:
            net = OrderNet(len(classes))
            try:
                net.load_state_dict(safetensors.torch.load_file(file))
            except (safetensors.SafetensorError, RuntimeError) as error:
                raise UserError(f"{file}: not the weights of this net ({error})", code="extractor.damaged") from None
            return net.eval().requires_grad_(False)

        def write(file: Path, net: OrderNet) -> None:
            file.parent.mkdir(parents=True, exist_ok=True)
            safetensors.torch.save_file(net.state_dict(), file)

        return FilmEncoder(cached(path, make, read, write), classes, data.name, context.device)


class FilmEncoder(Encoder):
    """The net at work on clips uint8 [N, T, H, W, 3]."""

    name = "films"
    dim = FEATURES

    def __init__(self, net: OrderNet, classes: tuple[str, ...], data: str, device: torch.device | str):
        state = net.state_dict()
        self.digest = hashlib.sha256(b"".join(state[k].cpu().numpy().tobytes() for k in sorted(state))).hexdigest()
        self.net, self.device, self.classes = net.to(device), device, classes
        self.trained_on_data = True
        self.resizer = f"area, at most {SIDE}×{SIDE}"
        self.detail = {"trained_on": data, "by": "order and labels" if classes else "order", "window": WINDOW}

    @torch.inference_mode()
    def encode(self, samples: np.ndarray) -> tuple[Tensor, Tensor | None]:
        features, chances = [], []
        for start in range(0, len(samples), 32):
            x = scaled(seen(samples[start : start + 32])).to(self.device)  # [n, 3, T, h, w]
            windows = windows_of(x.shape[2])
            found = [self.net(x[:, :, k : k + WINDOW]) for k in windows]
            features.append(torch.stack([f for f, _, _ in found]).mean(0))
            chances.append(torch.stack([c.softmax(1) for _, _, c in found if c is not None]).mean(0)
                           if self.classes else torch.empty(0))  # fmt: skip
        return torch.cat(features), torch.cat(chances) if self.classes else None


def windows_of(frames: int) -> list[int]:
    """Where the windows of a clip begin, evenly over its length, as few as cover it."""
    count = max(1, -(-frames // WINDOW))
    return np.linspace(0, max(0, frames - WINDOW), count).round().astype(int).tolist()
