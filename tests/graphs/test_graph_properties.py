"""Graphs are asked for properties: what is computed, what a model is told, and what it is evaluated by."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

import ganforge as gf
from ganforge.core.choice import Machine
from ganforge.core.condition_kinds import Number
from ganforge.core.conditions import Conditions
from ganforge.metrics.base import Comparison
from ganforge.metrics.samples import SampleSet
from ganforge.modalities.graph import choose, encoding, properties
from ganforge.modalities.graph.example import write_graphs
from ganforge.modalities.graph.files.written import converted
from ganforge.modalities.graph.graphs import Graph, Repairs
from ganforge.modalities.graph.metrics.asked import GraphAsked
from ganforge.modalities.graph.source import GraphFiles
from refused import refused

ASKED = ("clustering", "degree")


def own(graph: nx.Graph) -> Graph:
    return converted(graph, "graph", Repairs())


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> str:
    return write_graphs(tmp_path_factory.mktemp("graphs"), 40)


def test_properties_are_those_of_networkx():
    graphs = [nx.gnp_random_graph(12, 0.4, seed=seed) for seed in range(5)]
    found = [own(graph) for graph in graphs]
    expected = {
        "degree": [2 * graph.number_of_edges() / 12 for graph in graphs],
        "clustering": [nx.average_clustering(graph) for graph in graphs],
        "triangles": [np.trace(np.linalg.matrix_power(nx.to_numpy_array(graph), 3)) / 6 for graph in graphs],
    }
    assert set(expected) == set(properties.NAMES)
    for name, values in expected.items():
        assert properties.values(found, name) == pytest.approx(values)


def test_properties_are_conditions_in_place_of_labels(folder):
    plain = GraphFiles(path=folder, holdout=0.2).open()
    dataset = GraphFiles(path=folder, holdout=0.2, properties=(*ASKED, "label")).open()
    assert dataset.conditions.names == (*ASKED, "label")
    assert (dataset.labels, dataset.classes) == (None, ())
    assert dataset.vectors is not None
    assert len(dataset.vectors) == len(dataset.graphs) == len(plain.graphs)
    some = dataset.some(np.array([3, 1]))
    wanted = properties.values([dataset.graphs[k] for k in (3, 1)], "clustering")
    assert some.vectors is not None
    assert some.conditions["clustering"].decode(some.vectors[:, :9]) == pytest.approx(wanted, abs=1e-3)
    assert "task.conditional=true" in choose.for_graphs(dataset, Machine()).fields


def test_properties_that_cannot_be_conditions_are_refused(folder, tmp_path):
    with refused("graph.unknown_property", "clustring", "clustering"):
        GraphFiles(path=folder, properties=("clustring",)).open()
    nx.write_graphml(nx.cycle_graph(5), tmp_path / "a.graphml")
    nx.write_graphml(nx.cycle_graph(7), tmp_path / "b.graphml")
    with refused("graph.constant_property", "degree", "2"):
        GraphFiles(path=str(tmp_path), holdout=0, properties=("degree",)).open()


def test_a_generator_that_does_not_listen_is_as_good_as_chance():
    graphs = [own(nx.gnp_random_graph(10, p, seed=k)) for k, p in enumerate(np.linspace(0.1, 0.9, 40))]
    coded = np.stack([encoding.coded(graph, 10, ("",), ("",)) for graph in graphs])
    true = properties.values(graphs, "degree")
    condition = Number("degree", min(true), max(true))

    def measured(values: list[float]) -> tuple[float, float]:
        side = SampleSet("made", 40, lambda size: iter([coded]), vectors=condition.encode(values))
        facts = {"node_kinds": [""], "edge_kinds": [""], "directed": False}
        (found,) = GraphAsked().compute(Comparison(side, side, conditions=Conditions((condition,)), facts=facts))
        assert found.name == "graph_asked40[degree]"
        return found.value, found.detail["floor"]

    assert measured(true)[0] < 1e-3
    deaf, floor = measured(np.random.default_rng(0).permutation(true).tolist())
    assert deaf == pytest.approx(floor, rel=0.3)
    assert deaf > 1


def test_a_model_is_asked_and_evaluated(folder, tmp_path):
    fields = {
        "data.kind": "graphs", "data.path": folder, "data.properties": list(ASKED), "task.conditional": True,
        "task.generator.width": 8, "task.discriminator.channels": 8, "samples": 16, "batch": 8, "callbacks": [],
    }  # fmt: skip
    model = gf.train("graphs-small", fields=fields, run_dir=tmp_path / "run", device="cpu", progress=False)
    one, other = (model.sample(4, seed=1, where=f"clustering={value}") for value in (0.1, 0.9))
    assert one.shape == other.shape
    found = gf.evaluate(tmp_path / "run", metrics=["graph_asked"], n=20, progress=False, device="cpu").results
    assert [result.name.rpartition("[")[2] for result in found] == ["clustering]", "degree]"]
