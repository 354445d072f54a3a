"""What a model can be asked for over the web, checked before a worker sees it. Nothing here imports torch.

Each class is one JSON body; OpenAPI takes its schema from them. Whether a model has such a label, condition or format
is the worker's to say.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_SAMPLES = 100_000
MOST_SEED = 2**63 - 1
MOST_TEXT = 1_000  # characters

Text = Annotated[str, Field(max_length=MOST_TEXT)]
Texts = Annotated[list[Text], Field(max_length=64)]
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
Label = Annotated[int, Field(ge=0, le=2**31)] | Text
Truncation = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Number = Annotated[float, Field(ge=0, le=1_000, allow_inf_nan=False)]
Form = Annotated[str, Field(pattern=r"^[a-z0-9]{1,12}$")]


class Ask(BaseModel):
    """What all bodies share: fields that are not known are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Sample(Ask):
    """New samples, as one file."""

    n: int = Field(default=1, ge=1, le=MOST_SAMPLES, description="Number of samples.")
    seed: Seed = Field(default=0, description="Sample k of a seed is always the same sample.")
    label: Label | list[Label] | None = Field(
        default=None,
        description="The class, by name or index, or one for each sample. By default a conditional model cycles "
        "through its classes.",
    )
    truncation: Truncation = Field(default=1.0, description="Lower values give more typical, less varied samples.")
    where: Texts = Field(
        default=[],
        description="Conditions, such as `age between 30 and 40` on the rows of a table or `color=red` for a model "
        "with conditions.",
    )
    text: Texts = Field(default=[], description="For models trained with captions: what samples show, in turn.")
    format: Form | None = Field(
        default=None, description="One of the `formats` of the model; by default the first of them."
    )
    exact: bool = Field(
        default=False,
        description="Compute alone, so that the same request always gives the same bytes, those of `ganforge sample` "
        "in the same precision. Otherwise requests share passes through the nets, and a pixel can differ by one level "
        "of 255.",
    )
    to: Seed | None = Field(default=None, description="A second seed: one sample on the arc between the two.")
    share: float = Field(default=0.5, ge=0, le=1, description="Where on that arc: 0 is `seed`, 1 is `to`.")
    columns: int | None = Field(default=None, ge=1, le=256, description="Samples per row of an image of several.")
    temperature: Number | None = Field(default=None, description="For models that draw tokens.")
    guidance: Number | None = Field(default=None, description="For models trained with hidden conditions.")
    frames: int | None = Field(default=None, ge=1, le=1_000, description="For films of any length.")
    fps: Number | None = Field(default=None, description="For films of any rate.")


class Walk(Ask):
    """A film of a path through latent space, from seed to seed."""

    seeds: list[Seed] = Field(default=[1, 2], min_length=1, max_length=64, description="The seeds, in order.")
    count: int = Field(default=60, ge=2, le=600, description="Number of frames.")
    rate: float = Field(default=30, gt=0, le=240, description="Frames per second.")
    mode: Literal["slerp", "linear"] = Field(default="slerp", description="Arcs or straight lines.")
    loop: bool = Field(default=False, description="Return to the first seed.")
    label: Label | None = Field(default=None, description="The class of all frames; by default the first.")
    truncation: Truncation = 1.0
    where: Texts = Field(default=[], description="For models with conditions: what all frames are.")
    vary: Text | None = Field(default=None, description="A condition that moves, with its ends: `angle=0..360`.")
    text: Texts = Field(default=[], description="What all frames show; several: from one to the next.")
    guidance: Number | None = None
    format: Literal["gif", "mp4", "png"] = Field(default="gif", description="`png` is a strip of frames.")
    smallest: int = Field(default=256, ge=8, le=1_024, description="Enlarge frames to at least this many px a side.")


class Translate(Ask):
    """What a translator makes of a file. The file itself is beside these fields, as a form of `multipart/form-data`."""

    direction: Literal["ab", "ba"] | None = Field(default=None, description="For models of both directions.")
    tile: int | None = Field(default=None, ge=16, le=8_192, description="Side in px of the tiles of a large image.")
    where: Texts = Field(default=[], description="For models that change attributes: `color=blue`.")
    format: Form = Field(default="png", description="Of the answer: png, jpg or webp; wav or flac; npy, glb.")


ASKS: dict[str, type[Ask]] = {"sample": Sample, "walk": Walk, "translate": Translate}
"""Operation → the fields that it takes."""
