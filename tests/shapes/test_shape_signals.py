"""The two signals of shapes: forms of volumes, sizes, units, axes, and what is drawn at random."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from shapes_of_tests import ball, ball_mesh, off

from ganforge.core.dataset import BadItem
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.data.path import PathData
from ganforge.modalities.shape import drawing, viewer
from ganforge.modalities.shape.cloud import Cloud
from ganforge.modalities.shape.formats import writing
from ganforge.modalities.shape.formats.parts import Mesh
from ganforge.modalities.shape.inspect import inspection
from ganforge.modalities.shape.surface import is_closed, normals_of
from ganforge.modalities.shape.volume import Volume
from refused import refused


def volume_set(folder: Path, volumes: list[np.ndarray]):
    folder.mkdir()
    for k, values in enumerate(volumes):
        np.save(folder / f"{k}.npy", values)
    return PathData(path=str(folder)).open()


def through(signal: Volume, dataset, index: int = 0) -> tuple[np.ndarray, Spec]:
    """A volume as it is decoded when nets make just it, and the spec."""
    spec = signal.spec(dataset, lambda shape: shape)
    stored = torch.from_numpy(signal.prepare(signal.items(dataset).read(index), spec))[None]
    return signal.present(stored, spec)[0], spec


def test_occupied_cells_become_distances_and_come_back(tmp_path):
    cells = ball() < 0
    found, spec = through(
        Volume(), volume_set(tmp_path / "a", [cells, cells.astype(np.float64), cells.astype(np.uint8)] * 2)
    )
    assert spec.state["form"] == "occupancy"
    assert ((found < 0) == cells).all()
    assert found.min() >= -3
    assert abs(found - ball().clip(-3, 3)).mean() < 0.3, "near to the true distances"


def test_distances_of_any_unit_are_scaled_to_cells(tmp_path):
    found, spec = through(Volume(), volume_set(tmp_path / "a", [(ball() * 0.01).astype(np.float32)] * 2))
    assert spec.state["form"] == "distance"
    assert spec.state["slope"] == pytest.approx(0.01, rel=0.1)
    assert found == pytest.approx((ball() * 0.01).clip(-0.03, 0.03), abs=0.004), "in units of the data again"


def test_fields_of_several_channels_keep_their_values(tmp_path):
    field = np.stack([np.exp(-((ball() + 5) ** 2) / 20) * 7 + 3, ball() * 100]).astype(np.float32)
    signal = Volume(form="field")
    found, spec = through(signal, volume_set(tmp_path / "a", [field] * 2))
    assert spec.shape == (2, 16, 16, 16)
    assert found == pytest.approx(field, abs=2.0)
    assert found[0] == pytest.approx(field[0], abs=0.01)
    mesh = signal.mesh(found, spec)
    assert is_closed(mesh), "where the first channel is above its middle"
    assert np.abs(mesh.vertices).max() < 5
    assert "2 channels" in signal.describe(spec)
    assert signal.file_formats["npy"](found[None], tmp_path / "out", 0, spec)[0].is_file()


def test_volumes_of_several_sizes_and_no_cubes_become_one(tmp_path):
    solid = np.zeros((16, 16, 16), bool)
    solid[4:12, 4:12, 6:10] = True
    flat = solid[:, :, 4:12]
    large = np.kron(solid, np.ones((2, 2, 2), bool))
    dataset = volume_set(tmp_path / "a", [solid, solid, solid, flat, large])
    signal = Volume()
    views = signal.items(dataset)
    spec = signal.spec(dataset, lambda shape: shape)
    for k in range(5):
        item = views.read(k)
        assert item.shape == (1, 16, 16, 16)
        assert (item[0] == solid).all(), k
        assert ((signal.prepare(item, spec)[0] < 0) == solid).all()
    facts = inspection(dataset)
    assert len(facts.facts["grids"]) == 3
    assert any("several sizes" in hint for hint in facts.hints)
    finer = Volume(size=32).items(dataset).read(0)
    assert finer.mean() == pytest.approx(solid.mean(), rel=0.1)


def test_channels_that_differ_and_empty_volumes_are_named(tmp_path):
    dataset = volume_set(tmp_path / "a", [np.random.default_rng(0).normal(size=(c, 9, 9, 9)) for c in (2, 2, 3)])
    with refused("data.channels_differ", "2, 3"):
        Volume().spec(dataset, lambda shape: shape)
    dataset = volume_set(tmp_path / "b", [np.zeros((12, 12, 12), bool), ball(12, 3) < 0])
    with pytest.raises(BadItem, match="no surface"):
        Cloud().items(dataset).read(0)
    assert len(Cloud().items(dataset).read(1))


def test_broken_files_among_good_ones_are_left_out_and_named(tmp_path, notices):
    folder = tmp_path / "a"
    folder.mkdir()
    for k in range(6):
        (folder / f"{k}.off").write_bytes(off(ball_mesh(16, 3 + k / 2)))
    (folder / "empty.off").write_bytes(b"OFF\n0 0 0\n")
    (folder / "short.off").write_bytes(off(ball_mesh())[:900])
    (folder / "odd.off").write_bytes(off(ball_mesh()).replace(b"\n3 ", b"\n3 99999 ", 1))
    dataset = PathData(path=str(folder)).open()
    found = inspection(dataset)
    assert len(found.facts["unreadable"]) == 2
    assert found.facts["repairs"] == {"faces with vertices that do not exist are left out": 1}
    assert "odd.off" in notices.text
    assert found.facts["open_meshes"] == 1
    assert any("no closed surfaces" in hint for hint in found.hints)


def test_other_units_and_directions_of_normals_change_nothing_and_are_stated(tmp_path):
    folder = tmp_path / "a"
    folder.mkdir()
    mesh = ball_mesh(16, 5)
    stretched = Mesh(mesh.vertices * [1, 1, 1.4], mesh.faces)
    for k, other in enumerate([stretched, Mesh(stretched.vertices * 1000 + 50, stretched.faces[:, ::-1])]):
        (folder / f"{k}.off").write_bytes(off(other))
    dataset = PathData(path=str(folder)).open()
    assert any("other units" in hint for hint in inspection(dataset).hints)
    volumes = Volume(size=16).items(dataset)
    assert (volumes.read(0) == volumes.read(1)).mean() > 0.99
    signal = Cloud(points=64)
    spec, clouds = signal.spec(dataset, lambda shape: shape), signal.items(dataset)
    first, second = (signal.prepare(clouds.read(k), spec) for k in (0, 1))
    assert first.std(0) == pytest.approx(second.std(0), abs=0.06)
    assert np.abs(first.mean(0) - second.mean(0)).max() < 0.1


def test_the_axis_that_points_up(tmp_path):
    rng, folder = np.random.default_rng(0), tmp_path / "a"
    folder.mkdir()
    for k in range(3):
        writing.write_xyz(rng.uniform(-1, 1, (300, 3)) * [1, 5, 2], folder / f"{k}.xyz")
    dataset = PathData(path=str(folder)).open()
    assert Cloud(up="y").items(dataset).read(0).std(0).argmax() == 2
    assert Cloud().items(dataset).read(0).std(0).argmax() == 1


def test_few_points_come_twice_and_the_user_is_told(tmp_path, notices):
    folder = tmp_path / "a"
    folder.mkdir()
    for k in range(3):
        writing.write_xyz(np.random.default_rng(k).normal(size=(20, 3)), folder / f"{k}.xyz")
    dataset = PathData(path=str(folder)).open()
    spec = Cloud(points=64).spec(dataset, lambda shape: shape)
    assert "signal.points=20" in notices.text
    stored = Cloud(points=64).prepare(Cloud(points=64).items(dataset).read(0), spec)
    assert stored.shape == (64, 3)
    assert len(np.unique(stored, axis=0)) == 20


def test_points_are_drawn_again_unless_real_samples_are_evaluated():
    spec = Spec((3, 16), state={"kept": 64, "normalize": "shape", "up": "z", "middle": [0, 0, 0], "radius": 1})
    stored = torch.randn(2, 64, 3)
    signal = Cloud(points=16)
    one, two = (signal.encode(stored, spec, Rng(0, step)) for step in (0, 1))
    assert one.shape == (2, 3, 16)
    assert not torch.equal(one, two)
    for shown in (one, two):
        assert all((shown[0, :, k] == stored[0]).all(1).any() for k in range(16)), "each is one of the shape"
    still = [signal.deterministic().encode(stored, spec, Rng(0, step)) for step in (0, 1)]
    assert torch.equal(*still)
    assert torch.equal(still[0], stored[:, :16].transpose(1, 2))


@pytest.mark.parametrize("augment", ["none", "mirror", "turns"])
def test_mirrors_and_turns_leave_what_is_up(augment):
    spec = Spec((1, 8, 8, 8), state={"form": "occupancy", "clip": 3.0, "up": "z"})
    x = torch.zeros(64, 1, 8, 8, 8)
    x[:, 0, 0, 2, 5] = 1
    found = Volume(augment=augment).encode(x, spec, Rng(0))
    places = {tuple(one.nonzero()[0].tolist()) for one in found[:, 0]}
    assert {place[2] for place in places} == {5}, "the height stays"
    assert len(places) == {"none": 1, "mirror": 2, "turns": 8}[augment]
    assert torch.equal(Volume(augment=augment).deterministic().encode(x, spec, Rng(0)), x)


def test_drawings_show_what_is_near_and_lit_from_above():
    top = np.array([[0, 0, 0.5]])
    up, down = (drawing.view(top, np.array([[0, 0, z]]), 0.0, 40) for z in (1.0, -1.0))
    assert up.shape == (40, 40, 3)
    assert up.min() > down.min(), "what looks up is lit"
    assert np.argwhere(up[..., 0] < 200)[:, 0].mean() < 20, "z is up"
    near = np.array([[0, -0.5, 0], [0, 0.5, 0.0]])  # in a line of sight at no tilt
    normals = np.array([[0, -1.0, 0], [0, 1.0, 0]])
    both, reverse = (drawing.view(near[order], normals[order], 0.0, 40) for order in ([0, 1], [1, 0]))
    assert (both == reverse).all(), "the order of points does not matter"
    assert (drawing.view(np.zeros((0, 3)), None, 0.0) == 250).all()
    assert drawing.sheet([(near, None)] * 3, 2).shape == (192, 384, 3)


BROWSER = """
let last;
const pen0 = {
  createImageData: (w, h) => ({ data: new Uint8ClampedArray(4 * w * h) }),
  putImageData: image => { last = image.data; },
};
const sheet = { setPointerCapture() {}, getContext: () => pen0 };
globalThis.document = { querySelector: () => sheet };
const drawn = () => { let n = 0; for (let k = 0; k < last.length; k += 4) n += last[k] != 250; return n; };
"""
"""As much of a browser as the viewer needs."""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_viewer_draws_turns_and_enlarges(tmp_path):
    mesh = ball_mesh(16, 5)
    page = viewer.page(
        [((mesh.vertices - 7.5) / 8, normals_of(mesh)), (np.array([[0.0, 0, 0]]), None)], 2
    ).data.decode()
    code = re.search(r"<script>(.*)</script>", page, re.DOTALL)
    assert code is not None
    acts = """
    const found = [canvas.width, canvas.height, drawn()], before = last.slice();
    canvas.onpointerdown({ clientX: 0, clientY: 0, pointerId: 1 });
    canvas.onpointermove({ clientX: 70, clientY: 30 });
    found.push(last.some((value, k) => value != before[k]));
    canvas.onwheel({ preventDefault() {}, deltaY: -200 });
    console.log(JSON.stringify([...found, drawn()]));
    """
    (tmp_path / "viewer.js").write_text(BROWSER + code[1] + acts)
    run = subprocess.run(["node", tmp_path / "viewer.js"], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr[-600:]
    width, height, first, turned, larger = json.loads(run.stdout)
    assert (width, height) == (320, 160)
    assert 1_000 < first < 160 * 160, "a ball, and one point"
    assert turned
    assert larger > 1.2 * first
