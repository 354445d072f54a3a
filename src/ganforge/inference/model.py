"""Using a trained model.

model = load("runs/0003-dcgan")
images = model.sample(64, seed=0, label=3)
"""

from __future__ import annotations

import csv
import io
import operator
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
import torch
from torch import nn

from ganforge.artifacts.bundle import Bundle
from ganforge.artifacts.bundle import load as load_bundle
from ganforge.core import html
from ganforge.core.commands import command
from ganforge.core.condition_kinds import Category
from ganforge.core.errors import UserError
from ganforge.core.events import read_events
from ganforge.core.extras import need
from ganforge.core.text_condition import Text
from ganforge.core.types import Request, Spec
from ganforge.inference import conditions, sentences
from ganforge.inference.choices import Choice
from ganforge.inference.interpolate import path
from ganforge.inference.labels import Label, label_id, label_ids, label_names
from ganforge.inference.where import Found, fulfil
from ganforge.nets.layers.labels import guided
from ganforge.recipes.base import Recipe
from ganforge.tasks.base import ChangesAttributes, UserTranslator

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")

Image = Any
"""An image in memory (a Pillow image, an array, a tensor), or the path of an image file."""

Samples = Any
"""What a signal's `decode` makes: of images, sounds, series and points an array, of tables a DataFrame."""

Where = str | Sequence[str] | Mapping[str, Any]
"""A condition on the rows of a table: `"age>40"`, a list of these, or values by column."""


def load(path: Path | str, device: str | None = None) -> Model:
    """Loads the model of a run directory or of a `model.safetensors` file.

    Args:
        path: a run directory such as `runs/0003-dcgan`, or the model file in it.
        device: "cpu", "cuda", "cuda:1", "mps"; by default the best available.

    Raises:
        UserError: it does not exist, is truncated, or is of another kind (pickles are never loaded).
    """
    return Model(load_bundle(path, device), Path(path))


class Model:
    """A trained generator, ready to use. Sampling does not use global random state.

    Attributes:
        folder: the run directory or model file that it was loaded from.
        recipe: the recipe that it was trained with.
        spec: shape, labels and decoding of a sample.
        samples: number of real samples seen during training, over all passes.
        labels: the names of its classes; empty for an unconditional model.
        privacy: the privacy guarantee for its training samples (ε, δ and the method); empty without one.
    """

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

    def lasting(self, frames: int | None = None, fps: float | None = None) -> Model:
        """This model of films with samples of another length and frame rate; sample k of a seed stays the same film.

            clips = gf.load("runs/0007-r3gan-video-small").lasting(frames=64, fps=12).sample(8)

        Args:
            frames: of a sample; by default as many as trained.
            fps: frames a second; by default as trained.

        Raises:
            UserError: the samples have no frames, the net makes a fixed number, or a number is out of range.
        """
        self._check_can_sample()
        spec, extra = self.recipe.signal.lasting(self.spec, frames, fps)
        if not self.recipe.task.takes_times:
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) makes samples of a fixed length and rate",
                code="model.fixed_length",
            )
        other = Model(replace(self.bundle, spec=spec), self.folder)
        other.extra, other.temperature, other.guidance = dict(extra), self.temperature, self.guidance
        return other

    def tempered(self, temperature: float) -> Model:
        """This model with another temperature: below 1 samples are likelier and less varied, above 1 the other way.

            texts = gf.load("runs/0009-text-latent-small").tempered(0.9).sample(20)

        Raises:
            UserError: it draws nothing that has a temperature, or the number is not above 0.
        """
        self._check_can_sample()
        if not self.recipe.task.takes_temperature:
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) draws no tokens, so it has no temperature. For more "
                "typical samples: truncation",
                code="model.no_temperature",
            )
        if not 0 < temperature < float("inf"):
            raise UserError(f"temperature={temperature:g}: it must be above 0", code="sample.temperature_out_of_range")
        other = Model(self.bundle, self.folder)
        other.extra, other.temperature, other.guidance = self.extra, float(temperature), self.guidance
        return other

    def guided(self, weight: float) -> Model:
        """This model with another weight of its conditions: above 1 samples follow them more strictly and vary less.

            images = gf.load("runs/0007-conditions-small").guided(2.0).sample(20, where="color=red")

        Instead of the vector c of what is asked, the nets get u + weight · (c − u), u the vector of unknown conditions;
        they embed it linearly. The model must have been trained with `drop_conditions`.

        Raises:
            UserError: it has no conditions, or was trained without hiding them, or the number is negative.
        """
        self._check_can_sample()
        if not self.spec.conditions or self.recipe.drop_conditions == 0:
            why = "has no conditions" if not self.spec.conditions else "was trained with all conditions known"
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) {why}, so that there is nothing to weigh them "
                "against. Train a conditional recipe with drop_conditions=0.1",
                code="model.no_guidance",
            )
        if any(isinstance(one, Text) for one in self.spec.conditions.each):
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) reads sentences, whose tokens cannot be weighed",
                code="model.no_guidance",
            )
        if not 0 <= weight < float("inf"):
            raise UserError(f"guidance={weight:g}: it must be at least 0", code="sample.guidance_out_of_range")
        other = Model(self.bundle, self.folder)
        other.extra, other.temperature, other.guidance = self.extra, self.temperature, float(weight)
        return other

    def _weighed(self, labels: torch.Tensor | None) -> torch.Tensor | None:
        """Vectors of conditions with the weight of `guided`."""
        if labels is None or self.guidance == 1:
            return labels
        return guided(labels, self.guidance, self.spec.conditions.unknown())

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
        *,
        text: str | Sequence[str] = (),
    ) -> Samples: ...
    def sample(
        self,
        n: int = 64,
        seed: int = 0,
        label: Label | None = None,
        truncation: float = 1.0,
        batch: int | None = None,
        where: Where = (),
        text: str | Sequence[str] = (),
    ) -> Samples:
        """Generates new samples.

        Sample k of a seed is always the same, independent of `n` and `batch` (up to rounding: the batch size can affect
        the order of computation, which can change a pixel by one level of 255).

        Args:
            n: number of samples.
            seed: random seed.
            label: the class, by name or index (an int, also of numpy or torch); or a sequence of `n` of these. By
                default a conditional model cycles through its labels: 0, 1, 2, ...
            truncation: in (0, 1]; lower values give more typical, less varied samples.
            batch: number of samples computed at a time; by default 64, or 4,096 rows or points.
            where: for tables, conditions that all returned rows meet: "education=Bachelors", ["sex=Female",
                "age between 30 and 40"] (both) or {"education": ["Bachelors", "Masters"], "city": None} (None:
                missing). If the model generates such rows too rarely, fewer than `n` are returned, with a warning. For
                models with conditions, what samples are to be: "angle=30", ["color=red", "angle between 0 and 90"],
                {"color": ["red", "blue"]} (in turn). Conditions that are not named are drawn as in the data.
            text: for models that were trained with captions, what samples are to show: "a red heart", or several
                sentences, in turn.

        Returns:
            Images: uint8 [n, H, W, C] with C 1, 3 or 4; tables: a DataFrame; other signals: see their `decode`.

        Raises:
            UserError: a number is out of range, the label is unknown, the model has no labels, or `where` names an
                unknown column or value or is met by no row.
        """
        signal = self.recipe.signal
        if (where := as_texts(where)) and not self.by_request:
            return signal.returned(self.found(n, where, seed, label, truncation, batch).samples, self.spec)
        parts = [part for part, _ in self.batches(n, seed, label, truncation, batch, where, text)]
        return signal.returned(signal.join(parts, self.spec), self.spec)

    @property
    def by_request(self) -> bool:
        """Whether `where` is given to the nets, as of a model with conditions; else it selects samples."""
        return bool(self.spec.conditions)

    def found(
        self,
        n: int,
        where: Where,
        seed: int = 0,
        label: Label | None = None,
        truncation: float = 1.0,
        batch: int | None = None,
    ) -> Found:
        """The result of `sample` with `where`, including the number of generated rows."""
        n, seed, batch = _integers(n=n, seed=seed, batch=self.rows_at_a_time(batch))
        _check_numbers(n, truncation, batch)
        if label is not None:
            raise UserError("both a label and a where are given: use one of the two", code="where.label_given_too")
        wish = self.recipe.signal.where(as_texts(where), self.spec)
        request = Request(n=batch, seed=seed, truncation=truncation)
        return fulfil(self.bundle.generate, self.recipe.signal, self.spec, wish, n, request)

    def asked(self, where: Where, text: str | Sequence[str] = ()) -> dict[str, Choice]:
        """What `where` and `text` ask of each condition, by its name; raises the errors of `sample`."""
        found = conditions.read(as_texts(where), self.spec.conditions, self.recipe.name)
        in_words = sentences.asked([text] if isinstance(text, str) else text, self.spec.conditions, self.recipe.name)
        if both := set(found) & set(in_words):
            raise UserError(
                f"where and text both ask for {min(both)}: leave one of them out", code="where.contradiction"
            )
        return found | in_words

    def rows_at_a_time(self, batch: int | None) -> int:
        """The number of samples to compute at a time: `batch`, or the default."""
        return batch if batch is not None else self.recipe.signal.batch_size(self.spec)

    def batches(
        self,
        n: int,
        seed: int = 0,
        label: Label | None = None,
        truncation: float = 1.0,
        batch: int | None = None,
        where: Where = (),
        text: str | Sequence[str] = (),
    ) -> Iterator[tuple[Any, np.ndarray | None]]:
        """Like `sample`, in parts of at most `batch`, each with its labels (int64; vectors of conditions, float32 [n,
        K]; or None without either).

        Arguments are checked immediately, before the first part is requested.
        """
        self._check_can_sample()
        n, seed, batch = _integers(n=n, seed=seed, batch=self.rows_at_a_time(batch))
        _check_numbers(n, truncation, batch)
        if label is not None and self.spec.conditions:
            label, where = None, [*as_texts(where), *self._as_condition(label)]
        asked = self.asked(where, text)
        labels = self.label_ids(label, n)
        if self.spec.conditions:
            labels = conditions.vectors(asked, self.spec.conditions, seed, 0, n)
        return self._parts(n, seed, labels, truncation, batch)

    def _as_condition(self, label: Any) -> list[str]:
        """A label as what is asked of the only category of a model with conditions."""
        categories = [one for one in self.spec.conditions.each if isinstance(one, Category)]
        if len(categories) != 1 or not isinstance(label, (str, int)):
            return []
        one = categories[0]
        return [f"{one.name}={one.values[label_id(label, one.values)]}"]

    def _parts(self, n: int, seed: int, labels: torch.Tensor | None, truncation: float, batch: int):
        requests = [
            Request(
                n=min(batch, n - start),
                seed=seed,
                start=start,
                labels=self._weighed(None if labels is None else labels[start : start + batch]),
                truncation=truncation,
                temperature=self.temperature,
                extra={name: value.expand(min(batch, n - start), *value.shape) for name, value in self.extra.items()},
            )
            for start in range(0, n, batch)
        ]
        for request, made in zip(requests, self.bundle.generate_each(requests), strict=True):
            yield made, None if labels is None else labels[request.start : request.start + request.n].numpy()

    def _check_can_sample(self) -> None:
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

    @overload
    def translate(
        self,
        image: Path | str,
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> np.ndarray: ...
    @overload
    def translate(
        self,
        image: list[T],
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> list[T]: ...
    @overload
    def translate(
        self,
        image: T,
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> T: ...
    def translate(
        self,
        image: Image | Sequence[Image],
        mask: Image | None = None,
        direction: str | None = None,
        tile: int | None = None,
        where: Where = (),
    ) -> Any:
        """Translates images of any size.

            fixed = gf.load("runs/0010-inpaint").translate(image, mask=mask)

        Args:
            image: a file; a Pillow image; an array or a tensor [H, W], [H, W, C] or [C, H, W] with C 1 (gray),
                2 (gray, alpha), 3 or 4, of uint8, uint16 or floats in [0, 1] or [-1, 1]; several of these in one array
                [N, ...] of images of one size; or a list.
            mask: white where images are to be filled in, of the same size; for inpainting models.
            direction: "ab" or "ba", for models with both directions; by default the first.
            tile: side in px of the tiles into which large images are split; by default about a million px per tile.
            where: for models that change attributes, what images are to have: "color=blue", {"color": "blue"}.

        Returns:
            The type of the input: for a file uint8 [H, W, C] (uint16 for 16-bit images); for a Pillow image a Pillow
                image; for an array or tensor one of the same layout and range; for a list a list. Alpha is kept.

        Raises:
            UserError: the model is not a translator, has no such direction, or was trained on images of another kind.
        """
        use = self.translator(direction, tile, where)
        if isinstance(image, (list, tuple)):
            return [use.translated(one, mask) for one in image]
        return use.translated(image, mask)

    def translator(self, direction: str | None = None, tile: int | None = None, where: Where = ()) -> UserTranslator:
        """The translator that `translate` uses; raises the same errors."""
        found = self.recipe.task.user_translator(self.bundle, str(self.folder), direction, tile)
        if texts := as_texts(where):
            if not isinstance(found, ChangesAttributes):
                raise UserError(
                    f"where {texts[0]!r}: this model ({self.recipe.name}) was not trained to change attributes, as "
                    "stargan-small is. Leave it out",
                    code="translate.where_not_taken",
                )
            found.ask(texts)
        return found

    def latents(self, seeds: Sequence[int], truncation: float = 1.0) -> torch.Tensor:
        """The latents of the first sample of each seed, float32 [len(seeds), L] on the CPU."""
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
        where: Where = (),
        vary: str | None = None,
        text: str | Sequence[str] = (),
    ) -> Any:
        """Samples along a path through latent space, from the first sample of one seed to that of the next.

        Args:
            seeds: at least two seeds, in order.
            frames: number of samples, including both ends; at least one per seed.
            mode: "slerp" (arcs, which stay where the generator was trained) or "linear".
            loop: return to the first seed, so that the first frame follows the last.
            label: the class of all frames; by default the first class of a conditional model.
            truncation: in (0, 1], as in `sample`.
            batch: number of samples computed at a time.
            where: for models with conditions, what all frames are to be, as in `sample`.
            vary: a condition that moves, with its ends: "angle=0..360". The latent then stays that of the first seed.
            text: what all frames show, as in `sample`; or several sentences, from one to the next. The latent then
                stays that of the first seed.

        Returns:
            Like `sample`: for images uint8 [frames, H, W, C].

        Raises:
            UserError: as in `sample`, or there are fewer than two seeds or too few frames, the mode is unknown, or
                `vary` is not a condition and two values of it.
        """
        _check_numbers(frames, truncation, batch)
        stations, given = [text] if isinstance(text, str) else list(text), self.spec.conditions
        ends = [] if vary is None else sentences.ends(vary, given)
        if stations and (ends or (len(stations) > 1 and vary is not None)):
            raise UserError("vary and text are given: leave one of them out", code="where.contradiction")
        if ends:
            stations, vary = ends, None
        asked = self.asked(where, stations[:1])
        if vary is None and len(stations) < 2:
            latents = path(self.latents(seeds, truncation), frames, mode, loop)
        else:
            self.asked(() if given or vary is None else vary)  # refuses a model without conditions
            latents = self.latents(seeds[:1], truncation).expand(frames, -1)
        labels = self.label_ids(self.labels[0] if label is None and self.labels else label, frames)
        extra: dict[str, torch.Tensor] = {}
        if vary is not None:
            labels = conditions.varied(vary, asked, given, frames, int(seeds[0]))
        elif len(stations) > 1:
            each = [conditions.vectors(self.asked(where, one), given, int(seeds[0]), 0, 1) for one in stations]
            labels, extra = sentences.between(torch.cat(each), frames, loop)
        elif given:
            labels = conditions.vectors(asked, given, int(seeds[0]), 0, 1).expand(frames, -1)
        parts = []
        for start in range(0, frames, batch):
            rows = latents[start : start + batch]
            part = self._weighed(None if labels is None else labels[start : start + batch])
            more = {name: value[start : start + batch] for name, value in extra.items()}
            request = Request(n=len(rows), latents=rows, labels=part, truncation=truncation, extra=more)
            parts.append(self.bundle.generate(request))
        return self.recipe.signal.join(parts, self.spec)

    interpolate = walk

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
