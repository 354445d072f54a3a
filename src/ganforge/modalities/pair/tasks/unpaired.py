"""Unpaired image-to-image translation between two sets, both ways.

Zhu et al. 2017, "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks" (CycleGAN). With
images a and b, G_ab: a → b, G_ba: b → a, and ã = G_ba(b), b̃ = G_ab(a):

    repeat:
        G_ab, G_ba take a step on   adversarial · Σ mean over patches of objective.g(D_b(b̃)), and alike for ã
                                    + cycle · (|G_ba(b̃) − a| + |G_ab(ã) − b|)
                                    + cycle · identity · (|G_ab(b) − b| + |G_ba(a) − a|)
        D_a, D_b take a step on     d_gain · mean over patches of objective.d(D_a(a), D_a(ã′)), and alike for b

ã′, b̃′ come out of pools of the last `pool` fakes (Shrivastava et al. 2017): once a pool is full, each fake is shown to
D as it is in one case of two, and else takes the place of one in the pool, which is shown.

N: images of each kind in a batch.  a, b [N, C, H, W], |·| means over an image, losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.dataset import Dataset, Order
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Memory, Nets, Spec, Terms, wide
from ganforge.losses.base import Objective, Penalty
from ganforge.modalities.pair.tasks.domains import halves, one_of_each, two_domains, two_sets
from ganforge.modalities.pair.tasks.translating import ChangesImages
from ganforge.nets.base import Discriminator, Translator, couples_batch
from ganforge.tasks.base import Phase, Samples
from ganforge.tasks.critics import DiscriminatorLosses, lazy_phases

CRITICS = ("D_a", "D_b")
TRANSLATORS = ("G_ab", "G_ba")


class Unpaired(ChangesImages, kind="unpaired"):
    """Unpaired two-way translation: two translators that invert each other, and two critics."""

    shows: ClassVar[tuple[str, ...]] = ("a", "a to b", "back", "b", "b to a", "back")

    translator: Translator
    """The net of G_ab and of G_ba."""
    critic: Discriminator
    """The net of D_a and of D_b."""
    objective: Objective = Field(default="least_squares", validate_default=True)
    """The adversarial loss of each translator and the critic of its target domain."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties in the critics' losses."""
    adversarial: Rate = 1.0
    """Weight of the adversarial loss in the translators' loss."""
    cycle: Rate = 10.0
    """Weight of the cycle-consistency loss."""
    identity: Rate = 0.5
    """Weight, relative to `cycle`, of the identity loss on images of the target domain, which preserves colors."""
    pool: int = Field(default=50, ge=0)
    """Size of each critic's pool of earlier fakes; 0 shows only the newest ones."""
    d_gain: float = Field(default=1.0, gt=0)
    """Factor of the critics' loss."""

    @property
    def d_losses(self) -> DiscriminatorLosses:
        return DiscriminatorLosses(self.objective, self.penalties)

    def adapt(self, spec: Spec) -> Spec:
        spec = two_domains(spec)
        self.translator.check(spec, spec)
        return spec

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.critic.nearest(shape)

    def min_samples(self, batch: int) -> int:
        return 2  # a set goes round as often as it takes

    def order(self, spec: Spec, data: Samples) -> Order:
        return two_sets(data)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        critics = {name: self.critic.build(spec) for name in CRITICS}
        self.d_losses.refuse(spec, critics)
        return {name: self.translator.build(spec, spec) for name in TRANSLATORS} | critics

    def generators(self) -> tuple[str, ...]:
        return TRANSLATORS

    def memory(self, spec: Spec) -> Memory:
        found: dict[str, Tensor] = {}
        for name in CRITICS if self.pool else ():
            found |= {f"pool.{name}.pictures": torch.zeros(self.pool, *spec.shape)}
            found |= {f"pool.{name}.count": torch.zeros((), dtype=torch.int64)}
        if self.penalties:
            found |= self.d_losses.memory({name: self.critic.build(spec) for name in CRITICS})
        return Memory(found, apart=[name for name in found if name.endswith(".pictures")])

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("G", self.g_loss, trains=TRANSLATORS),
            Phase("D", self.d_loss, trains=CRITICS, gain=self.d_gain, order=self.d_losses.order),
            *lazy_phases(self.d_losses, CRITICS, self._lazy, self.d_gain),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The critics' losses on real images and on fakes from the pools."""
        a, b = halves(batch)
        losses: dict[str, Tensor] = {}
        stats: dict[str, Tensor] = {}
        for name, maker, real, source in (("D_a", "G_ba", a, b), ("D_b", "G_ab", b, a)):
            with torch.no_grad():
                fake = (batch.made[maker] if maker in batch.made else nets[maker](source)).to(real)
            if self.pool:
                fake = out_of_pool(nets.memory.part(f"pool.{name}"), fake, rng.at(name))
            own, seen = self.d_losses.d(name, nets, real, fake, rng)
            losses |= own
            stats |= {f"{key}/{name[-1]}": value for key, value in seen.stats.items()}
        pairs = {key: torch.cat([stats[f"{key}/a"], stats[f"{key}/b"]]) for key in ("logit/real", "logit/fake")}
        return Terms(losses, pairs)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The translators' losses: adversarial, cycle-consistency and identity."""
        a, b = halves(batch)
        cycle = at(self.cycle, rng.samples)
        identity = cycle * at(self.identity, rng.samples)
        losses: dict[str, Tensor] = {}
        for name, back, critic, x, other in (
            ("G_ab", nets.G_ba, nets.D_b, a, b),
            ("G_ba", nets.G_ab, nets.D_a, b, a),
        ):
            there = nets[name]
            if identity and not couples_batch(there):  # one pass costs less than two
                made, same = there(torch.cat([x, other])).chunk(2)
            else:
                made, same = there(x), there(other) if identity else None
            batch.made[name] = made.detach()
            with torch.no_grad():
                on_real = critic(other) if self.objective.uses_real else None
            parts = {"adversarial": at(self.adversarial, rng.samples) * self.d_losses.g(critic(made), on_real)}
            parts["cycle"] = cycle * distance(back(made), x)
            if same is not None:
                parts["identity"] = identity * distance(same, other)
            losses = {key: losses.get(key, 0) + loss for key, loss in parts.items()}
        return Terms(losses)

    def sources_and_targets(self, dataset: Dataset, spec: Spec) -> tuple[Dataset, Dataset]:
        return one_of_each(dataset)

    def directions(self) -> tuple[str, ...]:
        return ("ab", "ba")

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        way = direction or "ab"
        if way not in self.directions():
            raise UserError(
                f"direction {direction!r}: this model translates ab and ba", code="translate.unknown_direction"
            )
        return nets[f"G_{way}"](source)

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor]:
        a, b = halves(batch)
        as_b, as_a = wide(nets.G_ab(a)), wide(nets.G_ba(b))
        return [a, as_b, wide(nets.G_ba(as_b)), b, as_a, wide(nets.G_ab(as_a))]

    def _lazy(self, penalty: Penalty):
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            a, b = halves(batch)
            with torch.no_grad():
                sides = (("D_a", a, nets.G_ba(b).to(a)), ("D_b", b, nets.G_ab(a).to(b)))
            parts = [self.d_losses.penalty_losses(penalty, name, nets, real, fake, rng) for name, real, fake in sides]
            return Terms(parts[0] | parts[1])

        return loss


def distance(made: Tensor, wanted: Tensor) -> Tensor:
    """Mean |made − wanted| of each image, [N]."""
    return (wide(made) - wanted).abs().mean((1, 2, 3))


def out_of_pool(memory: Memory, fakes: Tensor, rng: Rng) -> Tensor:
    """What D is shown in place of fakes [N, ...], one after the other; the pool takes in what is new."""
    images, count = memory["pictures"].clone(), memory["count"].clone()
    size = len(images)
    places = rng.integers("place", (len(fakes),), size)
    swaps = rng.uniform("swap", (len(fakes),)) < 0.5
    shown = []
    for fake, place, swap in zip(fakes.detach(), places, swaps, strict=True):  # tensors throughout: nothing waits
        full = count >= size
        slot = torch.where(full, place, count.clamp(max=size - 1))[None]
        old = images.index_select(0, slot)[0]
        shown.append(torch.where(full & swap, old, fake))
        images.index_copy_(0, slot, torch.where(~full | swap, fake, old)[None])
        count += ~full
    memory["pictures"], memory["count"] = images, count
    return torch.stack(shown)
