"""What the pages with models ask for, checked before a worker sees it. Nothing here imports torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictInt

from ganforge.web.asks import Ask, Form, Label, Number, Seed, Text, Texts, Truncation

Method = Literal["sefa", "pca", "jacobian"]
Pixel = Annotated[float, Field(ge=0, le=100_000)]
TILES = 8
"""Samples around the one that is seen, of which one is chosen to go nearer."""


class Move(Ask):
    """A move along a direction, in standard deviations."""

    method: Method
    name: Text
    amount: float = Field(ge=-20, le=20)


class Conditions(Ask):
    """What samples are to be, and how they are drawn."""

    label: Label | None = None
    truncation: Truncation = 1.0
    where: Texts = Field(default=[])
    text: Texts = Field(default=[])
    temperature: Number | None = None
    guidance: Number | None = None


class Place(Conditions):
    """One sample: where it is in the latent space, and what it is.

    Attributes:
        to, share: a second seed, and where between the two.
        projected: the number of a projection, in place of seeds.
        path: which of the `TILES` around was chosen, time after time.
        moves: along directions.
        view: the part of the page that shows it; of its requests the newest counts.
    """

    seed: Seed = 0
    to: Seed | None = None
    share: float = Field(default=0.0, ge=0, le=1)
    projected: int | None = Field(default=None, ge=1)
    path: list[Annotated[int, Field(ge=0, lt=TILES)]] = Field(default=[], max_length=40)
    moves: list[Move] = Field(default=[], max_length=40)
    view: str = Field(default="", max_length=64)
    format: Form | None = None


class Latent(Place):
    """The point of a sample as a file. whole: with truncation and moves along directions, which else are left out."""

    whole: bool = False


class Pull(Ask):
    """A point of an image and where it is to go, (x, y) in px from the top left."""

    handle: tuple[Pixel, Pixel]
    target: tuple[Pixel, Pixel]


class Dragging(Place):
    """Points of the sample at a place that are moved.

    Attributes:
        pulls: points with their targets. steps: of the search, at most.
        mask: whether an image comes with it that is white where the sample may change.
    """

    pulls: list[Pull] = Field(min_length=1, max_length=16)
    steps: int = Field(default=200, ge=1, le=1000)
    mask: bool = False


class Several(Conditions):
    """Several samples, to be shown or as a file."""

    n: int = Field(default=16, ge=1, le=100_000)
    seed: Seed = 0
    format: Form | None = None
    view: str = Field(default="", max_length=64)


class Film(Conditions):
    """A way through the latent space as a film: from seed to seed, or along a direction.

    Attributes:
        along: the direction; then `seeds` holds one.
        far: how far along it to both sides.
    """

    seeds: list[Seed] = Field(default=[1, 2], min_length=1, max_length=64)
    count: int = Field(default=60, ge=2, le=600)
    rate: float = Field(default=30, gt=0, le=120)
    loop: bool = False
    along: Move | None = None
    format: Literal["gif", "mp4"] = "gif"


class Finding(Ask):
    """Directions of a method."""

    method: Method
    layers: tuple[int, int] | None = None


class Mixing(Ask):
    """Styles of some samples in others."""

    base: list[Seed] = Field(min_length=1, max_length=6)
    style: list[Seed] = Field(min_length=1, max_length=6)
    layers: tuple[int, int] | None = None
    label: Label | None = None
    truncation: Truncation = 1.0


class Projecting(Ask):
    """How the latent of an image is sought."""

    label: Label | None = None
    steps: int = Field(default=300, ge=1, le=2000)
    bound: float | None = Field(default=None, gt=0, le=10)


class UsingFile(Ask):
    """How a model uses a file: values of the settings of `Signal.file_use`; of those left out the usual ones."""

    settings: dict[Text, StrictInt | Text] = Field(default={}, max_length=16)
