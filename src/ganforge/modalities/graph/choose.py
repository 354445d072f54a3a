"""Which recipe for graphs, where nobody names one."""

from __future__ import annotations

import numpy as np

from ganforge.core.choice import Choice, Machine
from ganforge.core.errors import UserError
from ganforge.modalities.graph.sets import GraphSet, NetworkSet

FEWEST = 16
USUAL_BATCH = 32
PER_LABEL = 10
USUAL_NODES = 48
MOST_NODES = 10_000
"""Nodes of a network up to which the recipes can hold the scores of all pairs."""


def for_graphs(dataset: GraphSet, machine: Machine) -> Choice:
    """The recipe for many graphs.

    Raises:
        UserError: too few.
    """
    if len(dataset) < FEWEST:
        raise UserError(
            f"data {dataset.name}: {len(dataset)} graphs are too few to learn from; at least {FEWEST} are needed. Is "
            "it one network? Give its file",
            code="graph.too_few",
        )
    many = len(dataset.classes)
    labels = many > 1 and len(dataset) >= PER_LABEL * many
    named = ", ".join(dataset.conditions.names)
    fields = [f"task.conditional={'true' if labels or named else 'false'}"]
    why = f"{many} labels" if labels else f"fewer than {PER_LABEL} graphs a label" if many > 1 else "no labels"
    why = f"conditions {named}" if named else why
    reasons = ["graphs-small: the recipe for many graphs", f"{fields[0]}: {why}"]
    sizes = np.array([graph.nodes for graph in dataset.graphs])
    if (sizes > USUAL_NODES).mean() > 0.5:
        most = min(256, int(np.quantile(sizes, 0.9)))
        fields.append(f"signal.nodes={most}")
        reasons.append(f"{fields[-1]}: most graphs have more than {USUAL_NODES} nodes; slow on CPUs")
    if len(dataset) < 2 * USUAL_BATCH:
        fields.append(f"batch={max(4, len(dataset) // 2)}")
        reasons.append(f"{fields[-1]}: its usual {USUAL_BATCH} would be most of {len(dataset)} graphs")
    facts = f"{len(dataset):,} graphs of {sizes.min()} to {sizes.max()} nodes; {machine}"
    return Choice(facts, "graphs-small", tuple(fields), tuple(reasons))


def for_network(dataset: NetworkSet, machine: Machine) -> Choice:
    """The recipe for one network.

    Raises:
        UserError: it has too many nodes.
    """
    refuse_large(dataset.graph.nodes, dataset.name)
    reasons = ["network: CELL, a low-rank model of a network, without a GAN: as good as NetGAN and far quicker"]
    edges = f"{len(dataset.graph.edges):,} edges"
    what = f"{edges} with directions" if dataset.graph.directed else f"{len(dataset):,} directions of {edges}"
    facts = f"{what} of {dataset.graph.nodes:,} nodes; {machine}"
    return Choice(facts, "network", (), tuple(reasons))


def refuse_large(nodes: int, name: str) -> None:
    """Raises UserError if the scores of all pairs of nodes cannot be held."""
    if nodes > MOST_NODES:
        raise UserError(
            f"data {name}: a network of {nodes:,} nodes. The recipes for networks hold a score for each pair of nodes, "
            f"{nodes**2 * 4 / 2**30:.3g} GiB here, and take up to {MOST_NODES:,} nodes. Train on a part of it, such "
            "as a community",
            code="graph.network_too_large",
        )
