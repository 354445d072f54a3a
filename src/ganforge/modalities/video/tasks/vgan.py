"""VGAN: synthesis of films whose foreground is kept small.

Vondrick, Pirsiavash & Torralba 2016, "Generating Videos with Scene Dynamics".

    D minimizes  objective.d(D(x), D(G(z)))
    G minimizes  objective.g(D(G(z))) + sparsity · ‖m(z)‖₁

m: the mask of the foreground, whose norm is the mean over its values here: as a sum, at the paper's weight of 0.1, it
would be some ten thousand times the adversarial loss. m is computed once more for it.

N: films.  m [N, 1, T, H, W].
"""

from __future__ import annotations

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Spec, Terms, wide
from ganforge.modalities.video.nets.vgan import VganGenerator
from ganforge.tasks.synthesis import Synthesis


class Vgan(Synthesis, kind="vgan"):
    """Films of a foreground and a background, of which the foreground is kept small."""

    sparsity: Rate = 0.1
    """Weight of the mean of the foreground's mask."""

    def adapt(self, spec: Spec) -> Spec:
        if not isinstance(self.generator, VganGenerator):
            raise UserError(
                f"task.generator={self.generator.kind}: this task needs a generator with a mask, vgan; other "
                "generators of films fit the task synthesis",
                code="task.unsuitable_net",
            )
        return super().adapt(spec)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        terms = super().g_loss(nets, batch, rng)
        _, mask, _ = nets.G.parts(self._latents(batch, rng), batch.c)  # type: ignore[operator]
        small = wide(mask).flatten(1).mean(1)
        losses = terms.losses | {"sparsity": at(self.sparsity, rng.samples) * small}
        return Terms(losses, terms.stats | {"mask": small.detach()})
