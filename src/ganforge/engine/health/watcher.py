"""The live watch over one run: takes looks, remembers them, and says when the state of the run changes.

All that it knows goes into the checkpoint, so a resumed run sees what the whole one would have seen: looks fall on
fixed iterations, and a look measures one iteration and nothing that was gathered since an earlier one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

from ganforge.core.rng import seed_of
from ganforge.engine.health import probe as measures
from ganforge.engine.health.diagnosis import HEALTHY, KEPT, UNSETTLED, Diagnosis, diagnose, leap, sign_of
from ganforge.engine.step import Sight
from ganforge.recipes.health import Health, Rollback, Watch

LiveSamples = Callable[[int, Tensor | None, dict[str, Tensor]], Tensor | None]
"""From a count, labels and conditions to encoded samples of the generators as they are now, or None."""


class Watcher:
    """What is known of a run's health.

    Attributes:
        diagnosis: of the latest looks.
        rollbacks: how often the run has gone back.
        rate: what all learning rates are multiplied with since then.
    """

    def __init__(self, config: Health):
        self.config = config
        self.looks: list[dict[str, Any]] = []
        self.peak = 0.0
        self.rollbacks, self.rate = 0, 1.0
        self.diagnosis = Diagnosis(UNSETTLED)

    def due(self, iteration: int) -> bool:
        """Whether the iteration of this number is to be looked at."""
        return isinstance(self.config, Watch) and (iteration + 1) % self.config.every == 0

    def look(self, sight: Sight, generators: Sequence[str], live: LiveSamples) -> bool:
        """Takes in what one iteration showed; returns whether that changed the run's state.

        Args:
            generators: names of the players that make samples.
        """
        before = self.diagnosis.state
        figures, compared = measure(sight, live)
        if not compared:
            figures |= leap(self.looks, figures, generators)
        sign = sign_of(figures, compared, self.peak)
        self.peak = max(self.peak, figures.get("diversity") or 0.0)
        self.looks = [*self.looks, {**figures, "sign": sign}][-KEPT:]
        self.diagnosis = diagnose(self.looks)
        return self.diagnosis.state != before

    @property
    def sound(self) -> bool:
        """Whether nothing points to trouble, not even the latest look alone: a state that is worth going back to."""
        return self.diagnosis.state in (HEALTHY, UNSETTLED) and not (self.looks and self.looks[-1]["sign"])

    @property
    def trouble(self) -> bool:
        return self.diagnosis.state not in (HEALTHY, UNSETTLED)

    @property
    def may_go_back(self) -> bool:
        return isinstance(self.config, Rollback) and self.rollbacks < self.config.times

    def went_back(self, memo: Mapping[str, Any]) -> None:
        """Takes up what was known at the checkpoint that the run goes back to, and counts the way back."""
        assert isinstance(self.config, Rollback)
        times, rate = self.rollbacks + 1, self.rate * self.config.slower
        self.recall(memo)
        self.rollbacks, self.rate = times, rate

    def seed(self, seed: int) -> int:
        """The seed of the draws of a run whose recipe says `seed`: another one after each rollback."""
        return seed_of(seed, "rollback", self.rollbacks) if self.rollbacks else seed

    def shown(self) -> dict[str, Any]:
        """What the log's ticks say of the run's health."""
        if not isinstance(self.config, Watch):
            return {}
        last = self.looks[-1] if self.looks else {}
        return {"health": self.diagnosis.state} | {f"health/{k}": v for k, v in last.items() if k != "sign"}

    def memo(self) -> dict[str, Any]:
        """All of this, for a checkpoint (JSON)."""
        return {
            "state": self.diagnosis.state,
            "why": self.diagnosis.why,
            "looks": self.looks,
            "peak": self.peak,
            "rollbacks": self.rollbacks,
            "rate": self.rate,
        }

    def recall(self, memo: Mapping[str, Any]) -> None:
        """Takes up what `memo` gave."""
        self.looks, self.peak = list(memo["looks"]), memo["peak"]
        self.rollbacks, self.rate = memo["rollbacks"], memo["rate"]
        self.diagnosis = Diagnosis(memo["state"], memo["why"])


def measure(sight: Sight, live: LiveSamples) -> tuple[dict[str, float | None], int]:
    """A look's figures, and how many samples were compared. Changes no weight, no buffer and no draw of the run."""
    found: dict[str, Tensor] = measures.verdicts(sight.stats)
    real, labels = sight.batch.x[: measures.MOST], sight.batch.c
    labels = None if labels is None else labels[: measures.MOST]
    compared = 0
    if len(real) >= measures.FEWEST:
        extra = {name: values[: len(real)] for name, values in sight.batch.extra.items()}  # under the same conditions
        fake = live(len(real), labels, extra)
        if fake is not None and fake.shape == real.shape:
            compared = len(real)
            found |= measures.compare(real, fake, labels)
    found |= {f"gradient/{name}": norm for name, norm in sight.gradients.items()}
    return measures.read(found), compared
