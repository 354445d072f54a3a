"""Training: train, log, save, and roll back if the health check requires it.

Of several processes each has a session, and all take the same decisions; process 0 writes the files and calls the
listeners, except for those that share their work (`Callback.everywhere`).
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
from torch import Tensor

from ganforge.artifacts import bundle, checkpoint
from ganforge.artifacts.rundir import RunDir, UnwrittenRun
from ganforge.core.dataset import Dataset
from ganforge.core.errors import TrainingError
from ganforge.core.types import Request
from ganforge.engine.health.diagnosis import ADVICE, DIVERGING
from ganforge.engine.health.watcher import Watcher
from ganforge.engine.step import NotFinite, StepTrace
from ganforge.engine.trainer import Trainer
from ganforge.engine.world import World
from ganforge.recipes.callback import Listener, due
from ganforge.recipes.health import Watch

log = logging.getLogger("ganforge")


MINUTES, EARLY, STOP = 1, 2, 3
"""Why training ends before all samples were seen; of several processes, the largest counts."""


class Session:
    """Training of a run: the trainer, the run directory, the listeners, and when to stop."""

    def __init__(
        self,
        trainer: Trainer,
        run: RunDir | UnwrittenRun,
        dataset: Dataset,
        data_fingerprint: str,
        state: Mapping[str, Any] | None = None,
    ):
        self.trainer, self.run, self.dataset, self.data_fingerprint = trainer, run, dataset, data_fingerprint
        self.world = trainer.world
        self.folder: Path = run.folder
        self.recipe, self.spec = trainer.recipe, trainer.spec
        self.watcher = Watcher(self.recipe.health)
        state = state or {}  # of the checkpoint from which the run is resumed
        self.seconds: float = state.get("seconds", 0.0)  # of training, over all sessions of the run
        if "health" in state:  # older checkpoints have none
            self.watcher.load_state_dict(state["health"])
            trainer.change_draws(self.watcher.seed(self.recipe.seed), self.watcher.rate)
        self.listeners: list[Listener] = []
        self.stop = False
        self.early = ""  # why training ends before all samples were seen
        self._saved_at = trainer.samples if state else -1

    @property
    def samples(self) -> int:
        return self.trainer.samples

    @property
    def device(self) -> str:
        return str(self.trainer.device)

    def recent(self) -> dict[str, float]:
        return self.trainer.stats.peek()

    def stop_early(self, why: str) -> None:
        self.early = why

    def stored(self, rows: np.ndarray) -> list[np.ndarray | None] | None:
        return self.trainer.loader.stored(rows)

    def generate(self, request: Request) -> np.ndarray:
        return self.trainer.generate(request)

    def translate(self, source: Tensor) -> Tensor:
        return self.trainer.translate(source)

    def visualize(self, count: int) -> tuple[Any, int] | None:
        return self.trainer.visualize(count)

    def log(self, event: str, **fields: Any) -> None:
        record = {"event": event, "samples": self.samples, "t": round(time.time(), 3), **fields}
        self.run.events.write(record)
        self.tell(record)

    def tell(self, event: Mapping[str, Any]) -> None:
        for listener in self.listeners:
            listener.on_event(event)

    def train(self, minutes: float | None = None) -> str:
        """Trains until the samples are reached, the minutes have passed or `stop` is set; returns which of these ended
        it.

        Raises:
            TrainingError: losses or weights are no longer finite, or a checkpoint could not be written.
        """
        recipe = self.recipe
        deadline = math.inf if minutes is None else time.perf_counter() + 60 * minutes
        try:
            with self.world.together():
                for listener in self.listeners:
                    listener.on_start()
            if self._saved_at == self.samples:  # a process killed after its checkpoint may have left an older bundle
                self.write_bundle()
            tick = Tick(self)
            if self._saves_before_first_step():
                tick.pause(self.save, planned=True)
            while not self._stretch(deadline, tick):
                tick.restart()
        except TrainingError as error:
            if isinstance(error, NotFinite) and isinstance(self.recipe.health, Watch):
                self.log("health", state=DIVERGING, why=str(error), advice=ADVICE[DIVERGING])
            self.log("failed", message=str(error))
            raise type(error)(f"{error}. {self._rescue()}") from error
        finally:
            for listener in self.listeners:
                listener.on_end()
        ended = "finished" if self.samples >= recipe.samples else self.early or "minutes"
        reason = "interrupted" if self.stop else ended
        self.log("end", reason=reason, seconds=round(self.seconds, 3))
        return reason

    def _saves_before_first_step(self) -> bool:
        """Whether a checkpoint is needed now: to roll the first steps back to, or since the trainer asks for it."""
        found = self.world.leads and checkpoint.newest(self.run.checkpoints, _healthy) is not None
        can_go_back = self.world.most(found)  # every process takes part, whatever else it knows
        needed = self.watcher.can_roll_back and self.watcher.healthy and not can_go_back
        return needed or (self.trainer.saves_first and self._saved_at < 0)

    def _stretch(self, deadline: float, tick: Tick) -> bool:
        """Trains to the end and saves, or until a rollback; returns whether training has ended.

        Raises:
            TrainingError: as `train`.
        """
        recipe, trainer = self.recipe, self.trainer
        try:
            while self.samples < recipe.samples and not self._over(deadline):
                before = self.samples
                trace = trainer.iterate(probe=self.watcher.due(before // trainer.stride))
                if trainer.device.type == "cpu":
                    trainer.check_finite()  # on a GPU, doing this at every step would synchronize each time
                if trace is not None and self._probe(trace):
                    return False
                for listener in self.listeners:
                    tick.pause(listener.on_step, before, self.samples)
                if due(before, self.samples, recipe.log_every):
                    trainer.check_finite()
                    tick.log()
                if due(before, self.samples, recipe.checkpoint_every):
                    tick.pause(self.save, planned=True)
            if self.samples != self._saved_at:
                tick.pause(self.save)
        except NotFinite as error:
            if self._go_back(DIVERGING, str(error)):
                return False
            raise
        return True

    def _over(self, deadline: float) -> bool:
        """Whether any process asks for the end of training."""
        asked = STOP if self.stop else EARLY if self.early else MINUTES if time.perf_counter() >= deadline else 0
        agreed = self.world.most(asked)
        self.stop = agreed == STOP
        return bool(agreed)

    def _probe(self, trace: StepTrace) -> bool:
        """Passes a probe to the health monitor and logs a change of state; returns whether the run was rolled back."""
        watcher = self.watcher
        if watcher.probe(trace, self.recipe.task.generators(), self.trainer.live_samples):
            seen = watcher.diagnosis
            advice = ADVICE.get(seen.state, ())
            self.log("health", state=seen.state, why=seen.why, advice=advice, values=watcher.probes[-1])
            if watcher.trouble:
                log.warning("%s at %s samples: %s. Try: %s", seen.state, f"{self.samples:,}", seen.why, advice[0])
        return watcher.trouble and self._go_back(watcher.diagnosis.state, watcher.diagnosis.why)

    def _go_back(self, state: str, why: str) -> bool:
        """Rolls back to the last healthy checkpoint if the recipe allows it; returns whether it did."""
        watcher, trainer, at_samples = self.watcher, self.trainer, self.samples
        wanted = watcher.can_roll_back and self.world.leads
        target = checkpoint.newest(self.run.checkpoints, _healthy) if wanted else None
        found = shared_checkpoint(self.world, target)
        if found is None:
            return False
        tensors, info = found
        trainer.load_state(tensors, info["samples"], str(target))
        watcher.on_rollback(info["health"])
        trainer.change_draws(watcher.seed(self.recipe.seed), watcher.rate)
        if target is not None:
            checkpoint.drop_after(self.run.checkpoints, self.samples)
            # Updated on disk, so that a process killed after this resumes with the new draws.
            checkpoint.update_state(target, health=watcher.state_dict(), seconds=round(self.seconds, 3))
        self.write_bundle()
        self.run.events.rewind(self.samples)
        self.log(
            "rollback",
            state=state,
            why=why,
            from_samples=at_samples,
            folder=f"{self.samples:012d}",
            count=watcher.rollbacks,
            rate=watcher.rate,
        )
        log.warning(
            "%s at %s samples: rolling back to %s samples, with new draws and learning rates times %.3g (rollback %d)",
            state, f"{at_samples:,}", f"{self.samples:,}", watcher.rate, watcher.rollbacks,
        )  # fmt: skip
        self._saved_at = self.samples
        return True

    def save(self, planned: bool = False) -> None:
        """Writes a checkpoint and the bundle. Non-finite weights are never written.

        Args:
            planned: the checkpoint is due by `checkpoint_every`. Rollbacks use only such checkpoints: others depend on
                when the user stopped the run, and results must not.
        """
        trainer, watcher = self.trainer, self.watcher
        trainer.check_finite(weights=True)
        self._saved_at = self.samples
        state = trainer.state()
        if not self.world.leads:
            return
        info = {
            "data": self.data_fingerprint,
            "seconds": round(self.seconds, 3),
            "recipe": self.recipe.name,
            "sound": planned and watcher.healthy,
            "health": watcher.state_dict(),
            "privacy": trainer.statement(),
        }
        folder = checkpoint.write(
            self.run.checkpoints, self.samples, state, info, self.recipe.keep,
            spare=_healthy if watcher.can_roll_back else None,
        )  # fmt: skip
        self.write_bundle()
        self.log("checkpoint", folder=folder.name, **trainer.spent())
        for listener in self.listeners:
            listener.on_checkpoint(folder)

    def write_bundle(self, name: str = "model.safetensors") -> None:
        """Writes the averaged generators to a file in the run directory; an existing file is replaced atomically.

        Raises:
            TrainingError: it could not be written.
        """
        if not self.world.leads:
            return
        path = self.folder / name
        try:
            bundle.save(path, self.recipe, self.spec, self.trainer.to_share(), self.samples, self.trainer.statement())
        except OSError as error:
            raise TrainingError(f"{path} could not be written: {error.strerror}") from error

    def _rescue(self) -> str:
        last = checkpoint.newest(self.run.checkpoints)
        return f"The last good checkpoint is {last}" if last else "No checkpoint had been written"


def shared_checkpoint(world: World, folder: Path | None) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors and the state of a checkpoint, which process 0 reads for all; None if it has none."""
    if world.size == 1:
        return None if folder is None else checkpoint.read(folder)
    if not world.most(world.leads and folder is not None):
        return None

    def packed() -> bytes:
        assert folder is not None
        tensors, info = checkpoint.read(folder)
        return safetensors.torch.save(tensors, {"state": json.dumps(info)})

    data = world.of_leader(packed)
    length = int.from_bytes(data[:8], "little")  # of the header, which safetensors reads of files alone
    state = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["state"])
    return safetensors.torch.load(data), state


def _healthy(info: Mapping[str, Any]) -> bool:
    """Whether a checkpoint can be rolled back to."""
    return bool(info.get("sound"))


class Tick:
    """Measures the interval between two log entries, and logs it."""

    def __init__(self, session: Session):
        self.session = session
        self.restart()

    def restart(self) -> None:
        self.start, self.from_samples = time.perf_counter(), self.session.samples
        self.session.trainer.data_seconds = 0.0

    def log(self) -> None:
        """Writes a `tick` event and passes it to the listeners."""
        session, trainer = self.session, self.session.trainer
        values = session.world.means(trainer.stats.take())  # synchronizes with the device
        seconds = time.perf_counter() - self.start
        session.seconds += seconds
        event = {
            "event": "tick",
            "samples": session.samples,
            "t": round(time.time(), 3),
            "seconds": round(session.seconds, 3),
            "sps": round((session.samples - self.from_samples) / seconds, 2),
            "data_share": round(trainer.data_seconds / seconds, 4),
            **{name: float(f"{value:.6g}") for name, value in values.items()},
            **{f"lr/{name}": group["lr"] for name, o in trainer.optimizers.items() for group in o.param_groups[:1]},
            **session.watcher.shown(),
            **trainer.spent(),
        }
        session.run.events.write(event)
        for listener in session.listeners:
            listener.on_tick(event)
        self.restart()

    def pause(self, work: Callable[..., Any], *args: Any, **options: Any) -> None:
        """Does work other than training; its time does not count for the speed."""
        start = time.perf_counter()
        work(*args, **options)
        self.start += time.perf_counter() - start
