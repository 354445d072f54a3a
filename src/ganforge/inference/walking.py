"""Samples along a path through what a trained model is given: latents, a condition, sentences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from ganforge.core.errors import UserError
from ganforge.core.types import Request
from ganforge.inference import conditions, sentences
from ganforge.inference.codes import at_points
from ganforge.inference.directions import read_moves
from ganforge.inference.interpolate import path
from ganforge.inference.sampling import Sampling, check_numbers
from ganforge.inference.where import Where


class Walking(Sampling):
    """The part of `Model` that moves from sample to sample."""

    def latents(self, seeds: Sequence[int], truncation: float = 1.0) -> torch.Tensor:
        """The latents of the first sample of each seed, float32 [len(seeds), L] on the CPU."""
        self.check_can_sample()
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
        direction: str | Sequence[str] = (),
        progress: Callable[[int, int], None] | None = None,
    ) -> Any:
        """Samples along a path through latent space, from the first sample of one seed to that of the next.

        Of a model `at` saved latents the path leads through these instead.

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
            direction: a way along a direction that `ganforge explore directions` has written, in standard deviations:
                "directions.json:2=-3..3"; or several at once. The latent then is that of the first seed, moved.
            progress: called after each batch with the number of samples made, and of all.

        Returns:
            Like `sample`: for images uint8 [frames, H, W, C].

        Raises:
            UserError: as in `sample`, or there are fewer than two seeds or too few frames, the mode is unknown, or
                `vary` is not a condition and two values of it.
        """
        check_numbers(frames, truncation, batch)
        stations, given = [text] if isinstance(text, str) else list(text), self.spec.conditions
        ends = [] if vary is None else sentences.ends(vary, given)
        if stations and (ends or (len(stations) > 1 and vary is not None)):
            raise UserError("vary and text are given: leave one of them out", code="where.contradiction")
        if ends:
            stations, vary = ends, None
        asked = self.asked(where, stations[:1])
        moves = read_moves(direction, self.bundle)
        self.asked(() if given or vary is None else vary)  # refuses a model without conditions
        keys = self.latents(seeds, truncation) if self.codes is None else self.codes.values
        if vary is None and len(stations) < 2 and moves is None:
            flat = path(keys.flatten(1), frames, mode if keys.ndim == 2 else "linear", loop)
            points = flat.unflatten(1, keys.shape[1:])
        else:
            points = keys[:1].expand(frames, *keys.shape[1:])
        own = None if self.codes is None or label is not None else self.codes.labels
        first = label if label is not None or not self.labels else self.labels[0 if own is None else int(own[0])]
        labels = self.label_ids(first, frames)
        extra: dict[str, torch.Tensor] = {}
        if vary is not None:
            labels = conditions.varied(vary, asked, given, frames, int(seeds[0]))
        elif len(stations) > 1:
            each = [conditions.vectors(self.asked(where, one), given, int(seeds[0]), 0, 1) for one in stations]
            labels, extra = sentences.between(torch.cat(each), frames, loop)
        elif given and (asked or own is None):
            labels = conditions.vectors(asked, given, int(seeds[0]), 0, 1).expand(frames, -1)
        elif given and own is not None:
            labels = own[:1].expand(frames, -1)
        ways = [one.shifts(frames, loop) for one in (self.moves, moves) if one is not None]
        parts = []
        for start in range(0, frames, batch):
            rows = slice(start, start + batch)
            n = len(points[rows])
            request = Request(
                n=n,
                labels=self._weighed(None if labels is None else labels[rows]),
                truncation=truncation,
                temperature=self.temperature,
                extra=self._extra(n) | {name: value[rows] for name, value in extra.items()},
                shift=torch.stack([way[rows] for way in ways]).sum(0) if ways else None,
            )
            parts.append(self.bundle.generate(at_points(request, points[rows])))
            if progress is not None:
                progress(start + n, frames)
        return self.recipe.signal.join(parts, self.spec)

    interpolate = walk
