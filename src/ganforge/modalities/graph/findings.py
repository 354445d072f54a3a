"""What is wrong with generated graphs, if something is."""

from __future__ import annotations

from collections.abc import Iterator

from ganforge.core.language import phrase
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence

FAR = 50.0
"""Times the floor from which on a distance is named."""
COPIED = 0.02
"""Share of copies beyond that of unseen graphs."""
OVERLAP = 0.9
"""Share of edges of the network from which on samples are little else than the network."""


def far(evidence: Evidence) -> Iterator[Finding]:
    value = evidence.value("graph_degree")
    if value is not None and value > FAR:
        yield Finding(
            "warn",
            phrase("the graphs have other degrees"),
            phrase(
                "The distance of the degrees is {value:.3g} times that of real training graphs from unseen ones.",
                value=value,
            ),
            phrase("Train longer."),
        )


def copies(evidence: Evidence) -> Iterator[Finding]:
    value = evidence.value("graph_copies")
    chance = evidence.detail_of("graph_copies").get("of_heldout", 0.0)
    if value is not None and value > chance + COPIED:
        yield Finding(
            "bad",
            phrase("training graphs are repeated"),
            phrase(
                "{value:.1%} of the generated graphs are isomorphic to a training graph; of unseen real graphs "
                "{chance:.1%}.",
                value=value, chance=chance,
            ),
            phrase("More graphs; less training. Small graphs are often equal by chance."),
        )  # fmt: skip


def network_copied(evidence: Evidence) -> Iterator[Finding]:
    value = evidence.value("edge_overlap")
    if value is not None and value > OVERLAP:
        yield Finding(
            "bad",
            phrase("the network itself comes out"),
            phrase("{value:.0%} of the generated edges are edges of the training network.", value=value),
            phrase("Less training, or a lower task.overlap."),
        )


RULES = (far, copies)
NETWORK_RULES = (network_copied,)
