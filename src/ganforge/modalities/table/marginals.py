"""What a table's generator goes by when rows are made: standing statistics, and the shares of the real values.

A GAN learns which values go together better than how often each occurs. How often they occur is known: the spec has
it. So after the batch norms (`Standing`) each choice k of a column gets a shift of its raw number r (a bias of
the last layer), until the rows
that are made have it as often as the table has:

    r_k ← r_k + log(real share of k) − log(made share of k),  repeated, since columns depend on each other

As the shift is the same for all rows, what goes with what stays as it was learned. Nothing is shifted where shares are
not known (`signal.public`), and no value that was never made is.

D: numbers a row.
"""

from __future__ import annotations

import torch
from pydantic import Field

from ganforge.core.types import Nets, Request
from ganforge.modalities.table.nets import TabularG
from ganforge.modalities.table.tasks.rowmaker import RowMaker
from ganforge.recipes.statistics import SEED, Sampler, Standing, Statistics

MOST = 2.0  # that a choice's raw number is shifted by in one round


class Marginals(Statistics, kind="marginals"):
    """Standing statistics, and each value of a column as often as in the table."""

    batches: int = Field(default=8, ge=1)
    """Batches of rows that are made each time."""
    size: int = Field(default=2_000, ge=2)
    """Rows per batch."""
    rounds: int = Field(default=8, ge=0)
    """How often shares are compared."""

    @torch.inference_mode()
    def calibrate(self, nets: Nets, classes: int, sample: Sampler, truncation: float, device: torch.device) -> Nets:
        calibrated = Standing(batches=self.batches, size=self.size).calibrate(nets, classes, sample, truncation, device)
        G = calibrated["G"]
        if not isinstance(G, RowMaker) or not isinstance(G.net, TabularG) or not G.known.any():
            return calibrated
        gain, before = torch.ones_like(G.shares), torch.zeros_like(G.shares)
        for _ in range(self.rounds):
            made = torch.zeros_like(G.shares)
            for k in range(self.batches):
                request = Request(self.size, SEED, k * self.size, truncation=truncation, device=device)
                made += sample(calibrated, request).mean(0).to(made.dtype)
            made /= self.batches
            both = G.known & (made > 0) & (G.shares > 0)
            away = torch.where(both, (G.shares / made.clamp_min(1e-9)).log().clamp(-MOST, MOST), 0.0)
            # where most rows are sure of their choice a shift moves few of them: further, while it goes one way
            gain = torch.where(away * before > 0, gain * 1.5, gain / 2).clamp(0.5, 4.0) if before.any() else gain
            G.net.last.bias.add_(gain * away)
            before = away
        return calibrated
