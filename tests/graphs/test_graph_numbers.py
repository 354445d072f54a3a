"""Weights of edges and attributes of nodes: read from each form, kept through each format, learned, and judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

import ganforge as gf
from ganforge.core.rng import Rng
from ganforge.data.objects import source_of
from ganforge.data.path import PathData
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.metrics.base import Comparison, SampleSet
from ganforge.modalities.graph import drawing, encoding, scale
from ganforge.modalities.graph.graphs import Graph, Repairs, simple
from ganforge.modalities.graph.metrics import numbers as judged
from ganforge.modalities.graph.metrics.numbers import GraphNumbers
from ganforge.modalities.graph.nets.choosing import ChoosingGenerator
from ganforge.modalities.graph.nets.critic import GraphDiscriminator
from ganforge.modalities.graph.network_source import NetworkFile
from ganforge.modalities.graph.numbers import settled
from ganforge.modalities.graph.sets import GraphSet
from ganforge.modalities.graph.signal import Graphs
from ganforge.modalities.graph.source import GraphFiles
from ganforge.recipes import make_recipe
from refused import refused

WRITERS = {"graphml": nx.write_graphml_xml, "gml": nx.write_gml, "gexf": nx.write_gexf}


def weighted(rng: np.random.Generator, nodes: int, directed: bool = False) -> nx.Graph:
    """A ring with chords; `size` of nodes, heavy-tailed, `visits` whole and with the degree, `weight` by both sizes."""
    graph = nx.connected_watts_strogatz_graph(nodes, 4, 0.3, seed=int(rng.integers(2**30)))
    graph = graph.to_directed() if directed else graph
    size = rng.lognormal(0, 0.7, nodes)
    for node in graph:
        graph.nodes[node].update(size=float(size[node]), visits=int(rng.poisson(400 * graph.degree[node])))
    for a, b in graph.edges:
        graph.edges[a, b]["weight"] = round(0.01 + float(np.sqrt(size[a] * size[b]) * rng.lognormal(0, 0.2)), 2)
    return graph


def many(n: int, seed: int, directed: bool = False) -> list[nx.Graph]:
    rng = np.random.default_rng(seed)
    return [weighted(rng, int(rng.integers(6, 10)), directed) for _ in range(n)]


def opened(graphs: list[nx.Graph]) -> GraphSet:
    found = source_of(graphs).open()
    assert isinstance(found, GraphSet)
    return found


def weights_of(graph: Graph, name: str = "weight") -> dict[tuple[int, int], float]:
    ends = [(int(a), int(b)) for a, b in graph.edges]
    return dict(zip(ends, graph.edge_numbers[name].tolist(), strict=True))


# --- reading


@pytest.mark.parametrize("form", WRITERS)
def test_weights_and_attributes_of_written_forms_are_kept(tmp_path, form):
    graphs = many(6, 0)
    for k, graph in enumerate(graphs):
        WRITERS[form](graph, tmp_path / f"{k}.{form}")
    found = GraphFiles(path=str(tmp_path), holdout=0).open()
    assert ("".join(found.edge_attributes), set(found.attributes)) == ("weight", {"size", "visits"})
    assert not found.understood
    assert found.node_kinds == ("",), "a number is no type"
    for graph, source in zip(found.graphs, graphs, strict=True):
        assert weights_of(graph) == {(min(e), max(e)): w for *e, w in source.edges(data="weight")}
        assert graph.node_numbers["size"].tolist() == [size for _, size in source.nodes(data="size")]


def test_fields_say_which_numbers_are_kept(tmp_path):
    for k, graph in enumerate(many(3, 0)):
        nx.set_edge_attributes(graph, {e: 0.5 + k for k, e in enumerate(graph.edges)}, "length")
        nx.write_graphml_xml(graph, tmp_path / f"{k}.graphml")
    path = str(tmp_path)
    found = GraphFiles(path=path, weights="length", attributes=("visits",), holdout=0).open()
    assert ("".join(found.edge_attributes), found.attributes) == ("length", ("visits",))
    said = "; ".join(found.understood)
    assert "weights of edges left out" in said
    assert "the attribute 'size' of nodes left out" in said
    none = GraphFiles(path=path, weights="none", attributes="none", holdout=0).open()
    assert ("".join(none.edge_attributes), none.attributes) == ("", ())
    assert none.read(0).dtype == np.uint8
    with refused("graph.no_such_attribute", "data.attributes=sise", "size"):
        GraphFiles(path=path, attributes=("sise",)).open()
    with refused("graph.no_such_attribute", "data.weights=size", "length"):
        GraphFiles(path=path, weights="size").open()


def test_whole_numbers_of_few_values_stay_types_unless_they_are_asked_for(tmp_path):
    for k, graph in enumerate(many(3, 0)):
        nx.set_node_attributes(graph, {node: node % 2 for node in graph}, "group")
        nx.write_graphml_xml(graph, tmp_path / f"{k}.graphml")
    found = GraphFiles(path=str(tmp_path), holdout=0).open()
    assert found.node_kinds == ("0", "1")
    assert "group" not in found.attributes
    asked = GraphFiles(path=str(tmp_path), attributes=("group",), holdout=0).open()
    assert asked.node_kinds == ("",)
    assert asked.graphs[0].node_numbers["group"][:4].tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize(
    "text",
    ["0 1 0.5\n1 2 -2e3\n", "# c\n0,1,0.5,9\n1,2,-2000,9\n", "source,target,weight\n0,1,0.5\n1,2,-2e3\n",
     "weight;to;from\n0.5;1;0\n-2e3;2;1\n", "0 1 {'weight': 0.5}\n1 2 {'weight': -2000.0, 'color': 3}\n"],
    ids=["spaces", "four-columns", "header", "named-columns", "networkx"],
)  # fmt: skip
def test_weights_of_edge_lists(tmp_path, text):
    (tmp_path / "e.edges").write_text(text, encoding="utf-8")
    found = GraphFiles(path=str(tmp_path / "e.edges"), holdout=0).open()
    assert weights_of(found.graphs[0]) == {(0, 1): 0.5, (1, 2): -2000}
    network = NetworkFile(path=str(tmp_path / "e.edges")).open()
    assert "weights of edges left out" in network.understood
    assert not network.graph.edge_numbers


def test_weights_of_matrices_each_way(tmp_path):
    A = np.array([[0, 2.5, 0], [2.5, 0, -1], [0, -1, 0]])
    B = A.copy()
    B[1, 0] = 4
    np.save(tmp_path / "a.npy", np.stack([A, A]))
    found = PathData(path=str(tmp_path / "a.npy"), holdout=0).open()
    assert isinstance(found, GraphSet)
    assert weights_of(found.graphs[1]) == {(0, 1): 2.5, (1, 2): -1}
    np.savez(tmp_path / "b.npz", adjacency=np.stack([B, A]))
    arcs = GraphFiles(path=str(tmp_path / "b.npz"), holdout=0).open()
    assert arcs.directed
    assert weights_of(arcs.graphs[0]) == {(0, 1): 2.5, (1, 0): 4, (1, 2): -1, (2, 1): -1}
    sparse = pytest.importorskip("scipy.sparse")
    sparse.save_npz(tmp_path / "c.npz", sparse.csc_matrix(B))
    one = GraphFiles(path=str(tmp_path / "c.npz"), holdout=0).open()
    assert weights_of(one.graphs[0]) == weights_of(arcs.graphs[0])
    np.save(tmp_path / "plain.npy", (A != 0).astype(float)[None])
    plain = GraphFiles(path=str(tmp_path / "plain.npy"), holdout=0).open()
    assert ("".join(plain.edge_attributes), plain.understood) == ("", ())


def test_attributes_of_a_tu_set_are_read(tmp_path):
    for name, text in {"A": "1,2\n2,1\n2,3\n3,2\n4,5\n5,4\n", "graph_indicator": "1\n1\n1\n2\n2\n",
                       "node_attributes": "0.5, 1\n1.5, 2\n2.5, 30\n3.5, 4\n4.5, 5\n",
                       "edge_attributes": "0.1\n0.3\n7\n7\n-1\n-1\n"}.items():  # fmt: skip
        (tmp_path / f"S_{name}.txt").write_text(text, encoding="utf-8")
    found = GraphFiles(path=str(tmp_path), holdout=0).open()
    assert found.attributes == ("attribute_1", "attribute_2")
    assert found.graphs[1].node_numbers["attribute_1"].tolist() == [3.5, 4.5]
    assert weights_of(found.graphs[0]) == {(0, 1): pytest.approx(0.2), (1, 2): 7}
    assert "1 edges are listed with several weights: their mean is kept" in found.understood
    (tmp_path / "S_node_attributes.txt").write_text("1\n2\n", encoding="utf-8")
    with refused("graph.lengths_differ", "node_attributes", "5"):
        GraphFiles(path=str(tmp_path)).open()
    (tmp_path / "S_node_attributes.txt").write_text("1\nx\n", encoding="utf-8")
    with refused("graph.unreadable_file", "node_attributes"):
        GraphFiles(path=str(tmp_path)).open()


# --- mess


def test_missing_infinite_and_constant_numbers_are_repaired_and_said():
    graphs = many(4, 1)
    graphs[0].nodes[0].pop("size")
    graphs[1].nodes[2]["size"] = "n/a"
    graphs[2].nodes[1]["size"] = float("nan")
    graphs[3].nodes[1]["size"] = float("inf")
    for graph in graphs:
        nx.set_edge_attributes(graph, 2.5, "weight")
    found = opened(graphs)
    total = sum(graph.nodes for graph in found.graphs)
    said = "; ".join(found.understood)
    assert f"the attribute 'size' of nodes is missing at 4 of {total}: its median" in said
    assert "1 infinite numbers count as missing" in said
    assert "the attribute 'weight' of edges is 2.5 everywhere, and will be so" in said
    values = np.concatenate([graph.node_numbers["size"] for graph in found.graphs])
    assert np.isfinite(values).all()
    assert found.graphs[0].node_numbers["size"][0] in values[1:]


def test_what_is_no_number_throughout_is_left_out_with_the_reason(tmp_path):
    graphs = many(4, 1)
    for k, graph in enumerate(graphs):
        nx.set_node_attributes(graph, {node: 100 + node for node in graph}, "number")
        nx.set_edge_attributes(graph, 1.0, "weight")
        if k:
            nx.set_node_attributes(graph, {0: 0.5}, "rare")
        nx.set_node_attributes(graph, {node: ("many" if node == 3 else 0.1 * node) for node in graph}, "spots")
        nx.write_gml(graph, tmp_path / f"{k}.gml")
    found = GraphFiles(path=str(tmp_path), holdout=0).open()
    assert ("".join(found.edge_attributes), set(found.attributes)) == ("", {"size", "visits"})
    said = "; ".join(found.understood)
    for part in ("'number' of nodes only numbers them", "'rare' of nodes is missing at", "words among its numbers",
                 "'many'", "weights of edges, 1 everywhere, left out", "'spots' of nodes left out"):  # fmt: skip
        assert part in said, part
    with refused("graph.words_among_numbers", "data.attributes=spots", "many"):
        GraphFiles(path=str(tmp_path), attributes=("spots",)).open()
    rare = GraphFiles(path=str(tmp_path), attributes=("rare",), holdout=0).open()
    assert rare.graphs[0].node_numbers["rare"].tolist() == [0.5] * rare.graphs[0].nodes


def test_mess_in_lists_and_matrices(tmp_path):
    (tmp_path / "a.edges").write_text("0 1 0.5\n1 0 1.5\n1 2\n2 3 NA\n3 3 9\n3 4 2\n", encoding="utf-8")
    found = GraphFiles(path=str(tmp_path / "a.edges"), holdout=0).open()
    assert weights_of(found.graphs[0]) == {(0, 1): 1, (1, 2): 1, (2, 3): 1, (3, 4): 2}
    assert any("missing at 2 of 4" in said for said in found.understood)
    arcs = GraphFiles(path=str(tmp_path / "a.edges"), directed=True, holdout=0).open()
    assert weights_of(arcs.graphs[0])[1, 0] == 1.5
    words = "\n".join(f"{k} {k + 1} 0.5" for k in range(1500)) + "\n1500 1501 heavy\n"
    (tmp_path / "b.edges").write_text(words, encoding="utf-8")
    with refused("graph.words_among_numbers", "heavy", "b.edges"):
        GraphFiles(path=str(tmp_path / "b.edges")).open()
    A = np.array([[0, np.inf], [np.inf, 0]])
    np.savez(tmp_path / "c.npz", adjacency=A[None])
    with refused("graph.not_finite", "c.npz", "2 entries"):
        GraphFiles(path=str(tmp_path / "c.npz")).open()
    wide = [replace(opened(many(1, 0)).graphs[0], node_numbers={f"a{k}": np.arange(9) ** 2.0 for k in range(40)})]
    with refused("graph.too_many_attributes", "40", "data.attributes"):
        settled(wide, Repairs(), "wide")


# --- the numbers of the nets


@given(st.lists(st.one_of(st.integers(-50, 50), st.floats(-1e4, 1e4)), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_decoding_an_encoded_number_gives_it_back(values):
    known = np.array(values, float)
    one = scale.fitted("x", known)
    x = torch.tensor(known).repeat(3, 1)
    z = scale.to_normal(x, one, torch.rand(x.shape, dtype=x.dtype))
    again = scale.from_normal(z, one)
    span = known.max() - known.min()
    np.testing.assert_allclose(again, x.numpy(), atol=1e-3 * span + 1e-9)
    anything = scale.from_normal(torch.randn(200) * 9, one)
    assert anything.min() >= known.min()
    assert anything.max() <= known.max()


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, n: rng.lognormal(0, 1, n),
        lambda rng, n: rng.poisson(2, n).astype(float),
        lambda rng, n: rng.choice([0.0, 0.25, 7.0], n),
    ],
    ids=["tail", "counts", "three"],
)
def test_numbers_are_standard_normal_for_the_nets_and_come_back_in_their_distribution(draw):
    rng = np.random.default_rng(0)
    known = draw(rng, 20_000)
    one = scale.fitted("x", known)
    z = scale.to_normal(torch.tensor(known), one, torch.tensor(rng.random(20_000)))
    levels = torch.linspace(0.02, 0.98, 25, dtype=torch.float64)
    torch.testing.assert_close(z.quantile(levels), torch.special.ndtri(levels), atol=0.06, rtol=0)
    made = scale.from_normal(torch.tensor(rng.normal(size=20_000)), one)
    assert judged.wasserstein(made, known) < 0.05 * known.std()


@pytest.mark.parametrize("directed", [False, True])
def test_graphs_with_numbers_go_through_the_nets_form_and_back(directed):
    data = opened(many(12, 3, directed))
    signal = Graphs()
    spec = signal.spec(data, lambda shape: shape)
    assert spec.shape == (2 + 2, 9, 9)
    stored = torch.from_numpy(signal.prepare_all(data, spec))
    assert stored.shape[1:] == signal.stored(spec)
    np.testing.assert_array_equal(signal.prepare(data.read(3), spec), stored[3])
    x = signal.encode(stored, spec, Rng(0))
    assert torch.equal(x[:, 2], x[:, 2].transpose(1, 2)) != directed
    assert not torch.equal(x, signal.encode(stored, spec, Rng(1))), "equal numbers are spread by other draws"
    for sample, graph in zip(signal.decode(x, spec), data.graphs, strict=True):
        again = encoding.graph_of(sample, spec.state)
        assert again.edges.tolist() == graph.edges.tolist()
        assert again.node_numbers["visits"].tolist() == graph.node_numbers["visits"].tolist()
        assert again.node_numbers["visits"].dtype == np.int64
        np.testing.assert_allclose(again.edge_numbers["weight"], graph.edge_numbers["weight"], rtol=1e-3)
        np.testing.assert_allclose(again.node_numbers["size"], graph.node_numbers["size"], rtol=1e-3)
    assert np.array_equal(signal.present(stored, spec), stored.numpy())


def test_without_numbers_nothing_is_added():
    data = opened([nx.cycle_graph(5), nx.path_graph(4)])
    spec = Graphs().spec(data, lambda shape: shape)
    assert not {"weight", "attributes"} & set(spec.state)
    assert (spec.shape, Graphs().stored(spec)) == ((2, 5, 5), (5, 5))
    G, D = ChoosingGenerator(width=8).build(spec), GraphDiscriminator(channels=8).build(spec)
    assert not any("numbers" in name or "ramps" in name for net in (G, D) for name, _ in net.named_parameters())


@pytest.mark.parametrize("directed", [False, True])
def test_numbers_of_the_generator_are_where_edges_and_nodes_are(directed):
    spec = Graphs().spec(opened(many(12, 3, directed)), lambda shape: shape)
    torch.manual_seed(0)
    G = ChoosingGenerator(width=8).build(spec)
    x = G(torch.randn(200, 64), None, torch.randn(200, G.noise)).detach()
    links, there = x[:, 0], x[:, 1].diagonal(dim1=1, dim2=2)
    off = 1 - torch.eye(9)
    weights = x[:, 2] * off
    assert torch.equal(weights != 0, links != 0)
    assert torch.equal(weights, weights.transpose(1, 2)) != directed
    assert torch.equal(x[:, 3].diagonal(dim1=1, dim2=2) != 0, there != 0)
    assert float((x[:, 3] * off).abs().sum()) == 0
    of_edges = weights[links != 0]
    assert abs(float(of_edges.mean())) < 0.2, "standard normal from the first step on"
    assert abs(float(of_edges.std()) - 1) < 0.2


@pytest.mark.parametrize("directed", [False, True])
def test_the_critic_sees_numbers_and_not_the_order_of_nodes(directed):
    spec = Graphs().spec(opened(many(8, 3, directed)), lambda shape: shape)
    data = opened(many(8, 3, directed))
    x = Graphs().encode(torch.from_numpy(Graphs().prepare_all(data, spec)), spec, Rng(0)).double()
    torch.manual_seed(0)
    D = GraphDiscriminator(channels=8, minibatch=False).build(spec).double()
    order = torch.randperm(9)
    torch.testing.assert_close(D(x).logits, D(x[:, :, order][:, :, :, order]).logits)
    for plane, where in ((2, 1 - torch.eye(9)), (2, torch.eye(9)), (3, torch.eye(9))):
        other = x.clone()
        other[:, plane] *= 1 + where
        assert not torch.allclose(D(x).logits, D(other).logits), (plane, where[0, 0])


def test_second_derivatives_of_the_critic_of_numbers():
    tiny = [nx.path_graph(3), nx.complete_graph(3)]
    for k, graph in enumerate(tiny):
        nx.set_node_attributes(graph, {node: 0.3 * node + k for node in graph}, "a")
        nx.set_edge_attributes(graph, {e: 0.7 * sum(e) for e in graph.edges}, "weight")
    spec = Graphs().spec(opened(tiny), lambda shape: shape)
    torch.manual_seed(0)
    D = GraphDiscriminator(channels=3, layers=1, minibatch=False).build(spec).double()
    x = torch.rand(1, *spec.shape, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(lambda x: D(x).logits, (x,))


# --- training, and every format


@pytest.mark.slow
def test_a_short_training_writes_numbers_in_range_in_every_format(tmp_path):
    graphs = many(40, 5)
    small = ["task.generator.width=8", "task.discriminator.channels=8", "batch=8", "samples=16", "callbacks=[]"]
    for k, graph in enumerate(graphs):
        nx.write_graphml_xml(graph, tmp_path / f"{k}.graphml")
    run = train(make_recipe("graphs-small", (), [f"data={tmp_path}", *small]), run_dir=tmp_path / "run", device="cpu")
    model = gf.load(run.folder, device="cpu")
    samples = model.sample(12)
    spec, signal = model.spec, model.recipe.signal
    assert samples.dtype == np.float32
    made = [encoding.graph_of(sample, spec.state) for sample in samples]
    known = opened(graphs)
    for name in ("size", "visits"):
        values = np.concatenate([graph.node_numbers[name] for graph in made])
        real = np.concatenate([graph.node_numbers[name] for graph in known.graphs])
        assert real.min() - 1e-6 <= values.min() < values.max() <= real.max() + 1e-6
        assert (values.dtype == np.int64) == (name == "visits")
    weights = np.concatenate([graph.edge_numbers["weight"] for graph in made])
    assert len(np.unique(weights)) > 20
    np.testing.assert_array_equal(weights, np.round(weights, 2))
    for form in ("graphml", "gml", "gexf"):
        signal.file_formats[form](samples, tmp_path / form, 0, spec)
        again = GraphFiles(path=str(tmp_path / form), holdout=0).open()
        assert ("".join(again.edge_attributes), set(again.attributes)) == ("weight", {"size", "visits"})
        for one, graph in zip(again.graphs, made, strict=True):
            assert weights_of(one) == weights_of(graph)
            assert one.node_numbers["size"].tolist() == graph.node_numbers["size"].tolist()
    signal.file_formats["edges"](samples, tmp_path / "edges", 0, spec)
    lists = GraphFiles(path=str(tmp_path / "edges"), holdout=0).open()
    assert [sorted(weights_of(one).values()) for one in lists.graphs] == [
        sorted(weights_of(graph).values()) for graph in made
    ]
    for name in ("new.npz", "new.zip"):
        signal.exporters[Path(name).suffix](samples, tmp_path / name, spec)
        again = PathData(path=str(tmp_path / name), holdout=0).open()
        assert isinstance(again, GraphSet)
        for one, graph in zip(again.graphs, made, strict=True):
            assert list(weights_of(one).values()) == pytest.approx(list(weights_of(graph).values()), rel=1e-6)
            values = list(one.node_numbers.values())
            assert [list(v) for v in values] == [pytest.approx(list(v), rel=1e-6) for v in graph.node_numbers.values()]
    report = gf.evaluate(run.folder, n=12, progress=False)
    names = {result.name.partition("[")[0].rstrip("0123456789") for result in report.results}
    assert {"graph_weight", "graph_strength", "graph_attribute", "graph_follows"} <= names


def test_a_resumed_run_with_numbers_and_classes_is_the_uninterrupted_one(tmp_path):
    for k, graph in enumerate(many(24, 6)):
        (tmp_path / "graphs" / "ab"[k % 2]).mkdir(parents=True, exist_ok=True)
        nx.write_gml(graph, tmp_path / "graphs" / "ab"[k % 2] / f"{k}.gml")
    form = [f"data={tmp_path / 'graphs'}", "task.generator.width=8", "task.discriminator.channels=8", "batch=4",
            "callbacks=[]", "checkpoint_every=8", "log_every=8", "task.conditional=true"]  # fmt: skip
    whole = train(make_recipe("graphs-small", (), [*form, "samples=16"]), run_dir=tmp_path / "whole", device="cpu")
    train(make_recipe("graphs-small", (), [*form, "samples=8"]), run_dir=tmp_path / "half", device="cpu")
    longer = resume_recipe(tmp_path / "half", None, ["samples=16"])
    half = train(longer, resume=tmp_path / "half", device="cpu")
    one, other = (load_file(run.folder / "model.safetensors") for run in (whole, half))
    assert any("numbers" in name for name in one)
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_heavier_edges_are_drawn_thicker():
    ends = np.array([[0, 1], [1, 2], [0, 2]])
    light, even = (Graph(3, ends, edge_numbers={"weight": np.array(w)}) for w in ([9.0, 1, 1], [9.0, 9, 9]))
    white = [int((drawing.drawn(graph).min(2) > 240).sum()) for graph in (light, even)]
    assert white[0] > white[1]


def test_types_beside_weights_are_kept_by_lists_and_matrices(tmp_path):
    graph = simple(3, np.array([[0, 1], [1, 2]]), Repairs(), edge_types=["single", "double"],
                   edge_numbers={"weight": np.array([0.5, -3])})  # fmt: skip
    data = GraphSet("typed", [graph, graph])
    signal = Graphs()
    spec = signal.spec(data, lambda shape: shape)
    samples = signal.prepare_all(data, spec)
    signal.exporters[".npz"](samples, tmp_path / "a.npz", spec)
    signal.file_formats["edges"](samples, tmp_path / "lists", 0, spec)
    for path in ("a.npz", "lists"):
        again = GraphFiles(path=str(tmp_path / path), holdout=0).open().graphs[0]
        assert again.edge_types == ("single", "double")
        assert again.edge_numbers["weight"].tolist() == [0.5, -3]


def test_names_that_formats_cannot_write_are_changed_alike(tmp_path):
    graph = Graph(2, np.array([[0, 1]]), node_numbers={"my size, m²": np.array([0.5, 2]), "kind": np.array([1.5, 2])})
    data = GraphSet("odd", [graph, graph])
    spec = Graphs().spec(data, lambda shape: shape)
    for form in ("graphml", "gml", "gexf"):
        Graphs().file_formats[form](Graphs().prepare_all(data, spec), tmp_path / form, 0, spec)
        again = GraphFiles(path=str(tmp_path / form), holdout=0).open()
        assert set(again.attributes) == {"my_size__m_", "kind_value"}


def test_what_cannot_take_numbers_refuses_them_and_sets_must_fit():
    data = opened(many(8, 3))
    task = make_recipe("spectre").task
    spec = Graphs().spec(data, lambda shape: shape)
    with refused("graph.has_numbers", "data.weights=none"):
        task.adapt(spec)
    plain = opened([nx.cycle_graph(5), nx.path_graph(4)])
    with refused("graph.numbers_differ", "weight of edges"):
        Graphs.common([data, plain], {})
    facts = Graphs().spec(plain, lambda shape: shape).state
    both = SampleSet.of(Graphs().prepare_all(plain, Graphs().spec(plain, lambda shape: shape)))
    with refused("metric.not_for_samples"):
        GraphNumbers().compute(Comparison(both, both, facts=facts))


def test_a_model_takes_the_numbers_that_it_knows_of_other_data():
    data = opened(many(8, 3))
    signal = Graphs(nodes=9, padded=True)
    plain = signal.spec(GraphSet("plain", data.with_numbers("", ())), lambda shape: shape)
    assert signal.prepare_all(data, plain).shape == (8, 9, 9)
    fewer = signal.spec(GraphSet("fewer", data.with_numbers(("weight",), ("visits",))), lambda shape: shape)
    assert signal.prepare_all(data, fewer).shape == (8, 2, 9, 9)
    with refused("graph.numbers_differ", "size"):
        signal.prepare_all(GraphSet("fewer", data.with_numbers(("weight",), ("visits",))),
                           signal.spec(data, lambda shape: shape))  # fmt: skip


def test_inspection_shows_numbers(tmp_path):
    found = Graphs.inspect(opened(many(20, 3)))
    assert found.facts["numbers"]["edges"]["weight"]["max"] > 0.5
    assert set(found.facts["numbers"]["nodes"]) == {"size", "visits"}
    lines = "\n".join(map(str, found.shown()))
    assert "node attribute visits:" in lines


# --- the metric


def test_distances_are_those_known():
    assert judged.wasserstein(np.array([0.0, 1]), np.array([0.0, 1, 2, 3])) == pytest.approx(1.0)
    assert judged.wasserstein(np.array([5.0]), np.array([2.0, 2])) == 3
    assert judged.correlation(np.array([1.0, 2, 3]), np.array([-2.0, -4, -6])) == pytest.approx(-1)
    assert judged.correlation(np.array([1.0, 2, 3]), np.array([4.0, 4, 4])) == 0


@pytest.fixture(scope="module")
def sides() -> dict[str, list[Graph]]:
    return {
        name: opened(many(n, seed)).graphs for name, n, seed in (("train", 150, 0), ("test", 150, 1), ("new", 150, 2))
    }


def values(fake: list[Graph], sides: dict[str, list[Graph]]) -> dict[str, float]:
    data = GraphSet("train", sides["train"])
    signal = Graphs(nodes=10, padded=True)
    spec = signal.spec(data, lambda shape: shape)
    real, held, made = (
        SampleSet.of(signal.prepare_all(GraphSet("x", graphs), spec))
        for graphs in (sides["train"], sides["test"], fake)
    )
    found = GraphNumbers().compute(Comparison(real, made, heldout=held, facts=spec.state))
    return {"".join(c for c in one.name if not c.isdigit()).replace("[]", ""): one.value for one in found}


def changed(graphs: list[Graph], how) -> list[Graph]:
    rng = np.random.default_rng(9)
    return [replace(graph, edge_numbers={"weight": how(graph.edge_numbers["weight"], rng)}) for graph in graphs]


def test_real_graphs_are_near_and_each_corruption_is_noticed(sides):
    near = values(sides["new"], sides)
    assert max(near.values()) < 0.2
    scaled = values(changed(sides["new"], lambda w, _: 1.5 * w), sides)
    assert scaled["graph_weight"] > 3 * near["graph_weight"]
    assert scaled["graph_strength"] > 3 * near["graph_strength"]
    mean = values(changed(sides["new"], lambda w, _: np.full_like(w, w.mean())), sides)
    assert mean["graph_weight"] > 2 * near["graph_weight"]
    everywhere = np.random.default_rng(4).permutation(np.concatenate([g.edge_numbers["weight"] for g in sides["new"]]))
    cuts = np.cumsum([len(graph.edges) for graph in sides["new"]])[:-1]
    shuffled = [replace(graph, edge_numbers={"weight": part})
                for graph, part in zip(sides["new"], np.split(everywhere, cuts), strict=True)]  # fmt: skip
    found = values(shuffled, sides)
    assert found["graph_weight"] == pytest.approx(near["graph_weight"]), "the same weights"
    assert found["graph_strength"] > 1.5 * near["graph_strength"]
    rng = np.random.default_rng(5)
    free = [replace(graph, node_numbers={name: rng.permutation(v) for name, v in graph.node_numbers.items()})
            for graph in sides["new"]]  # fmt: skip
    found = values(free, sides)
    assert found["graph_attribute[visits]"] == pytest.approx(near["graph_attribute[visits]"])
    assert found["graph_follows[visits]"] > 0.5 > 5 * near["graph_follows[visits]"]
