"""What points to faults of generated films, for reports: frozen, looping, flickering, too slow or too fast."""

from __future__ import annotations

from collections.abc import Iterator

from ganforge.core.language import phrase
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence

OFTEN = 0.1
"""Share of films from which a fault is named."""
FLICKERS = 1.3
PACE = (0.75, 1.25)
"""Motion as a share of real films': the goal of `r3gan-video-small` is to stay between these."""


def frozen(evidence: Evidence) -> Iterator[Finding]:
    share = evidence.value("frozen")
    if share is not None and share > OFTEN:
        yield Finding(
            "bad" if share > 0.5 else "warn",
            phrase("films stand still"),
            phrase("{share:.0%} of them move less than a tenth as much as real ones do at the median.", share=share),
            phrase(
                "Train longer: single frames are learned before motion. D sees motion only in frames some time apart: "
                "task.longest=16 lets it see more of it."
            ),
        )


def looping(evidence: Evidence) -> Iterator[Finding]:
    share = evidence.value("looping")
    if share is not None and share > OFTEN:
        yield Finding(
            "warn",
            phrase("films repeat themselves"),
            phrase(
                "{share:.0%} more of the generated than of the real films come back to where they were.", share=share
            ),
            phrase("Fewer waves (task.generator.waves=4) leave more of the motion to noise, which does not repeat."),
        )


def flickering(evidence: Evidence) -> Iterator[Finding]:
    ratio = evidence.value("flicker")
    if ratio is not None and ratio > FLICKERS:
        yield Finding(
            "warn",
            phrase("films flicker"),
            phrase("Changes from frame to frame are {ratio:.2f} times as jerky as those of real films.", ratio=ratio),
            phrase(
                "More frames for D (task.frames=6), codes of motion further apart (task.generator.every=8), more time."
            ),
        )


def pace(evidence: Evidence) -> Iterator[Finding]:
    ratio, still = evidence.value("pace"), evidence.value("frozen") or 0.0
    if ratio is None or still > OFTEN or PACE[0] <= ratio <= PACE[1]:
        return
    blocks = evidence.value("pace_blocks")
    if blocks is not None and PACE[0] <= blocks <= PACE[1]:
        yield Finding(
            "note",
            phrase("films lack the noise of real ones") if ratio < 1 else phrase("films are noisier than real ones"),
            phrase(
                "Single pixels change {ratio:.2f} times as much as in real films, blocks of 8×8 px {blocks:.2f} times: "
                "what differs is noise, not motion.",
                ratio=ratio, blocks=blocks,
            ),
        )  # fmt: skip
    else:
        yield Finding(
            "warn",
            phrase("films move too little") if ratio < 1 else phrase("films move too much"),
            phrase("The mean change from frame to frame is {ratio:.2f} times that of real films.", ratio=ratio),
            phrase("Train longer; where flicker is high as well, what moves is noise."),
        )


def persistence(evidence: Evidence) -> Iterator[Finding]:
    ours = evidence.value("predict_crps")
    still = evidence.detail_of("predict_crps").get("persistence")
    if ours is not None and still is not None and ours >= still:
        yield Finding(
            "warn",
            phrase("predictions are no better than the last frame repeated"),
            phrase("CRPS {ours:.4g} of 255, and {still:.4g} of persistence.", ours=ours, still=still),
            phrase("Train longer; for fast motion give more of the past (task.past=6), or skip fewer frames."),
        )


RULES = (frozen, looping, flickering, pace, persistence)
