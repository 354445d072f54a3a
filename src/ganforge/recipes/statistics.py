"""What the batch norms of a trained generator go by when samples are made.

While it trains, a batch norm keeps running means of what it sees, of generators that are no more; the averaged weights
have never seen a batch of their own. Standing statistics (Brock et al. 2019, appendix C) run the finished generator
over many latents and take the means of all:

    μ, σ² ← the mean over `batches` batches of the batch's own mean and variance,  x = G(z, c),  z as truncated as asked

Sampling with a truncation has other statistics than without, so they are taken again for it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.component import Component
from ganforge.core.types import Nets, Request

Sampler = Callable[[Nets, Request], Tensor]
"""How a task samples from its nets."""

SEED = 2**40  # of the latents: a table that nobody samples from by chance


class Statistics(Component, family="statistics"):
    """Statistics of a generator's batch norms when samples are made."""

    def calibrate(self, nets: Nets, classes: int, sample: Sampler, truncation: float, device: torch.device) -> Nets:
        """The generators to sample from, in evaluation mode; those given stay as they are.

        Args:
            nets: averaged generators.
            classes: how many labels there are; 0 without.
            truncation: of the samples that will be asked for.
        """
        raise NotImplementedError


class Running(Statistics, kind="running"):
    """The running means of training, averaged like the weights."""

    def calibrate(self, nets: Nets, classes: int, sample: Sampler, truncation: float, device: torch.device) -> Nets:
        return nets


class Standing(Statistics, kind="standing"):
    """Means over new samples of the generator in use, computed when needed (BigGAN)."""

    batches: int = Field(default=16, ge=1)
    """Batches that the means are taken over."""
    size: int = Field(default=64, ge=2)
    """Samples per batch; as many as in training is best."""

    @torch.inference_mode()
    def calibrate(self, nets: Nets, classes: int, sample: Sampler, truncation: float, device: torch.device) -> Nets:
        calibrated = Nets({name: copy.deepcopy(net) for name, net in nets.items()}, nets.memory)
        norms = [layer for net in calibrated.values() for layer in net.modules() if isinstance(layer, BATCH_NORM)]
        momenta = [layer.momentum for layer in norms]
        for layer in norms:
            layer.reset_running_stats()
            layer.momentum = None  # of all batches alike
            layer.train()
        for k in range(self.batches if norms else 0):
            labels = (torch.arange(self.size) + k * self.size) % classes if classes else None
            sample(calibrated, Request(self.size, SEED, k * self.size, labels, truncation=truncation, device=device))
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
            layer.eval()
        return calibrated


BATCH_NORM = nn.modules.batchnorm._BatchNorm


class CachedNets:
    """The generators to sample from, settled again only when the moment or the truncation is another one."""

    def __init__(self) -> None:
        self.key: object = None
        self.nets = Nets({})

    def at(self, key: object, calibrate: Callable[[], Nets]) -> Nets:
        if key != self.key:
            self.nets, self.key = calibrate(), key
        return self.nets
