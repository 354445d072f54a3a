"""What points to faults of generated shapes, for reports: loose parts, few kinds of shapes, empty volumes."""

from __future__ import annotations

from collections.abc import Iterator

from ganforge.core.language import joined, phrase
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence

OFTEN = 0.2
"""Share of shapes, beyond that of real ones, from which a fault is named."""
COVERED = 0.5
"""Coverage, as a share of the real one, below which kinds of shapes are missing."""


def in_parts(evidence: Evidence) -> Iterator[Finding]:
    share, real = evidence.value("one_part"), evidence.detail_of("one_part").get("real", 1.0)
    if share is not None and share < real - OFTEN:
        yield Finding(
            "warn",
            phrase("shapes fall into parts"),
            phrase("{share:.0%} of them are in one part; {real:.0%} of the real ones are.", share=share, real=real),
            phrase(
                "Train longer; thin parts, such as legs, are learned last. A finer grid (signal.size) holds them "
                "better."
            ),
        )


def empty(evidence: Evidence) -> Iterator[Finding]:
    share = evidence.value("empty")
    if share:
        yield Finding(
            "bad" if share > 0.5 else "warn",
            phrase("empty volumes"),
            phrase("{share:.0%} of the generated volumes have no surface.", share=share),
            phrase("Train longer. If it stays: a lower learning rate of G (optimizers.G.lr)."),
        )


def missing(evidence: Evidence) -> Iterator[Finding]:
    value, floor = evidence.value("coverage_cd"), evidence.detail_of("coverage_cd").get("floor")
    if value is not None and floor and value < COVERED * floor:
        yield Finding(
            "warn",
            phrase("kinds of shapes are missing"),
            phrase(
                "{value:.0%} of the real shapes are nearest to some generated one; {floor:.0%} would be of other "
                "real shapes.",
                value=value,
                floor=floor,
            ),
            phrase("Train longer, or with a larger batch; labels (task.conditional=true) help where there are some."),
        )


def other_classes(evidence: Evidence) -> Iterator[Finding]:
    value, detail = evidence.value("class_as_asked"), evidence.detail_of("class_as_asked")
    possible = detail.get("floor", 1.0)
    if value is None or value >= possible - OFTEN:
        return
    worst = sorted(detail.get("per_class", {}).items(), key=lambda item: item[1])[:5]
    yield Finding(
        "bad" if value < possible / 2 else "warn",
        phrase("classes are not generated as requested"),
        phrase(
            "A classifier of the real shapes names the class asked for in {value:.0%} of the generated ones, and in "
            "{possible:.0%} of unseen real ones. Least often: {names}.",
            value=value,
            possible=possible,
            names=joined([phrase("{name} ({share:.0%})", name=name, share=share) for name, share in worst]),
        ),
        phrase("Train longer; with more shapes of these classes, if there are any."),
    )


RULES = (empty, in_parts, missing, other_classes)
