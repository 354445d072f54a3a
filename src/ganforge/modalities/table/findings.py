"""What is wrong with generated rows, if something is. Rules as in `findings`, for the figures of tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence

POOR, BAD = 0.15, 0.3
"""KS or total variation of a column: by 0.15 one sees the difference in its plot, by 0.3 its shape is another."""
CHANCE = 3.0
"""A column is named only where it is worse than so many times what held-out rows get: rare categories come and go."""
MISSED = 0.5
"""Of how often a number comes in the real table, the share that it should at least come in generated rows."""
PAIR = 0.7
"""Similarity of a pair below which the two columns hang together in another way."""
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
    for figure, said in (("ks", "KS"), ("tv", "TV"), ("missing", "missing")):
        detail = evidence.detail_of(figure)
        chance = detail.get("per_column_held_out", {})
        for name, value in detail.get("per_column", {}).items():
            if value > max(POOR, CHANCE * chance.get(name, 0.0)) and value > off.get(name, (0.0, ""))[0]:
                off[name] = (value, said)
    if off:
        worst = sorted(off.items(), key=lambda item: -item[1][0])
        named = ", ".join(f"{name} ({said} {value:.2f})" for name, (value, said) in worst[:NAMED])
        more = f" and {len(worst) - NAMED} more" if len(worst) > NAMED else ""
        yield Finding(
            "bad" if worst[0][1][0] > BAD else "warn",
            "columns that are not like the real ones" if len(worst) > 1 else "a column that is not like the real one",
            f"{named}{more}. Their plots below show how.",
            "Train longer. Of numbers with a long tail, try signal.encodings.COLUMN=quantile; of a column that was "
            "given the wrong kind, signal.columns.COLUMN=categorical, integer, ...",
        )


def crowded(evidence: Evidence) -> Iterator[Finding]:
    """Single numbers that many real rows have, and too few of the generated ones."""
    often = evidence.detail_of("ks").get("often", {})
    missed = {name: facts for name, facts in often.items() if facts["fake"] < MISSED * facts["real"]}
    if missed:
        named = ", ".join(
            f"{facts['value']} in {name} ({facts['real']:.0%} of the real rows, {facts['fake']:.0%} of the generated)"
            for name, facts in list(missed.items())[:NAMED]
        )
        yield Finding(
            "warn",
            "a very frequent number is generated too rarely",
            f"{named}. The generated values there are slightly larger or smaller.",
            "Where a column has few other values, signal.encodings.COLUMN=onehot generates its numbers exactly; "
            "otherwise train longer.",
        )


def pairs(evidence: Evidence) -> Iterator[Finding]:
    """Pairs of columns that hang together in another way."""
    worst = [pair for figure in ("correlation", "contingency") for pair in evidence.detail_of(figure).get("worst", ())]
    worst = sorted((pair for pair in worst if pair["similarity"] < PAIR), key=lambda pair: pair["similarity"])
    if worst:
        named = ", ".join(f"{' and '.join(pair['columns'])} ({pair['similarity']:.2f})" for pair in worst[:NAMED])
        yield Finding(
            "warn",
            "pairs of columns differ from the real table",
            f"Similarity, 1 at best: {named}.",
            "Train longer; a larger G and D (task.generator.widths=[512,512]).",
        )


def detection(evidence: Evidence) -> Iterator[Finding]:
    value = evidence.value("detection")
    if value is None or value < TOLD:
        return
    drops: Mapping[str, Any] = evidence.detail_of("detection").get("per_column", {})
    most = [name for name, drop in sorted(drops.items(), key=lambda item: -item[1])[:3] if drop > 0.01]
    yield Finding(
        "bad" if value > KNOWN else "warn",
        "a classifier distinguishes generated rows from real ones" + (" nearly always" if value > KNOWN else ""),
        f"Its AUC is {value:.3f}, where ½ is chance." + (f" It relies mostly on {', '.join(most)}." if most else ""),
        "Look at the plots of these columns, and at their pairs. What looks right by itself can be detected by "
        "combinations that never occur. Whether that matters depends on what the rows are for.",
    )


def usefulness(evidence: Evidence) -> Iterator[Finding]:
    value, real, none = (evidence.value(f"usefulness{end}") for end in ("", "_of_real", "_of_constant"))
    if value is None or real is None or none is None:
        return
    if real <= none + 0.01:
        yield Finding(
            "note",
            "the target can hardly be predicted, even from real rows",
            f"Real rows give {real:.3f}, a constant guess {none:.3f}: usefulness is not informative here.",
            "Choose another column: ganforge evaluate RUN --target COLUMN",
        )
    elif value <= none:
        yield Finding(
            "bad",
            "a model learns nothing from the generated rows",
            f"It scores {value:.3f}, no better than a constant guess ({none:.3f}); from real rows {real:.3f}.",
            "Check whether the target's rare classes are generated at all (its plot), and train longer.",
        )
    elif value < none + HALF * (real - none):
        yield Finding(
            "warn",
            "a model learns much less from generated rows than from real ones",
            f"It scores {value:.3f}, from real rows {real:.3f}, by a constant guess {none:.3f}.",
            "Train longer; look at the pairs of the target with other columns.",
        )


def privacy(evidence: Evidence) -> Iterator[Finding]:
    """Whether rows that were trained on shine through."""
    copies, near, attack = (evidence.value(name) for name in ("exact_copies", "dcr", "membership"))
    keep = "Less training, or more rows. Do not share the model or the rows until you know why."
    found = False
    if copies is not None and evidence.detail_of("exact_copies").get("copying"):
        found = True
        chance = evidence.detail_of("exact_copies")["by_chance"]
        yield Finding(
            "bad" if copies > 10 * chance + 0.01 else "warn",
            "training rows are repeated exactly",
            f"{copies:.2%} of the generated rows equal a training row in every column; of unseen real rows "
            f"{chance:.2%} do.",
            keep,
        )
    if near is not None and evidence.detail_of("dcr").get("closer") and near > ATTACK:
        found = True
        yield Finding(
            "bad" if near > STRONG else "warn",
            "generated rows lie nearer to training rows than new real rows do",
            f"That is so in {near:.1%} of all comparisons; 50 % would be by chance.",
            keep,
        )
    if attack is not None and evidence.detail_of("membership").get("told") and attack > ATTACK:
        found = True
        yield Finding(
            "bad" if attack > STRONG else "warn",
            "the generated rows reveal who was in the training data",
            f"An attacker who has only them reaches an AUC of {attack:.3f}, where ½ is chance.",
            keep,
        )
    if copies is not None and not found:
        yield Finding(
            "good",
            "no sign that training rows are revealed",
            "Generated rows lie no nearer to training rows than unseen real rows do"
            + (", and the attack that was tried does not beat chance." if attack is not None else ".")
            + " That is a check, not a guarantee.",
        )


RULES = (columns, crowded, pairs, detection, usefulness, privacy)
