"""The image signal: geometry, modes, depths, and that nothing is lost on the way to the nets and back."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from ganforge.core.component import build
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.data.arrays import ArrayDataset
from ganforge.modalities.image import files
from ganforge.modalities.image.signal import Image
from ganforge.signals import Signal
from refused import refused

RNG = Rng(0)


def same(shape):
    return shape


def sixteens(shape):
    """Nets that make multiples of 16."""
    return (shape[0], *(max(16, round(side / 16) * 16) for side in shape[1:]))


class Shapes(ArrayDataset):
    """A set that has nothing but shapes."""

    def __init__(self, shapes):
        super().__init__("shapes", np.zeros((1, 1, 1, 1), np.uint8))
        self.counts = shapes

    def shapes(self):
        return self.counts


def spec_of(signal, *shapes, nearest=same):
    counts = {}
    for shape in shapes:
        counts[shape, "uint8"] = counts.get((shape, "uint8"), 0) + 1
    return signal.spec(Shapes(counts), nearest)


def test_the_size_of_equal_pictures_is_kept():
    assert spec_of(Image(), (28, 28, 1), (28, 28, 1)).shape == (1, 28, 28)


def test_other_sizes_come_to_the_nearest_of_the_median_within_the_bound():
    assert spec_of(Image(), (400, 300, 3), (400, 300, 3), (90, 20, 3)).shape == (3, 64, 48)
    assert spec_of(Image(max_size=128), (400, 300, 3), nearest=sixteens).shape == (3, 128, 96)
    assert spec_of(Image(), (8, 8, 1), nearest=sixteens).shape == (1, 16, 16)


def test_an_explicit_size_is_height_and_width():
    assert spec_of(Image(size=32), (400, 300, 3)).shape == (3, 32, 32)
    assert build(Signal, {"kind": "image", "size": [32, 48]}).size == (32, 48)
    assert spec_of(Image(size=(32, 48)), (400, 300, 3)).shape == (3, 32, 48)


@pytest.mark.parametrize(("size", "say"), [(50, "signal.size=48"), ((50, 30), "signal.size=[48,32]")])
def test_a_size_that_the_nets_cannot_make_names_the_nearest(size, say):
    with refused("nets.unreachable_size", say):
        spec_of(Image(size=size), (50, 50, 3), nearest=sixteens)


@pytest.mark.parametrize(
    "bad", [{"size": 0}, {"size": [1, 2, 3]}, {"mode": "CMYK"}, {"depth": 12}, {"background": 256}]
)
def test_wrong_fields_are_refused(bad):
    with refused("config.invalid_value", next(iter(bad))):
        build(Signal, {"kind": "image", **bad})


@pytest.mark.parametrize(("channels", "mode"), [((1, 1), "L"), ((1, 3), "RGB"), ((1, 2), "RGBA"), ((3, 4), "RGBA")])
def test_auto_takes_the_richest_mode(channels, mode):
    spec = spec_of(Image(), *((8, 8, c) for c in channels))
    assert spec.state == {"mode": mode, "depth": 8}
    assert Spec.from_plain(json.loads(json.dumps(spec.to_plain()))) == spec


def test_what_is_no_picture_or_cannot_be_read_is_refused():
    with refused("data.none_readable", "none of its 1 images"):
        Image().spec(Shapes({}), same)
    with refused("data.not_images", "image signal"):
        spec_of(Image(), (16000,))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("depth", [8, 16])
def test_any_picture_comes_to_the_mode_and_size(mode, depth):
    for channels, dtype, fit in itertools.product((1, 2, 3, 4), (np.uint8, np.uint16), ("crop", "pad", "stretch")):
        signal = Image(mode=mode, depth=depth, fit=fit, size=(12, 16))
        spec = spec_of(signal, (20, 30, channels))
        top = np.iinfo(dtype).max
        item = np.random.default_rng(0).integers(0, top, (20, 30, channels), dtype, endpoint=True)
        stored = signal.prepare(item, spec)
        assert stored.shape == spec.shape, (channels, dtype, fit)
        assert stored.dtype == (np.uint8 if depth == 8 else np.int16)
        white = signal.prepare(np.full_like(item, top), spec)
        decoded = signal.decode(signal.encode(torch.from_numpy(white.copy())[None], spec, RNG), spec)
        middle = decoded[0, 6, 8]
        assert (middle == (255 if depth == 8 else 65535)).all(), (channels, dtype, fit)


@pytest.mark.parametrize("depth", [8, 16])
def test_every_value_survives_the_way_to_the_nets_and_back(depth):
    signal = Image(depth=depth, size=256, mode="L")
    spec = spec_of(signal, (256, 256, 1))
    item = np.arange(65536).reshape(256, 256, 1)
    item = (item % 256).astype(np.uint8) if depth == 8 else item.astype(np.uint16)
    x = signal.encode(torch.from_numpy(signal.prepare(item, spec).copy())[None], spec, RNG)
    assert x.dtype == torch.float32
    assert (x.min(), x.max()) == (-1, 1)
    decoded = signal.decode(x, spec)
    assert decoded.dtype == item.dtype
    assert np.array_equal(decoded[0], item)


def test_depths_are_scaled_not_cut():
    signal8, signal16 = Image(size=4, mode="L"), Image(size=4, mode="L", depth=16)
    wide = np.array([0, 128, 129, 257, 32896, 65535 - 129, 65535], np.uint16)
    wide = np.resize(wide, (4, 4, 1))
    eight = signal8.prepare(wide, spec_of(signal8, (4, 4, 1)))
    assert eight.ravel()[:7].tolist() == [0, 0, 1, 1, 128, 254, 255]
    back = signal16.prepare(eight.transpose(1, 2, 0), spec_of(signal16, (4, 4, 1)))
    assert (back.astype(np.int32) + 32768).ravel()[:7].tolist() == [0, 0, 257, 257, 32896, 65278, 65535]


def prepare(signal, item):
    return signal.prepare(item, spec_of(signal, item.shape))


def test_crop_keeps_the_middle_undistorted():
    item = np.zeros((20, 40, 1), np.uint8)
    item[:, 10:30] = 200  # exactly the center square
    assert (prepare(Image(size=10), item) == 200).all()
    tall = item.transpose(1, 0, 2)
    assert (prepare(Image(size=10), tall) == 200).all()


def test_pad_shows_all_on_the_background():
    item = np.zeros((20, 40, 1), np.uint8)
    stored = prepare(Image(size=16, fit="pad", background=77), item)[0]
    assert (stored[:4] == 77).all()
    assert (stored[12:] == 77).all()
    assert (stored[4:12] == 0).all()


def test_pad_is_transparent_where_there_is_alpha():
    stored = prepare(Image(size=16, fit="pad"), np.full((20, 40, 4), 255, np.uint8))
    assert (stored[3, :4] == 0).all()
    assert (stored[3, 4:12] == 255).all()


def test_stretch_shows_all_distorted():
    item = np.repeat(np.repeat(np.array([[0, 255]], np.uint8), 20, 0), 30, 1)[..., None]
    stored = prepare(Image(size=10, fit="stretch"), item)[0]
    assert (stored[:, :4] < 10).all()
    assert (stored[:, 6:] > 245).all()


def test_shrinking_is_antialiased():
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)[..., None]
    stored = prepare(Image(size=8), checks)
    assert abs(stored.astype(int) - 127).max() < 12


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_hidden_colors_do_not_bleed_into_the_edges(dtype):
    top = np.iinfo(dtype).max
    item = np.zeros((32, 32, 4), dtype)
    item[..., 0] = top  # a hidden red
    item[8:24, 8:24] = [0, 0, top, top]  # a blue square
    signal = Image(size=12, depth=8 * item.itemsize)
    spec = spec_of(signal, item.shape)
    stored = signal.prepare(item, spec)
    rgba = signal.decode(signal.encode(torch.from_numpy(stored)[None], spec, RNG), spec)[0]
    seen = rgba[..., 3] > top // 20
    assert rgba[..., 0][seen].max() < top // 20
    assert (rgba[rgba[..., 3] == 0][:, :3] == top).all()  # the background, not the hidden red


def test_alpha_is_blended_over_the_background():
    half = np.zeros((4, 4, 4), np.uint8)
    half[..., 3] = 128
    assert (prepare(Image(size=4, mode="RGB"), half) == 127).all()
    assert (prepare(Image(size=4, mode="L", background=0), half) == 0).all()


def test_gray_of_colors_is_their_luminance():
    colors = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
    assert prepare(Image(size=2, mode="L"), colors).ravel().tolist() == [76, 150, 29, 255]


def test_flips_half_of_the_samples_and_repeats_them_for_the_same_moment():
    signal = Image(size=4, flip=True)
    spec = spec_of(signal, (4, 4, 1))
    ramp = np.tile(np.arange(4, dtype=np.uint8) * 50, (4, 1))[..., None]
    stored = torch.from_numpy(signal.prepare(ramp, spec).copy()).repeat(400, 1, 1, 1)
    x = signal.encode(stored, spec, Rng(3, 10))
    flipped = x[:, 0, 0, 0] > x[:, 0, 0, 3]
    assert 150 < flipped.sum() < 250
    assert torch.equal(x, signal.encode(stored, spec, Rng(3, 10)))
    assert not torch.equal(x, signal.encode(stored, spec, Rng(3, 410)))
    parts = [signal.encode(stored[200 * k : 200 * k + 200], spec, Rng(3, 10, shard=(k, 2))) for k in range(2)]
    assert torch.equal(x, torch.cat(parts))


def test_decoding_cuts_what_is_out_of_range_and_takes_low_precision():
    spec = spec_of(Image(size=2), (2, 2, 1))
    x = torch.tensor([[[[-3.0, 3.0], [0.0, 1.0]]]], dtype=torch.bfloat16)
    assert Image().decode(x, spec).ravel().tolist() == [0, 255, 128, 255]


def test_previews_of_small_pictures_are_enlarged(tmp_path):
    spec = spec_of(Image(), (8, 8, 1))
    (tmp_path / "p.png").write_bytes(Image().render(np.zeros((5, 8, 8, 1), np.uint8), spec, 3)[0].data)
    with Pillow.open(tmp_path / "p.png") as grid:
        assert grid.mode == "RGB"
        assert grid.size == (3 * 64 + 2 * 2, 2 * 64 + 2)
        assert grid.getpixel((0, 0)) == (0, 0, 0)
        assert grid.getpixel((64, 0)) == (128, 128, 128)


@pytest.mark.parametrize(
    ("channels", "dtype"), [(1, np.uint8), (3, np.uint8), (4, np.uint8), (1, np.uint16), (4, np.uint16)]
)
def test_previews_and_frames_of_every_kind(tmp_path, channels, dtype):
    signal = Image(depth=np.dtype(dtype).itemsize * 8)
    spec = spec_of(signal, (70, 50, channels))
    samples = np.zeros((3, 70, 50, channels), dtype)
    (tmp_path / "p.png").write_bytes(signal.render(samples, spec, 8)[0].data)
    with Pillow.open(tmp_path / "p.png") as grid:
        assert grid.size == (3 * 50 + 4, 70)
    frame = signal.frame(samples[0], spec)
    assert (frame.shape, frame.dtype) == ((70, 50, 3), np.uint8)
    assert (frame == (255 if channels == 4 else 0)).all()


@pytest.mark.parametrize(("channels", "dtype"), [(1, np.uint8), (3, np.uint8), (4, np.uint8), (1, np.uint16)])
def test_files_hold_the_very_pixels(tmp_path, channels, dtype):
    signal = Image(depth=np.dtype(dtype).itemsize * 8)
    spec = spec_of(signal, (6, 5, channels))
    samples = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (2, 6, 5, channels), dtype)
    paths = signal.write(samples, tmp_path / "out", 7, spec)
    assert [p.name for p in paths] == ["000007.png", "000008.png"]
    for sample, path in zip(samples, paths, strict=True):
        with Pillow.open(path) as picture:
            assert np.array_equal(np.asarray(picture).reshape(sample.shape), sample)


@pytest.mark.parametrize("channels", [3, 4])
def test_deep_color_is_written_and_read_whole(tmp_path, channels):
    signal = Image(depth=16)
    spec = spec_of(signal, (6, 5, channels))
    samples = np.random.default_rng(1).integers(0, 65536, (2, 6, 5, channels), np.uint16)
    for sample, path in zip(samples, signal.write(samples, tmp_path / "out", 0, spec), strict=True):
        assert files.header(path, "x") == ((6, 5, channels), "uint16")
        np.testing.assert_array_equal(files.decode(path, "x"), sample)
        with path.open("rb") as file:
            np.testing.assert_array_equal(files.decode(file, "x"), sample)
