"""Values exchanged between the component families."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ganforge.core.conditions import Conditions

MOST_CLASSES = 2**20
WIDE = (torch.float32, torch.float64)


def wide(x: Tensor) -> Tensor:
    """x in at least float32; float64 is kept. Autocast produces bfloat16, which is not accurate enough for losses and
    statistics."""
    return x if x.dtype in WIDE else x.to(torch.promote_types(x.dtype, torch.float32))


@dataclass(frozen=True)
class Spec:
    """What one sample is, as the nets see it.

    Attributes:
        shape: shape of an encoded sample, channels first: [C, H, W] for an image, [D] for a point.
        classes: number of classes; 0 if there are no labels or the task does not use them.
        labels: names of the classes.
        state: what else the signal needs for decoding; JSON only.
        conditions: named conditions of any kind, in place of classes (`classes` is 0 then); empty if there are none.
        predicts: names of the classes that the trained model predicts for given samples; empty if it predicts none.
    """

    shape: tuple[int, ...]
    classes: int = 0
    labels: tuple[str, ...] = ()
    state: dict[str, Any] = field(default_factory=dict)
    conditions: Conditions = Conditions()
    predicts: tuple[str, ...] = ()

    @property
    def for_nets(self) -> Spec:
        """The spec that nets are built for: conditions count as many classes as their vectors have numbers, since a
        net treats a vector as it treats a one-hot class."""
        return replace(self, classes=self.conditions.width) if self.conditions else self

    def conditioned(self, conditions: Conditions) -> Spec:
        """The spec with these conditions in place of its classes, if there are any."""
        return replace(self, classes=0, labels=(), conditions=conditions) if conditions else self

    def to_plain(self) -> dict[str, Any]:
        plain = {"shape": list(self.shape), "classes": self.classes, "labels": list(self.labels), "state": self.state}
        plain |= {"conditions": self.conditions.to_plain()} if self.conditions else {}
        return plain | ({"predicts": list(self.predicts)} if self.predicts else {})

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Spec:
        """The inverse of `to_plain`.

        Raises:
            ValueError: a size is not an integer of at least 1, there are more than `MOST_CLASSES` classes, or the
                number of labels differs from that of classes, or the conditions are not valid.
        """
        shape, classes, labels = tuple(plain["shape"]), plain["classes"], tuple(plain["labels"])
        if not shape or not all(type(size) is int and size >= 1 for size in shape):
            raise ValueError(f"the shape of a sample is {list(shape)}")
        if type(classes) is not int or not 0 <= classes <= MOST_CLASSES or (labels and len(labels) != classes):
            raise ValueError(f"{classes!r} classes with {len(labels)} labels")
        conditions = Conditions.from_plain(plain["conditions"]) if plain.get("conditions") else Conditions()
        if conditions and classes:
            raise ValueError("both classes and conditions")
        predicts = tuple(plain.get("predicts", ()))
        if len(predicts) > MOST_CLASSES or not all(isinstance(name, str) for name in predicts):
            raise ValueError("the names of the predicted classes are not a list of texts")
        return cls(shape, classes, labels, dict(plain["state"]), conditions, predicts)


@dataclass(frozen=True)
class Batch:
    """Real samples on the device.

    Attributes:
        x: encoded samples, float32 (float64 under precision=fp64) [N, *spec.shape], in [-1, 1] for images.
        c: labels, int64 [N]; vectors of `Spec.conditions`, float [N, K]; or None.
        extra: additional tensors for the task (a source image, a mask), each [N, ...].
        made: detached outputs shared by the phases of a step.
    """

    x: Tensor
    c: Tensor | None = None
    extra: dict[str, Tensor] = field(default_factory=dict)
    made: dict[str, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return self.x.shape[0]

    def rows(self, start: int, stop: int) -> Batch:
        """The samples start..stop of this batch."""
        if (start, stop) == (0, len(self)):
            return self
        c = None if self.c is None else self.c[start:stop]
        return Batch(self.x[start:stop], c, {k: v[start:stop] for k, v in self.extra.items()})

    def to(self, dtype: torch.dtype) -> Batch:
        """The same samples with floating-point tensors in `dtype`; labels and other integers are unchanged."""
        extra = {k: v.to(dtype) if v.is_floating_point() else v for k, v in self.extra.items()}
        c = self.c.to(dtype) if self.c is not None and self.c.is_floating_point() else self.c
        return replace(self, x=self.x.to(dtype), c=c, extra=extra)


class DiscriminatorOutput(NamedTuple):
    """The output of a discriminator for a batch."""

    logits: Tensor
    """[N], or [N, P] for a net that scores P patches of each sample; before any sigmoid, high means real."""
    features: Tensor | None = None
    """[N, F]: the last hidden layer, for feature matching."""
    classes: Tensor | None = None
    """[N, classes]: class logits, if D predicts the class (ACGAN)."""
    misread: Tensor | None = None
    """[N]: the loss of D's prediction of the conditions c of the samples, if it predicts conditions."""
    rebuilt: Callable[[], Tensor] | None = None
    """→ [N]: the error of D's reconstruction of the samples from its features, if it has decoders (FastGAN)."""
    layers: list[Tensor] | None = None
    """Hidden feature maps, first to last, each [N, F, h, w], for feature matching (pix2pixHD)."""


@dataclass(frozen=True)
class Terms:
    """The output of a phase: losses to minimize, and stats to log.

    Attributes:
        losses: per-sample losses by name, float [N]; the trainer sums their means.
        stats: detached values by name, of any shape; the trainer averages and logs them.
    """

    losses: dict[str, Tensor]
    stats: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """A request for samples from a trained generator.

    Attributes:
        n: number of samples.
        seed: selects a table of latents; sample k of a seed is always the same.
        start: the first row of that table.
        labels: int64 [n], or vectors of `Spec.conditions`, float [n, K]; None to take all classes in turn, or to draw
            combinations of the data.
        latents: float [n, width] in place of the seeded ones.
        styles: float [n, layers, K] in place of latents: what each layer of the generator is given (`Task.styles`).
        shift: added to the latents, float [n, width], or to the styles, float [n, layers, K]; or [1, ...] for all.
        truncation: in (0, 1]; lower values give more typical, less varied samples.
        temperature: of draws from distributions over tokens, for tasks that take one (`Task.takes_temperature`).
        device, dtype: those of the nets; latents are converted to them.
        extra: additional inputs of the task's generators (a condition), each [n, ...], as in `Batch.extra`.
    """

    n: int
    seed: int = 0
    start: int = 0
    labels: Tensor | None = None
    latents: Tensor | None = None
    styles: Tensor | None = None
    shift: Tensor | None = None
    truncation: float = 1.0
    temperature: float = 1.0
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
    extra: dict[str, Tensor] = field(default_factory=dict)


class Memory:
    """Persistent state (a running mean, a pool of images): named tensors, saved in every checkpoint.

    Attributes:
        apart: names of tensors that each of several processes keeps for itself, such as pools. Of all other
            floating-point ones, the processes take the mean after each phase.
        parts: number of parts of a batch that are computed at the same time and then averaged: what counts samples
            multiplies by it.
    """

    def __init__(self, buffers: Mapping[str, Tensor] | None = None, apart: Iterable[str] = ()):
        self.buffers: dict[str, Tensor] = dict(buffers or {})
        self.apart = frozenset(apart)
        self.parts = 1
        self.prefix = ""

    def part(self, name: str) -> Memory:
        """A view with a prefix: `part("augment")["p"]` is `["augment.p"]`."""
        view = Memory()
        view.buffers, view.prefix = self.buffers, f"{self.prefix}{name}."
        view.parts = self.parts
        return view

    def __getitem__(self, name: str) -> Tensor:
        return self.buffers[self.prefix + name]

    def __setitem__(self, name: str, value: Tensor) -> None:
        name = self.prefix + name
        if name not in self.buffers:
            raise KeyError(
                f"memory {name!r} was not declared by the task (declared: {', '.join(self.buffers) or 'none'})"
            )
        self.buffers[name] = value.detach()


class Nets(Mapping[str, nn.Module]):
    """The nets of a task by name, with their shared memory: `nets["G"]` or `nets.G`."""

    def __init__(self, players: Mapping[str, nn.Module], memory: Memory | None = None):
        self.players = dict(players)
        self.memory = memory or Memory()

    def __getitem__(self, name: str) -> nn.Module:
        return self.players[name]

    def __getattr__(self, name: str) -> nn.Module:
        try:
            return self.__dict__["players"][name]
        except KeyError:
            raise AttributeError(f"no player {name!r}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self.players)

    def __len__(self) -> int:
        return len(self.players)

    def to(self, device: torch.device, dtype: torch.dtype = torch.float32) -> Nets:
        """All nets and the memory on `device`, with floating-point values in `dtype`."""
        for net in self.players.values():
            net.to(device, dtype)
        self.memory.buffers = {
            k: v.to(device, dtype if v.is_floating_point() else v.dtype) for k, v in self.memory.buffers.items()
        }
        return self
