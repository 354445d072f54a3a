"""Whether rewritten texts have the style asked for, and how much of their content stayed.

    text_as_asked   share of rewritten texts that a classifier takes for the class asked for
    text_kept       mean BLEU-4 of each rewritten text against its source

One without the other says nothing: sources that are given back as they are keep everything, and any text of the class
asked for has its style. So beside the first there are the classifier's accuracy on unseen real texts, and the share of
the sources that it takes for the class asked for; beside the second, the BLEU-4 of rewritten texts against the source
of another.

The classifier is linear in how often runs of one to three words and of two to four characters occur, each run at a
place by its hash (as fastText: Joulin et al. 2017), and is trained here on the real texts.

N: texts, C: classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from zlib import crc32

import numpy as np
import torch
from pydantic import Field
from torch.nn.functional import cross_entropy, embedding_bag

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.text.bleu import References, Words, words
from ganforge.modalities.text.metrics import sides

PLACES, BATCH, RATE, ORDER = 2**16, 64, 0.1, 4
MOST = 20_000  # real texts that the classifier is trained on
HELD = 0.1  # of the real texts, where none are held out


class StyleClassifier:
    """Tells the classes of texts.

    Args:
        texts: to learn from. labels: int64 [N]. classes: C. steps: of training. draws: which texts a batch has.
    """

    def __init__(self, texts: Sequence[str], labels: np.ndarray, classes: int, steps: int, draws: np.random.Generator):
        self.weight = torch.zeros(PLACES, classes, requires_grad=True)
        optimizer = torch.optim.Adam([self.weight], RATE)
        bags = [runs(text) for text in texts]
        with torch.enable_grad():
            for _ in range(steps):
                rows = draws.integers(len(texts), size=BATCH)
                loss = cross_entropy(self.logits([bags[k] for k in rows]), torch.from_numpy(labels[rows]))
                (self.weight.grad,) = torch.autograd.grad(loss, [self.weight])
                optimizer.step()

    def logits(self, bags: Sequence[np.ndarray]) -> torch.Tensor:
        """[N, C] of the places of runs of each text."""
        starts = torch.from_numpy(np.cumsum([0, *(len(bag) for bag in bags[:-1])]))
        return embedding_bag(torch.from_numpy(np.concatenate(bags)), self.weight, starts, mode="mean")

    @torch.no_grad()
    def classes_of(self, texts: Sequence[str]) -> np.ndarray:
        """int64 [N]."""
        return self.logits([runs(text) for text in texts]).argmax(1).numpy()


def runs(text: str) -> np.ndarray:
    """The places of the runs of words and of characters of a text, int64."""
    found = []
    for units, lengths in ((words(text.lower()), (1, 2, 3)), (tuple(f" {text.lower()} "), (2, 3, 4))):
        found += ["\0".join(units[k : k + n]) for n in lengths for k in range(len(units) - n + 1)]
    return np.array([crc32(run.encode("utf-8", "replace")) % PLACES for run in found], np.int64)


class TextStyleMetric(Metric, kind="text_style"):
    """Style as asked, by a classifier of real texts, and content kept, by BLEU-4 against the source."""

    needs: ClassVar[frozenset[str]] = frozenset({"labels"})
    signals: ClassVar[tuple[str, ...]] = ("texts",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "text_as_asked": Meaning("Share of texts that a classifier takes for the class asked for.", "higher", 1.0),
        "text_kept": Meaning(
            "How many runs of up to four words a rewritten text shares with its source (BLEU-4).", "higher", 1.0
        ),
    }
    steps: int = Field(default=1_000, ge=1)
    """Training steps of the classifier, batches of 64."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        made, asked = texts_of(comparison, "fake", n), comparison.labels("fake", n)
        classifier, accuracy = self.trained(comparison)
        right = classifier.classes_of(made) == asked
        names = comparison.classes or tuple(map(str, range(int(asked.max()) + 1)))
        detail: dict[str, Any] = {
            "floor": accuracy,
            "per_class": {names[k]: float(right[asked == k].mean()) for k in np.unique(asked)},
            "notes": [phrase("accuracy on unseen real texts: {accuracy:.1%}", accuracy=accuracy)],
        }
        protocol = comparison.protocol(self.n) | {"classifier": f"n-grams, {self.steps} steps"}
        found = [Result(f"text_as_asked[{n}]", float(right.mean()), protocol, detail)]
        if comparison.fake.sources is not None:
            sources = [str(text) for part in comparison.fake.sources.parts(256, n) for text in part]
            detail["unchanged"] = float((classifier.classes_of(sources) == asked).mean())
            detail["notes"].append(phrase("of the sources, unchanged: {share:.1%}", share=detail["unchanged"]))
            own, other = kept(made, sources), kept(made, [*sources[1:], *sources[:1]])
            notes = [phrase("against the source of another text: {value:.3f}", value=other)]
            protocol = comparison.protocol(self.n) | {"order": ORDER}
            found.append(Result(f"text_kept[{n}]", own, protocol, {"chance": other, "notes": notes}))
        return found

    def trained(self, comparison: Comparison) -> tuple[StyleClassifier, float]:
        """The classifier of the real texts, and its accuracy on unseen ones."""
        texts, labels = texts_of(comparison, "real"), comparison.labels("real")
        order = comparison.draws("style classifier").permutation(len(texts))
        unseen = comparison.heldout
        if unseen is not None and unseen.labels is not None:
            tested, truth = texts_of(comparison, "heldout"), unseen.labels
        else:
            back, order = np.split(order, [max(1, round(HELD * len(texts)))])
            tested, truth = [texts[k] for k in back], labels[back]
        order = order[:MOST]
        comparison.progress("training a classifier of texts", 0, 1)
        classes = int(labels.max()) + 1
        draws = comparison.draws("style batches")
        classifier = StyleClassifier([texts[k] for k in order], labels[order], classes, self.steps, draws)
        return classifier, float((classifier.classes_of(tested) == truth).mean())


def texts_of(comparison: Comparison, side: str, n: int | None = None) -> list[str]:
    return [str(text) for text in comparison.samples(side, n)]


def kept(made: Sequence[str], sources: Sequence[str]) -> float:
    """Mean BLEU-4 of each text against its source."""
    pairs: list[tuple[Words, Words]] = list(zip(sides.as_words(made), sides.as_words(sources), strict=True))
    return sum(References([source], ORDER).score(text) for text, source in pairs) / len(pairs)
