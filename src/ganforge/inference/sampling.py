"""New samples from a trained model: how many, of which seed, of what."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import torch

from ganforge.core.condition_kinds import Category
from ganforge.core.errors import UserError
from ganforge.core.types import Request
from ganforge.inference import conditions, sentences
from ganforge.inference.adjusting import Adjusting
from ganforge.inference.choices import Choice
from ganforge.inference.labels import Label, label_id
from ganforge.inference.where import Found, Where, as_texts, fulfil

if TYPE_CHECKING:
    import pandas as pd

Samples = Any
"""What a signal's `decode` makes: of images, sounds, series and points an array, of tables a DataFrame."""


class Sampling(Adjusting):
    """The part of `Model` that generates new samples."""

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
        if self.rejection is not None:
            raise UserError(
                "both a where and rejection are given: use one of the two", code="sample.rejection_of_given"
            )
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
        self.check_can_sample()
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
        of_these = None if labels is None else labels[start : start + n]
        return self.adjusted(Request(n=n, seed=seed, start=start, labels=of_these, truncation=truncation))


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
