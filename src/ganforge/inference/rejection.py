"""Discriminator rejection sampling: of the samples of a generator, those that its critic takes for real ones.

Azadi et al. 2019, "Discriminator rejection sampling". With d(x) = log(p(x) / q(x)) from the critic, p the density of
real and q that of generated samples, and M the largest d of some samples, a sample is accepted with probability

    sigmoid(F(x)),   F(x) = Δ − log(1 − exp(Δ − ε)) − γ,   Δ = d(x) − M

With γ = 0 and an exact d, accepted samples are distributed as real ones, but few are accepted; γ is a percentile of F,
80 in the paper. A constant in d cancels out, so that it need only be known up to one.

Departures: M and γ are those of `CALIBRATION` samples of a seed of their own and stay, where the paper raises M with
larger values and takes γ of each batch, so that sample k of a seed is always the same, in batches of any size; larger
d count as M. The critic is that of the newest checkpoint, in evaluation mode, on samples of the averaged generator.

With labels, p and q are the densities within a class, so that each class has a sequence of accepted samples, an M and a
γ of its own, and classes come as often as they are asked for. The k-th sample of a class in what is asked for is the
k-th of its sequence.
"""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from ganforge.artifacts.bundle import Bundle
from ganforge.core.errors import TrainingError, UserError
from ganforge.core.rng import Rng
from ganforge.core.types import Request, wide
from ganforge.recipes.sampling import labeled

CALIBRATION = 5_000
FEWEST = 500
"""Samples for M and γ of a class, at least; `CALIBRATION` are divided among the classes."""
SEED = 2**41  # of the samples for M and γ: far from the seeds that users choose
EPSILON = 1e-8
MOST = 99.0
"""The largest percentile: at least one sample in 200 is accepted then."""

Ratio = Callable[[Tensor, Tensor | None], Tensor]
"""From encoded samples [N, ...] and their labels [N], or None, to log(p / q) [N], up to a constant of each class."""


@dataclass
class Accepted:
    """The accepted samples of a seed.

    Attributes:
        numbers: of the accepted samples among all of the seed, ascending, as far as these were looked at.
        starts: for each block of samples that was looked at, how many had been accepted before.
        recent: encoded accepted samples of the last blocks, by block.
    """

    numbers: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    recent: dict[int, Tensor] = field(default_factory=dict)


class Rejection:
    """Makes samples of a model with its critic.

    Attributes:
        percentile: γ, in [0, MOST].
        tried, accepted: samples that were looked at, and those of them that were accepted, without calibration.
    """

    def __init__(self, bundle: Bundle, ratio: Ratio, percentile: float):
        self.bundle, self.ratio, self.percentile = bundle, ratio, percentile
        self.block = bundle.recipe.signal.batch_size(bundle.spec)
        self.tried = self.accepted = 0
        self._sequences: dict[tuple[Any, ...], Accepted] = {}
        self._levels: dict[tuple[Any, ...], tuple[float, float]] = {}

    @property
    def acceptance(self) -> float:
        """Share of samples that were accepted, in [0, 1]; 0 before the first."""
        return self.accepted / self.tried if self.tried else 0.0

    def generate_each(self, requests: Iterable[Request], labels: Tensor | None = None) -> Iterator[Any]:
        """The decoded samples of each request, in their order: rows of the sequences of accepted samples.

        Args:
            requests: of samples that are asked for together, one after the other.
            labels: int64 [n] of all samples that are asked for together, where the first request has labels and is not
                of the first ones.

        Raises:
            UserError: a request gives latents or a length, so that there is nothing to choose from.
        """
        had: Counter[int] | None = None
        for request in requests:
            asked = labeled(request, self.bundle.spec)
            if had is None:
                had = self._before(request, labels)
            yield self.bundle.recipe.signal.decode(self._rows(asked, had), self.bundle.spec)

    def _before(self, request: Request, labels: Tensor | None) -> Counter[int]:
        """How many samples of each class come before those of a request."""
        if not self.bundle.spec.classes or not request.start:
            return Counter()
        if labels is None:
            assert request.labels is None, "labels of samples that come before are not known"
            labels = torch.arange(request.start) % self.bundle.spec.classes
        return Counter(labels[: request.start].tolist())

    def _rows(self, request: Request, had: Counter[int]) -> Tensor:
        if request.labels is None:
            return self._of_one_class(request)
        rows: Tensor | None = None
        for label in request.labels.unique().tolist():
            places = (request.labels == label).nonzero()[:, 0]
            of_class = replace(request, n=len(places), start=had[label], labels=request.labels[places])
            found = self._of_one_class(of_class)
            rows = found.new_empty((request.n, *found.shape[1:])) if rows is None else rows
            rows[places.to(rows.device)] = found
            had[label] += len(places)
        assert rows is not None, "a request is of at least one sample"
        return rows

    @torch.inference_mode()
    def _of_one_class(self, request: Request) -> Tensor:
        """Accepted samples, all of the same label or without one."""
        moved = request.shift
        given = (request.latents, request.styles, *request.extra.values(),
                 moved if moved is not None and len(moved) > 1 else None)  # fmt: skip
        if any(one is not None for one in given):
            raise UserError(
                "rejection needs samples of the latents that are drawn: leave saved latents and lengths out",
                code="sample.rejection_of_given",
            )
        label = None if request.labels is None else int(request.labels[0])
        setting = (
            label,
            request.truncation,
            request.temperature,
            None if moved is None else moved.cpu().numpy().tobytes(),
        )
        found = self._sequences.setdefault((request.seed, *setting), Accepted())
        if setting not in self._levels:
            self._levels[setting] = self._calibrated(request)
        stop = request.start + request.n
        while len(found.numbers) < stop:
            self._look(found, request, self._levels[setting])
        first = bisect.bisect_right(found.starts, request.start) - 1
        last = bisect.bisect_left(found.starts, stop) - 1
        for block in [block for block in found.recent if block < first]:
            del found.recent[block]
        parts = []
        for block in range(first, last + 1):
            here = found.recent.get(block)
            if here is None:  # of an earlier request
                rows = found.numbers[found.starts[block] : self._end(found, block)]
                numbers = torch.tensor(rows, dtype=torch.int64, device=self.bundle.device) - block * self.block
                here = self._made(request, request.seed, block)[0][numbers]
            low, high = request.start - found.starts[block], stop - found.starts[block]
            parts.append(here[max(0, low) : high])
        return torch.cat(parts)

    def _end(self, found: Accepted, block: int) -> int:
        return found.starts[block + 1] if block + 1 < len(found.starts) else len(found.numbers)

    def _made(self, request: Request, seed: int, block: int) -> tuple[Tensor, Tensor | None]:
        """A block of samples, encoded, before any is rejected, and their labels."""
        labels = None if request.labels is None else request.labels[:1].expand(self.block)
        asked = replace(request, n=self.block, seed=seed, start=block * self.block, labels=labels)
        return self.bundle.encoded(asked), labels

    def _ratios(self, x: Tensor, labels: Tensor | None) -> Tensor:
        found = wide(self.ratio(x, labels)).double()
        if not bool(torch.isfinite(found).all()):
            raise TrainingError(
                f"{self.bundle.path}: the critic of this model scores some samples with no finite number, so that none "
                "can be rejected by it"
            )
        return found

    def _look(self, found: Accepted, request: Request, levels: tuple[float, float]) -> None:
        """Draws which of the next block of samples are accepted."""
        block = len(found.starts)
        x, labels = self._made(request, request.seed, block)
        draws = Rng(request.seed, block, "rejection", dtype=torch.float64).uniform("u", (self.block,))
        highest, gamma = levels
        accepted = draws.to(x.device) < (scores(self._ratios(x, labels), highest) - gamma).sigmoid()
        found.starts.append(len(found.numbers))
        numbers = accepted.nonzero()[:, 0]
        found.numbers += (numbers + block * self.block).tolist()
        found.recent[block] = x[numbers]
        self.tried += self.block
        self.accepted += len(numbers)

    def _calibrated(self, request: Request) -> tuple[float, float]:
        """M and γ, of the samples of a class where there is a label."""
        n = CALIBRATION
        if request.labels is not None:
            n = max(FEWEST, n // self.bundle.spec.classes)
        blocks = -(-n // self.block)
        ratios = torch.cat([self._ratios(*self._made(request, SEED, k)) for k in range(blocks)])
        highest = float(ratios.max())
        return highest, float(torch.quantile(scores(ratios, highest), self.percentile / 100))


def scores(ratios: Tensor, highest: float) -> Tensor:
    """F [N], without γ, of log ratios [N]; `highest` is M."""
    below = (ratios - highest).clamp(max=0)
    return below - torch.log(-torch.expm1(below - EPSILON))
