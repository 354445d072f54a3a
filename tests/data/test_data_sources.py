"""What a path may be, and what is said when it is something else."""

from __future__ import annotations

import gzip
import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganforge.core.component import build
from ganforge.core.dataset import BadItem
from ganforge.data.base import DataSource
from ganforge.data.path import PathData
from ganforge.modalities.image.sources import embedded, hub, named  # noqa: F401  (the named sets are known once imported)
from refused import refused

RNG = np.random.default_rng(0)


def png(value=0, size=(6, 5)):
    buffer = io.BytesIO()
    Image.new("RGB", size, (value, value, value)).save(buffer, "PNG")
    return buffer.getvalue()


def fill(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def place(form, tmp_path, files):
    """The files in a folder or in a zip."""
    return fill(tmp_path / "set", files) if form == "folder" else zipped(tmp_path / "set.zip", files)


def open_path(path, **fields):
    return PathData(path=str(path), **fields).open()


FORMS = pytest.mark.parametrize("form", ["folder", "zip"])


@FORMS
def test_a_flat_set_has_no_labels_and_a_fixed_order(form, tmp_path):
    files = {f"{k}.png": png(k) for k in (3, 1, 2)}
    data = open_path(place(form, tmp_path, files | {"notes.txt": b"x", ".hidden.png": b"x", "Thumbs.db": b"x"}))
    assert [data.describe(k) for k in range(len(data))] == ["1.png", "2.png", "3.png"]
    assert [int(data.read(k)[0, 0, 0]) for k in range(3)] == [1, 2, 3]
    assert data.labels is None
    assert data.classes == ()
    assert data.shapes() == {((5, 6, 3), "uint8"): 3}
    assert data.ignored == {".txt": 1}


@FORMS
def test_folders_of_pictures_are_classes(form, tmp_path):
    files = {"dog/b.png": png(2), "cat/a.JPG": png(1), "dog/c.png": png(3), "__MACOSX/cat/._a.png": b"x"}
    data = open_path(place(form, tmp_path, files))
    assert data.classes == ("cat", "dog")
    assert data.labels.tolist() == [0, 1, 1]
    assert data.labels.dtype == np.int64


@FORMS
def test_wrapping_folders_do_not_matter_and_numbers_are_in_their_order(form, tmp_path):
    data = open_path(place(form, tmp_path, {f"all/of/{k}/x.png": png(k) for k in (10, 9, 2)}))
    assert data.classes == ("2", "9", "10")
    assert [int(data.read(k)[0, 0, 0]) for k in np.argsort(data.labels)] == [2, 9, 10]


@FORMS
def test_deeper_folders_and_mixed_ones_have_no_labels(form, tmp_path):
    assert open_path(place(form, tmp_path / "a", {"a/b/x.png": png(), "c/y.png": png()})).labels is None
    assert open_path(place(form, tmp_path / "b", {"a/x.png": png(), "y.png": png()})).labels is None


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()


@FORMS
def test_train_and_test_are_parts(form, tmp_path):
    files = {"s/train/a/1.png": png(1), "s/train/b/2.png": png(2), "s/test/a/3.png": png(3), "s/test/b/4.png": png(4)}
    path = place(form, tmp_path, files | {"s/val/a/5.png": png(5)})
    for split, values in (("train", [1, 2]), ("test", [3, 4])):
        data = open_path(path, split=split)
        assert [int(data.read(k)[0, 0, 0]) for k in range(2)] == values
        assert data.classes == ("a", "b")
    flat = place(form, tmp_path / "a", {"1.png": png()})
    with refused("data.split_not_found", "split=test", "train and test"):
        open_path(flat, split="test")


@FORMS
def test_broken_pictures_are_bad_items_that_say_where(form, tmp_path):
    files = {"a/empty.png": b"", "a/cut.png": png()[:40], "a/fake.jpg": b"hello", "a/good.png": png(7)}
    data = open_path(place(form, tmp_path, files))
    why = {}
    for k in range(4):
        try:
            data.read(k)
        except BadItem as error:
            why[error.where] = error.why
    assert set(why) == {"a/empty.png", "a/cut.png", "a/fake.jpg"}
    assert "empty" in why["a/empty.png"]
    assert "not an image" in why["a/fake.jpg"]


def test_a_link_that_leads_back_ends(tmp_path):
    folder = fill(tmp_path / "set", {"a/1.png": png(), "b/2.png": png()})
    (folder / "a" / "loop").symlink_to(folder)
    (folder / "b" / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    data = open_path(folder)
    assert len(data) == 3
    with pytest.raises(BadItem, match="broken link"):
        data.read(2)


@pytest.mark.parametrize("name", ["../evil.png", "a/../../evil.png", "/etc/evil.png", "..\\evil.png", "C:\\evil.png"])
def test_zips_that_lead_outside_are_refused_whole(name, tmp_path):
    path = zipped(tmp_path / "evil.zip", {"good.png": png(), name: png()})
    with refused("data.unsafe_zip", str(path), "evil.png"):
        open_path(path)
    assert {p.name for p in tmp_path.iterdir()} == {"evil.zip", "a", "b"}


def test_zips_cut_short_encrypted_or_with_bombs(tmp_path, monkeypatch):
    path = zipped(tmp_path / "x.zip", {f"{k}.png": png(k) for k in range(9)})
    cut = tmp_path / "cut.zip"
    cut.write_bytes(path.read_bytes()[:-40])
    with refused("data.damaged", str(cut)):
        open_path(cut)
    data = bytearray(path.read_bytes())
    start = data.find(b"PK\x01\x02")
    data[start + 8] |= 1  # the flag of encryption, of the first file alone
    path.write_bytes(data)
    with pytest.raises(BadItem, match="encrypted"):
        open_path(path).read(0)
    monkeypatch.setattr("ganforge.data.zip_store.MAX_MEMBER", 10)
    with pytest.raises(BadItem, match="bomb"):
        open_path(path).read(1)


def test_paths_that_are_nothing(tmp_path):
    (tmp_path / "photos").mkdir()
    with refused("data.not_found", str(tmp_path / "nope")):
        open_path(tmp_path / "nope")
    with refused("data.not_found", "did you mean 'photos'"):
        open_path(tmp_path / "photo")
    with refused("data.empty", "photos"):
        open_path(tmp_path / "photos")
    with refused("data.not_found", "did you mean the named set 'mnist'"):
        open_path("mnits")
    with refused("data.not_found", "did you mean the named set 'digits'"):
        open_path("digit")
    (tmp_path / "photos" / "x.doc").write_text("a,b")
    with refused("data.no_images", "photos", "1 .doc file"):
        open_path(tmp_path / "photos")
    with refused("data.unsupported_format", str(tmp_path / "photos" / "x.doc")):
        open_path(tmp_path / "photos" / "x.doc")
    (tmp_path / "none.png").write_bytes(b"")
    with refused("data.empty", str(tmp_path / "none.png")):
        open_path(tmp_path / "none.png")
    (tmp_path / "one.png").write_bytes(png())
    with refused("data.single_image", "one.png", f"data={tmp_path}"):
        open_path(tmp_path / "one.png")
    with refused("data.no_images", "x.zip", ".doc"):
        open_path(zipped(tmp_path / "x.zip", {"a.doc": b"x"}))


def test_a_folder_that_holds_zips_points_to_them(tmp_path):
    zipped(tmp_path / "a" / "x.zip", {"a.png": png()})
    with refused("data.no_images", "1 .zip file", "data=", "x.zip"):
        open_path(tmp_path / "a")


def test_words_are_named_sets_or_paths():
    assert build(DataSource, DataSource.from_text("mnist")).kind == "mnist"
    path = build(DataSource, DataSource.from_text("./photos"))
    assert (path.kind, path.path) == ("path", "./photos")


# --- idx


def idx(array, kind=0x08):
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, kind, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def mnist(tmp_path):
    """A tiny set in MNIST's form, its test part not gzipped."""
    images = RNG.integers(0, 256, (20, 7, 9), np.uint8)
    labels = np.arange(20, dtype=np.uint8) % 4
    folder = fill(
        tmp_path / "mnist",
        {
            "train-images-idx3-ubyte.gz": gzip.compress(idx(images)),
            "train-labels-idx1-ubyte.gz": gzip.compress(idx(labels)),
            "t10k-images-idx3-ubyte": idx(images[:5]),
            "t10k-labels-idx1-ubyte": idx(labels[:5]),
        },
    )
    return folder, images, labels


def test_idx_folders_and_files(mnist):
    folder, images, labels = mnist
    for data in (open_path(folder), open_path(folder / "train-images-idx3-ubyte.gz")):
        assert np.array_equal(np.stack([data.read(k) for k in range(20)])[..., 0], images)
        assert np.array_equal(data.labels, labels)
        assert data.classes == ("0", "1", "2", "3")
        assert data.shapes() == {((7, 9, 1), "uint8"): 20}
    assert len(open_path(folder, split="test")) == 5
    assert len(open_path(folder / "t10k-images-idx3-ubyte")) == 5


def test_idx_without_labels_or_parts(mnist):
    folder, *_ = mnist
    for path in folder.glob("*labels*"):
        path.unlink()
    assert open_path(folder).labels is None
    (folder / "t10k-images-idx3-ubyte").unlink()
    with refused("data.split_not_found", "test", "data.split=train"):
        open_path(folder, split="test")


def test_broken_idx(mnist, tmp_path):
    folder, images, _ = mnist
    labels = folder / "train-labels-idx1-ubyte.gz"
    with refused("data.only_labels", labels.name, "the images"):
        open_path(labels)
    packed = folder / "train-images-idx3-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-30])
    with refused("data.damaged", packed.name):
        open_path(folder)
    packed.write_bytes(gzip.compress(idx(images)[:-7]))
    with refused("data.damaged", packed.name, "1,260 bytes", "1,253"):
        open_path(folder)
    packed.write_bytes(gzip.compress(b"hello, world"))
    with refused("data.unsupported_format", packed.name, "idx"):
        open_path(folder)


# --- numpy


@pytest.mark.parametrize(
    ("array", "shape"),
    [
        (np.zeros((5, 8, 9), np.uint8), (8, 9, 1)),
        (np.zeros((5, 8, 9, 3), np.uint16), (8, 9, 3)),
        (np.zeros((5, 3, 8, 9), np.uint8), (8, 9, 3)),
    ],
)
def test_npy_layouts(array, shape, tmp_path):
    np.save(tmp_path / "x.npy", array)
    data = open_path(tmp_path / "x.npy")
    assert data.shapes() == {(shape, str(array.dtype)): 5}
    assert data.read(4).shape == shape


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.array([0.0, 0.5, 1.0]), [0, 128, 255]),
        (np.array([-1.0, 0.0, 1.0], np.float32), [0, 128, 255]),
        (np.array([0.0, 127.6, 255.0]), [0, 128, 255]),
        (np.array([0, 1, 2]), [0, 1, 2]),
        (np.array([False, True, True]), [0, 255, 255]),
        (np.array([0, 300, 65535], ">u2"), [0, 300, 65535]),
    ],
)
def test_npy_numbers(values, expected, tmp_path):
    np.save(tmp_path / "x.npy", values.reshape(3, 1, 1, 1))
    data = open_path(tmp_path / "x.npy")
    assert [int(data.read(k)[0, 0, 0]) for k in range(3)] == expected


@pytest.mark.parametrize(
    ("array", "code", "value"),
    [
        (np.zeros((5, 8)), "data.wrong_shape", "shape [5, 8]"),
        (np.zeros((5, 8, 9, 7)), "data.wrong_shape", "at most 4 channels"),
        (np.full((2, 4, 4, 1), 1000), "data.pixels_out_of_range", "from 1000 to 1000"),
        (np.full((2, 4, 4, 1), np.nan), "data.not_finite", "x.npy"),
        (np.zeros((0, 4, 4), np.uint8), "data.empty", "x.npy"),
        (np.zeros((2, 4, 4), np.complex64), "data.pixel_type", "complex64"),
    ],
)
def test_npy_that_holds_no_pictures(array, code, value, tmp_path):
    np.save(tmp_path / "x.npy", array)
    with refused(code, value):
        open_path(tmp_path / "x.npy")


def test_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}, []], object), allow_pickle=True)
    with refused("data.unreadable", "x.npy", "never loaded"):
        open_path(tmp_path / "x.npy")
    np.savez(tmp_path / "x.npz", images=np.array([{}, []], object), allow_pickle=True)
    with refused("data.unreadable", "x.npz", "never loaded"):
        open_path(tmp_path / "x.npz")


def test_npz_by_the_names_that_people_use(tmp_path):
    images, labels = RNG.integers(0, 256, (6, 8, 8), np.uint8), np.array([5, 7, 5, 7, 9, 9])
    for keys in (("images", "labels"), ("x", "y"), ("arr_0", "arr_1"), ("X_train", "Y_train")):
        np.savez(tmp_path / "x.npz", **dict(zip(keys, (images, labels), strict=True)))
        data = open_path(tmp_path / "x.npz")
        assert data.classes == ("5", "7", "9")
        assert data.labels.tolist() == [0, 1, 0, 1, 2, 2]
    np.savez(tmp_path / "x.npz", x_train=images, y_train=labels[:, None], x_test=images[:2], y_test=labels[:2, None])
    assert len(open_path(tmp_path / "x.npz")) == 6
    assert len(open_path(tmp_path / "x.npz", split="test")) == 2
    np.savez_compressed(tmp_path / "x.npz", pixels=images)
    assert open_path(tmp_path / "x.npz").labels is None
    np.savez(tmp_path / "x.npz", images=images, labels=np.array(list("abcabc")))
    assert open_path(tmp_path / "x.npz").classes == ("a", "b", "c")


def test_npz_that_does_not_fit(tmp_path):
    images = np.zeros((6, 4, 4), np.uint8)
    np.savez(tmp_path / "x.npz", images=images, labels=np.zeros(5, int))
    with refused("data.label_count", "6 images", "[5]"):
        open_path(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", a=images, b=images)
    with refused("data.array_not_found", "(a, b)", "images"):
        open_path(tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes((tmp_path / "x.npz").read_bytes()[:100])
    with refused("data.unreadable", "x.npz"):
        open_path(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", images=images, labels=np.zeros(6))
    with refused("data.label_type", "float64"):
        open_path(tmp_path / "x.npz")


# --- CIFAR


def cifar(n, label):
    pixels = RNG.integers(0, 256, (n, 3072), np.uint8)
    return pixels, np.concatenate([np.full((n, 1), label, np.uint8), pixels], 1).tobytes()


def test_cifar_batches_in_a_folder_a_tar_and_alone(tmp_path):
    (first, one), (second, two), (_, test) = cifar(2, 3), cifar(3, 8), cifar(4, 0)
    names = {"data_batch_1.bin": one, "data_batch_2.bin": two, "test_batch.bin": test, "readme.html": b"x"}
    folder = fill(tmp_path / "cifar-10-batches-bin", names)
    with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as archive:
        archive.add(folder, "cifar-10-batches-bin")
    for path in (folder, tmp_path / "c.tar.gz"):
        data = open_path(path)
        assert data.labels.tolist() == [3, 3, 8, 8, 8]
        assert data.classes[3] == "cat"
        pixels = np.stack([data.read(k) for k in range(5)]).transpose(0, 3, 1, 2).reshape(5, -1)
        assert np.array_equal(pixels, np.concatenate([first, second]))
        assert len(open_path(path, split="test")) == 4
    assert len(open_path(folder / "data_batch_2.bin")) == 3
    (folder / "data_batch_2.bin").write_bytes(two[:-1])
    with refused("data.damaged", "data_batch_2.bin", "3073"):
        open_path(folder)
    (folder / "data_batch_2.bin").write_bytes(cifar(3, 10)[1])
    with refused("data.labels_out_of_range", "from 3 to 10", "10 classes"):
        open_path(folder)


def test_other_tars_are_refused(tmp_path):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("a.png"), io.BytesIO())
    with refused("data.unsupported_archive", "x.tar.gz", "Unpack it"):
        open_path(tmp_path / "x.tar.gz")
    (tmp_path / "y.tar.gz").write_bytes(b"\x1f\x8bnonsense")
    with refused("data.damaged", "y.tar.gz"):
        open_path(tmp_path / "y.tar.gz")


def test_the_embedded_digits():
    data = build(DataSource, {"kind": "digits"}).open()
    assert len(data) == 1797
    assert data.shapes() == {((8, 8, 1), "uint8"): 1797}
    assert data.classes == tuple("0123456789")
    values = np.unique(data.array)
    assert len(values) == 17
    assert (values[0], values[-1]) == (0, 255)


# --- real data, where it is


@pytest.mark.skipif("GANFORGE_DATA" not in os.environ, reason="no real data here")
@pytest.mark.parametrize(
    ("name", "split", "count", "classes", "shape"),
    [
        ("mnist", "train", 60000, 10, (28, 28, 1)),
        ("mnist", "test", 10000, 10, (28, 28, 1)),
        ("fashion_mnist", "train", 60000, 10, (28, 28, 1)),
        pytest.param("cifar10.zip", "train", 10000, 10, (32, 32, 3), marks=pytest.mark.slow),
        pytest.param("cifar10.zip", "test", 2000, 10, (32, 32, 3), marks=pytest.mark.slow),
        ("emoji.zip", "train", 1832 + 1403, 2, (64, 64, 4)),
        ("sign_digits", "train", 1000, 10, (100, 100, 3)),
        ("clothing", "train", 372, 10, (533, 400, 3)),
        ("omniglot/images_background_small1.zip", "train", 2720, 0, (105, 105, 1)),
    ],
)
@pytest.mark.slow
def test_real_sets_have_what_their_tables_say(name, split, count, classes, shape):
    data = open_path(Path(os.environ["GANFORGE_DATA"]) / name, split=split)
    assert len(data) == count
    assert len(data.classes) == classes
    shapes = data.shapes()
    assert sum(shapes.values()) == count
    assert (shape, "uint8") in shapes
    assert data.read(count // 2).ndim == 3
