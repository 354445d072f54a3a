"""What is wrong with generated sounds, if something is: what is heard first, measured on both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ganforge.core.language import joined, phrase, sentences
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence
from ganforge.modalities.audio.melspec import mono, powers

PERIODS = (2, 4, 8, 16, 32, 64, 128, 256)
"""Samples: the strides, and products of strides, of nets for sound."""
AROUND = 12  # bins on either side by which a peak is measured
MOST = 0.4  # of the multiples, so that most of them must stand out: every second one does at half the period
TONE = 6.0  # dB above its surroundings, beyond what real sounds have
RUN = 3  # samples in a row at the very peak: a flat top
QUIET = 0.01  # of the median peak of real sounds
FLAT = 0.5  # spectral flatness of white noise is about 1, of voices and instruments under 0.1
OFTEN = 0.05  # share of sounds from which on a fault is worth a word, beyond that of real ones
LOW = 0.8  # of what real sounds reach


@dataclass(frozen=True)
class SoundLook:
    """How the sounds of both sides look: each value for (real, generated).

    Attributes:
        silent, clipped, noise: shares of sounds.
        tones: dB by which the spectrum stands out at multiples of rate / period, by period.
    """

    silent: tuple[float, float]
    clipped: tuple[float, float]
    noise: tuple[float, float]
    tones: dict[int, tuple[float, float]]


def look(real: np.ndarray, fake: np.ndarray) -> SoundLook:
    """Measures decoded sounds [N, T] of both sides."""
    real, fake = mono(real), mono(fake)
    quiet = QUIET * float(np.median(np.abs(real).max(1)))

    def both(measure) -> tuple[float, float]:
        return float(measure(real)), float(measure(fake))

    return SoundLook(
        silent=both(lambda x: (np.abs(x).max(1) < quiet).mean()),
        clipped=both(lambda x: np.mean([flat_top(one) for one in x])),
        noise=both(lambda x: ((flatness(x) > FLAT) & (np.abs(x).max(1) >= quiet)).mean()),
        tones={p: both(lambda x, p=p: standing_out(x, p)) for p in PERIODS if real.shape[1] // p > 2 * AROUND},
    )


def flat_top(x: np.ndarray) -> bool:
    """Whether a sound [T] stays at its peak for a few samples in a row, as clipped ones do."""
    peak = np.abs(x).max()
    if peak < 1e-3:
        return False
    at = np.abs(x) >= 0.999 * peak
    return bool(np.lib.stride_tricks.sliding_window_view(at, RUN).all(1).any())


def flatness(x: np.ndarray) -> np.ndarray:
    """Geometric over arithmetic mean of the average power spectra of sounds [N, T], [N]: 1 for white noise."""
    power = powers(x).mean(1)[:, 1:] + 1e-12
    return np.exp(np.log(power).mean(1)) / power.mean(1)


def standing_out(x: np.ndarray, period: int) -> float:
    """dB by which the average spectrum of sounds [N, T] stands out at multiples of rate / period."""
    count = x.shape[1] // period * period
    power = np.square(np.abs(np.fft.rfft(x[:, :count], axis=1))).mean(0) + 1e-12
    places = np.arange(1, period // 2 + 1) * (count // period)
    found = []
    for k in places[places < len(power)]:
        near = np.r_[power[max(0, k - AROUND) : k], power[k + 1 : k + 1 + AROUND]]
        found.append(10 * np.log10(power[k] / np.median(near)))
    return float(np.quantile(found, MOST))


def tones(evidence: Evidence) -> Iterator[Finding]:
    if not isinstance(evidence.appearance, SoundLook):
        return
    off = {p: fake - real for p, (real, fake) in evidence.appearance.tones.items() if fake - real > TONE}
    if off:
        period = max(off)  # its divisors stand out too
        yield Finding(
            "bad",
            phrase("tones that are not in the data"),
            phrase(
                "At multiples of the rate divided by {period} the spectrum of the generated sounds stands out by "
                "{excess:.0f} dB more than that of the real ones: the stride of a net can be heard.",
                period=period,
                excess=off[period],
            ),
            phrase(
                "Use nets that end in an inverse STFT (sound-small), phase shuffle in the critic, or kernels that are "
                "multiples of their stride."
            ),
        )


def faults(evidence: Evidence) -> Iterator[Finding]:
    if not isinstance(evidence.appearance, SoundLook):
        return
    for (real, fake), title, name, advice in (
        (evidence.appearance.silent, phrase("silent sounds"), phrase("silent"),
         phrase("Train longer; check that few recordings are nearly silent.")),
        (evidence.appearance.clipped, phrase("clipped sounds"), phrase("clipped"),
         phrase("Their tops are flat. Train longer; or signal.loudness=clip, which leaves room above the peaks.")),
        (evidence.appearance.noise, phrase("sounds that are noise only"), phrase("noise only"),
         phrase("Train longer; look at the curves for a D that has won or given up.")),
    ):  # fmt: skip
        if fake > real + OFTEN:
            yield Finding(
                "bad" if fake > 0.5 else "warn",
                title,
                phrase(
                    "{fake:.0%} of the generated sounds are {name}; of the real ones {real:.0%}.",
                    fake=fake,
                    name=name,
                    real=real,
                ),
                advice,
            )


def labels(evidence: Evidence) -> Iterator[Finding]:
    value, detail = evidence.value("as_asked"), evidence.detail_of("as_asked")
    if value is None:
        return
    possible = detail.get("floor", 1.0)
    if value < LOW * possible:
        worst = sorted(detail.get("per_class", {}).items(), key=lambda item: item[1])[:5]
        names = joined([phrase("{name} ({share:.0%})", name=name, share=share) for name, share in worst])
        yield Finding(
            "bad" if value < possible / 2 else "warn",
            phrase("labels are not generated as requested"),
            sentences(
                [
                    phrase(
                        "A classifier of the real sounds names the label asked for in {value:.0%} of the generated "
                        "ones, and in {possible:.0%} of unseen real ones.",
                        value=value,
                        possible=possible,
                    ),
                    phrase("Least often: {names}.", names=names) if names else "",
                ]
            ),
            phrase("Train longer; more recordings of these labels."),
        )


def copies(evidence: Evidence) -> Iterator[Finding]:
    if evidence.detail_of("near_duplicates").get("copying"):
        yield Finding(
            "bad",
            phrase("recordings of the training are repeated"),
            phrase(
                "{share:.0%} of the generated sounds are nearer to a recording than 95 % of unseen ones are.",
                share=evidence.value("near_duplicates"),
            ),
            phrase("More recordings; less training. If the recordings are private, do not share the model."),
        )


RULES = (tones, faults, labels, copies)
