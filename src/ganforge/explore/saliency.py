"""Saliency: which parts of a sample the critic, or a classifier, looks at.

    gradient     x · ∂s/∂x, summed over the channels: what each value adds to the score, to first order
    smoothgrad   |mean over draws of ∂s/∂x at x + σ ε|, summed over the channels
                 Smilkov et al. 2017, "SmoothGrad: removing noise by adding noise"; 25 draws, σ = 0.15 of the range
    occlusion    s(x) − s(x with a patch replaced by the mean of the sample), positive where the patch raises the score
                 Zeiler & Fergus 2014

s [N]: the critic's logit, the mean over patches of a critic that scores these; or the logit of a class. x [N, C, ...].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.types import Request
from ganforge.inference.critic import critic_of
from ganforge.inference.labels import label_id
from ganforge.inference.model import Model
from ganforge.metrics.samples import Progress, silent
from ganforge.recipes.sampling import labeled

METHODS = ("smoothgrad", "gradient", "occlusion")
DRAWS, NOISE, RANGE = 25, 0.15, 2.0

Score = Callable[[Tensor, Tensor | None], Tensor]
"""From encoded samples [N, ...] and their labels to scores [N]."""


@dataclass(frozen=True)
class Saliency:
    """Where samples are looked at.

    Attributes:
        of: whose score it is: "D", or "class cat".
        scores: [N]. maps: [N, *grid], without the channels.
    """

    of: str
    method: str
    scores: Tensor
    maps: Tensor


def saliency(
    model: Model,
    x: Tensor,
    labels: Tensor | None = None,
    *,
    method: str = "smoothgrad",
    of: str | None = None,
    patch: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Saliency:
    """Which parts of samples a critic or classifier looks at.

    Args:
        x: encoded samples [N, *spec.shape], generated or given.
        labels: their classes, for a conditional critic; by default all classes in turn.
        method: smoothgrad, gradient or occlusion.
        of: a class that the model predicts; by default the critic.
        patch: side of the occluded patches; by default an eighth of that of samples.

    Raises:
        UserError: the method is unknown, the model has no critic at hand, or predicts no such class.
    """
    if method not in METHODS:
        raise UserError(f"--method {method}: unknown (known: {', '.join(METHODS)})", code="explore.unknown_method")
    name, score = scorer(model, of)
    if labels is None and model.spec.for_nets.classes:
        labels = labeled(Request(len(x)), model.spec).labels
    labels = None if labels is None else labels.to(x.device)
    try:
        with torch.no_grad():
            scores = score(x, labels)
        if method == "occlusion":
            maps = occluded(score, x, labels, scores, patch, progress)
        else:
            maps = by_gradient(score, x, labels, method, seed, progress)
    except (RuntimeError, TypeError) as error:
        raise UserError(
            f"{model.folder}: the critic of this model ({model.recipe.name}) takes other inputs than single samples "
            f"({str(error)[:100]})",
            code="explore.critic_of_other_inputs",
        ) from None
    return Saliency(name, method, scores.float().cpu(), maps.float().cpu())


def by_gradient(score: Score, x: Tensor, labels: Tensor | None, method: str, seed: int, progress: Progress) -> Tensor:
    """Maps by derivatives."""
    if method == "gradient":
        return (slope_of(score, x, labels) * x).sum(1)
    draws = torch.Generator().manual_seed(seed)
    total = torch.zeros_like(x)
    for k in range(DRAWS):
        noise = torch.randn(x.shape, generator=draws).to(x)
        total += slope_of(score, x + NOISE * RANGE * noise, labels)
        progress("derivatives", k + 1, DRAWS)
    return (total / DRAWS).abs().sum(1)


def slope_of(score: Score, x: Tensor, labels: Tensor | None) -> Tensor:
    """∂s/∂x of each sample."""
    leaf = x.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(score(leaf, labels).sum(), leaf)
    return slope


@torch.no_grad()
def occluded(
    score: Score, x: Tensor, labels: Tensor | None, scores: Tensor, patch: int | None, progress: Progress
) -> Tensor:
    """Maps by covering one patch after the other, half a patch apart; each place has the mean of its patches."""
    sizes = x.shape[2:]
    side = patch or max(1, max(sizes, default=1) // 8)
    if not 1 <= side <= max(sizes, default=1):
        raise UserError(f"--patch {side}: between 1 and {max(sizes, default=1)}", code="cli.out_of_range")
    places = torch.cartesian_prod(*(torch.arange(0, size, max(1, side // 2)) for size in sizes)).reshape(-1, len(sizes))
    gray = x.flatten(2).mean(2)[(...,) + (None,) * len(sizes)].expand_as(x)
    total, count = torch.zeros(len(x), *sizes, device=x.device), torch.zeros(*sizes, device=x.device)
    for k, place in enumerate(places.tolist()):
        where = tuple(slice(start, start + side) for start in place)
        covered = x.clone()
        covered[(slice(None), slice(None), *where)] = gray[(slice(None), slice(None), *where)]
        drop = (scores - score(covered, labels)).float()
        total[(slice(None), *where)] += drop.reshape(-1, *[1] * len(sizes))
        count[where] += 1
        progress("patches", k + 1, len(places))
    return total / count


def scorer(model: Model, of: str | None) -> tuple[str, Score]:
    """Whose score is explained, and how it is computed.

    Raises:
        UserError: the model predicts no classes, or no such class; or its critic is not at hand.
    """
    task, nets = model.recipe.task, model.bundle.nets
    if of is not None and model.spec.predicts:
        k = label_id(of, model.spec.predicts)
        return f"class {model.spec.predicts[k]}", lambda x, c: task.class_logits(nets, x)[:, k]
    name, D = critic_of(model)
    if of is None:
        return name, lambda x, c: D(x, c).logits.reshape(len(x), -1).mean(1)
    if model.labels:
        k = label_id(of, model.labels)

        def score(x: Tensor, c: Tensor | None) -> Tensor:
            classes = D(x, c).classes
            if classes is None:
                raise refusal(model)
            return classes[:, k]

        return f"class {model.labels[k]}", score
    raise refusal(model)


def refusal(model: Model) -> UserError:
    return UserError(
        f"{model.folder}: this model ({model.recipe.name}) predicts no classes. Leave --of out to see what its critic "
        "looks at; recipes that predict classes: sgan, acgan",
        code="explore.no_classes",
    )
