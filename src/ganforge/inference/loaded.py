"""A trained model as it was loaded: what it is, its nets, and how it was trained."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ganforge.artifacts.bundle import Bundle
from ganforge.core import html
from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.events import read_events
from ganforge.core.extras import need
from ganforge.core.types import Spec
from ganforge.inference.codes import Codes
from ganforge.inference.directions import Moves
from ganforge.inference.labels import label_ids, label_names
from ganforge.inference.rejection import Rejection
from ganforge.recipes.base import Recipe

if TYPE_CHECKING:
    import pandas as pd


class Loaded:
    """The part of `Model` that every use of it needs; the attributes are described there."""

    def __init__(self, bundle: Bundle, folder: Path):
        self.bundle = bundle
        self.folder = folder
        self.recipe: Recipe = bundle.recipe
        self.spec: Spec = bundle.spec
        self.samples: int = bundle.samples
        self.privacy = bundle.privacy
        self.labels: tuple[str, ...] = label_names(bundle.spec)
        self.extra: dict[str, torch.Tensor] = {}  # of one sample: what goes into each request
        self.temperature = 1.0
        self.guidance = 1.0
        self.codes: Codes | None = None
        self.moves: Moves | None = None
        self.rejection: Rejection | None = None

    def __repr__(self) -> str:
        labels = f", {len(self.labels)} labels" if self.labels else ""
        shape = "×".join(map(str, self.spec.shape))
        promise = "({epsilon:.3g}, {delta:.2g})-differentially private, ".format(**self.privacy) if self.privacy else ""
        seen = f"{self.samples:,} samples seen"
        return f"<Model {self.recipe.name} of {shape}{labels}, {promise}{seen}, from {self.folder}>"

    def _repr_html_(self) -> str:
        """For notebooks: what it is, and the newest samples of its run."""
        facts = {
            "recipe": self.recipe.name,
            "sample": "×".join(map(str, self.spec.shape)),
            "labels": ", ".join(self.labels[:10]) + ", ..." * (len(self.labels) > 10),
            "privacy": "ε {epsilon:.3g}, δ {delta:.2g}".format(**self.privacy) if self.privacy else "",
            "samples seen": f"{self.samples:,}",
            "from": self.folder,
        }
        return html.table(facts) + html.newest_preview(self.folder)

    @property
    def precision(self) -> str:
        """In which it samples and translates: fp32, bf16 or fp64."""
        return self.bundle.precision

    @property
    def generator(self) -> nn.Module:
        """The averaged generator as a plain module in evaluation mode: `model.generator(z, labels)`.

        For most recipes z is float32 [N, L], labels int64 [N] or None, and the result float32 in [-1, 1];
        `model.latents(seeds)` draws z. Models with several nets have them all in `model.bundle.nets`, by name.

        Raises:
            UserError: this model has no net of that role (says which it has).
        """
        nets = self.bundle.nets
        if "G" not in nets:
            raise UserError(
                f"{self.folder}: this model has no single generator. Its nets: model.bundle.nets[NAME], NAME one of "
                f"{', '.join(nets)}",
                code="model.no_single_generator",
            )
        return nets["G"]

    def losses(self) -> pd.DataFrame:
        """What the run logged, a row every `log_every` samples: `samples`, `seconds`, `loss/G`, `loss/D`, ...

        Raises:
            UserError: this is a model file, without a run beside it.
            MissingExtra: pandas is not installed.
        """
        need("pandas", "losses as a DataFrame")
        import pandas as pd

        log = self.folder / "events.jsonl"
        if not log.is_file():
            raise UserError(
                f"{self.folder}: the log of a run is in its folder, and this is a model file. Load the run directory",
                code="model.no_log",
            )
        frame = pd.DataFrame(read_events(log, "tick"))
        return frame.drop(columns=["event", "t"], errors="ignore")

    def frame(self, sample: np.ndarray) -> np.ndarray:
        """One sample as an image, uint8 [H, W, 3], for any signal."""
        return self.recipe.signal.frame(sample, self.spec)

    def frames(self, samples: Any) -> list[np.ndarray]:
        """Samples, as `sample` and `walk` return them, as images to look at, each uint8 [H, W, 3]."""
        return self.recipe.signal.frames_of(samples, self.spec)

    def label_ids(self, label: Any, n: int) -> torch.Tensor | None:
        """The labels of samples 0..n as int64 [n], or None for an unconditional model.

        Raises:
            UserError: an unknown label, a label for a model without any, or a sequence that is not of length `n`.
        """
        return label_ids(label, n, self.labels, self.recipe.name)

    def check_can_sample(self) -> None:
        """Checks that the model generates samples.

        Raises:
            UserError: it translates or classifies what it is given.
        """
        if not self.recipe.task.can_sample and self.spec.predicts:
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) classifies samples, it does not generate new ones. "
                f"Use it with: {command('classify', self.folder)} FILES --out classes.csv",
                code="model.not_a_generator",
            )
        if not self.recipe.task.can_sample:
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) translates "
                f"{self.recipe.task.changes or 'images'}, it does not generate new ones. Use it with: "
                f"{command('translate', self.folder)} INPUT --out FILE",
                code="model.not_a_generator",
            )
