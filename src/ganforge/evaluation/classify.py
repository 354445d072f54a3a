"""Classes of given samples, predicted by a trained model that classifies: probabilities, calibrated on labeled samples
that it was not trained on.

    model = gf.load("runs/0004-sgan")
    found = gf.classify(model, "photos/")           # .classes, .probabilities [N, K], .frame()

Calibration (Guo et al. 2017): p = softmax(l / T), with the temperature T that minimizes −log p(y) on labeled samples.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ganforge.core.condition_kinds import Category
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file
from ganforge.core.rng import Rng, seed_of
from ganforge.data.base import DataSource
from ganforge.data.few_labels import keep_labels
from ganforge.data.opener import openers
from ganforge.evaluation.heldout import held_out
from ganforge.evaluation.measured import Quality, fitted_temperature, probabilities_of, quality
from ganforge.evaluation.runs import named_data
from ganforge.evaluation.sides import Reader
from ganforge.inference.model import Model, load

if TYPE_CHECKING:
    import pandas as pd

CALIBRATION = "calibration.json"
PART = 256
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


@dataclass(frozen=True)
class Classified:
    """Predicted classes of samples.

    Attributes:
        samples: where each is from, such as its file.
        names: of the classes.
        probabilities: float64 [N, K].
        known: the classes that the samples are known to be of, int64 [N], -1 for unknown ones; None if none are.
        calibration: of the model.
        skipped: (sample, why) of those that could not be read.
    """

    samples: tuple[str, ...]
    names: tuple[str, ...]
    probabilities: np.ndarray
    known: np.ndarray | None
    calibration: Calibration
    skipped: tuple[tuple[str, str], ...] = ()

    @property
    def classes(self) -> list[str]:
        """The most probable class of each."""
        return [self.names[k] for k in self.probabilities.argmax(1)]

    @property
    def quality(self) -> Quality | None:
        """How well the known classes are predicted; None if none are known."""
        if self.known is None or not (self.known >= 0).any():
            return None
        rows = self.known >= 0
        return quality(self.probabilities[rows], self.known[rows], self.names)

    def frame(self) -> pd.DataFrame:
        """A row per sample: `sample`, `class`, `probability`, and `p(NAME)` of every class."""
        import pandas as pd

        each = {f"p({name})": self.probabilities[:, k] for k, name in enumerate(self.names)}
        return pd.DataFrame(
            {"sample": self.samples, "class": self.classes, "probability": self.probabilities.max(1)} | each
        )


def classify(
    model: Model | Path | str,
    data: Any,
    *,
    calibrate: Any = None,
    device: str | None = None,
) -> Classified:
    """The classes of samples, by a model that was trained to predict them (recipe sgan).

    Args:
        model: a trained model, or its run directory or model file.
        data: a path, several paths, the name of a set, fields of the run's data ("split=test"), or samples in memory.
        calibrate: labeled samples that the model was not trained on, to calibrate the probabilities. By default those
            of a run's test part, or what an earlier calibration of this model found (`calibration.json` beside it).

    Raises:
        UserError: the model does not classify, or the data cannot be used.
    """
    model = model if isinstance(model, Model) else load(model, device)
    names = classes_of(model)
    several = isinstance(data, (list, tuple)) and bool(data) and all(isinstance(one, (str, Path)) for one in data)
    samples: list[str] = []
    skipped: list[tuple[str, str]] = []
    parts, known = [], []
    with tempfile.TemporaryDirectory() as folder:
        sets = [opened(model, one) for one in gathered(data if several else [data], Path(folder))]
        calibration = calibration_of(model, calibrate)
        for dataset in sets:
            logits, rows, bad = logits_of(model, dataset)
            parts.append(probabilities_of(logits, calibration.temperature))
            samples += [dataset.describe(k) for k in rows.tolist()]
            skipped += [*dataset.skipped, *bad]
            targets = targets_of(dataset, names)
            known.append(np.full(len(rows), -1) if targets is None else targets[rows])
    labels = np.concatenate(known)
    return Classified(
        tuple(samples), names, np.concatenate(parts), labels if (labels >= 0).any() else None, calibration,
        tuple(skipped),
    )  # fmt: skip


def classes_of(model: Model) -> tuple[str, ...]:
    """The names of the classes that a model predicts.

    Raises:
        UserError: it predicts none.
    """
    if not model.spec.predicts:
        raise UserError(
            f"{model.folder}: this model ({model.recipe.name}) does not classify samples. Train one that does: "
            "ganforge train sgan data=...",
            code="classify.not_a_classifier",
        )
    return model.spec.predicts


def gathered(data: Sequence[Any], folder: Path) -> list[Any]:
    """Data in which files that are one sample each are replaced by a folder of them, in which they get links.

    Raises:
        UserError: two such files have one name.
    """
    sets = [one.endings for one in openers()]
    paths = [Path(one).expanduser() for one in data if isinstance(one, (str, Path))]
    single = [path for path in paths if path.is_file() and not path.name.lower().endswith(sum(sets, ()))]
    if not single:
        return list(data)
    for path in single:
        if (folder / path.name).exists():
            raise UserError(
                f"{path}: another of the files is called {path.name} too; give their folders, one by one",
                code="data.same_name",
            )
        try:
            (folder / path.name).symlink_to(path.resolve())
        except OSError:  # a file system without links
            shutil.copyfile(path, folder / path.name)
    return [one for one in data if not isinstance(one, (str, Path)) or Path(one).expanduser() not in single] + [folder]


def opened(model: Model, data: Any) -> Dataset:
    """The samples of some data, all parts of it, as the model's signal counts them.

    Raises:
        UserError: nothing there, or samples of another signal.
    """
    source = named_data(str(data) if isinstance(data, Path) else data, model.recipe.data)
    signal = model.recipe.signal
    whole = (source if isinstance(data, str) and "=" in data else every_part(source)).open()
    if whole.signal and whole.signal not in (signal.kind, *signal.reads):
        raise UserError(
            f"data {whole.name}: holds {whole.signal} samples, and {model.folder} was trained on {signal.kind} samples",
            code="data.other_signal",
        )
    return signal.items(whole)


def every_part(source: DataSource) -> DataSource:
    """The source of all parts (train, test, ...) of the same data, where it can open them together."""
    whole = source.whole()
    every = whole.part("all") if source.kind == "path" else None
    try:
        if every is not None:
            every.open()
            return every
    except UserError:  # a file of one part, which has no name
        return whole
    return whole


@torch.inference_mode()
def logits_of(
    model: Model, dataset: Dataset, rows: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, list[tuple[str, str]]]:
    """Logits of samples.

    Args:
        rows: which samples; by default all.

    Returns:
        Logits float64 [M, K]; the places of these samples, int64 [M]; (sample, why) of those that cannot be read.
    """
    bundle, signal = model.bundle, model.recipe.signal.deterministic()
    wanted = np.arange(len(dataset)) if rows is None else rows
    found, places, bad = [], [], []
    with Reader(signal, dataset, model.spec) as read, bundle.on_trial():
        for start in range(0, len(wanted), PART):
            part = wanted[start : start + PART].tolist()
            items = read(np.array(part))
            good = [(k, item) for k, item in zip(part, items, strict=True) if item is not None]
            bad += [
                (dataset.describe(k), "cannot be read") for k, item in zip(part, items, strict=True) if item is None
            ]
            if good:
                stored = torch.from_numpy(np.stack([item for _, item in good])).to(bundle.device)
                x = signal.batch(stored, None, model.spec, Rng(0, device=bundle.device)).x.to(bundle.dtype)
                found.append(model.recipe.task.class_logits(bundle.nets, x).double().cpu().numpy())
                places += [k for k, _ in good]
    logits = np.concatenate(found) if found else np.zeros((0, len(model.spec.predicts)))
    return logits, np.array(places, np.int64), bad


def targets_of(dataset: Dataset, names: Sequence[str]) -> np.ndarray | None:
    """The known classes of samples as places in `names`, int64 [N], -1 for an unknown one; None if none is known."""
    place = {unicodedata.normalize("NFC", name): k for k, name in enumerate(names)}
    if dataset.labels is not None:
        own = np.array([place.get(unicodedata.normalize("NFC", name), -1) for name in dataset.classes], np.int64)
        found = own[dataset.labels]
    else:
        fits = [one for one in dataset.conditions.each if isinstance(one, Category) and set(one.values) & set(place)]
        if len(fits) != 1 or dataset.vectors is None:
            return None
        values = fits[0].decode(dataset.vectors[:, dataset.conditions.slices[fits[0].name]])
        found = np.array([-1 if value is None else place.get(str(value), -1) for value in values], np.int64)
    return found if (found >= 0).any() else None


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
