"""A language model, trained by maximum likelihood: the baseline that GANs of texts are measured against.

Caccia et al. 2020, "Language GANs Falling Short": a well tuned one, sampled at several temperatures, was better than
GANs along the whole curve of quality and diversity.

    G takes a step on   −log p(tokens) = −Σ_t log p(token t | tokens before)

N: texts, K: bits, T: tokens.  x [N, K, T], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

from pydantic import Field
from torch import nn

from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec, Terms
from ganforge.modalities.text import tokens
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.tasks.drawing import DrawsTokens
from ganforge.tasks import latent
from ganforge.tasks.base import Phase


class LanguageModel(DrawsTokens, kind="language_model"):
    """A recurrent language model by maximum likelihood, without a discriminator; a baseline for texts."""

    shaping: ClassVar[tuple[str, ...]] = ("conditional", "cell", "embed", "units", "layers")

    cell: Literal["lstm", "gru"] = "lstm"
    """Kind of the recurrent layers."""
    embed: int = Field(default=128, ge=1)
    """Numbers of an embedding."""
    units: int = Field(default=256, ge=1)
    """Units of each recurrent layer."""
    layers: int = Field(default=1, ge=1)
    """Recurrent layers."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of the inputs and outputs of the recurrent layers that are dropped in training."""
    conditional: bool = False
    """Give the model the label."""

    def adapt(self, spec: Spec) -> Spec:
        return latent.with_labels(self.fitting(spec), self.conditional)

    def min_samples(self, batch: int) -> int:
        return min(batch, 2)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {
            "G": TokenModel(
                tokens.vocabulary_of(spec), spec.shape[1], embed=self.embed, units=self.units, layers=self.layers,
                cell=self.cell, classes=spec.classes, dropout=self.dropout,
            )
        }  # fmt: skip

    def phases(self) -> Sequence[Phase]:
        return [Phase("ML", self.loss, trains=("G",))]

    def loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the texts are."""
        G = cast(TokenModel, nets.G)
        return Terms({"likelihood": G.nll(tokens.to_numbers(batch.x, G.vocabulary), None, batch.c)})
