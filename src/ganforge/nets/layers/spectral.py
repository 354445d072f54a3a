"""Spectral normalization: a layer's weights are divided by the most that it can stretch its input.

Miyato et al. 2018, "Spectral Normalization for Generative Adversarial Networks", algorithm 1.

    v = Wᵀu / ‖Wᵀu‖₂,  u ← Wv / ‖Wv‖₂         one round of power iteration, once for every change of W
    σ = ‖Wᵀu‖₂                                 the layer computes with W / σ

W [out, in]: the weights as a matrix, all inputs and places of a kernel in one row; u [out], kept from step to step.
The paper's σ is uᵀWv with the v of before u moved; this one is half a round further, nearer to the true norm from
below, and has the same derivative with respect to W, u vᵀ. u counts as a constant, as in the paper.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

Module = TypeVar("Module", bound=nn.Module)

LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Embedding)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)  # these keep their inputs first
BURN_IN = 15  # rounds at the start: a random u says too little of σ, and the first steps would be too large


class SpectralNorm(nn.Module):
    """W → W / σ(W), a parametrisation of a layer's weights.

    D scores several batches within a step, and a step may be made of several parts. So that neither changes how far u
    moves, u moves once for each W: σ of W and u is kept, and as long as it comes out the same to the last bit, W is the
    one that u has already moved for. This needs no memory but the two buffers, and so a resumed run goes on exactly.
    In evaluation mode u stays.

    All is elementwise products and sums: autocast leaves these in the precision of the weights, where a power iteration
    in half precision would find σ to a percent at best.

    Args:
        weight: what is normalized, as it is at the start.
        dim: its axis of outputs.
        eps: σ counts as no less.
    """

    u: Tensor
    sigma: Tensor

    def __init__(self, weight: Tensor, dim: int = 0, eps: float = 1e-12):
        super().__init__()
        self.dim, self.eps = dim, eps
        with torch.no_grad():
            matrix = self._matrix(weight)
            u = self._unit(torch.randn_like(matrix[:, 0]))
            for _ in range(BURN_IN):
                u = self._moved(matrix, pulled_back(matrix, u))
        self.register_buffer("u", u)
        self.register_buffer("sigma", torch.full_like(u[0], -1.0))  # of no W: the first step moves u

    def forward(self, weight: Tensor) -> Tensor:
        matrix = self._matrix(weight)
        u = self._advance(matrix.detach()) if self.training else self._unit(self.u)  # an averaged u is too short
        sigma = torch.linalg.vector_norm(pulled_back(matrix, u))
        if self.training:
            self.sigma.copy_(sigma.detach())
        return weight / sigma.clamp_min(self.eps)

    @torch.no_grad()
    def _advance(self, matrix: Tensor) -> Tensor:
        """u for this W: moved if W is new, else as it was."""
        v = pulled_back(matrix, self.u)
        new = torch.linalg.vector_norm(v) != self.sigma
        # A choice between tensors, not a branch: a branch would make the host wait for the device in every layer.
        # The graph gets a tensor of its own, for the buffer changes in the next step.
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
    """Wᵀu [in] of W [out, in] and u [out]."""
    return (matrix * u[:, None]).sum(0)


def spectral(net: Module) -> Module:
    """Normalizes the weights of every linear layer, convolution and table within a net; returns the net.

    Initialize first: what looks like a weight afterwards is W / σ, and W is `parametrizations.weight.original`.
    """
    for layer in list(net.modules()):
        if isinstance(layer, (*LAYERS, *TRANSPOSED)):
            dim = 1 if isinstance(layer, TRANSPOSED) else 0
            parametrize.register_parametrization(layer, "weight", SpectralNorm(layer.weight, dim))
    return net
