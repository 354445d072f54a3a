"""A trained model with other settings: longer samples, saved latents, directions, a temperature, a guidance.

Each method returns a new model; the nets are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import torch

from ganforge.core.errors import UserError
from ganforge.core.text_condition import Text
from ganforge.core.types import Request
from ganforge.inference.codes import Codes, load_codes
from ganforge.inference.critic import ratio_of
from ganforge.inference.directions import read_moves
from ganforge.inference.loaded import Loaded
from ganforge.inference.rejection import MOST, Rejection
from ganforge.nets.layers.labels import guided


class Adjusting(Loaded):
    """The part of `Model` that returns it with one setting changed."""

    def lasting(self, frames: int | None = None, fps: float | None = None) -> Self:
        """This model of films with samples of another length and frame rate; sample k of a seed stays the same film.

            clips = gf.load("runs/0007-r3gan-video-small").lasting(frames=64, fps=12).sample(8)

        Args:
            frames: of a sample; by default as many as trained.
            fps: frames a second; by default as trained.

        Raises:
            UserError: the samples have no frames, the net makes a fixed number, or a number is out of range.
        """
        self.check_can_sample()
        spec, extra = self.recipe.signal.lasting(self.spec, frames, fps)
        if not self.recipe.task.takes_times:
            raise UserError(
                f"{self.folder}: this model ({self.recipe.name}) makes samples of a fixed length and rate",
                code="model.fixed_length",
            )
        other = self._copy()
        other.bundle, other.spec, other.extra = replace(self.bundle, spec=spec), spec, dict(extra)
        return other

    def at(self, latents: Codes | Path | str) -> Self:
        """This model with saved latents, in turn, in place of seeded ones; `ganforge project` saves some.

            image = gf.load("runs/0003-dcgan").at("latent.json").sample(1)

        Raises:
            UserError: it is no such file, or its latents are those of another model.
        """
        self.check_can_sample()
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
        self.check_can_sample()
        other = self._copy()
        other.moves = read_moves(direction, self.bundle)
        if other.moves is not None and not other.moves.still:
            raise UserError(
                f"direction {other.moves.text!r}: samples are moved by one amount, as in directions.json:2=2.5; a way "
                "from one to another is for walk",
                code="direction.is_a_way",
            )
        return other

    def tempered(self, temperature: float) -> Self:
        """This model with another temperature: below 1 samples are likelier and less varied, above 1 the other way.

            texts = gf.load("runs/0009-text-latent-small").tempered(0.9).sample(20)

        Raises:
            UserError: it draws nothing that has a temperature, or the number is not above 0.
        """
        self.check_can_sample()
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
        self.check_can_sample()
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

    def rejecting(self, percentile: float = 80.0) -> Self:
        """This model with discriminator rejection sampling (Azadi et al. 2019): of the samples that are generated,
        those that the critic of the run takes for real ones; `model.rejection.acceptance` is their share.

            images = gf.load("runs/0003-dcgan").rejecting().sample(64)

        Sample k of a seed is always the same, but not sample k without rejection. With labels, samples are compared
        within their class, and each class comes as often as it is asked for.

        Args:
            percentile: in [0, 99]: about this percentage of the samples, those with the lowest scores, is accepted with
                a probability below one half.

        Raises:
            UserError: this is a model file without its run, the model has conditions or saved latents, or its
                critic does not give one logit for a single sample; or the percentile is out of range.
        """
        self.check_can_sample()
        if not 0 <= percentile <= MOST:
            raise UserError(
                f"reject={percentile:g}: it must be a percentile from 0 to {MOST:g}; 80 is usual",
                code="sample.rejection_out_of_range",
            )
        if self.codes is not None or self.extra:
            raise UserError(
                f"{self.folder}: rejection chooses among new samples of the length that was trained: leave saved "
                "latents, frames and fps out",
                code="sample.rejection_of_given",
            )
        other = self._copy()
        other.rejection = Rejection(self.bundle, ratio_of(self), float(percentile))
        other.bundle = replace(self.bundle, spread=other.rejection.generate_each)
        return other

    def with_settings(
        self,
        *,
        frames: int | None = None,
        fps: float | None = None,
        temperature: float | None = None,
        guidance: float | None = None,
        latents: Codes | Path | str | None = None,
        direction: str | Sequence[str] = (),
        reject: float | None = None,
    ) -> Self:
        """This model with those settings that are given, each as in `lasting`, `tempered`, `guided`, `at`, `moved` and
        `rejecting`.

        Raises:
            UserError: as these.
        """
        model = self
        if frames is not None or fps is not None:
            model = model.lasting(frames, fps)
        if temperature is not None:
            model = model.tempered(temperature)
        if guidance is not None:
            model = model.guided(guidance)
        if latents is not None:
            model = model.at(latents)
        if direction:
            model = model.moved(direction)
        return model if reject is None else model.rejecting(reject)

    def _copy(self) -> Self:
        """The same model, of which one setting is to be changed."""
        other = type(self)(self.bundle, self.folder)
        other.extra, other.temperature, other.guidance = self.extra, self.temperature, self.guidance
        other.codes, other.moves, other.rejection = self.codes, self.moves, self.rejection
        return other

    def _extra(self, n: int) -> dict[str, torch.Tensor]:
        """What goes into a request for n samples besides latents and labels."""
        return {name: value.expand(n, *value.shape) for name, value in self.extra.items()}

    def adjusted(self, request: Request) -> Request:
        """A request of samples with the settings of this model."""
        labels, extra = self._weighed(request.labels), self._extra(request.n)
        return self._placed(replace(request, labels=labels, temperature=self.temperature, extra=extra))

    def _placed(self, request: Request) -> Request:
        """The request with the latents of `at`, moved as `moved` says."""
        placed = request if self.codes is None else self.codes.placed(request)
        return placed if self.moves is None else replace(placed, shift=self.moves.start)

    def _weighed(self, labels: torch.Tensor | None) -> torch.Tensor | None:
        """Vectors of conditions with the weight of `guided`."""
        if labels is None or self.guidance == 1:
            return labels
        return guided(labels, self.guidance, self.spec.conditions.unknown())
