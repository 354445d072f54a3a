"""Metrics of graphs: values known in closed form, and corruptions that each has to notice."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest

from ganforge.metrics.base import Comparison, SampleSet
from ganforge.modalities.graph import encoding
from ganforge.modalities.graph.example import communities, ring
from ganforge.modalities.graph.files.written import converted
from ganforge.modalities.graph.graphs import Graph, Repairs
from ganforge.modalities.graph.metrics import copies, links, mmd, network, statistics
from ganforge.modalities.graph.metrics.copies import GraphCopies
from ganforge.modalities.graph.metrics.distance import GraphDistance
from ganforge.modalities.graph.metrics.links import EdgeOverlap, LinkAuc
from ganforge.modalities.graph.metrics.mmd import GraphMmd
from ganforge.modalities.graph.metrics.network import NetworkStatistics

STATE = {"node_kinds": ["left", "right"], "edge_kinds": [""], "directed": False, "nodes": 34}
SIZE = 12


def random(n: int, p: float, seed: int) -> np.ndarray:
    A = np.triu(np.random.default_rng(seed).random((n, n)) < p, 1).astype(float)
    return A + A.T


def orbits_by_hand(A: np.ndarray) -> np.ndarray:
    """All induced connected subgraphs of 2 to 4 nodes, one by one."""
    found = np.zeros((len(A), 15))
    for k in (2, 3, 4):
        for nodes in itertools.combinations(range(len(A)), k):
            B = A[np.ix_(nodes, nodes)]
            if not nx.is_connected(nx.from_numpy_array(B)):
                continue
            degrees, edges = B.sum(1).astype(int), int(B.sum() // 2)
            if k == 2:
                orbit = {1: 0}
            elif k == 3:
                orbit = {2: 3} if edges == 3 else {1: 1, 2: 2}
            elif edges == 3:
                orbit = {1: 4, 2: 5} if degrees.max() == 2 else {1: 6, 3: 7}
            elif edges == 4:
                orbit = {2: 8} if degrees.max() == 2 else {1: 9, 2: 10, 3: 11}
            else:
                orbit = {2: 12, 3: 13} if edges == 5 else {3: 14}
            for node, degree in zip(nodes, degrees.tolist(), strict=True):
                found[node, orbit[degree]] += 1
    return found


@pytest.mark.parametrize("p", [0.2, 0.5, 0.9])
def test_orbits_are_those_counted_one_by_one(p):
    A = random(8, p, 1)
    np.testing.assert_allclose(statistics.orbits(A), orbits_by_hand(A), atol=1e-9)


def test_clustering_and_spectrum_are_those_of_networkx():
    A = random(14, 0.3, 2)
    graph = nx.from_numpy_array(A)
    np.testing.assert_allclose(statistics.clustering(A), list(nx.clustering(graph).values()), atol=1e-12)
    spectrum = statistics.spectrum(np.ones((4, 4)) - np.eye(4))
    np.testing.assert_allclose(spectrum, [0, 4 / 3, 4 / 3, 4 / 3], atol=1e-12)


def test_statistics_of_a_network_are_those_of_networkx():
    graph = nx.karate_club_graph()
    found = network.statistics(34, np.array(graph.edges))
    assert found["max_degree"] == 17
    assert found["triangles"] == sum(nx.triangles(graph).values()) / 3
    assert found["clustering"] == pytest.approx(nx.transitivity(graph))
    assert found["assortativity"] == pytest.approx(nx.degree_assortativity_coefficient(graph))
    assert found["path_length"] == pytest.approx(nx.average_shortest_path_length(graph))
    degrees = np.array([d for _, d in graph.degree()])
    gaps = np.abs(degrees[:, None] - degrees).sum()
    assert found["gini"] == pytest.approx(gaps / (2 * len(degrees) ** 2 * degrees.mean()))
    assert found["power_law"] == pytest.approx(1 + 34 / np.log(degrees).sum())
    pair = network.statistics(5, np.array([[0, 1]]))
    assert (pair["triangles"], pair["gini"], pair["path_length"]) == (0, 0, 1)


def test_auc_counts_ties_half():
    assert links.auc(np.array([1.0, 0.0]), np.array([0.0, 0.0])) == 0.75


def test_mmd_of_two_points_is_known():
    x, y = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    tv = mmd.total_variation(x, y)
    assert tv.item() == 1
    value = mmd.mmd2(np.zeros((1, 1)), np.zeros((1, 1)), tv, 1.0, True)
    assert value == pytest.approx(2 - 2 * np.exp(-0.5))
    assert mmd.mmd2(tv, tv, tv, 1.0, False) == 0


def side(graphs: list[Graph]) -> SampleSet:
    coded = [encoding.coded(graph, SIZE, STATE["node_kinds"], [""]) for graph in graphs]
    return SampleSet.of(np.stack(coded))


def drawn(n: int, seed: int) -> list[Graph]:
    rng = np.random.default_rng(seed)
    return [(communities, ring)[k % 2](rng, int(rng.integers(6, SIZE))) for k in range(n)]


def values(metric, fake: list[Graph], train: list[Graph], test: list[Graph]) -> dict[str, float]:
    found = metric.compute(Comparison(side(train), side(fake), heldout=side(test), facts=STATE))
    return {result.name.partition("[")[0]: result.value for result in found}


@pytest.fixture(scope="module")
def sets() -> tuple[list[Graph], list[Graph], list[Graph]]:
    return drawn(48, 0), drawn(24, 1), drawn(48, 2)


def rewired(graph: Graph, seed: int) -> Graph:
    """As many edges, anywhere."""
    rows, columns = np.triu_indices(graph.nodes, 1)
    chosen = np.random.default_rng(seed).choice(len(rows), len(graph.edges), replace=False)
    return Graph(graph.nodes, np.stack([rows[chosen], columns[chosen]], 1), False, graph.node_types)


def test_distances_notice_what_is_wrong(sets):
    train, test, fresh = sets
    good = values(GraphMmd(), fresh, train, test)
    assert all(value < 6 for value in good.values()), good
    far = values(GraphMmd(), [rewired(graph, k) for k, graph in enumerate(fresh)], train, test)
    one = values(GraphMmd(), [fresh[0]] * 48, train, test)
    assert all(far[name] > 2 * good[name] for name in ("graph_clustering", "graph_orbits"))
    assert all(one[name] > 2 * good[name] for name in one)
    nets = GraphDistance(repeats=2)
    near, wrong = values(nets, fresh, train, test), values(nets, [rewired(g, 0) for g in fresh], train, test)
    assert wrong["graph_fd"] > 2 * near["graph_fd"]


def test_distances_without_held_out_graphs_compare_halves(sets):
    train, _, fresh = sets
    found = GraphMmd().compute(Comparison(side(train), side(fresh), facts=STATE))
    assert found[0].protocol["floor"] == "half to half"
    assert found[0].detail["floor"] > 0


def permuted(graph: Graph, seed: int) -> Graph:
    order = np.random.default_rng(seed).permutation(graph.nodes)
    inverse = np.argsort(order)
    words = None if graph.node_types is None else tuple(graph.node_types[k] for k in inverse)
    return Graph(graph.nodes, np.sort(order[graph.edges], 1), False, words)


def test_copies_are_found_in_any_order_of_nodes(sets):
    train, test, fresh = sets
    copied = [permuted(graph, k) for k, graph in enumerate(train)]
    found = values(GraphCopies(), copied, train, test)
    assert found["graph_copies"] == 1
    assert values(GraphCopies(), [fresh[0]] * 8, train, test)["graph_distinct"] == 1 / 8
    other = Graph(train[0].nodes, train[0].edges, False, ("left",) * train[0].nodes)
    assert not copies.Known([train[0]]).holds(other), "its types differ"
    # two graphs that the hash cannot tell apart: two triangles, and a ring of six
    two = converted(nx.disjoint_union(nx.cycle_graph(3), nx.cycle_graph(3)), "two", Repairs())
    six = converted(nx.cycle_graph(6), "six", Repairs())
    assert copies.hashed(two) == copies.hashed(six)
    assert not copies.Known([two]).holds(six)


def test_a_network_against_itself_and_against_noise():
    edges = np.array(nx.karate_club_graph().edges)
    held, kept = edges[::8], np.delete(edges, np.s_[::8], 0)
    rows, columns = np.triu_indices(34, 1)
    rng = np.random.default_rng(0)
    noise = np.stack([np.stack([rows[k], columns[k]], 1) for k in
                      (rng.choice(len(rows), len(kept), replace=False) for _ in range(10))])  # fmt: skip
    true = np.stack([np.concatenate([held, kept])[: len(kept)]] * 10)

    def found(fake: np.ndarray) -> dict[str, float]:
        sides = {"real": SampleSet.of(kept[None]), "fake": SampleSet.of(fake), "heldout": SampleSet.of(held[None])}
        comparison = Comparison(**sides, facts=STATE)
        results = [r for m in (NetworkStatistics(), EdgeOverlap(), LinkAuc()) for r in m.compute(comparison)]
        return {result.name.partition("[")[0]: result.value for result in results}

    same, other, good = found(np.stack([kept] * 10)), found(noise), found(true)
    assert same["edge_overlap"] == 1
    assert [same[f"network_{name}"] for name in ("triangles", "gini")] == pytest.approx([1, 1])
    assert same["network_assortativity"] == pytest.approx(0)
    assert same["link_auc"] == 0.5
    assert other["edge_overlap"] < 0.3
    assert other["network_triangles"] < 0.7
    assert 0.3 < other["link_auc"] < 0.7
    assert good["link_auc"] > 0.95
