"""How weights start.

xavier        uniform, variance 2 / (in + out), doubled where a ReLU lies in front     Glorot & Bengio 2010
orthogonal    rows that are orthogonal and of length 1                                 Saxe et al. 2014

Biases start at 0; norms keep their 1 and 0.
"""

from __future__ import annotations

import math

from torch import nn

LAYERS = (nn.Linear, nn.Conv2d)
AFTER_RELU = ("conv1", "conv2")  # of the blocks in layers.residual


def xavier_init(net: nn.Module) -> None:
    """Xavier for every linear layer and convolution of a net; with gain √2 within residual blocks, as SNGAN has it."""
    for name, layer in net.named_modules():
        if isinstance(layer, LAYERS):
            gain = math.sqrt(2) if name.rpartition(".")[2] in AFTER_RELU else 1.0
            nn.init.xavier_uniform_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def orthogonal_init(net: nn.Module) -> None:
    """Orthogonal weights for every linear layer, convolution and table of a net."""
    for layer in net.modules():
        if isinstance(layer, (*LAYERS, nn.Embedding)):
            nn.init.orthogonal_(layer.weight)
        if isinstance(layer, LAYERS) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
