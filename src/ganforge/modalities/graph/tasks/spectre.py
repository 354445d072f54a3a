"""SPECTRE (Martinkus et al. 2022): three GANs in a row, of eigenvalues, eigenvectors and graphs.

    n        from the numbers of nodes in the data;  during training that of a real graph
    λ' = G_values(z₁, n);   U' = G_vectors(z₂, λ*, n);   A' = G_graph(z₃, λ*, U*, n)
    D_values(λ)   D_vectors(U, λ)   D_graph(A, λ, U):   each minimizes  D(fake) − D(real) + weight · max(0, ‖∇D‖ − 1)²
    G minimizes  −D(fake), each for its own critic

Forcing: λ*, U* are those of the real graph for a share of the batch, otherwise λ' and U'(λ'); the share is 1 for the
first passes and then falls. All six nets learn at the same time, none through another one's output. Real eigenvectors
have random signs. ∇D is the gradient at a point between real and fake, in all that the critic reads.

Departures, and what the paper gives no size for, are named in the recipe.

N graphs, V places, K eigenvectors, L latents, M matrices of the bank, B and T types.
λ [N, K], U [N, V, K], x [N, B + T, V, V], z₁, z₂, z₃ [N, L], losses [N].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, block_normal
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Request, Spec, Terms, wide
from ganforge.losses.penalties import input_gradient
from ganforge.modalities.graph.nets.layout import check, layout_of
from ganforge.modalities.graph.nets.spectra import spectrum
from ganforge.modalities.graph.nets.spectre import GraphsD, GraphsG, ValuesD, ValuesG, VectorsD, VectorsG
from ganforge.nets.layers.gumbel import EDGE
from ganforge.tasks import latent
from ganforge.tasks.base import Phase, Task

PARTS = ("values", "vectors", "graph")


class Noise(NamedTuple):
    """Normal draws of a batch: of the choice from the bank [N, M], of pairs [N, 1, V, V], of the types of edges
    [N, B + 1, V, V] and of nodes [N, T, V]."""

    bank: Tensor
    pairs: Tensor
    bonds: Tensor
    kinds: Tensor


class Made(NamedTuple):
    """Fakes of a batch: λ', U', A', and the spectra (λ*, U*) that the last was given."""

    values: Tensor
    vectors: Tensor
    graph: Tensor
    given: tuple[Tensor, Tensor]


class Spectre(Task, kind="spectre"):
    """Graphs from their dominant eigenvalues and eigenvectors, which are generated first."""

    shaping: ClassVar[tuple[str, ...]] = ("eigenvectors", "latent", "width", "layers", "bank")

    eigenvectors: int = Field(default=2, ge=1)
    """K, eigenvalues and eigenvectors that are generated; every graph must have more nodes."""
    latent: int = Field(default=100, ge=1)
    """Numbers of the latent of each of the three generators."""
    width: int = Field(default=64, ge=1)
    """Channels of all nets."""
    layers: int = Field(default=8, ge=1)
    """PPGN layers of the generator and of the critic of graphs."""
    bank: int = Field(default=10, ge=1)
    """Matrices from which eigenvectors begin."""
    penalty: float = Field(default=5.0, ge=0)
    """Weight of the one-sided gradient penalty."""
    forcing: Rate = 1.0
    """Share of the batch for which generators are given the spectra of real graphs, best as a schedule from 1."""
    temperature: Rate = 1.0
    """Temperature of the gradient of the choice from the bank, best as a schedule."""

    def adapt(self, spec: Spec) -> Spec:
        layout = layout_of(spec)
        if layout.directed:
            raise UserError(
                "task spectre: it takes graphs without directions (the eigenvectors of its Laplacian are real then), "
                "and those of the data have directions. Use graphs-small, or data.kind=graphs data.directed=false",
                code="graph.directed",
            )
        if layout.planes:
            raise UserError(
                "task spectre: it takes graphs without weights and attributes that are numbers, and the data has some. "
                "Use graphs-small, or data.kind=graphs data.path=PATH data.weights=none data.attributes=none",
                code="graph.has_numbers",
            )
        least = int(layout.sizes.sum(0).nonzero()[0][0])
        if least <= self.eigenvectors:
            raise UserError(
                f"task.eigenvectors={self.eigenvectors}: the smallest graph of the data has {least} nodes, and all "
                f"must have more than that. Set task.eigenvectors={max(1, least - 1)}, or leave small graphs out",
                code="graph.too_small",
            )
        return latent.with_labels(spec, False)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return check(shape)

    def generators(self) -> tuple[str, ...]:
        return tuple(f"G_{part}" for part in PARTS)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        layout, K, L, W = layout_of(spec), self.eigenvectors, self.latent, self.width
        G: Any = GraphsG(layout, K, L, W, self.layers)
        G.layout = layout
        return {
            "G_values": ValuesG(K, L, W),
            "G_vectors": VectorsG(layout.nodes, K, L, W, self.bank),
            "G_graph": G,
            "D_values": ValuesD(W),
            "D_vectors": VectorsD(K, W),
            "D_graph": GraphsD(layout, K, W, self.layers),
        }

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("D", self.d_loss, trains=tuple(f"D_{part}" for part in PARTS), order=2),
            Phase("G", self.g_loss, trains=self.generators()),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The losses of the three critics."""
        there, real = self._real(nets, batch, rng)
        with torch.no_grad():
            fake = self._made(nets, batch, there, real, rng)
        values, vectors = real
        own = self._noise(nets, batch, rng.at("D")).pairs
        on = critics(nets, there, own)
        sides = {
            "values": ((values,), (fake.values,)),
            "vectors": ((vectors, values), (fake.vectors, fake.given[0])),
            "graph": ((batch.x, *real), (fake.graph, *fake.given)),
        }
        mix = rng.uniform("mix", (len(batch), 1)).to(batch.x)
        losses: dict[str, Tensor] = {}
        scores: tuple[Tensor, Tensor] = (mix, mix)
        for part, (reals, fakes) in sides.items():
            scores = on[part](*reals), on[part](*fakes)
            losses[part] = scores[1] - scores[0]
            losses[f"{part}_penalty"] = self.penalty * one_sided(on[part], reals, fakes, mix)
        return Terms(losses, latent.logit_stats(*scores))  # of the last, the critic of graphs

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The losses of the three generators."""
        there, real = self._real(nets, batch, rng)
        fake = self._made(nets, batch, there, real, rng)
        on = critics(nets, there, self._noise(nets, batch, rng.at("D")).pairs)
        return Terms({
            "values": -on["values"](fake.values),
            "vectors": -on["vectors"](fake.vectors, fake.given[0]),
            "graph": -on["graph"](fake.graph, *fake.given),
        })  # fmt: skip

    def _real(self, nets: Nets, batch: Batch, rng: Rng) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Which places of real graphs hold nodes, and their spectra."""
        bonds = nets.G_graph.layout.bonds  # type: ignore[union-attr]
        there = batch.x[:, bonds:].diagonal(dim1=2, dim2=3).sum(1)
        values, U = spectrum(batch.x[:, :bonds].sum(1), there, self.eigenvectors)
        signs = 1 - 2 * rng.integers("signs", (len(batch), 1, self.eigenvectors), 2).to(U)
        return there, (values, U * signs)

    def _made(self, nets: Nets, batch: Batch, there: Tensor, real: tuple[Tensor, Tensor], rng: Rng) -> Made:
        z = [rng.normal(f"z_{part}", (len(batch), self.latent)).to(batch.x) for part in PARTS]
        forced = rng.uniform("forced", (len(batch), 1)).to(batch.x) < at(self.forcing, rng.samples)
        noise, warm = self._noise(nets, batch, rng), at(self.temperature, rng.samples)
        values = nets.G_values(z[0], there.mean(1, keepdim=True))
        given_values = torch.where(forced, real[0], values.detach())
        vectors = nets.G_vectors(z[1], given_values, there, noise.bank, warm)
        given = given_values, torch.where(forced[:, :, None], real[1], vectors.detach())
        return Made(values, vectors, nets.G_graph(z[2], given, there, noise[1:]), given)

    def _noise(self, nets: Nets, batch: Batch, rng: Rng) -> Noise:
        return self._shaped(rng.normal("choices", (len(batch), self._draws(nets))).to(batch.x), nets)

    def _draws(self, nets: Nets) -> int:
        layout: Any = nets.G_graph.layout  # type: ignore[union-attr]
        return self.bank + layout.nodes**2 * (layout.bonds + 2) + layout.nodes * layout.kinds

    def _shaped(self, drawn: Tensor, nets: Nets) -> Noise:
        """Normal draws [N, draws] by what they are for; those of pairs are made symmetric."""
        layout: Any = nets.G_graph.layout  # type: ignore[union-attr]
        V, channels = layout.nodes, layout.bonds + 2
        bank, pairs, kinds = drawn.split((self.bank, V * V * channels, V * layout.kinds), 1)
        upper = pairs.unflatten(1, (channels, V, V)).triu()
        both = upper + upper.triu(1).transpose(2, 3)
        return Noise(bank, both[:, :1], both[:, 1:], kinds.unflatten(1, (layout.kinds, V)))

    def latents(self, request: Request) -> Tensor:
        return latent.normal_rows(request, 3 * self.latent, request.truncation)

    def sample(self, nets: Nets, request: Request) -> Tensor:
        layout: Any = nets.G_graph.layout  # type: ignore[union-attr]
        z = self.latents(request).to(request.device, request.dtype).split(self.latent, 1)
        drawn = block_normal(request.seed, "choices", request.start, request.n, 1 + self._draws(nets))
        drawn = drawn.to(request.device, request.dtype)
        noise = self._shaped(drawn[:, 1:], nets)
        shares = torch.tensor(layout.sizes.sum(0) / layout.sizes.sum(), dtype=request.dtype, device=request.device)
        size = (shares.cumsum(0) < torch.special.ndtr(drawn[:, :1]).clamp(EDGE, 1 - EDGE)).sum(1, keepdim=True)
        there = (torch.arange(layout.nodes, device=request.device) < size).to(request.dtype)
        values = nets.G_values(z[0], there.mean(1, keepdim=True))
        vectors = nets.G_vectors(z[1], values, there, noise.bank)
        return nets.G_graph(z[2], (values, vectors), there, noise[1:])


def critics(nets: Nets, there: Tensor, noise: Tensor) -> dict[str, Callable[..., Tensor]]:
    """The three critics by part, as functions of what the penalty is on."""
    share = there.mean(1, keepdim=True)
    return {
        "values": lambda values: wide(nets.D_values(values, share)),
        "vectors": lambda U, values: wide(nets.D_vectors(U, values, there)),
        "graph": lambda x, values, U: wide(nets.D_graph(x, (values, U), there, noise)),
    }


def one_sided(critic: Callable[..., Tensor], reals: Sequence[Tensor], fakes: Sequence[Tensor], mix: Tensor) -> Tensor:
    """max(0, ‖∇D(x̂)‖ − 1)² [N] (Petzka et al. 2018); x̂ between real and fake, all inputs of a graph in one norm."""
    sizes = [one[0].numel() for one in reals]

    def flat(parts: Sequence[Tensor]) -> Tensor:
        return torch.cat([part.flatten(1) for part in parts], 1)

    def on_flat(x: Tensor) -> Tensor:
        parts = [part.view_as(like) for part, like in zip(x.split(sizes, 1), reals, strict=True)]
        return critic(*parts)

    gradient = input_gradient(on_flat, mix * flat(reals) + (1 - mix) * flat(fakes))
    return (torch.linalg.vector_norm(gradient, dim=1) - 1).clamp_min(0).square()
