"""Files of molecules: how they are read, and what is repaired, left out, said or refused."""

from __future__ import annotations

import gzip
import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ganforge.core.choice import Machine
from ganforge.data import objects
from ganforge.data.path import PathData
from ganforge.modalities.molecule import chem, choose, cleaning
from ganforge.modalities.molecule.example import molecules
from ganforge.modalities.molecule.inspect import inspection
from ganforge.modalities.molecule.source import MoleculeFile, MoleculeSet, numeric
from refused import refused

Chem = chem.rdkit()
FEW = ["CCO", "CCN", "c1ccccc1", "CC(=O)O"]


def written(folder: Path, content: str | bytes, name: str = "some.smi") -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def opened(path: str, **fields) -> MoleculeSet:
    return MoleculeFile(**{"path": path, "holdout": 0.0, "properties": (), **fields}).open()


def said(dataset: MoleculeSet) -> str:
    return "; ".join(dataset.understood)


@pytest.mark.parametrize("header", ["", "SMILES name\n", "smiles\tid\n", "\ufeff", "# made by hand\n\n"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_of_smiles_with_and_without_a_header(tmp_path, header, end):
    content = (header + "\n".join(f"{smiles} M{k}" for k, smiles in enumerate(FEW))).replace("\n", end)
    assert opened(written(tmp_path, content)).smiles == [chem.canonical(one) for one in FEW]


def test_messy_lines_are_counted_and_named(tmp_path):
    lines = ["CCO", "OCC", "C(C", "CC(C)(C)(C)C", "c1cccc1", "[CH3]", "*CC", "C" * 6_000, "[13CH4]", "C/C=C/C",
             "CC(=O)[O-].[Na+]", "C[NH3+]", "C[N+](C)(C)C"]  # fmt: skip
    dataset = opened(written(tmp_path, "\n".join(lines)))
    assert dataset.smiles == ["CCO", "C", "CC=CC", "CC(=O)O", "CN", "C[N+](C)(C)C"]
    assert dataset.atoms[-1] == ("C", "N+", "C", "C", "C")
    assert dataset.read_count == 13
    assert dataset.left_out_for == {
        cleaning.DUPLICATE: 1, chem.SYNTAX: 2, "an atom with more bonds than it can have": 1,
        "an aromatic ring without a valid structure": 1, "a radical": 1, "an atom of no element (*)": 1,
    }  # fmt: skip
    assert dataset.repairs == {cleaning.SALT: 1, cleaning.CHARGED: 2, cleaning.ISOTOPE: 1, cleaning.STEREO: 1}
    assert "2 left out: not valid SMILES (first: some.smi, line 3: C(C)" in said(dataset)
    facts = inspection(dataset).facts
    assert facts["left_out"]["a radical"] == 1
    assert facts["examples"]["a radical"] == ["some.smi, line 6: [CH3]"]


def test_stereo_and_charges_are_kept_where_that_is_asked(tmp_path):
    path = written(tmp_path, "C/C=C/C\nC[NH3+]\n")
    assert opened(path, stereo=True, neutralize=False).smiles == ["C/C=C/C", "C[NH3+]"]


TABLE = "id,solubility,kind,Canonical SMILES\n1,-0.5,acid,CC(=O)O\n2,-1.5,base,CCN\n3,,acid,OC(=O)CC\n4,0.1,base,bad\n"


def test_a_table_with_a_column_of_smiles_is_one_of_molecules(tmp_path):
    path = written(tmp_path, TABLE, "drugs.csv")
    dataset = PathData(path=path, holdout=0).open()
    assert dataset.signal == "molecule"
    assert len(dataset) == 3
    assert dataset.conditions.names == ("logP",)
    with_columns = opened(path, properties=("solubility", "kind", "qed"))
    assert with_columns.conditions.names == ("solubility", "kind", "QED")
    assert with_columns.vectors is not None
    values = with_columns.conditions.decode(with_columns.vectors)
    assert [row[:2] for row in values] == [(pytest.approx(-0.5), "acid"), (pytest.approx(-1.5), "base"), (None, "acid")]
    packed = tmp_path / "drugs.csv.gz"
    packed.write_bytes(gzip.compress(TABLE.encode()))
    assert PathData(path=str(packed), holdout=0).open().signal == "molecule"
    assert PathData(path=path, signal="table").open().signal == "table"


def test_a_column_is_found_by_its_values_or_named(tmp_path):
    path = written(tmp_path, "name,structure\nwater,CO\nethanol,CCO\n", "t.csv")
    assert opened(path).smiles == ["CO", "CCO"]
    with refused("molecule.no_such_column", "formula", "structure"):
        opened(path, column="formula")
    with refused("molecule.no_smiles", "data.column"):
        opened(written(tmp_path, "name,age\nwater,12\nethanol,13\n", "u.csv"))


def test_structures_of_both_versions_of_mdl_files(tmp_path):
    blocks = []
    for k, smiles in enumerate(FEW):
        molecule = Chem.AddHs(Chem.MolFromSmiles(smiles))
        block = Chem.MolToMolBlock(molecule, forceV3000=k % 2 == 1)
        blocks.append(f"{block}>  <activity>\n{k}.5\n\n$$$$\n")
    path = written(tmp_path, "".join(blocks) + "\nbroken\n\n  9  9\nM  END\n$$$$\n", "some.sdf")
    assert "V3000" in blocks[1]
    dataset = opened(path, properties=("activity",))
    assert dataset.smiles == [chem.canonical(one) for one in FEW]
    assert dataset.left_out_for == {"not a valid structure": 1}
    assert [row[0] for row in dataset.conditions.decode(dataset.vectors)] == pytest.approx([0.5, 1.5, 2.5, 3.5])


def test_folders_and_zips(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    written(folder, "CCO\nCCN\n", "a.smi")
    written(folder, Chem.MolToMolBlock(Chem.MolFromSmiles("CCC")), "b.mol")
    assert PathData(path=str(folder)).open().signal == "molecule"
    assert opened(str(folder)).smiles == ["CCO", "CCN", "CCC"]
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    assert sorted(opened(str(tmp_path / "set.zip")).smiles) == ["CCC", "CCN", "CCO"]
    with refused("molecule.no_files"):
        (tmp_path / "empty").mkdir()
        opened(str(tmp_path / "empty"))


def test_what_is_no_file_of_molecules_is_refused(tmp_path):
    with refused("data.not_found"):
        opened(str(tmp_path / "none.smi"))
    with refused("molecule.binary"):
        opened(written(tmp_path, b"\x00\x01\x02" * 50))
    with refused("data.damaged"):
        opened(written(tmp_path, gzip.compress(b"CCO\n" * 50)[:-9], "a.smi.gz"))
    with refused("data.empty"):
        opened(written(tmp_path, "\n\n"))
    with refused("molecule.none_valid", "not valid SMILES"):
        opened(written(tmp_path, "hello world\nthis is text\n"))


def test_properties_that_cannot_be_conditions_are_refused(tmp_path):
    path = written(tmp_path, "\n".join(FEW))
    with refused("molecule.unknown_property", "logp2", "logP"):
        opened(path, properties=("logp2",))
    with refused("molecule.constant_property", "rings"):
        opened(written(tmp_path, "C\nCC\n", "b.smi"), properties=("rings",))
    names = "\n".join(f"name{k},{smiles}" for k, smiles in enumerate(molecules(60)))
    with refused("molecule.unusable_property", "different texts"):
        opened(written(tmp_path, f"name,smiles\n{names}\n", "c.csv"), properties=("name",))


def test_parts_have_nothing_in_common(tmp_path):
    path = written(tmp_path, "\n".join(molecules(200)))
    parts = [set(opened(path, holdout=0.2, split=split).smiles) for split in ("train", "test", "all")]
    assert not parts[0] & parts[1]
    assert parts[0] | parts[1] == parts[2]
    with refused("data.split_not_found"):
        opened(path, split="test")


def test_molecules_in_memory():
    given = objects.source_of([Chem.MolFromSmiles(one) for one in FEW])
    assert given.open().signal == "molecule"
    assert len(given.open()) == len(FEW)


def test_too_few_molecules_and_the_choice_of_a_recipe(tmp_path):
    with refused("molecule.too_few", "4"):
        choose.choose(opened(written(tmp_path, "\n".join(FEW))), Machine())
    small = choose.choose(opened(written(tmp_path, "\n".join(molecules(200)))), Machine())
    assert small.recipe == "molecule-small"
    assert "task.conditional=false" in small.fields
    large = choose.choose(
        opened(written(tmp_path, "\n".join(f"{one}CCCCCCCCCC" for one in molecules(200))), properties=("logP",)),
        Machine(minutes=1),
    )
    assert large.recipe == "selfies-small"
    assert "task.conditional=true" in large.fields
    assert any(field.startswith("task.autoencoder=") for field in large.fields)


def test_without_rdkit_it_says_what_to_install(tmp_path, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "rdkit" else found(name, *more)
    )
    chem.rdkit.cache_clear()
    with refused("extra.molecules", "rdkit", "ganforge[molecules]"):
        opened(written(tmp_path, "CCO\n"))


@pytest.mark.slow
def test_real_sets(real_data):
    folder = real_data / "molecules"
    structures = opened(str(folder / "gdb1k.sdf.gz"))
    assert structures.read_count == 1_000
    assert len(structures) > 900
    esol = PathData(path=str(folder / "esol.csv"), holdout=0).open()
    assert esol.signal == "molecule"
    assert len(esol) > 1_100
    assert np.isfinite(esol.vectors).all()


def test_one_odd_molecule_does_not_stretch_the_range_of_a_condition():
    condition, values = numeric("dose", [*(float(k % 10) for k in range(2_100)), 1e6, None])
    assert condition.said() == "0 to 9"
    assert values[-2:] == [1e6, None]
    few, _ = numeric("dose", [0.0, 1.0, 1e6])
    assert few.said() == "0 to 1e+06"
