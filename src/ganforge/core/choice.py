"""An automatically chosen recipe, and the machine that it is chosen for."""

from __future__ import annotations

from dataclasses import dataclass

from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.words import counted


@dataclass(frozen=True)
class Machine:
    """The resources of a run.

    Attributes:
        device: "cpu", "cuda" or "mps".
        cores: number of CPU threads for training.
        memory: memory of the accelerator in GiB; 0 if unknown.
        bf16: whether the CPU has bf16 instructions.
        minutes: time limit of training; None for none.
    """

    device: str = "cpu"
    cores: int = 2
    memory: float = 0.0
    bf16: bool = False
    minutes: float | None = None

    def __str__(self) -> str:
        place = {"cpu": f"a CPU ({counted(self.cores, 'thread')})", "cuda": f"a GPU of {self.memory:.0f} GiB"}
        time = "no time limit" if self.minutes is None else counted(self.minutes, "minute")
        return f"{place.get(self.device, self.device)}; {time}"


@dataclass(frozen=True)
class Choice:
    """A recipe, the fields to set, and the reasons.

    Attributes:
        facts: description of the data and the machine.
        recipe: name of the recipe.
        fields: `path=value` items, as on the command line.
        reasons: one sentence each, first that for the recipe.
    """

    facts: str
    recipe: str
    fields: tuple[str, ...]
    reasons: tuple[str, ...]

    def lines(self, data: str) -> list[str]:
        """The message to the user: what was chosen for `data`, why, and how to override it."""
        chosen = " ".join([self.recipe, *self.fields])
        return [
            f"{data}: {self.facts}",
            f"chosen: {chosen}",
            *(f"  - {reason}" for reason in self.reasons),
            f"to change it: name a recipe, as in `{command('train', self.recipe, f'data={data}')}`, or set fields, "
            f"which override these; `ganforge recipes` lists all, `{command('data', 'inspect', data)}` those that fit",
        ]


def choice_for_clips(
    dataset: Dataset, clips: int, machine: Machine, *, recipe: str, samples: str, files: str, batch: int, per_label: int
) -> Choice:
    """The choice for recordings or films that are cut into clips, of a signal with one small recipe.

    Args:
        clips: number of clips. recipe: the one recipe. samples, files: what clips and data files are called.
        batch: batch size of the recipe, which is halved for few clips.
        per_label: mean number of files per label from which the recipe is conditional.
    """
    labels = len(dataset.classes)
    enough = labels > 1 and len(dataset) >= per_label * labels
    fields = [f"task.conditional={'true' if enough else 'false'}"]
    why = f"{labels} labels" if enough else f"fewer than {per_label} {files} a label" if labels > 1 else "no labels"
    reasons = [f"{recipe}: the recipe for {samples}", f"{fields[0]}: {why}"]
    if clips < 2 * batch:
        fields.append(f"batch={clips // 2}")
        reasons.append(f"batch={clips // 2}: its usual {batch} would be most of {clips} clips")
    many = f" ({clips:,} clips)" if clips != len(dataset) else ""
    named = f", {labels} labels" if labels > 1 else ""
    return Choice(f"{len(dataset):,} {files}{many}{named}; {machine}", recipe, tuple(fields), tuple(reasons))
