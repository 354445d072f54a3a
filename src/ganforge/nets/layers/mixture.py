"""Latents from a learned mixture, after DeLiGAN (Gurumurthy, Sarvadevabhatla & Babu 2017).

    k uniform in 0..K−1, η ~ N(0, 1)      h = W (σ_k ⊙ η) + μ_k

z [N, latent] ~ N(0, 1) as every net gets it; μ [K, width] and σ [K, latent] are learned. A continuous net cannot map
one cloud of latents to several without drawing a bridge between them; here, G gets many small clouds. The paper puts
the means among the latents; here they join after the first layer, as the vector of a label does, with all its width.

The first latent picks k: with u = Φ(z₀) even in [0, 1], k = ⌊Ku⌋, and what is left, Ku − k, is even in [0, 1] again and
makes a new z₀. So z alone still decides a sample, and none of it is lost.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.core.types import wide
from ganforge.nets.layers.labels import LabelTable

EDGE = 1e-6  # of a share in [0, 1], where a latent would be infinite


class Mixture(nn.Module):
    """A first layer whose latents are a mixture: z [N, latent] → [N, width].

    Args:
        latent: width of z.
        width: units of the layer.
        codes: how many clouds there are, K.
        mean_std: of the normal distribution that the means start from.
        spread: what every σ starts from: small, so that it is the means that tell samples apart.
    """

    def __init__(self, latent: int, width: int, codes: int, mean_std: float, spread: float = 0.1):
        super().__init__()
        self.codes = codes
        self.linear = nn.Linear(latent, width)
        self.means = LabelTable(codes, width, mean_std)
        self.spreads = nn.Parameter(torch.full((codes, latent), spread))

    def forward(self, z: Tensor) -> Tensor:
        k, rest = self.pick(z)
        return self.linear(rest * self.spreads[k]) + self.means(k)

    def pick(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """The cloud of each sample, int64 [N], and its latents within that, standard normal [N, latent]."""
        place = self.codes * torch.special.ndtr(wide(z[:, 0]))  # half precision could not tell 256 apart
        k = place.long().clamp(max=self.codes - 1)
        within = torch.special.ndtri((place - k).clamp(EDGE, 1 - EDGE))
        return k, torch.cat([within.to(z.dtype).unsqueeze(1), z[:, 1:]], 1)
