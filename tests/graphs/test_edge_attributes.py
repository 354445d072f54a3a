"""Several numbers an edge: read from each form, kept through each format, learned together, and judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch

from ganforge.cli.main import main
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.metrics.base import Comparison, SampleSet
from ganforge.modalities.graph import encoding
from ganforge.modalities.graph.graphs import Graph
from ganforge.modalities.graph.inspect import of_graphs
from ganforge.modalities.graph.metrics.numbers import GraphNumbers
from ganforge.modalities.graph.nets.choosing import ChoosingGenerator
from ganforge.modalities.graph.nets.critic import GraphDiscriminator
from ganforge.modalities.graph.sets import GraphSet
from ganforge.modalities.graph.signal import Graphs
from ganforge.modalities.graph.source import GraphFiles
from refused import refused

NAMES = ("weight", "distance", "time")
WRITERS = {"graphml": nx.write_graphml_xml, "gml": nx.write_gml, "gexf": nx.write_gexf,
           "edgelist": lambda graph, path: nx.write_edgelist(graph, path)}  # fmt: skip


def road(rng: np.random.Generator, nodes: int, directed: bool = False) -> nx.Graph:
    """Edges with a weight, a distance of whole tenths that it follows, and a time of whole seconds that follows it."""
    graph = nx.gnp_random_graph(nodes, 0.4, seed=int(rng.integers(2**31)), directed=directed)
    for a, b in graph.edges:
        weight = float(rng.normal())
        distance = round(float(np.exp(1 + 0.5 * weight + 0.2 * rng.normal())), 1)
        graph.edges[a, b].update(weight=weight, distance=distance, time=round(100 * distance + 20 * rng.random()))
    return graph


def roads(n: int, seed: int = 0, directed: bool = False) -> list[nx.Graph]:
    rng = np.random.default_rng(seed)
    return [road(rng, int(rng.integers(6, 10)), directed) for _ in range(n)]


def write(folder: Path, form: str, graphs: list[nx.Graph]) -> None:
    folder.mkdir(exist_ok=True)
    for k, graph in enumerate(graphs):
        WRITERS[form](graph, folder / f"{k:03d}.{form}")


def opened(folder: Path, **fields) -> GraphSet:
    return GraphFiles(path=str(folder), holdout=0, **fields).open()


def edges_of(graph: Graph, name: str) -> dict[tuple[int, int], float]:
    return {
        (a, b): value for (a, b), value in zip(graph.edges.tolist(), graph.edge_numbers[name].tolist(), strict=True)
    }


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("form", list(WRITERS))
def test_all_numbers_of_edges_are_read(tmp_path, form, directed):
    graphs = roads(6, directed=directed)
    write(tmp_path / form, form, graphs)
    found = opened(tmp_path / form, directed=True if form == "edgelist" and directed else None)
    assert found.edge_attributes[0] == "weight", "the weight comes first"
    assert set(found.edge_attributes) == set(NAMES)
    if form != "edgelist":  # which has other nodes where some have no edges
        for graph, source in zip(found.graphs, graphs, strict=True):
            for name in NAMES:
                known = {
                    (a, b) if directed else (min(a, b), max(a, b)): value for a, b, value in source.edges(data=name)
                }
                assert edges_of(graph, name) == pytest.approx(known, rel=1e-6), name


def test_some_are_chosen_by_name_and_others_named(tmp_path):
    write(tmp_path / "g", "gml", roads(6))
    found = opened(tmp_path / "g", weights=("time", "distance"))
    assert found.edge_attributes == ("time", "distance")
    assert "weights of edges left out" in "; ".join(found.understood)
    assert opened(tmp_path / "g", weights="time").edge_attributes == ("time",)
    assert opened(tmp_path / "g", weights="none").edge_attributes == ()
    with refused("graph.no_such_attribute", "tme", "time"):
        opened(tmp_path / "g", weights=("weight", "tme"))
    many = nx.path_graph(9)
    for k in range(9):
        nx.set_edge_attributes(many, {edge: 0.5 + k * sum(edge) for edge in many.edges}, f"x{k}")
    write(tmp_path / "many", "gml", [many])
    with refused("graph.too_many_attributes", "9 attributes of edges", "data.weights=["):
        opened(tmp_path / "many")


@pytest.mark.parametrize(
    ("text", "numbers", "types"),
    [
        ("source,target,weight,distance\n0,1,0.5,3.25\n1,2,0.25,\n",
         {"weight": [0.5, 0.25], "distance": [3.25] * 2}, None),
        ("id;kind;to;from;cost\n1;road;b;a;2.5\n2;rail;c;b;0.5\n", {"cost": [2.5, 0.5]}, ("road", "rail")),
        ("# directed\n0 1 {'weight': 2.5, 'time': 7.5}\n1 2 {'time': nan, 'weight': 1}\n3\n",
         {"weight": [2.5, 1], "time": [7.5] * 2}, None),
    ],
    ids=["table", "words", "networkx"],
)  # fmt: skip
def test_lists_with_names_are_read(tmp_path, text, numbers, types):
    for k in range(2):
        (tmp_path / f"{k}.{'edges' if '{' in text else 'csv'}").write_text(text, encoding="utf-8")
    graph = opened(tmp_path).graphs[0]
    assert {name: values.tolist() for name, values in graph.edge_numbers.items()} == numbers
    assert graph.edge_types == types
    assert graph.directed == text.startswith("# directed")
    assert graph.nodes == (4 if "3\n" in text[-3:] else 3)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("0 1 {'weight': 1.5}\n1 2 {'weight': \n", "graph.unreadable_line"),
        ("0 1 {'weight': 1.5}\n1 2 3\n", "graph.unreadable_line"),
        ("0 1 {'weight': __import__('os')}\n", "graph.unreadable_line"),
        ("source target weight time\n0 1 1.5 2\n1  \n4 5 1 1\n", ""),
        ("source,target,weight,time\n0,1,1.5,2\n1,,3,4\n", "graph.line_too_short"),
    ],
    ids=["cut", "no-braces", "code", "lonely", "no-end"],
)
def test_lines_that_cannot_be_read_are_refused(tmp_path, text, code):
    (tmp_path / "e.edges").write_text(text, encoding="utf-8")
    if not code:
        assert GraphFiles(path=str(tmp_path / "e.edges"), holdout=0).open().graphs[0].nodes == 4
        return
    with refused(code, "e.edges"):
        GraphFiles(path=str(tmp_path / "e.edges"), holdout=0).open()


@pytest.fixture(scope="module", params=[False, True], ids=["undirected", "directed"])
def data(request, tmp_path_factory) -> GraphSet:
    folder = tmp_path_factory.mktemp("roads")
    write(folder, "graphml", roads(24, directed=request.param))
    return opened(folder)


def spec_of(data: GraphSet) -> Spec:
    return Graphs().spec(data, lambda shape: shape)


def test_what_is_encoded_comes_back(data):
    signal, spec = Graphs(), spec_of(data)
    assert spec.shape[0] == 1 + 1 + 3
    assert [one["name"] for one in encoding.of_edges(spec.state)] == list(data.edge_attributes)
    stored = torch.from_numpy(signal.prepare_all(data, spec))
    again = signal.decode(signal.encode(stored, spec, Rng(0, 0)), spec)
    for graph, sample in zip(data.graphs, again, strict=True):
        back = encoding.graph_of(sample, spec.state)
        assert back.edges.tolist() == graph.edges.tolist()
        for name, whole in (("weight", False), ("distance", False), ("time", True)):
            assert (back.edge_numbers[name].dtype == np.int64) == whole
            spread = np.concatenate([one.edge_numbers[name] for one in data.graphs]).std()
            np.testing.assert_allclose(back.edge_numbers[name], graph.edge_numbers[name], atol=0.05 * spread)


def test_generated_numbers_are_of_the_range_and_form_of_the_data(data, tmp_path):
    signal, spec = Graphs(), spec_of(data)
    G = ChoosingGenerator(width=8).build(spec)
    with torch.no_grad():
        x = G(torch.randn(30, 64), None, torch.randn(30, G.noise))
    samples = signal.decode(x, spec)
    graphs = [encoding.graph_of(one, spec.state) for one in samples]
    for name in NAMES:
        known = np.concatenate([graph.edge_numbers[name] for graph in data.graphs])
        made = np.concatenate([graph.edge_numbers[name] for graph in graphs])
        assert known.min() - 1e-3 <= made.min() < made.max() <= known.max() + 1e-3
        places = {"distance": 1, "time": 0}.get(name)
        assert np.array_equal(np.round(made, places or 0), made) == (places is not None), name
    for form in ("graphml", "gml", "gexf", "edges"):
        signal.file_formats[form](samples, tmp_path / form, 0, spec)
        found = opened(tmp_path / form, directed=data.directed if form == "edges" else None)
        assert set(found.edge_attributes) == set(NAMES), form
        if form == "edges":
            continue  # nodes without edges come first in it
        for graph, again in zip([graph for graph in graphs if graph.nodes], found.graphs, strict=True):
            for name in NAMES:
                assert edges_of(again, name) == pytest.approx(edges_of(graph, name), rel=1e-6)
    for ending in (".npz", ".zip"):
        signal.exporters[ending](samples, tmp_path / f"new{ending}", spec)
        found = opened(tmp_path / f"new{ending}", directed=None if ending == ".npz" else data.directed or None)
        assert len(found.edge_attributes) == 3
        if ending == ".npz":
            assert found.edge_attributes == data.edge_attributes


def test_the_critic_sees_what_goes_with_what():
    """Two sets of edges with the same weights and the same times, which go together in another way."""
    state = {"node_kinds": [""], "weight": {}, "edge_attributes": [{}]}
    D = GraphDiscriminator(channels=8, minibatch=False).build(Spec((4, 4, 4), state=state))
    ring = torch.tensor(nx.to_numpy_array(nx.cycle_graph(4))).float()
    sign = torch.tensor([1.0, -1, 1, -1])

    def scored(times: torch.Tensor) -> float:
        planes = torch.zeros(2, 4, 4)
        for k, (a, b) in enumerate([(0, 1), (1, 2), (2, 3), (3, 0)]):
            planes[0, a, b] = planes[0, b, a] = sign[k]
            planes[1, a, b] = planes[1, b, a] = times[k]
        return float(D(torch.cat([ring[None], torch.eye(4)[None], planes])[None]).logits.detach())

    assert scored(sign) != pytest.approx(scored(-sign), abs=1e-5)


@pytest.mark.parametrize("directed", [False, True])
def test_numbers_do_not_depend_on_the_order_of_nodes(directed):
    state = {"node_kinds": [""], "weight": {}, "edge_attributes": [{}], "directed": directed}
    D = GraphDiscriminator(channels=8, minibatch=False).build(Spec((4, 5, 5), state=state)).double()
    x, order = torch.rand(3, 4, 5, 5, dtype=torch.float64), torch.randperm(5)
    torch.testing.assert_close(D(x).logits, D(x[:, :, order][:, :, :, order]).logits)
    G = ChoosingGenerator(width=8).build(Spec((4, 5, 5), state=state | {"sizes": [[0, 0, 0, 0, 0, 1]]}))
    planes = G(torch.randn(20, 64), None, torch.randn(20, G.noise))[:, -2:]
    assert torch.equal(planes, planes.transpose(2, 3)) != directed
    assert not torch.equal(planes[:, 0], planes[:, 1])


def test_metrics_notice_numbers_that_do_not_go_together():
    def graphs_of(seed: int) -> list[Graph]:
        found = []
        for graph in roads(40, seed):
            edges = np.array(sorted(graph.edges), np.int64).reshape(-1, 2)
            columns = {name: np.array([graph.edges[a, b][name] for a, b in edges.tolist()], float) for name in NAMES}
            found.append(Graph(len(graph), edges, edge_numbers=columns))
        return found

    sides = {name: graphs_of(seed) for seed, name in enumerate(("train", "test", "new"))}
    whole = GraphSet("all", [graph for graphs in sides.values() for graph in graphs])
    state = spec_of(whole).state
    rng = np.random.default_rng(0)
    sides["shuffled"] = [
        replace(graph, edge_numbers={**graph.edge_numbers, "time": rng.permutation(graph.edge_numbers["time"])})
        for graph in sides["new"]
    ]

    def judged(name: str) -> dict[str, float]:
        sets = {side: SampleSet.of(np.stack([encoding.coded(graph, 10, [""], [""]) for graph in sides[side]]))
                for side in ("train", "test", name)}  # fmt: skip
        found = GraphNumbers().compute(Comparison(sets["train"], sets[name], heldout=sets["test"], facts=state))
        return {result.name.replace("40", "").replace("[]", ""): result.value for result in found}

    good, bad = judged("new"), judged("shuffled")
    assert {"graph_weight", "graph_edge_attribute[distance]", "graph_edge_attribute[time]",
            "graph_together[distance, time]", "graph_follows[time of edges]"} <= set(good)  # fmt: skip
    assert bad["graph_edge_attribute[time]"] == good["graph_edge_attribute[time]"], "which shuffling keeps"
    assert good["graph_together[distance, time]"] < 0.1 < 0.5 < bad["graph_together[distance, time]"]


def command(*words: object) -> None:
    """A command line, which has to end well."""
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code == 0


def test_from_a_folder_to_new_graphs_with_all_numbers(tmp_path):
    """As a user has it."""
    write(tmp_path / "roads", "graphml", roads(40))
    numbers = of_graphs(opened(tmp_path / "roads")).facts["numbers"]["edges"]
    assert set(numbers) == set(NAMES)
    run = tmp_path / "run"
    command("train", "graphs-small", f"data={tmp_path / 'roads'}", "task.generator.width=8", "batch=8", "samples=16",
            "task.discriminator.channels=8", "callbacks=[]", "--run-dir", run)  # fmt: skip
    command("sample", run, "-n", 5, "--out", f"{tmp_path / 'new'}/", "--format", "gml")
    made = [nx.read_gml(file, label="id") for file in sorted((tmp_path / "new").glob("*.gml"))]
    assert any(graph.number_of_edges() for graph in made)
    for graph in made:
        for *_, row in graph.edges(data=True):
            assert set(row) == set(NAMES)
            assert isinstance(row["time"], int)
            assert numbers["time"]["min"] <= row["time"] <= numbers["time"]["max"]
    command("evaluate", run, "--metrics", "graph_numbers", "-n", 20)
