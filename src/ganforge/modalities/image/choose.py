"""Automatic choice of a recipe for images: rules, applied from the top, with reasons.

    Facts (count, size, channels, labels), Machine → Choice(recipe, fields, reasons)

Evidence for the rules (docs/results.md, docs/performance.md): on CPUs, `r3gan-small` reaches in 180 seconds the quality
of `dcgan` after 600, and labels improve quality more than any choice of nets. On CPUs with bf16 instructions, bf16 is
1.5 times as fast, with the same quality per sample: 56 seconds on one AVX-512 BF16 core on MNIST with labels
(2026-11-21) gave fd 48 with bf16 and 15,456 samples, and 85 with fp32 and 10,464, in the features of a digit
classifier. The rules for GPUs are based on the papers of the recipes, not on our own measurements.
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
"""Minimum number of images: with fewer, a GAN can only memorize them."""
FEW_PICTURES = 1_000
"""With fewer images, on accelerators, the recipe for about a hundred images is used."""
SOME_PICTURES = 20_000
"""With fewer images, on accelerators, the recipe for about a thousand images is used."""
LEAST_A_CLASS = 20
"""Minimum average number of images per label for conditional training."""
OFTEN = 50
"""Number of passes over the data from which on augmentation is used, so that D does not memorize images."""
LONG = 200_000
"""Number of samples from which on adaptive augmentation has enough time to adapt."""
LARGE = 16.0
"""Minimum GPU memory in GiB for the large recipes."""
PATIENT = 240.0
"""Minimum training time in minutes for the large recipes."""


@dataclass(frozen=True)
class Facts:
    """Properties of a set of images, for the choice of a recipe.

    Attributes:
        name: the user's name for the data.
        count: number of images.
        height, width: in px; the median if sizes differ.
        channels: 1 gray, 2 gray with alpha, 3 RGB, 4 RGBA.
        classes: number of classes; 0 without labels.
        conditions: names of the conditions, if the data has any.
        captions: whether one of them is a sentence.
    """

    name: str
    count: int
    height: int
    width: int
    channels: int = 1
    classes: int = 0
    machine: Machine = Machine()
    conditions: tuple[str, ...] = ()
    captions: bool = False

    @classmethod
    def of(cls, dataset: Dataset, machine: Machine) -> Facts:
        shapes = dataset.shapes()
        height, width = median(shapes)
        channels = max(shape[2] for shape, _ in shapes)
        names, captions = dataset.conditions.names, bool(dataset.conditions.texts)
        return cls(dataset.name, len(dataset), height, width, channels, len(dataset.classes), machine, names, captions)

    @property
    def side(self) -> int:
        """The longer side in px."""
        return max(self.height, self.width)

    @property
    def large(self) -> bool:
        """Whether machine and time are sufficient for the large recipes."""
        patient = self.machine.minutes is None or self.machine.minutes >= PATIENT
        return self.machine.device == "cuda" and self.machine.memory >= LARGE and patient

    def __str__(self) -> str:
        order = "" if self.height == self.width else " (height × width)"
        what = f"{self.count:,} images of {self.height}×{self.width}{order}, {MODES.get(self.channels, '')}"
        labels = f", {self.classes} labels" if self.classes else ""
        return f"{what}{labels}; {self.machine}"


MODES = {1: "gray", 2: "gray with alpha", 3: "RGB", 4: "RGBA"}


Found = tuple[str, list[str], list[str]]
"""A recipe's name, fields, reasons."""


def choose(facts: Facts) -> Choice:
    """By machine and time first, then by the number and the size of the images.

    Raises:
        UserError: there are too few images for any recipe.
    """
    if facts.count < LEAST_PICTURES:
        raise UserError(
            f"data {facts.name}: {facts.count} images are too few to choose a recipe; at least {LEAST_PICTURES} are "
            "needed, several hundred are better. To train anyway: " + command("train", "fastgan", f"data={facts.name}"),
            code="data.too_few_samples",
        )
    if facts.conditions:
        return conditional(facts)
    recipe, fields, reasons = large(facts) if facts.large else small(facts)
    labels(facts, fields, reasons)
    return Choice(str(facts), recipe, tuple(fields), tuple(reasons))


def conditional(facts: Facts) -> Choice:
    """The rule for data with conditions."""
    most, fields = most_pixels(facts.machine.minutes), []
    recipe = "text2image-small" if facts.captions else "conditions-small"
    reasons = [f"{recipe}: the data has the conditions {', '.join(facts.conditions)}"]
    if facts.side > most:
        fields.append(f"signal.max_size={most}")
        reasons.append(f"signal.max_size={most}: the largest size for this training time; the data has {facts.side} px")
    return Choice(str(facts), recipe, tuple(fields), tuple(reasons))


def large(facts: Facts) -> Found:
    """Rules for accelerators with much memory, and hours of training."""
    side = next((s for s in (256, 128, 64) if min(facts.height, facts.width) >= s), 32)
    size = [f"signal.size={side}"]
    if facts.count < FEW_PICTURES:
        return "fastgan", size, [f"fastgan: designed for about a hundred images; this set has {facts.count:,}"]
    if facts.count < SOME_PICTURES:
        weight = f"task.penalties.0.weight={gamma(side, 32):g}"
        why = f"stylegan2-ada: {facts.count:,} images are few for a large net; it adapts augmentation to overfitting"
        return "stylegan2-ada", [*size, weight], [why, f"{weight}: γ by the authors' rule for {side} px"]
    if side == 32:
        return "r3gan-cifar10", [], ["r3gan-cifar10: many small images, a large GPU and hours"]
    if side == 64:
        return "r3gan-64", size, ["r3gan-64: many images of 64 px and more, a large GPU and hours"]
    if side == 256:
        return "r3gan-256", size, ["r3gan-256: many images of 256 px and more, a large GPU and days"]
    weight = f"task.penalties.0.weight={gamma(side, 64):g}"
    why = "stylegan2-256: many images, of a size for which R3GAN was not tuned by its authors"
    return "stylegan2-256", [*size, weight], [why, f"{weight}: γ by the authors' rule for {side} px"]


def small(facts: Facts) -> Found:
    """Rules for CPUs, small accelerators, or little time."""
    where = "on a CPU" if facts.machine.device == "cpu" else "with little time or a small accelerator,"
    fields, reasons = [], [f"r3gan-small: {where} it is the fastest recipe"]
    most = 64 if facts.machine.device != "cpu" else most_pixels(facts.machine.minutes)
    if facts.side > most:
        fields.append(f"signal.max_size={most}")
        reasons.append(f"signal.max_size={most}: the largest size for this training time; the data has {facts.side} px")
    side = min(facts.side, most)
    seen = samples_within(facts, side * side * min(facts.height, facts.width) // facts.side)
    passes = seen / facts.count
    if passes >= OFTEN:
        kind = "diffaugment" if seen < LONG else "ada"
        fields.append(f"task.augment={kind}")
        reasons.append(
            f"task.augment={kind}: with about {passes:,.0f} passes over the data, D would memorize the images"
        )
    if facts.machine.device == "cpu" and facts.machine.bf16:
        fields.append("precision=bf16")
        reasons.append(
            "precision=bf16: this CPU has bf16 instructions, with which training is about 1.5 times as fast, with the "
            "same quality per sample"
        )
    return "r3gan-small", fields, reasons


def labels(facts: Facts, fields: list[str], reasons: list[str]) -> None:
    """Decides whether G and D are conditioned on the label."""
    if facts.classes >= 2 and facts.count >= LEAST_A_CLASS * facts.classes:
        fields.append("task.conditional=true")
        reasons.append(
            f"task.conditional=true: {facts.classes} labels of {facts.count // facts.classes:,} images each on "
            "average improve quality much; `ganforge sample RUN --label NAME` then generates one class"
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
    """The maximum longer side in px for training on a CPU in this time."""
    if minutes is None or minutes >= 30:
        return 64
    return 48 if minutes >= 5 else 32


def samples_within(facts: Facts, pixels: int) -> float:
    """The expected number of samples that `r3gan-small` will see, at most that of the recipe.

    A sample of 28×28 to 64×64 px took 3 ms and 3.5 µs a pixel on one core of an AMD EPYC in fp32 (2026-11-21); a second
    core is assumed to add half of its speed, and so on, up to four. For accelerators, only a lower bound is known.
    """
    whole = 1_200_000
    if facts.machine.minutes is None:
        return whole
    cores = 1 + 0.5 * (min(facts.machine.cores, 4) - 1) if facts.machine.device == "cpu" else 4
    return min(whole, 60 * facts.machine.minutes * cores / (3e-3 + 3.5e-6 * pixels))
