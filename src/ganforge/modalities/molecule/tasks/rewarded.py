"""MolGAN: a GAN of molecules whose generator also maximizes a reward that a net predicts.

De Cao & Kipf 2018, "MolGAN: An implicit generative model for small molecular graphs".

    D minimizes   the adversarial loss (WGAN-GP in the paper), `d_steps` times
    R minimizes   (R(x) − r(x))² + (R(G(z)) − r(G(z)))²              r: computed by RDKit; 0 for what is not valid
    G minimizes   λ · adversarial − (1 − λ) · R(G(z)),   λ = 1 until `after` samples, then `trade_off`

The paper learns R with the deterministic policy gradient, of which this is the form without states.

N: molecules, L: width of the latents.  x [N, V + B, n, n], z [N, L], r [N] in [0, 1], losses [N].
"""

from __future__ import annotations

from typing import Any, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Spec, Terms, wide
from ganforge.modalities.molecule import chem
from ganforge.modalities.molecule.forms.graph import Graph
from ganforge.modalities.molecule.properties import functions
from ganforge.tasks.base import Phase
from ganforge.tasks.synthesis import Synthesis


class RewardNet(nn.Module):
    """R: x → a reward in [0, 1]; with what is needed to compute the true one."""

    def __init__(self, net: nn.Module, kind: str, spec: Spec):
        super().__init__()
        self.net, self.kind, self.spec = net, kind, spec

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x).logits.sigmoid()

    def true(self, x: Tensor) -> Tensor:
        """The reward of each molecule as RDKit computes it."""
        found = [reward(smiles, self.kind) for smiles in Graph().decode(x, self.spec)]
        return torch.tensor(found, dtype=wide(x).dtype, device=x.device)


def reward(smiles: str, kind: str) -> float:
    """1, or the drug-likeness, of a valid molecule of one part; else 0."""
    molecule = chem.parsed(smiles) if "." not in smiles else None
    if molecule is None:
        return 0.0
    return functions()["QED"](molecule) if kind == "QED" else 1.0


class MolGan(Synthesis, kind="molgan"):
    """New molecules, adversarially and by a predicted reward."""

    reward: Literal["QED", "valid"] = "QED"
    """What is rewarded: drug-likeness, 0 for molecules that are not valid; or that they are."""
    trade_off: Rate = 0.5
    """λ: the share of the adversarial loss, once the reward counts."""
    after: int = Field(default=0, ge=0)
    """Samples seen before the reward counts."""

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        plain = Spec(spec.shape, state=spec.state)
        return super().players(spec) | {"R": RewardNet(self.discriminator.build(plain), self.reward, plain)}

    def phases(self) -> list[Phase]:
        return [*super().phases(), Phase("R", self.r_loss, trains=("R",))]

    def r_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How far the predicted rewards are off, of real and of generated molecules."""
        R = cast(RewardNet, nets.R)
        fake = self._fakes(nets, self._latents(batch, rng), batch, rng)
        true = [R.true(x) for x in (batch.x, fake)]
        off = [(wide(R(x)) - r).square() for x, r in zip((batch.x, fake), true, strict=True)]
        return Terms({"reward": off[0] + off[1]}, {"reward/real": true[0], "reward/fake": true[1]})

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's losses on new fakes."""
        G: Any = nets.G
        share = at(self.trade_off, rng.samples) if rng.samples >= self.after else 1.0
        fake = G(self._latents(batch, rng), batch.c)
        losses = {"adversarial": share * self.objective.g(nets.D(fake, batch.c).logits, None)}
        if share < 1:
            losses["reward"] = -(1 - share) * wide(nets.R(fake))
        return Terms(losses)
