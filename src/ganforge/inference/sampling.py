"""New samples from a trained model: how many, of which seed, of what."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, overload

import numpy as np
import torch

from ganforge.core.condition_kinds import Category
from ganforge.core.errors import UserError
from ganforge.core.text_condition import Text
from ganforge.core.types import Request
from ganforge.inference import conditions, sentences
from ganforge.inference.choices import Choice
from ganforge.inference.codes import Codes, load_codes
from ganforge.inference.directions import read_moves
from ganforge.inference.labels import Label, label_id
from ganforge.inference.loaded import Loaded
from ganforge.inference.where import Found, Where, as_texts, fulfil
from ganforge.nets.layers.labels import guided

if TYPE_CHECKING:
    import pandas as pd

Samples = Any
"""What a signal's `decode` makes: of images, sounds, series and points an array, of tables a DataFrame."""


class Sampling(Loaded):
    """The part of `Model` that generates new samples."""

    def lasting(self, frames: int | None = None, fps: float | None = None) -> Self:
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
        other = self._copy()
        other.bundle, other.spec, other.extra = replace(self.bundle, spec=spec), spec, dict(extra)
        return other

    def _extra(self, n: int) -> dict[str, torch.Tensor]:
        """What goes into a request for n samples besides latents and labels."""
        return {name: value.expand(n, *value.shape) for name, value in self.extra.items()}

    def _copy(self) -> Self:
        """The same model, of which one setting is to be changed."""
        other = type(self)(self.bundle, self.folder)
        other.extra, other.temperature, other.guidance = self.extra, self.temperature, self.guidance
        other.codes, other.moves = self.codes, self.moves
        return other

    def at(self, latents: Codes | Path | str) -> Self:
        """This model with saved latents, in turn, in place of seeded ones; `ganforge project` saves some.

            image = gf.load("runs/0003-dcgan").at("latent.json").sample(1)

        Raises:
            UserError: it is no such file, or its latents are those of another model.
        """
        self._check_can_sample()
        other = self._copy()
        other.codes = latents if isinstance(latents, Codes) else load_codes(latents, self.bundle)
        return other

    def moved(self, direction: str | Sequence[str]) -> Self:
        """This model with all its samples moved along directions that `ganforge explore directions` has written.

            images = gf.load("runs/0003-dcgan").moved("directions.json:2=2.5").sample(16)

        Args:
            direction: FILE:NAME=AMOUNT, in standard deviations; or several, which are added.

        Raises:
            UserError: no such file or direction, or one of another model; or a way, which only `walk` takes.
        """
        self._check_can_sample()
        other = self._copy()
        other.moves = read_moves(direction, self.bundle)
        if other.moves is not None and not other.moves.still:
            raise UserError(
                f"direction {other.moves.text!r}: samples are moved by one amount, as in directions.json:2=2.5; a way "
                "from one to another is for walk",
                code="direction.is_a_way",
            )
        return other

    def _placed(self, request: Request) -> Request:
        """The request with the latents of `at`, moved as `moved` says."""
        placed = request if self.codes is None else self.codes.placed(request)
        return placed if self.moves is None else replace(placed, shift=self.moves.start)

    def tempered(self, temperature: float) -> Self:
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
        other = self._copy()
        other.temperature = float(temperature)
        return other

    def guided(self, weight: float) -> Self:
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
        other = self._copy()
        other.guidance = float(weight)
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
        n, seed, batch = integers(n=n, seed=seed, batch=self.rows_at_a_time(batch))
        check_numbers(n, truncation, batch)
        if label is not None:
            raise UserError("both a label and a where are given: use one of the two", code="where.label_given_too")
        wanted = self.recipe.signal.where(as_texts(where), self.spec)
        request = Request(n=batch, seed=seed, truncation=truncation)

        def generate(request: Request) -> Any:
            return self.bundle.generate(self._placed(request))

        return fulfil(generate, self.recipe.signal, self.spec, wanted, n, request)

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
        return self._parts(*self._checked(n, seed, label, truncation, batch, where, text))

    def request(
        self,
        n: int,
        seed: int = 0,
        label: Label | None = None,
        truncation: float = 1.0,
        where: Where = (),
        text: str | Sequence[str] = (),
    ) -> Request:
        """What the nets are given for all `n` samples of `sample`, to be drawn together with other requests
        (`inference.together`); raises the same errors."""
        n, seed, labels, truncation, _ = self._checked(n, seed, label, truncation, n, where, text)
        return self._request(0, n, seed, labels, truncation)

    def _checked(
        self, n: int, seed: int, label: Any, truncation: float, batch: int | None, where: Where, text: Any
    ) -> tuple[int, int, torch.Tensor | None, float, int]:
        """The checked numbers n, seed, truncation and batch, and the labels or vectors of conditions of all samples."""
        self._check_can_sample()
        n, seed, batch = integers(n=n, seed=seed, batch=self.rows_at_a_time(batch))
        check_numbers(n, truncation, batch)
        if label is not None and self.spec.conditions:
            label, where = None, [*as_texts(where), *self._as_condition(label)]
        asked = self.asked(where, text)
        labels = self.label_ids(label, n)
        if self.spec.conditions:
            labels = conditions.vectors(asked, self.spec.conditions, seed, 0, n)
        if self.codes is not None and self.codes.labels is not None and label is None and not asked:
            labels = self.codes.labels[torch.arange(n) % len(self.codes)]
        return n, seed, labels, truncation, batch

    def _as_condition(self, label: Any) -> list[str]:
        """A label as what is asked of the only category of a model with conditions."""
        categories = [one for one in self.spec.conditions.each if isinstance(one, Category)]
        if len(categories) != 1 or not isinstance(label, (str, int)):
            return []
        one = categories[0]
        return [f"{one.name}={one.values[label_id(label, one.values)]}"]

    def _parts(self, n: int, seed: int, labels: torch.Tensor | None, truncation: float, batch: int):
        requests = [
            self._request(start, min(batch, n - start), seed, labels, truncation) for start in range(0, n, batch)
        ]
        for request, made in zip(requests, self.bundle.generate_each(requests), strict=True):
            yield made, None if labels is None else labels[request.start : request.start + request.n].numpy()

    def _request(self, start: int, n: int, seed: int, labels: torch.Tensor | None, truncation: float) -> Request:
        """The request for samples start..start+n, of all of which the labels are given."""
        request = Request(
            n=n,
            seed=seed,
            start=start,
            labels=self._weighed(None if labels is None else labels[start : start + n]),
            truncation=truncation,
            temperature=self.temperature,
            extra=self._extra(n),
        )
        return self._placed(request)


def integers(**numbers: Any) -> list[int]:
    """Whole numbers of any library as Python's, of which draws are a function."""
    found = []
    for name, value in numbers.items():
        try:
            found.append(operator.index(value))
        except TypeError:
            raise UserError(f"{name}={value!r}: expected a whole number", code="sample.not_an_integer") from None
    return found


def check_numbers(n: int, truncation: float, batch: int) -> None:
    if n < 1:
        raise UserError(f"got {n} as the number of samples: it must be at least 1", code="sample.number_out_of_range")
    if batch < 1:
        raise UserError(f"batch {batch}: it must be at least 1", code="sample.batch_out_of_range")
    if not 0 < truncation <= 1:
        raise UserError(
            f"truncation {truncation:g} is out of range: it must be greater than 0 and at most 1 (1 changes nothing)",
            code="sample.truncation_out_of_range",
        )
