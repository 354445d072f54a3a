"""Spectral normalization: a layer's weights are divided by their largest singular value.

Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", algorithm 1.

    v = Wᵀu / ‖Wᵀu‖₂,  u ← Wv / ‖Wv‖₂         one step of power iteration for every change of W
    σ = ‖Wᵀu‖₂                                 the layer uses W / σ

W [out, in]: the weights as a matrix, with all inputs and kernel positions of an output in one row; u [out], kept
between steps. The paper's σ is uᵀWv with v from before the update of u; this one is half an iteration further, a
tighter lower bound of the norm, with the same form of derivative with respect to W, u vᵀ. u is treated as a constant,
as in the paper.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

Module = TypeVar("Module", bound=nn.Module)

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)  # their weights have the inputs first
BURN_IN = 15  # iterations at the start: σ from a random u is too small, which would make the first steps too large


class SpectralNorm(nn.Module):
    """W → W / σ(W), a parametrization of a layer's weights.

    D is evaluated several times in a step, and a batch may be split into parts. To be independent of that, u is updated
    once for each W: σ of the current W and u is stored, and while recomputing it gives the identical value, W has not
    changed since the last update of u. This needs only the two buffers, so a resumed run continues exactly. In
    evaluation mode u is not updated.

    Only elementwise products and sums are used, which autocast leaves in the precision of the weights; in half
    precision, the power iteration would be accurate to a percent at best.

    Args:
        weight: the weights to normalize, with their initial values.
        dim: the axis of the outputs.
        eps: lower bound of norms in divisions.
    """

    u: Tensor
    sigma: Tensor

    def __init__(self, weight: Tensor, dim: int = 0, eps: float = 1e-12):
        super().__init__()
        self.dim, self.eps = dim, eps
        with torch.no_grad():
            matrix = self._matrix(weight)
            if weight.is_meta:  # without weights there is nothing to find
                u, sigma = torch.empty(len(matrix), device="meta"), torch.empty((), device="meta")
            else:
                u, sigma = self._unit(torch.randn_like(matrix[:, 0])), torch.full_like(matrix[0, 0], -1.0)
                for _ in range(BURN_IN):
                    u = self._moved(matrix, pulled_back(matrix, u))
        self.register_buffer("u", u)
        self.register_buffer("sigma", sigma)  # -1 matches no W, so the first step updates u

    def forward(self, weight: Tensor) -> Tensor:
        matrix = self._matrix(weight)
        u = self._advance(matrix.detach()) if self.training else self._unit(self.u)  # an averaged u is too short
        sigma = torch.linalg.vector_norm(pulled_back(matrix, u))
        if self.training:
            self.sigma.copy_(sigma.detach())
        return weight / sigma.clamp_min(self.eps)

    @torch.no_grad()
    def _advance(self, matrix: Tensor) -> Tensor:
        """u for this W: updated if W has changed, else unchanged."""
        v = pulled_back(matrix, self.u)
        new = torch.linalg.vector_norm(v) != self.sigma
        # torch.where instead of a branch, which would synchronize with the device in every layer. The graph gets a
        # copy, since the buffer changes in the next step.
        u = torch.where(new, self._moved(matrix, v), self.u)
        self.u.copy_(u)
        return u

    def _moved(self, matrix: Tensor, v: Tensor) -> Tensor:
        return self._unit((matrix * self._unit(v)).sum(1))  # [out]

    def _unit(self, vector: Tensor) -> Tensor:
        return vector / torch.linalg.vector_norm(vector).clamp_min(self.eps)

    def _matrix(self, weight: Tensor) -> Tensor:
        return weight.transpose(0, self.dim).flatten(1)  # [out, in]

    def extra_repr(self) -> str:
        return f"dim={self.dim}, eps={self.eps}"


def pulled_back(matrix: Tensor, u: Tensor) -> Tensor:
    """Wᵀu [in] for W [out, in] and u [out]."""
    return (matrix * u[:, None]).sum(0)


def spectral(net: Module) -> Module:
    """Applies spectral norm to all linear layers, convolutions and embeddings of a net; returns the net.

    Initialize the net first: afterwards `weight` is W / σ, and W is `parametrizations.weight.original`.
    """
    for layer in list(net.modules()):
        if isinstance(layer, (*LAYERS, *TRANSPOSED)):
            dim = 1 if isinstance(layer, TRANSPOSED) else 0
            # The check that `unsafe` leaves out computes with the weights.
            norm = SpectralNorm(layer.weight, dim)
            parametrize.register_parametrization(layer, "weight", norm, unsafe=layer.weight.is_meta)
    return net
