"""Penalties on the weights of a net.

    orthogonal              ‖WWᵀ ⊙ (1 − I)‖²_F, summed over weights W      Brock et al. 2017; 2019
    historical averaging    ‖θ − θ̄‖²,  θ̄: the mean of all θ before         Salimans et al. 2016

W [rows, columns]: a layer's weights, one row per output, transposed if there are more rows than columns (which cannot
be orthogonal). Both depend on the whole net, so all entries of the loss [N] are equal.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganforge.core.schedule import Rate
from ganforge.losses.base import LossContext, Penalty, Term


def player_of(context: LossContext) -> nn.Module:
    assert context.player is not None, "the task sets the net that is trained"
    return context.player


def expanded(loss: Tensor, context: LossContext) -> Tensor:
    return loss.expand(len(context.real))


def orthogonality_loss(net: nn.Module) -> Tensor:
    """Deviation of the rows of each weight from orthogonality: the sum of their squared inner products, each pair
    twice."""
    tables = {id(p) for layer in net.modules() if isinstance(layer, nn.Embedding) for p in layer.parameters()}
    total = torch.zeros((), device=next(net.parameters()).device)
    for weight in net.parameters():
        if weight.ndim < 2 or id(weight) in tables:  # embeddings of labels need not be orthogonal
            continue
        matrix = weight.flatten(1)
        matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
        products = matrix @ matrix.T
        total = total + (products * (1 - torch.eye(len(products), device=products.device))).square().sum()
    return total


class OrthogonalD(Penalty, kind="orthogonal"):
    """Orthogonal regularization of D: weight vectors of a layer should be orthogonal; their norms are free."""

    order = 1
    weight: Rate = 1e-4
    """Weight in the loss; 1e-4 in the paper."""

    def loss(self, context: LossContext) -> Tensor:
        return expanded(orthogonality_loss(player_of(context)), context)


class OrthogonalG(Term, kind="orthogonal"):
    """Orthogonal regularization of G: weight vectors of a layer should be orthogonal; their norms are free."""

    weight: Rate = 1e-4
    """Weight in the loss; 1e-4 in the paper."""

    def loss(self, context: LossContext) -> Tensor:
        return expanded(orthogonality_loss(player_of(context)), context)


def initial_mean(net: nn.Module) -> dict[str, Tensor]:
    """Initial state for `distance_from_mean`: zero steps, zero means."""
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
    return total * (steps > 0)  # there is no mean before the first step


class HistoricalD(Penalty, kind="historical_averaging"):
    """Historical averaging: penalizes the distance of D's weights from their mean over training, which damps
    oscillation."""

    order = 1
    weight: Rate = 1.0
    """Weight of this term in the loss."""

    def memory(self, player: nn.Module) -> dict[str, Tensor]:
        return initial_mean(player)

    def loss(self, context: LossContext) -> Tensor:
        return expanded(distance_from_mean(context), context)


class HistoricalG(Term, kind="historical_averaging"):
    """Historical averaging: penalizes the distance of G's weights from their mean over training, which damps
    oscillation."""

    weight: Rate = 1.0
    """Weight of this term in the loss."""

    def memory(self, player: nn.Module) -> dict[str, Tensor]:
        return initial_mean(player)

    def loss(self, context: LossContext) -> Tensor:
        return expanded(distance_from_mean(context), context)
