"""A net that says how well an image and a sentence match, for measuring: two encoders, trained on pairs.

    minimize  −log softmax_j(f(x_i) · e(t_j) / τ)[i] − log softmax_j(f(x_j) · e(t_i) / τ)[i]

A tenth of the pairs is held back, to state the net's own value: on data with few images, or with sentences that do not
describe them, it is no better than chance, and then nothing can be measured with it.

x uint8 [N, C, S, S], k [N, T + 1] numbers of tokens, f and e [N, E] of length 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.text_condition import Text
from ganforge.core.types import Spec
from ganforge.metrics.base import Comparison
from ganforge.modalities.image.extractors import fit
from ganforge.modalities.image.metrics.conditions import (
    BATCH,
    FEWEST,
    HELD_BACK,
    LARGEST,
    MOST,
    MOST_PASSES,
    STEPS,
    ReadingNet,
    seen,
)  # fmt: skip
from ganforge.nets.sentences.small import Gru

OTHERS = 15
"""Wrong sentences that the own one of an image is compared with."""
WIDTH, SHARPNESS = 128, 10.0


class Pairs(nn.Module):
    """Images and sentences → their vectors."""

    def __init__(self, channels: int, side: int, text: Text, spec: Spec):
        super().__init__()
        self.image = ReadingNet(channels, side, WIDTH)
        self.sentence = Gru(width=WIDTH).build(text, spec)

    def forward(self, x: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        sentence = self.sentence(k[:, :-1].round().long()).sentence
        return normalize(self.image(x), dim=1), normalize(sentence, dim=1)


@dataclass(frozen=True)
class Matcher:
    """A trained net, the side of its images, and its own share on pairs that it was not trained on."""

    net: Pairs
    side: int
    own: float

    def share(self, x: Tensor, k: Tensor, draws: np.random.Generator) -> float:
        return share(self.net, x, k, draws)


@torch.inference_mode()
def share(net: Pairs, x: Tensor, k: Tensor, draws: np.random.Generator) -> float:
    """The share of images whose own sentence is nearer than those of `OTHERS` others; equal sentences do not count as
    others."""
    parts = [net(x[a : a + 512].float(), k[a : a + 512]) for a in range(0, len(x), 512)]
    images, sentences = (torch.cat(side) for side in zip(*parts, strict=True))
    others = torch.from_numpy(draws.integers(len(x), size=(len(x), OTHERS)))
    own = (images * sentences).sum(1, keepdim=True)
    wrong = (images[:, None] * sentences[others]).sum(2)
    same = (k[others] == k[:, None]).all(2)
    return float((own > wrong.masked_fill(same, -torch.inf)).all(1).double().mean())


def fitted(comparison: Comparison, text: Text, steps: int | None) -> Matcher:
    """A net that is trained on the training samples of the generator.

    Raises:
        UserError: there are too few.
    """
    side, place = comparison.train, comparison.conditions.slices[text.name]
    if side.vectors is None:
        side = comparison.real
    captioned = np.flatnonzero(side.vectors[:, place][:, -1] < 0.5) if side.vectors is not None else np.zeros(0, int)
    if side.vectors is None or len(captioned) < FEWEST:
        raise UserError(
            f"metric 'sentences': {len(captioned)} real images with sentences are too few to learn to match them; at "
            f"least {FEWEST} are needed. Leave it out of the metrics",
            code="metric.too_few_samples",
        )
    rows = np.sort(comparison.draws("matching").permutation(captioned)[:MOST])
    size = min(LARGEST, max(next(iter(side.parts(1, 1))).shape[1:3]))
    x = torch.cat([seen(part, size) for part in side.chosen(rows, 256)])
    k = torch.from_numpy(side.vectors[rows][:, place])
    order = torch.from_numpy(comparison.draws("kept back").permutation(len(x)))
    kept = order[: max(OTHERS + 1, round(HELD_BACK * len(x)))]
    learned = order[len(kept) :]
    count = steps or max(1, min(STEPS, MOST_PASSES * len(learned) // BATCH))
    net = fit.seeded(lambda: Pairs(x.shape[1], size, text, Spec(tuple(x.shape[1:]))), comparison.seed, "matching")

    def loss(step: int) -> Tensor:
        at = learned[Rng(comparison.seed, step, "matching").integers("rows", (min(BATCH, len(learned)),), len(learned))]
        images, sentences = net(x[at].float(), k[at])
        same = (k[at][:, None] == k[at][None]).all(2) & ~torch.eye(len(at), dtype=torch.bool)
        scores = (SHARPNESS * images @ sentences.T).masked_fill(same, -torch.inf)
        own = torch.arange(len(at))
        return cross_entropy(scores, own) + cross_entropy(scores.T, own)

    fit.descend(net, loss, count, lambda done: comparison.progress("learning to match sentences", done, count))
    return Matcher(net, size, share(net, x[kept], k[kept], comparison.draws("own")))
