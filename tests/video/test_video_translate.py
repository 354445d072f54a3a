"""Image translators on films: the flicker of a translation, and steadying."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from clips import squares, write_mp4

from ganforge.modalities.pair import clip
from ganforge.modalities.pair.jobs import check_finish
from ganforge.modalities.pair.steady import Steadied, resized, widest
from refused import refused


def through(source: np.ndarray, made: np.ndarray, strength: float = 0.0) -> tuple[np.ndarray, float]:
    steadied = Steadied(strength)
    out = np.stack([steadied(x, y) for x, y in zip(source, made, strict=True)])
    return out, steadied.flicker


def flickering(clip: np.ndarray, levels: int = 20) -> np.ndarray:
    light = np.random.default_rng(0).integers(-levels, levels + 1, (len(clip), 1, 1, 1))
    return np.clip(clip.astype(int) + light, 0, 255).astype(np.uint8)


def test_a_translation_that_changes_as_its_source_does_does_not_flicker():
    film = squares(1)[0]
    assert through(film, film)[1] == 0
    assert through(film, 255 - film)[1] == 0, "other colors, the same changes"
    assert through(film, flickering(film))[1] > 5


def test_flicker_by_hand():
    still = np.full((4, 8, 8, 3), 100, np.uint8)
    made = still.copy()
    made[::2] = 110
    assert through(still, made)[1] == pytest.approx(10)
    assert through(still, made.repeat(2, 1).repeat(2, 2))[1] == pytest.approx(10), "of a translation twice as large"
    assert through(still[:1], made[:1])[1] == 0


def test_steadying_calms_what_stands_still_and_leaves_what_moves():
    film = squares(1)[0]
    made = flickering(film)
    calm, after = through(film, made, 0.8)
    _, before = through(film, made)
    assert after < 0.5 * before
    moves = np.abs(np.diff(film.astype(int), axis=0)).max(3) > 60
    same = calm[1:][moves].astype(int) - made[1:][moves]
    assert np.abs(same).max() <= 1, "nothing is smeared"
    assert np.array_equal(through(film, made, 0.0)[0], made)


def test_sizes_and_neighborhoods():
    frame = np.arange(4, dtype=np.uint8).reshape(2, 2, 1)
    assert resized(frame, 4, 2)[..., 0].tolist() == [[0, 1], [0, 1], [2, 3], [2, 3]]
    change = np.zeros((7, 7))
    change[0, 3] = 9
    assert np.argwhere(widest(change) == 9)[[0, -1]].tolist() == [[0, 1], [2, 5]]


class Brighter:
    """A translator that flickers."""

    def __init__(self):
        self.frame = 0

    def __call__(self, image, mask):
        self.frame += 1
        return SimpleNamespace(
            bands=iter([np.clip(image.astype(int) + 40 * (self.frame % 2), 0, 255).astype(np.uint8)])
        )


def test_a_film_is_steadied_and_its_flicker_told(tmp_path):
    film = np.full((8, 32, 32, 3), 100, np.uint8)
    source = write_mp4(tmp_path / "a.mp4", film)
    frames, rough = clip.translate(Brighter(), source, tmp_path / "b.mp4")
    _, calm = clip.translate(Brighter(), source, tmp_path / "c.mp4", steady=0.9)
    assert frames == 8
    assert rough == pytest.approx(40, abs=2)
    assert calm < 0.3 * rough


@pytest.mark.parametrize(
    ("steady", "name", "code"),
    [
        (1.0, "a.mp4", "cli.out_of_range"),
        (-0.1, "a.mp4", "cli.out_of_range"),
        (0.5, "a.png", "translate.steady_of_images"),
    ],
)
def test_strengths_that_cannot_be(tmp_path, steady, name, code):
    with refused(code, "--steady"):
        check_finish(None, "", 95, tmp_path / name, steady)
