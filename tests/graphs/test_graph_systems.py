"""Recipes of graphs: sizes, symmetries, derivatives, what is kept in training, and what is refused."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import ganforge as gf
from ganforge.cli.main import main
from ganforge.core.choice import Machine
from ganforge.core.types import Nets, Request, Spec
from ganforge.data.path import PathData
from ganforge.engine.build import open_data
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.losses.relativistic import RpGan
from ganforge.modalities.graph import encoding
from ganforge.modalities.graph.example import communities, write_graphs, write_network
from ganforge.modalities.graph.files.written import read as read_written
from ganforge.modalities.graph.graphs import Graph, Repairs, largest_core
from ganforge.modalities.graph.nets.assemble import draw_edges
from ganforge.modalities.graph.nets.choosing import ChoosingGenerator
from ganforge.modalities.graph.nets.critic import GraphDiscriminator
from ganforge.modalities.graph.network import Network
from ganforge.modalities.graph.sets import GraphSet, NetworkSet
from ganforge.modalities.graph.signal import Graphs
from ganforge.modalities.graph.tasks.cell import CellG
from ganforge.modalities.graph.tasks.netgan import NetGan, Walks
from ganforge.modalities.graph.tasks.synthesis import GraphSynthesis
from ganforge.recipes import make_recipe
from refused import refused

STATE = {"node_kinds": ["a", "b"], "edge_kinds": ["x", "y"], "sizes": [[0, 0, 1, 1, 2, 4, 1]],
         "edge_shares": [0.7, 0.2, 0.1], "node_shares": [0.5, 0.5]}  # fmt: skip
SHAPE = (4, 6, 6)
SYSTEMS = {
    "graphs-small": ["task.generator.width=8", "task.discriminator.channels=8"],
    "network": ["task.rank=3", "task.check_every=2"],
    "netgan": ["task.units=6", "task.units_d=5", "task.narrow=4", "task.steps=4", "task.d_steps=1"],
}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def parameters(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("directed", [False, True])
def test_graphs_of_the_generator_are_graphs(directed):
    spec = Spec(SHAPE, state=STATE | {"directed": directed})
    G = ChoosingGenerator(width=8).build(spec)
    noise = torch.randn(300, G.noise)
    x = G(torch.randn(300, 64), None, noise).detach()
    links, nodes = x[:, :2], x[:, 2:]
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(links, links.transpose(2, 3)) != directed
    assert float(links.diagonal(dim1=2, dim2=3).abs().sum()) == 0
    there = nodes.diagonal(dim1=2, dim2=3).sum(1)
    assert torch.equal(there, there.sort(1, descending=True).values), "absent nodes come last"
    assert float((links.sum(1) * (1 - there[:, :, None] * there[:, None])).abs().sum()) == 0
    shares = torch.bincount(there.sum(1).long(), minlength=7) / 300
    torch.testing.assert_close(shares, torch.tensor(STATE["sizes"][0]) / 9, atol=0.09, rtol=0)
    assert float(links.sum(1).max()) == 1, "one type an edge"
    assert (links.sum((0, 2, 3)) > 0).all()


@pytest.mark.parametrize("directed", [False, True])
def test_the_critic_does_not_see_the_order_of_nodes(directed):
    D = (
        GraphDiscriminator(channels=8, minibatch=False)
        .build(Spec(SHAPE, state=STATE | {"directed": directed}))
        .double()
    )
    x = torch.rand(3, *SHAPE, dtype=torch.float64)
    order = torch.randperm(6)
    torch.testing.assert_close(D(x).logits, D(x[:, :, order][:, :, :, order]).logits)


def test_the_critic_counts_cycles():
    """Two triangles and a ring of six look the same to messages alone."""
    D = GraphDiscriminator(channels=8, minibatch=False).build(Spec((2, 6, 6), state={"node_kinds": [""]}))
    two, six = nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3)), nx.cycle_graph(6)
    x = torch.stack([torch.stack([torch.tensor(nx.to_numpy_array(g)).float(), torch.eye(6)]) for g in (two, six)])
    one, other = D(x).logits.tolist()
    assert one != pytest.approx(other, abs=1e-4)


def test_second_derivatives_of_the_critic():
    D = GraphDiscriminator(channels=3, layers=1, minibatch=False).build(Spec((2, 3, 3), state={"node_kinds": [""]}))
    D = D.double()
    x = torch.rand(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: D(x).logits, (x,))


def test_sizes_follow_the_class_asked_for():
    state = STATE | {"directed": False, "sizes": [[0, 0, 5, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 5]]}
    G = ChoosingGenerator(width=8).build(Spec(SHAPE, 2, ("small", "large"), state))
    x = G(torch.randn(4, 64), torch.tensor([0, 1, 0, 1]), torch.randn(4, G.noise))
    assert x[:, 2:].sum((1, 2, 3)).tolist() == [2, 6, 2, 6]


def test_nodes_choose_no_more_than_the_core_of_the_data_and_what_is_near():
    state = {"node_kinds": [""], "sizes": [[0] * 20 + [1]], "core": 2}
    G = ChoosingGenerator(width=16).build(Spec((2, 20, 20), state=state))
    with torch.no_grad():
        x = G(torch.randn(40, 64), None, torch.randn(40, G.noise))
    made = [nx.from_numpy_array(A.numpy()) for A in x[:, 0]]
    assert max(graph.number_of_edges() for graph in made) <= 2 * 20
    edges = np.mean([graph.number_of_edges() for graph in made])
    clustering = np.mean([nx.average_clustering(graph) for graph in made])
    assert clustering > 2 * edges / 190, "twice that of random graphs with as many edges"


def test_the_largest_core_is_that_of_networkx():
    for seed in range(20):
        graph = nx.gnp_random_graph(1 + seed, 0.4, seed=seed)
        edges = np.array(sorted(graph.edges), dtype=np.int64).reshape(-1, 2)
        assert largest_core(Graph(len(graph), edges)) == max(nx.core_number(graph).values())
    arcs = Graph(3, np.array([[0, 1], [1, 0], [1, 2], [2, 0]]), directed=True)
    assert largest_core(arcs) == 2


def test_parameters_of_netgan_are_those_of_the_paper():
    """Cora-ML, 2,810 nodes. By hand: z→40, 40→40 twice, 2,810→128, LSTM 128+40+1 → 4·40, 40→2,810; D alike with 30."""
    nets = NetGan().players(Spec((1, 2, 7_981), state={"nodes": 2_810, "alone": []}))
    assert parameters(nets["G"]) == 680 + 2 * 1_640 + 359_680 + 27_040 + 115_210
    assert parameters(nets["D"]) == 359_680 + 19_080 + 31


def test_parameters_of_cell_are_two_matrices_of_rank_nine():
    recipe = make_recipe("network")
    nets = recipe.task.players(Spec((1, 2, 7_981), state={"nodes": 2_810, "alone": []}))
    assert parameters(nets["G"]) == 2 * 9 * 2_810


def test_walks_follow_edges():
    graph = nx.barbell_graph(5, 3)
    ends = np.array([*graph.edges, *[(b, a) for a, b in graph.edges]])
    rows, extra = Walks(ends, 16).rows(3, 0, 500)
    walks = extra["walks"]
    assert walks.shape == (500, 16)
    assert len(rows) == 500
    assert all(graph.has_edge(a, b) for walk in walks[:50].tolist() for a, b in pairwise(walk))
    assert np.array_equal(Walks(ends, 16).rows(3, 0, 500)[1]["walks"], walks)
    assert len(np.unique(walks[:, 0])) == 13


def test_edges_are_drawn_in_proportion_once_each_and_for_every_node():
    scores = torch.full((12, 12), 1e-3)
    scores[:6, :6] = 1
    scores[11] = scores[:, 11] = 0
    for key in range(5):
        edges = draw_edges(scores, 20, [11], key)
        assert len({tuple(e) for e in edges.tolist()}) == 20
        assert (edges[:, 0] < edges[:, 1]).all()
        assert set(edges.flatten().tolist()) == set(range(11)), "each node but the lonely one"
    assert not torch.equal(draw_edges(scores, 20, [11], 0), draw_edges(scores, 20, [11], 1))


def test_cell_keeps_the_weights_that_reach_the_overlap():
    net = CellG(8, 4, 7, [])
    ends = torch.tensor([(k, k + 1) for k in range(7)] + [(k + 1, k) for k in range(7)])
    before = net.kept_down.clone()
    with torch.no_grad():
        net.down += 1
        net.keep(ends, 0.0, 0)
        assert torch.equal(net.kept_down, net.down)
        net.down += 1
        net.keep(ends, 0.0, 1)
    torch.testing.assert_close(net.kept_down, net.down.detach() - 1)
    assert not torch.equal(net.kept_down, before)


def test_cell_learns_a_network():
    """A ring: with enough rank most of the drawn edges are its own."""
    graph = nx.cycle_graph(20)
    ends = torch.tensor([*graph.edges, *[(b, a) for a, b in graph.edges]])
    torch.manual_seed(0)
    net = CellG(20, 9, 20, [])
    optimizer = torch.optim.Adam([net.down, net.up], lr=0.1)
    for _ in range(80):
        optimizer.zero_grad()
        net(ends).mean().backward()
        optimizer.step()
    assert float(net.keep(ends, 0.5, 0)) > 0.8
    scores = net.scores()
    torch.testing.assert_close(scores, scores.T)
    assert float(scores.sum()) == pytest.approx(2, abs=0.05)


def test_privacy_of_one_network_is_refused_with_the_reason(tmp_path):
    pytest.importorskip("opacus")
    data = f"data={write_network(tmp_path, 24)}"
    with refused("privacy.one_record", "one record"):
        gf.train(make_recipe("network", (), [data, "privacy=dp_sgd"]), run_dir=tmp_path / "run")


def test_what_networks_and_graphs_cannot_be_is_refused(tmp_path):
    graph = Graph(10_001, np.array([[0, 1], [1, 10_000]]))
    with refused("graph.network_too_large", "10,001"):
        Network.recommend(NetworkSet("large", graph), Machine())
    few = GraphSet("few", [communities(np.random.default_rng(0), 8)] * 3)
    with refused("graph.too_few", "3 graphs"):
        Graphs.recommend(few, Machine())
    with refused("graph.all_too_large", "8"):
        Graphs(nodes=4).items(few)
    names = GraphSet("names", [Graph(70, np.zeros((0, 2), np.int64), False, tuple(map(str, range(70))))])
    with refused("graph.too_many_types", "node_type"):
        Graphs(nodes=80).spec(names, lambda shape: shape)
    write_graphs(tmp_path, 8)
    with refused("data.no_network"):
        open_data(make_recipe("network", (), [f"data={tmp_path / 'graphs'}"]))
    with refused("data.no_graphs"):
        open_data(make_recipe("graphs-small", (), [f"data={write_network(tmp_path, 24)}"]))


def test_large_graphs_are_left_out_and_said():
    rng = np.random.default_rng(0)
    data = GraphSet("some", [communities(rng, nodes) for nodes in (5, 9, 7, 30)])
    found = Graphs(nodes=10).items(data)
    assert len(found) == 3
    assert found.left_out
    assert "1 of 4 have more than 10 nodes" in "; ".join(found.understood)


def test_two_sets_are_compared_in_one_size():
    rng = np.random.default_rng(0)
    one, other = (GraphSet("a", [communities(rng, n) for n in sizes]) for sizes in ((5, 6), (9, 8)))
    signal = Graphs.common([one, other], {})
    assert signal.spec(one, lambda shape: shape).shape == signal.spec(other, lambda shape: shape).shape == (3, 9, 9)
    plain = GraphSet("plain", [Graph(3, np.array([[0, 1]]))])
    with refused("graph.types_differ", "left, right"):
        Graphs.common([one, plain], {})


def command(*words: object) -> None:
    """A command line, which has to end well."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code == 0


def test_from_a_folder_of_classes_to_files_of_each_format(tmp_path):
    """As a user has it: train, sample a class in each format, evaluate two sets."""
    write_graphs(tmp_path, 40)
    run = tmp_path / "run"
    small = ["task.generator.width=8", "task.discriminator.channels=8", "batch=8",
             "samples=16", "callbacks=[]", "task.conditional=true"]  # fmt: skip
    command("train", "graphs-small", f"data={tmp_path / 'graphs'}", *small, "--run-dir", run)
    for form in ("graphml", "gml", "gexf", "edges"):
        out = tmp_path / form
        command("sample", run, "-n", 3, "--label", "rings", "--out", f"{out}/", "--format", form)
        files = sorted(Path(out).rglob(f"*.{form}"))
        assert len(files) == 3
    again = [read_written(file, file.name, ".graphml", Repairs(), (None, None))
             for file in sorted((tmp_path / "graphml").rglob("*.graphml"))]  # fmt: skip
    assert all(set(graph.node_types or ()) <= {"left", "right"} for graph in again)
    for name in ("new.zip", "new.npz", "new.npy"):
        command("sample", run, "-n", 20, "--out", tmp_path / name)
    zipped = PathData(path=str(tmp_path / "new.zip"), holdout=0).open()
    arrays = PathData(path=str(tmp_path / "new.npz"), holdout=0).open()
    assert isinstance(zipped, GraphSet)
    assert isinstance(arrays, GraphSet)
    assert [len(g.edges) for g in zipped.graphs] == [len(g.edges) for g in arrays.graphs]
    assert [g.nodes for g in zipped.graphs] == [g.nodes for g in arrays.graphs]
    coded = np.load(tmp_path / "new.npy")
    state = json.loads(json.dumps(gf.load(run, device="cpu").spec.state))
    assert [encoding.graph_of(one, state).nodes for one in coded] == [g.nodes for g in zipped.graphs]


def test_sample_seventeen_is_the_same_in_any_batch():
    spec = Spec(SHAPE, state=STATE | {"directed": False})
    task = GraphSynthesis(generator=ChoosingGenerator(width=8), discriminator=GraphDiscriminator(),
                          objective=RpGan())  # fmt: skip
    nets = Nets({"G": task.generator.build(spec).eval()})
    whole = task.sample(nets, Request(20, seed=3))
    assert torch.equal(whole[15:], task.sample(nets, Request(5, seed=3, start=15)))
    assert not torch.equal(whole, task.sample(nets, Request(20, seed=4)))


@pytest.mark.parametrize("name", [pytest.param("graphs-small", marks=pytest.mark.slow), "network", "netgan"])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, name):
    data = str(write_graphs(tmp_path, 16) if name == "graphs-small" else write_network(tmp_path, 24))
    form = [f"data={data}", *SYSTEMS[name], "callbacks=[]", "checkpoint_every=32", "log_every=32", "batch=8"]
    whole = train(make_recipe(name, (), [*form, "samples=64"]), run_dir=tmp_path / "whole", device="cpu")
    train(make_recipe(name, (), [*form, "samples=32"]), run_dir=tmp_path / "half", device="cpu")
    longer = resume_recipe(tmp_path / "half", None, ["samples=64"])
    half = train(longer, resume=tmp_path / "half", device="cpu")
    one, other = (load_file(run.folder / "model.safetensors") for run in (whole, half))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)
