"""The trainer: runs the phases of a task. It knows no method, no net and no loss by name.

    repeat:   for every phase that is due:  loss [N] → mean · gain → backward → clip → step
              move the averages;  tell the listeners;  log;  checkpoint

The clock is `samples`, the real samples consumed. All else that happens at a moment follows from it and from the seed.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import TrainingError
from ganforge.core.rng import Rng, seed_layers
from ganforge.core.types import Batch, Nets, Request, Spec, wide
from ganforge.data.loader import Loader
from ganforge.engine import bundle, checkpoint
from ganforge.engine.build import make_nets, make_optimizers
from ganforge.engine.callbacks.base import Listener, due
from ganforge.engine.freeze import frozen
from ganforge.engine.health.base import Watch
from ganforge.engine.health.diagnosis import ADVICE, DIVERGING
from ganforge.engine.health.watcher import Watcher
from ganforge.engine.precision import arithmetic, dtype_for, weights_dtype
from ganforge.engine.recipe import Recipe
from ganforge.engine.run import RunDir
from ganforge.engine.statistics import Settled
from ganforge.tasks.base import Phase

log = logging.getLogger("ganforge")


class NotFinite(TrainingError):
    """A loss or a weight is no longer a number that training can go on with."""


class Averages:
    """Running means of what the phases report, kept on the device until somebody looks."""

    def __init__(self) -> None:
        self.sums: dict[str, tuple[Tensor, int]] = {}

    def add(self, name: str, value: Tensor) -> None:
        value = wide(value.detach()).mean()
        total, count = self.sums.get(name, (torch.zeros_like(value), 0))
        self.sums[name] = (total + value, count + 1)

    def take(self) -> dict[str, float]:
        """The means since the last call, and a fresh start."""
        values = {name: total.item() / count for name, (total, count) in self.sums.items()}
        self.sums.clear()
        return values


@dataclass
class Sight:
    """What one iteration showed, not averaged.

    Attributes:
        batch: its last batch.
        stats: what the phases reported, of the last part of the batch where it was split.
        gradients: the norm of each player's gradient, before any clipping, in the first phase that trained it.
    """

    batch: Batch
    stats: dict[str, Tensor] = field(default_factory=dict)
    gradients: dict[str, Tensor] = field(default_factory=dict)


class Trainer:
    """Trains the players of a recipe's task on one device.

    Attributes:
        samples: real samples consumed so far.
        nets: the players. averages: the running averages of the generators, which samples are made from.
        weights: all of each player's. A walk through its modules at every phase would take a percent of a step.
        dtype: of convolutions and matrix products. weights_dtype: of weights, batches and draws.
        frozen: those that stay as they are (`init.freeze`).
        seed: decides the draws from here on; the recipe's, until a rollback takes another.
        rate: what all learning rates are multiplied with; 1 until a rollback lowers it.
        saves_first: whether a run has a checkpoint before its first step.
    """

    saves_first: ClassVar[bool] = False

    def __init__(self, recipe: Recipe, spec: Spec, loader: Loader, device: torch.device):
        self.recipe, self.spec, self.loader, self.device = recipe, spec, loader, device
        self.nets = make_nets(recipe, spec, device)
        self.weights = {name: list(net.parameters()) for name, net in self.nets.items()}
        self.frozen = frozen(self.nets, recipe.init.freeze if recipe.init else 0)
        self.averages = Nets({name: recipe.ema.copy(self.nets[name]) for name in recipe.task.generators()})
        self.finished = Settled()
        self.optimizers = make_optimizers(recipe, self.nets)
        self.phases = list(recipe.task.phases())
        self.dtype = dtype_for(recipe.precision, device)
        self.weights_dtype = weights_dtype(recipe.precision, device)
        self.samples = 0
        self.seed, self.rate = recipe.seed, 1.0
        self.stats = Averages()
        self.data_seconds = 0.0
        self._rounds = max(phase.repeats for phase in self.phases)
        self._finite = torch.ones((), dtype=torch.bool, device=device)

    @property
    def stride(self) -> int:
        """Samples that one iteration consumes: a batch for each repeat of the phase that repeats most."""
        return self.recipe.batch * self._rounds

    def iterate(self, look: bool = False) -> Sight | None:
        """One iteration: every phase that is due, then the averages. With `look`, returns what it showed."""
        iteration = self.samples // self.stride
        batches = [self._batch(self.samples + r * self.recipe.batch) for r in range(self._rounds)]
        sight = Sight(batches[-1]) if look else None
        for phase in self.phases:
            if iteration % phase.every == 0 and self.samples >= phase.after:
                for r in range(phase.repeats):
                    self._update(phase, batches[r], self.samples + r * self.recipe.batch, sight)
        self.samples += self.stride
        for name, average in self.averages.items():
            self.recipe.ema.update(average, self.nets[name], self.stride, self.samples)
        return sight

    def _batch(self, position: int) -> Batch:
        start = time.perf_counter()
        stored, labels, extra = self.loader.batch(position)
        rng = Rng(self.seed, position, "data", device=self.device, dtype=self.weights_dtype)
        batch = self.recipe.signal.batch(stored, labels, self.spec, rng)
        self.data_seconds += time.perf_counter() - start
        return replace(batch, extra=batch.extra | extra).to(self.weights_dtype)

    def _update(self, phase: Phase, batch: Batch, position: int, sight: Sight | None = None) -> None:
        for name, weights in self.weights.items():
            for weight in weights:
                weight.requires_grad = name in phase.trains
        for weight in self.frozen:
            weight.requires_grad = False
        trained = [self.optimizers[name] for name in phase.trains]
        for optimizer in trained:
            optimizer.zero_grad(set_to_none=True)
        self._gradients(phase, batch, position, sight)
        for name, optimizer in zip(phase.trains, trained, strict=True):
            settings = self.recipe.optimizers[name]
            if sight is not None and name not in sight.gradients:
                sight.gradients[name] = gradient_norm(self.nets[name])
            if settings.clip is not None:
                norm = torch.nn.utils.clip_grad_norm_(self.weights[name], settings.clip)
                self.stats.add(f"grad_norm/{name}", norm)
            for group in optimizer.param_groups:
                settings.settle(group, position)
                group["lr"] *= self.rate
            optimizer.step()
            if settings.clamp is not None:
                with torch.no_grad():
                    for weight in self.weights[name]:
                        weight.clamp_(-settings.clamp, settings.clamp)

    def _gradients(self, phase: Phase, batch: Batch, position: int, sight: Sight | None) -> None:
        """The gradients of a phase's losses, times its gain, into the `.grad` of those that it trains."""
        weights = [weight for name in phase.trains for weight in self.weights[name] if weight.requires_grad]
        parts = self.recipe.accumulate
        size = len(batch) // parts
        for part in range(parts):
            rng = Rng(self.seed, position, phase.name, (part, parts), self.device, self.weights_dtype)
            seed_layers(rng.seed_for(f"torch/{part}"), self.device)
            with arithmetic(self.dtype, self.device, phase.order):
                terms = phase.loss(self.nets, batch.rows(part * size, (part + 1) * size), rng)
            means = {name: wide(loss).mean() for name, loss in terms.losses.items()}
            total = torch.stack(list(means.values())).sum()
            # with respect to weights alone: a penalty's own samples want a gradient too, which nobody would read
            (total * (phase.gain / parts)).backward(inputs=weights)
            self._finite &= torch.isfinite(total.detach())
            self.stats.add(f"loss/{phase.name}", total)
            if len(means) > 1:
                for name, value in means.items():
                    self.stats.add(f"loss/{phase.name}/{name}", value)
            for name, value in terms.stats.items():
                self.stats.add(name, value)
            if sight is not None:
                sight.stats |= terms.stats

    def check_finite(self, weights: bool = False) -> None:
        """Raises NotFinite when a loss, or with `weights` a weight, is no longer a finite number."""
        if not self._finite:
            raise NotFinite(f"a loss is no longer a finite number at {self.samples:,} samples")
        if weights:
            for name, net in self.nets.items():
                for key, tensor in net.state_dict().items():
                    if not torch.isfinite(tensor).all():
                        raise NotFinite(f"the weights {name}.{key} are no longer finite at {self.samples:,} samples")

    @torch.inference_mode()
    def generate(self, request: Request) -> np.ndarray:
        """Decoded samples from the averaged generators."""
        return bundle.generate(self.recipe, self.spec, self.to_share(request.truncation), request, self.device)

    @torch.inference_mode()
    def translate(self, source: Tensor) -> Tensor:
        """What the averaged translator makes of encoded sources [N, Cs, h, w], in its first direction."""
        task = self.recipe.task
        return task.translate(self.to_share(), source.to(self.device, self.weights_dtype), task.directions()[0])

    @torch.inference_mode()
    def exhibit(self, count: int) -> tuple[Any, int] | None:
        """What the task shows of real samples: the same ones throughout a run, with nothing drawn anew.

        Returns:
            About `count` pictures as a user gets them, those of one sample after the other, and how many a sample has;
            None from a task that shows none.
        """
        recipe = self.recipe
        if not recipe.task.exhibits:
            return None
        nets = Nets({**self.nets, **self.to_share()}, self.nets.memory)
        modes = [(module, module.training) for net in nets.values() for module in net.modules()]
        found: list[Tensor] = []
        try:
            for net in nets.values():
                net.eval()
            while sum(part.shape[0] * part.shape[1] for part in found) < count:
                start = len(found) * recipe.batch
                stored, labels, extra = self.loader.peek(recipe.seed, start, min(recipe.batch, count))
                rng = Rng(recipe.seed, start, "exhibit", device=self.device, dtype=self.weights_dtype)
                batch = recipe.signal.still().batch(stored, labels, self.spec, rng)
                batch = replace(batch, extra=batch.extra | extra).to(self.weights_dtype)
                shown = recipe.task.exhibit(nets, batch)
                if not shown:
                    return None
                found.append(torch.stack(shown, dim=1))  # [N, pictures, *shape]
        finally:
            for module, mode in modes:
                module.training = mode
        pictures = torch.cat(found)
        return recipe.signal.decode(pictures.flatten(0, 1), self.spec), pictures.shape[1]

    def to_share(self, truncation: float = 1.0) -> Nets:
        """The averaged generators with the statistics that samples are made with."""
        moment = (self.samples, self.seed, truncation)
        return self.finished.at(
            moment, lambda: bundle.settle(self.recipe, self.spec, self.averages, truncation, self.device)
        )

    def spent(self) -> dict[str, float]:
        """What the run has used up so far of what it promised, for the log; nothing where nothing is promised."""
        return {}

    def statement(self) -> dict[str, Any]:
        """What is promised of the model as it is now, for checkpoints and the model file (JSON)."""
        return {}

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
        self.finished = Settled()
        self.stats.sums.clear()
        self._finite.fill_(True)

    def redirect(self, seed: int, rate: float) -> None:
        """Other draws, another order of the data and learning rates `rate` times as high from here on."""
        if seed != self.seed:
            self.loader.reseed(seed)
        self.seed, self.rate = seed, rate


def gradient_norm(net: torch.nn.Module) -> Tensor:
    """The L2 norm of all of a net's gradients together."""
    gradients = [p.grad for p in net.parameters() if p.grad is not None]
    return torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients))) if gradients else torch.zeros(())


class Session:
    """One process's work on a run: the trainer, its folder, those who watch, and when to stop."""

    def __init__(self, trainer: Trainer, run: RunDir, data_fingerprint: str, state: Mapping[str, Any] | None = None):
        self.trainer, self.run, self.data_fingerprint = trainer, run, data_fingerprint
        self.folder: Path = run.folder
        self.recipe, self.spec = trainer.recipe, trainer.spec
        self.watcher = Watcher(self.recipe.health)
        state = state or {}  # of the checkpoint that the run goes on from
        self.seconds: float = state.get("seconds", 0.0)  # of training, all sessions of the run together
        if "health" in state:  # checkpoints had none before
            self.watcher.recall(state["health"])
            trainer.redirect(self.watcher.seed(self.recipe.seed), self.watcher.rate)
        self.listeners: list[Listener] = []
        self.stop = False
        self._saved_at = trainer.samples if state else -1

    @property
    def samples(self) -> int:
        return self.trainer.samples

    def generate(self, request: Request) -> np.ndarray:
        return self.trainer.generate(request)

    def translate(self, source: Tensor) -> Tensor:
        return self.trainer.translate(source)

    def exhibit(self, count: int) -> tuple[Any, int] | None:
        return self.trainer.exhibit(count)

    def log(self, event: str, **fields: Any) -> None:
        said = {"event": event, "samples": self.samples, "t": round(time.time(), 3), **fields}
        self.run.events.write(said)
        self.tell(said)

    def tell(self, event: Mapping[str, Any]) -> None:
        for listener in self.listeners:
            listener.on_event(event)

    def train(self, minutes: float | None = None) -> str:
        """Trains until the samples are reached, the minutes are over or `stop` is set; returns which of these it was.

        Raises:
            TrainingError: the numbers are no longer finite, or a checkpoint could not be written.
        """
        recipe = self.recipe
        deadline = math.inf if minutes is None else time.perf_counter() + 60 * minutes
        try:
            for listener in self.listeners:
                listener.on_start()
            if self._saved_at == self.samples:  # a process killed right after its checkpoint may have left an older one
                self.write_bundle()
            tick = Tick(self)
            first = checkpoint.newest(self.run.checkpoints, _sound) is None
            way_back = first and self.watcher.may_go_back and self.watcher.sound  # from the first step on
            if way_back or (self.trainer.saves_first and self._saved_at < 0):
                tick.pause(self.save, planned=True)
            while not self._stretch(deadline, tick):
                tick.restart()
        except TrainingError as error:
            if isinstance(error, NotFinite) and isinstance(self.recipe.health, Watch):
                self.log("health", state=DIVERGING, why=str(error), advice=ADVICE[DIVERGING])
            self.log("failed", message=str(error))
            raise TrainingError(f"{error}. {self._rescue()}") from error
        finally:
            for listener in self.listeners:
                listener.on_end()
        reason = "interrupted" if self.stop else "finished" if self.samples >= recipe.samples else "minutes"
        self.log("end", reason=reason, seconds=round(self.seconds, 3))
        return reason

    def _stretch(self, deadline: float, tick: Tick) -> bool:
        """Trains to the end and saves, or until the run has gone back to a checkpoint; returns whether it is the end.

        Raises:
            TrainingError: as `train`.
        """
        recipe, trainer = self.recipe, self.trainer
        try:
            while self.samples < recipe.samples and not self.stop and time.perf_counter() < deadline:
                before = self.samples
                sight = trainer.iterate(look=self.watcher.due(before // trainer.stride))
                if trainer.device.type == "cpu":
                    trainer.check_finite()  # on a GPU this would wait for it at every step
                if sight is not None and self._look(sight):
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

    def _look(self, sight: Sight) -> bool:
        """Has the watcher look, and says what it sees; returns whether the run went back for it."""
        watcher = self.watcher
        if watcher.look(self.trainer, sight):
            seen = watcher.diagnosis
            advice = ADVICE.get(seen.state, ())
            self.log("health", state=seen.state, why=seen.why, advice=advice, figures=watcher.looks[-1])
            if watcher.trouble:
                log.warning("%s at %s samples: %s. Try: %s", seen.state, f"{self.samples:,}", seen.why, advice[0])
        return watcher.trouble and self._go_back(watcher.diagnosis.state, watcher.diagnosis.why)

    def _go_back(self, state: str, why: str) -> bool:
        """Goes back to the last sound checkpoint, if the recipe says so and it may; returns whether it did."""
        watcher, trainer, at_samples = self.watcher, self.trainer, self.samples
        target = checkpoint.newest(self.run.checkpoints, _sound) if watcher.may_go_back else None
        if target is None:
            return False
        tensors, info = checkpoint.read(target)
        trainer.load_state(tensors, info["samples"], str(target))
        watcher.went_back(info["health"])
        trainer.redirect(watcher.seed(self.recipe.seed), watcher.rate)
        checkpoint.drop_after(self.run.checkpoints, self.samples)
        # What the checkpoint now says makes a process that is killed after this go on in the new direction.
        checkpoint.amend(target, health=watcher.memo(), seconds=round(self.seconds, 3))
        self.write_bundle()
        self.run.events.rewind(self.samples)
        self.log(
            "rollback",
            state=state,
            why=why,
            from_samples=at_samples,
            folder=target.name,
            count=watcher.rollbacks,
            rate=watcher.rate,
        )
        log.warning(
            "%s at %s samples: going back to %s samples, with other draws and learning rates times %.3g (rollback %d)",
            state, f"{at_samples:,}", f"{self.samples:,}", watcher.rate, watcher.rollbacks,
        )  # fmt: skip
        self._saved_at = self.samples
        return True

    def save(self, planned: bool = False) -> Path:
        """Writes a checkpoint and the bundle. Weights that are not finite are never written.

        Args:
            planned: it falls on a multiple of `checkpoint_every`. A rollback goes back to such a one alone: the others
                hang on when a user stopped the run, and what it computes must not.
        """
        trainer, watcher = self.trainer, self.watcher
        trainer.check_finite(weights=True)
        info = {
            "data": self.data_fingerprint,
            "seconds": round(self.seconds, 3),
            "recipe": self.recipe.name,
            "sound": planned and watcher.sound,
            "health": watcher.memo(),
            "privacy": trainer.statement(),
        }
        folder = checkpoint.write(
            self.run.checkpoints, self.samples, trainer.state(), info, self.recipe.keep,
            spare=_sound if watcher.may_go_back else None,
        )  # fmt: skip
        self.write_bundle()
        self._saved_at = self.samples
        self.log("checkpoint", folder=folder.name, **trainer.spent())
        for listener in self.listeners:
            listener.on_checkpoint(folder)
        return folder

    def write_bundle(self, name: str = "model.safetensors") -> None:
        """Writes the averaged generators as a file of the run directory; one that was there is replaced in one step.

        Raises:
            TrainingError: it could not be written.
        """
        path = self.folder / name
        try:
            bundle.save(path, self.recipe, self.spec, self.trainer.to_share(), self.samples, self.trainer.statement())
        except OSError as error:
            raise TrainingError(f"{path} could not be written: {error.strerror}") from error

    def _rescue(self) -> str:
        last = checkpoint.newest(self.run.checkpoints)
        return f"The last good checkpoint is {last}" if last else "No checkpoint was written before that"


def _sound(info: Mapping[str, Any]) -> bool:
    """Whether a checkpoint is one to go back to."""
    return bool(info.get("sound"))


class Tick:
    """Measures and logs the stretch between two lines of the log."""

    def __init__(self, session: Session):
        self.session = session
        self.restart()

    def restart(self) -> None:
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
            **session.watcher.shown(),
            **trainer.spent(),
        }
        session.run.events.write(event)
        for listener in session.listeners:
            listener.on_tick(event)
        self.restart()

    def pause(self, work: Callable[..., Any], *args: Any, **options: Any) -> None:
        """Does something that is not training; its time counts for no rate."""
        start = time.perf_counter()
        work(*args, **options)
        self.start += time.perf_counter() - start
