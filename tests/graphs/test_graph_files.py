"""Graphs in all their files, tidy and messy: what is read, what is repaired, what is said of it, what is refused."""

from __future__ import annotations

import gzip
import io
import tracemalloc
import zipfile
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ganforge.data.objects import source_of
from ganforge.data.path import PathData
from ganforge.data.store import FolderStore
from ganforge.modalities.graph import encoding
from ganforge.modalities.graph.files import edge_lists, tu, written
from ganforge.modalities.graph.graphs import Graph, Repairs, simple
from ganforge.modalities.graph.network_source import NetworkFile
from ganforge.modalities.graph.sets import GraphSet, NetworkSet
from ganforge.modalities.graph.source import GraphFiles
from refused import refused


def network(folder: Path, text: str, name: str = "edges.txt", **fields) -> NetworkSet:
    (folder / name).write_text(text, encoding="utf-8")
    return NetworkFile(path=str(folder / name), **fields).open()


@pytest.mark.parametrize(
    ("text", "name", "nodes", "edges"),
    [
        ("0 1\n1 2\n", "e.txt", 3, [[0, 1], [1, 2]]),
        ("# a comment\n% another\n0\t1\t0.5\n1\t2\t2e3\n", "e.txt", 3, [[0, 1], [1, 2]]),
        ("\ufeffsource,target,weight\n5,7,1.5\n7,9,2\n", "e.csv", 3, [[0, 1], [1, 2]]),
        ("id,weight,to,from\n1,3,9,5\n2,4,9,7\n", "e.csv", 3, [[0, 2], [1, 2]]),
        ("ann;bob\nbob;卡\n", "e.csv", 3, [[0, 1], [1, 2]]),
        ("ann bob {'weight': 3}\r\nbob cy {}\r\n\r\n", "e.edgelist", 3, [[0, 1], [1, 2]]),
        ("10 ann\nann 3\n", "e.edges", 3, [[0, 2], [1, 2]]),
        ("0 1\n2\n", "e.edges", 3, [[0, 1]]),
        ("1-2 3-4\n3-4 5-6", "e.txt", 3, [[0, 1], [1, 2]]),
    ],
    ids=["spaces", "comments-weights", "header", "named-columns", "words", "networkx", "mixed", "alone", "odd-words"],
)
def test_edge_lists_of_every_form(tmp_path, text, name, nodes, edges):
    graph = network(tmp_path, text, name).graph
    assert graph.nodes == nodes
    assert graph.edges.tolist() == edges


def test_loops_repetitions_both_directions_gaps_and_lonely_nodes_are_repaired_and_said(tmp_path):
    found = network(tmp_path, "10 10\n10 20\n20 10\n10 20\n20 1000000\n7\n")
    assert found.graph.nodes == 4
    assert found.graph.edges.tolist() == [[1, 2], [2, 3]]
    said = "; ".join(found.understood)
    for part in ("gaps", "1 edges are listed in both directions", "1 repeated", "1 edges from a node to itself",
                 "1 nodes without edges"):  # fmt: skip
        assert part in said, part


def test_ids_from_one_are_no_gap(tmp_path):
    assert "gaps" not in "; ".join(network(tmp_path, "1 2\n2 3\n").understood)


def test_a_compressed_list_is_read(tmp_path):
    (tmp_path / "e.txt.gz").write_bytes(gzip.compress(b"0 1\n1 2\n"))
    assert isinstance(PathData(path=str(tmp_path / "e.txt.gz")).open(), NetworkSet)
    (tmp_path / "cut.txt.gz").write_bytes(gzip.compress(b"0 1\n" * 500)[:-9])
    with refused("graph.unreadable_file", "cut.txt.gz"):
        NetworkFile(path=str(tmp_path / "cut.txt.gz")).open()


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "e.edges", "data.empty"),
        (b"\0\1\2\3 4\n", "e.edges", "graph.not_an_edge_list"),
        (b"0 0\n1 1\n", "e.edges", "data.empty"),
        (b"<graphml><broken", "e.graphml", "graph.unreadable_file"),
        (b"graph [ node [ id 1 ]", "e.gml", "graph.unreadable_file"),
        (b"not xml", "e.gexf", "graph.unreadable_file"),
        (b"\x93NUMPY", "e.npy", "graph.unreadable_file"),
        (b"source,x,y,target\n1,2,3,4\n1,2\n", "e.csv", "graph.line_too_short"),
    ],
)
def test_what_is_no_network_is_refused(tmp_path, content, name, code):
    (tmp_path / name).write_bytes(content)
    with refused(code, name):
        NetworkFile(path=str(tmp_path / name)).open()


def test_matrices_must_be_square_and_named(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((2, 3)))
    np.savez(tmp_path / "b.npz", other=np.eye(2))
    with refused("graph.not_square", "a.npy"):
        NetworkFile(path=str(tmp_path / "a.npy")).open()
    with refused("graph.no_matrix", "b.npz", "other"):
        NetworkFile(path=str(tmp_path / "b.npz")).open()


def test_sparse_and_dense_matrices(tmp_path):
    sparse = pytest.importorskip("scipy.sparse")
    A = np.array([[0, 2.5, 0], [2.5, 0, 1], [0, 1, 0]])
    np.save(tmp_path / "a.npy", (A > 0).astype(np.uint8))
    for form in ("csr", "csc", "coo"):
        sparse.save_npz(tmp_path / f"{form}.npz", sparse.csr_matrix(A).asformat(form))
    for file in tmp_path.iterdir():
        found = PathData(path=str(file)).open()
        assert isinstance(found, NetworkSet)
        assert found.graph.edges.tolist() == [[0, 1], [1, 2]]
        assert ("weights of edges left out" in found.understood) == (file.suffix == ".npz")


TYPED = Graph(4, np.array([[0, 1], [1, 2]]), False, ("C", "O", "C", "N"), ("single", "double"))
DIRECTED = Graph(3, np.array([[0, 1], [1, 0], [2, 1]]), True, ("C", "O", "C"), ("single", "double", "single"))


@pytest.mark.parametrize("graph", [TYPED, DIRECTED], ids=["undirected", "directed"])
@pytest.mark.parametrize("ending", [".graphml", ".gml", ".gexf"])
def test_what_is_written_is_read_again(tmp_path, graph, ending):
    written.WRITERS[ending](graph, tmp_path / f"g{ending}")
    again = written.read(tmp_path / f"g{ending}", "g", ending, Repairs(), (None, None))
    assert (again.nodes, again.directed) == (graph.nodes, graph.directed)
    assert again.edges.tolist() == graph.edges.tolist()
    assert (again.node_types, again.edge_types) == (graph.node_types, graph.edge_types)


def test_an_edge_list_keeps_types_of_edges_and_nodes_without_edges(tmp_path):
    written.write_edges(TYPED, tmp_path / "g.edges")
    found = GraphFiles(path=str(tmp_path), holdout=0).open().graphs[0]
    assert found.nodes == 4
    assert len(found.edges) == 2
    assert sorted(found.edge_types or ()) == ["double", "single"]


def test_one_attribute_is_the_type_and_the_others_are_named(tmp_path):
    graph = nx.path_graph(12)
    nx.set_node_attributes(graph, {k: {"kind": "ab"[k % 2], "age": 0.5 + k, "name": f"n{k}"} for k in graph})
    nx.set_edge_attributes(graph, 2.5, "weight")
    nx.write_graphml_xml(graph, tmp_path / "g.graphml")
    found = GraphFiles(path=str(tmp_path), attributes="none", weights="none", holdout=0).open()
    assert found.node_kinds == ("a", "b")
    assert found.edge_kinds == ("",)
    said = "; ".join(found.understood)
    for part in ("the attribute 'age' of nodes", "the attribute 'name' of nodes", "weights of edges"):
        assert f"{part} left out" in said
    with refused("graph.unreadable_file", "data.node_type=color", "age"):
        GraphFiles(path=str(tmp_path), node_type="color").open()


def test_a_folder_of_classes_with_bad_and_empty_files(tmp_path):
    for k in range(6):
        folder = tmp_path / ("ring" if k % 2 else "path")
        folder.mkdir(exist_ok=True)
        nx.write_gml((nx.cycle_graph if k % 2 else nx.path_graph)(3 + k), folder / f"{k}.gml")
    (tmp_path / "ring" / "bad.gml").write_text("graph [", encoding="utf-8")
    nx.write_graphml_xml(nx.Graph(), tmp_path / "path" / "none.graphml")
    found = PathData(path=str(tmp_path), holdout=0).open()
    assert isinstance(found, GraphSet)
    assert found.classes == ("path", "ring")
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert [where for where, _ in found.skipped] == ["ring/bad.gml"]
    assert "1 graphs without nodes left out" in found.understood


def test_a_table_beside_graphs_is_no_graph(tmp_path):
    nx.write_gexf(nx.path_graph(3), tmp_path / "0.gexf")
    (tmp_path / "labels.csv").write_text("file,label\n0.gexf,rings\n", encoding="utf-8")
    found = GraphFiles(path=str(tmp_path), holdout=0).open()
    assert len(found) == 1
    assert not found.understood


def test_a_folder_without_any_graph_is_refused(tmp_path):
    nx.write_graphml_xml(nx.Graph(), tmp_path / "none.graphml")
    with refused("data.empty"):
        PathData(path=str(tmp_path)).open()


def test_a_tu_set_is_read_from_folders_and_zips_and_its_faults_are_named(tmp_path):
    tu.write_zip([TYPED, Graph(2, np.array([[0, 1]]), False, ("O", "N"), ("single",))], tmp_path / "s.zip",
                 ["C", "N", "O"], ["double", "single"])  # fmt: skip
    found = PathData(path=str(tmp_path / "s.zip"), holdout=0).open()
    assert isinstance(found, GraphSet)
    assert [graph.edges.tolist() for graph in found.graphs] == [[[0, 1], [1, 2]], [[0, 1]]]
    assert found.graphs[0].node_types == ("0", "2", "0", "1")
    assert found.graphs[0].edge_types == ("1", "0")
    assert "both directions" not in "; ".join(found.understood), "every TU set lists both"
    with zipfile.ZipFile(tmp_path / "s.zip") as archive:
        archive.extractall(tmp_path / "s")
    folder = tmp_path / "s" / "GRAPHS"
    (folder / "GRAPHS_A.txt").write_text("1, 2\n2, 99\n", encoding="utf-8")
    (folder / "GRAPHS_edge_labels.txt").unlink()
    with refused("graph.unknown_node", "99", "6 nodes"):
        tu.read(FolderStore(tmp_path / "s"), "GRAPHS/GRAPHS", Repairs())
    (folder / "GRAPHS_A.txt").write_text("1, 5\n", encoding="utf-8")
    with refused("graph.edge_between_graphs"):
        tu.read(FolderStore(tmp_path / "s"), "GRAPHS/GRAPHS", Repairs())
    (folder / "GRAPHS_node_labels.txt").write_text("1\n", encoding="utf-8")
    with refused("graph.lengths_differ", "6"):
        tu.read(FolderStore(tmp_path / "s"), "GRAPHS/GRAPHS", Repairs())


def test_graphs_in_memory():
    found = source_of([nx.cycle_graph(4), nx.DiGraph([(0, 1)])]).open()
    assert isinstance(found, GraphSet)
    assert [len(graph.edges) for graph in found.graphs] == [4, 1]
    assert found.directed


def test_files_of_other_signals_are_left_to_them(tmp_path):
    (tmp_path / "people.csv").write_text("age,target\n1,2\n" * 20, encoding="utf-8")
    assert PathData(path=str(tmp_path / "people.csv")).open().signal == "table"
    (tmp_path / "poem.txt").write_text("a line\nanother\n" * 20, encoding="utf-8")
    assert PathData(path=str(tmp_path / "poem.txt")).open().signal == "texts"


def test_held_back_edges_leave_the_network_in_one_piece(tmp_path):
    nx.write_edgelist(nx.connected_watts_strogatz_graph(60, 4, 0.2, seed=0), tmp_path / "w.edges")
    source = NetworkFile(path=str(tmp_path / "w.edges"), holdout=0.2)
    train, test = source.open(), source.part("test")
    assert test is not None
    kept = nx.Graph(train.graph.edges.tolist())
    assert nx.is_connected(kept)
    assert kept.number_of_nodes() == 60
    held = test.open()
    assert isinstance(held, NetworkSet)
    assert len(held.graph.edges) == 24
    assert not {tuple(e) for e in held.graph.edges.tolist()} & {tuple(e) for e in train.graph.edges.tolist()}
    assert NetworkFile(path=str(tmp_path / "w.edges")).part("test") is None


@given(st.integers(1, 9), st.data())
@settings(max_examples=25, deadline=None)
def test_a_coded_graph_is_that_graph(nodes, data):
    directed = data.draw(st.booleans())
    pairs = data.draw(st.lists(st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)), max_size=12))
    kinds = data.draw(st.lists(st.sampled_from("ab"), min_size=nodes, max_size=nodes))
    bonds = data.draw(st.lists(st.sampled_from("xyz"), min_size=len(pairs), max_size=len(pairs)))
    graph = simple(nodes, np.array(pairs, np.int64).reshape(-1, 2), Repairs(), directed=directed, node_types=kinds,
                   edge_types=bonds)  # fmt: skip
    state = {"node_kinds": ["a", "b"], "edge_kinds": ["x", "y", "z"], "directed": directed}
    stored = torch.from_numpy(encoding.coded(graph, 10, "ab", "xyz"))[None]
    x = encoding.to_channels(stored, 3, 2)
    again = encoding.graph_of(encoding.from_channels(x, 3, directed)[0], state)
    assert (again.nodes, again.node_types, again.edge_types) == (graph.nodes, graph.node_types, graph.edge_types or ())
    assert again.edges.tolist() == graph.edges.tolist()


@pytest.mark.slow
def test_ten_million_edges_are_read_in_a_bounded_memory():
    rng = np.random.default_rng(0)
    block = b"".join(b"%d %d\n" % (a, b) for a, b in rng.integers(0, 1_000_000, (100_000, 2)).tolist())
    file = io.BytesIO(block * 100)
    tracemalloc.start()
    listed = edge_lists.read(file, "large")
    graph = simple(listed.nodes, listed.edges, Repairs())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(listed.edges) == 10_000_000
    assert len(graph.edges) <= 100_000
    assert peak < 1.5 * 2**30
