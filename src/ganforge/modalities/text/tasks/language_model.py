"""A language model, trained by maximum likelihood: the baseline that GANs of texts are measured against.

Caccia et al. 2020, "Language GANs Falling Short": a well tuned one, sampled at several temperatures, was better than
GANs along the whole curve of quality and diversity.

    G takes a step on   −log p(tokens) = −Σ_t log p(token t | tokens before)

N: texts, K: bits, T: tokens, L: numbers of the noise.  x [N, K, T], z [N, L] ~ N(0, 1): one a token drawn, losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.types import Batch, Nets, Request, Spec, Terms
from ganforge.modalities.text import tokens
from ganforge.modalities.text.model import TokenModel
from ganforge.modalities.text.nets import check
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task


class LanguageModel(Task, kind="language_model"):
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
    noise: int = Field(default=1_024, ge=1)
    """Numbers of noise of a text, of which each token takes one: the longest text that can be made."""
    conditional: bool = False
    """Give the model the label."""

    def adapt(self, spec: Spec) -> Spec:
        check(spec.shape)
        if spec.shape[1] > self.noise:
            raise UserError(
                f"task.noise={self.noise}: texts of {spec.shape[1]} tokens need as many; set "
                f"task.noise={spec.shape[1]} or a lower signal.length",
                code="text.too_little_noise",
            )
        return latent.with_labels(spec, self.conditional)

    def min_samples(self, batch: int) -> int:
        return min(batch, 2)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {
            "G": TokenModel(
                tokens.vocabulary_of(spec), spec.shape[1], embed=self.embed, units=self.units, layers=self.layers,
                cell=self.cell, classes=spec.classes, dropout=self.dropout,
            )
        }  # fmt: skip

    @property
    def takes_temperature(self) -> bool:
        return True

    def phases(self) -> Sequence[Phase]:
        return [Phase("ML", self.loss, trains=("G",))]

    def loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the texts are."""
        G = cast(TokenModel, nets.G)
        return Terms({"likelihood": G.nll(tokens.to_numbers(batch.x, G.vocabulary), None, batch.c)})

    def latents(self, request: Request) -> Tensor:
        if request.latents is not None:
            return request.latents
        return block_normal(request.seed, "z", request.start, request.n, self.noise)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        labels = None if request.labels is None else request.labels.to(request.device)
        G = cast(TokenModel, nets.G)
        uniform = torch.special.ndtr(self.latents(request).to(request.device, request.dtype))[:, : G.steps]
        drawn = G.draw(uniform, None, labels, request.temperature)
        return tokens.to_bits(drawn, tokens.bits(G.vocabulary)).to(request.dtype)
