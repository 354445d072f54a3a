"""The critic of a trained model, which only the checkpoints of its run hold."""

from __future__ import annotations

import logging

import torch
from torch import Tensor, nn

from ganforge.artifacts import checkpoint
from ganforge.core.device import building
from ganforge.core.errors import UserError
from ganforge.core.types import Request
from ganforge.inference.loaded import Loaded
from ganforge.inference.rejection import Ratio
from ganforge.losses.base import Objective

log = logging.getLogger("ganforge")


def critic_of(model: Loaded) -> tuple[str, nn.Module]:
    """The critic of a model: its name and the net, from the newest checkpoint of its run.

    Raises:
        UserError: this is a model file, which holds no critic, or the run has no checkpoint, or its task no critic.
    """
    task, bundle, folder = model.recipe.task, model.bundle, model.folder
    if task.mode == "translate":
        raise UserError(
            f"{folder}: this model ({model.recipe.name}) translates, so that its critic sees pairs or given samples; a "
            "critic of single samples is needed here",
            code="explore.critic_of_other_inputs",
        )
    point = checkpoint.newest(folder / "checkpoints") if folder.is_dir() else None
    if point is None:
        raise UserError(
            f"{folder}: no checkpoint here, and a model file holds no critic. Give the run directory, with its "
            "checkpoints",
            code="explore.no_checkpoint",
        )
    with building(bundle.dtype):
        players = task.players(model.spec.for_nets)
    critics = task.critic_players(players)
    if not critics:
        raise UserError(
            f"{folder}: this model ({model.recipe.name}) was trained without a critic", code="explore.no_critic"
        )
    tensors, _ = checkpoint.read(point)
    net = players[critics[0]]
    checkpoint.load_module(f"net.{critics[0]}", net, tensors, str(point))
    return critics[0], net.to(bundle.device, bundle.dtype).eval().requires_grad_(False)


def ratio_of(model: Loaded) -> Ratio:
    """log(p(x) / q(x)) of encoded samples according to the critic of a model, p the density of real and q that of
    generated samples, of the same label where there are labels; where the loss of the critic estimates no ratio, its
    logit is taken for one, with a warning.

    Raises:
        UserError: the model has conditions other than a class, several critics or none, or one that does not give one
            logit for a single sample.
    """
    task, folder, name = model.recipe.task, model.folder, model.recipe.name
    if model.spec.conditions:
        raise UserError(
            f"{folder}: this model ({name}) has conditions ({', '.join(model.spec.conditions.names)}); rejection would "
            "compare samples of different conditions with each other. It is for models without any, or with classes",
            code="sample.rejection_of_conditions",
        )
    critic, D = critic_of(model)
    objective = getattr(task, "objective", None)
    players = task.critic_players(name for phase in task.phases() for name in phase.trains)
    if not isinstance(objective, Objective) or len(set(players)) > 1 or getattr(task, "pack", 1) > 1:
        raise UserError(
            f"{folder}: rejection needs one critic that scores single samples; this model ({name}) has "
            f"{'packs of samples' if getattr(task, 'pack', 1) > 1 else 'several critics or another loss'}",
            code="sample.rejection_without_ratio",
        )
    try:
        with torch.no_grad():
            labels = torch.zeros(2, dtype=torch.int64, device=model.bundle.device) if model.spec.classes else None
            logits = D(model.bundle.encoded(Request(2, labels=labels)), labels).logits
        fits = logits.shape == (2,)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        fits, logits = False, error
    if not fits:
        what = str(logits)[:100] if isinstance(logits, Exception) else f"{logits[0].numel()} logits for a sample"
        raise UserError(
            f"{folder}: rejection needs a critic that gives one logit for a single sample; that of this model ({name}) "
            f"takes or gives something else ({what})",
            code="sample.rejection_without_ratio",
        )
    if not objective.estimates_ratio:
        log.warning(
            "rejection: the loss %s makes %s no estimate of log(p / q), the density of real over that of generated "
            "samples; its logit is taken for one, which only its order justifies", objective.kind, critic,
        )  # fmt: skip

    def ratio(x: Tensor, labels: Tensor | None) -> Tensor:
        return objective.log_ratio(D(x, None if labels is None else labels.to(x.device)).logits)

    return ratio
