"""ganforge: train, evaluate, use and share generative adversarial networks.

    import ganforge as gf

    model = gf.train("dcgan", data="mnist", samples=600_000)
    images = gf.load("runs/0003-dcgan").sample(64, seed=0)  # uint8 [64, H, W, C]
    results = gf.evaluate("runs/0003-dcgan").results         # names, values, protocols; and a page that shows them

Importing this is quick: torch is imported when the first of these names is asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ganforge.core.version import __version__

if TYPE_CHECKING:
    from ganforge.api import recipe as recipe
    from ganforge.api import train as train
    from ganforge.core.errors import GanforgeError as GanforgeError
    from ganforge.core.errors import TrainingError as TrainingError
    from ganforge.core.errors import UserError as UserError
    from ganforge.evaluation.classify import classify as classify
    from ganforge.evaluation.evaluate import evaluate as evaluate
    from ganforge.inference.model import Model as Model
    from ganforge.inference.model import load as load
    from ganforge.modalities.table.api import TableGAN as TableGAN  # for types alone: `public_names` finds it
    from ganforge.recipes.base import Recipe as Recipe
    from ganforge.registry import load_plugin as load_plugin

# A name here must never be that of a module of this package: the import system would put the module in its place.
_WHERE = {
    "train": "ganforge.api",
    "classify": "ganforge.evaluation.classify",
    "evaluate": "ganforge.evaluation.evaluate",
    "recipe": "ganforge.api",
    "load": "ganforge.inference.model",
    "Model": "ganforge.inference.model",
    "Recipe": "ganforge.recipes.base",
    "load_plugin": "ganforge.registry",
    "GanforgeError": "ganforge.core.errors",
    "UserError": "ganforge.core.errors",
    "TrainingError": "ganforge.core.errors",
}

__all__ = [
    "GanforgeError",
    "Model",
    "Recipe",
    "TableGAN",
    "TrainingError",
    "UserError",
    "__version__",
    "classify",
    "evaluate",
    "load",
    "load_plugin",
    "recipe",
    "train",
]


def __getattr__(name: str) -> Any:
    where = _WHERE.get(name)
    if where is None and not name.startswith("_"):
        from ganforge.registry import public_names

        where = public_names().get(name)
    if where is None:
        raise AttributeError(f"module 'ganforge' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(where), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_WHERE})
