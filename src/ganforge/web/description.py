"""What a model is and what it can be asked for, as JSON can hold it. Runs in the worker process."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganforge.core.errors import UserError
from ganforge.inference import film
from ganforge.inference.model import Model
from ganforge.tasks.user_translators import ChangesAttributes, TranslatesFiles, UserTranslator
from ganforge.ui.output import plain


def description(model: Model, path: Path, formats: Sequence[str]) -> dict[str, Any]:
    """The facts of a loaded model.

    Args:
        path: where it was loaded from. formats: that samples can be asked for in.
    """
    signal, task, spec = model.recipe.signal, model.recipe.task, model.spec
    file = path / "model.safetensors" if path.is_dir() else path
    return {
        "recipe": model.recipe.name,
        "signal": signal.kind,
        "sample": signal.describe(spec),
        "samples_called": list(signal.noun[:2]),
        "shape": list(spec.shape),
        "samples_seen": model.samples,
        "labels": list(model.labels),
        "conditions": [condition.to_plain() for condition in spec.conditions.each],
        "attributes": attributes(model),
        "columns": plain(signal.where_columns(spec)),
        "can": abilities(model),
        "formats": list(formats),
        "films": [ending[1:] for ending in film.FORMATS] if task.can_sample else [],
        "directions": list(task.directions()),
        "precision": model.precision,
        "rows_at_a_time": model.rows_at_a_time(None),
        "privacy": model.privacy,
        "parameters": sum(p.numel() for net in model.bundle.nets.values() for p in net.parameters()),
        "bytes": file.stat().st_size,
        "sha256": sha256(file),
    }


def sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def attributes(model: Model) -> list[dict[str, Any]]:
    """The attributes that a translator changes, as `conditions` lists those of samples; empty of all others."""
    translator = translator_of(model)
    return [one.to_plain() for one in translator.attributes.each] if isinstance(translator, ChangesAttributes) else []


def translator_of(model: Model) -> UserTranslator | None:
    if not model.recipe.task.directions():
        return None
    try:
        return model.translator()
    except UserError:  # it translates training batches only
        return None


def abilities(model: Model) -> dict[str, bool]:
    """What a model can be asked for beside the seed."""
    task, signal = model.recipe.task, model.recipe.signal
    translator = translator_of(model)
    return {
        "sample": task.can_sample,
        "walk": task.can_sample and task.has_latents,
        "translate": translator is not None,
        "mask": bool(getattr(translator, "takes_mask", False)),
        "translates_files": isinstance(translator, TranslatesFiles),
        "change_attributes": isinstance(translator, ChangesAttributes),
        "conditions": bool(model.spec.conditions),
        "text": bool(model.spec.conditions.texts),
        "where": model.by_request or bool(signal.where_columns(model.spec)),
        "guidance": bool(model.spec.conditions) and model.recipe.drop_conditions != 0,
        "temperature": task.takes_temperature,
        "length": task.takes_times,
        "array": bool(signal.array_name),
    }
