"""Graphs at a path: one opener for sets of graphs, one for a network."""

from __future__ import annotations

import gzip
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.files_at import ending_of
from ganforge.data.given import Given, MemoryData
from ganforge.data.opener import Head, Opener
from ganforge.data.store import is_hidden
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.graph.files import edge_lists, matrices, tu, written
from ganforge.modalities.graph.graphs import Repairs
from ganforge.modalities.graph.network_source import NetworkFile
from ganforge.modalities.graph.numbers import settled
from ganforge.modalities.graph.sets import GraphSet, labeled
from ganforge.modalities.graph.source import MATRICES, PLAIN, WRITTEN, GraphFiles

SURE, CLEAR, LIKELY, ASKED = 0.96, 0.9, 0.85, 0.01
LINE = re.compile(rb"\s*\d+[ \t]+\d+(?:[ \t]+[-+.\deE]+)?\s*")
HEADER = re.compile(r"\w+", re.ASCII)


def _names(head: Head) -> list[str]:
    return [name for name in head.names if not is_hidden(name)]


class GraphOpener(Opener, kind="graphs"):
    """Many graphs: folders and zips of graph files, TU sets, arrays of adjacency matrices."""

    signal = "graphs"
    takes = "graphs: .graphml, .gml, .gexf, .edges, a folder or zip of them"

    def claims(self, path: Path, head: Head) -> float:
        if head.store is None and path.suffix.lower() in MATRICES:
            return matrices.is_adjacency(path) if _many(path) else 0.0
        names = _names(head)
        if not names:
            return 0.0
        if tu.stem_of(names) is not None:
            return SURE
        graphs = sum(ending_of(name) in (*WRITTEN, *PLAIN) for name in names)
        return CLEAR if graphs * 2 > len(names) else ASKED

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        part = "test" if split in ("test", "val") else "all" if split == "all" else "train"
        source = GraphFiles(path=name, split=part, holdout=holdout, labels=head.labels)
        if head.store is not None or head.names:
            if head.store is None and path.suffix.lower() in MATRICES:
                return source.open()
            return source.of_store(head.store or ZipStore(path, head.name_encoding))
        return source.open()

    def source_of(self, given: Given) -> MemoryData | None:
        """Graphs of networkx in memory: a list of them."""
        graphs: Any = given.samples
        if not isinstance(graphs, Sequence) or not graphs or not all(_is_networkx(one) for one in graphs):
            return None
        repairs = Repairs()
        found = [written.converted(one, f"graph {k}", repairs) for k, one in enumerate(graphs)]
        if not all(graph.nodes for graph in found):
            raise UserError("data: a graph has no nodes", code="data.empty")
        found = settled(found, repairs, "the graphs")
        labels, classes = (None, ()) if given.labels is None else labeled([str(k) for k in given.labels.tolist()])
        dataset = GraphSet("the graphs", found, labels, given.classes or classes)
        dataset.understood = repairs.sentences()
        return MemoryData.of(dataset)


class NetworkOpener(Opener, kind="network"):
    """One network: an edge list, GraphML, GML, GEXF, or an adjacency matrix."""

    signal = "network"
    takes = "a network: an edge list, .graphml, .gml, .gexf"
    endings = (*WRITTEN, *PLAIN)

    def claims(self, path: Path, head: Head) -> float:
        ending = ending_of(path.name)
        if head.store is not None or not head.start:
            return 0.0
        if ending in MATRICES:
            return matrices.is_adjacency(path) if not _many(path) else 0.0
        if ending in (*WRITTEN, *PLAIN):
            return CLEAR
        if ending in (".csv", ".tsv"):
            first = head.start.decode("utf-8", "replace").split("\n", 1)[0]
            return SURE if _is_header(first) else ASKED
        if ending in ("", ".txt"):
            return LIKELY if _is_list(path) else ASKED
        return 0.0

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        return NetworkFile(path=name).open()


def _is_header(line: str) -> bool:
    """Whether a first line names the two ends of edges, and little else: a table of other things has more columns."""
    words = HEADER.findall(line.lower())
    return edge_lists.columns_of(line) is not None and len(words) <= 4 and not {"a", "b", "u", "v"} & set(words)


def _is_list(path: Path) -> bool:
    """Whether a text file begins with lines of two numbers, besides comments."""
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            start = file.read(4096)
    except (OSError, EOFError):
        return False
    lines = [line for line in edge_lists.COMMENT.sub(b"", start).split(b"\n") if line.strip()]
    whole = lines[:-1] if len(start) == 4096 else lines
    return len(whole) > 1 and all(LINE.fullmatch(line) for line in whole)


def _many(path: Path) -> bool:
    """Whether a file of matrices holds more than one."""
    import numpy as np

    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False, mmap_mode=None) if path.suffix == ".npz" else None
            if found is not None:
                chosen = next((key for key in matrices.NAMES if key in found.files), None)
                return chosen is not None and found[chosen].ndim == 3
        return np.load(path, mmap_mode="r", allow_pickle=False).ndim == 3
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return False


def _is_networkx(value: Any) -> bool:
    return type(value).__module__.split(".")[0] == "networkx" and hasattr(value, "is_directed")
