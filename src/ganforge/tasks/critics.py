"""Critics of what a translator makes: their losses, penalties and statistics, for samples of any kind.

A critic may score patches: its logits are [N, P] then. The adversarial loss is computed for each patch, and the mean
over the patches is the loss of the sample. Penalties use the gradient of the sum over the patches, as in the papers
with such critics.

N: samples in the batch, P: patches.  x, y [N, ...], losses [N].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Nets, Spec, Terms, wide
from ganforge.losses.base import LossContext, Objective, Penalty
from ganforge.nets.base import DiscriminatorOutput, couples_batch
from ganforge.tasks.base import Phase
from ganforge.tasks.synthesis import leaf, weighted_losses

WATCHED = 256
"""Maximum number of logits per batch in the statistics: a batch may have a hundred thousand patches."""


def names_of(critics: Sequence[object]) -> tuple[str, ...]:
    """The names of critics as players: D, or D1, D2, ..."""
    return ("D",) if len(critics) == 1 else tuple(f"D{k + 1}" for k in range(len(critics)))


@dataclass(frozen=True)
class DiscriminatorLosses:
    """The losses of critics of translated samples.

    Attributes:
        objective: the adversarial loss. penalties: of each critic.
    """

    objective: Objective
    penalties: Sequence[Penalty] = ()

    @property
    def order(self) -> int:
        """The highest derivative that a step of a critic takes."""
        return max([1, *(penalty.order for penalty in self.penalties if penalty.every == 1)])

    def lazy(self) -> list[Penalty]:
        """The penalties that have a phase of their own."""
        return [penalty for penalty in self.penalties if penalty.every > 1]

    def d(self, name: str, nets: Nets, real: Tensor, fake: Tensor, rng: Rng) -> tuple[dict[str, Tensor], Terms]:
        """A critic's losses on real samples and fakes, and statistics of its logits."""
        own = [penalty for penalty in self.penalties if penalty.every == 1]
        gradient_at = {penalty.gradient_at for penalty in own}
        real, fake = leaf(real, "real" in gradient_at), leaf(fake, "fake" in gradient_at)
        on_real, on_fake = nets[name](real), nets[name](fake)
        losses = {name: by_patch(self.objective.d, on_real.logits, on_fake.logits)}
        context = self._context(nets[name], real, fake, on_real, on_fake)
        parts = weighted_losses(f"penalties.{name}", own, context, nets, rng)
        losses |= {f"{name}/{kind}": penalty_losses for kind, penalty_losses in parts.items()}
        return losses, Terms({}, watched(on_real.logits, on_fake.logits))

    def penalty_losses(
        self, penalty: Penalty, name: str, nets: Nets, real: Tensor, fake: Tensor, rng: Rng
    ) -> dict[str, Tensor]:
        """The losses of one penalty on a critic, for a phase of its own."""
        context = self._context(nets[name], real, fake)
        return {
            f"{name}/{k}": v for k, v in weighted_losses(f"penalties.{name}", [penalty], context, nets, rng).items()
        }

    def g(self, on_fake: DiscriminatorOutput, on_real: DiscriminatorOutput | None) -> Tensor:
        """The adversarial loss of the generator, [N]."""
        fake, n = wide(on_fake.logits), len(on_fake.logits)
        real = wide(on_real.logits).flatten() if on_real is not None and self.objective.uses_real else None
        return self.objective.g(fake.flatten(), real).view(n, -1).mean(1)

    def memory(self, critics: dict[str, nn.Module]) -> dict[str, Tensor]:
        """The state of the penalties."""
        return {
            f"penalties.{name}.{penalty.kind}.{k}": v
            for name, D in critics.items()
            for penalty in self.penalties
            for k, v in penalty.memory(D).items()
        }

    def refuse(self, spec: Spec, critics: dict[str, nn.Module]) -> None:
        """Raises UserError if a penalty cannot be used with these samples or critics."""
        for penalty in self.penalties:
            penalty.check(spec)
            if penalty.per_sample and any(couples_batch(D) for D in critics.values()):
                raise UserError(
                    f"task.penalties: {penalty.kind} needs the gradient of each sample, but a critic here has batch "
                    f"norm, which makes each output depend on the whole batch. Give it norm=instance, spectral or "
                    f"none, or leave {penalty.kind} out",
                    code="nets.batch_norm",
                )

    def _context(self, D: nn.Module, real: Tensor, fake: Tensor, on_real=None, on_fake=None) -> LossContext:
        def critic(x: Tensor) -> Tensor:
            return summed(D(x)).logits

        return LossContext(
            critic,
            real,
            fake,
            player=D,
            on_real=None if on_real is None else summed(on_real),
            on_fake=None if on_fake is None else summed(on_fake),
            deterministic=True,
        )


def by_patch(game: Callable[[Tensor, Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """The adversarial loss of each patch, from real and fake logits [N, P] or [N]; the mean over the patches, [N]."""
    return game(wide(real).flatten(), wide(fake).flatten()).view(len(fake), -1).mean(1)


def summed(output: DiscriminatorOutput) -> DiscriminatorOutput:
    """One logit a sample: the sum over its patches."""
    return output._replace(logits=wide(output.logits).flatten(1).sum(1) if output.logits.ndim > 1 else output[0])


def watched(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Statistics of a critic's logits, from patches spread evenly over the batch."""
    real, fake = (x.detach().flatten() for x in (real, fake))
    real, fake = (x[:: max(1, len(x) // WATCHED)] for x in (real, fake))
    return {"logit/real": real, "logit/fake": fake}


def lazy_phases(
    d_losses: DiscriminatorLosses,
    names: Sequence[str],
    loss: Callable[[Penalty], Any],
    gain: float = 1.0,
    after: int = 0,
) -> list[Phase]:
    """A phase for each lazy penalty; `loss` makes its loss function."""
    return [
        Phase(
            f"D/{p.kind}", loss(p), trains=tuple(names), every=p.every, gain=gain * p.every, order=p.order, after=after
        )
        for p in d_losses.lazy()
    ]
