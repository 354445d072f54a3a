"""What the studio needs PyTorch for, as a process that prints one JSON document: `python -m ganforge.web.studio.child`.

    recipes            all recipes with their summaries and values, their JSON Schema, and the named data sets
    inspect DATA       what `ganforge data inspect` finds, the recipe that would be chosen, and a sheet of samples

The process has a limit of memory, since the data is unknown.
"""

from __future__ import annotations

import base64
import logging
import sys
from typing import TYPE_CHECKING, Any

from ganforge.core.errors import GanforgeError, UserError
from ganforge.ui.output import emit, emit_error, stdout_for_json
from ganforge.web.asks import MOST_TEXT
from ganforge.web.memory import limit_memory

if TYPE_CHECKING:
    from ganforge.core.dataset import Dataset

MEMORY = 12 << 30
"""Bytes for the data, so that this process ends, and not the machine, if it needs more."""
SHEET, ROWS = 32, 100
"""Samples of a sheet that shows each of them, and rows of a table that are shown."""

log = logging.getLogger("ganforge")


def known_recipes() -> dict[str, Any]:
    """All recipes, and what describes them."""
    import pydantic

    from ganforge import recipes
    from ganforge.core.component import to_plain
    from ganforge.data.base import DataSource
    from ganforge.recipes.base import Recipe
    from ganforge.registry import load_all

    load_all()
    names = recipes.names()
    return {
        "schema": pydantic.TypeAdapter(Recipe).json_schema(),
        "recipes": {name: {"summary": recipes.summary(name), "values": to_plain(recipes.get(name))} for name in names},
        "sets": [name for name in DataSource.members() if is_complete(name)],
    }


def is_complete(name: str) -> bool:
    """Whether the name of a kind of data is enough to open it: it names a set, and needs no path."""
    from ganforge.core.component import build, fields_of
    from ganforge.data.base import DataSource

    kind = DataSource.members()[name]
    given = {"path", "digest", *kind.words}  # a digest: the samples come from Python
    if given & set(fields_of(kind)):
        return False
    try:
        build(DataSource, {"kind": name}, what=name)
    except UserError:  # it lacks a field
        return False
    return True


def inspected(data: str) -> dict[str, Any]:
    """What a data set holds, and what to train on it.

    Raises:
        UserError: it cannot be used.
    """
    from ganforge.core.component import build
    from ganforge.data.base import DataSource
    from ganforge.recipes.fitting import inspection
    from ganforge.registry import load_all
    from ganforge.signals import signal_of

    load_all()
    dataset = build(DataSource, DataSource.from_text(data), what=data).whole().open()
    found = inspection(dataset)
    choice, why = chosen(dataset)
    fits = found.facts.get("recipes", {})
    fits = fits if isinstance(fits, dict) else {name: {"fits": True, "says": ""} for name in fits}
    return {
        "facts": {**found.facts, "count": len(dataset), "recipes": fits},
        "hints": list(found.hints),
        "signal": signal_of(dataset).kind,
        "noun": signal_of(dataset).noun.many,
        "choice": choice,
        "no_choice": why,
        "sheet": sheet(dataset, choice["recipe"] if choice else None, fits),
        "rows": rows(dataset),
    }


def chosen(dataset: Dataset) -> tuple[dict[str, Any] | None, str]:
    """The recipe that `ganforge train DATA` would choose, or why it chooses none."""
    import os

    from ganforge.recipes.choice import Machine, choose

    try:
        choice = choose(dataset, Machine(cores=os.cpu_count() or 1))
    except UserError as error:
        return None, str(error)
    return {"recipe": choice.recipe, "fields": choice.fields, "reasons": choice.reasons, "facts": choice.facts}, ""


def sheet(dataset: Dataset, name: str | None, fits: dict[str, Any]) -> str:
    """Some samples side by side, as training sees them: a data URL; empty where nothing can be shown."""
    import numpy as np
    import torch

    from ganforge import recipes
    from ganforge.core.media import first_image
    from ganforge.signals import signal_of

    names = [name] if name else [one for one, says in fits.items() if says["fits"]]
    gallery = signal_of(dataset).gallery
    if not names or gallery is None:
        return ""
    recipe = recipes.get(names[0])
    most = gallery.most if gallery.together else min(gallery.most, SHEET)
    try:
        items = recipe.signal.items(dataset)
        spec = recipe.signal.spec(items, recipe.task.nearest)
        places = np.unique(np.linspace(0, len(items) - 1, most).astype(int)).tolist()
        read = [item for k in places if (item := readable(items, k)) is not None]
        stored = torch.from_numpy(np.stack([recipe.signal.prepare(item, spec) for item in read]))
        image = first_image(recipe.signal.render(recipe.signal.present(stored, spec), spec, gallery.columns))
    except Exception as error:  # of any signal, also of plugins: what was found is shown without the sheet
        log.warning("no sheet of samples: %s: %s", type(error).__name__, error)
        return ""
    return "" if image is None else f"data:image/png;base64,{base64.b64encode(image.data).decode()}"


def rows(dataset: Dataset) -> list[list[str]]:
    """The header and the first rows of a table, as texts; empty of all other data."""
    frame = getattr(dataset, "frame", None)
    if frame is None:
        return []
    head = frame.iloc[:ROWS]
    texts = head.astype(object).where(head.notna(), "").map(str)
    return [[str(name) for name in texts.columns], *([text[:MOST_TEXT] for text in row] for row in texts.to_numpy())]


def readable(items: Dataset, k: int) -> Any:
    """Item k; None if it cannot be read."""
    from ganforge.core.dataset import BadItem

    try:
        return items.read(k)
    except BadItem:
        return None


def main(words: list[str]) -> int:
    """Prints the document, or {"error": {"code", "message"}}; returns the exit status."""
    with stdout_for_json(["--json"]):
        try:
            emit(known_recipes() if words[0] == "recipes" else inspected(words[1]))
        except GanforgeError as error:
            emit_error(error)
            return 2
    return 0


if __name__ == "__main__":
    limit_memory(MEMORY)
    sys.exit(main(sys.argv[1:]))
