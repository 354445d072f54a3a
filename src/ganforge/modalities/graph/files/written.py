"""GraphML, GML and GEXF, through networkx, in both directions.

Of a node's and an edge's attributes one each is its type: the one of few different values with the most usual name.
Others that are numbers are read as such (`numbers`); all others are named and left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.extras import need
from ganforge.modalities.graph import numbers
from ganforge.modalities.graph.graphs import Graph, Repairs, simple
from ganforge.modalities.graph.numbers import What

TYPE_NAMES = ("type", "kind", "class", "label", "category", "element", "relation", "group")
MOST_TYPES = 32
RESERVED = frozenset({"id", "label", "kind", "type", "key", "viz", "start", "end", "source", "target"})
NOT_TYPES = frozenset({"id", "name", "weight", "viz", "x", "y", "networkx_key", "start", "end"})


def read(
    path: Path,
    name: str,
    ending: str,
    repairs: Repairs,
    asked: tuple[str | None, str | None],
    as_numbers: frozenset[str] = frozenset(),
) -> Graph:
    """The graph of a file.

    Args:
        asked: the attributes that are the types of nodes and of edges, where the user names them.
        as_numbers: attributes that are no types since the user wants them as numbers.

    Raises:
        UserError: it is not such a file.
    """
    need("networkx", "a GraphML, GML or GEXF file")
    import networkx as nx

    readers = {".graphml": nx.read_graphml, ".gml": lambda p: nx.read_gml(p, label="id"), ".gexf": nx.read_gexf}
    try:
        found: Any = readers[ending](path)
    except (ParseError, nx.NetworkXError, ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(
            f"data {name}: not a readable {ending[1:]} file ({str(error)[:200] or type(error).__name__})",
            code="graph.unreadable_file",
        ) from None
    return converted(found, name, repairs, asked, as_numbers)


def converted(
    found: Any,
    name: str,
    repairs: Repairs,
    asked: tuple[str | None, str | None] = (None, None),
    as_numbers: frozenset[str] = frozenset(),
) -> Graph:
    """A graph of networkx in ours."""
    number = {node: k for k, node in enumerate(found.nodes)}
    edges = [(number[a], number[b]) for a, b in found.edges()]
    named = [  # GEXF gives every node a label and every edge an id
        {key: value for key, value in data.items() if key != "label" or str(value) != str(node)}
        for node, data in found.nodes(data=True)
    ]
    linked = [{key: value for key, value in data.items() if key != "id"} for *_, data in found.edges(data=True)]
    node_type, node_numbers = attributes(named, name, "node", asked[0], as_numbers, repairs)
    edge_type, edge_numbers = attributes(linked, name, "edge", asked[1], as_numbers, repairs)
    return simple(
        len(number), np.array(edges, np.int64).reshape(-1, 2), repairs, directed=found.is_directed(),
        node_types=words_of(named, node_type), edge_types=words_of(linked, edge_type),
        node_numbers=node_numbers, edge_numbers=edge_numbers, typed_by=(node_type or "", edge_type or ""),
    )  # fmt: skip


def words_of(rows: Sequence[dict[str, Any]], name: str | None) -> list[str] | None:
    """The types as words, given the attribute that they are."""
    return None if name is None else [str(row.get(name, "")) for row in rows]


def attributes(
    rows: Sequence[dict[str, Any]],
    name: str,
    what: What,
    asked: str | None,
    as_numbers: frozenset[str],
    repairs: Repairs,
) -> tuple[str | None, dict[str, np.ndarray]]:
    """The attribute that is the type, and those that are numbers, the type too if it is of whole numbers and nobody
    asked for it: which it is depends on the other files. All others are named."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    if asked is not None:
        if asked not in names:
            raise UserError(
                f"data.{what}_type={asked}: {name} has no such attribute of its {what}s "
                f"(it has {', '.join(names) or 'none'})",
                code="graph.no_such_attribute",
            )
        chosen: str | None = asked
    else:
        few = [key for key in names if key not in NOT_TYPES and key not in as_numbers and _is_type(rows, key)]
        chosen = min(few, key=lambda key: (*TYPE_NAMES, key).index(key), default=None)
    found: dict[str, np.ndarray] = {}
    for key in names:
        if key in numbers.NAMES or (asked is not None and key == asked):
            values = None
        else:
            values = numbers.column([row.get(key) for row in rows], what, key, repairs)
        if values is not None:
            found[key] = values
        elif key != chosen:
            repairs.dropped[f"the attribute {key!r} of {what}s"] += 1
    return chosen, found


def _is_type(rows: Sequence[dict[str, Any]], key: str) -> bool:
    values = {row.get(key) for row in rows if not isinstance(row.get(key), (dict, list))}
    several = len(values) < max(2, len(rows) / 2) or len(rows) < 8  # an attribute that differs at every node is a name
    return len(values) <= MOST_TYPES and several and not any(isinstance(value, float) for value in values)


def to_networkx(graph: Graph) -> Any:
    """As a graph of networkx; types are the attribute `kind` (`type` means something else in GEXF). Numbers have their
    names, but for signs that GML does not know and names that mean something else."""
    need("networkx", "a GraphML, GML or GEXF file")
    import networkx as nx

    found = nx.DiGraph() if graph.directed else nx.Graph()
    found.add_nodes_from(range(graph.nodes))
    found.add_edges_from(graph.edges.tolist())
    if graph.node_types is not None:
        nx.set_node_attributes(found, dict(enumerate(graph.node_types)), "kind")
    if graph.edge_types is not None:
        ends = [(int(a), int(b)) for a, b in graph.edges]
        nx.set_edge_attributes(found, dict(zip(ends, graph.edge_types, strict=True)), "kind")
    for name, values in graph.node_numbers.items():
        nx.set_node_attributes(found, dict(enumerate(values.tolist())), _writable(name))
    for name, values in graph.edge_numbers.items():
        ends = [(int(a), int(b)) for a, b in graph.edges]
        nx.set_edge_attributes(found, dict(zip(ends, values.tolist(), strict=True)), _writable(name))
    return found


def _writable(name: str) -> str:
    """A name that all formats can write."""
    plain = re.sub(r"\W", "_", name, flags=re.ASCII)
    plain = plain if plain[:1].isalpha() else f"x{plain}"
    return f"{plain}_value" if plain in RESERVED else plain


def write_graphml(graph: Graph, path: Path) -> None:
    import networkx as nx

    nx.write_graphml_xml(to_networkx(graph), path)


def write_gml(graph: Graph, path: Path) -> None:
    import networkx as nx

    nx.write_gml(to_networkx(graph), path)


def write_gexf(graph: Graph, path: Path) -> None:
    import networkx as nx

    nx.write_gexf(to_networkx(graph), path)


def write_edges(graph: Graph, path: Path) -> None:
    """A line an edge, with its weight and its type; or with all of them by name, as networkx writes them, if there are
    other numbers than the weight. A line for each node without edges. Types and numbers of nodes are not in it."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"# {graph.nodes} nodes, {len(graph.edges)} edges{', directed' if graph.directed else ''}\n")
        alone = np.setdiff1d(np.arange(graph.nodes), graph.edges)
        file.writelines(f"{node}\n" for node in alone.tolist())
        if tuple(graph.edge_numbers) not in ((), (numbers.WEIGHT,)):
            columns = {name: values.tolist() for name, values in graph.edge_numbers.items()}
            columns |= {} if graph.edge_types is None else {"kind": graph.edge_types}
            rows = zip(graph.edges.tolist(), zip(*columns.values(), strict=True), strict=True)
            file.writelines(f"{a} {b} {dict(zip(columns, row, strict=True))!r}\n" for (a, b), row in rows)
            return
        more = [list(map(repr, values.tolist())) for values in graph.edge_numbers.values()]
        if graph.edge_types is not None:
            more.append([kind.replace(" ", "_") for kind in graph.edge_types])
        if not more:
            np.savetxt(file, graph.edges, fmt="%d")
        else:
            rows = zip(graph.edges.tolist(), zip(*more, strict=True), strict=True)
            file.writelines(f"{a} {b} {' '.join(words)}\n" for (a, b), words in rows)


WRITERS = {".graphml": write_graphml, ".gml": write_gml, ".gexf": write_gexf, ".edges": write_edges}
