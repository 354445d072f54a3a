"""What a vector becomes for the nets, and what becomes of it for people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.modalities.image.nets.dcgan import DcganGenerator
from ganforge.modalities.image.signal import Image
from ganforge.modalities.image.sources.arrays import from_arrays
from ganforge.modalities.points.signal import Points
from ganforge.modalities.points.source import Grid25, Ring8, from_table
from refused import refused

RNG = Rng(0)


def any_shape(shape):
    return shape


class TestScale:
    def test_the_nets_see_unit_variance(self):
        data = Grid25().open()
        signal = Points()
        spec = signal.spec(data, any_shape)
        assert spec.shape == (2,)
        assert spec.classes == 25
        x = signal.encode(torch.from_numpy(data.array), spec, RNG)
        assert x.dtype == torch.float32
        assert torch.allclose(x.mean(0), torch.zeros(2), atol=1e-4)
        assert torch.allclose(x.std(0), torch.ones(2), atol=1e-3)

    def test_round_trip(self):
        data = Grid25(count=500).open()
        signal = Points()
        spec = signal.spec(data, any_shape)
        stored = np.stack([signal.prepare(data.read(k), spec) for k in range(len(data))])
        back = signal.decode(signal.encode(torch.from_numpy(stored), spec, RNG), spec)
        assert back.dtype == np.float32
        assert np.abs(back - data.array).max() < 2e-6

    def test_off(self):
        data = Grid25(count=50).open()
        signal = Points(standardize=False)
        x = torch.from_numpy(data.array)
        assert torch.equal(signal.encode(x, signal.spec(data, any_shape), RNG), x)

    def test_a_number_that_never_changes(self):
        data = from_table("flat", np.array([[1.0, 5.0], [3.0, 5.0]]))
        signal = Points()
        spec = signal.spec(data, any_shape)
        x = signal.encode(torch.from_numpy(data.array), spec, RNG)
        assert x.tolist() == [[-1, 0], [1, 0]]
        assert signal.decode(x, spec).tolist() == [[1, 5], [3, 5]]

    def test_the_spec_survives_json(self):
        spec = Points().spec(Ring8(count=50).open(), any_shape)
        assert Spec.from_plain(spec.to_plain()) == spec


class TestRefusals:
    def test_pictures(self):
        data = from_arrays("photos", np.zeros((4, 8, 8), np.uint8), None)
        with refused("data.not_points", "photos", "8×8×1", "signal=image"):
            Points().spec(data, any_shape)

    def test_points_where_pictures_are_wanted(self):
        with refused("data.not_images", "image signal", "such as toy"):
            Image().spec(Ring8(count=50).open(), any_shape)

    def test_nets_of_pictures(self):
        with refused("nets.not_for_shape", "dcgan", "[2]", "mlp"):
            Points().spec(Ring8(count=50).open(), DcganGenerator().nearest)
        with refused("nets.not_for_shape", "points of 2 numbers", "recipe toy"):
            Points().spec(Ring8(count=50).open(), lambda shape: (3,))


class TestPictures:
    def plot(self, tmp_path, samples, data):
        signal = Points()
        (tmp_path / "a.png").write_bytes(signal.render(samples, signal.spec(data, any_shape), 8)[0].data)
        return np.asarray(Pillow.open(tmp_path / "a.png")).astype(int)

    def test_dots_lie_where_the_modes_are(self, tmp_path):
        data = Ring8(count=2000).open()
        picture = self.plot(tmp_path, data.array, data)
        ink = picture[..., 2] - picture[..., 0] > 60  # blue
        rows, columns = np.nonzero(ink)
        middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
        radius = (columns.max() - columns.min()) / 2
        angle = np.arctan2(middle[0] - rows, columns - middle[1])
        assert (np.abs(np.hypot(rows - middle[0], columns - middle[1]) - radius) < radius * 0.12).all()
        assert (np.abs(angle / (np.pi / 4) - np.rint(angle / (np.pi / 4))) < 0.15).all()

    def test_up_is_up(self, tmp_path):
        data = Ring8(count=200).open()
        picture = self.plot(tmp_path, np.array([[0.0, 1.0]]), data)
        rows, columns = np.nonzero(picture[..., 2] - picture[..., 0] > 60)
        assert rows.mean() < 120
        assert abs(columns.mean() - 256) < 8

    def test_what_is_far_away_or_not_a_number_is_left_out(self, tmp_path):
        data = Ring8(count=200).open()
        picture = self.plot(tmp_path, np.array([[1e30, 0], [np.nan, 0], [-np.inf, 3]], np.float32), data)
        assert not (picture[..., 2] - picture[..., 0] > 60).any()

    @pytest.mark.parametrize("width", [1, 3])
    def test_other_widths(self, tmp_path, width):
        data = from_table("table", np.random.default_rng(0).normal(size=(300, width)))
        assert (
            self.plot(tmp_path, data.array, data)[..., 2] - self.plot(tmp_path, data.array, data)[..., 0]
        ).max() > 60

    def test_frame(self):
        data = Ring8(count=50).open()
        signal = Points()
        picture = signal.frame(data.read(0), signal.spec(data, any_shape))
        assert picture.shape == (512, 512, 3)
        assert picture.dtype == np.uint8


def test_files(tmp_path):
    data = Ring8(count=5).open()
    signal = Points()
    (path,) = signal.write(data.array, tmp_path / "new", 64, signal.spec(data, any_shape))
    assert path.name == "000064.csv"
    assert path.read_text().splitlines()[0] == "x0,x1"
    assert np.array_equal(np.loadtxt(path, delimiter=",", skiprows=1).astype(np.float32), data.array)


def test_it_says_that_its_model_files_hold_figures_of_the_data():
    """Privacy is refused, and a card warns, by this sentence alone."""
    assert "means, standard deviations and bounds" in Points().data_statistics
