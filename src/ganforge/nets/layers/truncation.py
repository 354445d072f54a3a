"""The truncation trick: latents nearer to the middle give samples that are more typical and less varied.

Brock et al. 2019, section 3.1 and figure 2: each number of z is drawn again until it lies within ±τ. Here without
drawing again, by the quantiles of both distributions:

    z ↦ Φ⁻¹( Φ(−τ) + Φ(z) · (Φ(τ) − Φ(−τ)) ),   τ = 2t

which is monotone, so that a seed stays recognizably the same sample at every t, and makes a standard normal exactly a
standard normal within ±τ. Φ: the standard normal's distribution function; t in (0, 1): figure 2 goes from τ = 2 down.
"""

from __future__ import annotations

import torch
from torch import Tensor

WIDEST = 2.0  # τ where t comes close to 1


def truncated_normal(z: Tensor, truncation: float) -> Tensor:
    """z [N, L] from a standard normal → from one within ± 2·truncation; at 1 and above z as it is."""
    if truncation >= 1:
        return z
    edge = torch.special.ndtr(torch.tensor(-WIDEST * truncation, dtype=torch.float64, device=z.device))
    share = edge + torch.special.ndtr(z.double()) * (1 - 2 * edge)
    return torch.special.ndtri(share).clamp(-WIDEST * truncation, WIDEST * truncation).to(z.dtype)
