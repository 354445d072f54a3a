"""Synthesis: new samples from random latents, the standard GAN (Goodfellow et al. 2014).

    repeat:
        d_steps times:  D minimizes  objective.d(D(x, c), D(G(z, c), c)) + Σ weight · penalty
        once:           G minimizes  adversarial · objective.g(D(G(z, c), c)) + Σ weight · term

D sees samples through a `View`: augmented, with noise, in packs. Fields for other techniques against instability:

    flip_labels   real and fake labels are swapped for some of D's pairs   noisy labels, Salimans et al. 2016
    top_k         G is trained only on the fakes with the highest logits   Sinha et al. 2020
    terms         feature matching and historical averaging                Salimans et al. 2016

TTUR (Heusel et al. 2017) is available through the learning rates of the two optimizers.

N: samples in the batch, M: packs in it (N without packing), L: dimension of the latents. x [N, *shape] real samples, c
[N] their labels (or None), z [N, L] ~ N(0, 1). Losses are [M].
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.augment.base import Augment
from ganforge.core.component import fields_of
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Memory, Nets, Request, Spec, Terms, wide
from ganforge.losses.base import LossContext, Objective, Penalty, Term
from ganforge.nets.base import Discriminator, DiscriminatorOutput, Generator
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.view import Packed, View, packed_spec


class Synthesis(Task, kind="synthesis"):
    """New samples from random latents: a GAN with a generator G and a discriminator D."""

    reads_texts: ClassVar[bool] = False
    """Whether conditions that are texts are read."""

    generator: Generator
    """The net that generates samples."""
    discriminator: Discriminator
    """The net that classifies samples as real or fake."""
    objective: Objective
    """The adversarial loss."""
    penalties: tuple[Penalty, ...] = ()
    """Regularization terms of D's loss, such as r1."""
    terms: tuple[Term, ...] = ()
    """Additional terms of G's loss, such as feature_matching."""
    adversarial: Rate = 1.0
    """Weight of G's adversarial loss; with 0, G is trained only with `terms`."""
    conditional: bool = False
    """Condition both G and D on the class label."""
    d_steps: int = Field(default=1, ge=1)
    """Number of D steps per G step, each on a new batch (n_critic)."""
    augment: Augment | None = None
    """Augmentation of D's input, for reals and fakes alike, such as ada; null: none."""
    noise: Rate = 0.0
    """Standard deviation of Gaussian noise added to D's input (instance noise); best as a schedule that ends at 0."""
    flip_labels: Rate = 0.0
    """Fraction of real-fake pairs whose labels are swapped in D's loss; 0.05 is usual, with 0.5 D learns nothing."""
    top_k: Rate = 1.0
    """Fraction of the fakes on which G is trained, those with the highest logits; best as a schedule from 1 to 0.5."""
    pack: int = Field(default=1, ge=1)
    """Number of samples that D classifies jointly (PacGAN), against mode collapse. Must divide the batch size."""

    def adapt(self, spec: Spec) -> Spec:
        spec = latent.with_labels(spec, self.conditional, self.reads_texts)
        self._check_augment(spec)
        for penalty in self.penalties:
            penalty.check(spec)
        for name, rate in (("flip_labels", self.flip_labels), ("top_k", self.top_k), ("noise", self.noise)):
            start = at(rate, 0)
            if start < 0 or (start > 1 and name != "noise"):
                raise UserError(
                    f"task.{name}={start:g}: it must be {'at least 0' if name == 'noise' else 'from 0 to 1'}",
                    code="task.out_of_range",
                )
        for name, loss_terms in (("penalties", self.penalties), ("terms", self.terms)):
            kinds = [term.kind for term in loss_terms]
            if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
                raise UserError(
                    f"task.{name}: {min(twice)} is listed twice; list it once with the sum of the weights",
                    code="task.duplicate_term",
                )
        return spec

    def _check_augment(self, spec: Spec) -> None:
        """Raises UserError if the augmentation is not defined for the samples that D sees."""
        if self.augment is not None:
            self.augment.check(spec)

    def check(self, batch: int) -> None:
        if batch % self.pack:
            fits = self.pack * max(1, round(batch / self.pack))
            raise UserError(
                f"task.pack={self.pack} does not divide the {batch} samples that D gets at a time. Use "
                f"batch={fits} (times accumulate), or a pack that divides it",
                code="task.pack_not_a_divisor",
            )

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return latent.nearest_for_both(self.generator, self.discriminator, shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        return {"G": self.generator.build(spec), "D": self._critic(self.discriminator, spec)}

    def _critic(self, discriminator: Discriminator, spec: Spec) -> nn.Module:
        """D for samples of this spec, single or in packs."""
        if self.pack == 1:
            D = discriminator.build(spec)
        else:
            D = Packed(discriminator.build(packed_spec(spec, self.pack)), self.pack, spec.classes)
        self._refuse_batch_norm(D, discriminator)
        return D

    def memory(self, spec: Spec) -> Memory:
        return Memory(self._initial_memory(lambda: self.players(spec)))

    def _initial_memory(self, players: Callable[[], dict[str, nn.Module]]) -> dict[str, Tensor]:
        """The initial memory of augmentation and losses for given G and D."""
        found = {f"augment.{k}": v for k, v in (self.augment.memory() if self.augment else {}).items()}
        if any(type(p).memory not in (Penalty.memory, Term.memory) for p in (*self.penalties, *self.terms)):
            for where, term, player in self._loss_terms(players()):  # the state of some depends on their shapes
                found |= {f"{where}.{k}": v for k, v in term.memory(player).items()}
        return found

    def _loss_terms(self, players: dict[str, nn.Module]) -> list[tuple[str, Penalty | Term, nn.Module]]:
        of_d = [(f"penalties.{p.kind}", p, players["D"]) for p in self.penalties]
        return [*of_d, *((f"terms.{t.kind}", t, players["G"]) for t in self.terms)]

    def phases(self) -> list[Phase]:
        order = max([1, *(p.order for p in self._every_step())])
        lazy = [
            Phase(f"D/{p.kind}", self._lazy(p), trains=("D",), every=p.every, gain=p.every, order=p.order)
            for p in self.penalties
            if p.every > 1
        ]
        return [
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, order=order),
            *lazy,
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on real samples and on the same number of fakes with the same labels."""
        view = self._view(nets, batch, rng)
        z = self._latents(batch, rng)
        gradient_at = {penalty.gradient_at for penalty in self._every_step()}
        real = leaf(view.join(batch.x), "real" in gradient_at)
        fake = leaf(view.join(self._fakes(nets, z, batch, rng)), "fake" in gradient_at)
        on_real, on_fake = view(real, "real"), view(fake, "fake")
        losses = {"adversarial": self.objective.d(*self._with_flipped_labels(on_real.logits, on_fake.logits, rng))}
        context = self._context(nets, batch, view, real, fake, z, on_real, on_fake)
        losses |= self.extra_d_losses(context, rng)
        losses |= weighted_losses("penalties", self._every_step(), replace(context, player=nets.D), nets, rng)
        return Terms(losses, latent.logit_stats(on_real.logits, on_fake.logits) | self._observe(on_real, nets, rng))

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on new fakes."""
        view = self._view(nets, batch, rng)
        z = self._latents(batch, rng)
        fake = view.join(self.make(nets, z, batch, rng))
        real = view.join(batch.x)
        on_fake = view(fake, "fake")
        on_real: DiscriminatorOutput | None = None
        if self.objective.uses_real or any(term.uses_real for term in self.terms):
            with torch.no_grad():
                on_real = view(real, "real")
        real_logits = on_real.logits if on_real and self.objective.uses_real else None
        loss = self.objective.g(on_fake.logits, real_logits)
        losses = {"adversarial": at(self.adversarial, rng.samples) * self._top_k(loss, on_fake.logits, rng)}
        context = self._context(nets, batch, view, real, fake, z, on_real, on_fake)
        losses |= self.extra_g_losses(context, rng)
        return Terms(losses | weighted_losses("terms", self.terms, replace(context, player=nets.G), nets, rng))

    def make(self, nets: Nets, z: Tensor, batch: Batch, rng: Rng) -> Tensor:
        """Fakes [N, *shape] from latents z [N, L] during training; override it if G has inputs other than z and a
        label."""
        return nets.G(z, batch.c)

    def extra_d_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        """Additional losses [M] of D in a subclass, by name; here none."""
        return {}

    def extra_g_losses(self, context: LossContext, rng: Rng) -> dict[str, Tensor]:
        """Additional losses [M] of G in a subclass, by name; here none."""
        return {}

    def latents(self, request: Request) -> Tensor:
        return latent.rows_of(request, self.generator)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        return latent.draw(nets, request, self.latents(request))

    def styles(self, nets: Nets, request: Request) -> Tensor | None:
        return latent.latents_of_layers(nets, request, self.latents(request))

    def _every_step(self) -> list[Penalty]:
        """The penalties applied in every step of D; each of the others has its own phase."""
        return [penalty for penalty in self.penalties if penalty.every == 1]

    def _lazy(self, penalty: Penalty):
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            view = self._view(nets, batch, rng)
            z, real = self._latents(batch, rng), view.join(batch.x)
            # fakes that the penalty does not look at would cost a pass through G
            fake = real if penalty.gradient_at == "real" else view.join(self._fakes(nets, z, batch, rng))
            context = self._context(nets, batch, view, real, fake, z)
            return Terms(weighted_losses("penalties", [penalty], replace(context, player=nets.D), nets, rng))

        return loss

    def _latents(self, batch: Batch, rng: Rng) -> Tensor:
        return rng.normal("z", (len(batch), self.generator.latent))

    @torch.no_grad()
    def _fakes(self, nets: Nets, z: Tensor, batch: Batch, rng: Rng) -> Tensor:
        return self.make(nets, z, batch, rng)

    def _view(self, nets: Nets, batch: Batch, rng: Rng) -> View:
        return View(nets.D, batch.c, rng, nets.memory, self.pack, at(self.noise, rng.samples), self.augment)

    def _context(self, nets: Nets, batch: Batch, view: View, real, fake, z, on_real=None, on_fake=None) -> LossContext:
        return LossContext(
            critic=view.critic,
            real=real,
            fake=fake,
            on_real=on_real,
            on_fake=on_fake,
            deterministic=view.deterministic,
            z=z,
            generator=lambda z: view.join(nets.G(z, batch.c)),
            labels=batch.c,
        )

    def _with_flipped_labels(self, real: Tensor, fake: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """The logits [M] labeled real and those labeled fake, after swapping a fraction of the pairs."""
        share = at(self.flip_labels, rng.samples)
        if not share:
            return real, fake
        wrong = rng.uniform("flip", real.shape) < share
        return torch.where(wrong, fake, real), torch.where(wrong, real, fake)

    def _top_k(self, loss: Tensor, logits: Tensor, rng: Rng) -> Tensor:
        """G's losses [at most M] of the fakes with the highest logits."""
        share = at(self.top_k, rng.samples)
        if share >= 1:
            return loss
        return loss[logits.detach().topk(max(1, math.ceil(share * len(logits)))).indices]

    def _observe(self, on_real: DiscriminatorOutput, nets: Nets, rng: Rng) -> dict[str, Tensor]:
        if self.augment is None:
            return {}
        memory = nets.memory.part("augment")
        self.augment.observe(on_real.logits.detach(), memory, rng.samples)
        return {f"augment/{name}": value for name, value in self.augment.stats(memory).items()}

    def _refuse_batch_norm(self, D: nn.Module, discriminator: Discriminator) -> None:
        loss_terms = [penalty.kind for penalty in self.penalties if penalty.per_sample]
        if loss_terms and any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in D.modules()):
            other = "task.discriminator.norm=layer, spectral or none"
            if "norm" not in fields_of(type(discriminator)):
                other = "a discriminator without it, such as task.discriminator.kind=mlp"
            raise UserError(
                f"task.penalties: {loss_terms[0]} needs per-sample gradients, and the discriminator "
                f"{discriminator.kind!r} has batch norm, with which each logit depends on the whole batch. "
                f"Use {other}, or remove {loss_terms[0]}",
                code="task.discriminator_mixes_batch",
            )


def weighted_losses(
    where: str, loss_terms: Sequence[Penalty | Term], context: LossContext, nets: Nets, rng: Rng
) -> dict[str, Tensor]:
    """The weighted loss [M] of each term, by kind; each has its own random draws and memory."""
    losses: dict[str, Tensor] = {}
    for term in loss_terms:
        own = replace(context, rng=rng.at(f"{where}/{term.kind}"), memory=nets.memory.part(f"{where}.{term.kind}"))
        losses[term.kind] = at(term.weight, rng.samples) * term.loss(own)
    return losses


def leaf(x: Tensor, wanted: bool) -> Tensor:
    """x; if `wanted`, a detached leaf tensor that requires a gradient, in at least float32."""
    return wide(x.detach()).requires_grad_() if wanted else x


def critic_terms(
    nets: Nets,
    real: Tensor,
    fake: Tensor,
    c: Tensor | None,
    objective: Objective,
    penalties: Sequence[Penalty],
    rng: Rng,
) -> Terms:
    """The loss of a plain D, without augmentation or packing, on real and generated samples with the same labels."""
    places = {penalty.gradient_at for penalty in penalties}
    real, fake = leaf(real, "real" in places), leaf(fake, "fake" in places)
    on_real, on_fake = nets.D(real, c), nets.D(fake, c)

    def critic(x: Tensor) -> Tensor:
        return nets.D(x, c).logits

    context = LossContext(
        critic=critic, real=real, fake=fake, on_real=on_real, on_fake=on_fake, deterministic=True, player=nets.D,
        labels=c,
    )  # fmt: skip
    losses = {"adversarial": objective.d(on_real.logits, on_fake.logits)}
    losses |= weighted_losses("penalties", penalties, context, nets, rng)
    return Terms(losses, latent.logit_stats(on_real.logits, on_fake.logits))
