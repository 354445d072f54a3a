"""InfoGAN: factors of variation without labels. G gets codes, and must make samples from which they can be read.

Chen et al. 2016, "InfoGAN: Interpretable Representation Learning by Information Maximizing Generative Adversarial
Nets".

    minimize over G and Q, maximize over D:   V(D, G) − λ L_I(G, Q)
    L_I = E[log Q(c | G(z, c))] + H(c)  ≤  I(c; G(z, c))

Q shares all layers of D but the last ones (`tasks.heads`). Codes are conditions that are drawn, not read from data: c0
is one of `categories` values, c1, c2, ... are numbers in [-1, 1]; so a trained model is asked for them as for any
condition. The bound L_I is logged for the category, in nats (at most log `categories`); numbers are regressed through
the cosines and sines of a phase, in place of the paper's Gaussian.

N samples, z [N, L], codes c [N, K], losses [N].
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganforge.core.condition_kinds import Category, Condition, Number, Value
from ganforge.core.conditions import Conditions
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import LossContext, Penalty
from ganforge.tasks import latent
from ganforge.tasks.acgan import class_loss, feature_width
from ganforge.tasks.heads import Reader
from ganforge.tasks.synthesis import Synthesis

COMBINATIONS = 500
"""Combinations of codes that sampling draws from, if none are asked for."""


class InfoGan(Synthesis, kind="infogan"):
    """New samples from latents and codes, which come to stand for factors of variation of unlabeled data."""

    hides_conditions = False
    categories: int = Field(default=10, ge=0)
    """Number of values of the code c0; 0: there is none."""
    numbers: int = Field(default=2, ge=0, le=16)
    """Number of the codes c1, c2, ..., numbers in [-1, 1]."""
    information: Rate = 1.0
    """λ, the weight of the bound on the mutual information."""

    def adapt(self, spec: Spec) -> Spec:
        if self.conditional or self.pack > 1:
            field = "conditional=true" if self.conditional else f"pack={self.pack}"
            raise UserError(
                f"task.{field}: infogan finds codes without labels, in single samples. Leave it out; for labels use "
                "task.kind=acgan",
                code="task.unsupported_field",
            )
        if not self.categories and not self.numbers:
            raise UserError(
                "task.categories=0 and task.numbers=0: there are no codes. Use task.kind=synthesis",
                code="task.no_codes",
            )
        return replace(super().adapt(spec), conditions=self._codes())

    def _codes(self) -> Conditions:
        """The codes as conditions; as their combinations, an even covering."""
        each: list[Condition] = []
        if self.categories:
            each.append(Category("c0", tuple(str(k) for k in range(self.categories))))
        each += [Number(f"c{k + 1}", -1.0, 1.0) for k in range(self.numbers)]
        root = 2.0  # of x^(d+1) = x + 1, whose powers cover d dimensions evenly (Roberts 2018)
        for _ in range(40):
            root = (1 + root) ** (1 / (self.numbers + 1))
        rows = []
        for row in range(COMBINATIONS):
            category = [str(row % self.categories)] if self.categories else []
            spread = [round(2 * ((row + 0.5) * root ** -(k + 1) % 1) - 1, 4) for k in range(self.numbers)]
            rows.append((*category, *spread))
        return Conditions(tuple(each)).with_observed(rows)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        D = self.discriminator.build(Spec(spec.shape, state=spec.state))
        self._refuse_batch_norm(D, self.discriminator)
        features = feature_width(D, spec, self.discriminator.kind)
        return {"G": self.generator.build(spec), "D": Reader(D, features, spec.conditions)}

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        return super().d_loss(nets, self._coded(batch, rng), rng)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        coded = self._coded(batch, rng)
        terms = super().g_loss(nets, coded, rng)
        if not self.categories:
            return terms
        with torch.no_grad():
            view = self._view(nets, coded, rng)
            fake = self.make(nets, self._latents(coded, rng), coded, rng)
            read = bound(view(fake, "fake"), coded.c, self.categories)
        return Terms(terms.losses, terms.stats | {"information/c0": read})

    def extra_d_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        return {"information": at(self.information, rng.samples) * class_loss(context.on_fake, context.labels)}

    def extra_g_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        return self.extra_d_losses(context, rng)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        if request.labels is None or not request.labels.is_floating_point():
            vectors = torch.from_numpy(self._codes().vectors(request.seed, request.start, request.n))
            request = replace(request, labels=vectors.to(request.dtype))
        return latent.draw(nets, request, self.latents(request))

    def _lazy(self, penalty: Penalty):
        inner = super()._lazy(penalty)

        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            return inner(nets, self._coded(batch, rng), rng)

        return loss

    def _coded(self, batch: Batch, rng: Rng) -> Batch:
        """The batch with drawn codes [N, K] in place of labels."""
        n = len(batch)
        columns: list[list[Value]] = []
        if self.categories:
            columns.append([str(k) for k in rng.integers("c0", (n,), self.categories).tolist()])
        columns += [rng.uniform(f"c{k + 1}", (n,), -1, 1).tolist() for k in range(self.numbers)]
        vectors = torch.from_numpy(self._codes().encode(list(zip(*columns, strict=True))))
        return replace(batch, c=vectors.to(batch.x))


def bound(output: DiscriminatorOutput, codes: Tensor | None, categories: int) -> Tensor:
    """L_I of the category c0 [N], in nats."""
    assert output.classes is not None
    assert codes is not None
    asked = codes[:, :categories].argmax(1)
    return math.log(categories) - cross_entropy(wide(output.classes)[:, :categories], asked, reduction="none")
