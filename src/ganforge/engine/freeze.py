"""Freezing of layers of D (FreezeD; Mo, Cho & Shin 2020)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ganforge.core.errors import UserError


def frozen(critics: Mapping[str, nn.Module], count: int) -> list[nn.Parameter]:
    """The weights of the first `count` layers of every critic.

    Raises:
        UserError: there is no critic, or one has no layers left to train.
    """
    if count and not critics:
        raise UserError(
            f"init.freeze={count}: this task has no critic whose layers could be frozen; leave freeze out",
            code="init.no_critic",
        )
    return [weight for name, net in critics.items() for weight in lower(net, count, name)] if count else []


def lower(net: nn.Module, count: int, name: str = "D") -> list[nn.Parameter]:
    """The weights of a net's first `count` layers and of the norms between them and the next layer.

    A layer is a convolution or a linear layer (embeddings of labels do not count). Layers are counted in the order in
    which the net registers them, which must be the order in which it applies them; a net with another order sets
    `in_order = False`.

    Raises:
        UserError: no layer is left to train, or the net has no fixed first layers.
    """
    if any(getattr(module, "in_order", True) is False for module in net.modules()):
        raise UserError(
            f"init.freeze={count}: {name} grows from its last layers, so it has no fixed first layers to freeze",
            code="init.no_first_layers",
        )
    found: dict[nn.Parameter, None] = {}
    layers = 0
    for module in net.modules():
        if is_layer(module):
            layers += 1
            if layers > count:
                return list(found)
            found |= dict.fromkeys(module.parameters())  # all of it: a parametrized weight is in a submodule
        elif layers and not [*module.children()]:
            found |= dict.fromkeys(module.parameters(recurse=False))
    raise UserError(
        f"init.freeze={count}: {name} has {layers} layers, and the last one must be trained: freeze at "
        f"most {max(layers - 1, 0)}",
        code="init.too_many_layers",
    )


def is_layer(module: nn.Module) -> bool:
    """Whether a module counts as a layer."""
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.ndim >= 2 and not isinstance(module, nn.Embedding)
