"""A text from another one, such as a summary from an article, with words copied and a critic's reward.

    until `pretrain` samples:   G takes a step on   −log p(x | s)
    from then on:
        D takes a step on   objective.d(D(x, s), D(y, s)),   y drawn from G
        G takes a step on   −log p(x | s) − adversarial · (R − b) · mean_t log p(y_t | y_<t, s)
        R = σ(D(y, s)),   b ← 0.9 b + 0.1 mean R

See, Liu & Manning 2017 for G (pointer-generator, without coverage); Liu et al. 2018 for the critic, with policy
gradient.

N: pairs, K: bits, T: tokens of a text, S: of a source.  x [N, K, T], s [N, K, S], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import pad

from ganforge.core.commands import command
from ganforge.core.component import Count
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Memory, Nets, Spec, Terms, wide
from ganforge.losses.base import Objective
from ganforge.modalities.text import tokens
from ganforge.modalities.text.nets import check
from ganforge.modalities.text.pointer import PointerD, PointerG
from ganforge.modalities.text.stepwise import trimmed, until_end
from ganforge.signals import Steps, Usage
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.user_translators import UserTranslator

KEPT = 0.9  # of the baseline in each step


class Text2Text(Task, kind="text2text"):
    """Writes a text from its source: G by likelihood and by what D says of its texts."""

    shaping: ClassVar[tuple[str, ...]] = ("embed", "units", "filters")
    changes: ClassVar[str] = "texts"
    shows: ClassVar[tuple[str, ...]] = ("source", "made", "real")

    objective: Objective
    """The loss of D: non_saturating for the cross-entropy."""
    embed: int = Field(default=128, ge=1)
    """Numbers of an embedding."""
    units: int = Field(default=192, ge=1)
    """Units of each GRU."""
    filters: int = Field(default=64, ge=1)
    """Filters of D of each width."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of embeddings and features that are dropped in training."""
    adversarial: Rate = 0.5
    """Weight of the reward of D."""
    pretrain: Count = 100_000
    """Samples of likelihood alone."""

    def adapt(self, spec: Spec) -> Spec:
        if "source" not in spec.state:
            raise UserError(
                "task: this recipe makes texts from others, and these have no sources. Name both columns: "
                "data.kind=texts data.path=FILE data.column=SUMMARY data.source=ARTICLE",
                code="task.needs_pairs",
            )
        return Spec(check(spec.shape), state=spec.state)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        many = tokens.vocabulary_of(spec)
        return {
            "G": PointerG(many, spec.shape[1], self.embed, self.units, self.dropout),
            "D": PointerD(many, self.embed, self.filters, self.dropout),
        }

    def memory(self, spec: Spec) -> Memory:
        return Memory({"baseline": torch.tensor(0.5)})

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("ML", self.ml_loss, trains=("G",), until=self.pretrain),
            Phase("D", self.d_loss, trains=("D",), after=self.pretrain),
            Phase("G", self.g_loss, trains=("G",), after=self.pretrain),
        ]

    def ml_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the texts are, given their sources."""
        G = cast(PointerG, nets.G)
        text, source = both(batch, G.vocabulary)
        return Terms({"likelihood": -G.given(trimmed(text), source).sum(1)})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real texts and on G's, with the same sources."""
        text, source = both(batch, cast(PointerG, nets.G).vocabulary)
        fake = wide(nets.D(self.drawn(nets, source, rng), source))
        real = wide(nets.D(text, source))
        return Terms({"adversarial": self.objective.d(real, fake)}, latent.logit_stats(real, fake))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """Likelihood of the real texts, and the policy gradient of drawn ones."""
        G = cast(PointerG, nets.G)
        text, source = both(batch, G.vocabulary)
        made = trimmed(self.drawn(nets, source, rng))
        with torch.no_grad():
            reward = wide(nets.D(made, source)).sigmoid()
            if rng.shard[0] == 0:
                before = nets.memory["baseline"]
                nets.memory["baseline"] = KEPT * before + (1 - KEPT) * reward.mean().to(before.dtype)
        log_p = G.given(made, source, drawn=True).sum(1) / until_end(made).sum(1)
        losses = {"likelihood": -G.given(trimmed(text), source).sum(1)}
        losses["policy"] = -at(self.adversarial, rng.samples) * (reward - nets.memory["baseline"]) * log_p
        return Terms(losses, {"reward": reward})

    def drawn(self, nets: Nets, source: Tensor, rng: Rng) -> Tensor:
        """Fresh texts of G as tokens [N, T], without a gradient."""
        G = cast(PointerG, nets.G)
        with torch.no_grad():
            return G.write(source, rng.uniform("tokens", (len(source), G.steps)))

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        G = cast(PointerG, nets.G)
        known = trimmed(tokens.to_numbers(source, G.vocabulary))
        made = G.write(known, torch.zeros(len(source), G.steps, device=source.device))
        return tokens.to_bits(made, source.shape[1]).to(source.dtype)

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor]:
        columns = [batch.extra["source"], self.translate(nets, batch.extra["source"]), batch.x]
        longest = max(column.shape[2] for column in columns)
        return [pad(column, (0, longest - column.shape[2]), value=-1.0) for column in columns]  # bits of the end

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        from ganforge.modalities.text.writing import TextWriter  # a model in use; training needs none of it

        return TextWriter(bundle, name)

    def usage(self, file: str, spec: Spec) -> Usage:
        return Usage(
            f'model = gf.load("{file}")\nshort = model.translate("A long text ...")  # a str',
            command("translate", file, "articles.txt", "--out", "summaries.txt"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("use it", command("translate", folder, "articles.txt", "--out", "summaries.txt"))]


def both(batch: Batch, vocabulary: int) -> tuple[Tensor, Tensor]:
    """Texts [N, T] and sources [N, S] as tokens; sources end with the longest of the batch."""
    return tokens.to_numbers(batch.x, vocabulary), trimmed(tokens.to_numbers(batch.extra["source"], vocabulary))
