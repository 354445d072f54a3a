"""What DP-SGD asks of a recipe and of its data, and how many noisy steps a run takes."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

from ganforge.core.errors import MissingExtra, UserError
from ganforge.data.loader import Loader
from ganforge.engine.privacy.account import Account, noise_for
from ganforge.recipes.base import Recipe
from ganforge.recipes.privacy import DpSgd
from ganforge.tasks.base import Task


def check(recipe: Recipe) -> None:
    """Refuses what cannot keep the guarantee, before anything is opened.

    Raises:
        UserError: such a recipe.
    """
    if importlib.util.find_spec("opacus") is None:
        raise MissingExtra("opacus", "privacy", "privacy=dp_sgd")
    if not recipe.task.guarded:
        fits = sorted(name for name, kind in Task.kinds.items() if kind.guarded)
        raise UserError(
            f"privacy: in the task {recipe.task.kind!r} samples meet each other or the generator, so the gradient "
            f"of each cannot be bounded. Take task.kind={' or '.join(fits)} (the recipe dp-gan has it)"
        )
    if recipe.signal.data_statistics:
        instead = recipe.signal.privacy_hint or "Take pictures, or a table whose columns are described"
        raise UserError(
            f"signal={recipe.signal.kind}: it measures the data ({recipe.signal.data_statistics}) and writes that into "
            f"the model file, which no noise covers. {instead} (docs/privacy.md)"
        )
    if recipe.data.discloses:
        raise UserError(
            f"data={recipe.data.kind}: the recipe holds {recipe.data.discloses}, by which anybody who guesses at the "
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
        raise UserError("precision=bf16: it is too coarse to bound a gradient with. Take precision=fp32 with privacy")


def finalize(recipe: Recipe, loader: Loader) -> Recipe:
    """The recipe with δ and the noise multiplier filled in, which depend on the size of the data.

    Raises:
        UserError: the data or the samples asked for do not allow the guarantee.
    """
    privacy = recipe.privacy
    assert isinstance(privacy, DpSgd)
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
    delta = privacy.delta if privacy.delta is not None else 0.1 / n
    if delta >= 1 / n:
        raise UserError(
            f"privacy.delta={delta:g}: with {n:,} samples it must be below {1 / n:.3g}, or giving one of them away "
            f"whole would keep the promise. Take {0.1 / n:.2g}"
        )
    rate, steps = recipe.batch / n, steps_by(recipe, recipe.samples)
    noise = privacy.noise_multiplier or noise_for(privacy.epsilon, delta, rate, steps)
    account = Account(noise, rate)
    spent = account.epsilon(steps, delta)
    if spent > privacy.epsilon:
        stride, a_round = stride_of(recipe), steps_by(recipe, stride_of(recipe))
        most = account.most_steps(privacy.epsilon, delta) // a_round * stride
        raise UserError(
            f"privacy.epsilon={privacy.epsilon:g}: samples={recipe.samples} with noise_multiplier={noise:.4g} would "
            f"spend ε = {spent:.4g}. Within the budget are samples={most}; or raise it to "
            f"privacy.epsilon={spent * 1.0005:.4g}, or start a new run with more noise"
        )
    return replace(recipe, privacy=replace(privacy, delta=delta, noise_multiplier=noise))


def stride_of(recipe: Recipe) -> int:
    """Samples that one iteration of the recipe's phases counts."""
    return recipe.batch * max(phase.repeats for phase in recipe.task.phases())


def steps_by(recipe: Recipe, samples: int) -> int:
    """How many steps with real samples a run takes until it has counted `samples`."""
    iterations = -(-samples // stride_of(recipe))
    guarded = [phase for phase in recipe.task.phases() if set(phase.trains) & set(recipe.task.guarded)]
    return sum(phase.repeats * -(-iterations // phase.every) for phase in guarded)
