"""The mixtures, files of vectors, and stacked digits."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest

from ganforge.data.arrays import ArrayDataset
from ganforge.data.base import DataSource
from ganforge.data.path import PathData
from ganforge.modalities.image.inspect import inspect
from ganforge.modalities.image.pack import pack
from ganforge.modalities.image.sources.stacked import StackedMnist
from ganforge.modalities.points.source import Grid25, PointFile, Ring8
from refused import refused


@pytest.mark.parametrize(("source", "modes", "std"), [(Ring8, 8, 0.01), (Grid25, 25, 0.05)])
class TestMixtures:
    def test_is_what_the_protocol_says(self, source, modes, std):
        data = source().open()
        assert isinstance(data, ArrayDataset)
        assert len(data) == 100_000
        assert data.shapes() == {((2,), "float32"): 100_000}
        assert len(data.classes) == modes == len(source.centers())
        assert data.labels is not None
        shares = np.bincount(data.labels, minlength=modes) / len(data)
        assert np.allclose(shares, 1 / modes, rtol=0.1)
        off = data.array - source.centers()[data.labels]
        assert off.std(0) == pytest.approx([std, std], rel=0.02)
        assert np.abs(off.mean(0)).max() < 4 * std / len(data) ** 0.5

    def test_is_the_same_every_time(self, source, modes, std):
        one, same, other = (source(count=50, seed=seed).open() for seed in (3, 3, 4))
        assert np.array_equal(one.array, same.array)
        assert np.array_equal(one.labels, same.labels)
        assert not np.array_equal(one.array, other.array)
        assert one.read(7).dtype == np.float32

    def test_is_a_named_set(self, source, modes, std):
        assert DataSource.parse(source.kind) == source()


def test_radii():
    assert np.allclose(np.linalg.norm(Ring8.centers(), axis=1), 1)
    assert {tuple(c) for c in Grid25.centers()} == {(x, y) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}


class TestFiles:
    def test_npy(self, tmp_path):
        np.save(tmp_path / "a.npy", np.arange(6.0).reshape(3, 2))
        data = PointFile(path=str(tmp_path / "a.npy")).open()
        assert data.read(2).tolist() == [4, 5]
        assert data.labels is None

    def test_npz_with_labels(self, tmp_path):
        np.savez(tmp_path / "a.npz", samples=np.ones((3, 4)), labels=np.array(["x", "y", "x"]))
        data = PointFile(path=str(tmp_path / "a.npz")).open()
        assert data.classes == ("x", "y")
        assert data.labels is not None
        assert data.labels.tolist() == [0, 1, 0]

    @pytest.mark.parametrize("head", ["", "x0,x1\n"])
    def test_csv(self, tmp_path, head):
        (tmp_path / "a.csv").write_text(f"{head}1,2.5\n-3,4e-1\n")
        data = PointFile(path=str(tmp_path / "a.csv")).open()
        assert np.allclose([data.read(0), data.read(1)], [[1, 2.5], [-3, 0.4]])

    @pytest.mark.parametrize("content", ["x;y\n1;2,5\n-3;0,4\n", "1\t2.5\n-3\t0.4\n", "1;2,5000\n-3,0;0,4\n"])
    def test_csv_of_other_countries_and_programs(self, tmp_path, content):
        (tmp_path / "a.csv").write_text(content)
        data = PointFile(path=str(tmp_path / "a.csv")).open()
        assert np.allclose([data.read(0), data.read(1)], [[1, 2.5], [-3, 0.4]])

    def test_one_number_a_line(self, tmp_path):
        (tmp_path / "a.csv").write_text("1\n2\n3\n")
        assert PointFile(path=str(tmp_path / "a.csv")).open().shapes() == {((1,), "float32"): 3}

    @pytest.mark.parametrize(
        ("name", "content", "code", "named"),
        [
            ("gone.npy", None, "data.not_found", "gone.npy"),
            ("a.txt", b"1,2\n", "data.unsupported_format", "ends in .txt"),
            ("a.csv", b"x,y\n1,two\n", "data.unreadable", "two"),
            ("a.csv", b"1,2\n3\n", "data.unreadable", "a.csv"),
            ("a.csv", b"1,2\nnan,3\n", "data.not_finite", "row 1 "),
            ("a.npy", b"nonsense", "data.unreadable", "a.npy"),
            ("a.npz", b"PK\x03\x04", "data.unreadable", "a.npz"),
        ],
    )
    def test_refusals(self, tmp_path, name, content, code, named):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with refused(code, named):
            PointFile(path=str(tmp_path / name)).open()

    def test_pictures_are_no_table(self, tmp_path):
        np.save(tmp_path / "a.npy", np.zeros((4, 8, 8)))
        with refused("data.not_points", "[4, 8, 8]", "signal=image"):
            PointFile(path=str(tmp_path / "a.npy")).open()

    def test_an_npz_of_two_tables_is_not_guessed_at(self, tmp_path):
        np.savez(tmp_path / "a.npz", a=np.zeros((4, 2)), b=np.zeros((4, 2)))
        with refused("data.unreadable", "one array of points", "['a', 'b']"):
            PointFile(path=str(tmp_path / "a.npz")).open()

    def test_a_path_alone_means_pictures(self, tmp_path):
        np.save(tmp_path / "a.npy", np.zeros((4, 2)))
        with refused("data.wrong_shape", "[4, 2]", "[N, H, W, C]"):
            PathData(path=str(tmp_path / "a.npy")).open()


def test_what_looks_at_pictures_says_so(tmp_path):
    with refused("data.not_images", "vectors of 2 numbers", "ganforge train toy"):
        inspect(Ring8(count=10))
    with refused("data.not_images", "vectors of 2 numbers"):
        pack(Ring8(count=10), tmp_path / "a.zip")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def digits(tmp_path):
    """Twenty digits as MNIST has them: digit d is an image of the gray level 10 d."""
    labels = np.arange(20, dtype=np.uint8) % 10
    images = np.repeat(labels * 10, 28 * 28).reshape(20, 28, 28)
    for name, array in (("images-idx3", images), ("labels-idx1", labels)):
        head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
        (tmp_path / f"train-{name}-ubyte.gz").write_bytes(gzip.compress(head + array.tobytes()))
    return tmp_path


class TestStacked:
    def test_the_label_says_what_the_channels_show(self, digits):
        data = StackedMnist(path=str(digits), count=300).open()
        assert len(data) == 300
        assert len(data.classes) == 1000
        assert data.labels is not None
        assert data.shapes() == {((28, 28, 3), "uint8"): 300}
        for k in range(0, 300, 17):
            picture = data.read(k)
            assert picture.shape == (28, 28, 3)
            assert picture.dtype == np.uint8
            shown = picture[0, 0] // 10
            assert data.classes[data.labels[k]] == "".join(map(str, shown))

    def test_is_the_same_every_time(self, digits):
        one, same, other = (StackedMnist(path=str(digits), count=40, seed=s).open() for s in (1, 1, 2))
        assert np.array_equal(one.labels, same.labels)
        assert np.array_equal(one.read(9), same.read(9))
        assert not np.array_equal(one.labels, other.labels)

    def test_all_modes_are_met(self, digits):
        data = StackedMnist(path=str(digits), count=20_000).open()
        assert data.labels is not None
        assert len(np.unique(data.labels)) == 1000

    def test_other_data_is_refused(self, tmp_path):
        np.savez(tmp_path / "a.npz", images=np.zeros((6, 28, 28), np.uint8), labels=np.arange(6) % 3)
        with refused("data.not_digits", "a.npz", "3 classes", "needs 10"):
            StackedMnist(path=str(tmp_path / "a.npz")).open()
        np.savez(tmp_path / "b.npz", images=np.zeros((10, 8, 8, 3), np.uint8), labels=np.arange(10))
        with refused("data.not_digits", "b.npz", "gray digits"):
            StackedMnist(path=str(tmp_path / "b.npz")).open()
