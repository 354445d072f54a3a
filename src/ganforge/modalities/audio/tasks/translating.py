"""Sounds made of mel spectra or of damaged sounds, against critics of waveforms and spectra.

Kong et al. 2020 (HiFi-GAN); Siuzdak 2023 (Vocos). With t the sound, s its source, y = G(s), M the log-mel spectrum:

    repeat:
        G takes a step on       Σ w_k · objective.g(D_k(y)) + matching · Σ mean |D_k^l(y) − D_k^l(t)|
                                + mel · mean |M y − M t|
        each D takes a step on  objective.d(D_k(t), D_k(y)) + Σ weight · penalty

The critics see the y of G's step. For the first `alone` samples G has the mel loss alone: it learns faster without
critics, and they meet something worth telling apart.

N: samples in the batch.  t, y [N, C, T], s [N, Cs, F] or [N, C, T], losses [N].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from ganforge.core.commands import command
from ganforge.core.component import Count
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng
from ganforge.core.schedule import Rate, at
from ganforge.core.types import Batch, DiscriminatorOutput, Memory, Nets, Spec, Terms, wide
from ganforge.losses.base import Objective, Penalty
from ganforge.modalities.audio.melscale import MelScale
from ganforge.modalities.audio.nets.translators import SoundTranslator, SoundTranslatorNet
from ganforge.modalities.audio.stft import analysis
from ganforge.nets.base import Discriminator
from ganforge.signals import Steps, Usage
from ganforge.tasks.base import Phase, Task
from ganforge.tasks.critics import DiscriminatorLosses, lazy_phases, names_of
from ganforge.tasks.user_translators import UserTranslator

QUIET = 1e-4  # power: a tone 80 dB below full scale, in frames of 256 samples


class SoundTranslation(Task):
    """Base of the tasks that make sounds of something."""

    hub_task: ClassVar[str] = "audio-to-audio"
    changes: ClassVar[str] = "sounds"
    takes: ClassVar[str] = ""

    translator: SoundTranslator
    """The net that makes the sound."""
    critics: tuple[Discriminator, ...] = ()
    """The nets that score sounds, such as wave_critics and stft_critics; none: G has the mel loss alone."""
    weights: tuple[float, ...] = ()
    """Weight of each critic in G's loss; by default 1."""
    objective: Objective
    """The adversarial loss between G and the critics."""
    penalties: tuple[Penalty, ...] = ()
    """Penalties on each critic."""
    mel: MelScale = Field(default_factory=MelScale)
    """The log-mel spectrum that the loss compares, and that a vocoder takes."""
    mel_weight: Rate = 45.0
    """Weight of the distance of the mel spectra."""
    spectra_weight: Rate = 0.0
    """Weight of the distance of the log spectra, which hold what lies within a mel band, such as single harmonics."""
    windows: tuple[int, ...] = (512, 256, 128)
    """Samples of the frames of these spectra, in steps of a quarter; the distance is their mean."""
    matching: Rate = 2.0
    """Weight of the distance of the critics' hidden maps."""
    alone: Count = 0
    """Samples on which G is trained by the mel loss alone, before the critics join."""

    @property
    def d_losses(self) -> DiscriminatorLosses:
        return DiscriminatorLosses(self.objective, self.penalties)

    def names(self) -> tuple[str, ...]:
        return names_of(self.critics)

    def adapt(self, spec: Spec) -> Spec:
        if len(spec.shape) != 2 or "rate" not in spec.state:
            raise UserError(
                "task: this recipe makes waveforms; use signal.kind=audio with signal.form=waveform",
                code="nets.not_for_shape",
            )
        if self.translator.takes != self.takes:
            raise UserError(
                f"task.translator: {self.translator.kind!r} makes sounds of a {self.translator.takes}, and this task "
                f"has a {self.takes} as its source",
                code="task.unsuitable_net",
            )
        if self.weights and len(self.weights) != len(self.critics):
            raise UserError(
                f"task.weights: {len(self.weights)} for {len(self.critics)} critics; give one for each",
                code="task.weights_differ_in_number",
            )
        if spec.shape[1] % self.mel.hop:
            raise UserError(
                f"task.mel.hop={self.mel.hop}: does not divide clips of {spec.shape[1]:,} samples; use a power of two "
                "up to 512",
                code="audio.hop_does_not_divide",
            )
        return Spec(spec.shape, state=spec.state)  # labels are not used

    def nearest(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        for critic in self.critics:
            shape = critic.nearest(shape)
        return shape

    def source_spec(self, spec: Spec) -> Spec:
        """What the source of a clip is."""
        raise NotImplementedError

    def source(self, batch: Batch, rate: int) -> Tensor:
        """The sources of a batch."""
        raise NotImplementedError

    def players(self, spec: Spec) -> dict[str, nn.Module]:
        G = self.translator.build(self.source_spec(spec), spec, self.mel)
        G.rate = int(spec.state["rate"])
        critics = {name: critic.build(spec) for name, critic in zip(self.names(), self.critics, strict=True)}
        self.d_losses.refuse(spec, critics)
        return {"G": G, **critics}

    def memory(self, spec: Spec) -> Memory:
        critics = {k: net for k, net in self.players(spec).items() if k != "G"} if self.penalties else {}
        return Memory(self.d_losses.memory(critics))

    def phases(self) -> Sequence[Phase]:
        g = Phase("G", self.g_loss, trains=("G",))
        if not self.critics:
            return [g]
        d_losses, names = self.d_losses, self.names()
        d = Phase("D", self.d_loss, names, order=d_losses.order, after=self.alone)
        return [g, d, *lazy_phases(d_losses, names, self._lazy, after=self.alone)]

    def g_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """G's loss on what it makes of the sources."""
        rate = rate_of(nets)
        made = nets.G(self.source(batch, rate))
        batch.made["G"] = made.detach()
        distance = (self.mel(made, rate) - self.mel(batch.x, rate)).abs().mean((1, 2))
        losses = {"mel": at(self.mel_weight, rng.samples) * distance}
        if spectra_weight := at(self.spectra_weight, rng.samples):
            losses["spectra"] = spectra_weight * spectral_distance(made, batch.x, self.windows)
        if self.critics and rng.samples >= self.alone:
            weights = self.weights or (1.0,) * len(self.critics)
            adversarial, matched = [], []
            for name, weight in zip(self.names(), weights, strict=True):
                on_made = nets[name](made.to(batch.x))
                with torch.no_grad():
                    on_real = nets[name](batch.x)
                adversarial.append(weight * self.d_losses.g(on_made, on_real))
                matched.append(weight * matching(on_made, on_real))
            losses["adversarial"] = torch.stack(adversarial).sum(0)
            losses["matching"] = at(self.matching, rng.samples) * torch.stack(matched).sum(0)
        return Terms(losses, {"mel_l1": distance.detach()})

    def d_loss(self, nets: Nets, batch: Batch, rng: Rng) -> Terms:
        """The critics' losses on sounds and on what G makes of their sources."""
        made = self._made(nets, batch)
        losses: dict[str, Tensor] = {}
        stats: dict[str, Tensor] = {}
        for name in self.names():
            own, seen = self.d_losses.d(name, nets, batch.x, made, rng)
            losses, stats = losses | own, seen.stats | stats
        return Terms(losses, stats)

    def directions(self) -> tuple[str, ...]:
        return ("",)

    def sources_and_targets(self, dataset: Dataset, spec: Spec) -> tuple[Dataset, Dataset]:
        return dataset, dataset

    def user_translator(
        self, bundle: Any, name: str, direction: str | None = None, tile: int | None = None
    ) -> UserTranslator:
        from ganforge.modalities.audio.translate import FileTranslator  # a model in use; training needs none of it

        return FileTranslator(bundle, name, tile)

    def usage(self, file: str, spec: Spec) -> Usage:
        inputs = "mels/" if self.takes == "mel" else "sounds/"
        return Usage(
            f'model = gf.load("{file}")\nsound = model.translate("sound.wav")  # float32 [T], {spec.state["rate"]} Hz',
            command("translate", file, inputs, "--out", "made/"),
        )

    def next_steps(self, folder: Any, spec: Spec) -> Steps:
        return [("use it", command("translate", folder, "sounds/", "--out", "made/"))]

    @torch.no_grad()
    def _made(self, nets: Nets, batch: Batch) -> Tensor:
        made = batch.made["G"] if "G" in batch.made else nets.G(self.source(batch, rate_of(nets)))
        return made.to(batch.x)

    def _lazy(self, penalty: Penalty):
        def loss(nets: Nets, batch: Batch, rng: Rng) -> Terms:
            made = self._made(nets, batch)
            parts = [self.d_losses.penalty_losses(penalty, name, nets, batch.x, made, rng) for name in self.names()]
            return Terms({name: each for own in parts for name, each in own.items()})

        return loss


class Vocoder(SoundTranslation, kind="vocoder"):
    """Sounds of their log-mel spectra."""

    takes: ClassVar[str] = "mel"

    def source_spec(self, spec: Spec) -> Spec:
        return Spec((spec.shape[0] * self.mel.bands, spec.shape[1] // self.mel.hop), state=spec.state)

    def source(self, batch: Batch, rate: int) -> Tensor:
        return self.mel(batch.x, rate)

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        """Of mels [N, bands, F], or of the sounds [N, C, T] that they are taken of."""
        if source.shape[1] <= 2:
            source = self.mel(source, rate_of(nets))
        return nets.G(source)


class Restoration(SoundTranslation, kind="restoration"):
    """Sounds of damaged ones."""

    takes: ClassVar[str] = "sound"

    def adapt(self, spec: Spec) -> Spec:
        if not spec.state.get("degraded"):
            raise UserError(
                "task: this recipe restores sounds, and nothing says how they are damaged. Use signal.degrade=noise, "
                "band(rate=8000), clip, reverb, or several: noise+reverb",
                code="task.needs_pairs",
            )
        return super().adapt(spec)

    def source_spec(self, spec: Spec) -> Spec:
        return Spec(spec.shape, state=spec.state)

    def source(self, batch: Batch, rate: int) -> Tensor:
        return batch.extra["source"]

    def translate(self, nets: Nets, source: Tensor, direction: str = "") -> Tensor:
        return nets.G(source)


def spectral_distance(made: Tensor, real: Tensor, windows: Sequence[int]) -> Tensor:
    """Mean |Δ log magnitude| over several lengths of frames (Yamamoto et al. 2020), [N]."""
    gaps = []
    for window in windows:
        a, b = ((analysis(x, window, window // 4).abs().square() + QUIET).log() / 2 for x in (made, real))
        gaps.append((a - b).abs().mean((1, 2, 3)))
    return torch.stack(gaps).mean(0)


def rate_of(nets: Nets) -> int:
    """Samples a second of what G makes."""
    G = nets.G
    assert isinstance(G, SoundTranslatorNet)
    return G.rate


def matching(made: DiscriminatorOutput, real: DiscriminatorOutput) -> Tensor:
    """Sum over the hidden maps of their mean distance, [N]."""
    if made.layers is None or real.layers is None:
        raise UserError(
            "task.critics: matching compares hidden maps, and one of these critics does not show them. Use "
            "wave_critics and stft_critics, or task.matching=0",
            code="task.unsuitable_net",
        )
    parts = [
        (wide(a) - wide(b).detach()).abs().flatten(1).mean(1) for a, b in zip(made.layers, real.layers, strict=True)
    ]
    return torch.stack(parts).sum(0)
