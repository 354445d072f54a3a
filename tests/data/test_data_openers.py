"""Which signal the data at a path is for: the surest opener opens it, and where two are equally sure the user says."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganforge.core.component import build
from ganforge.data.arrays import ArrayDataset
from ganforge.data.base import DataSource
from ganforge.data.opener import Head, Opener, choose, openers, read_head
from ganforge.data.path import PathData
from ganforge.registry import load_all, load_plugin
from refused import refused

load_all()

RNG = np.random.default_rng(0)
SERIES = RNG.uniform(-1, 1, (50, 24, 6)).astype(np.float32)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (6, 5)).save(buffer, "PNG")
    return buffer.getvalue()


def saved(path: Path, array: np.ndarray) -> str:
    np.save(path, array)
    return str(path)


@pytest.fixture
def kinds():
    """The openers, without those that a test adds."""
    before = dict(Opener.kinds)
    yield Opener.kinds
    Opener.kinds.clear()
    Opener.kinds.update(before)


# --- what a set is for


@pytest.mark.parametrize(
    ("name", "signal"),
    [("photos", "image"), ("photos.zip", "image"), ("photos.zip/in", "image"), ("x.npy", "image"), ("x.npz", "image"),
     ("people.csv", "table"), ("people.csv.gz", "table"), ("photos/tables.csv", "table")],
)  # fmt: skip
def test_what_is_there_decides(tmp_path, name, signal):
    (tmp_path / "photos" / "in").mkdir(parents=True)
    (tmp_path / "photos" / "in" / "a.png").write_bytes(png())
    rows = "age,city\n" + "".join(f"{k},{'ab'[k % 2]}\n" for k in range(30))
    (tmp_path / "photos" / "tables.csv").write_text(rows)
    (tmp_path / "people.csv").write_text(rows)
    (tmp_path / "people.csv.gz").write_bytes(gzip.compress(rows.encode()))
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("in/a.png", png())
    np.save(tmp_path / "x.npy", np.zeros((5, 8, 9), np.uint8))
    np.savez(tmp_path / "x.npz", images=np.zeros((5, 4, 4)))
    data = PathData(path=str(tmp_path / name)).open()
    assert data.signal == signal
    assert len(data) > 0


def test_every_source_that_needs_nothing_says_what_its_samples_are_for():
    found = {kind: build(DataSource, {"kind": kind}).open().signal for kind in ("digits", "ring8", "grid25")}
    assert found == {"digits": "image", "ring8": "points", "grid25": "points"}


def test_pairs_are_for_a_signal_of_their_own_and_their_sources_are_images(tmp_path):
    for name in ("source", "target"):
        (tmp_path / name).mkdir()
        for k in range(3):
            (tmp_path / name / f"{k}.png").write_bytes(png())
    data = build(DataSource, {"kind": "pairs", "source": str(tmp_path / "source"), "target": str(tmp_path / "target")})
    pairs = data.open()
    assert pairs.source is not None
    assert (pairs.signal, pairs.source.signal) == ("pair", "image")
    domains = build(DataSource, {"kind": "domains", "a": str(tmp_path / "source"), "b": str(tmp_path / "target")})
    assert domains.open().signal == "image"


# --- arrays of three axes


def test_a_float_array_of_three_axes_asks(tmp_path):
    path = saved(tmp_path / "series.npy", SERIES)
    with refused(
        "data.ambiguous_array",
        "50 gray images of 24×6 px",
        "50 series of 24 steps with 6 channels",
        "data.signal=image",
        "[50, 24, 6, 1]",
    ):
        PathData(path=path).open()
    np.savez(tmp_path / "x.npz", x=SERIES, y=np.arange(50) % 2)
    with refused("data.ambiguous_array", "50 series of 24 steps", "data.signal=image"):
        PathData(path=str(tmp_path / "x.npz")).open()


def test_both_ways_to_say_that_it_is_images(tmp_path):
    told = PathData(path=saved(tmp_path / "a.npy", SERIES), signal="image").open()
    shaped = PathData(path=saved(tmp_path / "b.npy", SERIES[..., None])).open()
    assert told.signal == shaped.signal == "image"
    assert told.shapes() == shaped.shapes() == {((24, 6, 1), "uint8"): 50}
    assert np.array_equal(told.read(7), shaped.read(7))
    assert np.array_equal(told.read(7)[..., 0], np.rint((SERIES[7].astype(np.float64) + 1) * 127.5))


@pytest.mark.parametrize("dtype", ["u1", "<u2", ">u2"])
def test_pixels_of_whole_numbers_are_images_unless_they_are_tiny(tmp_path, dtype):
    assert PathData(path=saved(tmp_path / "a.npy", np.zeros((4, 8, 8), dtype))).open().shapes().keys() == {
        ((8, 8, 1), "uint8" if dtype == "u1" else "uint16")
    }
    with refused("data.ambiguous_array", "4 series of 8 steps with 7 channels"):
        PathData(path=saved(tmp_path / "b.npy", np.zeros((4, 8, 7), dtype))).open()


@pytest.mark.parametrize("dtype", ["i8", "f2", "f8", "?"])
def test_other_numbers_are_not_taken_for_pixels(tmp_path, dtype):
    with refused("data.ambiguous_array", "4 gray images of 30×20 px"):
        PathData(path=saved(tmp_path / "a.npy", np.zeros((4, 30, 20), dtype))).open()


def test_an_array_that_is_called_images_holds_images(tmp_path):
    for key in ("images", "image", "train_images"):
        np.savez(tmp_path / "x.npz", **{key: SERIES})
        assert PathData(path=str(tmp_path / "x.npz")).open().shapes() == {((24, 6, 1), "uint8"): 50}


def test_blocks_of_numbers_are_named_as_such(tmp_path):
    path = saved(tmp_path / "voxels.npy", np.zeros((5, 8, 9, 7), np.float32))
    with refused("data.wrong_shape", "5 blocks of 8×9×7 numbers", "not supported", "at most 4 channels"):
        PathData(path=path).open()


def test_pairs_of_gray_arrays_need_not_be_asked(tmp_path):
    """Where nothing but images will do."""
    paths = [saved(tmp_path / f"{name}.npy", RNG.uniform(0, 1, (5, 12, 10))) for name in "ab"]
    pairs = build(DataSource, {"kind": "pairs", "source": paths[0], "target": paths[1]}).open()
    assert pairs.shapes() == {((12, 10, 1), "uint8"): 5}


# --- a signal that is named


def test_points_are_opened_where_they_are_asked_for(tmp_path):
    path = saved(tmp_path / "a.npy", RNG.normal(size=(40, 3)))
    with refused("data.wrong_shape", "shape [40, 3]"):
        PathData(path=path).open()
    data = PathData(path=path, signal="points").open()
    assert (data.signal, data.shapes()) == ("points", {((3,), "float32"): 40})
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2\n" * 30)
    assert PathData(path=str(tmp_path / "a.csv")).open().signal == "table"
    assert PathData(path=str(tmp_path / "a.csv"), signal="points").open().signal == "points"


def test_a_named_signal_that_does_not_fit(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n" + "1,2\n" * 30)
    with refused("data.not_images", "a.csv", "another kind of file"):
        PathData(path=str(tmp_path / "a.csv"), signal="image").open()
    with refused(
        "data.unknown_signal", "data.signal=imge", "did you mean 'image'", "known: audio, cloud, film, graphs, image"
    ):
        PathData(path=str(tmp_path / "a.csv"), signal="imge").open()


# --- openers that a plugin brings


def a_sound(claim: float, kind: str = "sound"):
    class Sound(Opener, kind=kind):
        """Waves."""

        signal = kind
        takes = f"a folder of {kind}s"

        def claims(self, path: Path, head: Head) -> float:
            return claim if head.names and all(name.endswith((".hum", ".png")) for name in head.names) else 0.0

        def open(self, path, head, name, *, split, holdout, asked):
            return ArrayDataset(name, np.zeros((len(head.names), 16), np.float32), signal=kind)

    return Sound


@pytest.fixture
def waves(tmp_path):
    (tmp_path / "waves").mkdir()
    for k in range(3):
        (tmp_path / "waves" / f"{k}.hum").write_bytes(b"hum")
    (tmp_path / "waves" / "cover.png").write_bytes(png())
    return str(tmp_path / "waves")


def test_a_surer_opener_wins_and_a_less_sure_one_does_not(kinds, waves):
    a_sound(0.95)
    assert PathData(path=waves).open().signal == "sound"
    assert PathData(path=waves, signal="image").open().signal == "image"
    a_sound(0.5)
    assert PathData(path=waves).open().signal == "image"


def test_equal_claims_ask_which_is_meant(kinds, waves):
    a_sound(0.9)
    with refused("data.ambiguous_signal", "image or sound", "data.signal=image or data.signal=sound"):
        PathData(path=waves).open()
    assert PathData(path=waves, signal="sound").open().signal == "sound"
    assert PathData(path=waves, signal="image").open().signal == "image"


def test_two_openers_for_one_signal_do_not_ask(kinds, waves):
    a_sound(0.95, "sound").signal = "sound"
    a_sound(0.95, "sound-too").signal = "sound"
    head = read_head(Path(waves))
    assert head is not None
    opener = choose(Path(waves), head, waves)
    assert opener is not None
    assert opener.signal == "sound"


def test_what_is_wanted_names_what_a_plugin_opens(kinds, tmp_path):
    (tmp_path / "x.doc").write_text("words")
    with refused("data.unsupported_format", "x.doc", "a table: .csv", "or texts: .txt") as error:
        PathData(path=str(tmp_path / "x.doc")).open()
    assert "a folder of sounds" not in str(error.value)
    a_sound(0.9)
    with refused(
        "data.unsupported_format",
        "sounds: a folder or zip of .wav",
        "CIFAR-10 binary files, ",
        ", time series: .csv",
        "a folder of sounds, a table: .csv",
    ):
        PathData(path=str(tmp_path / "x.doc")).open()


def test_a_plugin_file_brings_an_opener(kinds, waves, tmp_path):
    (tmp_path / "hum.py").write_text(
        "import numpy as np\n"
        "from ganforge.data.arrays import ArrayDataset\n"
        "from ganforge.data.opener import Opener\n\n\n"
        "class Hum(Opener, kind='hum'):\n"
        "    '''Waves.'''\n\n"
        "    signal = 'hum'\n\n"
        "    def claims(self, path, head):\n"
        "        return float(any(name.endswith('.hum') for name in head.names))\n\n"
        "    def open(self, path, head, name, *, split, holdout, asked):\n"
        "        return ArrayDataset(name, np.zeros((3, 16), np.float32), signal='hum')\n"
    )
    assert PathData(path=waves).open().signal == "image"
    load_plugin(tmp_path / "hum.py")
    assert PathData(path=waves).open().signal == "hum"


# --- what openers see


def test_a_head_is_what_lies_at_a_path(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"abc")
    assert read_head(tmp_path / "nowhere") is None
    assert read_head(tmp_path / "a.bin") == Head(tmp_path / "a.bin", b"abc")
    folder = read_head(tmp_path)
    assert folder is not None
    assert folder.names == ["a.bin"]
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in/a.txt", "x")
    for path, names in ((tmp_path / "x.zip", ["in/a.txt"]), (tmp_path / "x.zip" / "in", ["a.txt"])):
        head = read_head(path)
        assert head is not None
        assert head.names == names
    (tmp_path / "x.zip").write_bytes((tmp_path / "x.zip").read_bytes()[:20])
    damaged = read_head(tmp_path / "x.zip")
    assert damaged is not None
    assert damaged.names == []


@pytest.mark.parametrize("opener", openers(), ids=lambda opener: opener.kind)
def test_no_opener_claims_what_says_nothing(opener, tmp_path):
    """An empty file, and one of another program: nobody's."""
    for name, content in (("a", b""), ("b.xyz", b"\x00\x01 something else")):
        (tmp_path / name).write_bytes(content)
        head = read_head(tmp_path / name)
        assert head is not None
        assert opener.claims(tmp_path / name, head) == 0
