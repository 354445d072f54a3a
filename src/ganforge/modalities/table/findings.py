"""What is wrong with generated rows, if something is. Rules as in `report.findings`, for the scores of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ganforge.core.language import joined, listed, phrase, sentences
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence

POOR, BAD = 0.15, 0.3
"""KS or total variation of a column: by 0.15 one sees the difference in its plot, by 0.3 its shape is another."""
CHANCE = 3.0
"""A column is named only where it is worse than so many times what held-out rows get: rare categories come and go."""
MISSED = 0.5
"""Of how often a number comes in the real table, the share that it should at least come in generated rows."""
PAIR = 0.7
"""Similarity of a pair below which the dependence of the two columns clearly differs."""
TOLD, KNOWN = 0.9, 0.98
"""AUC of detection by which a classifier mostly tells fakes apart, and by which it hardly ever fails."""
HALF = 0.5
"""Share of the way from a constant guess to real rows that fakes should at least go."""
ATTACK, STRONG = 0.53, 0.6
"""AUC of an attack that is worth a word, and one that gives training rows away."""
NAMED = 6


def columns(evidence: Evidence) -> Iterator[Finding]:
    """Columns whose values are off."""
    off: dict[str, tuple[float, str]] = {}
    for figure, distance in (("ks", "KS"), ("tv", "TV"), ("missing", phrase("missing"))):
        detail = evidence.detail_of(figure)
        chance = detail.get("per_column_held_out", {})
        for name, value in detail.get("per_column", {}).items():
            if value > max(POOR, CHANCE * chance.get(name, 0.0)) and value > off.get(name, (0.0, ""))[0]:
                off[name] = (value, distance)
    if off:
        worst = sorted(off.items(), key=lambda item: -item[1][0])
        shown = "{column} ({distance} {value:.2f})"
        names = [phrase(shown, column=name, distance=distance, value=value) for name, (value, distance) in worst]
        yield Finding(
            "bad" if worst[0][1][0] > BAD else "warn",
            phrase("columns differ from the real ones"),
            phrase("{columns}. Their plots below show how.", columns=listed(names, NAMED)),
            phrase(
                "Train longer. Of numbers with a long tail, try signal.encodings.COLUMN=quantile; of a column that was "
                "given the wrong kind, signal.columns.COLUMN=categorical, integer, ..."
            ),
        )


def crowded(evidence: Evidence) -> Iterator[Finding]:
    """Single numbers that many real rows have, and too few of the generated ones."""
    often = evidence.detail_of("ks").get("often", {})
    missed = {name: facts for name, facts in often.items() if facts["fake"] < MISSED * facts["real"]}
    if missed:
        shown = "{value} in {column} ({real:.0%} of the real rows, {fake:.0%} of the generated)"
        names = [phrase(shown, column=name, **facts) for name, facts in missed.items()]
        yield Finding(
            "warn",
            phrase("a very frequent number is generated too rarely"),
            phrase("{values}. The generated values there are slightly larger or smaller.", values=listed(names, NAMED)),
            phrase(
                "Where a column has few other values, signal.encodings.COLUMN=onehot generates its numbers exactly; "
                "otherwise train longer."
            ),
        )


def pairs(evidence: Evidence) -> Iterator[Finding]:
    """Pairs of columns whose dependence differs from that in the real table."""
    worst = [pair for figure in ("correlation", "contingency") for pair in evidence.detail_of(figure).get("worst", ())]
    worst = sorted((pair for pair in worst if pair["similarity"] < PAIR), key=lambda pair: pair["similarity"])
    if worst:
        shown = "{one} and {other} ({similarity:.2f})"
        names = [
            phrase(shown, one=pair["columns"][0], other=pair["columns"][1], similarity=pair["similarity"])
            for pair in worst
        ]
        yield Finding(
            "warn",
            phrase("pairs of columns differ from the real table"),
            phrase("Similarity, 1 at best: {pairs}.", pairs=listed(names, NAMED)),
            phrase("Train longer; a larger G and D (task.generator.widths=[512,512])."),
        )


def detection(evidence: Evidence) -> Iterator[Finding]:
    value = evidence.value("detection")
    if value is None or value < TOLD:
        return
    drops: Mapping[str, Any] = evidence.detail_of("detection").get("per_column", {})
    most = [name for name, drop in sorted(drops.items(), key=lambda item: -item[1])[:3] if drop > 0.01]
    yield Finding(
        "bad" if value > KNOWN else "warn",
        phrase("a classifier distinguishes generated rows from real ones nearly always")
        if value > KNOWN
        else phrase("a classifier distinguishes generated rows from real ones"),
        sentences(
            [
                phrase("Its AUC is {value:.3f}, where ½ is chance.", value=value),
                phrase("It relies mostly on {columns}.", columns=joined(most)) if most else "",
            ]
        ),
        phrase(
            "Look at the plots of these columns, and at their pairs. What looks right by itself can be detected by "
            "combinations that never occur. Whether that matters depends on what the rows are for."
        ),
    )


def usefulness(evidence: Evidence) -> Iterator[Finding]:
    value, real, none = (evidence.value(f"usefulness{end}") for end in ("", "_of_real", "_of_constant"))
    if value is None or real is None or none is None:
        return
    if real <= none + 0.01:
        yield Finding(
            "note",
            phrase("the target can hardly be predicted, even from real rows"),
            phrase(
                "Real rows give {real:.3f}, a constant guess {none:.3f}: usefulness is not informative here.",
                real=real,
                none=none,
            ),
            phrase("Choose another column: ganforge evaluate RUN --target COLUMN"),
        )
    elif value <= none:
        yield Finding(
            "bad",
            phrase("a model learns nothing from the generated rows"),
            phrase(
                "It scores {value:.3f}, no better than a constant guess ({none:.3f}); from real rows {real:.3f}.",
                value=value,
                none=none,
                real=real,
            ),
            phrase("Check whether the target's rare classes are generated at all (its plot), and train longer."),
        )
    elif value < none + HALF * (real - none):
        yield Finding(
            "warn",
            phrase("a model learns much less from generated rows than from real ones"),
            phrase(
                "It scores {value:.3f}, from real rows {real:.3f}, by a constant guess {none:.3f}.",
                value=value,
                real=real,
                none=none,
            ),
            phrase("Train longer; look at the pairs of the target with other columns."),
        )


def privacy(evidence: Evidence) -> Iterator[Finding]:
    """Whether rows that were trained on shine through."""
    copies, near, attack = (evidence.value(name) for name in ("exact_copies", "dcr", "membership"))
    keep = phrase("Less training, or more rows. Do not share the model or the rows until you know why.")
    found = False
    if copies is not None and evidence.detail_of("exact_copies").get("copying"):
        found = True
        chance = evidence.detail_of("exact_copies")["by_chance"]
        yield Finding(
            "bad" if copies > 10 * chance + 0.01 else "warn",
            phrase("training rows are repeated exactly"),
            phrase(
                "{copies:.2%} of the generated rows equal a training row in every column; of unseen real rows "
                "{chance:.2%} do.",
                copies=copies,
                chance=chance,
            ),
            keep,
        )
    if near is not None and evidence.detail_of("dcr").get("closer") and near > ATTACK:
        found = True
        yield Finding(
            "bad" if near > STRONG else "warn",
            phrase("generated rows lie nearer to training rows than new real rows do"),
            phrase("That is so in {near:.1%} of all comparisons; 50% would be by chance.", near=near),
            keep,
        )
    if attack is not None and evidence.detail_of("membership").get("told") and attack > ATTACK:
        found = True
        yield Finding(
            "bad" if attack > STRONG else "warn",
            phrase("the generated rows reveal who was in the training data"),
            phrase("An attacker who has only them reaches an AUC of {attack:.3f}, where ½ is chance.", attack=attack),
            keep,
        )
    if copies is not None and not found:
        yield Finding(
            "good",
            phrase("no sign that training rows are revealed"),
            sentences(
                [
                    phrase("Generated rows lie no nearer to training rows than unseen real rows do."),
                    phrase("A dcr below 0.5 says so too: they lie farther away.")
                    if near is not None and near < HALF
                    else "",
                    phrase("The attack that was tried does not beat chance.") if attack is not None else "",
                    phrase("That is a check, not a guarantee."),
                ]
            ),
        )


RULES = (columns, crowded, pairs, detection, usefulness, privacy)
