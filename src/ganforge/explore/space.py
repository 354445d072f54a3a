"""The latent space of a model, in which directions are found and latents of given samples are sought.

    z [N, L]           latents, standard normal
    w [N, layers, K]   styles, in models whose layers have inputs of their own (`Task.styles`); usually all equal

Samples are made with derivatives, so that gradients with respect to points are available. N: points, L: dimension of
the latents, K: dimension of a style.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.types import Request
from ganforge.inference.codes import Codes, at_points, digest_of, styles_of
from ganforge.inference.model import Model
from ganforge.recipes.sampling import encoded, labeled

WIDEST = 2048
"""Numbers of a latent, at most; longer ones are noise for each step of a series."""
PART = 1024
SPREAD_OVER = 10_000
"""Styles whose standard deviations are measured."""


@dataclass(frozen=True)
class Space:
    """The latent space of a model.

    Attributes:
        name: "z" or "w".
    """

    model: Model
    name: str

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of a point: (L,) or (layers, K)."""
        return tuple(self.points_of(self.request(1)).shape[1:])

    @property
    def width(self) -> int:
        """The dimension of a direction: L or K."""
        return self.shape[-1]

    @cached_property
    def digest(self) -> str:
        return digest_of(self.model.bundle)

    def request(self, n: int, seed: int = 0, start: int = 0, label: Any = None) -> Request:
        """Samples start..start+n of a seed; `label` as in `Model.sample`."""
        bundle, labels = self.model.bundle, None
        if label is not None:
            labels = self.model.label_ids(label, n)
        found = Request(n, seed, start, labels=labels, device=bundle.device, dtype=bundle.dtype)
        return labeled(found, self.model.spec)

    @torch.no_grad()
    def points_of(self, request: Request) -> Tensor:
        """The points [n, *shape] of a request, on the device of the nets."""
        task, bundle = self.model.recipe.task, self.model.bundle
        if self.name == "z":
            return task.latents(request).to(bundle.device, bundle.dtype)
        styles = task.styles(bundle.nets, request)
        assert styles is not None, "the space w is for models with styles"
        return styles.clone()

    def make(self, points: Tensor, labels: Tensor | None) -> Tensor:
        """Encoded samples [n, *spec.shape] of points, with their derivatives.

        Args:
            labels: int64 [n], conditions [n, K], or None without either.
        """
        bundle = self.model.bundle
        request = at_points(Request(len(points), labels=labels), points)
        return encoded(bundle.recipe, bundle.nets, request, bundle.device)

    def decoded(self, x: Tensor) -> Any:
        """Encoded samples as a user gets them."""
        return self.model.recipe.signal.decode(x.detach(), self.model.spec)

    def frames(self, x: Tensor) -> list[Any]:
        """Encoded samples as images, uint8 [H, W, 3]."""
        return self.model.frames(self.decoded(x))

    def shift(self, vectors: Tensor, layers: tuple[int, int] | None) -> Tensor:
        """Vectors [n, width] as shifts of points: [n, L], or [n, layers, K] that are zero outside of the layers."""
        if layers is None:
            return vectors
        whole = vectors.new_zeros(len(vectors), *self.shape)
        whole[:, layers[0] : layers[1] + 1] = vectors[:, None]
        return whole

    def sigmas(self, vectors: Tensor, seed: int = 0) -> Tensor:
        """The standard deviation of points along each of some unit vectors [k, width], [k]."""
        if self.name == "z":
            return vectors.new_ones(len(vectors))
        w = self.styles(SPREAD_OVER, seed)
        return (w @ vectors.T.to(w)).std(0).to(vectors)

    def styles(self, n: int, seed: int = 0) -> Tensor:
        """Styles [n, K] of samples of a seed, as all layers get them."""
        starts = range(0, n, PART)
        return torch.cat([self.points_of(self.request(min(PART, n - k), seed, k))[:, 0] for k in starts])

    def codes(self, points: Tensor, labels: Tensor | None) -> Codes:
        """Points to be saved."""
        return Codes(self.digest, points.detach().float().cpu(), None if labels is None else labels.cpu())


def space_of(model: Model, name: str | None = None) -> Space:
    """The latent space of a model: w if it has styles, otherwise z.

    Args:
        name: "z" or "w", to choose.

    Raises:
        UserError: the model does not generate samples, has no such space, or its samples have no derivative with
            respect to latents.
    """
    model.check_can_sample()
    has_styles = styles_of(model.bundle) is not None
    if name not in (None, "z", "w"):
        raise UserError(f"space {name!r}: expected z (latents) or w (styles)", code="explore.unknown_space")
    if name == "w" and not has_styles:
        raise UserError(
            f"{model.folder}: this model ({model.recipe.name}) has no styles: only the first layer of its generator "
            "is given latents. Recipes with styles: stylegan2-small, stylegan2-256, biggan, biggan-deep",
            code="explore.no_styles",
        )
    latents = model.recipe.task.latents(Request(1))
    if latents.ndim != 2 or not 2 <= latents.shape[1] <= WIDEST:
        raise UserError(
            f"{model.folder}: this model ({model.recipe.name}) has no latent vectors with directions: its samples are "
            f"drawn from {list(latents.shape[1:])} random numbers, as noise at every step of a series. Vectors of 2 to "
            f"{WIDEST:,} numbers have directions",
            code="explore.no_latent_vectors",
        )
    return Space(model, name or ("w" if has_styles else "z"))


def refuse_underivable(space: Space) -> None:
    """Raises UserError if samples have no derivative with respect to points, as where tokens are drawn."""
    request = space.request(2)
    points = space.points_of(request).requires_grad_()
    try:
        x = space.make(points, request.labels)
        (slope,) = torch.autograd.grad(x.square().sum(), points) if x.requires_grad else (None,)
    except RuntimeError:  # a step of the net without a derivative
        slope = None
    if slope is None or not slope.any():
        model = space.model
        raise UserError(
            f"{model.folder}: the samples of this model ({model.recipe.name}) have no derivative with respect to its "
            "latents, as where tokens or edges are drawn. Use --method sefa or pca where they apply",
            code="explore.no_derivative",
        )
