"""Which recipe for which images, where none is named: a table of rules, read from the top, with reasons in words.

    Facts (count, size, channels, labels), Machine → Choice(recipe, fields, reasons)

What the rules rest on (docs/results.md, docs/performance.md): on processors `r3gan-small` reaches in 180 seconds what
`dcgan` does in 600, and labels help more than any net does. bf16 trains it half as fast again where a processor has the
instructions, and a sample teaches no less: 56 seconds of one AVX-512 BF16 core on MNIST with labels (2026-11-21) gave
fd 48 with bf16 and 15,456 samples, 85 with fp32 and 10,464, in the features of a digit classifier. What is said of
accelerators rests on the papers of the recipes, not on figures of our own.
"""

from __future__ import annotations

from dataclasses import dataclass

from ganforge.core.choice import Choice, Machine
from ganforge.core.commands import command
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.modalities.image.gamma import gamma
from ganforge.modalities.image.sizes import median

LEAST_PICTURES = 50
"""Below it a GAN can only memorize the images."""
FEW_PICTURES = 1_000
"""Below it, on accelerators, the recipe for a hundred images."""
SOME_PICTURES = 20_000
"""Below it, on accelerators, the recipe for a thousand."""
LEAST_A_CLASS = 20
"""Images a label, on average, from which on labels are worth having."""
OFTEN = 50
"""Passes over the data from which on D is shown changed images, lest it memorizes them."""
LONG = 200_000
"""Samples from which on the strength of these changes has the time to adapt."""
LARGE = 16.0
"""GiB of an accelerator that the large recipes want."""
PATIENT = 240.0
"""Minutes that the large recipes want."""


@dataclass(frozen=True)
class Facts:
    """What is known of some images before a recipe is chosen.

    Attributes:
        name: of the data, as the user called it.
        count: images that are there.
        height, width: in px, the median where sizes differ.
        channels: 1 gray, 2 gray with alpha, 3 RGB, 4 RGBA.
        classes: how many labels there are; 0 for none.
    """

    name: str
    count: int
    height: int
    width: int
    channels: int = 1
    classes: int = 0
    machine: Machine = Machine()

    @classmethod
    def of(cls, dataset: Dataset, machine: Machine) -> Facts:
        shapes = dataset.shapes()
        height, width = median(shapes)
        channels = max(shape[2] for shape, _ in shapes)
        return cls(dataset.name, len(dataset), height, width, channels, len(dataset.classes), machine)

    @property
    def side(self) -> int:
        """The longer side in px."""
        return max(self.height, self.width)

    @property
    def large(self) -> bool:
        """Whether machine and time are those that the large recipes want."""
        patient = self.machine.minutes is None or self.machine.minutes >= PATIENT
        return self.machine.device == "cuda" and self.machine.memory >= LARGE and patient

    def __str__(self) -> str:
        what = f"{self.count:,} images of {self.height}×{self.width}, {MODES.get(self.channels, '')}"
        labels = f", {self.classes} labels" if self.classes else ""
        return f"{what}{labels}; {self.machine}"


MODES = {1: "gray", 2: "gray with alpha", 3: "RGB", 4: "RGBA"}


Found = tuple[str, list[str], list[str]]
"""A recipe's name, fields, reasons."""


def choose(facts: Facts) -> Choice:
    """By machine and time first, then by the number and the size of the images.

    Raises:
        UserError: too few images for any recipe.
    """
    if facts.count < LEAST_PICTURES:
        raise UserError(
            f"data {facts.name}: {facts.count} images are too few to choose a recipe; at least {LEAST_PICTURES} are "
            "needed, several hundred are better. To train anyway: " + command("train", "fastgan", f"data={facts.name}"),
            code="data.too_few_samples",
        )
    recipe, fields, reasons = large(facts) if facts.large else small(facts)
    labels(facts, fields, reasons)
    return Choice(str(facts), recipe, tuple(fields), tuple(reasons))


def large(facts: Facts) -> Found:
    """An accelerator with much memory, and hours."""
    side = next((s for s in (256, 128, 64) if min(facts.height, facts.width) >= s), 32)
    size = [f"signal.size={side}"]
    if facts.count < FEW_PICTURES:
        return "fastgan", size, [f"fastgan: made for about a hundred images, and {facts.count:,} are few"]
    if facts.count < SOME_PICTURES:
        weight = f"task.penalties.0.weight={gamma(side, 32):g}"
        why = f"stylegan2-ada: {facts.count:,} are few for a large net; it augments D's view as far as D overfits"
        return "stylegan2-ada", [*size, weight], [why, f"{weight}: γ by the rule of its authors for {side} px"]
    if side == 32:
        return "r3gan-cifar10", [], ["r3gan-cifar10: many small images, a large GPU and hours"]
    if side == 64:
        return "r3gan-64", size, ["r3gan-64: many images of 64 px and more, a large GPU and hours"]
    if side == 256:
        return "r3gan-256", size, ["r3gan-256: many images of 256 px and more, a large GPU and days"]
    weight = f"task.penalties.0.weight={gamma(side, 64):g}"
    why = "stylegan2-256: many images of a size between those that R3GAN's authors tuned it for"
    return "stylegan2-256", [*size, weight], [why, f"{weight}: γ by the rule of its authors for {side} px"]


def small(facts: Facts) -> Found:
    """A processor, a small accelerator, or little time."""
    where = "on a processor" if facts.machine.device == "cpu" else "in so little time, or on so small an accelerator,"
    fields, reasons = [], [f"r3gan-small: {where} it learns fastest of all (docs/results.md)"]
    most = 64 if facts.machine.device != "cpu" else most_pixels(facts.machine.minutes)
    if facts.side > most:
        fields.append(f"signal.max_size={most}")
        reasons.append(
            f"signal.max_size={most}: the size that can be learned in the time; the data has {facts.side} px"
        )
    side = min(facts.side, most)
    seen = samples_within(facts, side * side * min(facts.height, facts.width) // facts.side)
    passes = seen / facts.count
    if passes >= OFTEN:
        kind = "diffaugment" if seen < LONG else "ada"
        fields.append(f"task.augment={kind}")
        reasons.append(
            f"task.augment={kind}: each image will be seen about {passes:,.0f} times, and D would memorize it"
        )
    if facts.machine.device == "cpu" and facts.machine.bf16:
        fields.append("precision=bf16")
        reasons.append(
            "precision=bf16: this processor has the instructions, with which it sees 1.5 times as many samples and "
            "learns as much from each"
        )
    return "r3gan-small", fields, reasons


def labels(facts: Facts, fields: list[str], reasons: list[str]) -> None:
    """Whether G and D are conditioned on the label."""
    if facts.classes >= 2 and facts.count >= LEAST_A_CLASS * facts.classes:
        fields.append("task.conditional=true")
        reasons.append(
            f"task.conditional=true: {facts.classes} labels of {facts.count // facts.classes:,} images each on "
            "average help a great deal; `ganforge sample RUN --label NAME` then asks for one"
        )
        return
    fields.append("task.conditional=false")
    if facts.classes >= 2:
        reasons.append(
            f"task.conditional=false: {facts.classes} labels have fewer than {LEAST_A_CLASS} images each on average"
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
    if facts.machine.minutes is None:
        return whole
    cores = 1 + 0.5 * (min(facts.machine.cores, 4) - 1) if facts.machine.device == "cpu" else 4
    return min(whole, 60 * facts.machine.minutes * cores / (3e-3 + 3.5e-6 * pixels))
