"""Takes the snapshots of a run with `ema.snapshots`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import torch

from ganforge.artifacts import snapshots
from ganforge.engine.session import Session
from ganforge.recipes.callback import Listener

log = logging.getLogger("ganforge")


class SnapshotTaker(Listener):
    """Writes the averages of `ema.snapshots`, and removes those that are too close to each other by now.

    Those after the checkpoint that a run is resumed from or rolled back to are removed: they are taken again.
    """

    def __init__(self, session: Session):
        self.run, self.trainer = session, session.trainer

    def on_start(self) -> None:
        snapshots.drop_after(self.run.folder, self.run.samples)
        power = self.trainer.power
        log.info(
            "at most %d snapshots of averages will be kept, %.3g MB in all (ema.snapshots)",
            power.most, power.disk_space / 1e6,
        )  # fmt: skip

    def on_step(self, before: int, after: int) -> None:
        trainer = self.trainer
        if not trainer.power.due(trainer.step):
            return
        averages = trainer.power.state()
        if all(bool(torch.isfinite(tensor).all()) for tensor in averages.values()):  # else the training says so
            snapshots.write(self.run.folder, after, trainer.step, averages)
            snapshots.thin(self.run.folder, trainer.power.interval(trainer.step) * trainer.stride)

    def on_event(self, event: Mapping[str, Any]) -> None:
        if event["event"] == "rollback":
            snapshots.drop_after(self.run.folder, self.run.samples)
