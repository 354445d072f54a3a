"""The trainer: runs the phases of a task. It knows no method, no net and no loss by name.

    repeat:   for every phase that is due:  loss [N] → mean · gain → backward → clip → step
              move the averages;  tell the listeners;  log;  checkpoint

The clock is `samples`, the real samples consumed. All else that happens at a moment follows from it and from the seed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import TrainingError
from ganforge.core.rng import Rng
from ganforge.core.schedule import at
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.data.loader import Loader
from ganforge.engine import bundle, checkpoint
from ganforge.engine.build import make_nets, make_optimizers
from ganforge.engine.callbacks.base import Listener, due
from ganforge.engine.precision import arithmetic, dtype_for
from ganforge.engine.recipe import Recipe
from ganforge.engine.run import RunDir
from ganforge.tasks.base import Phase


class Averages:
    """Running means of what the phases report, kept on the device until somebody looks."""

    def __init__(self) -> None:
        self.sums: dict[str, tuple[Tensor, int]] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = value.detach().float().mean()
        total, count = self.sums.get(name, (torch.zeros_like(value), 0))
        self.sums[name] = (total + value, count + 1)

    def take(self) -> dict[str, float]:
        """The means since the last call, and a fresh start."""
        values = {name: total.item() / count for name, (total, count) in self.sums.items()}
        self.sums.clear()
        return values


class Trainer:
    """Trains the players of a recipe's task on one device.

    Attributes:
        samples: real samples consumed so far.
        nets: the players. averages: the running averages of the generators, which samples are made from.
    """

    def __init__(self, recipe: Recipe, spec: Spec, loader: Loader, device: torch.device):
        self.recipe, self.spec, self.loader, self.device = recipe, spec, loader, device
        self.nets = make_nets(recipe, spec, device)
        self.averages = Nets({name: recipe.ema.copy(self.nets[name]) for name in recipe.task.generators()})
        self.optimizers = make_optimizers(recipe, self.nets)
        self.phases = list(recipe.task.phases())
        self.dtype = dtype_for(recipe.precision, device)
        self.samples = 0
        self.stats = Averages()
        self.data_seconds = 0.0
        self._rounds = max(phase.repeats for phase in self.phases)
        self._finite = torch.ones((), dtype=torch.bool, device=device)

    @property
    def stride(self) -> int:
        """Samples that one iteration consumes: a batch for each repeat of the phase that repeats most."""
        return self.recipe.batch * self._rounds

    def iterate(self) -> None:
        """One iteration: every phase that is due, then the averages."""
        iteration = self.samples // self.stride
        batches = [self._batch(self.samples + r * self.recipe.batch) for r in range(self._rounds)]
        for phase in self.phases:
            if iteration % phase.every == 0:
                for r in range(phase.repeats):
                    self._update(phase, batches[r], self.samples + r * self.recipe.batch)
        self.samples += self.stride
        for name, average in self.averages.items():
            self.recipe.ema.update(average, self.nets[name], self.stride, self.samples)

    def _batch(self, position: int) -> Batch:
        start = time.perf_counter()
        stored, labels = self.loader.batch(position)
        x = self.recipe.signal.encode(stored, self.spec, Rng(self.recipe.seed, position, "data", device=self.device))
        self.data_seconds += time.perf_counter() - start
        return Batch(x, labels if self.spec.classes else None)

    def _update(self, phase: Phase, batch: Batch, position: int) -> None:
        for name, net in self.nets.items():
            net.requires_grad_(name in phase.trains)
        trained = [self.optimizers[name] for name in phase.trains]
        for optimizer in trained:
            optimizer.zero_grad(set_to_none=True)
        parts = self.recipe.accumulate
        size = len(batch) // parts
        for part in range(parts):
            rng = Rng(self.recipe.seed, position, phase.name, (part, parts), self.device)
            torch.manual_seed(rng.seed_for(f"torch/{part}"))  # for what nets draw themselves: dropout, noise
            with arithmetic(self.dtype, self.device, phase.order):
                terms = phase.loss(self.nets, batch.rows(part * size, (part + 1) * size), rng)
            means = {name: loss.float().mean() for name, loss in terms.losses.items()}
            total = torch.stack(list(means.values())).sum()
            (total * (phase.gain / parts)).backward()
            self._finite &= torch.isfinite(total.detach())
            self.stats.add(f"loss/{phase.name}", total)
            if len(means) > 1:
                for name, value in means.items():
                    self.stats.add(f"loss/{phase.name}/{name}", value)
            for name, value in terms.stats.items():
                self.stats.add(name, value)
        for name, optimizer in zip(phase.trains, trained, strict=True):
            settings = self.recipe.optimizers[name]
            if settings.clip is not None:
                norm = torch.nn.utils.clip_grad_norm_(self.nets[name].parameters(), settings.clip)
                self.stats.add(f"grad_norm/{name}", norm)
            for group in optimizer.param_groups:
                group["lr"] = at(settings.lr, position)
            optimizer.step()
            if settings.clamp is not None:
                with torch.no_grad():
                    for weight in self.nets[name].parameters():
                        weight.clamp_(-settings.clamp, settings.clamp)

    def check_finite(self, weights: bool = False) -> None:
        """Raises TrainingError when a loss, or with `weights` a weight, is no longer a finite number."""
        if not self._finite:
            raise TrainingError(f"a loss is no longer a finite number at {self.samples:,} samples")
        if weights:
            for name, net in self.nets.items():
                for key, tensor in net.state_dict().items():
                    if not torch.isfinite(tensor).all():
                        raise TrainingError(
                            f"the weights {name}.{key} are no longer finite at {self.samples:,} samples"
                        )

    @torch.inference_mode()
    def generate(self, request: Request) -> np.ndarray:
        """Decoded samples from the averaged generators."""
        return bundle.generate(self.recipe, self.spec, self.averages, request, self.device)

    def state(self) -> dict[str, Tensor]:
        """All tensors that the next step depends on."""
        tensors: dict[str, Tensor] = {}
        for name, net in self.nets.items():
            tensors |= checkpoint.module_state(f"net.{name}", net)
            tensors |= checkpoint.optimizer_state(f"optim.{name}", self.optimizers[name])
        for name, average in self.averages.items():
            tensors |= checkpoint.module_state(f"ema.{name}", average)
        return tensors | {f"memory.{name}": t for name, t in self.nets.memory.buffers.items()}

    def load_state(self, tensors: dict[str, Tensor], samples: int, where: str) -> None:
        """Takes up the state that `state()` gave at `samples`.

        Raises:
            UserError: it is the state of another recipe.
        """
        for name, net in self.nets.items():
            checkpoint.load_module(f"net.{name}", net, tensors, where)
            checkpoint.load_optimizer(f"optim.{name}", self.optimizers[name], tensors, where)
        for name, average in self.averages.items():
            checkpoint.load_module(f"ema.{name}", average, tensors, where)
        for name, buffer in self.nets.memory.buffers.items():
            self.nets.memory[name] = tensors[f"memory.{name}"].to(buffer.device)
        self.samples = samples


class Session:
    """One process's work on a run: the trainer, its folder, those who watch, and when to stop."""

    def __init__(self, trainer: Trainer, run: RunDir, data_fingerprint: str, seconds: float = 0.0):
        self.trainer, self.run, self.data_fingerprint = trainer, run, data_fingerprint
        self.folder: Path = run.folder
        self.recipe, self.spec = trainer.recipe, trainer.spec
        self.seconds = seconds  # of training, all sessions of the run together
        self.listeners: list[Listener] = []
        self.stop = False
        self._saved_at = -1

    @property
    def samples(self) -> int:
        return self.trainer.samples

    def generate(self, request: Request) -> np.ndarray:
        return self.trainer.generate(request)

    def log(self, event: str, **fields: Any) -> None:
        self.run.events.write({"event": event, "samples": self.samples, "t": round(time.time(), 3), **fields})

    def train(self, minutes: float | None = None) -> str:
        """Trains until the samples are reached, the minutes are over or `stop` is set; returns which of these it was.

        Raises:
            TrainingError: the numbers are no longer finite, or a checkpoint could not be written.
        """
        recipe, trainer = self.recipe, self.trainer
        deadline = math.inf if minutes is None else time.perf_counter() + 60 * minutes
        try:
            for listener in self.listeners:
                listener.on_start()
            tick = Tick(self)
            while self.samples < recipe.samples and not self.stop and time.perf_counter() < deadline:
                before = self.samples
                trainer.iterate()
                if self.trainer.device.type == "cpu":
                    trainer.check_finite()  # on a GPU this would wait for it at every step
                for listener in self.listeners:
                    tick.pause(listener.on_step, before, self.samples)
                if due(before, self.samples, recipe.log_every):
                    trainer.check_finite()
                    tick.log()
                if due(before, self.samples, recipe.checkpoint_every):
                    tick.pause(self.save)
            if self.samples != self._saved_at:
                tick.pause(self.save)
        except TrainingError as error:
            self.log("failed", message=str(error))
            raise TrainingError(f"{error}. {self._rescue()}") from error
        finally:
            for listener in self.listeners:
                listener.on_end()
        reason = "interrupted" if self.stop else "finished" if self.samples >= recipe.samples else "minutes"
        self.log("end", reason=reason, seconds=round(self.seconds, 3))
        return reason

    def save(self) -> Path:
        """Writes a checkpoint and the bundle. Weights that are not finite are never written."""
        trainer = self.trainer
        trainer.check_finite(weights=True)
        info = {"data": self.data_fingerprint, "seconds": round(self.seconds, 3), "recipe": self.recipe.name}
        folder = checkpoint.write(self.run.checkpoints, self.samples, trainer.state(), info, self.recipe.keep)
        try:
            bundle.save(self.folder / "model.safetensors", self.recipe, self.spec, trainer.averages, self.samples)
        except OSError as error:
            raise TrainingError(
                f"{self.folder / 'model.safetensors'} could not be written: {error.strerror}"
            ) from error
        self._saved_at = self.samples
        self.log("checkpoint", folder=folder.name)
        for listener in self.listeners:
            listener.on_checkpoint(folder)
        return folder

    def _rescue(self) -> str:
        last = checkpoint.newest(self.run.checkpoints)
        return f"The last good checkpoint is {last}" if last else "No checkpoint was written before that"


class Tick:
    """Measures and logs the stretch between two lines of the log."""

    def __init__(self, session: Session):
        self.session = session
        self._restart()

    def _restart(self) -> None:
        self.start, self.from_samples = time.perf_counter(), self.session.samples
        self.session.trainer.data_seconds = 0.0

    def log(self) -> None:
        """Writes a `tick` event and hands it to the listeners."""
        session, trainer = self.session, self.session.trainer
        values = trainer.stats.take()  # waits for the device
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
        }
        session.run.events.write(event)
        for listener in session.listeners:
            listener.on_tick(event)
        self._restart()

    def pause(self, work: Callable[..., Any], *args: Any) -> None:
        """Does something that is not training; its time counts for no rate."""
        start = time.perf_counter()
        work(*args)
        self.start += time.perf_counter() - start
