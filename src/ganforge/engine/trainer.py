"""The trainer: runs the phases of a task. It is independent of specific methods, nets and losses.

    repeat:   for every phase that is due:  loss [N] → mean · gain → backward → clip → step
              update the EMA;  notify the listeners;  log;  checkpoint

The clock is `samples`, the number of real samples consumed. Everything in a step is a function of it and the seed.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from ganforge.artifacts import checkpoint
from ganforge.core.device import weights_dtype
from ganforge.core.rng import Rng, seed_layers, seed_of
from ganforge.core.schedule import at
from ganforge.core.types import Batch, Nets, Request, Spec, wide
from ganforge.data.loader import Loader
from ganforge.engine.build import finalize, make_nets, make_optimizers
from ganforge.engine.freeze import frozen
from ganforge.engine.power_averages import PowerAverages
from ganforge.engine.precision import arithmetic, dtype_for
from ganforge.engine.recompute import Recompute
from ganforge.engine.step import Averages, NotFinite, StepTrace, gradient_norm
from ganforge.engine.world import World
from ganforge.nets.layers.labels import hidden
from ganforge.recipes import sampling
from ganforge.recipes.base import Recipe
from ganforge.recipes.course import within_passes
from ganforge.recipes.ema import Sides
from ganforge.recipes.statistics import CachedNets
from ganforge.tasks.base import Phase


class Trainer:
    """Trains the nets of a recipe's task on one device.

    Attributes:
        samples: real samples consumed so far.
        nets: the trained nets. averages: the moving averages (EMA) of the generators, which are used for sampling.
        power: those from which averages of other lengths can be made after training.
        weights: all parameters of each net, listed once: collecting them in every phase would take a percent of a step.
        dtype: for convolutions and matrix products. weights_dtype: of weights, batches and draws.
        frozen: parameters that are not trained (`init.freeze`).
        world: the processes that train together; each has a trainer of its own, with the same weights.
        seed: current seed of the random draws: that of the recipe, until a rollback changes it.
        rate: factor of all learning rates: 1, until a rollback lowers it.
        saves_first: whether a run has a checkpoint before its first step.
    """

    saves_first: ClassVar[bool] = False
    kinds: ClassVar[dict[str, type[Trainer]]] = {}
    """Trainer classes by privacy guarantee: kind of `recipe.privacy` → class."""

    def __init_subclass__(cls, privacy: str, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        Trainer.kinds[privacy] = cls

    @staticmethod
    def of(recipe: Recipe) -> type[Trainer]:
        """The trainer class for the privacy guarantee of a recipe."""
        return Trainer.kinds.get(recipe.privacy.kind, Trainer)

    @classmethod
    def check(cls, recipe: Recipe) -> None:
        """Rejects a recipe that cannot satisfy its privacy guarantee, before any data is opened.

        Raises:
            UserError: the recipe cannot satisfy its guarantee.
        """

    @classmethod
    def finalize(cls, recipe: Recipe, spec: Spec, loader: Loader) -> Recipe:
        """The recipe with the fields filled in that depend on the data: its length, those of the task, and of the
        privacy guarantee.

        Raises:
            UserError: the guarantee is impossible with this data or this number of samples.
        """
        return finalize(within_passes(recipe, len(loader)), spec)

    @classmethod
    def notes(cls, recipe: Recipe) -> list[str]:
        """The privacy guarantee, as a dry run reports it."""
        return []

    def __init__(self, recipe: Recipe, spec: Spec, loader: Loader, device: torch.device, world: World | None = None):
        self.recipe, self.spec, self.loader, self.device = recipe, spec, loader, device
        self.world = world or World()
        self.nets = make_nets(recipe, spec, device)
        self.nets.memory.parts = self.world.size
        self.weights = {name: list(net.parameters()) for name, net in self.nets.items()}
        critics = {name: self.nets[name] for name in recipe.task.critic_players(self.nets)}
        self.frozen = frozen(critics, recipe.init.freeze if recipe.init else 0)
        self.averages = Nets({name: recipe.ema.copy(self.nets[name]) for name in recipe.task.generators()})
        self._sides = [Sides(average, self.nets[name]) for name, average in self.averages.items()]
        self.power = PowerAverages(recipe.ema, {name: self.nets[name] for name in self.averages})
        self.finished = CachedNets()
        self.recompute = Recompute(self.nets, self.world.statistics) if recipe.recompute else None
        self.optimizers = make_optimizers(recipe, self.nets)
        self.phases = list(recipe.task.phases())
        self.dtype = dtype_for(recipe.precision, device)
        self.weights_dtype = weights_dtype(recipe.precision, device)
        self.samples = 0
        self.seed, self.rate = recipe.seed, 1.0
        self.stats = Averages()
        self.data_seconds = 0.0
        self._rounds = max(phase.repeats for phase in self.phases)
        self._losses: list[Tensor] = []  # scalars that were not yet looked at: see `check_finite`

    @property
    def stride(self) -> int:
        """Samples that one iteration consumes: a batch for each repeat of the phase that repeats most."""
        return self.recipe.batch * self._rounds

    @property
    def step(self) -> int:
        """Iterations done so far."""
        return self.samples // self.stride

    def iterate(self, probe: bool = False) -> StepTrace | None:
        """One iteration: every phase that is due, then the averages. With `probe`, returns its details."""
        iteration = self.step
        batches = [self.batch_at(self.samples + r * self.recipe.batch) for r in range(self._rounds)]
        trace = StepTrace(self.world.whole(batches[-1])) if probe else None
        for phase in self.phases:
            if phase.due(self.samples, iteration):
                for r in range(phase.repeats):
                    self._update(phase, batches[r], self.samples + r * self.recipe.batch, trace)
        if trace is not None:
            trace.stats = self.world.from_last(trace.stats)
        self.samples += self.stride
        for sides in self._sides:
            self.recipe.ema.update(sides, self.stride, self.samples)
        self.power.update(self.step)
        return trace

    def batch_at(self, position: int) -> Batch:
        """The batch that begins at sample `position` of the run, encoded; of several processes, the part of this
        one."""
        start = time.perf_counter()
        stored, labels, extra = self.loader.batch(position)
        rng = Rng(self.seed, position, "data", self.world.shard, self.device, self.weights_dtype)
        batch = self.recipe.signal.batch(stored, labels, self.spec, rng)
        if batch.c is not None and (share := at(self.recipe.drop_conditions, position)):
            rows = rng.uniform("hidden", (len(batch),)) < share
            batch = replace(batch, c=hidden(batch.c, rows, self.spec.conditions.unknown()))
        self.data_seconds += time.perf_counter() - start
        return replace(batch, extra=batch.extra | extra).to(self.weights_dtype)

    def _update(self, phase: Phase, batch: Batch, position: int, trace: StepTrace | None = None) -> None:
        for name, weights in self.weights.items():
            for weight in weights:
                weight.requires_grad = name in phase.trains
        for weight in self.frozen:
            weight.requires_grad = False
        trained = [self.optimizers[name] for name in phase.trains]
        for name in phase.trains:
            for weight in self.weights[name]:
                weight.grad = None
        self._gradients(phase, batch, position, trace)
        for name, optimizer in zip(phase.trains, trained, strict=True):
            settings = self.recipe.optimizers[name]
            if trace is not None and name not in trace.gradients:
                trace.gradients[name] = gradient_norm(self.nets[name])
            if settings.clip is not None:
                norm = torch.nn.utils.clip_grad_norm_(self.weights[name], settings.clip)
                self.stats.add(f"grad_norm/{name}", norm)
            for group in optimizer.param_groups:
                settings.set_rates(group, position)
                group["lr"] *= self.rate
            optimizer.step()
            if settings.clamp is not None:
                with torch.no_grad():
                    for weight in self.weights[name]:
                        weight.clamp_(-settings.clamp, settings.clamp)

    def _gradients(self, phase: Phase, batch: Batch, position: int, trace: StepTrace | None) -> None:
        """Computes the gradients of a phase's losses, times its gain, into the `.grad` of the nets that it trains."""
        weights = [weight for name in phase.trains for weight in self.weights[name] if weight.requires_grad]
        parts = self.recipe.accumulate
        size, whole = len(batch) // parts, parts * self.world.size
        sums: list[Tensor] = []
        for k in range(parts):
            part = self.world.rank * parts + k
            rng = Rng(self.seed, position, phase.name, (part, whole), self.device, self.weights_dtype)
            seed_layers(rng.seed_for(f"torch/{part}"), self.device)
            with self.world.computing(self.nets):
                with arithmetic(self.dtype, self.device, phase.order), self._recomputed(phase):
                    terms = phase.loss(self.nets, batch.rows(k * size, (k + 1) * size), rng)
                means = {name: wide(loss).mean() for name, loss in terms.losses.items()}
                total = torch.stack(list(means.values())).sum() if len(means) > 1 else next(iter(means.values()))
                scale = phase.gain / whole
                # with respect to the weights only: samples inside a penalty also require gradients, which are not
                # needed here
                (total if scale == 1 else total * scale).backward(inputs=weights)
            sums.append(total.detach())
            self.stats.add(f"loss/{phase.name}", total)
            if len(means) > 1:
                for name, value in means.items():
                    self.stats.add(f"loss/{phase.name}/{name}", value)
            for name, value in terms.stats.items():
                self.stats.add(name, value)
            if trace is not None:
                trace.stats |= terms.stats
        self._losses.append(self.world.add_gradients(weights, sums[0] if parts == 1 else torch.stack(sums).sum()))

    def _recomputed(self, phase: Phase) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if self.recompute is None else self.recompute.active(phase.order)

    def check_finite(self, weights: bool = False) -> None:
        """Raises NotFinite if a loss, or with `weights` a weight, is no longer finite. Synchronizes with the device."""
        on_cpu = self.device.type == "cpu"
        seen = [x.item() for x in self._losses] if on_cpu or not self._losses else torch.stack(self._losses).tolist()
        self._losses = [x for x, value in zip(self._losses, seen, strict=True) if not math.isfinite(value)]
        if self._losses:
            raise NotFinite(f"a loss is no longer a finite number at {self.samples:,} samples")
        if weights:
            for name, net in self.nets.items():
                for key, tensor in net.state_dict().items():
                    if not torch.isfinite(tensor).all():
                        raise NotFinite(f"the weights {name}.{key} are no longer finite at {self.samples:,} samples")

    @torch.inference_mode()
    def generate(self, request: Request) -> np.ndarray:
        """Decoded samples from the averaged generators."""
        return sampling.generate(self.recipe, self.spec, self.to_share(request.truncation), request, self.device)

    @torch.inference_mode()
    def translate(self, source: Tensor) -> Tensor:
        """Encoded sources [N, Cs, h, w], translated by the averaged translator in its first direction."""
        task = self.recipe.task
        return task.translate(self.to_share(), source.to(self.device, self.weights_dtype), task.directions()[0])

    @torch.inference_mode()
    def visualize(self, count: int) -> tuple[Any, int] | None:
        """Outputs of the task for real samples, which are the same throughout a run.

        Returns:
            About `count` decoded images, grouped by sample, and the number of images per sample; None if the task has
            nothing to show.
        """
        recipe = self.recipe
        if not recipe.task.visualizes:
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
                batch = recipe.signal.deterministic().batch(stored, labels, self.spec, rng)
                batch = replace(batch, extra=batch.extra | extra).to(self.weights_dtype)
                shown = recipe.task.visualize(nets, batch)
                if not shown:
                    return None
                found.append(torch.stack(shown, dim=1))  # [N, images, *shape]
        finally:
            for module, mode in modes:
                module.training = mode
        images = torch.cat(found)
        return recipe.signal.decode(images.flatten(0, 1), self.spec), images.shape[1]

    @torch.no_grad()
    def live_samples(self, n: int, labels: Tensor | None, extra: dict[str, Tensor]) -> Tensor | None:
        """Encoded samples of the current (not averaged) generators, from fixed latents; None if the task cannot sample,
        or not yet: a generator may wait for an autoencoder to be trained.

        The averaged generators would still produce good samples long after the trained ones have diverged.
        """
        if not self.recipe.task.can_sample or self.waits:
            return None
        modules = [module for name in self.recipe.task.generators() for module in self.nets[name].modules()]
        training = [module.training for module in modules]
        seed = seed_of(self.recipe.seed, "health")
        request = Request(n, seed=seed, labels=labels, device=self.device, dtype=self.weights_dtype, extra=extra)
        try:
            for module in modules:
                module.training = False  # so that running statistics are not updated
            return self.recipe.task.sample(self.nets, request)
        finally:
            for module, mode in zip(modules, training, strict=True):
                module.training = mode

    @property
    def waits(self) -> bool:
        """Whether the training of a generator begins later."""
        starts = {name: [p.after for p in self.phases if name in p.trains] for name in self.recipe.task.generators()}
        return any(after and min(after) > self.samples for after in starts.values())

    def to_share(self, truncation: float = 1.0) -> Nets:
        """The averaged generators with the batch-norm statistics for sampling."""
        moment = (self.samples, self.seed, truncation)
        return self.finished.at(
            moment, lambda: sampling.calibrate(self.recipe, self.spec, self.averages, truncation, self.device)
        )

    def spent(self) -> dict[str, float]:
        """The privacy budget spent so far, for the log; {} without a privacy guarantee."""
        return {}

    def statement(self) -> dict[str, Any]:
        """The privacy guarantee of the current model, for checkpoints and the model file (JSON)."""
        return {}

    def state(self) -> dict[str, Tensor]:
        """All tensors on which the next step depends."""
        tensors: dict[str, Tensor] = {}
        for name, net in self.nets.items():
            tensors |= checkpoint.module_state(f"net.{name}", net)
            tensors |= checkpoint.optimizer_state(f"optim.{name}", self.optimizers[name])
        for name, average in self.averages.items():
            tensors |= checkpoint.module_state(f"ema.{name}", average)
        memory = {f"memory.{name}": t for name, t in self.nets.memory.buffers.items()}
        apart = {f"memory.{name}": self.nets.memory[name] for name in sorted(self.nets.memory.apart)}
        tensors |= self.power.state()
        return tensors | memory | self.world.others(apart)

    def load_state(self, tensors: dict[str, Tensor], samples: int, where: str) -> None:
        """Restores the state that `state()` returned at `samples`.

        Raises:
            UserError: the state belongs to another recipe.
        """
        for name, net in self.nets.items():
            checkpoint.load_module(f"net.{name}", net, tensors, where)
            checkpoint.load_optimizer(f"optim.{name}", self.optimizers[name], tensors, where)
        for name, average in self.averages.items():
            checkpoint.load_module(f"ema.{name}", average, tensors, where)
        self.power.load_state(tensors, where)
        for name, buffer in self.nets.memory.buffers.items():
            stored = tensors[f"memory.{name}"]
            own = tensors.get(f"rank.{self.world.rank}.memory.{name}", stored)  # absent with fewer processes
            self.nets.memory[name] = own.to(buffer.device)
        self.samples = samples
        self.finished = CachedNets()
        self.stats.clear()
        self._losses.clear()

    def change_draws(self, seed: int, rate: float) -> None:
        """Changes the random draws and the order of the data, and multiplies the recipe's learning rates by `rate`."""
        if seed != self.seed:
            self.loader.reseed(seed)
        self.seed, self.rate = seed, rate
