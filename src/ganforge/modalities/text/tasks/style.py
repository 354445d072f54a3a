"""Style transfer in latent space: texts of one class rewritten as texts of another, learned from texts of each that are
not paired.

    h = E(x) + noise · ε
    D takes `d_steps` steps on   −log p_D(y | h)
    E, R take a step on          −log p(x | R(h, y)) / (tokens of a text, on average)
                                 + adversarial · (−log (1 − p_D(y | h)))

y: the class of x. D tries to tell it from the latents, and E learns latents from which it cannot be told, so that R has
to take the class from y, and everything else from h. To rewrite: the likeliest text given R(E(x), y'), y' the class
asked for.

Zhao et al. 2018 (ARAE: the extension for transfer; of two classes, −log (1 − p_D(y)) is its −log p_D(1 − y)); Shen et
al. 2017 for the setting. Departures: no GAN on the latents besides, since nothing is drawn from them; one decoder for
all classes, which is given the class, in place of one each; E and R take one step on the sum of their losses.

N: texts, K: bits, T: tokens, L: latents, C: classes.  x [N, K, T], y [N], h, ε [N, L], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, cast

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from ganforge.core.commands import command
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, Nets, Spec, Terms, wide
from ganforge.data.few_labels import LABEL
from ganforge.modalities.text import tokens
from ganforge.modalities.text.nets import check
from ganforge.modalities.text.stepwise import until_end
from ganforge.modalities.text.tasks.arae import layers
from ganforge.nets.base import Encoder, Generator, Likelihood
from ganforge.signals import Steps, Usage
from ganforge.tasks import latent
from ganforge.tasks.autoencode import Decoder
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.user_translators import UserTranslator

SHOWN = 4
"""Classes that previews show, at most."""


class StyleR(Decoder):
    """R, with the numbers of bits of a token and of classes."""

    def __init__(self, net: nn.Module, likelihood: nn.Module, bits: int, classes: int):
        super().__init__(net, likelihood)
        self.bits, self.classes = bits, classes


class TextStyle(Task, kind="text_style"):
    """Rewrites texts of one class as texts of another: an autoencoder whose latents do not tell the class."""

    shaping: ClassVar[tuple[str, ...]] = ("widths",)
    hub_task: ClassVar[str] = "text2text-generation"
    changes: ClassVar[str] = "texts"

    encoder: Encoder
    """The net that maps texts to latents: its mean is taken."""
    decoder: Generator
    """The net that makes of latents and a class what each token is drawn by; its `latent` is how many there are."""
    likelihood: Likelihood
    """Distribution of texts given the decoder's output: tokens."""
    widths: tuple[int, ...] = Field(default=(256, 256), min_length=1)
    """Units of the hidden layers of D."""
    adversarial: Rate = 1.0
    """Weight of what D must not tell; higher: more of the style changes, and less of the content stays."""
    noise: float = Field(default=0.1, ge=0)
    """Deviation of the noise on latents in training."""
    d_steps: int = Field(default=1, ge=1)
    """Steps of D for each one of the autoencoder, each on a fresh batch."""

    def adapt(self, spec: Spec) -> Spec:
        if spec.conditions:
            raise UserError(
                f"task: texts are rewritten from one class to another, and this data has conditions "
                f"({spec.conditions.said()}). Name the column of the classes: data.kind=texts data.path=FILE "
                "data.label=COLUMN",
                code="task.no_attributes",
            )
        check(spec.shape)
        return latent.with_labels(spec, True)

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return self.decoder.nearest(shape)

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        width = self.decoder.latent
        return {
            "E": self.encoder.build(Spec(spec.shape, state=spec.state), width),
            "R": StyleR(self.decoder.build(spec), self.likelihood.build(spec), spec.shape[0], spec.classes),
            "D": layers((width, *self.widths, spec.classes), batch_norm=False),
        }

    def generators(self) -> tuple[str, ...]:
        return ("E", "R")

    def phases(self) -> Sequence[Phase]:
        return [
            Phase("D", self.d_loss, trains=("D",), repeats=self.d_steps),
            Phase("E", self.e_loss, trains=("E", "R")),
        ]

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the classes are to D, given the latents."""
        with torch.no_grad():
            h = self._latents(nets, batch, rng)
        logits = wide(nets.D(h))
        right = (logits.argmax(1) == batch.c).float()
        return Terms({"classify": cross_entropy(logits, batch.c, reduction="none")}, {"acc/class": right})

    def e_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """How unlikely the texts are given their latents and classes, and how well D tells the classes."""
        h = self._latents(nets, batch, rng)
        length = until_end(tokens.to_numbers(batch.x, 2 ** batch.x.shape[1])).sum(1).mean()
        return Terms({
            "reconstruction": cast(StyleR, nets.R).nll(h, batch.x, batch.c) / length,
            "adversarial": at(self.adversarial, rng.samples) * not_told(wide(nets.D(h)), batch.c),
        })  # fmt: skip

    def _latents(self, nets: Nets, batch: Batch, rng: Rng) -> Tensor:
        h = wide(nets.E(batch.x)[0])
        return h + self.noise * rng.normal("noise", h.shape) if self.noise else h

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        """The likeliest texts of other classes.

        Args:
            source: texts with the class asked for, 1 among zeros in C further channels, [N, K + C, T]; or without,
                [N, K, T], for all classes in turn.
        """
        R = cast(StyleR, nets.R)
        x, asked = source[:, : R.bits], source[:, R.bits :, 0]
        if not asked.shape[1]:
            asked = one_hot(torch.arange(len(x), device=x.device) % R.classes, R.classes).to(x)
        raw = R(nets.E(x)[0], asked)
        return R.draw(raw, torch.zeros_like(raw))

    def visualize(self, nets: Nets, batch: Batch) -> list[Tensor]:
        """Texts, and the same as texts of each class."""
        each = torch.eye(cast(StyleR, nets.R).classes).to(batch.x)
        planes = each[:, None, :, None].expand(-1, len(batch), -1, batch.x.shape[2])
        both = [self.translate(nets, torch.cat([batch.x, plane], 1)) for plane in planes[:SHOWN]]
        return [batch.x, *both]

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        from ganforge.modalities.text.rewriting import StyleWriter  # a model in use; training needs none of it

        return StyleWriter(bundle, name)

    def usage(self, file: str, spec: Spec) -> Usage:
        example = f"{LABEL}={spec.labels[0]}"
        return Usage(
            f'model = gf.load("{file}")\nnew = model.translate("A sentence ...", where="{example}")  # a str',
            command("translate", file, "sentences.txt", "--where", example, "--out", "new.txt"),
        )

    def next_steps(self, folder: Path, spec: Spec) -> Steps:
        example = f"{LABEL}={spec.labels[0]}"
        return [("use it", command("translate", folder, "sentences.txt", "--where", example, "--out", "new.txt"))]


def not_told(logits: Tensor, y: Tensor) -> Tensor:
    """−log (1 − p(y)) of logits [N, C], [N]: small where D takes texts for those of another class."""
    others = logits.masked_fill(one_hot(y, logits.shape[1]).bool(), -torch.inf)
    return logits.logsumexp(1) - others.logsumexp(1)
