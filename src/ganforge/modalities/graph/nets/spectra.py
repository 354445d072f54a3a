"""The low end of the spectrum of graphs, and matrices with orthonormal columns.

    L = I − D^(−½) A D^(−½),   L u_i = λ_i u_i,   0 = λ_0 ≤ λ_1 ≤ ... ≤ 2

λ_1 ... λ_K and their eigenvectors say how a graph is shaped as a whole; λ_0 is the same for all graphs and left out.

N graphs, V places of which n hold a node, K eigenvectors.  A [N, V, V], there [N, V], λ [N, K], U [N, V, K]: UᵀU = I,
and its rows of absent nodes are 0.
"""

from __future__ import annotations

import torch
from torch import Tensor

APART = 1e-4
"""How far equal eigenvalues are moved apart, so that symmetric graphs have the same eigenvectors on every machine."""
BEYOND = 4.0
"""Eigenvalues of absent nodes begin here, behind all others."""


@torch.no_grad()
def spectrum(A: Tensor, there: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` lowest eigenvalues after the first, ascending, and their eigenvectors, in the dtype of A."""
    V = A.shape[1]
    A, present = A.double(), there.double()
    places = torch.arange(V, dtype=torch.float64, device=A.device)
    root = A.sum(2).clamp_min(1e-12).rsqrt() * (A.sum(2) > 0)
    diagonal = (A.sum(2) > 0) + (1 - present) * (BEYOND + places) + APART * torch.cos(places**2 + 1) * present
    L = torch.diag_embed(diagonal) - root[:, :, None] * A * root[:, None]
    values, vectors = torch.linalg.eigh(L)
    values, vectors = values[:, 1 : count + 1], vectors[:, :, 1 : count + 1] * present[:, :, None]
    sign = (vectors * torch.cos(places**2 + 2)[None, :, None]).sum(1, keepdim=True).sign()
    return values.clamp(0, 2).to(there), (vectors * sign).to(there)


def orthonormal(U: Tensor, there: Tensor) -> Tensor:
    """Columns [N, V, K] made orthonormal in the rows of nodes that are there, zero in the others.

    At least K nodes must be there.
    """
    Q, R = torch.linalg.qr(U * there[:, :, None])
    return Q * R.diagonal(dim1=1, dim2=2).sign()[:, None] * there[:, :, None]


def rotation(S: Tensor) -> Tensor:
    """exp(S − Sᵀ) [N, K, K], a rotation."""
    return torch.linalg.matrix_exp(S - S.transpose(1, 2))


def rough(values: Tensor, U: Tensor) -> Tensor:
    """U diag(λ) Uᵀ [N, V, V]: what the low end of the spectrum says of the Laplacian."""
    return (U * values[:, None]) @ U.transpose(1, 2)
