"""Noise for nets that take as many numbers as the data has steps: rows of one length, of which each takes a part."""

from __future__ import annotations

from torch import Tensor

from ganforge.core.types import Request
from ganforge.tasks import latent

WIDTH = 4_096


def rows(request: Request) -> Tensor:
    """The latents [n, WIDTH] that a request stands for, standard normal."""
    return latent.normal_rows(request, WIDTH, request.truncation)


def taken(z: Tensor, width: int) -> Tensor:
    """The first `width` numbers of each row; where a row has fewer, it begins again."""
    return z.repeat(1, -(-width // z.shape[1]))[:, :width]
