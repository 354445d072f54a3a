"""Changing attributes of real images: one generator for all, which is given those that an image is to have.

Choi et al. 2018, "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation".

    repeat:
        D takes `d_steps` steps on   objective.d(D(x), D(G(x, t))) + Σ weight · penalty + classify · −log D(v | x)
        G takes a step on            objective.g(D(G(x, t))) + classify · −log D(t | G(x, t))
                                     + cycle · |x − G(G(x, t), v)|₁

v: the attributes of x, t: those of another image of the batch. Attributes are named conditions of any kind
(`tasks.heads` says what −log D is for each), or one class. In addition to the paper, each is asked for with probability
`ask` only; G then gets "unknown" in its place and must leave it as it is, so that one attribute can be changed without
knowing the others. With ask 1 it is the method of the paper.

N images x [N, C, H, W], A attributes, v, t [N, K] their numbers, losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ganforge.core.commands import command
from ganforge.core.condition_kinds import Angle, Category, Condition, Listed, Number, Value
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, DiscriminatorOutput, Memory, Nets, Spec, Terms, wide
from ganforge.losses.base import Objective, Penalty
from ganforge.modalities.pair.tasks.translating import ChangesImages
from ganforge.modalities.pair.views import Rows
from ganforge.nets.base import Discriminator, Translator
from ganforge.signals import Steps, Usage
from ganforge.tasks.acgan import feature_width
from ganforge.tasks.base import Phase
from ganforge.tasks.critics import DiscriminatorLosses, lazy_phases
from ganforge.tasks.heads import losses_of, outputs_of
from ganforge.tasks.user_translators import UserTranslator

SHOWN = 6
"""Values of an attribute that previews show, at most."""
LABEL = "label"
"""The name of the attribute, of images with classes."""


class Attributes(ChangesImages, kind="attributes"):
    """One translator for all values of some attributes (StarGAN)."""

    translator: Translator
    """The net that changes images; it gets the attributes as further channels."""
    discriminator: Discriminator
    """The net that tells its outputs from real images; its features tell the attributes."""
    objective: Objective = Field(default="wasserstein", validate_default=True)
    """The adversarial loss of the two."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties in D's loss."""
    conditions: tuple[str, ...] = ()
    """Names of the conditions that can be changed; by default those whose values are listed (categories, labels,
    ordinals)."""
    ask: float = Field(default=1.0, gt=0, le=1)
    """Probability that an attribute is asked for in training; the others stay as they are. 1 in the paper."""
    classify: Rate = 1.0
    """Weight of the attributes, in the losses of D and G; 1 in the paper."""
    cycle: Rate = 10.0
    """Weight of the way back to the image; 10 in the paper."""
    d_steps: int = Field(default=5, ge=1)
    """Number of D steps per G step, each on a new batch; 5 in the paper."""

    @property
    def d_losses(self) -> DiscriminatorLosses:
        return DiscriminatorLosses(self.objective, self.penalties)

    def adapt(self, spec: Spec) -> Spec:
        self.attributes(spec)
        self.translator.check(spec, spec)
        return spec

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.discriminator.nearest(shape)

    def attributes(self, spec: Spec) -> Conditions:
        """The conditions that can be changed.

        Raises:
            UserError: the data has none, or none of these names.
        """
        if not spec.conditions and spec.classes > 1:
            names = spec.labels or tuple(str(k) for k in range(spec.classes))
            return Conditions((Category(LABEL, names),))
        found = tuple(spec.conditions[name] for name in self.conditions) if self.conditions else ()
        found = found or tuple(one for one in spec.conditions.each if isinstance(one, Listed))
        if not found:
            raise UserError(
                "task: there are no attributes to change. Name a table of them (labels=labels.csv), put the images of "
                "each class in a folder of its own, or choose conditions with task.conditions=[angle]",
                code="task.no_attributes",
            )
        return Conditions(found)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        chosen = self.attributes(spec)
        plain = Spec(spec.shape, state=spec.state)
        D = self.discriminator.build(plain)
        self.d_losses.refuse(plain, {"D": D})
        critic = Classifying(D, feature_width(D, plain, self.discriminator.kind), outputs_of(chosen))
        source = Spec((spec.shape[0] + chosen.width, *spec.shape[1:]))
        return {"G": Editing(self.translator.build(source, plain), chosen, spec.conditions), "D": critic}

    def memory(self, spec: Spec) -> Memory:
        return Memory(self.d_losses.memory({"D": self.players(spec)["D"]}) if self.penalties else {})

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps, order=self.d_losses.order),
            *lazy_phases(self.d_losses, ("D",), self._lazy, 1.0),
            Phase("G", self.g_loss, trains=("G",)),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """D's loss: real or changed, and which attributes real images have."""
        G: Any = nets.G
        own = G.own(batch.c)
        losses, seen = self.d_losses.d("D", nets, batch.x, self._changed(nets, batch, own, rng), rng)
        missed = torch.stack(losses_of(wide(nets.D(batch.x).classes), own, G.chosen)).sum(0)
        return Terms(losses | {"classify": at(self.classify, rng.samples) * missed}, seen.stats)

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss: adversarial, attributes, and the way back."""
        G: Any = nets.G
        own = G.own(batch.c)
        wanted, asked = self._asked(G, own, rng)
        made = G(batch.x, G.asked_for(wanted, asked))
        output = nets.D(made)
        real = None
        if self.objective.uses_real:
            with torch.no_grad():
                real = nets.D(batch.x)
        missed = torch.stack(losses_of(wide(output.classes), torch.where(G.spread(asked), wanted, own), G.chosen)).sum(
            0
        )
        back = G(made, G.asked_for(own, asked))
        return Terms({
            "adversarial": self.d_losses.g(output, real),
            "classify": at(self.classify, rng.samples) * missed,
            "cycle": at(self.cycle, rng.samples) * wide(back - batch.x).abs().flatten(1).mean(1),
        })  # fmt: skip

    @torch.no_grad()
    def _changed(self, nets: Nets, batch: Batch, own: Tensor, rng: Rng) -> Tensor:
        G: Any = nets.G
        wanted, asked = self._asked(G, own, rng)
        return G(batch.x, G.asked_for(wanted, asked))

    def _asked(self, G: Editing, own: Tensor, rng: Rng) -> tuple[Tensor, Tensor]:
        """The attributes of other images of the batch, [N, K], and which of them are asked for, bool [N, A]."""
        others = rng.integers("others", (len(own),), len(own)).to(own.device)
        asked = rng.uniform("ask", (len(own), len(G.chosen.each))).to(own.device) < self.ask
        return own[others], asked

    def _lazy(self, penalty: Penalty):
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            G: Any = nets.G
            fake = self._changed(nets, batch, G.own(batch.c), rng)
            return Terms(self.d_losses.penalty_losses(penalty, "D", nets, batch.x, fake, rng))

        return loss

    def sources_and_targets(self, dataset: Dataset, spec: Spec) -> tuple[Dataset, Dataset]:
        return Half(dataset, 0), Half(dataset, 1)

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        """As the base class; a source [N, C + K, h, w] holds the attributes in its last channels, and one without them
        is given values in turn."""
        G: Any = nets.G
        if source.shape[1] == G.colors:
            return G(source, G.in_turn(len(source)).to(source))
        return G.net(source)

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        from ganforge.modalities.pair.editor import AttributeEditor

        return AttributeEditor(bundle, name, direction, tile)

    def usage(self, file: str, spec: Spec) -> Usage:
        example = self._example(spec)
        return Usage(
            f'model = gf.load("{file}")\nmade = model.translate("photo.png", where="{example}")  # uint8 [H, W, C]',
            command("translate", file, "photos/", "--where", example, "--out", "made/"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("use it", command("translate", folder, "photos/", "--where", self._example(spec), "--out", "made/"))]

    def _example(self, spec: Spec) -> str:
        first = self.attributes(spec).each[0]
        value = first.values[0] if isinstance(first, Listed) else first.text(first.value(np.ones(first.known)))
        return f"{first.name}={value}"

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor]:
        """The images, and the same with the first values of the first attribute."""
        G: Any = nets.G
        first = G.chosen.each[0]
        values = [first.read(value) for value in first.values[:SHOWN]] if isinstance(first, Listed) else _spread(first)
        columns = [batch.x]
        for value in values:
            row = torch.from_numpy(G.chosen.encode([(value, *[None] * (len(G.chosen.each) - 1))]))
            columns.append(wide(G(batch.x, row.to(batch.x).expand(len(batch), -1))))
        return columns


def _spread(one: Condition) -> list[Value]:
    """Some values of a number or an angle, from end to end."""
    if isinstance(one, Angle):
        return list(np.linspace(0, one.period, 4, endpoint=False).tolist())
    assert isinstance(one, Number)
    return list(np.linspace(one.low, one.high, 4).tolist())


class Editing(nn.Module):
    """G: a translator that gets the attributes as constant channels.

    Args:
        chosen: the attributes. every: all conditions of the data; none if it has classes.
    """

    def __init__(self, net: nn.Module, chosen: Conditions, every: Conditions):
        super().__init__()
        self.net, self.chosen = net, chosen
        places = [np.arange(every.width)[every.slices[one.name]] for one in chosen.each] if every else []
        self.columns = np.concatenate(places).tolist() if places else None
        sizes = torch.tensor([one.width for one in chosen.each])
        self.sizes, self.last = sizes.tolist(), (sizes.cumsum(0) - 1).tolist()
        self.colors: int = next(p for p in net.parameters() if p.ndim == 4).shape[1] - chosen.width

    def own(self, c: Tensor) -> Tensor:
        """The attributes [N, K] from the conditions of a batch, or its classes int64 [N]."""
        if not c.is_floating_point():
            return one_hot(c, self.chosen.width).float()
        return c if self.columns is None else c[:, self.columns]

    def spread(self, asked: Tensor) -> Tensor:
        """One value per attribute [N, A] → one per number [N, K]."""
        return asked.repeat_interleave(torch.tensor(self.sizes, device=asked.device), 1)

    def asked_for(self, values: Tensor, asked: Tensor) -> Tensor:
        """Values [N, K] where they are asked for, and unknown elsewhere."""
        unknown = torch.zeros_like(values)
        unknown[:, self.last] = 1
        return torch.where(self.spread(asked), values, unknown)

    def in_turn(self, n: int) -> Tensor:
        """Attributes [n, K]: one changed at a time, all values in turn."""
        rows: list[tuple[Any, ...]] = []
        for k, one in enumerate(self.chosen.each):
            values = [one.read(value) for value in one.values] if isinstance(one, Listed) else []
            rows += [tuple(value if j == k else None for j in range(len(self.chosen.each))) for value in values]
        rows = rows or [(None,) * len(self.chosen.each)]
        return torch.from_numpy(self.chosen.encode([rows[k % len(rows)] for k in range(n)]))

    def forward(self, x: Tensor, values: Tensor) -> Tensor:
        planes = values.to(x.dtype)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        return self.net(torch.cat([x, planes], 1))


class Classifying(nn.Module):
    """D with a linear layer on its features that tells the attributes."""

    def __init__(self, net: nn.Module, features: int, outputs: int):
        super().__init__()
        self.net, self.classify = net, nn.Linear(features, outputs, bias=False)

    def forward(self, x: Tensor, c: Tensor | None = None) -> DiscriminatorOutput:
        output: DiscriminatorOutput = self.net(x)
        return output._replace(classes=self.classify(output.features))


class Half(Rows):
    """Every other item of a data set, from `first` on."""

    def __init__(self, dataset: Dataset, first: int):
        super().__init__(dataset, np.arange(first, len(dataset), 2))
        self.digest = f"{dataset.digest}/{first} of 2" if dataset.digest else ""
        self.conditions = dataset.conditions
        self.vectors = None if dataset.vectors is None else dataset.vectors[self.rows]
