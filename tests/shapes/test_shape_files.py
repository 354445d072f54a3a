"""Readers and writers of shapes: what is written is read again, and messy files are repaired or named."""

from __future__ import annotations

import gzip
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from shapes_of_tests import CORNERS, QUADS, ball, cube, off, volume_of

from ganforge.core.dataset import BadItem
from ganforge.modalities.shape.formats import grids, meshes, parts, writing
from ganforge.modalities.shape.formats.parts import Grid, Points
from ganforge.modalities.shape.geometry import Mesh
from ganforge.modalities.shape.surface import is_closed


def silent(what: str) -> None:
    raise AssertionError(f"nothing to repair here: {what}")


def noted() -> tuple[list[str], object]:
    found: list[str] = []
    return found, found.append


OBJ = "\n".join(
    ["# a cube of quads", "o cube", *(f"v {x} {y} {z}" for x, y, z in CORNERS), "vn 0 0 1"]
    + ["f " + " ".join(f"{k + 1}//1" for k in quad) for quad in QUADS[:-1]]
    + ["f " + " ".join(str(k - 8) for k in QUADS[-1])]  # counted from the end
)


def ply(order: str) -> bytes:
    head = (
        f"ply\nformat {order} 1.0\ncomment x\nelement vertex 8\nproperty double x\nproperty float y\nproperty float z\n"
    )
    head += "property uchar red\nelement face 6\nproperty list uchar int vertex_indices\nend_header\n"
    if order == "ascii":
        lines = [f"{x} {y} {z} 7" for x, y, z in CORNERS] + ["4 " + " ".join(map(str, quad)) for quad in QUADS]
        return (head + "\n".join(lines)).encode()
    sign = "<" if "little" in order else ">"
    rows = b"".join(struct.pack(f"{sign}dffB", x, y, z, 7) for x, y, z in CORNERS)
    return head.encode() + rows + b"".join(struct.pack(f"{sign}Biiii", 4, *quad) for quad in QUADS)


@pytest.mark.parametrize("order", ["ascii", "binary_little_endian", "binary_big_endian"])
def test_ply_of_every_byte_order(order):
    mesh = meshes.read_ply(ply(order), "a.ply", silent)
    assert isinstance(mesh, Mesh)
    assert (mesh.vertices == CORNERS).all()
    assert volume_of(mesh) == pytest.approx(1)


def test_obj_with_quads_and_numbers_from_the_end():
    mesh = meshes.read_obj(OBJ.encode(), "a.obj", silent)
    assert isinstance(mesh, Mesh)
    assert is_closed(mesh)
    assert volume_of(mesh) == pytest.approx(1)
    cloud = meshes.read_obj(OBJ.split("vn")[0].encode(), "a.obj", silent)
    assert isinstance(cloud, Points)
    assert len(cloud.xyz) == 8


@pytest.mark.parametrize("first", [b"OFF\n8 12 0", b"OFF8 12 0", b"# made by hand\nOFF # x\n\n8 12 0"])
def test_off_with_counts_on_its_first_line_or_not(first):
    body = off(cube()).split(b"\n", 2)[2]
    assert volume_of(meshes.read_off(first + b"\n" + body, "a.off", silent)) == pytest.approx(1)


def test_stl_in_both_forms(tmp_path):
    writing.write_stl(cube(), tmp_path / "a.stl")
    binary = meshes.read_stl((tmp_path / "a.stl").read_bytes(), "a.stl", silent)
    text = "solid x\n" + "".join(
        "facet normal 0 0 0\nouter loop\n"
        + "".join(f"vertex {x} {y} {z}\n" for x, y, z in corners)
        + "endloop\nendfacet\n"
        for corners in cube().vertices[cube().faces]
    )
    for mesh in (binary, meshes.read_stl(text.encode(), "a.stl", silent)):
        assert len(mesh.vertices) == 8, "corners in one place are one vertex"
        assert is_closed(mesh)
        assert volume_of(mesh) == pytest.approx(1)


def test_written_meshes_are_read_again(tmp_path):
    writing.write_obj(cube(), tmp_path / "a.obj")
    writing.write_ply(cube(), tmp_path / "a.ply")
    for name, read in (("a.obj", meshes.read_obj), ("a.ply", meshes.read_ply)):
        assert volume_of(read((tmp_path / name).read_bytes(), name, silent)) == pytest.approx(1)
    writing.write_ply(Mesh(CORNERS, np.zeros((0, 3), int)), tmp_path / "b.ply")
    data = (tmp_path / "b.ply").read_bytes()
    faces = b"element face 0\nproperty list uchar int vertex_indices\nend_header"
    for content in (data, data.replace(b"end_header", faces)):
        cloud = meshes.read_ply(content, "b.ply", silent)
        assert isinstance(cloud, Points)
        assert (cloud.xyz == CORNERS).all()


def test_a_scene_is_valid_glb(tmp_path):
    writing.write_glb(
        [cube(), Mesh(CORNERS, np.zeros((0, 3), int)), Mesh(np.zeros((0, 3)), np.zeros((0, 3), int))],
        tmp_path / "a.glb",
        2,
    )
    data = (tmp_path / "a.glb").read_bytes()
    magic, version, length, size, kind = struct.unpack("<4sIIII", data[:20])
    assert (magic, version, length, kind) == (b"glTF", 2, len(data), 0x4E4F534A)
    scene = json.loads(data[20 : 20 + size])
    assert [mesh["primitives"][0]["mode"] for mesh in scene["meshes"]] == [4, 0], (
        "a mesh and a cloud; nothing of nothing"
    )
    assert len(scene["nodes"]) == len(scene["scenes"][0]["nodes"]) == 2
    body = data[20 + size + 8 :]
    assert len(body) == scene["buffers"][0]["byteLength"]
    for view, accessor in zip(scene["bufferViews"], scene["accessors"], strict=True):
        width = {"VEC3": 12, "SCALAR": 4}[accessor["type"]]
        assert view["byteLength"] == accessor["count"] * width
    corners = np.frombuffer(body, "<f4", 24).reshape(8, 3)
    assert corners.max(0).tolist() == scene["accessors"][0]["max"]
    assert sorted(corners[:, 1].tolist()) == sorted(CORNERS[:, 2].tolist()), "z of ours is y of glTF"


def test_binvox_comes_back(tmp_path):
    cells = ball(12, 4) < 0
    cells[1, 2, 3] = True  # not the same along any two axes
    writing.write_binvox(cells, tmp_path / "a.binvox")
    found = grids.read_binvox((tmp_path / "a.binvox").read_bytes(), "a.binvox", silent)
    assert (found.values[0] == cells).all()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"#binvox 2\ndim 2 2 2\ndata\n\x01\x08", "header"),
        (b"#binvox 1\ndim 2 2\ndata\n\x01\x08", "header"),
        (b"#binvox 1\ndim 2 2 2\ndata\n\x01\x07", "8 cells, and 7 are there"),
        (b"#binvox 1\ndim 2 2 2\ntranslate 0 0 0\n\x01\x08", "header"),
    ],
)
def test_broken_binvox_is_named(data, why):
    with pytest.raises(BadItem, match=why):
        grids.read_binvox(data, "a.binvox", silent)


def test_clouds_as_text_and_pcd():
    rows = np.arange(18.0).reshape(6, 3) ** 2
    text = "\n".join(f"{x} {y} {z}" for x, y, z in rows)
    head = "VERSION .7\nFIELDS rgb x y z\nSIZE 4 4 4 8\nTYPE U F F F\nCOUNT 1 1 1 1\nWIDTH 6\nHEIGHT 1\nPOINTS 6\nDATA "
    binary = b"".join(struct.pack("<Iffd", 9, *row) for row in rows)
    for read, data in (
        (grids.read_xyz, text.encode()),
        (grids.read_xyz, b"6\n" + text.encode()),
        (grids.read_xyz, b"x,y,z,i\n" + "\n".join(f"{x},{y},{z},1" for x, y, z in rows).encode()),
        (grids.read_pcd, (head + "ascii\n" + "\n".join(f"9 {x} {y} {z}" for x, y, z in rows)).encode()),
        (grids.read_pcd, (head + "binary\n").encode() + binary),
    ):
        assert (read(data, "a", silent).xyz == rows).all()
    with pytest.raises(BadItem, match="convert it"):
        grids.read_pcd((head + "binary_compressed\n").encode() + binary, "a.pcd", silent)
    with pytest.raises(BadItem, match="same count"):
        grids.read_xyz(b"1 2 3\n4 5\n6 7 8", "a.xyz", silent)


def test_files_may_be_packed(tmp_path):
    (tmp_path / "a.off.gz").write_bytes(gzip.compress(off(cube())))
    data = parts.content(tmp_path / "a.off.gz", "a.off.gz")
    assert volume_of(meshes.read_off(data, "a.off.gz", silent)) == pytest.approx(1)
    (tmp_path / "b.off.gz").write_bytes(b"no gzip")
    with pytest.raises(BadItem, match="cannot be read"):
        parts.content(tmp_path / "b.off.gz", "b.off.gz")


@pytest.mark.parametrize(
    ("read", "data", "why"),
    [
        (meshes.read_off, b"OFF\n0 0 0\n", "no faces"),
        (meshes.read_off, b"OFF\n3 1 0\n0 0 0\n1 1 1\n2 2 2\n3 0 1 2\n", "has an area"),
        (meshes.read_off, b"OFF\n3 1 0\n0 0 0\n1 1 1\n", "breaks off"),
        (meshes.read_off, b"PLY", "OFF"),
        (meshes.read_obj, b"v 1 2 x", "not a readable OBJ"),
        (meshes.read_obj, b"", "no faces"),
        (meshes.read_stl, b"\0" * 84, "not a readable STL"),
        (meshes.read_stl, b"solid empty\nendsolid", "no faces"),
        (meshes.read_ply, b"plx", "no header"),
        (meshes.read_ply, ply("binary_little_endian")[:-5], "not a readable PLY"),
        (meshes.read_ply, b"ply\nformat odd 1.0\nend_header\n", "not a readable PLY"),
        (grids.read_xyz, b"1 2 3\n1 2 3\n1 2 3\n1 2 3\n", "different points"),
        (grids.read_xyz, b"", "same count"),
        (grids.read_pcd, b"FIELDS x y\nDATA ascii\n1 2", "not a readable PCD"),
    ],
)
def test_damaged_and_empty_files_are_named(read, data, why):
    with pytest.raises(BadItem, match=why):
        read(data, "a", silent)


def test_repairs_are_made_and_named():
    notes, note = noted()
    mesh = cube()
    odd = np.concatenate([mesh.faces, [[0, 0, 1], [0, 1, 99], [8, 0, 1]]])
    found = parts.clean_mesh(np.concatenate([mesh.vertices, [[np.nan, 0, 0]]]), odd, "a", note)
    assert volume_of(found) == pytest.approx(1)
    assert len(found.vertices) == 8, "vertices that no face has are dropped"
    assert notes == [
        "faces with vertices that do not exist are left out",
        "faces with coordinates that are no finite numbers are left out",
    ]
    notes.clear()
    cloud = parts.clean_points(np.concatenate([CORNERS, [[np.nan, 0, 0], [np.inf, 1, 1]]]), "a", note)
    assert (cloud.xyz == CORNERS).all()
    assert notes == ["points whose coordinates are no finite numbers are left out"]


def test_very_large_clouds_are_drawn_from(monkeypatch):
    monkeypatch.setattr(parts, "MOST_POINTS", 1_000)
    notes, note = noted()
    points = np.random.default_rng(0).normal(size=(20_000, 3))
    found = parts.clean_points(points, "a", note)
    assert len(found.xyz) == 1_000
    assert notes == ["of clouds of more than 1,000 points, as many are drawn"]
    assert found.xyz.mean(0) == pytest.approx(points.mean(0), abs=0.15), "from all over it"


@pytest.mark.slow
def test_ten_million_points(tmp_path):
    points = np.random.default_rng(0).normal(size=(10_000_000, 3)).astype(np.float32)
    writing.write_ply(Mesh(points, np.zeros((0, 3), int)), tmp_path / "a.ply")
    notes, note = noted()
    found = meshes.read_ply((tmp_path / "a.ply").read_bytes(), "a.ply", note)
    assert len(found[0]) == parts.MOST_POINTS
    assert notes


@pytest.mark.parametrize(
    ("shape", "alone", "expected"),
    [
        ((100, 32, 32, 32), True, ("volume", True)),
        ((100, 1, 32, 32, 32), True, ("volume", True)),
        ((100, 32, 32, 32, 2), True, ("volume", True)),
        ((2, 32, 32, 32), False, ("volume", False)),  # channels
        ((32, 32, 32), False, ("volume", False)),
        ((100, 1024, 3), True, ("cloud", True)),
        ((100, 3, 1024), True, ("cloud", True)),
        ((1024, 6), False, ("cloud", False)),
        ((100, 28, 28, 3), True, ("", False)),  # images
        ((100, 10), True, ("", False)),
        ((0, 32, 32, 32), True, ("", False)),
    ],
)
def test_what_an_array_holds(shape, alone, expected):
    assert grids.layout_of(shape, "f", alone) == expected
    assert grids.layout_of(shape, "U", alone) == ("", False)


def test_arrays_turned_another_way():
    notes, note = noted()
    points = np.random.default_rng(0).normal(size=(50, 3))
    assert (grids.as_points(points.T, "a", note).xyz == points).all()
    assert notes
    volume = np.random.default_rng(0).normal(size=(9, 10, 11, 2))
    found = grids.as_grid(volume, "a")
    assert isinstance(found, Grid)
    assert found.values.shape == (2, 9, 10, 11)
    volume[0, 0, 0, 0] = np.nan
    with pytest.raises(BadItem, match="finite"):
        grids.as_grid(volume, "a")


@pytest.mark.parametrize("ending", ["npy", "npz", "npy.gz"])
def test_headers_of_arrays(tmp_path, ending):
    values, path = np.zeros((5, 8, 8, 8), np.float32), tmp_path / f"a.{ending}"
    if ending == "npz":
        np.savez(path, voxels=values, labels=np.arange(5))
    else:
        with gzip.open(path, "wb") if ending.endswith("gz") else path.open("wb") as file:
            np.save(file, values)
    assert grids.peek(path, path.name) == ((5, 8, 8, 8), np.dtype(np.float32))
    path.write_bytes(path.read_bytes()[:20])
    assert grids.peek(path, path.name) is None


def test_real_files():
    folder = Path("/nowhere")
    import os

    if "GANFORGE_DATA" in os.environ:
        folder = Path(os.environ["GANFORGE_DATA"]) / "meshes" / "meshes.zip"
    if not folder.is_file():
        pytest.skip("no meshes here")
    import zipfile

    with zipfile.ZipFile(folder) as archive:
        for name in archive.namelist():
            read = {"off": meshes.read_off, "obj": meshes.read_obj, "pcd": grids.read_pcd}[name[-3:]]
            assert len(read(archive.read(name), name, lambda what: None)[0]) > 100
