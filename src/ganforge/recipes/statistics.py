"""Batch-norm statistics of a trained generator at sampling time.

During training, batch norm collects running means from generators with earlier weights, and never from the averaged
weights. Standing statistics (Brock et al. 2019, appendix C) run the trained generator on many latents and average the
statistics of these batches:

    μ, σ² ← the mean over `batches` batches of the batch's own mean and variance, x = G(z, c), z truncated as requested

The statistics depend on the truncation, so they are computed again if it changes.
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

SEED = 2**40  # of the latents: far from the seeds that users choose


class Statistics(Component, family="statistics"):
    """Statistics of a generator's batch norms when samples are made."""

    def calibrate(self, nets: Nets, classes: int, sample: Sampler, truncation: float, device: torch.device) -> Nets:
        """The generators to sample from, in evaluation mode; the given ones stay unchanged.

        Args:
            nets: averaged generators.
            classes: number of classes; 0 without labels.
            truncation: the truncation that will be used for sampling.
        """
        raise NotImplementedError


class Running(Statistics, kind="running"):
    """Running means collected during training, averaged (EMA) like the weights."""

    def calibrate(self, nets: Nets, classes: int, sample: Sampler, truncation: float, device: torch.device) -> Nets:
        return nets


class Standing(Statistics, kind="standing"):
    """Means over newly generated batches, computed before sampling (BigGAN)."""

    batches: int = Field(default=16, ge=1)
    """Number of batches to average over."""
    size: int = Field(default=64, ge=2)
    """Samples per batch; best equal to the training batch size."""

    @torch.inference_mode()
    def calibrate(self, nets: Nets, classes: int, sample: Sampler, truncation: float, device: torch.device) -> Nets:
        calibrated = Nets({name: copy.deepcopy(net) for name, net in nets.items()}, nets.memory)
        norms = [layer for net in calibrated.values() for layer in net.modules() if isinstance(layer, BATCH_NORM)]
        momenta = [layer.momentum for layer in norms]
        for layer in norms:
            layer.reset_running_stats()
            layer.momentum = None  # a plain mean over all batches
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
    """Caches the calibrated generators until the training step or the truncation changes."""

    def __init__(self) -> None:
        self.key: object = None
        self.nets = Nets({})

    def at(self, key: object, calibrate: Callable[[], Nets]) -> Nets:
        if key != self.key:
            self.nets, self.key = calibrate(), key
        return self.nets
