"""What is promised of every single training sample: nothing, or differential privacy.

Dwork & Roth 2014: a run is (ε, δ)-differentially private when for any two data sets of which one has one sample more,
and any set S of models,

    P(model ∈ S) ≤ e^ε · P′(model ∈ S) + δ

so that nobody who has the model can be sure whether a certain sample was among the training data. `docs/privacy.md`
says what this covers and what it does not.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field

from ganforge.core.component import Component
from ganforge.core.errors import MissingExtra, UserError
from ganforge.engine.privacy.account import Account, noise_for
from ganforge.tasks.base import Task

if TYPE_CHECKING:
    from ganforge.data.loader import Loader
    from ganforge.engine.recipe import Recipe
    from ganforge.engine.trainer import Trainer


class Privacy(Component, family="privacy"):
    """What is promised of single training samples: nothing, or differential privacy."""

    @classmethod
    def parse(cls, value: Any) -> Self:
        if isinstance(value, Mapping) and value.get("kind") is False:
            value = {**value, "kind": "off"}
        return super().parse("off" if value is False else value)  # YAML reads a bare `off` as false

    def check(self, recipe: Recipe) -> None:
        """Refuses what cannot keep the promise, before anything is opened.

        Raises:
            UserError: such a recipe.
        """

    def settle(self, recipe: Recipe, loader: Loader) -> Recipe:
        """The recipe with what hangs on the size of the data filled in.

        Raises:
            UserError: the data or the samples asked for do not allow the promise.
        """
        return recipe

    def trainer(self) -> type[Trainer]:
        """What trains such a recipe."""
        raise NotImplementedError

    def notes(self, recipe: Recipe) -> list[str]:
        """What a dry run says of it."""
        return []


class Off(Privacy, kind="off"):
    """No promise: the model may remember training samples."""

    def trainer(self) -> type[Trainer]:
        from ganforge.engine.trainer import Trainer

        return Trainer


class DpSgd(Privacy, kind="dp_sgd"):
    """Differential privacy by DP-SGD: the gradient of every sample is clipped, and noise is added to their sum."""

    epsilon: float = Field(default=10.0, gt=0)
    """The budget ε, for all the samples of the run. Smaller is more private: 1 is strong, 10 is usual for pictures."""
    delta: float | None = Field(default=None, gt=0, lt=1)
    """The δ of the promise; it must be below 1 / (samples in the data). By default a tenth of that."""
    clip: float = Field(default=1.0, gt=0)
    """The norm that the gradient of each sample is cut down to."""
    noise_multiplier: float | None = Field(default=None, gt=0)
    """Noise, as a multiple of `clip`. By default as much as makes the run's samples spend `epsilon`."""

    def check(self, recipe: Recipe) -> None:
        if importlib.util.find_spec("opacus") is None:
            raise MissingExtra("opacus", "privacy", "privacy=dp_sgd")
        if not recipe.task.guarded:
            fits = sorted(name for name, kind in Task.kinds.items() if kind.guarded)
            raise UserError(
                f"privacy: in the task {recipe.task.kind!r} samples meet each other or the generator, so the gradient "
                f"of each cannot be bounded. Take task.kind={' or '.join(fits)} (the recipe dp-gan has it)"
            )
        if recipe.signal.measures:
            instead = recipe.signal.unmeasured or "Take pictures, or a table whose columns are described"
            raise UserError(
                f"signal={recipe.signal.kind}: it measures the data ({recipe.signal.measures}) and writes that into "
                f"the model file, which no noise covers. {instead} (docs/privacy.md)"
            )
        if recipe.data.tells:
            raise UserError(
                f"data={recipe.data.kind}: the recipe holds {recipe.data.tells}, by which anybody who guesses at the "
                "data learns whether the guess is right. Take FrameData.of(frame, named=False), or a file"
            )
        if recipe.health.kind != "off":
            raise UserError(
                f"health={recipe.health.kind}: it compares fakes with real samples and writes down what it finds, "
                "which no noise covers. Take health=off with privacy"
            )
        if recipe.metrics or any(callback.kind == "evaluation" for callback in recipe.callbacks):
            raise UserError(
                "metrics: they compare fakes with real samples, and the best model is chosen by them, which no noise "
                "covers. Take metrics=[] with privacy, and measure the finished model on data that is not private"
            )
        if recipe.accumulate > 1:
            raise UserError(
                f"accumulate={recipe.accumulate}: with privacy a step draws how many samples it takes, so a batch has "
                "no equal parts. Take accumulate=1; clipping needs little more memory than ordinary training"
            )
        if recipe.precision == "bf16":
            raise UserError(
                "precision=bf16: it is too coarse to bound a gradient with. Take precision=fp32 with privacy"
            )

    def settle(self, recipe: Recipe, loader: Loader) -> Recipe:
        n, missing = len(loader), len(loader.dataset) - len(loader)
        if missing:
            raise UserError(
                f"privacy: {missing:,} samples of the data cannot be read; others would stand in for them and so count "
                "twice. Remove them first (`ganforge data inspect` names them)"
            )
        if not loader.in_memory:
            raise UserError(
                "privacy: the data must lie in memory, for every step draws from all of it, and what cannot be read "
                "has to be known before. Set data.in_memory=true, or take fewer or smaller samples"
            )
        delta = self.delta if self.delta is not None else 0.1 / n
        if delta >= 1 / n:
            raise UserError(
                f"privacy.delta={delta:g}: with {n:,} samples it must be below {1 / n:.3g}, or giving one of them away "
                f"whole would keep the promise. Take {0.1 / n:.2g}"
            )
        rate, steps = recipe.batch / n, steps_by(recipe, recipe.samples)
        noise = self.noise_multiplier or noise_for(self.epsilon, delta, rate, steps)
        account = Account(noise, rate)
        spent = account.epsilon(steps, delta)
        if spent > self.epsilon:
            stride, a_round = stride_of(recipe), steps_by(recipe, stride_of(recipe))
            most = account.most_steps(self.epsilon, delta) // a_round * stride
            raise UserError(
                f"privacy.epsilon={self.epsilon:g}: samples={recipe.samples} with noise_multiplier={noise:.4g} would "
                f"spend ε = {spent:.4g}. Within the budget are samples={most}; or raise it to "
                f"privacy.epsilon={spent * 1.0005:.4g}, or start a new run with more noise"
            )
        return replace(recipe, privacy=replace(self, delta=delta, noise_multiplier=noise))

    def trainer(self) -> type[Trainer]:
        from ganforge.engine.privacy.trainer import PrivateTrainer

        return PrivateTrainer

    def notes(self, recipe: Recipe) -> list[str]:
        return [
            f"privacy: ε at most {self.epsilon:g} at δ = {self.delta:.2g} after {recipe.samples:,} samples, "
            f"with noise of {self.noise_multiplier:.3g} times the clipped norm"
        ]


def stride_of(recipe: Recipe) -> int:
    """Samples that one iteration of the recipe's phases counts."""
    return recipe.batch * max(phase.repeats for phase in recipe.task.phases())


def steps_by(recipe: Recipe, samples: int) -> int:
    """How many steps with real samples a run takes until it has counted `samples`."""
    iterations = -(-samples // stride_of(recipe))
    guarded = [phase for phase in recipe.task.phases() if set(phase.trains) & set(recipe.task.guarded)]
    return sum(phase.repeats * -(-iterations // phase.every) for phase in guarded)
