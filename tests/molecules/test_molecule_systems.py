"""Molecules go the whole way: encoded and decoded, drawn, trained, asked for a property, written, evaluated."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

import ganforge as gf
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.modalities.molecule import chem, drawing, writing
from ganforge.modalities.molecule.example import molecules, write_example
from ganforge.modalities.molecule.forms.graph import Graph, parted, sizes_of, valence
from ganforge.modalities.molecule.forms.strings import Selfies
from ganforge.modalities.molecule.nets.building import Building
from ganforge.modalities.molecule.nets.molgan import MolGanDiscriminator, MolGanGenerator
from ganforge.modalities.molecule.nets.relational import MoleculeDiscriminator, walks
from ganforge.modalities.molecule.nets.sequential import SequentialGenerator
from ganforge.modalities.molecule.source import MoleculeFile, MoleculeSet
from ganforge.modalities.molecule.tasks.rewarded import MolGan, RewardNet, reward
from ganforge.recipes import make_recipe
from refused import refused

DRUGS = ["CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C)C(=O)N2C", "CC(C)Cc1ccc(cc1)C(C)C(=O)O", "O=[N+]([O-])c1ccccc1",
         "c1ccc2[nH]ccc2c1", "FC(F)(F)S(=O)(=O)Cl", "C#CC(Br)=C", "c1ccccc1"]  # fmt: skip


@pytest.fixture(scope="module")
def drugs(tmp_path_factory) -> MoleculeSet:
    path = tmp_path_factory.mktemp("drugs") / "drugs.smi"
    path.write_text("\n".join(DRUGS))
    return MoleculeFile(path=str(path), holdout=0.0, properties=()).open()


@pytest.fixture(scope="module")
def graphs(drugs) -> tuple[Spec, torch.Tensor]:
    """The spec of drugs as graphs, and all of them."""
    form = Graph(atoms=30, rare=0)
    spec = form.spec(drugs, lambda shape: shape)
    stored = torch.from_numpy(np.stack([form.prepare(one, spec) for one in drugs.smiles]))
    return spec, form.encode(stored, spec)


# --- forms


def test_any_sequence_of_selfies_is_valid_with_rare_elements_too(tmp_path):
    """With the rules that selfies brings, silicon may have eight bonds."""
    path = tmp_path / "rare.smi"
    path.write_text(
        "\n".join([*DRUGS, "C[Si](C)(C)O[Si](C)(C)C", "C[As](=O)(O)O", "C[Se]C(=O)C", "C[Ge](C)(C)C", "CC[F+]C"])
    )
    form = Selfies()
    spec = form.spec(MoleculeFile(path=str(path), holdout=0.0, properties=()).open(), lambda shape: shape)
    draws = torch.from_numpy(np.random.default_rng(0).integers(1, len(spec.state["tokens"]) + 1, (2_000, 30), np.int32))
    found = form.decode(form.encode(draws, spec), spec)
    assert sum("Si" in one or "As" in one for one in found) > 500
    assert [one for one in found if chem.parsed(one) is None] == []


@pytest.mark.parametrize("form", [Graph(atoms=30, rare=0), Selfies()], ids=["graph", "selfies"])
def test_molecules_come_back_as_they_were(form, drugs):
    items = form.items(drugs)
    assert len(items) == len(DRUGS)
    spec = form.spec(items, lambda shape: shape)
    stored = torch.from_numpy(np.stack([form.prepare(one, spec) for one in items.smiles]))
    assert stored.shape[1:] == form.stored(spec)
    x = form.encode(stored, spec)
    assert x.shape[1:] == spec.shape
    assert [chem.canonical(one) for one in form.decode(x, spec)] == drugs.smiles
    assert form.at(spec).spec(items, lambda shape: shape).shape == spec.shape


def test_the_order_of_atoms_changes_nothing(graphs):
    spec, x = graphs
    order = torch.randperm(spec.shape[1], generator=torch.Generator().manual_seed(0))
    other = x[:, :, order][:, :, :, order]
    again = [chem.canonical(one) for one in Graph().decode(other, spec)]
    assert again == [chem.canonical(one) for one in Graph().decode(x, spec)]
    for net in (MoleculeDiscriminator(width=8, hidden=8), MolGanDiscriminator(widths=(8, 8))):
        torch.manual_seed(0)
        D = net.build(spec).double()
        assert torch.allclose(D(x.double()).logits, D(other.double()).logits)


def test_large_and_rare_molecules_are_left_out_and_counted(drugs):
    small = Graph(atoms=10, rare=0.3).items(drugs)
    assert len(small) == 1
    assert "larger than 10 atoms" in small.understood[-1]
    assert "rare atoms: Br, Cl, F, N, N+, O-, S" in small.understood[-1]
    with refused("molecule.too_large", "signal.form.atoms"):
        Graph(atoms=2).items(drugs)
    with refused("molecule.rare_atoms", "signal.form.rare"):
        Graph(atoms=9, rare=0.9).items(drugs.some(np.array([3, 4, 6])))
    assert "longer than" in Selfies(length=15).items(drugs).understood[-1]
    with refused("molecule.too_large", "signal.form.length"):
        Selfies(length=4).items(drugs)


def test_what_is_invalid_is_written_as_it_is_and_repaired():
    spec = Spec((9, 6, 6), state={"atoms": ["C", "N", "O", "F"]})
    stored = torch.zeros(1, 6, 6, dtype=torch.int8)
    stored[0].diagonal()[:] = torch.tensor([1, 1, 1, 1, 4, 3])
    for a, b, bond in [(0, 1, 3), (1, 2, 2), (2, 3, 1), (3, 4, 2)]:
        stored[0, a, b] = stored[0, b, a] = bond
    (made,) = Graph().decode(Graph().encode(stored, spec), spec)
    assert chem.canonical(made) is None
    assert chem.problem(made) == "an atom with more bonds than it can have"
    assert made.count(".") == 1
    again = chem.repaired(made)
    assert again is not None
    assert chem.canonical(again) == again
    assert "." not in again
    assert chem.repaired("CCO") == "CCO"
    marked, plain = drawing.drawn(made), drawing.drawn("CCO")
    assert marked.shape == plain.shape == (drawing.SIDE, drawing.SIDE, 3)
    assert tuple(marked[2, 80]) == drawing.INVALID
    assert tuple(plain[2, 80]) == (255, 255, 255)


# --- nets


def test_whatever_the_weights_molecules_are_valid_and_as_large_as_those_of_the_data():
    names = ["C", "O", "F", "N+", "O-", "S"]
    valences = [4, 2, 1, 4, 1, 6]
    state = {"atoms": names, "shares": [1 / 6] * 6, "sizes": [0, 0, 0.25, 0, 0, 0, 0, 0.75], "valences": valences}
    spec = Spec((11, 7, 7), state=state)
    torch.manual_seed(0)
    G = SequentialGenerator(latent=4, width=8).build(spec)
    for scale in (1.0, 3.0):
        with torch.no_grad():
            for p in G.parameters():
                p.mul_(scale)
            x = G(torch.randn(600, 4), None, torch.randn(600, G.noises))
        atoms, bonds = parted(x, sizes_of(spec.shape).types)
        assert torch.equal(x, x.transpose(2, 3)), "symmetric"
        assert torch.equal(bonds.amax(1) + torch.eye(7), torch.ones(600, 7, 7)), "one-hot"
        count = (atoms.argmax(2) > 0).sum(1)
        assert set(count.tolist()) == {2, 7}
        assert float((count == 2).float().mean()) == pytest.approx(0.25, abs=0.06)
        made = Graph().decode(x, spec)
        assert not any("." in one for one in made)
        assert all(chem.canonical(one) for one in made)
        parsed = [chem.parsed(one) for one in made]  # a molecule must outlive the ring info that is taken from it
        assert any(molecule.GetRingInfo().NumRings() for molecule in parsed)


def test_valences_are_those_that_rdkit_takes():
    assert [valence(name) for name in ("C", "N", "O", "F", "S", "N+", "O-", "C-")] == [4, 3, 2, 1, 6, 4, 1, 3]


def test_what_is_being_built_knows_valences_rings_and_that_atoms_are_missing():
    building = Building(torch.tensor([4]), torch.tensor([4, 1]))  # carbon and fluorine
    for k in range(4):  # C-C-C-C, then the ring is closed
        assert building.types().all()
        building.add(torch.tensor([0]))
        if k:
            bond = torch.zeros(1, k, 3, dtype=torch.bool)
            bond[0, k - 1, 0] = True
            building.bind(bond)
        if k == 3:
            assert building.rings().tolist() == [[4, 3, 2]]
            assert building.bonds()[0].tolist() == [[True, True, True], [True, True, False], [False, False, False]]
        building.complete()
    assert building.free.tolist() == [[3, 2, 2, 3]]
    small = Building(torch.tensor([3]), torch.tensor([4, 1]))
    small.add(torch.tensor([1]))
    small.complete()
    assert small.types().tolist() == [[True, False]], "F-F could have no third atom"


def test_closed_walks_have_second_derivatives_and_see_parts():
    torch.manual_seed(0)
    bonds = torch.rand(1, 4, 4, 4, dtype=torch.float64)
    bonds = (bonds + bonds.transpose(2, 3)).requires_grad_()
    assert gradcheck(walks, (bonds,))
    assert gradgradcheck(walks, (bonds,))
    chain = torch.zeros(2, 4, 6, 6)
    for k in range(5):
        chain[:, 1, k, k + 1] = chain[:, 1, k + 1, k] = 1
    chain[1, 1, 2, 3] = chain[1, 1, 3, 2] = 0  # falls apart
    back = walks(chain)[:, :, -1].sum(1)
    assert float(back[0]) < 1.2
    assert float(back[1]) == pytest.approx(2.0, abs=0.01)


def test_molgan_has_the_parameters_of_the_paper():
    spec = Spec((9, 9, 9))  # five types of atoms, four of bonds, as in QM9
    G, D = MolGanGenerator().build(spec), MolGanDiscriminator().build(spec)
    made = 32 * 128 + 128 + 128 * 256 + 256 + 256 * 512 + 512 + 513 * (9 * 5 + 81 * 4)
    scored = 4 * (5 * 64 + 64) + 4 * (69 * 32 + 32) + 2 * (37 * 128 + 128) + 128 * 128 + 128 + 128 + 1
    assert sum(p.numel() for p in G.parameters()) == made == 358_129
    assert sum(p.numel() for p in D.parameters()) == scored == 36_865
    recipe = make_recipe("molgan", (), (), ())
    assert (recipe.batch, recipe.task.d_steps, recipe.optimizers["G"].lr) == (32, 5, 1e-3)


def test_molgan_is_rewarded_once_its_time_comes(graphs):
    spec, x = graphs
    torch.manual_seed(0)
    task = MolGan(
        generator=MolGanGenerator(latent=4, widths=(8,)), discriminator=MolGanDiscriminator(widths=(8,), pooled=8),
        objective=make_recipe("molgan", (), (), ()).task.objective, after=100,
    )  # fmt: skip
    nets = Nets(task.players(spec))
    R = nets.R
    assert isinstance(R, RewardNet)
    true = R.true(x)
    assert true[0] == pytest.approx(reward(DRUGS[0], "QED"))
    assert (true > 0.1).all()
    assert reward("CC.C", "valid") == reward("C(C)(C)(C)(C)C", "valid") == 0.0
    batch = Batch(x)
    before, after = (task.g_loss(nets, batch, Rng(0, samples, "g")).losses for samples in (0, 100))
    assert set(before) == {"adversarial"}
    assert set(after) == {"adversarial", "reward"}
    after["reward"].sum().backward()
    assert all(p.grad is not None for p in nets.G.parameters())
    assert float(task.r_loss(nets, batch, Rng(0, 0, "r")).losses["reward"].mean().detach()) > 0


# --- as a user


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("molecules")
    small = {"width": 8, "latent": 8}
    fields = {f"task.generator.{name}": value for name, value in small.items()}
    fields |= {"task.discriminator.width": 8, "samples": 64, "batch": 32, "log_every": 32, "checkpoint_every": 64}
    fields |= {"callbacks": []}
    gf.train("molecule-small", data=write_example(folder, 150), fields=fields, run_dir=folder / "run", device="cpu")
    return folder / "run"


def test_samples_are_asked_for_a_property_and_written(run, ganforge, tmp_path):
    out = {ending: tmp_path / f"new.{ending}" for ending in ("smi", "csv", "sdf")}
    for path in out.values():
        assert ganforge("sample", run, "-n", 30, "--where", "logP=0.5", "--out", path).status == 0
    lines = [line.split() for line in out["smi"].read_text().splitlines()]
    assert len(lines) == 30, "all are valid as they were made"
    assert all(chem.canonical(line[0]) == line[0] for line in lines)
    with out["csv"].open() as file:
        rows = list(csv.DictReader(file))
    assert [row["smiles"] for row in rows] == [line[0] for line in lines]
    assert set(rows[0]) == {"smiles", "logP", "QED", "weight", "repaired"}
    assert MoleculeFile(path=str(out["sdf"]), holdout=0, properties=()).open().read_count == len(lines)
    assert ganforge("sample", run, "-n", 3, "--out", tmp_path / "each").status == 0
    assert len(list((tmp_path / "each").glob("*.mol"))) == 3
    assert ganforge("sample", run, "-n", 3, "--where", "QED=0.5", "--out", tmp_path / "x.smi").status == 2


def test_files_hold_valid_molecules_only(tmp_path, monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(writing.log, "warning", lambda text, *words: said.append(text % words))
    path = tmp_path / "new.smi"
    writing.write_smiles(["CCO", "CC.CCC", "C(C)(C)(C)(C)C", "c1cc1c"], path, Spec((9, 9, 9)))
    lines = [line.split() for line in path.read_text().splitlines()]
    assert [line[1:] for line in lines] == [["000000"], ["000001", "repaired"], ["000002", "repaired"]]
    assert all(chem.canonical(line[0]) == line[0] for line in lines)
    assert "3 of 4 molecules were not valid as they were made: 2 repaired" in said[0]
    assert "1 left out" in said[0]


def test_sample_k_of_a_seed_is_always_the_same(run):
    model = gf.load(run, device="cpu")
    assert model.sample(12, seed=3, where="logP=0.5")[:5] == model.sample(5, seed=3, where="logP=0.5")
    assert model.sample(40, seed=3) != model.sample(40, seed=4)
    assert model.tempered(0.1).sample(40) != model.sample(40)


def test_molecules_are_inspected(run, ganforge, tmp_path):
    path = tmp_path / "some.smi"
    path.write_text("\n".join([*molecules(80), "nonsense", "CC(=O)[O-].[Na+]"]))
    said = ganforge("data", "inspect", path)
    assert said.status == 0
    for part in ("82 entries read", "1 left out: not valid SMILES", "line 81: nonsense", "salts", "condition logP"):
        assert part in said.out
