"""A small net that tells the labels of a set of sounds apart: what a generated sound is taken for.

Trained on log-mel spectra of the training samples in a minute, moved in time and made louder or softer, so that it
learns the word and not its place. A fifth of them is kept back to say how often it is right about real sounds.

Where the groups of the sounds are known, as their speakers are, whole groups are kept back. Where they are fewer than
five, a net without some of them knows too little to judge sounds of all of them (one speaker's digits teach it to name
a tenth to a third of another's): then the net learns from all groups, and another one, which learned from some, says
how often it is right about the others.

x [N, 1, bands, frames] in 0..1, features [N, 128], logits [N, K].
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ganforge.metrics.base import Comparison
from ganforge.metrics.kept_back import groups_kept_back
from ganforge.modalities.audio.extractors.fit import STEPS, SoundNet, answers, fit
from ganforge.modalities.audio.melspec import FLOOR, log_mel, mono

RATE = 16_000
MOST = 5_000
KEPT_BACK = 0.2
FEWEST_GROUPS = 5  # of which whole ones can be a fifth


class Classifier(NamedTuple):
    """A trained net and how often it is right.

    Attributes:
        accuracy: on real sounds that it has not seen; of groups that it has not seen, where there are at least five.
        digest: of its weights.
        other_groups: accuracy on real sounds of groups that the net (or, of fewer than five groups, another one) has
            not seen; None where no groups are known.
    """

    net: SoundNet
    accuracy: float
    digest: str
    other_groups: float | None = None


def spectra(x: np.ndarray) -> Tensor:
    """Sounds [N, T] as the net sees them."""
    return torch.from_numpy(((log_mel(mono(x), RATE) - FLOOR) / -FLOOR).clip(0, 1).astype(np.float32))[:, None]


def classifier(comparison: Comparison, steps: int = STEPS) -> Classifier:
    """The net that knows the labels of the training samples; trained once a comparison."""
    return comparison.once(("sound classifier", steps), lambda: _trained(comparison, steps))


def _trained(comparison: Comparison, steps: int) -> Classifier:
    side, heldout = comparison.train, comparison.heldout
    assert side.labels is not None, "asked for by needs"
    rows = np.sort(comparison.draws("sound classifier").permutation(side.n)[:MOST])
    x, y = torch.cat([spectra(part) for part in side.chosen(rows, 256)]), side.labels[rows].astype(np.int64)
    unseen: tuple[Tensor, np.ndarray] | None = None
    if heldout is not None and heldout.labels is not None:
        unseen = torch.cat([spectra(part) for part in heldout.parts(256, heldout.n)]), heldout.labels.astype(np.int64)

    def fitted(learned: np.ndarray) -> SoundNet:
        return fit(x[learned], torch.from_numpy(y[learned]), int(y.max()) + 1, comparison.seed, steps,
                   comparison.progress)  # fmt: skip

    other_groups = None
    if side.groups is not None:
        groups = side.groups[rows]
        names = groups_kept_back(groups, y, KEPT_BACK, comparison.draws("groups kept back"))
        if len(names):
            is_kept = np.isin(groups, names)
            kept, learned = np.flatnonzero(is_kept), np.flatnonzero(~is_kept)
            net = fitted(learned)
            right = [_right(net, x[kept], y[kept])]
            if unseen is not None and heldout is not None and heldout.groups is not None:
                new = np.flatnonzero(~np.isin(heldout.groups, groups[learned]))
                right.append(_right(net, unseen[0][new], unseen[1][new]))
            other_groups = float(np.concatenate(right).mean())
            if len(np.unique(groups)) >= FEWEST_GROUPS:
                return Classifier(net, other_groups, _digest(net), other_groups)
    kept, learned = np.split(comparison.draws("kept back").permutation(len(x)), [max(1, round(KEPT_BACK * len(x)))])
    net = fitted(learned)
    accuracy = float(_right(net, *(unseen or (x[kept], y[kept]))).mean())
    return Classifier(net, accuracy, _digest(net), other_groups)


def _digest(net: SoundNet) -> str:
    return hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in net.parameters())).hexdigest()


def _right(net: SoundNet, x: Tensor, y: np.ndarray) -> np.ndarray:
    """Of each sound whether the net names its label, bool [N]."""
    return answers(net, x)[1].argmax(1).numpy() == y if len(x) else np.zeros(0, bool)
