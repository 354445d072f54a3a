"""Weight initialization.

xavier        uniform, variance 2 / (in + out), doubled after a ReLU                   Glorot & Bengio 2010
orthogonal    orthonormal rows                                                         Saxe et al. 2014

Biases are initialized to 0; norm layers keep scale 1 and offset 0.
"""

from __future__ import annotations

import math

from torch import nn

LAYERS = (nn.Linear, nn.Conv2d)
AFTER_RELU = ("conv1", "conv2")  # of the blocks in layers.residual


def xavier_init(net: nn.Module) -> None:
    """Xavier initialization of all linear layers and convolutions; with gain √2 within residual blocks, as in SNGAN."""
    for name, layer in net.named_modules():
        if isinstance(layer, LAYERS):
            gain = math.sqrt(2) if name.rpartition(".")[2] in AFTER_RELU else 1.0
            nn.init.xavier_uniform_(layer.weight, gain)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def orthogonal_init(net: nn.Module) -> None:
    """Orthogonal initialization of all linear layers, convolutions and embeddings of a net."""
    for layer in net.modules():
        if isinstance(layer, (*LAYERS, nn.Embedding)):
            nn.init.orthogonal_(layer.weight)
        if isinstance(layer, LAYERS) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
