"""The course of a training: its length, and the schedules over it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ganforge.core.component import Component, fields_of
from ganforge.core.schedule import Schedule
from ganforge.recipes.base import Recipe

log = logging.getLogger("ganforge")


def within_passes(recipe: Recipe, size: int) -> Recipe:
    """The recipe with the course that `max_passes` allows for a data set of `size` samples.

    The field is then None, so that a resumed run may go on beyond it.
    """
    if recipe.max_passes is None:
        return recipe
    samples = max(recipe.batch, round(recipe.max_passes * size))
    if samples >= recipe.samples:
        return replace(recipe, max_passes=None)
    log.info(
        "%s samples, %g passes over the data, in place of the %s of the recipe (all of them: max_passes=null)",
        f"{samples:,}", recipe.max_passes, f"{recipe.samples:,}",
    )  # fmt: skip
    return replace(shortened(recipe, samples), max_passes=None)


def shortened(recipe: Recipe, samples: int) -> Recipe:
    """The recipe with another length; all its schedules take the same share of it as before."""
    factor = samples / recipe.samples
    parts = {name: _scaled(getattr(recipe, name), factor) for name in fields_of(Recipe)}
    return replace(recipe, **{**parts, "samples": samples})


def _scaled(value: Any, factor: float) -> Any:
    """A component, or a collection of some, with its schedules over `factor` as many samples."""
    if isinstance(value, Schedule):
        return value.scaled(factor)
    if isinstance(value, Component):
        fields: Any = {name: _scaled(getattr(value, name), factor) for name in fields_of(type(value))}
        return type(value)(**fields)
    if isinstance(value, Mapping):
        return {key: _scaled(one, factor) for key, one in value.items()}
    return tuple(_scaled(one, factor) for one in value) if isinstance(value, tuple) else value
