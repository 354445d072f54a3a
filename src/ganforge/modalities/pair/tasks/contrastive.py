"""Contrastive image-to-image translation between two unpaired sets, one way, without a cycle.

Park et al. 2020, "Contrastive Learning for Unpaired Image-to-Image Translation" (CUT). With images a and b and
y = G(a), a place of y should tell more of the same place of a than of any other place of a:

    repeat:
        G, H take a step on   adversarial · mean over patches of objective.g(D(y))
                              + nce · NCE(y, a) + identity · NCE(G(b), b) + Σ weight · term
        D takes a step on     d_gain · mean over patches of objective.d(D(b), D(y)) + Σ weight · penalty

    NCE(y, x) = mean over layers l and places s of −log ( exp(q_s · k_s / τ) / Σ_t exp(q_s · k_t / τ) )
    q_s = H_l(G_l(y))_s,  k_t = H_l(G_l(x))_t, without a gradient

G_l: hidden layer l of G, H_l: two dense layers and a norm of 1, at `patches` places drawn again each time.

N: images of each kind in a batch, S: places.  a, b, y [N, C, H, W], q, k [N, S, width], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from ganforge.core.dataset import Dataset, Order
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Memory, Nets, Spec, Terms, wide
from ganforge.losses.base import Objective, Penalty, PerceptualNet, ReconstructionLoss, TranslatedPair
from ganforge.modalities.pair.tasks.domains import halves, one_of_each, two_domains, two_sets
from ganforge.modalities.pair.tasks.translating import (
    ChangesImages,
    reconstruction_losses,
    refuse_terms,
    through,
    with_lens,
)
from ganforge.nets.base import Discriminator, Translator, couples_batch
from ganforge.tasks.base import Phase, Samples
from ganforge.tasks.critics import DiscriminatorLosses, lazy_phases

PROBE = 64  # px of the image that the widths of G's layers are read from


class Pass(NamedTuple):
    """What G makes of a source, and G's hidden layers: of what was made, and of the source, these without gradients."""

    made: Tensor
    of_made: Sequence[Tensor]
    of_source: Sequence[Tensor]


class Contrastive(ChangesImages, kind="contrastive"):
    """Unpaired one-way translation: a translator G, a critic D, and a net H that compares places."""

    shows: ClassVar[tuple[str, ...]] = ("source", "made", "real")

    translator: Translator
    """The net that translates images."""
    critic: Discriminator
    """The net that tells its outputs from images of the target domain."""
    objective: Objective = Field(default="least_squares", validate_default=True)
    """The adversarial loss of the two."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties in D's loss."""
    terms: tuple[ReconstructionLoss, ...] = ()
    """Additional losses of G: style, total_variation."""
    lens: PerceptualNet = Field(default="critic", validate_default=True)
    """The net whose features style compares: critic (D's layers), vgg (needs a file of weights), random."""
    adversarial: Rate = 1.0
    """Weight of the adversarial loss in G's loss."""
    nce: Rate = 1.0
    """Weight of the contrastive loss, which keeps content in its place; 10 in FastCUT."""
    identity: Rate = 1.0
    """Weight of the contrastive loss on images of the target domain; 0 in FastCUT."""
    layers: tuple[int, ...] = Field(default=(0, 1, 2, 3), min_length=1)
    """Which of G's hidden layers are compared; 0 is the image itself."""
    patches: int = Field(default=256, ge=2)
    """Maximum number of places that are compared per layer."""
    width: int = Field(default=256, ge=1)
    """Size of the embeddings of H."""
    temperature: float = Field(default=0.07, gt=0)
    """τ: the smaller, the more the hardest negatives count."""
    d_gain: float = Field(default=1.0, gt=0)
    """Factor of D's loss."""

    @property
    def d_losses(self) -> DiscriminatorLosses:
        return DiscriminatorLosses(self.objective, self.penalties)

    def adapt(self, spec: Spec) -> Spec:
        spec = two_domains(spec)
        refuse_terms(self.terms, self.lens, critics=1, pairs=False)
        self.translator.check(spec, spec)
        return spec

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.critic.nearest(shape)

    def min_samples(self, batch: int) -> int:
        return 2  # a set goes round as often as it takes

    def order(self, spec: Spec, data: Samples) -> Order:
        return two_sets(data)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        G, D = self.translator.build(spec, spec), self.critic.build(spec)
        self.d_losses.refuse(spec, {"D": D})
        return {"G": G, "D": D, "H": Projections(self._widths(G, spec), self.width)}

    def memory(self, spec: Spec) -> Memory:
        parts = self.d_losses.memory({"D": self.critic.build(spec)}) if self.penalties else {}
        return with_lens(parts, self.lens, self.terms)

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("G", self.g_loss, trains=("G", "H")),
            Phase("D", self.d_loss, trains=("D",), gain=self.d_gain, order=self.d_losses.order),
            *lazy_phases(self.d_losses, ("D",), self._lazy, self.d_gain),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss on images of the target domain and on the outputs of G."""
        real, fake = self._sides(nets, batch)
        losses, seen = self.d_losses.d("D", nets, real, fake, rng)
        return Terms(losses, seen.stats)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The loss of G and H: adversarial, contrastive, and the terms."""
        a, b = halves(batch)
        identity = at(self.identity, rng.samples)
        of_a, *of_b = self.passes(nets.G, [a, b] if identity else [a])
        made = of_a.made
        batch.made["G"] = made.detach()
        on_made, on_real = nets.D(made), ()
        if self.objective.uses_real or any(term.sees != "pixels" for term in self.terms):
            with torch.no_grad():
                on_real = (nets.D(b),)
        game = self.d_losses.g(on_made, on_real[0] if on_real else None)
        losses = {"adversarial": at(self.adversarial, rng.samples) * game}
        losses["nce"] = at(self.nce, rng.samples) * self.contrast(nets, of_a, rng.at("nce"))
        if of_b:
            losses["identity"] = identity * self.contrast(nets, of_b[0], rng.at("identity"))
        look = TranslatedPair(made, b, made, None, (on_made,), on_real, through(self.lens, nets))
        return Terms(losses | reconstruction_losses(self.terms, look, self.lens, rng))

    def passes(self, G: Any, sources: Sequence[Tensor]) -> list[Pass]:
        """What G makes of each source. They go through G together where they do not depend on each other: one pass
        costs less than two."""
        if len(sources) > 1 and not couples_batch(G):
            (whole,) = self.passes(G, [torch.cat(list(sources))])
            made, of_made, of_source = (
                zip(*(h.chunk(len(sources)) for h in layers), strict=True)
                for layers in ([whole.made], whole.of_made, whole.of_source)
            )
            return [Pass(m, *layers) for (m,), *layers in zip(made, of_made, of_source, strict=True)]
        found = []
        for source in sources:
            made, of_source = G.with_features(source, self.layers)
            found.append(Pass(made, G.features(made, self.layers), [h.detach() for h in of_source]))
        return found

    def contrast(self, nets: Nets, of: Pass, rng: Rng) -> Tensor:
        """NCE [N] of what was made against its source."""
        found = []
        for k, (asked, known) in enumerate(zip(of.of_made, of.of_source, strict=True)):
            draws = rng.uniform(f"places/{k}", (len(asked), asked.shape[2] * asked.shape[3]))
            places = draws.topk(min(self.patches, draws.shape[1])).indices  # [N, S], no place twice
            with torch.no_grad():
                keys = project(nets, k, known, places)
            found.append(nce(project(nets, k, asked, places), keys, self.temperature))
        return torch.stack(found).mean(0)

    def sources_and_targets(self, dataset: Dataset, spec: Spec) -> tuple[Dataset, Dataset]:
        return one_of_each(dataset)

    def directions(self) -> tuple[str, ...]:
        return ("ab",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        if direction not in ("", "ab"):
            raise UserError(
                f"direction {direction!r}: this model translates only ab; a CycleGAN translates both ways",
                code="translate.unknown_direction",
            )
        return nets.G(source)

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor]:
        a, b = halves(batch)
        return [a, wide(self.translate(nets, a)), b]

    @torch.no_grad()
    def _sides(self, nets: Nets, batch: Batch) -> tuple[Tensor, Tensor]:
        a, b = halves(batch)
        return b, (batch.made["G"] if "G" in batch.made else nets.G(a)).to(b)

    @torch.no_grad()
    def _widths(self, G: Any, spec: Spec) -> list[int]:
        """The channels of the layers that are compared."""
        if max(self.layers) > G.depth:
            raise UserError(
                f"task.layers: {max(self.layers)}: the translator {self.translator.kind!r} has layers 0 to {G.depth}",
                code="task.unknown_layer",
            )
        G.eval()
        widths = [m.shape[1] for m in G.features(torch.zeros(1, spec.shape[0], PROBE, PROBE), self.layers)]
        G.train()
        return widths

    def _lazy(self, penalty: Penalty):
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            real, fake = self._sides(nets, batch)
            return Terms(self.d_losses.penalty_losses(penalty, "D", nets, real, fake, rng))

        return loss


class Projections(nn.Module):
    """H: for each layer two dense layers, [N, S, widths[l]] → [N, S, width] of length 1."""

    def __init__(self, widths: Sequence[int], width: int):
        super().__init__()
        self.nets = nn.ModuleList(
            nn.Sequential(nn.Linear(before, width), nn.ReLU(), nn.Linear(width, width)) for before in widths
        )
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, 0.0, 0.02)
                nn.init.zeros_(layer.bias)

    def forward(self, number: int, rows: Tensor) -> Tensor:
        return normalize(wide(self.nets[number](rows)), dim=2)


def project(nets: Nets, number: int, maps: Tensor, places: Tensor) -> Tensor:
    """H of a layer's maps [N, F, h, w] at some places [N, S] → [N, S, width]."""
    rows = maps.flatten(2).transpose(1, 2)  # [N, h·w, F]
    return nets.H(number, rows.gather(1, places[:, :, None].expand(-1, -1, rows.shape[2])))


def nce(asked: Tensor, known: Tensor, temperature: float) -> Tensor:
    """The loss [N] of rows [N, S, width], each of which should be nearest to the known row of the same number."""
    logits = asked @ known.transpose(1, 2) / temperature  # [N, S, S]
    n, s = logits.shape[:2]
    same = torch.arange(s, device=logits.device).expand(n, s)
    return cross_entropy(logits.transpose(1, 2), same, reduction="none").mean(1)
