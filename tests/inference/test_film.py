"""Walks as files that other programs can read."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from PIL import Image

from ganforge.core.errors import MissingExtra
from ganforge.inference import film
from refused import refused


def frames(count=6, height=20, width=30):
    rows = np.linspace(0, 255, count).astype(np.uint8)
    return [np.full((height, width, 3), value, np.uint8) for value in rows]


def test_small_pictures_are_enlarged_pixel_by_pixel():
    tiny = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    big = film.enlarge(tiny, 5)
    assert big.shape == (6, 9, 3)
    assert (big[::3, ::3] == tiny).all()
    assert film.enlarge(big, 5) is big


def test_gif(tmp_path):
    film.write(frames(), tmp_path / "new" / "walk.gif", fps=25)
    with Image.open(tmp_path / "new" / "walk.gif") as picture:
        assert (picture.n_frames, picture.size, picture.info["duration"], picture.info["loop"]) == (6, (30, 20), 40, 0)


def test_strip(tmp_path):
    film.write(frames(), tmp_path / "walk.png")
    strip = np.asarray(Image.open(tmp_path / "walk.png"))
    assert strip.shape == (20, 180, 3)
    assert strip[0, 0, 0] == 0
    assert strip[0, -1, 0] == 255


@pytest.mark.parametrize("size", [(64, 64), (57, 33)])
def test_mp4_also_of_odd_sizes(tmp_path, size):
    imageio = pytest.importorskip("imageio")
    pytest.importorskip("imageio_ffmpeg")
    film.write(frames(6, *size), tmp_path / "walk.mp4", fps=12)
    read = np.stack([f for f in imageio.get_reader(tmp_path / "walk.mp4")])  # noqa: C416  # list() asks it for its length
    assert read.shape == (6, size[0] + size[0] % 2, size[1] + size[1] % 2, 3)
    brightness = read.mean(axis=(1, 2, 3))
    assert np.abs(brightness - np.linspace(0, 255, 6)).max() < 12


def test_without_the_extra_an_mp4_names_it_before_any_work(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(MissingExtra, match=r"ganforge\[video\]"):
        film.check(tmp_path / "walk.mp4", 30)


@pytest.mark.parametrize(
    ("name", "fps", "code", "named"),
    [
        ("walk.avi", 30, "output.wrong_extension", ".mp4, .gif, .png"),
        ("walk.gif", 0, "walk.fps_out_of_range", "0 frames"),
        ("file/walk.gif", 30, "output.not_a_folder", "file"),
    ],
)
def test_what_cannot_be_written_is_said_before_any_work(tmp_path, name, fps, code, named):
    (tmp_path / "file").write_text("in the way")
    with refused(code, named):
        film.check(tmp_path / name, fps)
