"""Graphs at a path: a file, or a folder or zip of files, as many graphs or as one network."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import Field

from ganforge.core.condition_kinds import Category, Condition, Number, Value
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import BadItem
from ganforge.core.errors import UserError, did_you_mean
from ganforge.data import layout
from ganforge.data.base import HOLDOUT, DataSource
from ganforge.data.few_labels import LABEL
from ganforge.data.files_at import at_path, ending_of, has_parts
from ganforge.data.store import Store, is_hidden
from ganforge.modalities.graph import properties
from ganforge.modalities.graph.files import edge_lists, edge_tables, matrices, tu, written
from ganforge.modalities.graph.graphs import Graph, Repairs, simple
from ganforge.modalities.graph.numbers import WEIGHT, Attributes, Weights, asked_names, finite, settled
from ganforge.modalities.graph.sets import GraphSet, labeled

WRITTEN = (".graphml", ".gml", ".gexf")
MATRICES = (".npz", ".npy")
LISTS = (".edges", ".edgelist", ".el", ".txt", ".tsv", ".csv")
PLAIN = (".edges", ".edgelist", ".el")
"""Endings of edge lists and of nothing else."""
MOST_SKIPPED = 0.5


class GraphFiles(DataSource, kind="graphs"):
    """Many graphs: a folder or zip of files with one graph each (GraphML, GML, GEXF, edge lists, adjacency matrices),
    an array of adjacency matrices, or the files of a TU set; for more say than `data=PATH` gives."""

    path: str
    """The folder, zip or file."""
    directed: bool | None = None
    """Whether edges have a direction. By default as the files say; edge lists that do not say so are without."""
    node_type: str | None = None
    """The attribute of nodes in GraphML, GML and GEXF that is their type; found by default."""
    edge_type: str | None = None
    """The attribute of edges that is their type; found by default."""
    weights: Weights = "auto"
    """The numbers of edges that are kept, by name; auto: all; none. The one called `weight` comes first."""
    attributes: Attributes = "auto"
    """The numbers of nodes that are kept, by name; auto: all; none."""
    labels: layout.Labels = "auto"
    """Which folder is the label; none: no labels."""
    properties: tuple[str, ...] = ()
    """Conditions in place of labels: properties that are computed (degree, clustering, triangles), and `label`."""
    split: Literal["train", "test", "all"] = "train"
    """Which part to take: the graphs to train on, those that are held back (test), or all."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """The share of the graphs that is held back for `ganforge evaluate`; equal graphs are on the same side."""

    @property
    def held_back(self) -> float:
        return self.holdout

    @property
    def numbers(self) -> frozenset[str]:
        """The names that were asked for as numbers."""
        attributes = () if isinstance(self.attributes, str) else self.attributes
        return frozenset((*(asked_names(self.weights) or ()), *attributes))

    def open(self) -> GraphSet:
        found = at_path(self.path)
        if not isinstance(found, Path):
            return self.of_store(found)
        repairs = Repairs()
        return self._finished(read_file(found, found.name, repairs, self.directed, self), None, repairs, [])

    def of_store(self, store: Store) -> GraphSet:
        """The graphs of all files in a folder or zip.

        Raises:
            UserError: there is none, or most cannot be read.
        """
        names = sorted(name for name in store.names() if not is_hidden(name))
        repairs, stem = Repairs(), tu.stem_of(names)
        if stem is not None:
            graphs, words = tu.read(store, stem, repairs)
            return self._finished(graphs, words if self.labels != "none" else None, repairs, [])
        clear = [name for name in names if ending_of(name) in (*WRITTEN, *PLAIN)]  # beside them a .csv is a table
        usable = clear or [name for name in names if ending_of(name) in (*MATRICES, *LISTS)]
        if not usable:
            raise UserError(
                f"data {self.path}: no graphs here. Expected files that end in "
                f"{', '.join((*WRITTEN, *MATRICES, *LISTS))}, or the files of a TU set",
                code="graph.no_files",
            )
        split = self.split if has_parts(usable) else "all"
        folders = layout.read(usable, split, self.labels, self.path)
        graphs, rows, skipped = [], [], []
        for k, name in enumerate(folders.files):
            try:
                with _as_file(store, name) as file:
                    found = read_file(file, name, repairs, self.directed, self)
            except BadItem as error:
                skipped.append((error.where, error.why))
                continue
            except UserError as error:
                skipped.append((name, str(error).removeprefix(f"data {name}: ")))
                continue
            graphs += found
            rows += [k] * len(found)
        if len(skipped) > MOST_SKIPPED * len(folders.files):
            where, why = skipped[0]
            raise UserError(
                f"data {self.path}: {len(skipped)} of {len(folders.files)} files cannot be read as graphs; {where}: "
                f"{why}",
                code="graph.unreadable_file",
            )
        repairs.notes += list(folders.sentences)
        words = None if folders.labels is None else [folders.classes[int(folders.labels[k])] for k in rows]
        return self._finished(graphs, words, repairs, skipped, folders.no_labels, parted=split != "all")

    def _finished(
        self, graphs: list[Graph], words: list[str] | None, repairs: Repairs, skipped: list[tuple[str, str]],
        no_labels: str = "", parted: bool = False,
    ) -> GraphSet:  # fmt: skip
        graphs = settled(graphs, repairs, self.path, self.weights, self.attributes)
        kept = [k for k, graph in enumerate(graphs) if graph.nodes]
        repairs.empty += len(graphs) - len(kept)
        if not kept:
            raise UserError(f"data {self.path}: it holds no graph with nodes", code="data.empty")
        labels, classes = (None, ()) if words is None else labeled([words[k] for k in kept])
        dataset = GraphSet(self.path, [graphs[k] for k in kept], labels, classes)
        if self.properties:
            set_conditions(dataset, self.properties)
        dataset.skipped, dataset.understood, dataset.no_labels = skipped, repairs.sentences(), no_labels
        return dataset if parted else dataset.part(self.split, self.holdout)


def set_conditions(dataset: GraphSet, names: Sequence[str]) -> None:
    """Gives a data set the conditions of these names, in place of its labels.

    Raises:
        UserError: there is no such property, or all its values are the same.
    """
    columns = [condition(dataset, name) for name in dict.fromkeys(names)]
    rows = list(zip(*[values for _, values in columns], strict=True))
    conditions = Conditions(tuple(one for one, _ in columns)).with_observed(rows)
    dataset.labels, dataset.classes = None, ()
    dataset.conditions, dataset.vectors = conditions, conditions.encode(rows)


def condition(dataset: GraphSet, name: str) -> tuple[Condition, list[Value]]:
    """A condition, and its value for each graph."""
    if name == LABEL and dataset.labels is not None:
        return Category(LABEL, dataset.classes), [dataset.classes[k] for k in dataset.labels.tolist()]
    if name not in properties.NAMES:
        known = (*properties.NAMES, *([LABEL] if dataset.labels is not None else []))
        raise UserError(
            f"data.properties={name}: no such property{did_you_mean(name, known)} (known: {', '.join(known)})",
            code="graph.unknown_property",
        )
    values = properties.values(dataset.graphs, name)
    found = Number.spanning(name, values)
    if found is None:
        raise UserError(
            f"data.properties={name}: it is {values[0]:.4g} for all {len(values):,} graphs, so it can be no condition",
            code="graph.constant_property",
        )
    return found, list(values)


def read_file(
    path: Path, name: str, repairs: Repairs, directed: bool | None, source: GraphFiles | None = None
) -> list[Graph]:
    """The graphs of one file.

    Args:
        directed: whether edges have a direction; None: as the file says.
        source: what of types and numbers is kept; None: nothing.

    Raises:
        UserError: it cannot be read.
    """
    ending = ending_of(name)
    if ending in WRITTEN:
        asked = (None, None) if source is None else (source.node_type, source.edge_type)
        found = [written.read(path, name, ending, repairs, asked, frozenset() if source is None else source.numbers)]
    elif ending in MATRICES:
        found = matrices.read(path, name, repairs, source is not None)
    else:
        if source is not None and edge_tables.are_at(path):
            return [edge_tables.read(path, name, repairs, directed, source.edge_type, source.numbers)]
        with edge_lists.opened(path) as file:
            listed = edge_lists.read(file, name, source is not None)
        weights = {} if listed.weights is None else {WEIGHT: finite(listed.weights, repairs)}
        if listed.weighted and not weights:
            repairs.dropped["weights of edges"] += 1
        if listed.gaps:
            repairs.notes.append("ids have gaps: nodes are renumbered")
        arrows = listed.directed if directed is None else directed
        found = [
            simple(
                listed.nodes, listed.edges, repairs, directed=arrows, edge_types=listed.third, edge_numbers=weights,
            )
        ]  # fmt: skip
    if directed is False and any(graph.directed for graph in found):
        found = [
            simple(
                graph.nodes, graph.edges, repairs, node_types=graph.node_types, edge_types=graph.edge_types,
                node_numbers=graph.node_numbers, edge_numbers=graph.edge_numbers, typed_by=graph.typed_by,
            )
            for graph in found
        ]  # fmt: skip
        repairs.notes.append("directions of edges left out (data.directed=false)")
    return found


@contextmanager
def _as_file(store: Store, name: str) -> Iterator[Path]:
    """A file of a store at a path; one of a zip is unpacked for the moment."""
    found = store.open(name)
    if isinstance(found, Path):
        yield found
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, Path(name).name)
        path.write_bytes(found.read())
        yield path
