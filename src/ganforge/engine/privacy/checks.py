"""Requirements of DP-SGD on a recipe and its data, and the number of noisy steps of a run."""

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
    """Rejects recipes that cannot satisfy the guarantee, before any data is opened.

    Raises:
        UserError: the recipe cannot satisfy the guarantee.
    """
    if importlib.util.find_spec("opacus") is None:
        raise MissingExtra("opacus", "privacy", "privacy=dp_sgd")
    if recipe.signal.one_record:
        raise UserError(
            f"privacy: differential privacy hides whether a record was in the data, and {recipe.signal.one_record} "
            "(docs/privacy.md)",
            code="privacy.one_record",
        )
    if not recipe.task.guarded:
        fits = sorted(name for name, kind in Task.kinds.items() if kind.guarded)
        raise UserError(
            f"privacy: in the task {recipe.task.kind!r} samples interact with each other or with the "
            "generator, so the gradient of a single sample cannot be bounded. Use "
            f"task.kind={' or '.join(fits)}, as in the recipe dp-gan",
            code="privacy.task_not_supported",
        )
    if recipe.signal.data_statistics:
        instead = recipe.signal.privacy_hint or "Use images, or a table whose columns are described"
        raise UserError(
            f"signal={recipe.signal.kind}: it measures the data ({recipe.signal.data_statistics}) and stores "
            f"the result in the model file, where no noise protects it. {instead}",
            code="privacy.signal_measures_data",
        )
    if recipe.data.discloses:
        raise UserError(
            f"data={recipe.data.kind}: the recipe holds {recipe.data.discloses}, with which a guess at the "
            "data can be verified. Use FrameData.of(frame, named=False), or a file",
            code="privacy.recipe_discloses_data",
        )
    if recipe.health.kind != "off":
        raise UserError(
            f"health={recipe.health.kind}: it compares generated with real samples and records the result, "
            "which no noise protects. Set health=off with privacy",
            code="privacy.health_not_supported",
        )
    if recipe.metrics or any(callback.kind == "evaluation" for callback in recipe.callbacks):
        raise UserError(
            "metrics: they compare generated with real samples and select the best model, which no noise "
            "protects. Set metrics=[] with privacy, and evaluate the finished model on data that is not "
            "private",
            code="privacy.metrics_not_supported",
        )
    if recipe.accumulate > 1:
        raise UserError(
            f"accumulate={recipe.accumulate}: with privacy each step draws a random number of samples, so a "
            "batch cannot be split into equal parts. Set accumulate=1; clipping needs little more memory than "
            "ordinary training",
            code="privacy.accumulate_not_supported",
        )
    if recipe.precision == "bf16":
        raise UserError(
            "precision=bf16: not accurate enough to bound a gradient norm. Set precision=fp32 with privacy",
            code="privacy.precision_too_low",
        )


def finalize(recipe: Recipe, loader: Loader) -> Recipe:
    """The recipe with default values of δ and the noise multiplier filled in, which depend on the size of the data.

    Raises:
        UserError: the guarantee is impossible with this data or this number of samples.
    """
    privacy = recipe.privacy
    assert isinstance(privacy, DpSgd)
    if loader.dataset.conditions:
        raise UserError(
            f"data {loader.dataset.name}: a model with conditions stores some of their values, where no noise protects "
            "them. Train on classes, or without labels",
            code="privacy.conditions_disclose_data",
        )
    n, missing = len(loader), len(loader.dataset) - len(loader)
    if missing:
        raise UserError(
            f"privacy: {missing:,} samples of the data cannot be read; other samples would replace them and "
            "count twice. Remove them first (`ganforge data inspect` names them)",
            code="privacy.unreadable_samples",
        )
    if not loader.in_memory:
        raise UserError(
            "privacy: the data must be kept in memory, since every step draws from all of it and unreadable "
            "samples must be known in advance. Set data.in_memory=true, or use fewer or smaller samples",
            code="privacy.not_in_memory",
        )
    delta = privacy.delta if privacy.delta is not None else 0.1 / n
    if delta >= 1 / n:
        raise UserError(
            f"privacy.delta={delta:g}: with {n:,} samples it must be below {1 / n:.3g}; otherwise publishing "
            f"one whole sample would satisfy the guarantee. Set it to {0.1 / n:.2g}",
            code="privacy.delta_too_large",
        )
    rate, steps = recipe.batch / n, steps_by(recipe, recipe.samples)
    noise = privacy.noise_multiplier or noise_for(privacy.epsilon, delta, rate, steps)
    account = Account(noise, rate)
    spent = account.epsilon(steps, delta)
    if spent > privacy.epsilon:
        stride, a_round = stride_of(recipe), steps_by(recipe, stride_of(recipe))
        most = account.most_steps(privacy.epsilon, delta) // a_round * stride
        raise UserError(
            f"privacy.epsilon={privacy.epsilon:g}: samples={recipe.samples} with noise_multiplier={noise:.4g} "
            f"would spend ε = {spent:.4g}. The budget allows samples={most}; or raise it to "
            f"privacy.epsilon={spent * 1.0005:.4g}, or start a new run with more noise",
            code="privacy.budget_exceeded",
        )
    return replace(recipe, privacy=replace(privacy, delta=delta, noise_multiplier=noise))


def stride_of(recipe: Recipe) -> int:
    """Number of samples that one iteration of the recipe's phases consumes."""
    return recipe.batch * max(phase.repeats for phase in recipe.task.phases())


def steps_by(recipe: Recipe, samples: int) -> int:
    """Number of steps with real samples until a run has consumed `samples`."""
    iterations = -(-samples // stride_of(recipe))
    guarded = [phase for phase in recipe.task.phases() if set(phase.trains) & set(recipe.task.guarded)]
    return sum(phase.repeats * -(-iterations // phase.every) for phase in guarded)
