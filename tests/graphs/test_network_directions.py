"""One network with directions: read from each form, kept by both recipes and in each format, and judged."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from ganforge.cli.main import main
from ganforge.core.types import Nets, Request, Spec
from ganforge.data.path import PathData
from ganforge.metrics.base import Comparison, Metric, SampleSet
from ganforge.modalities.graph.graphs import Graph
from ganforge.modalities.graph.metrics import degrees, directed
from ganforge.modalities.graph.metrics.degrees import NetworkDegrees
from ganforge.modalities.graph.metrics.links import EdgeOverlap, LinkAuc
from ganforge.modalities.graph.metrics.network import NetworkStatistics
from ganforge.modalities.graph.nets.assemble import Directions, draw_directed
from ganforge.modalities.graph.network import Network
from ganforge.modalities.graph.network_source import NetworkFile
from ganforge.modalities.graph.sets import NetworkSet
from ganforge.modalities.graph.tasks.cell import CellG
from ganforge.modalities.graph.tasks.netgan import NetGan, Walks, with_end
from refused import refused

FORMATS = ("graphml", "gml", "gexf", "edges", "npz")
ARCS = [[0, 1], [1, 0], [1, 2], [3, 2]]


def follows(nodes: int = 60, seed: int = 0) -> nx.DiGraph:
    """Groups in which some are followed by many, some follow nobody, and a part follows back."""
    rng = np.random.default_rng(seed)
    group = np.arange(nodes) * 3 // nodes
    popular, active = rng.pareto(2, nodes) + 0.3, rng.pareto(2, nodes) + 0.3
    active[rng.permutation(nodes)[: nodes // 6]] = 0
    odds = np.where(group[:, None] == group[None], 0.2, 0.01) * popular[None] * active[:, None]
    A = rng.random((nodes, nodes)) < odds
    A |= A.T & (rng.random((nodes, nodes)) < 0.2) & (active[:, None] > 0)
    np.fill_diagonal(A, False)
    return nx.DiGraph([tuple(edge) for edge in np.argwhere(A).tolist()])


def numbered(graph: nx.DiGraph) -> np.ndarray:
    return np.array(sorted(nx.convert_node_labels_to_integers(graph, ordering="sorted").edges), np.int64)


def spec_of(edges: np.ndarray) -> Spec:
    graph = Graph(int(edges.max()) + 1, edges, True)
    return Network().spec(NetworkSet("arcs", graph), lambda shape: shape)


def write(path: Path, edges: list[list[int]]) -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(range(4))
    graph.add_edges_from(edges)
    if path.suffix == ".npy":
        np.save(path, nx.to_numpy_array(graph, dtype=np.uint8))
    elif path.suffix == ".npz":
        A = nx.to_scipy_sparse_array(graph, dtype=np.uint8, format="csr")
        np.savez(path, indices=A.indices, indptr=A.indptr, format=np.array(b"csr"), shape=A.shape, data=A.data)
    elif path.suffix in (".edges", ".txt"):
        said = "# 4 nodes, directed\n" if path.suffix == ".edges" else "% a comment\n% asym unweighted\n"
        path.write_text(said + "".join(f"{a} {b}\n" for a, b in edges), encoding="utf-8")
    else:
        {".graphml": nx.write_graphml_xml, ".gml": nx.write_gml, ".gexf": nx.write_gexf}[path.suffix](graph, path)


@pytest.mark.parametrize("name", ["n.graphml", "n.gml", "n.gexf", "n.edges", "n.txt", "n.npz", "n.npy"])
def test_directions_are_kept_where_the_file_states_them(tmp_path, name):
    write(tmp_path / name, ARCS)
    found = NetworkFile(path=str(tmp_path / name)).open()
    assert found.graph.directed
    assert found.graph.edges.tolist() == ARCS
    assert len(found) == 4, "items are the edges as they are"
    assert found.items.tolist() == ARCS
    assert found.read(1).tolist() == [1, 0]
    plain = NetworkFile(path=str(tmp_path / name), directed=False).open()
    assert not plain.graph.directed
    assert plain.graph.edges.tolist() == [[0, 1], [1, 2], [2, 3]]


def test_an_edge_list_is_directed_if_asked_and_a_hint_says_so(tmp_path):
    file = tmp_path / "e.edges"
    file.write_text("# an undirected-looking list\n0 1\n1 0\n1 2\n3 2\n", encoding="utf-8")
    plain = NetworkFile(path=str(file)).open()
    assert not plain.graph.directed
    assert "data.directed=true" in "; ".join(plain.understood)
    assert NetworkFile(path=str(file), directed=True).open().graph.edges.tolist() == ARCS
    file.write_text("0 1\n1 2\n# directed\n", encoding="utf-8")
    assert not NetworkFile(path=str(file)).open().graph.directed, "only the start says what the file is"


def test_edges_that_all_go_both_ways_have_no_direction(tmp_path):
    write(tmp_path / "n.edges", [[0, 1], [1, 0], [2, 3], [3, 2]])
    found = NetworkFile(path=str(tmp_path / "n.edges")).open()
    assert not found.graph.directed
    assert "all edges go both ways" in "; ".join(found.understood)
    assert NetworkFile(path=str(tmp_path / "n.edges"), directed=True).open().graph.directed
    nx.write_gml(nx.path_graph(4), tmp_path / "plain.gml")
    with refused("graph.no_directions", "plain.gml", "data.directed"):
        NetworkFile(path=str(tmp_path / "plain.gml"), directed=True).open()


def test_edges_held_back_keep_their_direction():
    edges = numbered(follows())
    whole = NetworkSet("arcs", Graph(int(edges.max()) + 1, edges, True))
    train, test = whole.part("train", 0.2), whole.part("test", 0.2)
    assert train.graph.directed
    assert test.graph.directed
    both = np.concatenate([train.graph.edges, test.graph.edges]).tolist()
    assert sorted(both) == edges.tolist()
    assert nx.is_weakly_connected(nx.DiGraph(train.graph.edges.tolist())) == nx.is_weakly_connected(follows())


def test_drawn_edges_leave_and_enter_the_nodes_that_they_do_in_the_data():
    edges = numbered(follows())
    known = Directions.of(spec_of(edges).state)
    assert known is not None
    V = int(edges.max()) + 1
    scores = torch.full((V, V), 1e-9)
    scores[: V // 2] = 1  # nothing much would leave the others
    scores[np.flatnonzero(np.array(known.out_degrees) == 0)] = 0
    scores[:, known.unreached] = 0
    drawn = draw_directed(scores, len(edges), known, 3)
    assert len({tuple(one) for one in drawn.tolist()}) == len(edges)
    assert (drawn[:, 0] != drawn[:, 1]).all()
    for side in (0, 1):
        assert set(drawn[:, side].tolist()) == set(edges[:, side].tolist())
    assert torch.equal(drawn, draw_directed(scores, len(edges), known, 3))
    assert not torch.equal(drawn, draw_directed(scores, len(edges), known, 4))


def learned(edges: np.ndarray, steps: int) -> CellG:
    spec = spec_of(edges)
    torch.manual_seed(0)
    net = CellG(spec.state["nodes"], 9, len(edges), [], Directions.of(spec.state))
    optimizer, ends = torch.optim.Adam([net.down, net.up], lr=0.1), torch.tensor(edges)
    for _ in range(steps):
        optimizer.zero_grad()
        net(ends).mean().backward()
        optimizer.step()
    return net


def test_cell_learns_directions():
    """A ring in one direction: what is drawn goes around it in that direction."""
    edges = np.array([(k, (k + 1) % 20) for k in range(20)])
    net = learned(edges, 80)
    assert float(net.keep(torch.tensor(edges), 0.5, 0)) > 0.8
    assert float(net.keep(torch.tensor(edges[:, ::-1].copy()), 0.5, 0)) < 0.2
    scores = net.scores()
    assert float(scores[edges[:, 0], edges[:, 1]].sum()) > 10 * float(scores[edges[:, 1], edges[:, 0]].sum())
    torch.testing.assert_close(scores.sum(1), torch.full((20,), 1 / 20), atol=5e-3, rtol=0)


def test_cell_keeps_out_degrees_and_in_degrees():
    edges = numbered(follows(90))
    net = learned(edges, 60)
    net.keep(torch.tensor(edges), 0.5, 0)
    made = net.scores() * len(edges)
    real = degrees.of_nodes(net.nodes, edges)
    for side, known in ((1, real[0]), (0, real[1])):
        assert np.corrcoef(made.sum(side).numpy(), known)[0, 1] > 0.9
    mean = np.mean([np.bincount(draw_directed(net.scores(), len(edges), net.directions, k)[:, 0], minlength=net.nodes)
                    for k in range(20)], 0)  # fmt: skip
    assert np.corrcoef(mean, real[0])[0, 1] > 0.95
    assert not mean[real[0] == 0].any(), "nothing leaves a node that nothing left"


def test_walks_go_along_directions_and_end_where_nothing_leaves():
    graph = follows()
    edges, end = numbered(graph), len(graph)
    walks = Walks(with_end(edges, end), 16).rows(3, 0, 400)[1]["walks"]
    there, leaving = {tuple(edge) for edge in edges.tolist()}, set(edges[:, 0].tolist())
    pairs = [pair for walk in walks.tolist() for pair in pairwise(walk)]
    inner = [(a, b) for a, b in pairs if end not in (a, b)]
    assert set(inner) <= there
    assert len(set(inner)) > 0.5 * len(there)
    assert {a for a, b in pairs if b == end}.isdisjoint(leaving), "a walk ends only where nothing leaves"
    assert {b for a, b in pairs if a == end} <= leaving
    ring = np.array([[0, 1], [1, 2], [2, 0]])
    assert with_end(ring, 3) is ring, "nothing ends in a ring"


def test_networks_of_netgan_have_the_out_degrees_of_the_data_and_no_end():
    edges = numbered(follows())
    spec, task = spec_of(edges), NetGan(units=6, units_d=5, narrow=4, steps=6, walks=2_000)
    torch.manual_seed(0)
    nets = Nets({name: net.eval() for name, net in task.players(spec).items()})
    assert nets.G.nodes == spec.state["nodes"] + 1
    made = Network().decode(task.sample(nets, Request(4, seed=1)), spec)
    assert made.shape == (4, len(edges), 2)
    assert made.max() < spec.state["nodes"]
    known = np.array(spec.state["out_degrees"])
    for one in made:
        assert len({tuple(edge) for edge in one.tolist()}) == len(edges)
        assert set(one[:, 0].tolist()) == set(np.flatnonzero(known).tolist())
        assert np.corrcoef(np.bincount(one[:, 0], minlength=len(known)), known)[0, 1] > 0.85, "from an untrained G"


def test_statistics_of_a_directed_network_are_those_of_networkx():
    graph = nx.convert_node_labels_to_integers(follows(), ordering="sorted")
    found = directed.statistics(len(graph), numbered(graph))
    assert found["max_out_degree"] == max(d for _, d in graph.out_degree())
    assert found["max_in_degree"] == max(d for _, d in graph.in_degree())
    assert found["reciprocity"] == pytest.approx(nx.overall_reciprocity(graph))
    assert found["assortativity"] == pytest.approx(nx.degree_pearson_correlation_coefficient(graph, "out", "in"))
    cycles = forward = paths = 0
    for a, b in graph.edges:
        for c in set(graph[b]) - {a}:
            paths += 1
            forward += graph.has_edge(a, c)
            cycles += graph.has_edge(c, a) / 3
    assert found["triangles"] == pytest.approx(forward + cycles)
    assert found["cyclic"] == pytest.approx(cycles / (forward + cycles))
    assert found["clustering"] == pytest.approx(forward / paths)
    steps = [d for _, to in nx.all_pairs_shortest_path_length(graph) for d in to.values() if d]
    assert found["path_length"] == pytest.approx(np.mean(steps))
    chain = directed.statistics(3, np.array([[0, 1], [1, 2]]))
    assert (chain["reciprocity"], chain["triangles"], chain["cyclic"], chain["clustering"]) == (0, 0, 0, 0)
    assert chain["path_length"] == pytest.approx(4 / 3)


def test_apart_is_the_largest_difference_of_cumulative_shares():
    assert degrees.apart(np.array([0, 0, 2, 2]), np.array([0, 1, 2, 2])) == 0.25
    assert degrees.apart(np.array([1, 1]), np.array([5, 5])) == 1
    edges = degrees.anywhere(20, 300, True)
    assert len(np.unique(edges, axis=0)) == 300
    assert (edges[:, 0] != edges[:, 1]).all()


def values(fake: np.ndarray, edges: np.ndarray, held: np.ndarray, *metrics: Metric) -> dict[str, float]:
    facts = {"nodes": int(max(edges.max(), held.max())) + 1, "directed": True}
    sides = {"fake": SampleSet.of(fake), "heldout": SampleSet.of(held[None])}
    comparison = Comparison(SampleSet.of(edges[None]), **sides, facts=facts)
    return {r.name.partition("[")[0]: r.value for metric in metrics for r in metric.compute(comparison)}


def test_metrics_notice_turned_edges():
    every = numbered(follows())
    held, kept = every[::8], np.delete(every, np.s_[::8], 0)
    judges = (NetworkStatistics(), NetworkDegrees(), EdgeOverlap(), LinkAuc())
    same = values(np.stack([kept] * 4), kept, held, *judges)
    turned = values(np.stack([kept[:, ::-1]] * 4), kept, held, *judges)
    assert (same["edge_overlap"], same["network_out_degree"], same["network_in_degree"]) == (1, 0, 0)
    assert (same["network_max_in_degree"], same["network_reciprocity"]) == (1, 0)
    assert turned["edge_overlap"] == pytest.approx(directed.statistics(int(every.max()) + 1, kept)["reciprocity"])
    assert turned["network_out_degree"] > 0.1
    assert turned["network_reciprocity"] == pytest.approx(0), "which turning does not change"
    good = values(np.stack([every[: len(kept)]] * 4), kept, held, LinkAuc())
    bad = values(np.stack([every[: len(kept), ::-1]] * 4), kept, held, LinkAuc())
    assert good["link_auc"] > 0.9
    assert good["link_direction_auc"] > 0.9
    assert bad["link_direction_auc"] < 0.1


def test_a_model_without_directions_is_judged_against_the_network_without_them():
    """A run made when directions were left out, or with data.directed=false, and a file that states them."""
    every = numbered(follows())
    plain = np.unique(np.sort(every, 1), axis=0)
    assert len(plain) < len(every), "some go both ways"
    facts = {"nodes": int(every.max()) + 1}
    for metric in (NetworkStatistics(), NetworkDegrees(), EdgeOverlap()):
        one, other = (metric.compute(Comparison(SampleSet.of(real[None]), SampleSet.of(plain[None]), facts=facts))
                      for real in (every, plain))  # fmt: skip
        assert [(r.name, r.value, r.detail) for r in one] == [(r.name, r.value, r.detail) for r in other]


def command(*words: object) -> None:
    """A command line, which has to end well."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code == 0


@pytest.mark.parametrize("name", ["network", "netgan"])
def test_from_a_file_to_directed_files_of_each_format(tmp_path, name):
    """As a user has it: train, sample in each format, read again, compare."""
    graph = follows()
    graph.add_node("nobody")
    nx.write_gml(nx.convert_node_labels_to_integers(graph), tmp_path / "n.gml")
    small = {"network": ["task.rank=3"], "netgan": ["task.units=6", "task.units_d=5", "task.narrow=4", "task.steps=4",
                                                    "task.walks=200"]}[name]  # fmt: skip
    run = tmp_path / "run"
    command("train", name, f"data={tmp_path / 'n.gml'}", *small, "batch=8", "samples=64", "callbacks=[]",
            "--run-dir", run)  # fmt: skip
    found = []
    for form in FORMATS:
        command("sample", run, "-n", 1, "--out", f"{tmp_path / form}/", "--format", form)
        (file,) = (tmp_path / form).glob(f"*.{form}")
        opened = PathData(path=str(file)).open()
        assert isinstance(opened, NetworkSet)
        assert opened.graph.directed, form
        assert opened.graph.nodes == len(graph)
        found.append(opened.graph.edges.tolist())
    assert all(len(edges) == graph.number_of_edges() for edges in found)
    assert found[:3] == [found[0]] * 3
    assert found[4] == found[0]
    command("evaluate", run, "--metrics", "network_degrees,edge_overlap", "-n", 10)


def test_two_networks_are_both_directed_or_both_not():
    one, other = (NetworkSet(name, Graph(3, np.array([[0, 1]]), name == "one")) for name in ("one", "other"))
    assert isinstance(Network.common([one, one], {}), Network)
    with refused("graph.directions_differ", "one", "other", "data.directed"):
        Network.common([one, other], {})
