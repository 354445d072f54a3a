"""Samples that match a sentence: D scores pairs of sample and sentence, real samples with wrong sentences among them.

Reed et al. 2016, "Generative Adversarial Text to Image Synthesis" (the matching-aware discriminator); Zhang et al.
2021, "Cross-Modal Contrastive Learning for Text-to-Image Generation" (contrast); Tao et al. 2022, "DF-GAN: A Simple and
Effective Baseline for Text-to-Image Synthesis" (the matching-aware gradient penalty).

    D minimizes  objective.d(D(x, t), D(G(z, t), t)) + mismatch · objective.d(D(x, t), D(x, t'))
                 + contrast · C(x, t) + gradient_penalty · (‖∇_x D(x, t)‖ + ‖∇_e D(x, t)‖)^6
    G minimizes  objective.g(D(G(z, t), t)) + contrast · C(G(z, t), t)
    C(x, t)      −log softmax_j(s(x_i) · e(t_j) / τ)[i] − log softmax_j(s(x_j) · e(t_i) / τ)[i]

t: the sentence of x, t' that of another sample. With mismatch 1 the first line is twice the loss of Reed et al., in
which wrong pairs and fakes count half each. s: what D sees, e: the vector of a sentence by D's text encoder, both of
length 1; D learns C from real samples only, and sentences that are the same are no wrong ones of each other.

Departures: the text encoders are trained with D and G, not before; contrast with whole sentences only.

N samples, K numbers of their conditions, c [N, K], logits and losses [N].
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import LossContext
from ganforge.nets.sentences import described
from ganforge.nets.sentences.base import SentenceEncoder
from ganforge.tasks.acgan import feature_width
from ganforge.tasks.base import Phase
from ganforge.tasks.synthesis import Synthesis
from ganforge.tasks.view import View

SHARPNESS = 10.0
"""1/τ of the contrast."""
POWER = 6


class Matching(Synthesis, kind="matching"):
    """New samples that match a sentence; D is also shown real samples with wrong sentences."""

    reads_texts: ClassVar[bool] = True

    conditional: bool = True
    """Must be true: this task needs captions."""
    sentence_encoder: SentenceEncoder
    """How sentences are read, such as gru; G and D each train one of their own."""
    mismatch: Rate = 1.0
    """Weight of D's loss on real samples with the sentences of others; 1 in the paper."""
    contrast: Rate = 0.0
    """Weight of telling the sentence of a sample from the others of its batch, for D and G; 0: none."""
    gradient_penalty: Rate = 0.0
    """Weight of the penalty on D's gradient at real samples and their sentences; 2 in DF-GAN."""

    def adapt(self, spec: Spec) -> Spec:
        if not self.conditional:
            raise UserError(
                "task.conditional=false: matching needs captions. Leave it true, or use task.kind=synthesis",
                code="task.must_be_conditional",
            )
        if self.pack > 1:
            raise UserError(
                f"task.pack={self.pack}: matching compares single samples with sentences. Leave it at 1",
                code="task.pack_unsupported",
            )
        if not spec.conditions.texts:
            raise UserError(
                "task: this recipe needs a sentence for each sample, and the data has none. Name a table of them "
                "(captions=captions.csv), or captions=sidecars for a .txt beside each file",
                code="task.no_captions",
            )
        return self.sentence_encoder.adapt(super().adapt(spec))

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        features = None
        if self._contrasts:
            inner = described.inner_spec(spec, self.sentence_encoder)
            features = lambda D: feature_width(D, inner, self.discriminator.kind, labeled=True)  # noqa: E731
        D = described.discriminator(self.discriminator, self.sentence_encoder, spec, features)
        self._refuse_batch_norm(D, self.discriminator)
        return {"G": described.generator(self.generator, self.sentence_encoder, spec), "D": D}

    @property
    def _contrasts(self) -> bool:
        return self.contrast != 0

    def phases(self) -> list[Phase]:
        found = super().phases()
        if self.gradient_penalty == 0:
            return found
        return [*found[:-1], Phase("D/matching", self.penalty, trains=("D",), order=2), found[-1]]

    def penalty(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """(‖∇_x D‖ + ‖∇_e D‖)^6 [N] at real samples x and the vectors e of their sentences."""
        D: Any = nets.D
        x = wide(batch.x.detach()).requires_grad_()
        vector = wide(D.reading(batch.c)[0].detach()).requires_grad_()
        logits = wide(D.net(x, vector).logits)
        by_x, by_e = torch.autograd.grad(logits.sum(), (x, vector), create_graph=True)
        norm = by_x.flatten(1).square().sum(1).add(1e-12).sqrt() + by_e.square().sum(1).add(1e-12).sqrt()
        return Terms({"gradient_penalty": at(self.gradient_penalty, rng.samples) * norm**POWER})

    def _context(self, nets: Nets, batch: Batch, view: View, *rest, **more) -> LossContext:  # type: ignore[override]
        return replace(super()._context(nets, batch, view, *rest, **more), player=nets.D)

    def extra_d_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        losses: dict[str, Tensor] = {}
        real, c, D = context.on_real, context.labels, context.player
        assert real is not None
        assert c is not None
        assert D is not None
        weight = at(self.mismatch, rng.samples)
        if weight and len(c) > 1:
            wrong = wide(D(context.real, c.roll(1, 0)).logits)
            differs = (c != c.roll(1, 0)).any(1)
            losses["mismatch"] = weight * differs * self.objective.d(real.logits, wrong)
        if self._contrasts:
            losses["contrast"] = at(self.contrast, rng.samples) * contrast(D, real, c)
        return losses

    def extra_g_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        if not self._contrasts:
            return {}
        assert context.on_fake is not None
        assert context.labels is not None
        return {"contrast": at(self.contrast, rng.samples) * contrast(context.player, context.on_fake, context.labels)}

    def sample(self, nets: Nets, request: Request) -> Tensor:
        """Samples [n, ...]; with `request.extra`, between two sentences: `toward` [n, K] and `share` [n]."""
        assert request.labels is not None
        z = self.latents(request).to(request.device, request.dtype)
        extra = {name: value.to(request.device) for name, value in request.extra.items()}
        return nets.G(z, request.labels.to(request.device), **extra)


def contrast(D: nn.Module | None, output: DiscriminatorOutput, c: Tensor) -> Tensor:
    """C(x, t) [N] from D's output for samples x with conditions c [N, K]."""
    assert isinstance(D, described.DescribedD)
    seen = normalize(wide(D.seen(output)), dim=1)
    meant = normalize(wide(D.reading(c)[1].sentence), dim=1)
    same = (c[:, None] == c[None]).all(2) & ~torch.eye(len(c), dtype=torch.bool, device=c.device)
    scores = (SHARPNESS * seen @ meant.T).masked_fill(same, -torch.inf)
    own = torch.arange(len(c), device=c.device)
    return cross_entropy(scores, own, reduction="none") + cross_entropy(scores.T, own, reduction="none")
