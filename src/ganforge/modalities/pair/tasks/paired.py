"""Paired image-to-image translation.

Isola et al. 2017, "Image-to-Image Translation with Conditional Adversarial Networks" (pix2pix); Ledig et al. 2017
(SRGAN) and Wang et al. 2018 (ESRGAN), whose sources are the targets made small; Yu et al. 2019 and Suvorov et al. 2022
(LaMa), whose sources are the targets with holes. With s the source, t the target, y = G(s):

    repeat:
        G takes a step on        adversarial · mean over patches and critics of objective.g(D(y, s))
                                 + Σ weight · term(y, t)
        each D takes a step on   d_gain · ( mean over patches of objective.d(D(t, s), D(y, s)) + Σ weight · penalty )

The critics score the y of G's step: an image is generated once.

D sees s beside t and y where the game is conditional, else t and y alone. Without critics G has its terms alone: so
SRResNet, and so a GAN's first `alone` samples. Where the source has a mask m (1: to be filled), y = m·G(s) + (1 − m)·s.

N: samples in the batch.  s [N, Cs, h, w], t, y [N, C, H, W], m [N, 1, H, W], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.component import Count
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Memory, Nets, Spec, Terms, wide
from ganforge.losses.base import Objective, Penalty, PerceptualNet, ReconstructionLoss, TranslatedPair
from ganforge.modalities.pair.tasks.translating import (
    ChangesImages,
    as_image,
    by_critic,
    decibels,
    enlarged,
    reconstruction_losses,
    refuse_terms,
    source_spec,
    through,
    with_lens,
)
from ganforge.nets.base import Discriminator, Translator
from ganforge.tasks.base import Phase
from ganforge.tasks.critics import DiscriminatorLosses, lazy_phases, names_of


class Paired(ChangesImages, kind="paired"):
    """Image translation learned from pairs: a translator G and any number of critics D."""

    shows: ClassVar[tuple[str, ...]] = ("source", "made", "real")

    translator: Translator
    """The net that translates images."""
    critics: tuple[Discriminator, ...] = ()
    """The critics of its outputs; none for a regression on the terms alone."""
    objective: Objective = Field(default="non_saturating", validate_default=True)
    """The adversarial loss of G and each critic."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties in the critics' losses."""
    terms: tuple[ReconstructionLoss, ...] = ()
    """Additional losses of G: l1, perceptual and others."""
    lens: PerceptualNet = Field(default="critic", validate_default=True)
    """The net whose features perceptual and style compare: critic (the critics' layers), vgg (needs a file of weights),
    random."""
    adversarial: Rate = 1.0
    """Weight of the adversarial loss in G's loss."""
    d_gain: float = Field(default=1.0, gt=0)
    """Factor of the critics' loss; pix2pix uses 0.5 to slow D down."""
    conditional: bool = False
    """Give the critics the source together with the image."""
    alone: Count = 0
    """Number of samples on which G is trained by its terms alone, before the critics join."""

    @property
    def d_losses(self) -> DiscriminatorLosses:
        return DiscriminatorLosses(self.objective, self.penalties)

    def names(self) -> tuple[str, ...]:
        return names_of(self.critics)

    def adapt(self, spec: Spec) -> Spec:
        source = source_spec(spec)
        if source.state.get("mask") and source.shape != (spec.shape[0] + 1, *spec.shape[1:]):
            raise UserError(
                f"task: the source has a mask, so it must be the target plus one channel; it is "
                f"{list(source.shape)} for a target of {list(spec.shape)}",
                code="task.wrong_mask",
            )
        refuse_terms(self.terms, self.lens, len(self.critics), pairs=True)
        if not self.critics and not self.terms:
            raise UserError(
                "task: has no loss: give it critics or terms, as in task.critics=[patchgan] or task.terms=[l1]",
                code="task.no_loss",
            )
        if not self.critics and self.penalties:
            raise UserError(
                f"task.penalties: {self.penalties[0].kind} applies to critics, and this task has none. Give it one, as "
                "in task.critics=[patchgan], or leave the penalties out",
                code="task.no_critics",
            )
        self.translator.check(source, spec)
        return Spec(spec.shape, state=spec.state)  # labels are not used

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for critic in self.critics:
            shape = critic.nearest(shape)
        return shape

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        source = source_spec(spec)
        G = self.translator.build(source, spec)
        beside = source.shape[0] if self.conditional else 0
        seen = Spec((spec.shape[0] + beside, *spec.shape[1:]), state=spec.state)
        critics = {name: critic.build(seen) for name, critic in zip(self.names(), self.critics, strict=True)}
        self.d_losses.refuse(spec, critics)
        return {"G": Filler(G) if source.state.get("mask") else G, **critics}

    def memory(self, spec: Spec) -> Memory:
        critics = {k: net for k, net in self.players(spec).items() if k != "G"} if self.penalties else {}
        return with_lens(self.d_losses.memory(critics), self.lens, self.terms)

    def phases(self) -> Sequence[Phase]:
        if not self.critics:
            return [Phase("G", self.g_loss, trains=("G",))]
        d_losses, names = self.d_losses, self.names()
        lazy = lazy_phases(d_losses, names, self._lazy, self.d_gain, self.alone)
        judge = Phase("D", self.d_loss, names, gain=self.d_gain, order=d_losses.order, after=self.alone)
        return [Phase("G", self.g_loss, trains=("G",)), judge, *lazy]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The critics' losses on targets and on what G makes of the sources."""
        real, fake = self._sides(nets, batch)
        losses: dict[str, Tensor] = {}
        stats: dict[str, Tensor] = {}
        for name in self.names():
            own, seen = self.d_losses.d(name, nets, real, fake, rng)
            losses, stats = losses | own, seen.stats | stats
        return Terms(losses, stats)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on what it makes of the sources."""
        source = batch.extra["source"]
        raw: Tensor = nets.G.raw(source) if isinstance(nets.G, Filler) else nets.G(source)
        made, mask = filled(raw, source) if isinstance(nets.G, Filler) else (raw, None)
        batch.made["G"] = made.detach()
        game = bool(self.critics) and rng.samples >= self.alone
        terms = [t for t in self.terms if game or not self._asks_critics(t)]
        on_made = tuple(nets[name](self._shown(made, source)) for name in self.names()) if game else ()
        on_target = ()
        if game and (self.objective.uses_real or any(self._asks_critics(term) for term in terms)):
            with torch.no_grad():
                on_target = tuple(nets[name](self._shown(batch.x, source)) for name in self.names())
        look = TranslatedPair(made, batch.x, raw, mask, on_made, on_target, through(self.lens, nets))
        losses = reconstruction_losses(terms, look, self.lens, rng)
        if game:
            parts = [self.d_losses.g(seen, on_target[k] if on_target else None) for k, seen in enumerate(on_made)]
            losses["adversarial"] = at(self.adversarial, rng.samples) * torch.stack(parts).mean(0)
        return Terms(losses, {"psnr": decibels(made, batch.x)})

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        return nets.G(source)

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor]:
        source = batch.extra["source"]
        return [as_image(source, batch.x), wide(self.translate(nets, source)), batch.x]

    def _asks_critics(self, term: ReconstructionLoss) -> bool:
        return term.sees == "critics" or (term.sees == "lens" and by_critic(self.lens))

    def _shown(self, x: Tensor, source: Tensor) -> Tensor:
        """What the critics see of an image."""
        return torch.cat([enlarged(source, x).to(x), x], 1) if self.conditional else x

    @torch.no_grad()
    def _sides(self, nets: Nets, batch: Batch) -> tuple[Tensor, Tensor]:
        source = batch.extra["source"]
        made = batch.made["G"] if "G" in batch.made else nets.G(source)
        return self._shown(batch.x, source), self._shown(made.to(batch.x), source)

    def _lazy(self, penalty: Penalty):
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            real, fake = self._sides(nets, batch)
            parts = [self.d_losses.penalty_losses(penalty, name, nets, real, fake, rng) for name in self.names()]
            return Terms({name: penalty_losses for own in parts for name, penalty_losses in own.items()})

        return loss


class Filler(nn.Module):
    """G where a part of the image is known: source [N, C + 1, H, W], its last channel the mask → [N, C, H, W]."""

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, source: Tensor) -> Tensor:
        return filled(self.net(source), source)[0]

    def raw(self, source: Tensor) -> Tensor:
        """What the translator makes, known parts too."""
        return self.net(source)


def filled(raw: Tensor, source: Tensor) -> tuple[Tensor, Tensor]:
    """What was made where the mask says so and the source elsewhere, [N, C, H, W], and the mask [N, 1, H, W]."""
    known, mask = source[:, :-1], source[:, -1:]
    return torch.where(mask > 0.5, raw, known.to(raw)), mask
