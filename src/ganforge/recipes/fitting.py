"""Which recipes fit a data set, and what each would generate from it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ganforge import recipes
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.types import Spec
from ganforge.signals import Inspection, signal_of

log = logging.getLogger("ganforge")
Fits = dict[str, tuple[bool, str]]
"""Recipe name → (whether it can be trained on the data, what it would generate or why it cannot)."""


def inspection(dataset: Dataset, limit: int | None = None) -> Inspection:
    """The inspection of a data set, including the recipes that fit it.

    Args:
        limit: read only this many samples.

    Raises:
        UserError: the data cannot be used.
    """
    found = signal_of(dataset).inspect(dataset, limit)
    if "recipes" in found.facts:  # a signal that has its own way to show them
        return found
    fits = fitting(dataset)

    def shown() -> list[Any]:
        return [*found.shown(), *(["", as_table(fits)] if fits else [])]

    return replace(found, facts={**found.facts, "recipes": to_plain(fits), "hints": list(found.hints)}, shown=shown)


def for_signal(dataset: Dataset) -> list[str]:
    """The recipes whose signal is that of a data set, or can be made from it."""
    found = {name: recipes.get(name).signal for name in recipes.names()}
    return [name for name, signal in found.items() if dataset.signal in (signal.kind, *signal.reads)]


def fitting(dataset: Dataset, describe: Callable[[Spec], str] | None = None, told: Sequence[str] = ()) -> Fits:
    """Tries every recipe for the signal of a data set on it.

    Args:
        describe: returns a description of a sample; by default that of the recipe's signal.
        told: what is said of the data anyway, so that no notice has to say it.
    """
    with _each_notice_once(tuple(told)):
        return _tried(dataset, describe)


def _tried(dataset: Dataset, describe: Callable[[Spec], str] | None) -> Fits:
    found: Fits = {}
    for name in for_signal(dataset):
        recipe = recipes.get(name)
        try:
            items = recipe.signal.items(dataset)
            spec = recipe.task.adapt(recipe.signal.spec(items, recipe.task.nearest).conditioned(items.conditions))
        except UserError as error:
            found[name] = (False, str(error))
            continue
        if len(dataset) < recipe.batch:
            reason = f"its batch of {recipe.batch} is larger than the data set: use batch={max(2, len(dataset) // 4)}"
            found[name] = (False, reason)
        else:
            what = (describe or recipe.signal.describe)(spec) + (f", {spec.classes} labels" if spec.classes else "")
            asked = f", with conditions: {', '.join(spec.conditions.names)}" if spec.conditions else ""
            found[name] = (True, f"makes {what}{asked}")
    return found


@contextmanager
def _each_notice_once(told: tuple[str, ...]) -> Iterator[None]:
    """Every recipe tried says the same of the data; the repetitions are dropped, and what is told elsewhere."""
    said: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        new = text not in said and not text.endswith(told)
        said.add(text)
        return new

    log.addFilter(is_new)
    try:
        yield
    finally:
        log.removeFilter(is_new)


def to_plain(fits: Fits) -> dict[str, dict[str, object]]:
    """As JSON-compatible values."""
    return {name: {"fits": good, "says": what} for name, (good, what) in fits.items()}


def as_table(fits: Fits):
    """As a rich table."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), title="recipes", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for name, (good, what) in fits.items():
        table.add_row(Text(name, "bold"), Text("fits", "green") if good else Text("no", "red"), Text(what))
    return table
