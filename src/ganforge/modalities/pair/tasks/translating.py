"""Shared code of the tasks that translate images.

N: samples in the batch, P: patches.  x, y [N, C, H, W], source [N, Cs, h, w], losses [N].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import at
from ganforge.core.types import Memory, Nets, Spec, wide
from ganforge.losses.base import PerceptualNet, ReconstructionLoss, TranslatedPair
from ganforge.signals import Steps, Usage
from ganforge.tasks.base import Task
from ganforge.tasks.user_translators import UserTranslator


def reconstruction_losses(
    terms: Sequence[ReconstructionLoss], look: TranslatedPair, lens: PerceptualNet, rng: Rng
) -> dict[str, Tensor]:
    """The weighted loss [N] of each term, by name; terms that use a lens name it."""
    return {
        f"{term.kind}[{lens.kind}]" if term.sees == "lens" else term.kind: at(term.weight, rng.samples)
        * term.loss(look)
        for term in terms
    }


def by_critic(lens: PerceptualNet) -> bool:
    """Whether a lens is the critics themselves."""
    return type(lens).maps is PerceptualNet.maps


def through(lens: PerceptualNet, nets: Nets) -> Callable[[Tensor], list[Tensor]] | None:
    """A lens at work with its frozen weights; None where the critics are the lens."""
    if by_critic(lens):
        return None
    memory = nets.memory.part("lens")
    return lambda x: lens.maps(x, memory)


def lens_memory(lens: PerceptualNet, terms: Sequence[ReconstructionLoss]) -> dict[str, Tensor]:
    """The weights of a perceptual net that some term uses."""
    return {f"lens.{k}": v for k, v in lens.memory().items()} if any(t.sees == "lens" for t in terms) else {}


def refuse_terms(terms: Sequence[ReconstructionLoss], lens: PerceptualNet, critics: int, pairs: bool) -> None:
    """Checks the terms of a task before anything is built.

    Raises:
        UserError: a term is listed twice, or needs pairs or critics that this task does not have.
    """
    kinds = [term.kind for term in terms]
    if twice := {kind for kind in kinds if kinds.count(kind) > 1}:
        raise UserError(
            f"task.terms: {min(twice)} is listed twice; use one with the sum of the weights", code="loss.listed_twice"
        )
    for term in terms:
        if term.paired and not pairs:
            raise UserError(
                f"task.terms: {term.kind} compares an image with its target, but this task has no pairs. Terms that "
                "need no pairs: style, total_variation",
                code="task.term_needs_pairs",
            )
        if not critics and (term.sees == "critics" or (term.sees == "lens" and by_critic(lens))):
            raise UserError(
                f"task.terms: {term.kind} compares layers of the critics, but this task has no critics. Give it one, "
                "as in task.critics=[patchgan], or another lens: task.lens.kind=vgg task.lens.weights=FILE",
                code="task.no_critics",
            )


def source_spec(spec: Spec) -> Spec:
    """The spec of the source of a sample.

    Raises:
        UserError: the samples have none.
    """
    source: Any = spec.state.get("source")
    if source is None:
        raise UserError(
            "task: this recipe makes one image from another, but these samples have no source. Use signal.kind=pair, "
            "with a second folder (data.source=A data.target=B) or with signal.degrade=bicubic4 or similar",
            code="task.needs_pairs",
        )
    return Spec(tuple(source["shape"]), state=source)


def enlarged(source: Tensor, like: Tensor) -> Tensor:
    """A source at the size of an image: each of its pixels repeated."""
    return source if source.shape[2:] == like.shape[2:] else interpolate(source, like.shape[2:])


def as_image(source: Tensor, like: Tensor) -> Tensor:
    """A source as a visible image, [N, Cs, h, w] → the shape of `like` [N, C, H, W]. Classes get a color each."""
    if source.shape[1] > 1 and bool((source.sum(1) == 1).all()):  # one-hot
        source = (source.unsqueeze(2) * colors(source.shape[1]).to(source)[:, :, None, None]).sum(1)
    wanted = like.shape[1]
    if source.shape[1] < wanted:  # gray as color, and nothing seen through
        opaque = wanted in (2, 4) and source.shape[1] == wanted - 1
        gray = source[:, :1].expand(-1, wanted, -1, -1)
        source = torch.cat([source, torch.ones_like(source[:, :1])], 1) if opaque else gray
    elif source.shape[1] > wanted:  # a mask, or colors of what is gray
        source = source[:, :3].mean(1, keepdim=True).expand(-1, wanted, -1, -1) if wanted == 1 else source[:, :wanted]
    return enlarged(source, like)


def colors(count: int) -> Tensor:
    """A color in [-1, 1] for each of some classes, [count, 3]: steps around the hue circle, darker with each turn."""
    k = torch.arange(count)
    hue = (k * 0.618034) % 1  # the golden section: neighbors differ most
    shift = torch.tensor([0.0, 1 / 3, 2 / 3])
    wave = (6 * ((hue[:, None] + shift) % 1) - 3).abs() - 1
    return wave.clamp(0, 1) * (1 - 0.25 * (k[:, None] % 3)) * 2 - 1


def decibels(made: Tensor, target: Tensor) -> Tensor:
    """PSNR [N] in dB of images in [-1, 1]."""
    error = (wide(made.detach().clamp(-1, 1)) - target).square().mean((1, 2, 3))
    return 10 * torch.log10(4 / error.clamp_min(4e-10))


def with_lens(memory: dict[str, Tensor], lens: PerceptualNet, terms: Sequence[ReconstructionLoss]) -> Memory:
    """The state of a task and the frozen weights of the perceptual nets that its terms use."""
    return Memory(memory | lens_memory(lens, terms))


class ChangesImages(Task):
    """Base of the tasks that translate images: how a trained model is used."""

    hub_task: ClassVar[str] = "image-to-image"
    changes: ClassVar[str] = "images"

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        from ganforge.modalities.pair.translate import ImageTranslator  # a model in use; training needs none of it

        return ImageTranslator(bundle, name, direction, tile)

    def usage(self, file: str, spec: Spec) -> Usage:
        ways = self.directions()
        way, word = (f', direction="{ways[0]}"', ("--direction", ways[0])) if len(ways) > 1 else ("", ())
        hole = ', mask="mask.png"' if _masked(spec) else ""
        return Usage(
            f'model = gf.load("{file}")\nmade = model.translate("photo.png"{hole}{way})  # uint8 [H, W, C]',
            _translate(file, spec, *word),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        return [("use it", _translate(folder, spec))]


def _masked(spec: Spec) -> bool:
    return bool((spec.state.get("source") or {}).get("mask"))


def _translate(model: Path | str, spec: Spec, *more: str) -> str:
    """The command that translates a folder of what the model takes."""
    inputs = "labels/" if (spec.state.get("source") or {}).get("mode") == "classes" else "photos/"
    holes = ("--mask", "masks/") if _masked(spec) else ()
    return command("translate", model, inputs, *holes, *more, "--out", "made/")
