"""Which recipe for which data, where nobody names one: a table of rules, read from the top, with reasons in words.

    facts (kind, count, size, channels, labels, device, minutes) → Choice(recipe, fields, reasons)

What the rules rest on (docs/results.md, docs/performance.md): on processors `r3gan-small` reaches in 180 seconds what
`dcgan` does in 600, and labels help more than any net does. bf16 trains it half as fast again where a processor has the
instructions, and a sample teaches no less: 56 seconds of one AVX-512 BF16 core on MNIST with labels (2026-11-21) gave
fd 48 with bf16 and 15,456 samples, 85 with fp32 and 10,464, in the features of a digit classifier. What is said of
accelerators rests on the papers of the recipes, not on figures of our own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ganforge.core.errors import UserError
from ganforge.modalities.image.recipes import stylegan2

LEAST_PICTURES = 50
"""Below it a GAN has nothing to learn from but the pictures by heart."""
FEW_PICTURES = 1_000
"""Below it, on accelerators, the recipe for a hundred pictures."""
SOME_PICTURES = 20_000
"""Below it, on accelerators, the recipe for a thousand."""
LEAST_A_CLASS = 20
"""Pictures a label, on average, from which on labels are worth having."""
OFTEN = 50
"""Passes over the data from which on D is shown changed pictures, lest it learns them by heart."""
LONG = 200_000
"""Samples from which on the strength of these changes has the time to adapt."""
LARGE = 16.0
"""GiB of an accelerator that the large recipes want."""
PATIENT = 240.0
"""Minutes that the large recipes want."""
LEAST_ROWS = 50
"""Rows below which a table says too little of its columns."""


@dataclass(frozen=True)
class Facts:
    """What is known before a recipe is chosen.

    Attributes:
        name: of the data, as the user called it.
        kind: of sample.
        count: samples that are there.
        height, width: in px, the median where sizes differ; of points and tables 1 and the number of columns.
        channels: 1 grey, 2 grey with alpha, 3 RGB, 4 RGBA.
        classes: how many labels there are; 0 for none.
        device: "cpu", "cuda" or "mps".
        cores: threads that train, on a processor.
        memory: of the accelerator, GiB; 0 where it is unknown.
        bf16: whether the processor has instructions for it.
        minutes: that training may take; None for as long as the recipe likes.
    """

    name: str
    kind: Literal["pictures", "table", "points"]
    count: int
    height: int = 1
    width: int = 1
    channels: int = 1
    classes: int = 0
    device: str = "cpu"
    cores: int = 2
    memory: float = 0.0
    bf16: bool = False
    minutes: float | None = None

    @property
    def side(self) -> int:
        """The longer side in px."""
        return max(self.height, self.width)

    @property
    def large(self) -> bool:
        """Whether machine and time are those that the large recipes want."""
        return self.device == "cuda" and self.memory >= LARGE and (self.minutes is None or self.minutes >= PATIENT)

    def __str__(self) -> str:
        what = {
            "pictures": f"{self.count:,} pictures of {self.height}×{self.width}, {MODES.get(self.channels, '')}",
            "table": f"{self.count:,} rows of {self.width} columns",
            "points": f"{self.count:,} vectors of {self.width} numbers",
        }[self.kind]
        labels = f", {self.classes} labels" if self.classes and self.kind == "pictures" else ""
        place = {"cpu": f"a CPU ({self.cores} threads)", "cuda": f"a GPU of {self.memory:.0f} GiB"}
        time = "no limit of time" if self.minutes is None else f"{self.minutes:g} minutes"
        return f"{what}{labels}; {place.get(self.device, self.device)}; {time}"


MODES = {1: "grey", 2: "grey with alpha", 3: "RGB", 4: "RGBA"}


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
        """What the user is told: what was chosen for `data`, why, and how to choose otherwise."""
        chosen = " ".join([self.recipe, *self.fields])
        return [
            f"{data}: {self.facts}",
            f"chosen: {chosen}",
            *(f"  - {reason}" for reason in self.reasons),
            f"otherwise: name a recipe, as in `ganforge train dcgan data={data}`, or set fields, which win over these; "
            f"`ganforge recipes` lists all, `ganforge data inspect {data}` those that fit",
        ]


def choose(facts: Facts) -> Choice:
    """The recipe for some facts.

    Raises:
        UserError: too few samples for any.
    """
    recipe, fields, reasons = {"pictures": pictures, "table": table, "points": points}[facts.kind](facts)
    return Choice(str(facts), recipe, tuple(fields), tuple(reasons))


Found = tuple[str, list[str], list[str]]
"""A recipe's name, fields, reasons."""


def table(facts: Facts) -> Found:
    """Rows."""
    if facts.count < LEAST_ROWS:
        raise UserError(
            f"data {facts.name}: {facts.count} rows are too few to choose a recipe for; {LEAST_ROWS} are the least. "
            "To try all the same: ganforge train ctgan-fast data=... batch=20"
        )
    fields, reasons = [], ["ctgan-fast: columns of mixed kinds, rare categories among them"]
    if facts.count < 1_000:
        batch = max(20, facts.count // 20 * 10)  # half of the rows, in tens
        fields.append(f"batch={batch}")
        reasons.append(f"batch={batch}: its usual 500 would be most of {facts.count} rows")
    return "ctgan-fast", fields, reasons


def points(facts: Facts) -> Found:
    """Vectors of numbers."""
    return "toy", [], ["toy: vectors of numbers, for which it forgot no mode in ten seeds (docs/results.md)"]


def pictures(facts: Facts) -> Found:
    """Pictures: by machine and time first, then by their number and size."""
    if facts.count < LEAST_PICTURES:
        raise UserError(
            f"data {facts.name}: {facts.count} pictures are too few to choose a recipe for; {LEAST_PICTURES} are the "
            f"least, some hundreds are better. To try all the same: ganforge train fastgan data={facts.name}"
        )
    if facts.large:
        recipe, fields, reasons = large(facts)
    else:
        recipe, fields, reasons = small(facts)
    labels(facts, fields, reasons)
    return recipe, fields, reasons


def large(facts: Facts) -> Found:
    """An accelerator with much memory, and hours."""
    side = next((s for s in (256, 128, 64) if min(facts.height, facts.width) >= s), 32)
    size = [f"signal.size={side}"]
    if facts.count < FEW_PICTURES:
        return "fastgan", size, [f"fastgan: made for a hundred pictures or so, and {facts.count:,} are few"]
    if facts.count < SOME_PICTURES:
        weight = f"task.penalties.0.weight={stylegan2.gamma(side, 32):g}"
        why = f"stylegan2-ada: {facts.count:,} are few for a large net; it augments D's view as far as D overfits"
        return "stylegan2-ada", [*size, weight], [why, f"{weight}: γ by the rule of its authors for {side} px"]
    if side == 32:
        return "r3gan-cifar10", [], ["r3gan-cifar10: many small pictures, a large GPU and hours"]
    if side == 64:
        return "r3gan-64", size, ["r3gan-64: many pictures of 64 px and more, a large GPU and hours"]
    if side == 256:
        return "r3gan-256", size, ["r3gan-256: many pictures of 256 px and more, a large GPU and days"]
    weight = f"task.penalties.0.weight={stylegan2.gamma(side, 64):g}"
    why = "stylegan2-256: many pictures between the sizes that R3GAN's authors set it for"
    return "stylegan2-256", [*size, weight], [why, f"{weight}: γ by the rule of its authors for {side} px"]


def small(facts: Facts) -> Found:
    """A processor, a small accelerator, or little time."""
    where = "on a processor" if facts.device == "cpu" else "in so little time, or on so small an accelerator,"
    fields, reasons = [], [f"r3gan-small: {where} it learns fastest of all (docs/results.md)"]
    most = 64 if facts.device != "cpu" else most_pixels(facts.minutes)
    if facts.side > most:
        fields.append(f"signal.max_size={most}")
        reasons.append(f"signal.max_size={most}: what can be learnt in the time; the data has {facts.side} px")
    side = min(facts.side, most)
    seen = samples_within(facts, side * side * min(facts.height, facts.width) // facts.side)
    passes = seen / facts.count
    if passes >= OFTEN:
        kind = "diffaugment" if seen < LONG else "ada"
        fields.append(f"task.augment={kind}")
        reasons.append(
            f"task.augment={kind}: each picture will be seen {passes:,.0f} times or so, and D would know it by heart"
        )
    if facts.device == "cpu" and facts.bf16:
        fields.append("precision=bf16")
        reasons.append(
            "precision=bf16: this processor has the instructions, with which it sees half as many samples again, and "
            "learns no less of each"
        )
    return "r3gan-small", fields, reasons


def labels(facts: Facts, fields: list[str], reasons: list[str]) -> None:
    """Whether the players are told the label."""
    if facts.classes >= 2 and facts.count >= LEAST_A_CLASS * facts.classes:
        fields.append("task.conditional=true")
        reasons.append(
            f"task.conditional=true: {facts.classes} labels of {facts.count // facts.classes:,} pictures each on "
            "average help a great deal; `ganforge sample RUN --label NAME` then asks for one"
        )
        return
    fields.append("task.conditional=false")
    if facts.classes >= 2:
        reasons.append(
            f"task.conditional=false: {facts.classes} labels have fewer than {LEAST_A_CLASS} pictures each on average"
        )
    else:
        reasons.append("task.conditional=false: there are no labels (folders in the folder would become labels)")


def most_pixels(minutes: float | None) -> int:
    """The longer side in px that a processor can learn to draw in the time."""
    if minutes is None or minutes >= 30:
        return 64
    return 48 if minutes >= 5 else 32


def samples_within(facts: Facts, pixels: int) -> float:
    """How many samples `r3gan-small` will see, at most those of the recipe.

    A sample of 28×28 to 64×64 px took 3 ms and 3.5 µs a pixel on one core of an AMD EPYC in fp32 (2026-11-21); a second
    core is taken to add half of its own speed, and so on, up to four. Of accelerators no more is known than that they
    are quicker.
    """
    whole = 1_200_000
    if facts.minutes is None:
        return whole
    cores = 1 + 0.5 * (min(facts.cores, 4) - 1) if facts.device == "cpu" else 4
    return min(whole, 60 * facts.minutes * cores / (3e-3 + 3.5e-6 * pixels))
