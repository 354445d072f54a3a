"""Layers that stay as they are (FreezeD; Mo, Cho & Shin 2020)."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from ganforge.core.errors import UserError


def frozen(critics: Mapping[str, nn.Module], count: int) -> list[nn.Parameter]:
    """The weights of the first `count` layers of every critic.

    Raises:
        UserError: there is no critic, or one with no more layers than that.
    """
    if count and not critics:
        raise UserError(
            f"init.freeze={count}: this task has no critic whose layers could be frozen; leave freeze out",
            code="init.no_critic",
        )
    return [weight for name, net in critics.items() for weight in lower(net, count, name)] if count else []


def lower(net: nn.Module, count: int, name: str = "D") -> list[nn.Parameter]:
    """The weights of a net's first `count` layers and of the norms between them and the next layer.

    A layer is what holds a matrix or kernel (convolutions, linear maps; tables of labels are none), in the order in
    which nets register their parts, which is that in which samples meet them. A net of another order says
    `in_order = False`.

    Raises:
        UserError: the net has no more layers than that, or no fixed first ones.
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
            found |= dict.fromkeys(module.parameters())  # the whole of it: a normed weight lies deeper
        elif layers and not [*module.children()]:
            found |= dict.fromkeys(module.parameters(recurse=False))
    raise UserError(
        f"init.freeze={count}: {name} has {layers} layers, and the last one must be trained: freeze at "
        f"most {max(layers - 1, 0)}",
        code="init.too_many_layers",
    )


def is_layer(module: nn.Module) -> bool:
    """Whether a module is a layer that counts."""
    weight = getattr(module, "weight", None)
    return isinstance(weight, Tensor) and weight.ndim >= 2 and not isinstance(module, nn.Embedding)
