"""The live watch over one run: takes looks, remembers them, and says when the state of the run changes.

All that it knows goes into the checkpoint, so a resumed run sees what the whole one would have seen: looks fall on
fixed iterations, and a look measures one iteration and nothing that was gathered since an earlier one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ganforge.core.rng import seed_of
from ganforge.core.types import Request
from ganforge.engine.health import sight as measures
from ganforge.engine.health.base import Health, Rollback, Watch
from ganforge.engine.health.diagnosis import HEALTHY, KEPT, UNSETTLED, Diagnosis, diagnose, leap, sign_of

if TYPE_CHECKING:
    from ganforge.engine.trainer import Sight, Trainer


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

    def look(self, trainer: Trainer, sight: Sight) -> bool:
        """Takes in what one iteration showed; returns whether that changed the run's state."""
        before = self.diagnosis.state
        figures, compared = measure(trainer, sight)
        if not compared:
            figures |= leap(self.looks, figures, trainer.recipe.task.generators())
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


def measure(trainer: Trainer, sight: Sight) -> tuple[dict[str, float | None], int]:
    """A look's figures, and how many samples were compared. Changes no weight, no buffer and no draw of the run."""
    found: dict[str, Tensor] = measures.verdicts(sight.stats)
    real, labels = sight.batch.x[: measures.MOST], sight.batch.c
    labels = None if labels is None else labels[: measures.MOST]
    compared = 0
    if len(real) >= measures.FEWEST:
        extra = {name: values[: len(real)] for name, values in sight.batch.extra.items()}  # under the same conditions
        fake = live_samples(trainer, len(real), labels, extra, real.dtype)
        if fake is not None and fake.shape == real.shape:
            compared = len(real)
            found |= measures.compare(real, fake, labels)
    found |= {f"gradient/{name}": norm for name, norm in sight.gradients.items()}
    return measures.read(found), compared


@torch.no_grad()
def live_samples(
    trainer: Trainer, n: int, labels: Tensor | None, extra: dict[str, Tensor], dtype: torch.dtype
) -> Tensor | None:
    """Encoded samples of the generators as they are now, of the same latents at each look; None from a task without.

    Not of the averaged generators: these still look well when those that are trained have long gone wrong.
    """
    if not trainer.recipe.task.invents:
        return None
    modules = [module for name in trainer.recipe.task.generators() for module in trainer.nets[name].modules()]
    training = [module.training for module in modules]
    seed = seed_of(trainer.recipe.seed, "health")
    request = Request(n, seed=seed, labels=labels, device=trainer.device, dtype=dtype, extra=extra)
    try:
        for module in modules:
            module.training = False  # their running statistics stay as they are
        return trainer.recipe.task.sample(trainer.nets, request)
    finally:
        for module, mode in zip(modules, training, strict=True):
            module.training = mode
