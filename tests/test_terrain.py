"""The worked example of terrain: its meshes are closed, and its measurements notice maps of another kind."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from ganforge.modalities.shape.formats import meshes
from ganforge.modalities.shape.surface import is_closed

FILE = Path(__file__).parents[1] / "examples" / "terrain.py"
spec = importlib.util.spec_from_file_location("terrain_example", FILE)
assert spec is not None
assert spec.loader is not None
terrain = importlib.util.module_from_spec(spec)
spec.loader.exec_module(terrain)


def test_maps_are_closed_meshes_with_the_volume_below_them():
    heights = terrain.drawn(1)[0]
    mesh = terrain.solid_mesh(heights)
    assert is_closed(mesh)
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6
    inner = (heights[:-1, :-1] + heights[1:, :-1] + heights[1:, 1:] + heights[:-1, 1:]).mean() / 4
    assert volume == pytest.approx(inner * terrain.RELIEF + terrain.BASE, rel=0.02), "and its faces look outward"


def test_measurements_notice_other_maps():
    known, other = terrain.measured(terrain.drawn(100)), terrain.measured(terrain.drawn(100, seed=1))
    for name, value in known.items():
        assert other[name] == pytest.approx(value, rel=0.08), name
    maps = terrain.drawn(100, seed=2)
    smooth = np.stack(
        [np.fft.ifft2(np.fft.fft2(m) * (np.hypot(*np.meshgrid(*[np.fft.fftfreq(32)] * 2)) < 0.1)).real for m in maps]
    )
    noise = np.random.default_rng(0).random(maps.shape)
    assert terrain.measured(smooth)["roughness"] < 0.9 * known["roughness"]
    assert terrain.measured(noise)["spectrum"] < 0.2 * known["spectrum"]
    assert terrain.measured(np.clip(maps + 0.3, 0, 1))["below sea"] < 0.5 * known["below sea"]


@pytest.mark.slow
def test_the_whole_example(tmp_path):
    words = ["terrain.py", "--out", str(tmp_path), "--samples", "256", "--maps", "64"]
    with patch.object(sys, "argv", words):
        terrain.main()
    assert is_closed(meshes.read_stl((tmp_path / "8.stl").read_bytes(), "8.stl", lambda what: None))
    assert (tmp_path / "scene.glb").read_bytes()[:4] == b"glTF"
    assert (tmp_path / "terrain.json").is_file()
