"""Semi-supervised learning: a classifier that learns from few labeled samples and many without a label.

Salimans et al. 2016, "Improved Techniques for Training GANs"; Odena 2016. D has one logit l_k for each of K classes;
the logit of class K + 1, "generated", is fixed at 0. With l(x) = log Σ_k exp l_k(x), D takes x for real with
probability exp l(x) / (exp l(x) + 1), so l(x) is the logit of a usual discriminator.

    D minimizes   l(x) − l_y(x)                      on labeled samples: −log p(y | x, real)
                + u · ½ (softplus(−l(x)) on unlabeled samples + softplus(l(G(z))) on fakes)
                + e · H(p(y | x, real))              on unlabeled samples (Dai et al. 2017)
    G minimizes   ‖mean f(x) − mean f(G(z))‖²        feature matching on unlabeled samples, f: last hidden layer of D

Every second sample of a batch is a labeled one; these are taken in shuffled passes of their own, and each pass uses
every labeled sample once. The other half is drawn from all samples, labeled or not.

Dai et al. 2017, "Good Semi-supervised Learning That Requires a Bad GAN": G should generate samples between the classes
(a complement of the data), not good ones. Of their terms, `entropy` (e) and `terms=[feature_matching, pull_away]` are
available; the one that avoids samples of high density needs a density model and is not.

Departures: G's feature matching uses the unlabeled samples of D's step (in the paper another batch); z is normal.
N samples of a batch, N/2 labeled, K classes, features [N, F], losses [N/2].
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from ganforge.core.allowance import WithWeights
from ganforge.core.commands import command
from ganforge.core.condition_kinds import Category
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Order
from ganforge.core.errors import UserError
from ganforge.core.passes import indices
from ganforge.core.rng import Rng, seed_of
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, DiscriminatorOutput, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import Term
from ganforge.losses.feature_matching import FeatureMatching
from ganforge.signals import Steps
from ganforge.tasks import latent
from ganforge.tasks.acgan import feature_width
from ganforge.tasks.base import Phase, Samples
from ganforge.tasks.synthesis import Synthesis, weighted_losses


class Sgan(Synthesis, kind="sgan"):
    """A classifier from few labels and many samples without one, trained together with a generator."""

    terms: tuple[Term, ...] = (FeatureMatching(),)
    """Terms of G's loss: feature_matching as in the paper, and pull_away for more varied fakes (Dai et al. 2017)."""
    adversarial: Rate = 0.0
    """Weight of G's adversarial loss; 0 in the paper: G is trained by feature matching alone."""
    unlabeled: Rate = 1.0
    """Weight u of D's loss on unlabeled samples and fakes; 1 in the paper."""
    entropy: Rate = 0.0
    """Weight e of the entropy of D's prediction for unlabeled samples, so that it becomes certain (Dai et al. 2017)."""
    condition: str = ""
    """The condition to predict, a category; may be left out if there is only one, or if the data has classes."""
    supervised: bool = False
    """Train the classifier on the labeled samples alone, without a generator: the baseline for comparison."""

    def adapt(self, spec: Spec) -> Spec:
        if self.conditional or self.pack > 1:
            field = "conditional=true" if self.conditional else f"pack={self.pack}"
            raise UserError(
                f"task.{field}: sgan predicts the label of each single sample. Leave it out; to generate samples of a "
                "given class use acgan or cdcgan",
                code="task.unsupported_field",
            )
        names = self._category(spec.conditions).values if spec.conditions else latent.with_labels(spec, True).labels
        return replace(super().adapt(spec), predicts=names)

    def _category(self, conditions: Conditions) -> Category:
        categories = [one for one in conditions.each if isinstance(one, Category)]
        found = [one for one in categories if self.condition in ("", one.name)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(one.name for one in categories) or "none"
        raise UserError(
            f"task.condition={self.condition or '(not set)'}: name the condition to predict, one of those that are "
            f"categories (here: {known})",
            code="task.condition_not_a_category",
        )

    def check(self, batch: int) -> None:
        if batch % 2 or batch < 4:
            raise UserError(
                f"batch={batch}: half of a batch is labeled, so it must be even and at least 4 (times accumulate)",
                code="task.batch_not_even",
            )

    def order(self, spec: Spec, data: Samples) -> Order:
        if data.vectors is not None:
            one = self._category(data.conditions)
            vectors = data.vectors[:, data.conditions.slices[one.name]]
            targets = np.where(vectors[:, -1] > 0.5, -1, vectors[:, :-1].argmax(1))
        else:
            assert data.labels is not None, "checked by adapt"
            targets = data.labels
        return Halves(targets, spec.predicts)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        with WithWeights():  # the trained model needs D
            D = self.discriminator.build(Spec(spec.shape, state=spec.state))
        self._refuse_batch_norm(D, self.discriminator)
        features = feature_width(D, spec, self.discriminator.kind)
        return {"G": self.generator.build(spec), "D": ClassCritic(D, features, len(spec.predicts))}

    def generators(self) -> tuple[str, ...]:
        return ("D",) if self.supervised else ("G", "D")

    def phases(self) -> list[Phase]:
        return [Phase("D", self.labeled_loss, trains=("D",))] if self.supervised else super().phases()

    def labeled_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on the labeled half alone."""
        labeled, _, targets = halves(batch)
        output = self._view(nets, labeled, rng)(labeled.x, "labeled")
        return Terms({"classify": class_loss(output, targets)}, {"acc/labeled": right(output, targets)})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        labeled, unlabeled, targets = halves(batch)
        n = len(unlabeled)
        z = self._latents(unlabeled, rng)
        x = torch.cat([unlabeled.x, self._fakes(nets, z, unlabeled, rng), labeled.x])
        view = self._view(nets, unlabeled, rng)
        output = view(x, "all")  # in one pass, which is quicker
        on_real, on_fake, on_labeled = (part(output, k * n, (k + 1) * n) for k in range(3))
        losses = {
            "classify": class_loss(on_labeled, targets),
            "adversarial": at(self.unlabeled, rng.samples)
            * 0.5
            * self.objective.d(*self._with_flipped_labels(on_real.logits, on_fake.logits, rng)),
        }
        if weight := at(self.entropy, rng.samples):
            losses["entropy"] = weight * entropy(on_real)
        context = self._context(nets, unlabeled, view, x[:n], x[n : 2 * n], z)
        losses |= weighted_losses("penalties", self._every_step(), replace(context, player=nets.D), nets, rng)
        stats = latent.logit_stats(on_real.logits, on_fake.logits) | {"acc/labeled": right(on_labeled, targets)}
        return Terms(losses, stats | self._observe(on_real, nets, rng))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        return super().g_loss(nets, halves(batch)[1], rng)

    def _lazy(self, penalty):
        inner = super()._lazy(penalty)
        return lambda nets, batch, rng: inner(nets, halves(batch)[1], rng)

    def class_logits(self, nets: Nets, x: Tensor) -> Tensor:
        found = nets.D(x).classes
        assert found is not None
        return wide(found)

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        classify = ("classify", command("classify", folder, "split=test"))
        sample = ("make more", command("sample", folder, "-n", 64, "--grid", "grid.png"))
        return [classify] if self.supervised else [classify, sample]

    @property
    def can_sample(self) -> bool:
        return not self.supervised

    def sample(self, nets: Nets, request: Request) -> Tensor:
        if self.supervised:
            raise UserError(
                "this run trained a classifier alone (task.supervised=true), which generates no samples. Use it with "
                "ganforge classify",
                code="model.not_a_generator",
            )
        return super().sample(nets, request)


class ClassCritic(nn.Module):
    """A discriminator of K classes, whose logit is log Σ_k exp l_k."""

    def __init__(self, net: nn.Module, features: int, classes: int):
        super().__init__()
        self.net = net
        self.classify = nn.Linear(features, classes)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        features = self.net(x).features
        classes = wide(self.classify(features))
        return DiscriminatorOutput(classes.logsumexp(1), features, classes)


class Halves(Order):
    """Batches of which every second sample has a label: `extra["target"]` int64 [N], −1 for the others.

    Args:
        targets: of all samples, int64 [len], −1 without a label. names: of the classes.
    """

    def __init__(self, targets: np.ndarray, names: tuple[str, ...]):
        self.targets = targets.astype(np.int64)
        self.known = np.flatnonzero(self.targets >= 0)
        absent = [name for k, name in enumerate(names) if not (self.targets == k).any()]
        if absent:
            raise UserError(
                f"data: no sample is labeled {absent[0]!r}; each of the {len(names)} classes needs at least one",
                code="data.class_without_samples",
            )

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        rows, targets = np.empty(count, np.int64), np.full(count, -1, np.int64)
        rows[0::2] = indices(len(self.targets), seed, start // 2, (count + 1) // 2)
        places = indices(len(self.known), seed_of(seed, "labeled"), start // 2, count // 2)
        rows[1::2] = self.known[places]
        targets[1::2] = self.targets[rows[1::2]]
        return rows, {"target": targets}


def part(output: DiscriminatorOutput, start: int, stop: int) -> DiscriminatorOutput:
    """D's output for the samples start..stop."""
    assert output.features is not None
    assert output.classes is not None
    return DiscriminatorOutput(output.logits[start:stop], output.features[start:stop], output.classes[start:stop])


def halves(batch: Batch) -> tuple[Batch, Batch, Tensor]:
    """The labeled half of a batch, the other half, and the labels of the former, int64 [N/2]."""
    labeled, other = (replace(batch, x=batch.x[k::2], c=None, extra={}) for k in (1, 0))
    return labeled, other, batch.extra["target"][1::2]


def class_loss(output: DiscriminatorOutput, targets: Tensor) -> Tensor:
    """−log p(y | x, real) [N]."""
    assert output.classes is not None
    return cross_entropy(output.classes, targets, reduction="none")


def right(output: DiscriminatorOutput, targets: Tensor) -> Tensor:
    """1 where the class is predicted, else 0, [N]."""
    assert output.classes is not None
    return (output.classes.argmax(1) == targets).float()


def entropy(output: DiscriminatorOutput) -> Tensor:
    """The entropy of p(y | x, real) [N], in nats."""
    assert output.classes is not None
    logs = output.classes.log_softmax(1)
    return -(logs.exp() * logs).sum(1)
