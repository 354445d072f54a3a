"""Shared by tasks that generate samples from latents, optionally with labels."""

from __future__ import annotations

from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.rng import block_normal
from ganforge.core.types import Nets, Request, Spec
from ganforge.nets.base import Discriminator, Generator, Layered


def with_labels(spec: Spec, conditional: bool, texts: bool = False) -> Spec:
    """The spec with its labels or conditions if the task is conditional, else without.

    Args:
        texts: whether the task reads conditions that are texts.

    Raises:
        UserError: the task is conditional and the data has no labels, or only one class, or texts that it cannot read.
    """
    if not conditional:
        return Spec(spec.shape, state=spec.state)
    if spec.conditions.texts and not texts:
        raise UserError(
            "task: the data has captions, which this recipe does not read. Use text2image-small, or leave captions out",
            code="task.captions_not_read",
        )
    if spec.conditions:
        return spec
    if spec.classes == 0:
        raise UserError(
            "task.conditional: this recipe needs labels and the data has none. Put the samples of each class in a "
            "folder of its own, name a table of them (labels=labels.csv), or use a recipe without labels",
            code="data.no_labels",
        )
    if spec.classes == 1:
        raise UserError(
            f"task.conditional: the data has only one class ({spec.labels[0]!r}); a conditional recipe needs at least "
            "two. Use a recipe without labels",
            code="data.one_class",
        )
    return spec


def nearest_for_both(generator: Generator, discriminator: Discriminator, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The closest sample shape that both nets support."""
    made = generator.nearest(shape)
    reachable = discriminator.nearest(made)
    return made if reachable == made else generator.nearest(reachable)


def rows_of(request: Request, generator: Generator) -> Tensor:
    """The latents [n, width] for a request."""
    if request.latents is not None:
        return request.latents
    return generator.truncate(normal_rows(request, generator.latent), request.truncation)


def normal_rows(request: Request, width: int, truncation: float = 1.0) -> Tensor:
    """The latents [n, width] that a request names, or else standard normal ones times `truncation`."""
    if request.latents is not None:
        return request.latents
    return block_normal(request.seed, "z", request.start, request.n, width) * truncation


def draw(nets: Nets, request: Request, latents: Tensor) -> Tensor:
    """G's samples for a request, on its device."""
    labels = None if request.labels is None else request.labels.to(request.device)
    if request.styles is not None:
        assert isinstance(nets.G, Layered), "only such generators are asked for styles"
        return nets.G.layered(request.styles.to(request.device, request.dtype), labels)
    return nets.G(latents.to(request.device, request.dtype), labels)


def latents_of_layers(nets: Nets, request: Request, latents: Tensor) -> Tensor | None:
    """The latents [n, layers, L] that each layer of G reads, all the same for a seed; None if only the first layer
    reads any."""
    G = nets.get("G")
    if request.styles is not None or not isinstance(G, Layered):
        return request.styles
    return latents.to(request.device, request.dtype)[:, None].expand(-1, G.layers, -1)


def logit_stats(real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Values to log from D's logits of reals and of fakes, each [N]."""
    real, fake = real.detach(), fake.detach()
    return {
        "logit/real": real,
        "logit/fake": fake,
        "acc/real": (real > 0).float(),
        "acc/fake": (fake < 0).float(),
    }
