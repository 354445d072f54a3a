"""The health of a run in words, from the events of its log, for reports and pages in any language."""

from __future__ import annotations

import re

from ganforge.core.language import phrase

STATES = {
    "D wins": phrase("D wins: it tells fakes from reals nearly without mistakes, and G learns little from it"),
    "G wins": phrase("G wins: D no longer tells its samples from real ones, though they are far from these"),
    "oscillating": phrase(
        "oscillating: G and D take turns being ahead, and the samples do not come nearer to the data"
    ),
    "collapsing": phrase("collapsing: the samples are too much alike, parts of the data are lost"),
    "diverging": phrase("diverging: weights or losses run away"),
}
"""What the state of a run's health means."""
EXPLANATIONS = tuple(
    (re.compile(pattern), text.pattern)
    for pattern, text in (
        (
            r"D ranks (.+) of real-fake pairs correctly",
            phrase("D ranks {value} of real-fake pairs correctly", value=""),
        ),
        (
            r"mean logits of reals and fakes differ by (.+)",
            phrase("mean logits of reals and fakes differ by {value}", value=""),
        ),
        (
            r"diversity of fakes is (.+) times that of reals",
            phrase("diversity of fakes is {value} times that of reals", value=""),
        ),
        (r"energy distance (.+) \(ideal: 0\)", phrase("energy distance {value} (ideal: 0)", value="")),
        (r"fakes cover (.+) of the reals", phrase("fakes cover {value} of the reals", value="")),
    )
)
"""Messages of `engine.health.diagnosis.explanation` in the log of a run, with their patterns in the catalog."""


def explained(part: str) -> str:
    """A part of what the log says of a state, in words that the page can translate."""
    for pattern, text in EXPLANATIONS:
        if found := pattern.fullmatch(part):
            return phrase(text, value=found[1])
    return part
