"""A recipe that is chosen where nobody names one, and the machine that it is chosen for."""

from __future__ import annotations

from dataclasses import dataclass

from ganforge.core.commands import command
from ganforge.core.words import counted


@dataclass(frozen=True)
class Machine:
    """What a run will have.

    Attributes:
        device: "cpu", "cuda" or "mps".
        cores: threads that train, on a processor.
        memory: of the accelerator, GiB; 0 where it is unknown.
        bf16: whether the processor has instructions for it.
        minutes: that training may take; None for as long as the recipe likes.
    """

    device: str = "cpu"
    cores: int = 2
    memory: float = 0.0
    bf16: bool = False
    minutes: float | None = None

    def __str__(self) -> str:
        place = {"cpu": f"a CPU ({counted(self.cores, 'thread')})", "cuda": f"a GPU of {self.memory:.0f} GiB"}
        time = "no limit of time" if self.minutes is None else counted(self.minutes, "minute")
        return f"{place.get(self.device, self.device)}; {time}"


@dataclass(frozen=True)
class Choice:
    """A recipe, the fields of it that are set, and why.

    Attributes:
        facts: what it was chosen for, in words.
        recipe: its name.
        fields: `path=value`, as one would type them.
        reasons: one sentence each, the recipe's first.
    """

    facts: str
    recipe: str
    fields: tuple[str, ...]
    reasons: tuple[str, ...]

    def lines(self, data: str) -> list[str]:
        """The message to the user: what was chosen for `data`, why, and how to choose otherwise."""
        chosen = " ".join([self.recipe, *self.fields])
        return [
            f"{data}: {self.facts}",
            f"chosen: {chosen}",
            *(f"  - {reason}" for reason in self.reasons),
            f"otherwise: name a recipe, as in `{command('train', self.recipe, f'data={data}')}`, or set fields, which "
            f"override these; `ganforge recipes` lists all, `{command('data', 'inspect', data)}` those that fit",
        ]
