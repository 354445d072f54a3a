"""Monitors one run: probes it at fixed iterations, stores the probes, and reports when the state of the run changes.

Its state is part of the checkpoint, and each probe measures a single, fixed iteration, so a resumed run gets the same
diagnoses as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from ganforge.core.rng import seed_of
from ganforge.engine.health.diagnosis import HEALTHY, KEPT, UNSETTLED, Diagnosis, diagnose, leap, sign_of
from ganforge.engine.health.probe import FEWEST, MOST, compare, logit_stats, read
from ganforge.engine.step import StepTrace
from ganforge.recipes.health import Health, Rollback, Watch

LiveSamples = Callable[[int, Tensor | None, dict[str, Tensor]], Tensor | None]
"""(count, labels, conditions) → encoded samples of the current (not averaged) generators, or None."""


class Watcher:
    """The health monitor of a run.

    Attributes:
        diagnosis: from the latest probes.
        rollbacks: number of rollbacks so far.
        rate: factor of all learning rates since the last rollback.
    """

    def __init__(self, config: Health):
        self.config = config
        self.probes: list[dict[str, Any]] = []
        self.peak = 0.0
        self.rollbacks, self.rate = 0, 1.0
        self.diagnosis = Diagnosis(UNSETTLED)

    def due(self, iteration: int) -> bool:
        """Whether iteration number `iteration` is probed."""
        return isinstance(self.config, Watch) and (iteration + 1) % self.config.every == 0

    def probe(self, trace: StepTrace, generators: Sequence[str], live: LiveSamples) -> bool:
        """Adds the probe of one iteration; returns whether the state of the run changed.

        Args:
            generators: names of the nets that generate samples.
        """
        before = self.diagnosis.state
        values, compared = measure(trace, live)
        if not compared:
            values |= leap(self.probes, values, generators)
        sign = sign_of(values, compared, self.peak)
        self.peak = max(self.peak, values.get("diversity") or 0.0)
        self.probes = [*self.probes, {**values, "sign": sign}][-KEPT:]
        self.diagnosis = diagnose(self.probes)
        return self.diagnosis.state != before

    @property
    def healthy(self) -> bool:
        """Whether there is no sign of trouble, not even in the latest probe: a state to roll back to."""
        return self.diagnosis.state in (HEALTHY, UNSETTLED) and not (self.probes and self.probes[-1]["sign"])

    @property
    def trouble(self) -> bool:
        return self.diagnosis.state not in (HEALTHY, UNSETTLED)

    @property
    def can_roll_back(self) -> bool:
        return isinstance(self.config, Rollback) and self.rollbacks < self.config.times

    def on_rollback(self, state_dict: Mapping[str, Any]) -> None:
        """Restores the state stored in the checkpoint to which the run returns, and counts the rollback."""
        assert isinstance(self.config, Rollback)
        times, rate = self.rollbacks + 1, self.rate * self.config.slower
        self.load_state_dict(state_dict)
        self.rollbacks, self.rate = times, rate

    def seed(self, seed: int) -> int:
        """The seed of the random draws of a run with the recipe's `seed`; it changes with each rollback."""
        return seed_of(seed, "rollback", self.rollbacks) if self.rollbacks else seed

    def shown(self) -> dict[str, Any]:
        """Health values for the `tick` events of the log."""
        if not isinstance(self.config, Watch):
            return {}
        last = self.probes[-1] if self.probes else {}
        return {"health": self.diagnosis.state} | {f"health/{k}": v for k, v in last.items() if k != "sign"}

    def state_dict(self) -> dict[str, Any]:
        """The state to store in a checkpoint (JSON)."""
        return {
            "state": self.diagnosis.state,
            "why": self.diagnosis.why,
            "looks": self.probes,
            "peak": self.peak,
            "rollbacks": self.rollbacks,
            "rate": self.rate,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Restores what `state_dict` returned."""
        self.probes, self.peak = list(state_dict["looks"]), state_dict["peak"]
        self.rollbacks, self.rate = state_dict["rollbacks"], state_dict["rate"]
        self.diagnosis = Diagnosis(state_dict["state"], state_dict["why"])


def measure(trace: StepTrace, live: LiveSamples) -> tuple[dict[str, float | None], int]:
    """The values of a probe, and the number of compared samples. Does not affect weights, buffers or random draws of
    the run."""
    found: dict[str, Tensor] = logit_stats(trace.stats)
    real, labels = trace.batch.x[:MOST], trace.batch.c
    labels = None if labels is None else labels[:MOST]
    compared = 0
    if len(real) >= FEWEST:
        extra = {name: values[: len(real)] for name, values in trace.batch.extra.items()}  # under the same conditions
        fake = live(len(real), labels, extra)
        if fake is not None and fake.shape == real.shape:
            compared = len(real)
            found |= compare(real, fake, labels)
    found |= {f"gradient/{name}": norm for name, norm in trace.gradients.items()}
    return read(found), compared
