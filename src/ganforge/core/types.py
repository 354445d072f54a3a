"""The few values that travel between the families."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

MOST_CLASSES = 2**20


def wide(x: Tensor) -> Tensor:
    """x in float32 at least; float64 stays. Autocast leaves bfloat16, too coarse for losses and statistics."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


@dataclass(frozen=True)
class Spec:
    """What one sample is, as the nets see it.

    Attributes:
        shape: of one encoded sample, channels first: [C, H, W] for an image, [D] for a point.
        classes: how many labels there are; 0 where there are none or the task does not use them.
        labels: their names, `classes` of them.
        state: whatever else a signal must know to decode; JSON only.
    """

    shape: tuple[int, ...]
    classes: int = 0
    labels: tuple[str, ...] = ()
    state: dict[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        return {"shape": list(self.shape), "classes": self.classes, "labels": list(self.labels), "state": self.state}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Spec:
        """The inverse of `to_plain`.

        Raises:
            ValueError: sizes that are no numbers of at least 1, more than `MOST_CLASSES` classes, or another number of
                labels than there are classes.
        """
        shape, classes, labels = tuple(plain["shape"]), plain["classes"], tuple(plain["labels"])
        if not shape or not all(type(size) is int and size >= 1 for size in shape):
            raise ValueError(f"the shape of a sample is {list(shape)}")
        if type(classes) is not int or not 0 <= classes <= MOST_CLASSES or (labels and len(labels) != classes):
            raise ValueError(f"{classes!r} classes with {len(labels)} labels")
        return cls(shape, classes, labels, dict(plain["state"]))


@dataclass(frozen=True)
class Batch:
    """Real samples on the device.

    Attributes:
        x: encoded samples, float32 (float64 under precision=fp64) [N, *spec.shape], in [-1, 1] for images.
        c: labels, int64 [N], or None.
        extra: what else a task's data brings (a source image, a mask), each [N, ...].
        made: detached outputs shared between the phases of one step.
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
        """The same samples with all real numbers in `dtype`; labels and other whole numbers stay."""
        extra = {k: v.to(dtype) if v.is_floating_point() else v for k, v in self.extra.items()}
        return replace(self, x=self.x.to(dtype), extra=extra)


class DiscriminatorOutput(NamedTuple):
    """What a discriminator says of a batch."""

    logits: Tensor
    """[N], or [N, P] of a net that scores P patches of each sample: before any sigmoid, high means real."""
    features: Tensor | None = None
    """[N, F]: its last hidden layer, for losses that match features."""
    classes: Tensor | None = None
    """[N, classes], before any softmax: which class it takes each sample for, where it guesses that (ACGAN)."""
    rebuilt: Callable[[], Tensor] | None = None
    """→ [N]: how far off it is when it draws the samples from its own features, where it can (FastGAN)."""
    layers: list[Tensor] | None = None
    """Its hidden maps, first to last, each [N, F, h, w], for losses that compare them (pix2pixHD)."""


@dataclass(frozen=True)
class Terms:
    """What a phase wants to be small, and what it wants to be seen.

    Attributes:
        losses: by name, one number a sample, float [N]; the trainer takes means and adds them up.
        stats: by name, detached numbers to watch, any shape; the trainer averages and logs them.
    """

    losses: dict[str, Tensor]
    stats: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """What is asked of a trained generator.

    Attributes:
        n: how many samples.
        seed: which table of latents; sample k of a seed is always the same.
        start: the first row of that table.
        labels: int64 [n], or None to draw them evenly.
        latents: float [n, width] in place of the seeded ones.
        truncation: scale of the latents, in (0, 1]; smaller is safer and less varied.
        device, dtype: of the nets, which latents are brought to.
        extra: what else a task's generators take (a condition), each [n, ...]; as in `Batch.extra`.
    """

    n: int
    seed: int = 0
    start: int = 0
    labels: Tensor | None = None
    latents: Tensor | None = None
    truncation: float = 1.0
    device: torch.device | str = "cpu"
    dtype: torch.dtype = torch.float32
    extra: dict[str, Tensor] = field(default_factory=dict)


class Memory:
    """State that outlives a step (a running mean, a pool of images): named tensors, saved in every checkpoint."""

    def __init__(self, buffers: Mapping[str, Tensor] | None = None):
        self.buffers: dict[str, Tensor] = dict(buffers or {})
        self.prefix = ""

    def part(self, name: str) -> Memory:
        """The same state, seen by one of its owners: `part("augment")["p"]` is `["augment.p"]`."""
        view = Memory()
        view.buffers, view.prefix = self.buffers, f"{self.prefix}{name}."
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
    """The players of a task by name, with the memory they share: `nets["G"]` or `nets.G`."""

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
        """All players and the memory on `device`, their real numbers in `dtype`."""
        for net in self.players.values():
            net.to(device, dtype)
        self.memory.buffers = {
            k: v.to(device, dtype if v.is_floating_point() else v.dtype) for k, v in self.memory.buffers.items()
        }
        return self
