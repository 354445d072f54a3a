"""Metrics of films: broken copies of real clips must score worse than real clips do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from clips import squares

from ganforge.core.rng import Rng
from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.report.findings import memory as memorized
from ganforge.metrics.base import Comparison, SampleSet, measure
from ganforge.metrics.memorization import NearestNeighbors
from ganforge.modalities.image.extractors import fit
from ganforge.modalities.video import findings
from ganforge.modalities.video.extractors.films import FilmClassifier, windows_of
from ganforge.modalities.video.extractors.fit import in_order
from ganforge.modalities.video.metrics import ClipDistance, FrameDistance, Motion, clip_facts, wasserstein
from ganforge.registry import load_all
from refused import refused

load_all()  # single frames are measured with an extractor of images

N = 48


def broken(clips: np.ndarray, how: str) -> np.ndarray:
    """Real clips, damaged in one way."""
    rng = np.random.default_rng(3)
    if how == "frozen":
        return np.repeat(clips[:, 8:9], clips.shape[1], 1)
    if how == "shuffled":
        return np.stack([clip[rng.permutation(len(clip))] for clip in clips])
    if how == "reversed":
        return clips[:, ::-1].copy()
    if how == "flickering":
        light = rng.integers(-40, 40, (*clips.shape[:2], 1, 1, 1))
        return np.clip(clips.astype(int) + light, 0, 255).astype(np.uint8)
    assert how == "looping"
    return np.concatenate([clips[:, :4]] * 4, 1)


@pytest.fixture(scope="module")
def real() -> np.ndarray:
    return squares(N)


@pytest.fixture(scope="module")
def others() -> np.ndarray:
    return squares(N, seed=1)


@pytest.fixture(scope="module")
def encoder(real):
    return FilmClassifier(steps=45).open(SampleSet.of(real), seed=0)


def values(real: np.ndarray, fake: np.ndarray, metric, encoder=None) -> dict[str, float]:
    found = measure([metric], Comparison(SampleSet.of(real), SampleSet.of(fake), encoder))
    return {metric.meaning_of(one.name) and one.name.split(str(len(fake)))[0]: one.value for one in found}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["frozen", "shuffled", "reversed", "flickering", "looping"])
def test_clip_distance_notices(real, others, encoder, how):
    fine = values(real, others, ClipDistance(), encoder)["clip_fd"]
    assert values(real, broken(others, how), ClipDistance(), encoder)["clip_fd"] > 1.5 * fine


def test_clip_distance_states_its_protocol_and_floor(real, others, encoder):
    (found,) = measure([ClipDistance()], Comparison(SampleSet.of(real), SampleSet.of(others), encoder))
    assert found.name == f"clip_fd{N}[films@{encoder.digest[:8]}]"
    assert found.protocol["weights"] == encoder.digest
    assert found.protocol["window"] == 16
    assert found.detail["floor"] > 0
    assert "not FVD" in found.detail["notes"][0]


@pytest.mark.parametrize(
    ("how", "worse"),
    [
        ("frozen", ["motion", "steps_fd", "frozen"]),
        ("shuffled", ["motion", "steps_fd"]),
        ("flickering", ["motion", "steps_fd", "drift"]),
        ("looping", ["looping"]),
    ],
)
def test_motion_notices(real, others, how, worse):
    fine, poor = (values(real, fake, Motion()) for fake in (others, broken(others, how)))
    assert {name: poor[name] > max(1.3 * fine[name], 0.05) for name in worse} == dict.fromkeys(worse, True)


def test_pace_and_flicker_are_shares(real, others):
    fine = values(real, others, Motion())
    assert fine["pace"] == pytest.approx(1, abs=0.25)
    assert fine["flicker"] == pytest.approx(1, abs=0.25)
    assert fine["frozen"] == 0
    assert values(real, broken(others, "frozen"), Motion())["pace"] == 0


def test_noise_of_a_camera_is_not_motion(real, others):
    noise = np.random.default_rng(0).integers(-12, 13, real.shape)
    noisy = np.clip(real.astype(int) + noise, 0, 255).astype(np.uint8)
    found = values(noisy, others, Motion())
    assert found["pace"] < 0.75
    assert found["pace_blocks"] == pytest.approx(1, abs=0.2)


@pytest.mark.slow
def test_frame_distance_notices_other_frames_and_not_their_order(real, others, monkeypatch):
    monkeypatch.setattr(fit, "steps_for", lambda n: 40)
    metric = FrameDistance(each=2)
    fine = values(real, others, metric)["frame_fd"]
    dark = (others // 3).astype(np.uint8)
    assert values(real, dark, metric)["frame_fd"] > 3 * fine
    assert values(real, others[:, ::-1].copy(), metric)["frame_fd"] == pytest.approx(fine, rel=0.5)


def test_facts_of_a_clip_by_hand():
    clip = np.zeros((1, 5, 16, 16, 3), np.uint8)
    clip[0, ::2] = 10  # 10, 0, 10, 0, 10
    facts = clip_facts(clip)
    assert facts["motion"][0] == 10
    assert facts["flicker"][0] == 2
    assert facts["steps"].sum() == 1
    assert facts["drift"][0] == 0, "0 and 10 are in one bin of 16 levels"
    assert facts["return"][0] == 1, "one lag alone tells nothing"


def test_wasserstein():
    a = np.random.default_rng(0).normal(size=1000)
    assert wasserstein(a, a) == 0
    assert wasserstein(a, a + 2) == pytest.approx(2)


def test_orders():
    x = torch.arange(40).view(1, 40).expand(5, -1)
    found = in_order(x, torch.arange(5), torch.tensor([0, 3, 0, 2, 1]), Rng(0))
    assert found[0].tolist() == list(range(16))
    assert found[1].tolist() == list(range(18, 2, -1))
    assert sorted(found[2].tolist()) == list(range(16)) != found[2].tolist()
    assert found[3].tolist() == [10] * 16
    assert found[4].tolist() == list(range(1, 33, 2))
    assert windows_of(32) == [0, 16]
    assert windows_of(20) == [0, 4]
    assert windows_of(5) == [0]


@pytest.mark.slow
def test_labels_are_learned_and_the_net_is_kept(tmp_path):
    bright = squares(16) // 2 + 120
    clips, labels = np.concatenate([squares(16), bright]), np.repeat([0, 1], 16)
    data = SampleSet.of(clips, labels)
    encoder = FilmClassifier(steps=45).open(data, classes=("dark", "bright"), cache=tmp_path)
    _, chances = encoder.encode(clips)
    assert chances is not None
    assert (chances.argmax(1).numpy() == labels).mean() > 0.9
    assert encoder.classes == ("dark", "bright")
    again = FilmClassifier(steps=45).open(data, classes=("dark", "bright"), cache=tmp_path)
    assert again.digest == encoder.digest
    assert len(list(tmp_path.glob("extractors/films-*.safetensors"))) == 1


def test_too_few_clips_are_refused():
    with refused("metric.too_few_samples", "5 clips are too few"):
        FilmClassifier().open(SampleSet.of(squares(5)))


def test_copies_of_training_clips_are_found(real, encoder):
    found = measure([NearestNeighbors()], Comparison(SampleSet.of(real), SampleSet.of(real.copy()), encoder))
    assert found[0].value == 1
    assert found[0].detail["copying"]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"frozen48": 0.6, "pace48": 0.1}, "films stand still"),
        ({"looping48": 0.3}, "films repeat themselves"),
        ({"flicker48": 1.6}, "films flicker"),
        ({"pace48": 0.5, "frozen48": 0.0}, "films move too little"),
        ({"pace48": 1.6, "frozen48": 0.0}, "films move too much"),
        ({"pace48": 0.7, "pace_blocks48": 0.95, "frozen48": 0.0}, "films lack the noise of real ones"),
        ({"pace48": 0.7, "pace_blocks48": 0.6, "frozen48": 0.0}, "films move too little"),
        ({"pace48": 1.1, "frozen48": 0.02, "looping48": 0.05, "flicker48": 1.1}, None),
    ],
)
def test_findings(figures, said):
    known = Evidence([{"name": name, "value": value, "protocol": {}} for name, value in figures.items()])
    titles = [finding.title for rule in findings.RULES for finding in rule(known)]
    assert titles == ([said] if said else [])


def titles_of(real: np.ndarray, fake: np.ndarray) -> list[str]:
    results = measure([Motion()], Comparison(SampleSet.of(real), SampleSet.of(fake)))
    known = Evidence([one.to_plain() for one in results])
    return [finding.title for rule in findings.RULES for finding in rule(known)]


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("frozen", "films stand still"),
        ("looping", "films repeat themselves"),
        ("flickering", "films flicker"),
        ("shuffled", "films move too much"),
    ],
)
def test_broken_films_get_their_finding(real, others, how, said):
    assert said in titles_of(real, broken(others, how))


def test_other_real_films_get_none(real, others):
    assert titles_of(real, others) == []


def test_copies_that_are_not_exact_get_a_finding(real, others, encoder):
    noise = np.random.default_rng(0).integers(-3, 4, real.shape)
    copies = np.clip(real.astype(int) + noise, 0, 255).astype(np.uint8)

    def titles(fake: np.ndarray) -> list[str]:
        comparison = Comparison(SampleSet.of(real), SampleSet.of(fake), encoder, heldout=SampleSet.of(squares(N, 2)))
        results = measure([NearestNeighbors()], comparison)
        found = memorized(Evidence([one.to_plain() for one in results]))
        return [finding.title for finding in found if finding.level in ("bad", "warn")]

    assert titles(copies)
    assert not titles(others)


def test_predictions_that_are_no_better_than_persistence_get_a_finding():
    def titles(value: float) -> list[str]:
        figure = {"name": "predict_crps[8]", "value": value, "protocol": {}, "detail": {"persistence": 5.0}}
        return [finding.title for finding in findings.persistence(Evidence([figure]))]

    assert titles(5.5) == ["predictions are no better than the last frame repeated"]
    assert titles(4.0) == []
