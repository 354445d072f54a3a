"""The truncation trick: latents nearer to the mean give more typical and less varied samples.

Brock et al. 2019, section 3.1 and figure 2, resample each element of z until it is within ±τ. Here it is transformed by
the quantiles of both distributions:

    z ↦ Φ⁻¹( Φ(−τ) + Φ(z) · (Φ(τ) − Φ(−τ)) ),   τ = 2t

This is monotone, so a seed gives recognizably the same sample at every t, and maps a standard normal exactly to a
standard normal truncated to ±τ. Φ: the standard normal CDF; t in (0, 1): figure 2 starts at τ = 2.
"""

from __future__ import annotations

import torch
from torch import Tensor

WIDEST = 2.0  # τ for t close to 1


def truncated_normal(z: Tensor, truncation: float) -> Tensor:
    """z [N, L] from a standard normal → truncated to ±2·truncation; unchanged for truncation of 1 and above."""
    if truncation >= 1:
        return z
    edge = torch.special.ndtr(torch.tensor(-WIDEST * truncation, dtype=torch.float64, device=z.device))
    share = edge + torch.special.ndtr(z.double()) * (1 - 2 * edge)
    return torch.special.ndtri(share).clamp(-WIDEST * truncation, WIDEST * truncation).to(z.dtype)
