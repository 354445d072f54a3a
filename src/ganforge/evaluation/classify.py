"""Classes of given samples, predicted by a trained model that classifies, with calibrated probabilities.

model = gf.load("runs/0004-sgan")
found = gf.classify(model, "photos/")           # .classes, .probabilities [N, K], .frame()
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.data.opener import openers
from ganforge.evaluation.calibration import Calibration, calibration_of
from ganforge.evaluation.class_logits import classes_of, logits_of, opened, targets_of
from ganforge.evaluation.measured import Quality, probabilities_of, quality
from ganforge.inference.model import Model, load

if TYPE_CHECKING:
    import pandas as pd


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
