"""Calibrated probabilities of a model that classifies, by labeled samples that it was not trained on.

Guo et al. 2017: p = softmax(l / T), with the temperature T that minimizes −log p(y) on these samples.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.condition_kinds import Category
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.rng import seed_of
from ganforge.data.few_labels import keep_labels
from ganforge.evaluation.class_logits import classes_of, logits_of, opened, targets_of
from ganforge.evaluation.heldout import held_out
from ganforge.evaluation.measured import Quality, fitted_temperature, probabilities_of, quality
from ganforge.inference.model import Model

CALIBRATION = "calibration.json"
MOST = 20_000
"""Held-out samples that are used, at most: one half to calibrate, the other to measure."""
FEWEST = 20


@dataclass(frozen=True)
class Calibration:
    """The temperature of a model, and how it was found.

    Attributes:
        temperature: T; 1 leaves the probabilities as the net gives them.
        data: what it was found on; empty if it was not calibrated.
        n: number of samples that it was found on.
        quality: of the calibrated model on other labeled samples of the same data; None if there are none.
    """

    temperature: float = 1.0
    data: str = ""
    n: int = 0
    quality: Quality | None = None


def calibration_of(model: Model, data: Any = None) -> Calibration:
    """The calibration of a model on labeled samples that it was not trained on.

    Args:
        data: these samples; by default those of the run, or what is stored beside the model.

    Raises:
        UserError: `data` holds too few labeled samples of the classes.
    """
    names = classes_of(model)
    if data is not None:
        dataset = opened(model, data)
        targets = targets_of(dataset, names)
        if targets is None or (targets >= 0).sum() < FEWEST:
            raise UserError(
                f"calibration on {dataset.name}: fewer than {FEWEST} of its samples are labeled with one of "
                f"{', '.join(names)}",
                code="classify.too_few_labels",
            )
        return calibrated(model, dataset, targets)
    if (known := stored(model)) is not None:
        return known
    if not model.folder.is_dir() or (dataset := unused_labels(model)) is None:
        return Calibration()
    targets = targets_of(dataset, names)
    if targets is None or (targets >= 0).sum() < FEWEST:
        return Calibration()
    found = calibrated(model, dataset, targets)
    with atomic_file(model.folder / CALIBRATION) as path:
        path.write_text(json.dumps({"model": digest(model), **asdict(found)}, ensure_ascii=False, indent=1), "utf-8")
    return found


def unused_labels(model: Model) -> Dataset | None:
    """Samples whose labels the run has not used: its test part, or those that lost their label."""
    recipe = model.recipe
    try:
        dataset = recipe.signal.items(recipe.data.open())
        _, kept, _ = held_out(recipe.data, recipe.signal, dataset)
    except UserError:  # the data has moved; the model can be used without it
        return None
    if kept is not None and targets_of(kept, model.spec.predicts) is not None:
        return kept
    if recipe.data.labels_per_class is None:
        return None
    few = recipe.signal.items(recipe.data.open())
    keep_labels(few, recipe.data.labels_per_class, recipe.data.labels_seed)
    assert few.labeled is not None
    dataset.name = f"{dataset.name} (labels not used)"
    if dataset.labels is None:
        assert dataset.vectors is not None
        one = next(one for one in dataset.conditions.each if isinstance(one, Category))
        dataset.vectors = dataset.vectors.copy()
        dataset.vectors[few.labeled, dataset.conditions.slices[one.name]] = one.encode([None])
    else:
        dataset.classes = (*dataset.classes, "")  # a class that no model has
        dataset.labels = dataset.labels.copy()
        dataset.labels[few.labeled] = len(dataset.classes) - 1
    return dataset


def calibrated(model: Model, dataset: Dataset, targets: np.ndarray) -> Calibration:
    """Finds the temperature on one half of the labeled samples, and measures on the other."""
    rows = np.flatnonzero(targets >= 0)
    draws = np.random.Generator(np.random.PCG64(seed_of("calibration")))
    rows = rows[draws.permutation(len(rows))[:MOST]]
    logits, places, _ = logits_of(model, dataset, rows)
    y = targets[places]
    half = len(y) // 2
    temperature = fitted_temperature(logits[:half], y[:half])
    others = quality(probabilities_of(logits[half:], temperature), y[half:], model.spec.predicts)
    plain = quality(probabilities_of(logits[half:], 1.0), y[half:], model.spec.predicts)
    others = replace(others, uncalibrated_error=plain.calibration_error)
    return Calibration(temperature, Path(dataset.name).name, half, others)


def stored(model: Model) -> Calibration | None:
    """What an earlier calibration of this very model found; None if there is none."""
    path = (model.folder if model.folder.is_dir() else model.folder.parent) / CALIBRATION
    try:
        plain = json.loads(path.read_text("utf-8"))
        if plain.pop("model") != digest(model):
            return None
        measured = plain.pop("quality")
        found = Calibration(quality=None if measured is None else Quality.from_plain(measured), **plain)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):  # none, or not one of ours: calibrated again
        return None
    return found if found.temperature > 0 else None


def digest(model: Model) -> str:
    """A short hash of the model's file."""
    file = model.folder / "model.safetensors" if model.folder.is_dir() else model.folder
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]
