"""CcGAN: a condition that is a number, of which few samples have exactly the same value.

Ding, Wang, Xu, Welch & Wang 2021, "CcGAN: Continuous Conditional Generative Adversarial Networks for Image Generation";
the extended version: IEEE TPAMI 2022. D is asked about a value ỹ and sees real samples with values in its vicinity:

    ỹ = y_j + ε,  j: any sample of the data, ε ~ N(0, σ²)
    hard   real samples i with |y_i − ỹ| ≤ κ, all with weight 1                                         (HVDL)
    soft   real samples i with w(y_i, ỹ) = exp(−ν (y_i − ỹ)²) > 10⁻³, with that weight, ν = 1/κ²          (SVDL)
    D      minimizes  w · objective.d(D(x_i, ỹ), D(G(z, y_i), ỹ))
    G      minimizes  objective.g(D(G(z, ỹ), ỹ))

Rules of thumb of the paper, for values scaled to [0, 1]: σ = (4 σ_y⁵ / 3N)^(1/5) with the standard deviation σ_y of
the values; κ = m · the largest distance between neighboring distinct values.

Departures: a fake is made for the value of the real sample that it is compared with, so that both have one weight (in
the paper it is drawn from the vicinity); an angle has a vicinity around the circle; a value is embedded as in
`core.conditions`, not by a separate trained net (ILI). Other conditions are those of the real sample.

N samples, K numbers of all conditions, c [N, K] conditions of the real samples, c̃ [N, K] the same with ỹ.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from pydantic import Field

from ganforge.core.condition_kinds import Angle, Condition, Number
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Order
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import at
from ganforge.core.types import Batch, Nets, Spec, Terms
from ganforge.tasks.base import Samples
from ganforge.tasks.synthesis import Synthesis
from ganforge.tasks.view import View

LEAST_WEIGHT = 1e-3
"""Real samples of a smaller weight are not drawn (soft vicinity)."""


class Vicinal(Synthesis, kind="ccgan"):
    """New samples for any value of a number: D compares samples whose values are close to the one asked (CcGAN)."""

    hides_conditions = False
    conditional: bool = True
    """Must be true: this task needs conditions."""
    condition: str = ""
    """The condition whose values have a vicinity, a number or an angle; may be left out if there is only one."""
    vicinity: Literal["hard", "soft"] = "soft"
    """Weights of real samples: all equal within κ (hard), or falling with the distance (soft)."""
    sigma: float | None = Field(default=None, ge=0)
    """Standard deviation σ of the noise on asked values, as a share of their range; by default the rule of thumb."""
    kappa: float | None = Field(default=None, gt=0)
    """Width κ of the vicinity, as a share of the range; by default the rule of thumb."""
    multiple: float = Field(default=2.0, gt=0)
    """m: κ in units of the largest distance of neighboring values, if `kappa` is not set; 1 or 2 in the paper."""

    def adapt(self, spec: Spec) -> Spec:
        if not self.conditional:
            raise UserError(
                "task.conditional=false: ccgan needs conditions. Leave it true, or use task.kind=synthesis",
                code="task.must_be_conditional",
            )
        if self.pack > 1:
            raise UserError(
                f"task.pack={self.pack}: ccgan weighs single samples. Leave it at 1", code="task.pack_unsupported"
            )
        spec = super().adapt(spec)
        self._number(spec.conditions)
        return spec

    def _number(self, conditions: Conditions) -> Number | Angle:
        numbers = [one for one in conditions.each if isinstance(one, (Number, Angle))]
        found = [one for one in numbers if self.condition in ("", one.name)]
        if len(found) == 1:
            return found[0]
        known = ", ".join(one.name for one in numbers) or "none"
        raise UserError(
            f"task.condition={self.condition or '(not set)'}: name one of the conditions that are numbers (here: "
            f"{known}). For data without any use task.kind=acgan or synthesis",
            code="task.condition_not_a_number",
        )

    def order(self, spec: Spec, data: Samples) -> Order:
        assert data.vectors is not None, "checked by adapt"
        return Vicinities(self, spec.conditions, self._number(spec.conditions), data.vectors)

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        terms = super().d_loss(nets, batch, rng)
        losses = {name: loss * batch.extra["weight"].to(loss) for name, loss in terms.losses.items()}
        return Terms(losses, terms.stats)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        return super().g_loss(nets, replace(batch, c=batch.extra["asked"]), rng)

    def _view(self, nets: Nets, batch: Batch, rng: Rng) -> View:
        return View(nets.D, batch.extra["asked"], rng, nets.memory, 1, at(self.noise, rng.samples), self.augment)


class Vicinities(Order):
    """Batches for asked values: real samples from the vicinity of each.

    Attributes:
        items: the samples that have a value, by their places in the data, in the order of their values.
        shares: those values, as shares of the range.
        sigma, kappa: σ and κ, as shares of the range.
    """

    def __init__(self, task: Vicinal, conditions: Conditions, one: Condition, vectors: np.ndarray):
        self.conditions, self.one, self.vectors, self.soft = conditions, one, vectors, task.vicinity == "soft"
        self.circular = isinstance(one, Angle)
        values = one.decode(vectors[:, conditions.slices[one.name]])
        known = np.array([k for k, value in enumerate(values) if value is not None])
        if len(known) < 2:
            raise UserError(
                f"task.condition={one.name}: fewer than two samples have a value of it", code="data.too_few_samples"
            )
        shares = share_of(one, np.array([values[k] for k in known], np.float64))
        order = np.argsort(shares, kind="stable")
        self.items, self.shares = known[order], shares[order]
        gaps = np.diff(np.unique(self.shares))
        if self.circular:
            gaps = np.append(gaps, 1 - self.shares[-1] + self.shares[0])
        rule = (4 * self.shares.std() ** 5 / (3 * len(self.shares))) ** 0.2
        self.sigma = float(rule) if task.sigma is None else task.sigma
        self.kappa = float(task.multiple * gaps.max(initial=1e-3)) if task.kappa is None else task.kappa

    def rows_near(self, asked: np.ndarray, picks: np.ndarray) -> np.ndarray:
        """For each asked share, the place of a sample in its vicinity, or the nearest sample if it is empty.

        Args:
            picks: uniform in [0, 1), which of the samples.
        """
        reach = self.kappa * (float(np.sqrt(-np.log(LEAST_WEIGHT))) if self.soft else 1.0)
        n = len(self.shares)
        around = np.concatenate([self.shares - 1, self.shares, self.shares + 1]) if self.circular else self.shares
        first, last = np.searchsorted(around, asked - reach, "left"), np.searchsorted(around, asked + reach, "right")
        last = np.where(self.circular, np.minimum(last, first + n), last)
        chosen = first + np.floor(picks * (last - first)).astype(np.int64)
        left = np.clip(np.searchsorted(around, asked) - 1, 0, len(around) - 2)
        nearest = np.where(asked - around[left] <= around[left + 1] - asked, left, left + 1)
        return np.where(last > first, chosen, nearest) % n

    def rows_of(self, seed: int, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The places of the real samples, and the asked shares, each [count]."""
        rng = Rng(seed, start, "vicinities", dtype=torch.float64)
        centers = self.shares[rng.integers("centers", (count,), len(self.shares)).numpy()]
        asked = centers + self.sigma * rng.normal("noise", (count,)).numpy()
        asked = asked % 1 if self.circular else asked.clip(0, 1)
        return self.rows_near(asked, rng.uniform("picks", (count,)).numpy()), asked

    def rows(self, seed: int, start: int, count: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        places, asked = self.rows_of(seed, start, count)
        apart = np.abs(self.shares[places] - asked)
        apart = np.minimum(apart, 1 - apart) if self.circular else apart
        weight = np.exp(-((apart / self.kappa) ** 2)) if self.soft else np.ones(count)
        rows = self.items[places]
        vectors = self.vectors[rows].copy()
        vectors[:, self.conditions.slices[self.one.name]] = self.one.encode(value_of(self.one, asked).tolist())
        return rows, {"asked": vectors, "weight": weight.astype(np.float32)}


def share_of(one: Condition, values: np.ndarray) -> np.ndarray:
    """Values as shares of the range, in [0, 1]; of an angle in [0, 1)."""
    if isinstance(one, Angle):
        return values / one.period % 1
    assert isinstance(one, Number)
    return (values - one.low) / (one.high - one.low)


def value_of(one: Condition, shares: np.ndarray) -> np.ndarray:
    """The inverse of `share_of`."""
    if isinstance(one, Angle):
        return shares * one.period
    assert isinstance(one, Number)
    return one.low + shares * (one.high - one.low)
