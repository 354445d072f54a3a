"""The worked example of furniture: what it draws stands, measurements notice faults, and chairs face their table."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

from ganforge.modalities.shape.surface import distance, mesh_of

FILE = Path(__file__).parents[1] / "examples" / "furniture.py"
spec = importlib.util.spec_from_file_location("furniture_example", FILE)
assert spec is not None
assert spec.loader is not None
furniture = importlib.util.module_from_spec(spec)
spec.loader.exec_module(furniture)


def test_measurements_notice_what_is_no_furniture():
    cells, kinds = furniture.drawn(24)
    assert furniture.measured(cells, kinds) == {"one part": 1.0, "stands": 1.0, "as asked": 1.0}
    assert furniture.measured(cells, 1 - kinds)["as asked"] == 0.0
    loose = cells.copy()
    loose[:, :, :, 6] = False  # the legs are cut
    assert furniture.measured(loose, kinds)["one part"] == 0.0
    assert furniture.measured(cells[..., ::-1], kinds)["stands"] < 0.6, "chairs on their backs do not stand"
    assert furniture.measured(np.zeros_like(cells[:2]), kinds[:2])["one part"] == 0.0


def test_chairs_stand_around_their_table_and_face_it():
    cells, _ = furniture.drawn(10)
    meshes = [mesh_of(distance(one)) for one in cells]
    tables, chairs = meshes[1:4:2], [meshes[0]] * 8
    floor, *pieces = furniture.room(tables, chairs)
    assert all(piece.vertices[:, 2].min() == pytest.approx(0) for piece in pieces)
    heights = [np.ptp(piece.vertices[:, 2]) for piece in pieces]
    assert heights == pytest.approx([0.75, *[0.95] * 4] * 2)
    for piece in pieces:
        for axis in (0, 1):
            low, high = floor.vertices[:, axis].min(), floor.vertices[:, axis].max()
            assert low < piece.vertices[:, axis].min() < piece.vertices[:, axis].max() < high, "on the floor"
    for k, table in enumerate((pieces[0], pieces[5])):
        middle = np.array([furniture.APART * k, 0.0])
        reach = np.abs(table.vertices[:, :2] - middle).max()
        for chair in pieces[5 * k + 1 : 5 * k + 5]:
            box = (chair.vertices[:, :2].min(0) + chair.vertices[:, :2].max(0)) / 2
            back = chair.vertices[chair.vertices[:, 2] > 0.8, :2].mean(0)
            assert np.linalg.norm(box - middle) > reach
            assert np.linalg.norm(back - middle) > np.linalg.norm(box - middle), "its back is turned away"


@pytest.mark.slow
def test_the_whole_example(tmp_path):
    words = ["furniture.py", "--out", str(tmp_path), "--samples", "64", "--pieces", "64", "--tables", "1"]
    with patch.object(sys, "argv", words):
        furniture.main()
    assert (tmp_path / "room.glb").read_bytes()[:4] == b"glTF"
    found = json.loads((tmp_path / "furniture.json").read_text())
    assert found["drawn"]["stands"] > found["noise"]["one part"]
