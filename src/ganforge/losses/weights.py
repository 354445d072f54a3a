"""Penalties on the weights of a player, whatever it computes with them.

    orthogonal              ‖WWᵀ ⊙ (1 − I)‖²_F, summed over weights W      Brock et al. 2017; 2019
    historical averaging    ‖θ − θ̄‖²,  θ̄: the mean of all θ before         Salimans et al. 2016

W [rows, columns]: a layer's weights, one output a row, or transposed where rows would outnumber columns and so could
not be orthogonal. Both measure the whole net, so the loss [N] of every sample is the same.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.core.schedule import Rate
from ganforge.losses.base import LossContext, Penalty, Term


def player_of(context: LossContext) -> nn.Module:
    assert context.player is not None, "the task says who is trained"
    return context.player


def expanded(loss: Tensor, context: LossContext) -> Tensor:
    return loss.expand(len(context.real))


def orthogonality_loss(net: nn.Module) -> Tensor:
    """How far the rows of each weight are from orthogonal: the sum of their squared products, each pair twice."""
    tables = {id(p) for layer in net.modules() if isinstance(layer, nn.Embedding) for p in layer.parameters()}
    total = torch.zeros((), device=next(net.parameters()).device)
    for weight in net.parameters():
        if weight.ndim < 2 or id(weight) in tables:  # a label's vector has no reason to stand upright on another's
            continue
        matrix = weight.flatten(1)
        matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
        products = matrix @ matrix.T
        total = total + (products * (1 - torch.eye(len(products), device=products.device))).square().sum()
    return total


class OrthogonalD(Penalty, kind="orthogonal"):
    """Makes the weight vectors of each layer of D orthogonal, whatever their norms."""

    order = 1
    weight: Rate = 1e-4
    """Weight in the loss; 1e-4 in the paper."""

    def loss(self, context: LossContext) -> Tensor:
        return expanded(orthogonality_loss(player_of(context)), context)


class OrthogonalG(Term, kind="orthogonal"):
    """Makes the weight vectors of each layer of G orthogonal, whatever their norms."""

    weight: Rate = 1e-4
    """Weight in the loss; 1e-4 in the paper."""

    def loss(self, context: LossContext) -> Tensor:
        return expanded(orthogonality_loss(player_of(context)), context)


def initial_mean(net: nn.Module) -> dict[str, Tensor]:
    """The memory of `distance_from_mean` before the first step: zero steps, zero means."""
    means = {f"mean/{name}": torch.zeros_like(p) for name, p in net.named_parameters()}
    return {"steps": torch.zeros(()), **means}


def distance_from_mean(context: LossContext) -> Tensor:
    """‖θ − θ̄‖² over all weights, a scalar; then updates θ̄."""
    total = torch.zeros((), device=context.real.device)
    steps = context.memory["steps"]
    for name, parameter in player_of(context).named_parameters():
        mean = context.memory[f"mean/{name}"]
        total = total + (parameter - mean).square().sum()
        context.memory[f"mean/{name}"] = mean + (parameter.detach() - mean) / (steps + 1)
    context.memory["steps"] = steps + 1
    return total * (steps > 0)  # before the first step there is nothing to keep near


class HistoricalD(Penalty, kind="historical_averaging"):
    """Keeps D's weights near their mean over training so far, which damps oscillation."""

    order = 1
    weight: Rate = 1.0
    """Weight in the loss."""

    def memory(self, player: nn.Module) -> dict[str, Tensor]:
        return initial_mean(player)

    def loss(self, context: LossContext) -> Tensor:
        return expanded(distance_from_mean(context), context)


class HistoricalG(Term, kind="historical_averaging"):
    """Keeps G's weights near their mean over training so far, which damps oscillation."""

    weight: Rate = 1.0
    """Weight in the loss."""

    def memory(self, player: nn.Module) -> dict[str, Tensor]:
        return initial_mean(player)

    def loss(self, context: LossContext) -> Tensor:
        return expanded(distance_from_mean(context), context)
