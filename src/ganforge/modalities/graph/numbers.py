"""Which numbers of nodes and edges are kept of a set of graphs: weights of edges, and attributes of nodes.

A number is what a file has beside the type: a column of integers with few values is the type (`files/written`), not a
number. Of edges the weight comes first. In the end each graph has the same ones and none is missing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from ganforge.core.errors import UserError, did_you_mean
from ganforge.modalities.graph.graphs import Graph, Repairs

WEIGHT = "weight"
NAMES = frozenset({"id", "name", "networkx_key", "key", "viz", "start", "end"})
"""Attributes that name something, also where they are numbers."""
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
MOST_VALUES = 64
"""Different values up to which whole numbers can be types."""
TELLING = 8
"""Values of a file from which on it can tell whether they are types."""
MOST_ATTRIBUTES = {"node": 32, "edge": 8}
Attributes = Literal["auto", "none"] | tuple[str, ...]
Weights = str | tuple[str, ...]
"""auto, none, a name or several."""
What = Literal["node", "edge"]


def as_number(value: Any) -> float | None:
    """A value as a number, NaN if it says that it is missing; None if it is something else."""
    if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
        return float("nan")
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, str, np.number)):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def column(values: Sequence[Any], what: What, name: str, repairs: Repairs) -> np.ndarray | None:
    """An attribute as float64, NaN where it is missing; None if most of it is no number. Words that occur are noted."""
    numbers = [as_number(value) for value in values]
    words = [value for value, number in zip(values, numbers, strict=True) if number is None]
    if words:
        repairs.words.setdefault((what, name), str(words[0])[:40])
    found = finite(np.array([np.nan if number is None else number for number in numbers], float), repairs)
    there = int(np.isfinite(found).sum())
    return found if there and there >= len(words) else None


def finite(values: np.ndarray, repairs: Repairs) -> np.ndarray:
    """float64 values with NaN in place of infinite ones, which are counted."""
    endless = np.isinf(values)
    repairs.infinite += int(endless.sum())
    return np.where(endless, np.nan, values)


def settled(
    graphs: Sequence[Graph], repairs: Repairs, where: str, weights: Weights = "auto", attributes: Attributes = "auto"
) -> list[Graph]:
    """The graphs with the numbers that are kept, the same ones in each; what is missing is the median of the set.

    Args:
        where: the name of the data, for errors.
        weights: the names of the edge attributes that are kept; auto: all; none.
        attributes: the names of the node attributes that are kept; auto: all; none.

    Raises:
        UserError: a name that is asked for is none of a number, or they are too many.
    """
    wanted = None if attributes == "auto" else () if attributes == "none" else attributes
    nodes, node_types = _chosen(graphs, "node", wanted, repairs)
    edges, edge_types = _chosen(graphs, "edge", asked_names(weights), repairs)
    for what, names, field in (("node", nodes, "attributes"), ("edge", edges, "weights")):
        if len(names) > MOST_ATTRIBUTES[what]:
            raise UserError(
                f"data {where}: {len(names)} attributes of {what}s that are numbers are more than "
                f"{MOST_ATTRIBUTES[what]}. Choose some: data.kind=graphs data.path=PATH "
                f"data.{field}=[{', '.join(names[:3])}], or data.{field}=none",
                code="graph.too_many_attributes",
            )
    kept = [_typed(_typed(graph, "node", node_types), "edge", edge_types) for graph in graphs]
    of_nodes, of_edges = _filled(kept, "node", nodes, repairs), _filled(kept, "edge", edges, repairs)
    return [
        replace(
            graph,
            node_numbers={name: parts[k] for name, parts in of_nodes.items()},
            edge_numbers={name: parts[k] for name, parts in of_edges.items()},
        )
        for k, graph in enumerate(kept)
    ]


def asked_names(weights: Weights) -> tuple[str, ...] | None:
    """The names of edge attributes that are asked for; None for auto."""
    if isinstance(weights, str):
        return None if weights == "auto" else () if weights == "none" else (weights,)
    return weights


def _of(graph: Graph, what: What):
    return graph.node_numbers if what == "node" else graph.edge_numbers


def _count(graph: Graph, what: What) -> int:
    return graph.nodes if what == "node" else len(graph.edges)


def _chosen(
    graphs: Sequence[Graph], what: What, asked: tuple[str, ...] | None, repairs: Repairs
) -> tuple[list[str], list[str]]:
    """The names of the numbers that are kept, and of those that are types. The others are named."""
    names = sorted({name for graph in graphs for name in _of(graph, what)}, key=_natural)
    if what == "edge" and asked is None and WEIGHT in names and _all_one(graphs):
        names.remove(WEIGHT)  # the same as no weights
        if not repairs.plain:
            repairs.dropped["weights of edges, 1 everywhere,"] += 1
    types = [name for name in names if name not in (asked or ()) and _is_type(graphs, what, name)]
    if asked is not None:
        for name in asked:
            _check(name, what, names, repairs)
        kept = list(dict.fromkeys(asked))
    else:
        kept = [name for name in names if name not in types and _is_kept(graphs, what, name, repairs)]
        kept.sort(key=lambda name: (what, name) != ("edge", WEIGHT))
    for name in names:
        if name not in kept and name not in types:
            one = f"the attribute {name!r} of {what}s"
            repairs.dropped["weights of edges" if (what, name) == ("edge", WEIGHT) else one] += 1
    return kept, types


def _natural(name: str) -> list[tuple[int, str]]:
    """For sorting: attribute_2 before attribute_10, so that the order does not depend on the files."""
    return [(int(part), "") if part.isdecimal() else (0, part) for part in re.split(r"(\d+)", name)]


def _check(name: str, what: What, names: Sequence[str], repairs: Repairs) -> None:
    """Refuses a name that is asked for and is none of a number."""
    field = "weights" if what == "edge" else "attributes"
    word = repairs.words.get((what, name))
    if word is not None:
        raise UserError(
            f"data.{field}={name}: this attribute of {what}s is no number everywhere: it holds {word!r}. Write a "
            "number there, or nothing (then the median is taken)",
            code="graph.words_among_numbers",
        )
    if name not in names:
        raise UserError(
            f"data.{field}={name}: {what}s have no number of this name{did_you_mean(name, names)} (they have "
            f"{', '.join(names) or 'none'})",
            code="graph.no_such_attribute",
        )


def _is_type(graphs: Sequence[Graph], what: What, name: str) -> bool:
    """Whether most files take an attribute as the type, and it has few values over all of them. Files of a handful of
    values, which can tell nothing, only count if there are no others."""
    holders = [graph for graph in graphs if name in _of(graph, what)]
    telling = [graph for graph in holders if len(_of(graph, what)[name]) >= TELLING] or holders
    typed = sum(graph.typed_by[what == "edge"] == name for graph in telling)
    if not typed or 2 * typed < len(telling):
        return False
    return len(np.unique(np.concatenate([_of(graph, what)[name] for graph in holders]))) <= MOST_VALUES


def _is_kept(graphs: Sequence[Graph], what: What, name: str, repairs: Repairs) -> bool:
    """Whether an attribute is kept that nobody asked for; why not is noted."""
    values = [_of(graph, what)[name] for graph in graphs if name in _of(graph, what)]
    flat, total = np.concatenate(values), sum(_count(graph, what) for graph in graphs)
    there = flat[np.isfinite(flat)]
    why = ""
    if (what, name) in repairs.words:
        why = f"holds words among its numbers, such as {repairs.words[what, name]!r}"
    elif 2 * len(there) < total:
        why = f"is missing at {total - len(there):,} of {total:,} {what}s"
    elif what == "node" and len(there) == total and all(map(_numbers_them, values)):
        why = "only numbers them"
    if why:
        repairs.notes.append(f"the attribute {name!r} of {what}s {why}")
    elif there.min() == there.max():
        repairs.notes.append(f"the attribute {name!r} of {what}s is {there[0]:g} everywhere, and will be so")
    return not why


def _all_one(graphs: Sequence[Graph]) -> bool:
    return all((graph.edge_numbers.get(WEIGHT, np.ones(1)) == 1).all() for graph in graphs)


def _numbers_them(values: np.ndarray) -> bool:
    """Whether values are consecutive whole numbers, each once, in whatever order: ids."""
    ordered = np.sort(values)
    return bool((np.diff(ordered) == 1).all() and ordered[0] == np.floor(ordered[0]))


def _typed(graph: Graph, what: What, types: Sequence[str]) -> Graph:
    """A graph whose types are what is the type in the whole set: no number, and whole numbers also where its own file
    took them for something else.

    Args:
        types: the attributes of whole numbers that are types.
    """
    own, numbers = graph.typed_by[what == "edge"], _of(graph, what)
    if own in numbers and own not in types:
        return replace(graph, **{f"{what}_types": None})
    name = next((name for name in types if name in numbers), None)
    if own or name is None:
        return graph
    words = tuple("" if np.isnan(value) else f"{value:.0f}" for value in numbers[name])
    return replace(graph, **{f"{what}_types": words})


def _filled(graphs: Sequence[Graph], what: What, names: Sequence[str], repairs: Repairs) -> dict[str, list[np.ndarray]]:
    """By name the values of each graph, with the median of all where one is missing."""
    found: dict[str, list[np.ndarray]] = {}
    for name in names:
        parts = [_of(graph, what).get(name, np.full(_count(graph, what), np.nan)) for graph in graphs]
        flat = np.concatenate(parts)
        gaps = int(np.isnan(flat).sum())
        if gaps:
            median = float(np.quantile(flat[~np.isnan(flat)], 0.5, method="inverted_cdf"))  # a value that occurs
            parts = [np.where(np.isnan(part), median, part) for part in parts]
            repairs.notes.append(
                f"the attribute {name!r} of {what}s is missing at {gaps:,} of {len(flat):,}: its median, {median:g}, "
                "in its place"
            )
        found[name] = parts
    return found
