"""A small language model that metrics train for themselves, with a vocabulary of its own.

An LSTM (`model.TokenModel`) of words, or of characters where a text is short of words, by maximum likelihood; the same
for the same seed. Words that it does not know are unknown, for all texts alike.

N: texts, T: tokens.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from ganforge.modalities.text.bleu import Words
from ganforge.modalities.text.model import TokenModel, until_end
from ganforge.modalities.text.tokens import FIRST, UNKNOWN

UNITS, EMBED, BATCH, PEAK = 128, 64, 64, 5e-3
MOST_WORDS, MOST_STEPS = 4_000, 100


class Vocabulary:
    """The most frequent words of some texts."""

    def __init__(self, texts: Sequence[Words]):
        counts = Counter(word for text in texts for word in text)
        self.words = [word for word, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0]))][:MOST_WORDS]
        self.number = {word: k for k, word in enumerate(self.words, FIRST)}
        self.steps = min(MOST_STEPS, 1 + max(map(len, texts)))

    def encoded(self, texts: Sequence[Words]) -> Tensor:
        """int64 [N, T]."""
        found = np.zeros((len(texts), self.steps), np.int64)
        for row, text in zip(found, texts, strict=True):
            known = [self.number.get(word, UNKNOWN) for word in text[: self.steps]]
            row[: len(known)] = known
        return torch.from_numpy(found)

    def decoded(self, tokens: Tensor) -> list[Words]:
        return [tuple(self.words[k - FIRST] for k in row if k >= FIRST) for row in tokens.tolist()]


def trained(
    texts: Tensor, vocabulary: Vocabulary, steps: int, seed: int, progress: Callable[[int], None]
) -> TokenModel:
    """A language model of encoded texts [N, T], in evaluation mode."""
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        torch.random.default_generator.manual_seed(seed)
        rows = torch.Generator().manual_seed(seed)
        net = TokenModel(
            len(vocabulary.words) + FIRST, vocabulary.steps, embed=EMBED, units=UNITS, cell="lstm", dropout=0.1
        )
        optimizer = torch.optim.Adam(net.parameters(), PEAK)
        for step in range(steps):
            some = texts[torch.randint(len(texts), (BATCH,), generator=rows)]
            loss = net.nll(some).sum() / until_end(some).sum()
            gradients = torch.autograd.grad(loss, list(net.parameters()))
            nn.utils.clip_grads_with_norm_(net.parameters(), 1.0, _into(net, gradients))
            for group in optimizer.param_groups:
                group["lr"] = PEAK * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            optimizer.step()
            progress(step)
    return net.eval().requires_grad_(False)


def _into(net: nn.Module, gradients: Sequence[Tensor]) -> Tensor:
    """Hands gradients to the parameters of a net, and returns their norm."""
    for parameter, gradient in zip(net.parameters(), gradients, strict=True):
        parameter.grad = gradient
    return torch.linalg.vector_norm(torch.stack([gradient.norm() for gradient in gradients]))


@torch.no_grad()
def nll(net: TokenModel, texts: Tensor) -> float:
    """Mean −log p of a token."""
    total = sum(float(net.nll(part).sum()) for part in texts.split(256))
    return total / float(until_end(texts).sum())


@torch.no_grad()
def drawn(
    net: TokenModel, vocabulary: Vocabulary, count: int, temperature: float, draws: np.random.Generator
) -> list[Words]:
    """Texts of the model at a temperature, as words."""
    uniform = torch.from_numpy(draws.random((count, net.steps)))
    return vocabulary.decoded(net.draw(uniform.float(), temperature=temperature))


@torch.no_grad()
def states(net: TokenModel, texts: Tensor) -> np.ndarray:
    """The mean state over the tokens of each text, float32 [N, UNITS]."""
    found = []
    for part in texts.split(256):
        there = until_end(part)[:, :, None]
        found.append((cast(Tensor, net(part)) * there).sum(1) / there.sum(1))
    return torch.cat(found).numpy()
