"""Findings: rules that read scores and say in words what they point to.

Each rule is a function of the evidence and yields what it finds. The thresholds are wide on purpose: a page that warns
of every run is soon not read. Where they come from stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from ganforge.core.language import Phrase, joined, listed, phrase, sentences
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.report.training import BEGUN, health, resuming, trend
from ganforge.evaluation.report.words import meaning_of, stem_of

Rule = Callable[[Evidence], Iterator[Finding]]

LOW_PRECISION, LOW_RECALL, LOW_COVERAGE = 0.5, 0.3, 0.6
"""Set after two halves of one real set, which have 0.6 to 1 in features that tell samples apart."""
VERY_LOW = 0.1
FEW, VERY_FEW = 2_000, 500
"""Samples below which Fréchet distances are mostly bias, and below which nothing here is more than a hint."""
RARE, OFTEN = 0.5, 2.0
"""A class that comes half or twice as often as in the data."""
DISOBEYED = 0.8
"""Accuracy below which a class asked for is often not what comes."""
FORGIVING = ("texture", "lpips")
"""Scores of pairs that forgive a detail for being a little out of place."""
NAMED = 5
"""Classes that a finding names."""


def find(evidence: Evidence, rules: Sequence[Rule] = ()) -> list[Finding]:
    """Everything that the rules find: those that serve all samples, and those of a signal.

    Of a run that has seen next to nothing of what it is to see, faults are expected: the advice is to train on.
    """
    found = [finding for rule in (*FIRST, *rules, *LAST) for finding in rule(evidence)]
    if not 0 < evidence.samples < BEGUN * evidence.wanted:
        return found
    first = phrase("Train on before you change anything: {resume}", resume=resuming(evidence))
    return [replace(one, advice=first) if one.advice and one.level in ("bad", "warn") else one for one in found]


def quality(evidence: Evidence) -> Iterator[Finding]:
    precision, recall = evidence.value("precision"), evidence.value("recall")
    coverage = evidence.value("coverage")
    if precision is not None and precision < LOW_PRECISION:
        few = precision < VERY_LOW
        yield Finding(
            "bad" if few else "warn",
            phrase("the samples hardly look like the data")
            if few
            else phrase("many samples do not look like the data"),
            phrase("Precision is {value:.0%}: the share of the fakes that lie where real samples do.", value=precision),
            phrase("Train longer; look at the curves for a D that has won or given up; give G more width."),
        )
    low = {"recall": (recall, LOW_RECALL), "coverage": (coverage, LOW_COVERAGE)}
    poor = {name: value for name, (value, least) in low.items() if value is not None and value < least}
    if poor:
        worst = min(value for value in (recall, coverage) if value is not None)
        values = joined([phrase("{name} {value:.0%}", name=name, value=value) for name, value in poor.items()])
        clear = precision is not None and precision >= LOW_PRECISION
        why = [phrase("Too low: {values}. It is the share of the data that has fakes around it.", values=values)]
        if clear:
            why.append(phrase("The samples mostly look right, but are too often alike."))
        yield Finding(
            "bad" if worst < VERY_LOW else "warn",
            phrase("the samples lack variety: parts of the data are never generated")
            if clear
            else phrase("parts of the data are never generated"),
            sentences(why),
            phrase(
                "Against collapse: a relativistic objective (recipe rpgan), packing (task.pack=2), a gradient penalty, "
                "a larger batch. Truncation below 1 lowers variety too."
            ),
        )


def memory(evidence: Evidence) -> Iterator[Finding]:
    copies, detail = evidence.value("copies"), evidence.detail_of("copies")
    if copies is None:
        return
    chance = detail.get("by_chance", 0.01)
    if detail.get("copying"):
        yield Finding(
            "bad" if copies > 10 * chance else "warn",
            phrase("training samples are repeated"),
            phrase(
                "{copies:.1%} of the fakes lie nearer to a training sample than all but the nearest unseen reals "
                "({chance:.0%} would by chance). The nearest pairs are shown below: check whether they are copies.",
                copies=copies, chance=chance,
            ),
            phrase("More data or augmentation (task.augment=ada); less training. Of private data, share no model."),
        )  # fmt: skip
    elif copies > 0 or detail:
        yield Finding(
            "good",
            phrase("no sign that training samples are repeated"),
            phrase(
                "{copies:.1%} of the fakes lie nearer to a training sample than all but the nearest unseen reals; "
                "{chance:.0%} would by chance.",
                copies=copies, chance=chance,
            ),
        )  # fmt: skip


def balance(evidence: Evidence) -> Iterator[Finding]:
    if evidence.classes is None:
        return
    if evidence.classes.obeyed is not None:
        poor = {name: share for name, share in evidence.classes.obeyed.items() if share < DISOBEYED}
        if poor:
            worst = sorted(poor.items(), key=lambda item: item[1])
            names = [phrase("{name} ({share:.0%})", name=name, share=share) for name, share in worst]
            yield Finding(
                "bad" if min(poor.values()) < 0.5 else "warn",
                phrase("classes are not generated as requested"),
                phrase(
                    "A classifier of the real data recognizes the requested class too rarely in: {names}.",
                    names=listed(names, NAMED),
                ),
                phrase("Train longer; more images of these classes; a larger weight of the label in D."),
            )
        return
    real, fake = evidence.classes.real, evidence.classes.fake
    off = {name: fake[name] / share for name, share in real.items() if share > 0}
    rare = sorted((name for name, ratio in off.items() if ratio < RARE), key=lambda name: off[name])
    often = sorted((name for name, ratio in off.items() if ratio > OFTEN), key=lambda name: -off[name])

    def compared(names: Sequence[str]) -> str:
        shown = "{name} ({fake:.1%} instead of {real:.1%})"
        return listed([phrase(shown, name=name, fake=fake[name], real=real[name]) for name in names], NAMED)

    if rare or often:
        yield Finding(
            "bad" if any(off[name] < VERY_LOW for name in rare) else "warn",
            phrase("classes are too rare or too frequent"),
            sentences(
                [
                    phrase("By a classifier of the real data."),
                    phrase("Too rare: {names}.", names=compared(rare)) if rare else "",
                    phrase("Too frequent: {names}.", names=compared(often)) if often else "",
                ]
            ),
            phrase("Ask for classes (a conditional recipe such as cdcgan), or see what helps against collapse."),
        )


def gain(evidence: Evidence) -> Iterator[Finding]:
    """Whether a model of pairs does better than what can be had without one."""
    held = [result for result in evidence.results if "baseline" in result.get("detail", {})]
    if not held:
        return
    of = held[0]["detail"]["baseline"]["of"]
    of = of if isinstance(of, Phrase) else phrase("{baseline}", baseline=of)
    steps = [(result["name"], result["detail"]["baseline"]["value"], result["value"]) for result in held]
    change = "{name} {then:.4g} → {now:.4g}"
    values = joined([phrase(change, name=name, then=then, now=now) for name, then, now in steps])
    why = phrase("{values}.", values=values)
    better = [meaning_of(name).is_better(now, then) for name, then, now in steps]
    stems = [stem_of(name) for name, *_ in steps]
    if better[stems.index("psnr") if "psnr" in stems else 0]:
        yield Finding("good", phrase("better than {baseline}", baseline=of), why)
    elif any(one and stem in FORGIVING for one, stem in zip(better, stems, strict=True)):
        yield Finding(
            "note",
            phrase("looks more like the real images than {baseline}, but has a lower PSNR", baseline=of),
            why,
            phrase(
                "That is what adversarial training does: it gives up PSNR for detail, partly invented. Look at the "
                "images. For the highest PSNR train without a critic."
            ),
        )
    else:
        yield Finding(
            "warn",
            phrase("no better than {baseline}", baseline=of),
            why,
            phrase("Train longer; and evaluate on data that was degraded like those of the training."),
        )


def counts(evidence: Evidence) -> Iterator[Finding]:
    protocols = [result["protocol"] for result in evidence.results if result["protocol"].get("pictures") != "whole"]
    smallest = min((min(p.get("n_real", FEW), p.get("n_fake", FEW)) for p in protocols), default=FEW)
    far = evidence.value("fd") is not None or evidence.value("fid") is not None
    if smallest < FEW:
        yield Finding(
            "warn" if smallest < VERY_FEW else "note",
            phrase("few samples"),
            sentences(
                [
                    phrase("The scores rest on {n:,} samples of one side.", n=smallest),
                    phrase("Fréchet distances come out too large with few; kid does not.") if far else "",
                    phrase("Compare only with scores of the same counts."),
                ]
            ),
            phrase("More samples: -n 10000; of the real side, more data."),
        )


def notes(evidence: Evidence) -> Iterator[Finding]:
    for note in evidence.notes:
        yield Finding("note", phrase("how the comparison was made"), note)


FIRST, LAST = (quality, memory), (balance, gain, counts, health, trend, notes)
"""The rules that come before those of the signal, and after them."""
