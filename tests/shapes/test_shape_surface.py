"""From fields to closed meshes, distances of cells, voxels of meshes, parts of solids; against formulas and SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from shapes_of_tests import ball, ball_mesh, cube, volume_of

from ganforge.modalities.shape.geometry import Mesh, areas, generator, parts, sample_surface, upright, voxelized
from ganforge.modalities.shape.surface import distance, is_closed, mesh_of, normals_of


def test_a_ball_has_its_area_and_volume_and_is_closed():
    mesh = ball_mesh(32, 10)
    assert is_closed(mesh)
    assert areas(mesh).sum() == pytest.approx(4 * np.pi * 100, rel=0.01)
    assert volume_of(mesh) == pytest.approx(4 / 3 * np.pi * 1000, rel=0.01), "and triangles face outward"
    middle = mesh.vertices.mean(0)
    assert middle == pytest.approx([15.5] * 3, abs=1e-6)
    away = mesh.vertices - middle
    assert (normals_of(mesh) * away / np.linalg.norm(away, axis=1, keepdims=True)).sum(1).min() > 0.95


@pytest.mark.parametrize("seed", range(3))
def test_any_field_has_a_closed_mesh(seed):
    rng = np.random.default_rng(seed)
    assert is_closed(mesh_of(rng.normal(size=(7, 8, 9))))
    assert is_closed(mesh_of(rng.integers(-1, 2, (6, 6, 6)))), "zeros and equal values as well"
    assert is_closed(mesh_of(np.full((4, 4, 4), -1.0))), "a full grid is closed at its border"


def test_levels_lie_where_the_field_says():
    ramp = np.broadcast_to(np.arange(8.0)[:, None, None] - 3.25, (8, 8, 8))
    mesh = mesh_of(ramp, margin=-9.0)  # open at the sides
    inner = mesh.vertices[(mesh.vertices[:, 1:] > 0.5).all(1) & (mesh.vertices[:, 1:] < 6.5).all(1)]
    assert np.abs(inner[(inner[:, 0] > 1) & (inner[:, 0] < 6), 0] - 3.25).max() < 1e-9
    assert not len(mesh_of(np.ones((4, 4, 4))).faces)
    assert not is_closed(mesh_of(np.ones((4, 4, 4)))), "nothing is not closed"


def test_an_open_mesh_is_told_from_a_closed_one():
    mesh = cube()
    assert is_closed(mesh)
    assert not is_closed(Mesh(mesh.vertices, mesh.faces[1:]))
    assert not is_closed(Mesh(mesh.vertices, np.concatenate([mesh.faces, mesh.faces[:1]]))), "three faces at an edge"
    flipped = mesh.faces.copy()
    flipped[0] = flipped[0][::-1]
    assert not is_closed(Mesh(mesh.vertices, flipped)), "one that looks the other way"


def test_distances_are_those_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    solid = np.random.default_rng(0).random((2, 11, 12, 13)) < 0.03
    expected = [
        np.where(s, 0.5 - ndimage.distance_transform_edt(s), ndimage.distance_transform_edt(~s) - 0.5) for s in solid
    ]
    assert distance(solid) == pytest.approx(np.clip(expected, -3, 3), abs=1e-5)
    assert ((distance(solid) < 0) == solid).all(), "no cell changes sides"
    assert (distance(np.zeros((8, 8, 8), bool)) == 3).all()


def test_parts_are_those_of_scipy():
    ndimage = pytest.importorskip("scipy.ndimage")
    solid = np.random.default_rng(0).random((14, 15, 16)) < 0.3
    numbered, _ = ndimage.label(solid)
    assert parts(solid).tolist() == sorted(np.bincount(numbered.ravel())[1:].tolist(), reverse=True)
    assert not len(parts(np.zeros((3, 3, 3), bool)))


def test_voxels_of_a_mesh_are_its_inside_whatever_way_its_faces_look():
    mesh = ball_mesh(32, 10)
    solid = voxelized(mesh, 32)
    assert solid.sum() == pytest.approx(4 / 3 * np.pi * 15.5**3, rel=0.05), "a cell of border on each side"
    assert len(parts(solid)) == 1
    assert (voxelized(Mesh(mesh.vertices * 1000 + 7, mesh.faces[:, ::-1]), 32) == solid).mean() > 0.995
    shell = voxelized(Mesh(cube().vertices, cube().faces[2:]), 16)  # a box without a side
    assert shell.mean() < 0.4, "an open surface is a shell"


def test_points_lie_on_the_surface_evenly():
    points = sample_surface(cube(), 6_000, generator("test"))
    assert np.isclose(np.abs(points - 0.5).max(1), 0.5).all()
    sides = np.abs(points - 0.5).argmax(1) * 2 + (points[np.arange(len(points)), np.abs(points - 0.5).argmax(1)] > 0.5)
    assert np.bincount(sides, minlength=6) == pytest.approx(np.full(6, 1000), abs=120)
    assert (points == sample_surface(cube(), 6_000, generator("test"))).all()


def test_upright_turns_and_mirrors_nothing():
    axes = np.eye(3)
    for up, k in (("x", 0), ("y", 1), ("z", 2)):
        turned = upright(axes, up)
        assert np.linalg.det(turned) == pytest.approx(1)
        assert turned[k].tolist() == [0, 0, 1]
    assert ball().min() < 0 < ball().max()
