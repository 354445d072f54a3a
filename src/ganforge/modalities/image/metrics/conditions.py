"""Asked against made: whether generated images have the conditions that they were asked to have.

A small convolutional net learns to read the conditions from real training images; a tenth of them is held back to state
its own error, below which nothing can be measured. What it reads from a generated image is compared with what was
asked:

    category, ordinal   accuracy        labels   F1, averaged over the labels
    number, angle       mean absolute error, in the units of the condition; around the circle for angles

If the generator has not seen some real images (`heldout`), values are given for their conditions, too: for sprites,
combinations that the training data lacks.

x uint8 [N, C, S, S], v [N, K] vectors of conditions, o [N, known] outputs of the net.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.condition_kinds import HARMONICS, Angle, Condition, Labels, Number, Ordinal
from ganforge.core.conditions import Conditions
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.metrics.base import Comparison, Meaning, Metric, Result, short_count
from ganforge.modalities.image.extractors import fit
from ganforge.modalities.image.extractors.resize import resize
from ganforge.tasks.heads import losses_of, outputs_of

MOST = 20_000  # images that the net is trained on
LARGEST = 64  # px: side of its input
HELD_BACK = 0.1
FEWEST = 100
BATCH = 128
STEPS = 4_000
HIDDEN = 256
MOST_PASSES = 60
ANGLES = 1_440


class ReadingNet(nn.Module):
    """Images [N, C, S, S], 0 to 255 → outputs for all conditions [N, known]."""

    def __init__(self, channels: int, side: int, outputs: int):
        super().__init__()
        layers: list[nn.Module] = []
        width, before = 32, channels
        while side > 4:
            layers += [nn.Conv2d(before, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            before, width, side = width, min(2 * width, 128), side // 2
        hidden = [nn.Linear(before * side * side, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers, nn.Flatten(), *hidden, nn.Linear(HIDDEN, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x / 127.5 - 1)


@dataclass(frozen=True)
class Read:
    """A trained net, and its own values on real images that it was not trained on, by condition."""

    net: ReadingNet
    side: int
    own: dict[str, float]
    n_test: int


class ConditionsMet(Metric, kind="conditions"):
    """Whether generated images have the conditions that they were asked to have: accuracy, mean absolute error, F1."""

    needs: ClassVar[frozenset[str]] = frozenset({"conditions", "train"})
    signals: ClassVar[tuple[str, ...]] = ("image",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "asked_accuracy": Meaning("Share of fakes that have the value they were asked to have.", "higher", 1),
        "asked_error": Meaning("Mean absolute difference between the number asked and the number made.", "lower", 0),
        "asked_f_one": Meaning("F1 of the labels that fakes were asked to have, averaged over labels.", "higher", 1),
    }
    steps: int | None = Field(default=None, ge=1)
    """Number of training steps of the net that reads conditions, with batches of 128; by default 4000, fewer for very
    small sets."""

    def compute(self, comparison: Comparison) -> list[Result]:
        n = comparison.count("fake", self.n)
        conditions = comparison.conditions.besides_texts
        if not conditions:
            raise UserError(
                "metric 'conditions': the only conditions are sentences. Leave it out of the metrics, and use "
                "sentences",
                code="metric.requirement_missing",
            )
        read = comparison.once(("conditions", self.steps), lambda: self._trained(comparison))
        protocol = comparison.protocol(n) | {"net": "reading", "n_test": read.n_test}
        found = self._results(read, conditions, comparison, "fake", n, "", protocol)
        if comparison.unseen is not None:
            unseen = protocol | {"n_fake": comparison.unseen.n, "asked": "of held-out samples"}
            found += self._results(read, conditions, comparison, "unseen", comparison.unseen.n, ", unseen", unseen)
        return found

    def _results(
        self, read: Read, conditions: Conditions, comparison: Comparison, side: str, n: int, more: str,
        protocol: dict[str, Any],
    ) -> list[Result]:  # fmt: skip
        outputs = read_all(read.net, torch.cat([seen(part, read.side) for part in comparison.batches(side, n)]))
        asked = comparison.conditions.numbers_of(conditions, comparison.vectors(side, n))
        found = []
        for one, values in zip(conditions.each, values_of(outputs, conditions), strict=True):
            stem, value = score(one, one.decode(asked[:, conditions.slices[one.name]]), values)
            if math.isfinite(value):
                name = f"{stem}{short_count(n)}[{one.name}{more}]"
                found.append(Result(name, value, protocol | {"on_reals": round(read.own[one.name], 4)}))
        return found

    def _trained(self, comparison: Comparison) -> Read:
        side, conditions = comparison.train, comparison.conditions.besides_texts
        if side.vectors is None:
            side = comparison.real
        if side.n < FEWEST or side.vectors is None:
            raise UserError(
                f"metric 'conditions': {side.n} real images are too few to learn to read conditions from; at least "
                f"{FEWEST} are needed. Leave it out of the metrics",
                code="metric.too_few_samples",
            )
        rows = np.sort(comparison.draws("conditions").permutation(side.n)[:MOST])
        first = next(iter(side.parts(1, 1)))
        size = min(LARGEST, max(first.shape[1:3]))
        x = torch.cat([seen(part, size) for part in side.chosen(rows, 256)])
        v = torch.from_numpy(comparison.conditions.numbers_of(conditions, side.vectors[rows]))
        order = torch.from_numpy(comparison.draws("kept back").permutation(len(x)))
        kept = order[: max(1, round(HELD_BACK * len(x)))]
        learned = order[len(kept) :]
        steps = max(1, min(STEPS, MOST_PASSES * len(learned) // BATCH)) if self.steps is None else self.steps
        net = trained(x[learned], v[learned], conditions, comparison.seed, steps, comparison)
        values = values_of(read_all(net, x[kept]), conditions)
        truth = v[kept].numpy()
        own = {
            one.name: score(one, one.decode(truth[:, conditions.slices[one.name]]), found)[1]
            for one, found in zip(conditions.each, values, strict=True)
        }
        return Read(net, size, own, len(kept))


def trained(x: Tensor, v: Tensor, conditions: Conditions, seed: int, steps: int, comparison: Comparison) -> ReadingNet:
    """A net that reads conditions. In evaluation mode."""
    net = fit.seeded(lambda: ReadingNet(x.shape[1], x.shape[2], outputs_of(conditions)), seed, "conditions")

    def loss(step: int) -> Tensor:
        rows = Rng(seed, step, "conditions").integers("rows", (min(BATCH, len(x)),), len(x))
        return torch.stack(losses_of(net(x[rows].float()), v[rows], conditions)).sum(0).mean()

    return fit.descend(net, loss, steps, lambda done: comparison.progress("learning to read conditions", done, steps))


def seen(part: np.ndarray, side: int) -> Tensor:
    """Images [N, H, W, C] as the net sees them, uint8 [N, C, side, side]."""
    return resize(part, side, side, "pil-bicubic").round().clamp(0, 255).to(torch.uint8)


@torch.inference_mode()
def read_all(net: ReadingNet, x: Tensor) -> Tensor:
    return torch.cat([net(x[k : k + 512].float()) for k in range(0, len(x), 512)])


def values_of(outputs: Tensor, conditions: Conditions) -> list[list[Any]]:
    """The values that outputs [N, known] stand for, by condition."""
    found, start = [], 0
    for one in conditions.each:
        block = outputs[:, start : start + one.known]
        start += one.known
        if isinstance(one, (Labels, Ordinal)):
            bits = (block > 0).double().numpy()
            bits = bits / math.sqrt(one.known) if isinstance(one, Ordinal) else bits
            found.append([one.value(row) for row in bits])
        elif isinstance(one, (Number, Angle)):
            found.append([one.at(phase) for phase in phases(block, isinstance(one, Number)).tolist()])
        else:
            found.append([one.value(row) for row in block.double().numpy()])
    return found


def phases(outputs: Tensor, half: bool) -> Tensor:
    """The phase [N] whose cos kφ and sin kφ are most similar to outputs [N, 2H].

    Args:
        half: within (-π/2, π/2), as of numbers.
    """
    end = math.pi / 2 if half else math.pi
    grid = torch.linspace(-end, end, ANGLES + 1, dtype=outputs.dtype)
    turns = torch.arange(1, HARMONICS + 1, dtype=outputs.dtype)[:, None] * grid
    return grid[(outputs @ torch.cat([turns.cos(), turns.sin()])).argmax(1)].double()


def score(one: Condition, asked: list[Any], made: list[Any]) -> tuple[str, float]:
    """The stem of the name, and the value, of what was made of what was asked; samples whose value was not asked do not
    count. NaN if there are none."""
    pairs = [(a, m) for a, m in zip(asked, made, strict=True) if a is not None]
    if isinstance(one, Labels):
        return "asked_f_one", f_one([set(a) for a, _ in pairs], [set(m) for _, m in pairs], one.values)
    if isinstance(one, (Number, Angle)):
        a, m = (np.array(side, np.float64) for side in zip(*pairs, strict=True)) if pairs else (np.zeros(0),) * 2
        apart = one.apart(a, m) if isinstance(one, Angle) else np.abs(a - m)
        return "asked_error", float(apart.mean()) if pairs else math.nan
    return "asked_accuracy", sum(a == m for a, m in pairs) / len(pairs) if pairs else math.nan


def f_one(asked: list[set[str]], made: list[set[str]], labels: tuple[str, ...]) -> float:
    """F1 = 2 TP / (2 TP + FP + FN) of each label that occurs on either side, averaged."""
    found = []
    for label in labels:
        both = sum(label in a and label in m for a, m in zip(asked, made, strict=True))
        either = sum(label in a for a in asked) + sum(label in m for m in made)
        if either:
            found.append(2 * both / either)
    return float(np.mean(found)) if found else math.nan
