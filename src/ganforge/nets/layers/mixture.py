"""Latents from a learned mixture, after DeLiGAN (Gurumurthy, Sarvadevabhatla & Babu 2017).

    k uniform in 0..K−1, η ~ N(0, 1)      h = W (σ_k ⊙ η) + μ_k

z [N, latent] ~ N(0, 1) as every net gets it; μ [K, width] and σ [K, latent] are learned. A continuous net cannot map a
single Gaussian to separate modes without connections between them; with a mixture, G gets many small clusters. In the
paper the means are added to the latents; here they are added after the first layer, like a label embedding, with the
full width.

The first latent selects k: u = Φ(z₀) is uniform in [0, 1], k = ⌊Ku⌋, and the remainder Ku − k is again uniform in [0,
1] and gives a new z₀. So a sample is still determined by z alone, and no latent is lost.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.core.types import wide
from ganforge.nets.layers.labels import LabelTable

EDGE = 1e-6  # distance from 0 and 1, where a latent would be infinite


class Mixture(nn.Module):
    """A first layer whose latents are a mixture: z [N, latent] → [N, width].

    Args:
        latent: dimension of z.
        width: units of the layer.
        codes: K, the number of components.
        mean_std: standard deviation of the normal initialization of the means.
        spread: initial value of every σ; small, so that components are initially well separated.
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
        """The component of each sample, int64 [N], and its latents within it, standard normal [N, latent]."""
        place = self.codes * torch.special.ndtr(wide(z[:, 0]))  # half precision could not resolve 256 components
        k = place.long().clamp(max=self.codes - 1)
        within = torch.special.ndtri((place - k).clamp(EDGE, 1 - EDGE))
        return k, torch.cat([within.to(z.dtype).unsqueeze(1), z[:, 1:]], 1)
