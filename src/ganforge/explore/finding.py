"""Directions in latent space along which samples change most, without labels.

    sefa      eigenvectors of Σ aᵀa over the rows a, of norm 1, of the weights that a latent meets first
              Shen & Zhou 2021, "Closed-Form Factorization of Latent Semantics in GANs"
    pca       principal components of styles; or of the outputs h of a hidden layer, brought back to latents by least
              squares: the columns of Zᵀ X (Xᵀ X)⁻¹, X the scores of the components
              Härkönen et al. 2020, "GANSpace: Discovering Interpretable GAN Controls"
    jacobian  eigenvectors of E[Jᵀ J], J = ∂G/∂z: the mean change of samples. E[(Jᵀ v)(Jᵀ v)ᵀ] is the same, v ~ N(0, 1)
              Ramesh, Choi & LeCun 2019; Wang & Ponce 2021

All directions are made orthonormal, and their signs such that the largest entry is positive. N: samples, D: dimension
of a latent or style, k: directions.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from ganforge.core.errors import UserError
from ganforge.core.rng import seed_of
from ganforge.explore.first_layers import first_layers
from ganforge.explore.hidden import watch_outputs
from ganforge.explore.space import Space, refuse_underivable, space_of
from ganforge.inference.directions import Directions
from ganforge.inference.model import Model

METHODS = ("sefa", "pca", "jacobian")
STYLES = 10_000
HIDDEN = 1_000
PART = 64
FAR = 3.0
"""Standard deviations that directions are compared at."""
RANDOM = 20
"""Random directions that they are compared with."""


def directions(
    model: Model,
    method: str = "auto",
    number: int = 10,
    *,
    layers: tuple[int, int] | None = None,
    layer: str | None = None,
    space: str | None = None,
    seed: int = 0,
) -> Directions:
    """Directions in the latent space of a model along which its samples change most, the strongest first.

        found = directions(gf.load("runs/0003-dcgan"), "sefa")

    Args:
        method: sefa, pca or jacobian; "auto": sefa, or jacobian where no layer gets the latents as they are.
        number: how many; at most as many as the space has dimensions.
        layers: of styles, the first and the last layer that are moved; by default all.
        layer: for pca in z, the hidden layer, by its name within its net; by default the first that latents meet.
        space: "z" or "w"; by default w if the model has styles.
        seed: of the samples that pca and jacobian look at, and of the measurement of their strength.

    Raises:
        UserError: the method is unknown or does not fit the generator, or a number is out of range.
    """
    if method not in ("auto", *METHODS):
        raise UserError(
            f"--method {method}: unknown (known: auto, {', '.join(METHODS)})", code="explore.unknown_method"
        )
    where = space_of(model, space)
    span = checked_layers(where, layers)
    if number < 1:
        raise UserError(f"--number {number}: it must be at least 1", code="cli.out_of_range")
    number = min(number, where.width)
    if method == "auto":
        method = "sefa" if first_layers(where, span) else "jacobian"
    if method == "sefa":
        vectors, energies = of_weights(where, span)
    elif method == "pca":
        vectors, energies = of_styles(where, seed) if where.name == "w" else of_hidden(where, layer, number, seed)
    else:
        vectors, energies = of_jacobian(where, span, seed)
    vectors, energies = oriented(vectors[:number]), energies[:number]
    sigmas = where.sigmas(vectors, seed)
    draws = torch.Generator().manual_seed(seed_of(seed, "random directions") % 2**63)
    others = nn.functional.normalize(torch.randn(RANDOM, where.width, generator=draws), dim=1)
    moves = moved(where, vectors, sigmas, span, seed)
    random = moved(where, others, where.sigmas(others, seed), span, seed).mean()
    names = tuple(str(k + 1) for k in range(len(vectors)))
    of_sigmas, of_energies, of_moves = (tuple(row.tolist()) for row in (sigmas, energies, moves))
    return Directions(
        where.digest, where.name, method, vectors, names, of_sigmas, of_energies, of_moves, float(random), span
    )


def checked_layers(space: Space, layers: tuple[int, int] | None) -> tuple[int, int] | None:
    """The span of layers to move: for styles all by default, for latents None.

    Raises:
        UserError: the model has no styles, or no such layers.
    """
    if space.name == "z":
        if layers is not None:
            raise UserError(
                f"--layers {layers[0]}-{layers[1]}: in the space z there are no layers to choose from; leave it out",
                code="explore.no_styles",
            )
        return None
    last = space.shape[0] - 1
    first, end = layers or (0, last)
    if not 0 <= first <= end <= last:
        raise UserError(
            f"--layers {first}-{end}: the layers of this model are 0-{last}", code="explore.layers_out_of_range"
        )
    return first, end


def of_weights(space: Space, layers: tuple[int, int] | None) -> tuple[Tensor, Tensor]:
    """SeFa: vectors [D, D] and energies [D]."""
    weights = [found for _, found in first_layers(space, layers)]
    if not weights:
        model = space.model
        raise UserError(
            f"{model.folder}: --method sefa reads the weights of the layer that latents meet first, and in this model "
            f"({model.recipe.name}) no layer gets them unchanged. Use --method jacobian or pca",
            code="explore.no_first_layer",
        )
    rows = torch.cat(weights).double()
    lengths = rows.norm(dim=1, keepdim=True)
    rows = (rows / lengths.clamp(min=1e-12))[lengths[:, 0] > 1e-12]
    return principal(rows.T @ rows)


def of_styles(space: Space, seed: int) -> tuple[Tensor, Tensor]:
    """Principal components of styles."""
    w = space.styles(STYLES, seed).double().cpu()
    w = w - w.mean(0)
    return principal(w.T @ w)


def of_hidden(space: Space, layer: str | None, number: int, seed: int) -> tuple[Tensor, Tensor]:
    """Principal components of a hidden layer, brought back to latents."""
    module = hidden_layer(space, layer)
    kept: list[Tensor] = []
    handle = module.register_forward_hook(lambda _, __, out: kept.append(out.detach().flatten(1).double().cpu()))
    points = []
    try:
        for start in range(0, HIDDEN, PART):
            request = space.request(min(PART, HIDDEN - start), seed, start)
            points.append(space.points_of(request))
            with torch.no_grad():
                space.make(points[-1], request.labels)
    finally:
        handle.remove()
    z, h = torch.cat(points).double().cpu(), torch.cat(kept)
    z, h = z - z.mean(0), h - h.mean(0)
    axes, shares = principal(h @ h.T)  # the scores of the components [k, N], up to their scale
    back, r = torch.linalg.qr((axes[:number].double() @ z).T)  # least squares, since scores are uncorrelated
    return (back * r.diagonal().sign()).T.float(), shares


def hidden_layer(space: Space, name: str | None) -> nn.Module:
    """A layer of the generators by name; by default the first affine layer that latents meet, or the first of all.

    Raises:
        UserError: there is none of that name, or none is needed for a sample.
    """
    used: dict[str, nn.Module] = {}

    def note(key: str, module: nn.Module, out: Tensor, axis: int) -> None:
        if out.ndim > 1 and not list(module.children()):
            used.setdefault(key, module)

    watch_outputs(space, note)
    if name is None and used:
        return next((module for module, _ in first_layers(space)), next(iter(used.values())))
    if name not in used:
        raise UserError(
            f"--layer {name}: this model has no such layer with an output (it has: {', '.join(used)})",
            code="explore.unknown_layer",
        )
    return used[name]


def of_jacobian(space: Space, layers: tuple[int, int] | None, seed: int) -> tuple[Tensor, Tensor]:
    """Eigenvectors of the mean Gram matrix of Jacobians."""
    refuse_underivable(space)
    passes = max(8, math.ceil(4 * space.width / PART))  # four random projections for each dimension
    gram = torch.zeros(space.width, space.width, dtype=torch.float64)
    draws = torch.Generator().manual_seed(seed_of(seed, "projections") % 2**63)
    for k in range(passes):
        request = space.request(PART, seed, k * PART)
        base = space.points_of(request)
        move = torch.zeros(PART, space.width, dtype=base.dtype, device=base.device, requires_grad=True)
        x = space.make(base + space.shift(move, layers), request.labels)
        v = torch.randn(x.shape, generator=draws).to(x)
        (slope,) = torch.autograd.grad((x * v).sum(), move)  # [N, D], rows (Jᵀ v)ᵀ
        slope = slope.double().cpu()
        gram += slope.T @ slope
    return principal(gram)


def principal(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvectors of a symmetric matrix [D, D] as rows, the largest eigenvalue first; their shares of the trace."""
    values, vectors = torch.linalg.eigh(gram.double())
    values, vectors = values.flip(0).clamp(min=0), vectors.flip(1).T
    return vectors.float(), (values / values.sum().clamp(min=1e-30)).float()


def oriented(vectors: Tensor) -> Tensor:
    """The vectors with signs such that the largest entry of each is positive."""
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return (vectors * largest.sign()).contiguous()


@torch.no_grad()
def moved(space: Space, vectors: Tensor, sigmas: Tensor, layers: tuple[int, int] | None, seed: int) -> Tensor:
    """How far `FAR` σ along each vector moves samples: root mean square of the change of encoded values, [k]."""
    request = space.request(16, seed)
    points = space.points_of(request)
    before = space.make(points, request.labels)
    found = []
    for vector, sigma in zip(vectors, sigmas, strict=True):
        shift = space.shift((FAR * sigma * vector)[None].to(points), layers)
        found.append((space.make(points + shift, request.labels) - before).square().mean().sqrt())
    return torch.stack(found).float().cpu()


@torch.no_grad()
def along(model: Model, found: Directions, name: str, amounts: list[float], seed: int = 0, label: Any = None) -> Any:
    """One sample moved along a direction by several amounts (in standard deviations), decoded as `Model.sample` does.

    Args:
        label: as in `Model.sample`.
    """
    where = Space(model, found.space)
    point = where.request(1, seed, label=label)
    points = where.points_of(point)
    shifts = found.shift(name, torch.tensor(amounts), None if found.layers is None else torch.Size(where.shape))
    labels = None if point.labels is None else point.labels.expand(len(amounts), *point.labels.shape[1:])
    return where.decoded(where.make(points + shifts.to(points), labels))
