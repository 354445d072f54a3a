"""Nets that read sentences: any generator or discriminator, with a text encoder of its own before it.

    c [N, K] conditions → text encoder → (sentence [N, E], the numbers of other conditions [N, R]) → net(·, [N, E + R])

The net inside gets a vector, as it gets a class, and knows nothing of words. One that has `takes_words = True` is also
given the vectors of the words, for attention: `net(z, vector, words)` with `Encoded`.
G and D each learn an encoder: that of D from which sentences fit real images, that of G from what D says of its images.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.core.allowance import may_be_weightless
from ganforge.core.conditions import Conditions
from ganforge.core.types import DiscriminatorOutput, Spec
from ganforge.nets.base import Discriminator, Generator
from ganforge.nets.sentences.base import Encoded, SentenceEncoder


def inner_spec(spec: Spec, encoder: SentenceEncoder) -> Spec:
    """The spec of the net inside: its classes are the numbers of a sentence and of all other conditions; its state says
    how wide the vectors of words are."""
    state = spec.state | {"word_width": encoder.width}
    classes = encoder.width + spec.conditions.besides_texts.width
    return replace(spec, classes=classes, conditions=Conditions(), state=state)


class Reading(nn.Module):
    """Conditions c [N, K] → a vector [N, E + R], and the words of its text."""

    def __init__(self, encoder: SentenceEncoder, spec: Spec):
        super().__init__()
        (text,) = spec.conditions.texts
        self.encoder = encoder.build(text, spec)
        self.unknown = nn.Parameter(torch.zeros(encoder.width))
        nn.init.normal_(self.unknown, 0.0, 0.02)
        slices = spec.conditions.slices
        self.text = slices[text.name]
        self.rest = [slices[one.name] for one in spec.conditions.each if one is not text]

    def forward(self, c: Tensor) -> tuple[Tensor, Encoded]:
        block = c[:, self.text]
        found = self.encoder(block[:, :-1].round().long())
        missing = block[:, -1:].to(found.sentence.dtype)
        sentence = found.sentence * (1 - missing) + self.unknown * missing
        others = [c[:, part].to(sentence.dtype) for part in self.rest]
        return torch.cat([sentence, *others], 1), found._replace(sentence=sentence)


class DescribedG(nn.Module):
    """A generator with its text encoder."""

    def __init__(self, net: nn.Module, reading: Reading):
        super().__init__()
        self.net, self.reading = net, reading

    def forward(self, z: Tensor, c: Tensor, toward: Tensor | None = None, share: Tensor | None = None) -> Tensor:
        """Samples [N, ...].

        Args:
            toward: conditions [N, K] that the vectors go toward. share: how far, [N] in [0, 1].
        """
        vector, words = self.reading(c)
        if toward is not None and share is not None:
            there, more = self.reading(toward)
            vector = torch.lerp(vector, there, share[:, None].to(vector.dtype))
            weights = torch.where(share < 0.5, 1, 0).to(words.words.dtype)[:, None, None]  # the words of the nearer one
            words = Encoded(
                vector, weights * words.words + (1 - weights) * more.words,
                torch.where(share[:, None] < 0.5, words.there, more.there),
            )  # fmt: skip
        return self.net(z, vector, words) if getattr(self.net, "takes_words", False) else self.net(z, vector)


class DescribedD(nn.Module):
    """A discriminator with its text encoder, and a layer that places its features beside the vectors of sentences."""

    def __init__(self, net: nn.Module, reading: Reading, features: int, width: int):
        super().__init__()
        self.net, self.reading = net, reading
        self.beside = nn.Linear(features, width) if features else None

    def forward(self, x: Tensor, c: Tensor) -> DiscriminatorOutput:
        return self.net(x, self.reading(c)[0])

    def seen(self, output: DiscriminatorOutput) -> Tensor:
        """What D sees in samples, as the vector [N, E] of the sentence that would fit them."""
        assert self.beside is not None
        return self.beside(output.features)


def generator(net: Generator, encoder: SentenceEncoder, spec: Spec) -> DescribedG:
    return DescribedG(net.build(inner_spec(spec, encoder)), Reading(encoder, spec))


def discriminator(net: Discriminator, encoder: SentenceEncoder, spec: Spec, features: Any) -> nn.Module:
    """D with its text encoder.

    Args:
        features: D's net → the width of its features; None for a D that does not say which sentence fits.
    """

    def build() -> nn.Module:
        D = net.build(inner_spec(spec, encoder))
        return DescribedD(D, Reading(encoder, spec), features(D) if features else 0, encoder.width)

    return may_be_weightless(build)()
