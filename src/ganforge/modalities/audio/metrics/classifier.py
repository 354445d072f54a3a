"""A small net that tells the labels of a set of sounds apart: what a generated sound is taken for.

Trained on log-mel spectra of the training samples in a minute, moved in time and made louder or softer, so that it
learns the word and not its place. A fifth of them is kept back to say how often it is right about real sounds.

x [N, 1, bands, frames] in 0..1, features [N, 128], logits [N, K].
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganforge.metrics.base import Comparison
from ganforge.modalities.audio.extractors.fit import STEPS, SoundNet, answers, fit
from ganforge.modalities.audio.melspec import FLOOR, log_mel, mono

RATE = 16_000
MOST = 5_000
KEPT_BACK = 0.2


class Classifier(NamedTuple):
    """A trained net, its accuracy on real sounds that it has not seen, and a digest of its weights."""

    net: SoundNet
    accuracy: float
    digest: str


def spectra(x: np.ndarray) -> Tensor:
    """Sounds [N, T] as the net sees them."""
    return torch.from_numpy(((log_mel(mono(x), RATE) - FLOOR) / -FLOOR).clip(0, 1).astype(np.float32))[:, None]


def classifier(comparison: Comparison, steps: int = STEPS) -> Classifier:
    """The net that knows the labels of the training samples; trained once a comparison."""

    def train() -> Classifier:
        side, chosen = comparison.train, comparison.draws("sound classifier").permutation(comparison.train.n)[:MOST]
        assert side.labels is not None, "asked for by needs"
        rows = np.sort(chosen)
        x = torch.cat([spectra(part) for part in side.chosen(rows, 256)])
        y = torch.from_numpy(side.labels[rows].astype(np.int64))
        order = torch.from_numpy(comparison.draws("kept back").permutation(len(x)))
        kept = order[: max(1, round(KEPT_BACK * len(x)))]
        learned = order[len(kept) :]
        net = fit(x[learned], y[learned], int(y.max()) + 1, comparison.seed, steps, comparison.progress)
        tested, truth = x[kept], y[kept]
        if comparison.heldout is not None and comparison.heldout.labels is not None:
            tested = torch.cat([spectra(part) for part in comparison.heldout.parts(256, comparison.heldout.n)])
            truth = torch.from_numpy(comparison.heldout.labels.astype(np.int64))
        right = float((answers(net, tested)[1].argmax(1) == truth).float().mean())
        digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in net.parameters())).hexdigest()
        return Classifier(net, right, digest)

    return comparison.once(("sound classifier", steps), train)
