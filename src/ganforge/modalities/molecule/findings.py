"""What is wrong with generated molecules, if something is."""

from __future__ import annotations

from collections.abc import Iterator

from ganforge.core.language import phrase
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence
from ganforge.modalities.text.findings import not_begun

INVALID, REPEATED, KNOWN = 0.7, 0.5, 0.2
ASKED = 0.5
"""Units of logP by which molecules may miss what was asked on average."""


def invalid(evidence: Evidence) -> Iterator[Finding]:
    valid = evidence.value("valid_molecules")
    if valid is not None and valid < INVALID:
        reasons = evidence.detail_of("valid_molecules").get("reasons", {})
        most = max(reasons, key=reasons.get) if reasons else ""
        yield Finding(
            "bad",
            phrase("many molecules are not valid"),
            phrase("{valid:.0%} are valid as they are made; most often: {most}.", valid=valid, most=most),
            phrase("Train longer; files hold the others repaired. SELFIES are always valid: selfies-small."),
        )


def repeated(evidence: Evidence) -> Iterator[Finding]:
    unique = evidence.value("unique_molecules")
    if unique is not None and unique < REPEATED:
        yield Finding(
            "bad",
            phrase("the same molecules again and again"),
            phrase("{unique:.0%} of the valid molecules are different ones.", unique=unique),
            phrase("Train for less time, or from another seed; more molecules."),
        )


def copies(evidence: Evidence) -> Iterator[Finding]:
    novel = evidence.value("novel_molecules")
    if novel is not None and novel < KNOWN:
        yield Finding(
            "warn",
            phrase("few molecules are new"),
            phrase(
                "{novel:.0%} of the different molecules are not in the training data. A data set that holds nearly all "
                "molecules of its kind, such as QM9, leaves few new ones.",
                novel=novel,
            ),
        )  # fmt: skip


def asked(evidence: Evidence) -> Iterator[Finding]:
    value, floor = evidence.value("asked_property"), evidence.detail_of("asked_property").get("floor")
    if value is not None and floor and value > ASKED * floor:
        yield Finding(
            "warn",
            phrase("properties are not as asked"),
            phrase(
                "On average they miss what was asked by {value:.3g}; molecules drawn without asking by {floor:.3g}.",
                value=value, floor=floor,
            ),
            phrase("Train longer, or ask within the range of the data."),
        )  # fmt: skip


RULES = (not_begun, invalid, repeated, copies, asked)
