"""Whether images show what their sentences say.

Of sprites, a sentence is parsed back to the values that it names (`sources.sprite_sentences`), and the net that reads
conditions from images (`metrics.conditions`) says what an image shows; it is trained on sprites that are drawn for
that, all combinations among them. A sentence counts as drawn right if all that it names is right: shape, color, size,
period, and the light within 45° of the direction, of which neighbors are 45° apart.

Of any other data, a matching net is trained on real images and their sentences: two encoders whose vectors are near for
a pair and far for others.

    match = the share of images whose own sentence is nearer than those of 15 others

Its own value on real images that it was not trained on stands beside each result (`on_reals`), for both ways.

x uint8 [N, C, S, S], k [N, T] tokens, vectors [N, E] of length 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from ganforge.core.condition_kinds import Value
from ganforge.core.errors import UserError
from ganforge.core.text_condition import CHARACTER, Text
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.image.metrics import matching
from ganforge.modalities.image.metrics.conditions import Read, read_all, seen, trained, values_of
from ganforge.modalities.image.sources import sprite_sentences
from ganforge.modalities.image.sources.sprites import CONDITIONS, Sprites

NEAR = 45.0
"""Degrees within which a light is right."""
SPRITE_SHARE = 0.95
"""Share of the sentences that must name a shape and a color of sprites for them to be sentences about sprites."""
DRAWN = 20_000
"""Sprites that the net is trained on, of seen combinations; and a tenth as many of the others."""
KEPT_BACK = 0.1
TRUE_SEED = 20_261


class SentencesMet(Metric, kind="sentences"):
    """Whether generated images show what their sentences say, as a share of the sentences."""

    needs: ClassVar[frozenset[str]] = frozenset({"conditions", "train"})
    signals: ClassVar[tuple[str, ...]] = ("image",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "sentences_right": Meaning("Share of sentences of which everything is drawn as they say.", "higher", 1),
        "sentence_match": Meaning("Share of fakes nearer to their sentence than to those of 15 others.", "higher", 1),
    }
    steps: int | None = Field(default=None, ge=1)
    """Number of training steps of the net that reads images, with batches of 128; by default 4000, fewer for very small
    sets."""

    def compute(self, comparison: Comparison) -> list[Result]:
        if not comparison.conditions.texts:
            raise UserError(
                "metric 'sentences': the samples have no sentences. Leave it out of the metrics",
                code="metric.requirement_missing",
            )
        text = comparison.conditions.texts[0]
        n = comparison.count("fake", self.n)
        sides = [("fake", n, "")] + ([("unseen", comparison.unseen.n, ", unseen")] if comparison.unseen else [])
        if about_sprites(sentences_of(comparison, "real", text)):
            return self._drawn_right(comparison, text, sides)
        net = comparison.once(("matching", self.steps), lambda: matching.fitted(comparison, text, self.steps))
        found = []
        for side, count, more in sides:
            x = torch.cat([seen(part, net.side) for part in comparison.batches(side, count)])
            k = torch.from_numpy(comparison.vectors(side, count)[:, comparison.conditions.slices[text.name]])
            protocol = comparison.protocol(count) | {"net": "matching", "on_reals": round(net.own, 4)}
            value = net.share(x, k, comparison.draws(f"others {side}"))
            found.append(Result(f"sentence_match{short_count(count)}{f'[{more[2:]}]' * bool(more)}", value, protocol))
        return found

    def _drawn_right(self, comparison: Comparison, text: Text, sides: Sequence[tuple[str, int, str]]) -> list[Result]:
        read, own = comparison.once(("sprites", self.steps), lambda: self._reader(comparison))
        found = []
        for side, n, more in sides:
            x = torch.cat([seen(part, read.side) for part in comparison.batches(side, n)])
            sentences = sentences_of(comparison, side, text, n)
            right = rights(x, read, [sprite_sentences.said(one) for one in sentences])
            for language, tag in (("en", "English"), ("zh", "Chinese")):
                rows = [k for k, one in enumerate(sentences) if language_of(one) == language]
                if rows:
                    protocol = comparison.protocol(n) | {"net": "reading", "n_sentences": len(rows), "on_reals": own}
                    name = f"sentences_right{short_count(n)}[{tag}{more}]"
                    found.append(Result(name, float(right[rows].mean()), protocol))
        return found

    def _reader(self, comparison: Comparison) -> tuple[Read, float]:
        """A net that reads sprites, and its own share of whole sentences that it reads right."""
        shape = next(iter(comparison.real.parts(1, 1))).shape
        side = 64 if max(shape[1:3]) > 32 else 32
        count = DRAWN if self.steps is None else min(DRAWN, 64 * self.steps)
        parts = [Sprites(size=side, split=split, count=count, seed=TRUE_SEED).open() for split in ("train", "test")]
        images = np.concatenate([np.stack([part.read(k) for k in range(len(part))]) for part in parts])
        x = seen(images, min(side, max(shape[1:3])))
        v = torch.from_numpy(np.concatenate([part.vectors for part in parts if part.vectors is not None]))
        order = torch.from_numpy(comparison.draws("kept back").permutation(len(x)))
        kept, learned = order[: int(KEPT_BACK * len(x))], order[int(KEPT_BACK * len(x)) :]
        steps = self.steps or 4_000
        net = trained(x[learned], v[learned], CONDITIONS, comparison.seed, steps, comparison)
        read = Read(net, x.shape[2], {}, len(kept))
        truth = [dict(zip(CONDITIONS.names, row, strict=True)) for row in CONDITIONS.decode(v[kept].numpy())]
        said = [row | {"light": 45.0 * sprite_sentences.side_of(float(str(row["light"])))} for row in truth]
        named: list[dict[str, Value]] = [{name: row[name] for name in sprite_sentences.NAMED} for row in said]
        return read, round(float(rights(x[kept], read, named).mean()), 4)


def rights(x: Tensor, read: Read, named: Sequence[Mapping[str, Value]]) -> np.ndarray:
    """Whether images show all that their sentences name, bool [N]."""
    columns = dict(zip(CONDITIONS.names, values_of(read_all(read.net, x), CONDITIONS), strict=True))
    found = np.ones(len(x), bool)
    for k, values in enumerate(named):
        for name, value in values.items():
            made = columns[name][k]
            apart = abs((made - value + 180) % 360 - 180) if name == "light" else float(made != value) * 360
            found[k] &= apart <= NEAR
    return found


def sentences_of(comparison: Comparison, side: str, text: Text, n: int | None = None) -> list[str]:
    """The sentences of the first samples of a side."""
    block = comparison.vectors(side, n)[:, comparison.conditions.slices[text.name]]
    return [text.text(value) for value in text.decode(block)]


def about_sprites(sentences: Sequence[str]) -> bool:
    """Whether sentences are about sprites."""
    about = [{"shape", "color"} <= set(sprite_sentences.said(one)) for one in sentences[:500]]
    return bool(about) and sum(about) >= SPRITE_SHARE * len(about)


def language_of(sentence: str) -> str:
    return "zh" if CHARACTER.search(sentence) else "en"
