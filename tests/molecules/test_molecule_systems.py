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
from ganforge.modalities.molecule import chem, drawing
from ganforge.modalities.molecule.example import molecules, write_example
from ganforge.modalities.molecule.forms.graph import Graph, parted, sizes_of
from ganforge.modalities.molecule.forms.strings import Selfies
from ganforge.modalities.molecule.nets.attention import MoleculeGenerator, gumbel, straight_through
from ganforge.modalities.molecule.nets.molgan import MolGanDiscriminator, MolGanGenerator
from ganforge.modalities.molecule.nets.relational import MoleculeDiscriminator, walks
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


def test_draws_are_one_hot_with_the_derivative_of_the_softmax():
    logits = torch.randn(50, 4, dtype=torch.float64, requires_grad=True)
    noise = torch.randn(50, 4, dtype=torch.float64)
    drawn = straight_through(logits, noise, tau=0.7)
    assert torch.allclose(drawn.sort(1).values, torch.tensor([0.0, 0, 0, 1]).double())
    weights = torch.randn(50, 4, dtype=torch.float64)
    (gradient,) = torch.autograd.grad((drawn * weights).sum(), logits)
    soft = ((logits + gumbel(noise)) / 0.7).softmax(1)
    (expected,) = torch.autograd.grad((soft * weights).sum(), logits)
    assert torch.allclose(gradient, expected)
    assert torch.isfinite(gumbel(torch.tensor([-40.0, 40.0]))).all()
    cold = straight_through(logits, noise, tau=1.0, temperature=0.0)
    assert torch.equal(cold.argmax(1), logits.argmax(1))


def test_draws_follow_the_probabilities():
    torch.manual_seed(0)
    logits = torch.tensor([0.1, 0.2, 0.7]).log().expand(40_000, 3)
    shares = straight_through(logits, torch.randn(40_000, 3), tau=1.0).mean(0)
    assert torch.allclose(shares, torch.tensor([0.1, 0.2, 0.7]), atol=0.01)


def test_made_graphs_are_symmetric_and_as_large_as_those_of_the_data():
    spec = Spec((7, 5, 5), state={"atoms": ["C", "O"], "shares": [0.7, 0.3], "sizes": [0, 0, 0.25, 0, 0, 0.75]})
    torch.manual_seed(0)
    G = MoleculeGenerator(latent=4, each=2, width=8, pairs=4, layers=1).build(spec)
    with torch.no_grad():
        x = G(torch.randn(4_000, 4), None, torch.randn(4_000, G.noises))
    atoms, bonds = parted(x, sizes_of(spec.shape).types)
    assert torch.equal(x, x.transpose(2, 3)), "symmetric"
    count = (atoms.argmax(2) > 0).sum(1)
    assert set(count.tolist()) == {2, 5}
    assert float((count == 2).float().mean()) == pytest.approx(0.25, abs=0.03)
    small = bonds[count == 2]
    assert not small[:, 1:, 2:].any(), "no bonds to atoms that are not there"
    assert torch.equal(small[:, 0, 2:, :2], torch.ones(len(small), 3, 2))


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
    small = {"width": 8, "pairs": 4, "layers": 1, "latent": 8}
    fields = {f"task.generator.{name}": value for name, value in small.items()}
    fields |= {"task.discriminator.width": 8, "samples": 64, "batch": 32, "log_every": 32, "checkpoint_every": 64}
    fields |= {"callbacks": []}
    gf.train("molecule-small", data=write_example(folder, 150), fields=fields, run_dir=folder / "run", device="cpu")
    return folder / "run"


def test_samples_are_asked_for_a_property_and_written(run, ganforge, tmp_path):
    out = {ending: tmp_path / f"new.{ending}" for ending in ("smi", "csv", "sdf")}
    for path in out.values():
        said = ganforge("sample", run, "-n", 30, "--where", "logP=0.5", "--out", path)
        assert said.status == 0
        assert "not valid as they were made" in said.err
    lines = [line.split() for line in out["smi"].read_text().splitlines()]
    assert all(chem.canonical(line[0]) == line[0] for line in lines)
    assert any(line[-1] == "repaired" for line in lines)
    with out["csv"].open() as file:
        rows = list(csv.DictReader(file))
    assert [row["smiles"] for row in rows] == [line[0] for line in lines]
    assert set(rows[0]) == {"smiles", "logP", "QED", "weight", "repaired"}
    assert MoleculeFile(path=str(out["sdf"]), holdout=0, properties=()).open().read_count == len(lines)
    assert ganforge("sample", run, "-n", 3, "--out", tmp_path / "each").status == 0
    assert len(list((tmp_path / "each").glob("*.mol"))) == 3
    assert ganforge("sample", run, "-n", 3, "--where", "QED=0.5", "--out", tmp_path / "x.smi").status == 2


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
