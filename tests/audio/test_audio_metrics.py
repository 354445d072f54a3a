"""Every metric of sounds has its floor, and notices what it must; reports name the faults that are heard first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ganforge.evaluation.report.evidence import Evidence
from ganforge.metrics.base import Comparison, SampleSet
from ganforge.metrics.frechet import FrechetDistance
from ganforge.metrics.prdc import PrecisionRecall
from ganforge.modalities.audio.findings import RULES, look
from ganforge.modalities.audio.melspec import BANDS, log_mel
from ganforge.modalities.audio.metrics import mfcc
from ganforge.modalities.audio.metrics.dtw import tracks, warped
from ganforge.modalities.audio.metrics.figures import SoundFigures, SoundLabels
from ganforge.modalities.audio.metrics.mfcc import Mfcc
from ganforge.modalities.audio.metrics.pairwise import Vocoder, mcd
from ganforge.modalities.audio.metrics.pitch import Pitch, pitches, semitones
from ganforge.modalities.audio.metrics.stoi import stoi
from ganforge.modalities.audio.notes import frequency_of
from refused import refused

RATE, LENGTH, N = 8_000, 2_048, 120


def sounds(seed: int, n: int = N, low: float = 300, high: float = 1_800) -> tuple[np.ndarray, np.ndarray]:
    """Falling and rising tones with overtones, and which is which."""
    rng, t = np.random.default_rng(seed), np.arange(LENGTH) / RATE
    y = np.arange(n) % 2
    way = np.where(y, 3_000.0, -1_000.0)[:, None]
    pitch = rng.uniform(low, high, (n, 1)) * t + way * t**2
    x = np.sum([np.sin(2 * np.pi * k * pitch + rng.uniform(0, 6, (n, 1))) / k for k in (1, 2, 3)], axis=0)
    env = np.exp(-((t - rng.uniform(0.08, 0.16, (n, 1))) ** 2) / rng.uniform(0.001, 0.004, (n, 1)))
    return (0.2 * x * env * rng.uniform(0.5, 1.0, (n, 1)) + 1e-4 * rng.normal(size=x.shape)).astype(np.float32), y


REAL, LABELS = sounds(0)
OTHER, OTHER_LABELS = sounds(1)
UNSEEN, _ = sounds(2)


def measured(metric, fake: np.ndarray, labels: np.ndarray | None = None, heldout: bool = False) -> dict:
    comparison = Comparison(
        SampleSet.of(REAL, LABELS, "real"),
        SampleSet.of(fake.astype(np.float32), labels, "fake"),
        encoder=Mfcc().open(SampleSet.of(REAL)),
        heldout=SampleSet.of(UNSEEN) if heldout else None,
        classes=("falling", "rising"),
    )
    return {"".join(c for c in r.name.split("[")[0] if not c.isdigit()): r for r in metric.compute(comparison)}


def noise(level: float = 0.1) -> np.ndarray:
    return np.random.default_rng(3).normal(0, level, REAL.shape)


CORRUPTED = {
    "noise": noise(),
    "higher": sounds(1, low=1_500, high=3_000)[0],
    "collapsed": np.tile(OTHER[:6], (N // 6, 1)),
    "silence": np.zeros_like(REAL) + 1e-5 * noise(),
    "cut": np.pad(OTHER[:, : LENGTH // 2], ((0, 0), (0, LENGTH // 2))),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CORRUPTED)
def test_every_corruption_is_far_from_the_floor_in_features(name):
    fine = measured(FrechetDistance(), OTHER)["fd"].value
    assert measured(FrechetDistance(), CORRUPTED[name])["fd"].value > 3 * fine


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figure"),
    [("noise", "two_sample"), ("noise", "spectrum_db"), ("higher", "spectrum_db"), ("higher", "two_sample"),
     ("collapsed", "two_sample"), ("silence", "loudness"), ("cut", "loudness")],
)  # fmt: skip
def test_figures_notice_what_they_are_for(name, figure):
    fine, found = measured(SoundFigures(), OTHER)[figure], measured(SoundFigures(), CORRUPTED[name])[figure]
    floor = fine.detail["floor"]
    ideal = 0.5 if figure == "two_sample" else 0.0
    assert abs(fine.value - ideal) < abs(floor - ideal) + (0.12 if ideal else 2.0), (
        "unseen real sounds are at the floor"
    )
    assert found.value - ideal > 2 * (abs(floor - ideal) + (0.12 if ideal else 0.3))


def test_copies_are_noticed_and_other_sounds_are_none():
    fine = measured(SoundFigures(), OTHER, heldout=True)["near_duplicates"]
    copied = measured(SoundFigures(), 0.9 * REAL, heldout=True)["near_duplicates"]
    assert fine.value <= 0.14, fine.value
    assert not fine.detail["copying"]
    assert copied.value > 0.5
    assert copied.detail["copying"]


def test_warping_forgives_a_slower_copy():
    """Each frame twice is still the same sound, where frame by frame it is not."""
    known = tracks(REAL[:20])
    slower = np.repeat(known[3], 2, axis=0)
    found = warped(slower, known)
    assert found.argmin() == 3
    assert found[3] == pytest.approx(0, abs=1e-3)


@pytest.mark.slow
def test_labels_are_told_by_a_classifier_of_real_sounds():
    fine = measured(SoundLabels(steps=40), OTHER, OTHER_LABELS)
    assert fine["as_asked"].value > 0.9
    assert fine["as_asked"].detail["floor"] > 0.9
    assert fine["fd_labels"].value < 6 * fine["fd_labels"].detail["floor"]
    swapped = measured(SoundLabels(steps=40), OTHER, 1 - OTHER_LABELS)
    assert swapped["as_asked"].value < 0.1
    assert set(swapped["as_asked"].detail["per_class"]) == {"falling", "rising"}
    one = measured(SoundLabels(steps=40), np.repeat(OTHER[:2], N // 2, axis=0)[: N // 2].repeat(2, 0), OTHER_LABELS)
    assert one["label_score"].value < 0.75 * fine["label_score"].value
    noisy = measured(SoundLabels(steps=40), noise(), OTHER_LABELS)
    assert noisy["fd_labels"].value > 5 * fine["fd_labels"].value


def test_distances_have_their_floor_beside_them():
    """Of real against real, which the value of good sounds comes near to and that of noise does not."""
    good, bad = (measured(FrechetDistance(), fake)["fd"] for fake in (OTHER, noise()))
    assert good.detail["floor"] > 0
    assert good.value < 5 * good.detail["floor"] < bad.value
    assert "two random halves" in good.detail["notes"][-1]
    found = measured(PrecisionRecall(), OTHER)
    assert all(found[name].detail["floor"] > 0.5 for name in ("precision", "recall"))


# --- findings


def titles(fake: np.ndarray, figures: list | None = None) -> list[str]:
    known = Evidence([r.to_plain() for r in figures or []], look(REAL, fake))
    return [finding.title for rule in RULES for finding in rule(known)]


def test_good_sounds_have_no_findings():
    assert titles(OTHER) == []


def test_tones_at_the_stride_are_named():
    comb = np.zeros(LENGTH)
    comb[::16] = 0.06
    found = [f for rule in RULES for f in rule(Evidence([], look(REAL, OTHER + comb)))]
    assert [f.title for f in found] == ["tones that are not in the data"]
    assert "divided by 16 " in found[0].why


@pytest.mark.parametrize(
    ("fake", "title"),
    [(OTHER.clip(-0.05, 0.05), "clipped sounds"), (0 * OTHER, "silent sounds"),
     (noise(), "sounds that are noise only")],
    ids=["clipped", "silent", "noise"],
)  # fmt: skip
def test_faults_are_named(fake, title):
    assert title in titles(fake)


@pytest.mark.slow
def test_labels_and_copies_are_named():
    swapped = measured(SoundLabels(steps=40), OTHER, 1 - OTHER_LABELS)
    assert "labels are not generated as requested" in titles(OTHER, list(swapped.values()))
    copied = measured(SoundFigures(), REAL, heldout=True)
    assert "recordings of the training are repeated" in titles(OTHER, list(copied.values()))


# --- pitch, and sounds that should be others


def note(pitch: float, rate: int = 8_000) -> np.ndarray:
    t = np.arange(rate // 2) / rate
    return sum(np.sin(2 * np.pi * k * pitch * t + k) / k for k in range(1, 6)) * 0.2 * np.exp(-2 * t)


@pytest.mark.parametrize(
    ("label", "hz"), [("A4", 440.0), ("oboe_Cs3_1", 138.59), ("Db3", 138.59), ("C#3", 138.59), ("seven", None)]
)
def test_labels_that_name_notes(label, hz):
    assert frequency_of(label) == (None if hz is None else pytest.approx(hz, rel=1e-4))


@pytest.mark.parametrize("pitch", [58.27, 110.0, 220.0, 466.16, 987.77])
def test_the_pitch_of_a_note_is_found(pitch):
    found = pitches(note(pitch)[None], 8_000)
    assert semitones(found, np.array([pitch]))[0] < 0.3


def test_noise_and_silence_have_no_pitch():
    assert np.isnan(pitches(np.stack([np.random.default_rng(0).normal(0, 0.1, 4_000), np.zeros(4_000)]), 8_000)).all()


def test_notes_of_another_pitch_are_noticed():
    names, labels = ("A3", "C4"), np.arange(20) % 2
    real = np.stack([note((220.0, 261.63)[k]) for k in labels])

    def share(fake: np.ndarray) -> float:
        one, two = (SampleSet.of(x, labels) for x in (real, fake))
        return Pitch().compute(Comparison(one, two, classes=names, facts={"rate": 8_000}))[0].value

    assert share(real) == 1.0
    assert share(np.stack([note((233.0, 277.2)[k]) for k in labels])) == 1.0  # a semitone off
    assert share(np.stack([note((247.0, 294.0)[k]) for k in labels])) == 0.0
    assert share(np.random.default_rng(0).normal(0, 0.1, real.shape)) == 0.0
    with refused("metric.no_notes"):
        Pitch().compute(Comparison(SampleSet.of(real, labels), SampleSet.of(real, labels), classes=("one", "two")))


def vocoded(fake: Callable[[np.ndarray], np.ndarray]) -> dict[str, float]:
    real = np.stack([note(p) for p in (110, 150, 220, 330)])
    real += np.random.default_rng(1).normal(0, 0.005, real.shape)
    found = Vocoder().compute(
        Comparison(SampleSet.of(real), SampleSet.of(fake(real)), paired=True, facts={"rate": 8_000})
    )
    return {"".join(c for c in r.name if not c.isdigit() or r.name.startswith(("mel", "vuv"))): r.value for r in found}


@pytest.mark.parametrize("ripples", [1, 3, 10])
def test_the_cepstral_distance_is_the_rms_of_the_smooth_log_spectra(ripples, monkeypatch):
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 8_000))
    level = log_mel(noise, 8_000)
    wave = 3.0 * np.cos(np.pi * ripples * (np.arange(BANDS) + 0.5) / BANDS)[:, None]
    levels = iter((level + wave + 6.0, level))
    monkeypatch.setattr(mfcc, "log_mel", lambda x, rate: next(levels))
    assert mcd(noise, noise, 8_000) == pytest.approx(3.0 / np.sqrt(2)), "6 dB of level are in c0, which does not count"


def test_distances_to_the_target():
    same = vocoded(lambda x: x)
    assert (same["mcd"], same["mstft"], same["periodicity"]) == pytest.approx((0, 0, 0), abs=1e-6)
    noisy = vocoded(lambda x: x + np.random.default_rng(0).normal(0, 0.05, x.shape))
    noise_only = vocoded(lambda x: np.random.default_rng(0).normal(0, 0.05, x.shape))
    softer = vocoded(lambda x: 0.5 * x)
    assert 0 < noisy["mcd"] < noise_only["mcd"]
    assert 0 < noisy["mstft"] < noise_only["mstft"]
    assert softer["mcd"] < 0.5, "the level alone is in the coefficient 0, which does not count"
    assert softer["mstft"] > 0.5
    assert noise_only["periodicity"] > 0.3
    for name in ("mel_l1", "vuv_f1"):
        value = {key: v for key, v in noise_only.items() if key.startswith(name)}
        fine = {key: v for key, v in same.items() if key.startswith(name)}
        assert next(iter(fine.values())) == pytest.approx(0 if name == "mel_l1" else 1)
        assert abs(next(iter(value.values())) - next(iter(fine.values()))) > 0.5


def syllables(rate: int, seconds: float = 1.5) -> np.ndarray:
    """A voice that opens and closes four times a second, in formants that move, and pauses."""
    t = np.arange(int(seconds * rate)) / rate
    open_at = 700 + 500 * np.sin(9 * t)
    voice = sum(
        np.sin(2 * np.pi * 120 * k * t + k) * (0.1 + np.exp(-(((120 * k - open_at) / 500) ** 2))) for k in range(1, 33)
    )
    return 0.1 * voice * np.maximum(np.sin(2 * np.pi * 4 * t), 0) ** 2


@pytest.mark.parametrize("rate", [8_000, 10_000, 16_000])
def test_intelligibility_is_one_for_the_clean_and_falls_with_noise(rate):
    clean = syllables(rate)
    noise = np.random.default_rng(0).normal(0, clean.std(), len(clean))
    assert stoi(clean, clean, rate) == pytest.approx(1, abs=1e-9)
    assert stoi(0.1 * clean, clean, rate) == pytest.approx(1, abs=1e-6), "the level does not count"
    found = [stoi(clean + noise * 10 ** (-snr / 20), clean, rate) for snr in (40, 20, 10, 0, -10)]
    assert found == sorted(found, reverse=True)
    assert found[0] > 0.97
    assert found[-1] < 0.75
    padded = [np.pad(x, (rate, rate)) for x in (clean + noise, clean)]
    assert stoi(*padded, rate) == pytest.approx(stoi(clean + noise, clean, rate), abs=0.05), "silence does not count"


def test_sounds_of_less_than_a_segment_have_no_intelligibility():
    short = syllables(8_000, 0.2)
    assert np.isnan(stoi(short, short, 8_000))
    assert np.isnan(stoi(short[:50], short[:50], 8_000))
    for seconds, there in ((1.5, True), (0.2, False)):
        real = SampleSet.of(np.stack([syllables(8_000, seconds)] * 2))
        results = Vocoder().compute(Comparison(real, real, paired=True, facts={"rate": 8_000}))
        assert any(result.name.startswith("stoi") for result in results) == there
