"""The nets of SPECTRE (Martinkus et al. 2022): generators and critics of eigenvalues, of eigenvectors and of graphs.

    λ    w = MLP(z), then four 1D convolutions with gates, tanh(·) σ(·), each as long as the one before or twice
    U    U_0 = one of M matrices of a learned bank, chosen by w and λ (Gumbel, straight-through), made orthonormal
         U_l = exp(a bᵀ − b aᵀ) U_(l−1) exp(S − Sᵀ),  l = 1, 2, 3,  with a, b, S from the nodes' (U_(l−1), λ, w)
    A    from U diag(λ) Uᵀ, the rows of U, w and noise by PPGN layers: h ← MLP(h ‖ MLP₁(h) · MLP₂(h))

The rotation on the left acts on nodes and is equivariant to their order; that on the right mixes eigenvectors. Nets of
sets are PointNetST (Segol & Lipman 2020), nets of pairs PPGN (Maron et al. 2019): "·" multiplies matrices, channel by
channel.

N graphs, V places, K eigenvectors, L latents, W numbers of w, H channels, R columns of a and b, B and T types.
λ [N, K], U [N, V, K], there [N, V], z [N, L], h [N, H, V, V].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate, normalize

from ganforge.modalities.graph.nets.layout import Layout
from ganforge.modalities.graph.nets.spectra import orthonormal, rotation, rough
from ganforge.nets.layers.gumbel import gumbel, straight_through
from ganforge.nets.layers.spectral import spectral

CONVOLUTIONS, ROTATIONS, RANK = 4, 3, 4
SMALLEST = 1e-6


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers with GELU between them."""
    found: list[nn.Module] = []
    for before, after in pairwise(widths):
        found += [nn.GELU()] if found else []
        found.append(nn.Linear(before, after))
    return nn.Sequential(*found)


class Gated(nn.Module):
    """A 1D convolution of three places with a gate, [N, C, T] → [N, C', T or half of it]."""

    def __init__(self, before: int, after: int, stride: int = 1):
        super().__init__()
        self.both = nn.Conv1d(before, 2 * after, 3, stride, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        value, gate = self.both(h).chunk(2, 1)
        return value.tanh() * gate.sigmoid()


class ValuesG(nn.Module):
    """Eigenvalues [N, K] from latents z [N, L] and the share of places with nodes [N, 1]."""

    def __init__(self, count: int, latent: int, width: int):
        super().__init__()
        self.lengths = [math.ceil(count / 2 ** (CONVOLUTIONS - 1 - k)) for k in range(CONVOLUTIONS)]
        self.enter = mlp(latent + 1, width, width * self.lengths[0])
        self.layers = nn.ModuleList(Gated(width, width) for _ in range(CONVOLUTIONS))
        self.last = nn.Conv1d(width, 1, 1)

    def forward(self, z: Tensor, share: Tensor) -> Tensor:
        h = self.enter(torch.cat([z, share], 1)).unflatten(1, (-1, self.lengths[0]))
        for length, layer in zip(self.lengths, self.layers, strict=True):
            h = layer(interpolate(h, length, mode="nearest"))
        return (2 * self.last(h).squeeze(1).sigmoid()).sort(1).values


class ValuesD(nn.Module):
    """The score [N] of eigenvalues."""

    def __init__(self, width: int):
        super().__init__()
        sizes = [2, *[width] * CONVOLUTIONS]
        self.layers = nn.ModuleList(Gated(before, after, 2) for before, after in pairwise(sizes))
        self.last = nn.Linear(width, 1)
        spectral(self)

    def forward(self, values: Tensor, share: Tensor) -> Tensor:
        h = torch.stack([values, share.expand_as(values)], 1)
        for layer in self.layers:
            h = layer(h)
        return self.last(h.mean(2)).squeeze(1)


class PointNetST(nn.Module):
    """A net of sets with one layer that passes the mean on: [N, V, C] → [N, V, C']."""

    def __init__(self, before: int, width: int, after: int):
        super().__init__()
        self.first, self.own = mlp(before, width, width), nn.Linear(width, width)
        self.mean = nn.Linear(width, width, bias=False)
        self.last = mlp(width, width, after)

    def forward(self, h: Tensor, there: Tensor) -> Tensor:
        h = gelu(self.first(h))
        return self.last(gelu(self.own(h) + self.mean(average(h, there))[:, None])) * there[:, :, None]


def average(h: Tensor, there: Tensor) -> Tensor:
    """The mean over nodes that are there, [N, V, C] → [N, C]."""
    return (h * there[:, :, None]).sum(1) / there.sum(1, keepdim=True)


def of_nodes(there: Tensor, *parts: Tensor) -> Tensor:
    """Numbers of nodes [N, V, .] and of graphs [N, .], side by side for each node."""
    V = there.shape[1]
    return torch.cat([part if part.ndim == 3 else part[:, None].expand(-1, V, -1) for part in parts], 2)


class Rotate(nn.Module):
    """One rotation on the left and one on the right of U [N, V, K]."""

    def __init__(self, count: int, width: int):
        super().__init__()
        self.count = count
        self.sides = PointNetST(2 * count + width + 1, width, 2 * RANK)
        self.inside = PointNetST(2 * count + width + 1, width, width)
        self.square = mlp(width, width, count * count)

    def forward(self, U: Tensor, values: Tensor, w: Tensor, there: Tensor) -> Tensor:
        h = of_nodes(there, U, values, w, there.mean(1, keepdim=True))
        a, b = normalize(self.sides(h, there), dim=1, eps=SMALLEST).chunk(2, 2)  # [N, V, R], columns of length 1
        S = self.square(average(self.inside(h, there), there)).unflatten(1, (self.count, self.count))
        return rotation(a @ b.transpose(1, 2) / RANK) @ U @ rotation(S)


class VectorsG(nn.Module):
    """Eigenvectors [N, V, K] from latents z [N, L], eigenvalues, places with nodes, and noise of the choice [N, M]."""

    def __init__(self, nodes: int, count: int, latent: int, width: int, bank: int):
        super().__init__()
        self.bank = nn.Parameter(torch.randn(bank, nodes, count))
        self.enter, self.choose = mlp(latent, width, width), nn.Linear(width + count, bank)
        self.layers = nn.ModuleList(Rotate(count, width) for _ in range(ROTATIONS))

    def forward(self, z: Tensor, values: Tensor, there: Tensor, noise: Tensor, temperature: float = 1.0) -> Tensor:
        w = self.enter(z)
        choice = straight_through(self.choose(torch.cat([w, values], 1)), gumbel(noise).to(z), temperature)
        U = orthonormal(torch.einsum("nm,mvk->nvk", choice, self.bank), there)
        for layer in self.layers:
            U = layer(U, values, w, there)
        return U * there[:, :, None]


class VectorsD(nn.Module):
    """The score [N] of eigenvectors with their eigenvalues."""

    def __init__(self, count: int, width: int):
        super().__init__()
        self.points = PointNetST(2 * count + 1, width, width)
        self.last = mlp(2 * width, width, 1)
        spectral(self)

    def forward(self, U: Tensor, values: Tensor, there: Tensor) -> Tensor:
        h = self.points(of_nodes(there, U, values, there.mean(1, keepdim=True)), there)
        return self.last(torch.cat([average(h, there), h.amax(1)], 1)).squeeze(1)


class Pairs(nn.Sequential):
    """Two linear layers of each pair, [N, C, V, V] → [N, H, V, V]."""

    def __init__(self, before: int, width: int):
        super().__init__(nn.Conv2d(before, width, 1), nn.GELU(), nn.Conv2d(width, width, 1))


class Powerful(nn.Module):
    """PPGN layers; with `norm`, each is normalized over the pairs of its graph (instance norm)."""

    def __init__(self, before: int, width: int, layers: int, norm: bool):
        super().__init__()
        sizes = list(pairwise([before, *[width] * layers]))
        self.norm = norm
        self.left = nn.ModuleList(Pairs(a, b) for a, b in sizes)
        self.right = nn.ModuleList(Pairs(a, b) for a, b in sizes)
        self.join = nn.ModuleList(nn.Conv2d(a + b, b, 1) for a, b in sizes)

    def forward(self, h: Tensor, pairs: Tensor) -> Tensor:
        """h [N, C, V, V], pairs [N, 1, V, V]: which of them are of nodes that are there."""
        count = pairs.sum((2, 3), keepdim=True)
        for left, right, join in zip(self.left, self.right, self.join, strict=True):
            product = (left(h) * pairs) @ (right(h) * pairs) / count**0.25  # √n, for sums over n nodes
            h = join(torch.cat([h, product], 1)) * pairs
            if self.norm:
                h = h - h.sum((2, 3), keepdim=True) / count
                h = h * pairs * (SMALLEST + (h * pairs).square().sum((2, 3), keepdim=True) / count).rsqrt()
            h = gelu(h) * pairs
        return h


def pairs_of(there: Tensor) -> Tensor:
    """Which pairs are of nodes that are there, [N, V] → [N, 1, V, V]."""
    return (there[:, :, None] * there[:, None])[:, None]


def given(values: Tensor, U: Tensor, there: Tensor, noise: Tensor) -> list[Tensor]:
    """What nets of graphs are given, K + 3 channels [N, ., V, V]: U diag(λ) Uᵀ, the rows of U and the share of places
    with nodes on the diagonal, and symmetric noise [N, 1, V, V]."""
    nodes = of_nodes(there, U, there.mean(1, keepdim=True)) * there[:, :, None]
    return [rough(values, U)[:, None], torch.diag_embed(nodes.transpose(1, 2)), noise * pairs_of(there)]


class GraphsG(nn.Module):
    """Graphs [N, B + T, V, V] from latents z [N, L], the spectrum, places with nodes and noise.

    noise [N, 1, V, V] is symmetric; `bonds` [N, B + 1, V, V], symmetric, and `kinds` [N, T, V] are normal draws by
    which types are chosen.
    """

    def __init__(self, layout: Layout, count: int, latent: int, width: int, layers: int):
        super().__init__()
        self.enter = mlp(latent, width, width)
        self.body = Powerful(count + 3 + width, width, layers, norm=True)
        self.to_bonds, self.to_kinds = mlp(width, width, layout.bonds + 1), mlp(width, width, layout.kinds)

    def forward(self, z: Tensor, spectrum: Sequence[Tensor], there: Tensor, noise: Sequence[Tensor]) -> Tensor:
        values, U = spectrum
        own, bonds, kinds = noise
        pairs, V = pairs_of(there), there.shape[1]
        w = self.enter(z)[:, :, None, None] * pairs
        h = self.body(torch.cat([*given(values, U, there, own), w], 1), pairs).permute(0, 2, 3, 1)  # [N, V, V, H]
        logits = self.to_bonds(h + h.transpose(1, 2))
        bond = straight_through(logits, gumbel(bonds).to(h).permute(0, 2, 3, 1))[..., 1:].permute(0, 3, 1, 2)
        kind = straight_through(
            self.to_kinds(h.diagonal(dim1=1, dim2=2).transpose(1, 2)), gumbel(kinds).to(h).transpose(1, 2)
        )
        links = bond * pairs * (1 - torch.eye(V, dtype=z.dtype, device=z.device))
        return torch.cat([links, torch.diag_embed((kind * there[:, :, None]).transpose(1, 2))], 1)


class GraphsD(nn.Module):
    """The score [N] of graphs x [N, B + T, V, V] with their spectrum."""

    def __init__(self, layout: Layout, count: int, width: int, layers: int):
        super().__init__()
        self.body = Powerful(layout.bonds + layout.kinds + count + 3, width, layers, norm=False)
        self.last = mlp(2 * width, width, 1)
        spectral(self)

    def forward(self, x: Tensor, spectrum: Sequence[Tensor], there: Tensor, noise: Tensor) -> Tensor:
        values, U = spectrum
        pairs, nodes = pairs_of(there), there.sum(1, keepdim=True)
        h = self.body(torch.cat([x, *given(values, U, there, noise)], 1), pairs)
        diagonal = h.diagonal(dim1=2, dim2=3).sum(2)
        return self.last(torch.cat([diagonal / nodes, h.sum((2, 3)) / nodes.square()], 1)).squeeze(1)
