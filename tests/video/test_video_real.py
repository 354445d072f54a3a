"""On real films, where they are there: people in motion, strips with alpha named .jpg."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ganforge.data.path import PathData
from ganforge.metrics.base import Comparison, SampleSet, measure
from ganforge.modalities.video.extractors.films import FilmClassifier
from ganforge.modalities.video.metrics import ClipDistance, facts_of
from ganforge.modalities.video.signal import Video
from ganforge.modalities.video.source import Films


@pytest.fixture
def actions(real_data) -> Path:
    return real_data / "video_actions"


def test_they_are_recognized(actions):
    found = PathData(path=str(actions), holdout=0).open()
    assert isinstance(found, Films)
    assert (len(found), len(found.classes)) == (36, 4)
    assert {one.frames for one in found.readable()} >= {53, 146}
    assert {(one.height, one.width) for one in found.readable()} == {(64, 64)}


@pytest.mark.slow
def test_frozen_and_shuffled_films_are_far_farther_than_other_real_ones(actions):
    """Reversed ones are not: people who wave and jump move much the same both ways. Of films that run one way only
    (`test_clip_distance_notices`) reversed ones are far as well."""
    clips = Video(size=32).items(PathData(path=str(actions), holdout=0).open())
    films = [film for film, _ in clips.pieces]
    real = np.stack([clips.read(k) for k in range(len(clips))])
    side = np.array(films) % 2  # films, not clips, are on one side or the other
    data = SampleSet.of(real[side == 0], clips.labels[side == 0])
    encoder = FilmClassifier(steps=250).open(data, classes=clips.classes)
    rng, others = np.random.default_rng(0), real[side == 1]

    def distance(fake: np.ndarray) -> float:
        return measure([ClipDistance()], Comparison(data, SampleSet.of(fake), encoder))[0].value

    found = {
        "others": distance(others),
        "frozen": distance(np.repeat(others[:, 16:17], 32, 1)),
        "shuffled": distance(np.stack([clip[rng.permutation(32)] for clip in others])),
    }
    assert min(found["frozen"], found["shuffled"]) > 5 * found["others"], found
    assert facts_of(Comparison(data, data), "real")["motion"].mean() == pytest.approx(3.4, abs=1.5)


def test_whole_films_of_each_set_are_held_back(actions):
    train, test = (PathData(path=str(actions), split=split).open() for split in ("train", "test"))
    assert (len(train), len(test)) == (32, 4)
    assert train.classes == test.classes
