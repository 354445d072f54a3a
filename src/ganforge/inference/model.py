"""A trained model in use.

model = load("runs/0003-dcgan")
images = model.sample(64, seed=0, label=3)
"""

from __future__ import annotations

import csv
import io
import operator
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import torch
from torch import nn

from ganforge.artifacts.bundle import Bundle
from ganforge.artifacts.bundle import load as load_bundle
from ganforge.core import html
from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.events import read_events
from ganforge.core.extras import need
from ganforge.core.types import Request, Spec
from ganforge.inference.interpolate import path
from ganforge.inference.labels import Label, label_ids, label_names
from ganforge.inference.where import Found, fulfil
from ganforge.recipes.base import Recipe
from ganforge.tasks.base import UserTranslator

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

Image = Any
"""An image in memory (Pillow's, an array, a tensor), or a file that holds one."""

Samples = Any
"""What a signal's `decode` makes: of images, sounds, series and points an array, of tables a DataFrame."""

Where = str | Sequence[str] | Mapping[str, Any]
"""What rows of a table are asked for: `"age>40"`, several of these, or values by column."""


def load(path: Path | str, device: str | None = None) -> Model:
    """The model of a run directory or of a `model.safetensors` file, ready to sample from.

    Args:
        path: `runs/0003-dcgan` or the file to share that lies in it.
        device: "cpu", "cuda", "cuda:1", "mps"; by default the best that is there.

    Raises:
        UserError: nothing there, or a file that is cut short or of another kind (a pickle is refused, never loaded).
    """
    return Model(load_bundle(path, device), Path(path))


class Model:
    """A trained generator with all it takes to use it. Sampling never draws from a global state.

    Attributes:
        folder: where it was loaded from: a run directory, or a model file.
        recipe: what it was trained with.
        spec: what one sample is.
        samples: how many real samples it was trained on, all passes together.
        labels: the names of its classes; empty for an unconditional model.
        privacy: what is promised of its training samples (ε, δ and how they were reached); empty without a promise.
    """

    def __init__(self, bundle: Bundle, folder: Path):
        self.bundle = bundle
        self.folder = folder
        self.recipe: Recipe = bundle.recipe
        self.spec: Spec = bundle.spec
        self.samples: int = bundle.samples
        self.privacy = bundle.privacy
        self.labels: tuple[str, ...] = label_names(bundle.spec)

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

    @overload
    def sample(
        self,
        n: int = 64,
        seed: int = 0,
        label: Label | None = None,
        truncation: float = 1.0,
        batch: int | None = None,
        *,
        where: Where,
    ) -> pd.DataFrame: ...
    @overload
    def sample(
        self,
        n: int = 64,
        seed: int = 0,
        label: Label | None = None,
        truncation: float = 1.0,
        batch: int | None = None,
    ) -> Samples: ...
    def sample(
        self,
        n: int = 64,
        seed: int = 0,
        label: Label | None = None,
        truncation: float = 1.0,
        batch: int | None = None,
        where: Where = (),
    ) -> Samples:
        """New samples.

        Sample k of a seed is always the same one, whatever `n` and `batch` are (up to the rounding of the arithmetic:
        batches of another size may be computed in another order, which can move a pixel by one level of 255).

        Args:
            n: how many.
            seed: which samples.
            label: the class, by name or position (an int, also numpy's or torch's); a sequence of `n` gives one a
                sample. By default a conditional model goes through its labels in turn: 0, 1, 2, ...
            truncation: in (0, 1]; below 1 the samples are more typical and less varied.
            batch: how many are computed at a time; by default 64, and 4,096 rows or points.
            where: of tables, what rows are asked for: "education=Bachelors", ["sex=Female", "age between 30 and 40"]
                or {"education": ["Bachelors", "Masters"], "city": None} (None: missing), all at once. Every row that is
                returned meets it. Where the model makes such rows too seldom, there are fewer than `n`, and a warning
                says how many.

        Returns:
            For images uint8 [n, H, W, C] with C 1, 3 or 4; for a table a DataFrame; for other signals what their
            `decode` says.

        Raises:
            UserError: a number out of range, an unknown label, a label for a model without any, or a `where` that names
                what is not in the table or that no row meets.
        """
        signal = self.recipe.signal
        if where := as_texts(where):
            return signal.returned(self.found(n, where, seed, label, truncation, batch).samples, self.spec)
        parts = [part for part, _ in self.batches(n, seed, label, truncation, batch)]
        return signal.returned(signal.join(parts, self.spec), self.spec)

    def found(
        self,
        n: int,
        where: Where,
        seed: int = 0,
        label: Label | None = None,
        truncation: float = 1.0,
        batch: int | None = None,
    ) -> Found:
        """What `sample` returns for a `where`, with how many rows it took."""
        n, seed, batch = _integers(n=n, seed=seed, batch=self.rows_at_a_time(batch))
        _check_numbers(n, truncation, batch)
        if label is not None:
            raise UserError("both a label and a where are given: use one of the two", code="where.label_given_too")
        wish = self.recipe.signal.where(as_texts(where), self.spec)
        request = Request(n=batch, seed=seed, truncation=truncation)
        return fulfil(self.bundle.generate, self.recipe.signal, self.spec, wish, n, request)

    def rows_at_a_time(self, batch: int | None) -> int:
        """How many samples are computed at a time by default."""
        return batch if batch is not None else self.recipe.signal.batch_size(self.spec)

    def batches(
        self, n: int, seed: int = 0, label: Label | None = None, truncation: float = 1.0, batch: int | None = None
    ) -> Iterator[tuple[Any, np.ndarray | None]]:
        """What `sample` returns, in parts of at most `batch`, each with its labels (int64, or None without labels).

        Arguments are checked at the call, before the first part is asked for.
        """
        self._check_can_sample()
        n, seed, batch = _integers(n=n, seed=seed, batch=self.rows_at_a_time(batch))
        _check_numbers(n, truncation, batch)
        labels = self.label_ids(label, n)
        return self._parts(n, seed, labels, truncation, batch)

    def _parts(self, n: int, seed: int, labels: torch.Tensor | None, truncation: float, batch: int):
        for start in range(0, n, batch):
            size = min(batch, n - start)
            part = None if labels is None else labels[start : start + size]
            request = Request(n=size, seed=seed, start=start, labels=part, truncation=truncation)
            yield self.bundle.generate(request), None if part is None else part.numpy()

    def _check_can_sample(self) -> None:
        if not self.recipe.task.can_sample:
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) translates given images and generates no new ones. "
                f"Use it with: {command('translate', self.folder)} IMAGE --out FILE",
                code="model.not_a_generator",
            )

    @overload
    def translate(
        self, image: Path | str, mask: Image | None = None, direction: str | None = None, tile: int | None = None
    ) -> np.ndarray: ...
    @overload
    def translate(
        self, image: list[T], mask: Image | None = None, direction: str | None = None, tile: int | None = None
    ) -> list[T]: ...
    @overload
    def translate(
        self, image: T, mask: Image | None = None, direction: str | None = None, tile: int | None = None
    ) -> T: ...
    def translate(
        self,
        image: Image | Sequence[Image],
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
    ) -> Any:
        """What a translator makes of images, of any size.

            fixed = gf.load("runs/0010-inpaint").translate(image, mask=mask)

        Args:
            image: a file; a Pillow image; an array or a tensor [H, W], [H, W, C] or [C, H, W] with C 1 (gray),
                2 (gray, alpha), 3 or 4, of uint8, uint16 or floats in [0, 1] or [-1, 1]; several of these in one array
                [N, ...] of images of one size; or a list.
            mask: white where images are to be filled, as large as each; for models that fill holes.
            direction: "ab" or "ba", of a model that knows both; by default the first.
            tile: side in px of what the net sees at a time; by default what gives about a million px.

        Returns:
            What came in: of a file uint8 [H, W, C], uint16 for images of 16 bits; of a Pillow image one of Pillow's;
            of an array or a tensor one of that layout and range. Alpha is kept. For a list, a list.

        Raises:
            UserError: the model is no translator, knows no such direction, or was trained on images of another kind.
        """
        use = self.translator(direction, tile)
        if isinstance(image, (list, tuple)):
            return [use.translated(one, mask) for one in image]
        return use.translated(image, mask)

    def translator(self, direction: str | None = None, tile: int | None = None) -> UserTranslator:
        """This model as what `translate` uses; raises as it does."""
        return self.recipe.task.user_translator(self.bundle, str(self.folder), direction, tile)

    def latents(self, seeds: Sequence[int], truncation: float = 1.0) -> torch.Tensor:
        """The latent of the first sample of each seed, float32 [len(seeds), L] on the CPU."""
        self._check_can_sample()
        rows = [self.recipe.task.latents(Request(n=1, seed=seed, truncation=truncation)) for seed in seeds]
        return torch.cat(rows).cpu()

    def walk(
        self,
        seeds: Sequence[int] = (1, 2),
        frames: int = 60,
        mode: str = "slerp",
        loop: bool = False,
        label: int | str | None = None,
        truncation: float = 1.0,
        batch: int = 64,
    ) -> Any:
        """Samples along a path through latent space, from the first sample of one seed to that of the next.

        Args:
            seeds: at least two, in the order of the visit.
            frames: how many samples, both ends among them; at least one a seed.
            mode: "slerp" along arcs, which keeps to where the generator was trained, or "linear".
            loop: lead back to the first seed; the last frame is then the one before the first.
            label: the class of every frame; by default the first one of a conditional model.
            truncation: in (0, 1], as in `sample`.
            batch: how many are computed at a time.

        Returns:
            As `sample`: for images uint8 [frames, H, W, C].

        Raises:
            UserError: as `sample`, or fewer than two seeds, too few frames, an unknown mode.
        """
        _check_numbers(frames, truncation, batch)
        latents = path(self.latents(seeds, truncation), frames, mode, loop)
        labels = self.label_ids(self.labels[0] if label is None and self.labels else label, frames)
        parts = []
        for start in range(0, frames, batch):
            rows = latents[start : start + batch]
            part = None if labels is None else labels[start : start + batch]
            parts.append(self.bundle.generate(Request(n=len(rows), latents=rows, labels=part, truncation=truncation)))
        return self.recipe.signal.join(parts, self.spec)

    interpolate = walk

    def frame(self, sample: np.ndarray) -> np.ndarray:
        """One sample as an image to look at, uint8 [H, W, 3], whatever its signal is."""
        return self.recipe.signal.frame(sample, self.spec)

    def frames(self, samples: Any) -> list[np.ndarray]:
        """Samples, as `sample` and `walk` return them, as images to look at, each uint8 [H, W, 3]."""
        return self.recipe.signal.frames(samples, self.spec)

    def label_ids(self, label: Any, n: int) -> torch.Tensor | None:
        """The labels of samples 0..n as int64 [n], or None for an unconditional model.

        Raises:
            UserError: an unknown label, a label for a model without any, or a sequence that is not of length `n`.
        """
        return label_ids(label, n, self.labels, self.recipe.name)


def as_texts(where: Where) -> list[str]:
    """A `where` in any of its forms as a list of texts."""
    if isinstance(where, str):
        return [where]
    if isinstance(where, Mapping):
        return [_as_text(name, value) for name, value in where.items()]
    return list(where)


def _as_text(name: str, value: Any) -> str:
    """A condition on a column: one value, a list or a set of them, or None for missing."""
    if value is None:
        return f"{name} is missing"
    if isinstance(value, (list, tuple, set, frozenset)):
        line = io.StringIO()
        csv.writer(line).writerow(["(missing)" if one is None else one for one in value])
        return f"{name} in {line.getvalue().removesuffix(chr(13) + chr(10))}"
    return f"{name}={value}"


def _integers(**numbers: Any) -> list[int]:
    """Whole numbers of any library as Python's, of which draws are a function."""
    found = []
    for name, value in numbers.items():
        try:
            found.append(operator.index(value))
        except TypeError:
            raise UserError(f"{name}={value!r}: expected a whole number", code="sample.not_an_integer") from None
    return found


def _check_numbers(n: int, truncation: float, batch: int) -> None:
    if n < 1:
        raise UserError(f"got {n} as the number of samples: it must be at least 1", code="sample.number_out_of_range")
    if batch < 1:
        raise UserError(f"batch {batch}: it must be at least 1", code="sample.batch_out_of_range")
    if not 0 < truncation <= 1:
        raise UserError(
            f"truncation {truncation:g} is out of range: it must be greater than 0 and at most 1 (1 changes nothing)",
            code="sample.truncation_out_of_range",
        )
