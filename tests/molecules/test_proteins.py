"""The worked example of protein fragments: messy files, maps and coordinates there and back, and its measurements."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

FILE = Path(__file__).parents[2] / "examples" / "proteins.py"
spec = importlib.util.spec_from_file_location("proteins_example", FILE)
assert spec is not None
assert spec.loader is not None
proteins = importlib.util.module_from_spec(spec)
spec.loader.exec_module(proteins)


def helix(n: int) -> np.ndarray:
    """A right-handed α-helix of n residues, [n, 3]."""
    k = np.arange(n)
    return np.stack([2.3 * np.cos(np.deg2rad(100 * k)), 2.3 * np.sin(np.deg2rad(100 * k)), 1.5 * k], 1)


def line(k: int, place: np.ndarray, chain: str = "A", alt: str = " ", kind: str = "ATOM  ", name: str = "ALA") -> str:
    x, y, z = place
    return f"{kind}{k:5d}  CA {alt}{name} {chain}{k:4d}    {x:8.3f}{y:8.3f}{z:8.3f}  1.00  0.00           C"


def test_chains_gaps_models_and_alternatives_of_pdb_files():
    places = helix(12)
    lines = [line(k, places[k]) for k in range(1, 5)]
    lines += [line(5, places[5], alt="A"), line(5, places[5] + 1, alt="B")]
    lines += [line(k, places[k], kind="HETATM", name="MSE") for k in (6,)]
    lines += [line(99, places[0], kind="HETATM", name=" CA")]  # calcium
    lines += [line(k, places[k]) for k in range(9, 12)]  # 7 and 8 are missing
    lines += ["TER", *[line(k, places[k], chain="B") for k in range(1, 4)], "ENDMDL"]
    lines += [line(k, places[k]) for k in range(1, 4)]
    found, gaps = proteins.stretches(proteins.atoms_of_pdb("\n".join(lines)))
    assert [len(one) for one in found] == [6, 3, 3]
    assert gaps == 1
    assert np.allclose(found[0], places[1:7], atol=1e-3)


def test_mmcif_files_are_read_by_the_names_of_their_columns():
    columns = ["group_PDB", "label_atom_id", "label_comp_id", "auth_asym_id", "auth_seq_id", "Cartn_x", "Cartn_y",
               "Cartn_z", "pdbx_PDB_model_num"]  # fmt: skip
    rows = [
        "ATOM CA ALA A 1 0 0 0 1",
        'ATOM "C5\'" DA B 1 9 9 9 1',
        "ATOM CA GLY A 2 3.8 0 0 1",
        "HETATM CA CA A 9 1 1 1 1",
    ]
    rows += ["ATOM CA ALA A 1 0 0 0 2"]
    text = "loop_\n" + "\n".join(f"_atom_site.{name}" for name in columns) + "\n" + "\n".join(rows)
    found, gaps = proteins.stretches(proteins.atoms_of_cif(text))
    assert gaps == 0
    assert [one.tolist() for one in found] == [[[0, 0, 0], [3.8, 0, 0]]]


def test_coordinates_come_back_from_distances_with_their_hand():
    real = helix(24)
    distance = proteins.distances(real)
    for places in (real, real * [1, 1, -1]):
        found = proteins.coordinates(proteins.distances(places))
        assert np.allclose(proteins.distances(found), distance)
        right, left = proteins.helical(found)
        assert right > 15
        assert left == 0
    assert np.degrees(proteins.turns(real)) == pytest.approx(50, abs=3)


def test_measurements_notice_what_is_no_protein():
    maps = proteins.distances(
        np.stack([helix(20) + np.random.default_rng(k).normal(0, 0.1, (20, 3)) for k in range(8)])
    )
    good = proteins.measured(maps)
    assert good["neighbors"] == pytest.approx(3.8, abs=0.1)
    assert good["triangle"] == 0.0
    assert good["residual"] < 1e-6
    assert good["right-handed"] == 1.0
    broken = proteins.measured(proteins.proper(np.random.default_rng(0).permuted(maps, axis=1)))
    assert broken["triangle"] > 0.05
    assert broken["residual"] > 1
    assert broken["deviation of neighbors"] > 5 * good["deviation of neighbors"]
    assert broken["contact order"] > 2 * good["contact order"]


def test_files_are_written_as_they_are_read(tmp_path):
    proteins.write_pdb(helix(10), tmp_path / "a.pdb")
    ((name, found, gaps),) = proteins.structures(tmp_path)
    assert (name, gaps) == ("a", 0)
    assert np.allclose(found[0], helix(10), atol=1e-3)


@pytest.mark.slow
def test_the_whole_example(tmp_path):
    for k in range(4):
        proteins.write_pdb(helix(80) + np.random.default_rng(k).normal(0, 0.2, (80, 3)), tmp_path / f"{k}.pdb")
    words = ["proteins.py", str(tmp_path), "--out", str(tmp_path / "out"), "--samples", "256"]
    with patch.object(sys, "argv", words):
        proteins.main()
    assert (tmp_path / "out" / "00.pdb").is_file()


def test_real_structures(real_data):
    found = {name: (parts, gaps) for name, parts, gaps in proteins.structures(real_data / "proteins/structures.zip")}
    assert len(found) == 14, "1A8O is there in both formats"
    maps = proteins.distances(proteins.fragments([part for parts, _ in found.values() for part in parts], 32, 8))
    assert len(maps) > 100
    values = proteins.measured(maps[:40])
    assert values["neighbors"] == pytest.approx(3.8, abs=0.1)
    assert values["right-handed"] > 0.85
