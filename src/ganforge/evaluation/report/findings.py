"""What is wrong, if something is: rules that read figures and say in words what they point to.

Each rule is a function of what is known and yields what it finds. The thresholds are wide on purpose: a page that cries
at every run is soon not read. Where they come from stands beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence
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
LOOKS = ("texture", "lpips")
"""Figures of pairs that forgive a detail for being a little out of place."""


def find(evidence: Evidence, rules: Sequence[Rule] = ()) -> list[Finding]:
    """Everything that the rules find: those that serve all samples, and those of a signal."""
    return [finding for rule in (*FIRST, *rules, *LAST) for finding in rule(evidence)]


def quality(evidence: Evidence) -> Iterator[Finding]:
    precision, recall = evidence.value("precision"), evidence.value("recall")
    coverage = evidence.value("coverage")
    if precision is not None and precision < LOW_PRECISION:
        few = precision < VERY_LOW
        yield Finding(
            "bad" if few else "warn",
            "the samples hardly look like the data" if few else "many samples do not look like the data",
            f"Precision is {precision:.0%}: the share of the fakes that lie where real samples do.",
            "Train longer; look at the curves for a D that has won or given up; give G more width.",
        )
    poor = [name for name, value, least in (("recall", recall, LOW_RECALL), ("coverage", coverage, LOW_COVERAGE))
            if value is not None and value < least]  # fmt: skip
    if poor:
        worst = min(value for value in (recall, coverage) if value is not None)
        said = " and ".join(f"{name} {evidence.value(name):.0%}" for name in poor)
        clear = precision is not None and precision >= LOW_PRECISION
        yield Finding(
            "bad" if worst < VERY_LOW else "warn",
            "the samples lack variety: parts of the data are never generated"
            if clear
            else "parts of the data are never generated",
            f"{said[0].upper()}{said[1:]}: the share of the data that has fakes around it. "
            + ("The samples mostly look right, but are too often alike." if clear else ""),
            "Against collapse: a relativistic objective (recipe rpgan), packing (task.pack=2), a gradient penalty, a "
            "larger batch. Truncation below 1 lowers variety too.",
        )


def memory(evidence: Evidence) -> Iterator[Finding]:
    copies, detail = evidence.value("copies"), evidence.detail_of("copies")
    if copies is None:
        return
    chance = detail.get("by_chance", 0.01)
    if detail.get("copying"):
        yield Finding(
            "bad" if copies > 10 * chance else "warn",
            "training samples are repeated",
            f"{copies:.1%} of the fakes lie nearer to a training sample than all but the nearest unseen reals "
            f"({chance:.0%} would by chance). The nearest pairs are shown below: check whether they are copies.",
            "More data or augmentation (task.augment=ada); less training. If the data is private, keep the model so.",
        )
    elif copies > 0 or detail:
        yield Finding(
            "good",
            "no sign that training samples are repeated",
            f"{copies:.1%} of the fakes lie nearer to a training sample than all but the nearest unseen reals; "
            f"{chance:.0%} would by chance.",
        )


def balance(evidence: Evidence) -> Iterator[Finding]:
    if evidence.classes is None:
        return
    if evidence.classes.obeyed is not None:
        poor = {name: share for name, share in evidence.classes.obeyed.items() if share < DISOBEYED}
        if poor:
            worst = sorted(poor.items(), key=lambda item: item[1])[:5]
            named = ", ".join(f"{name} ({share:.0%})" for name, share in worst)
            yield Finding(
                "bad" if min(poor.values()) < 0.5 else "warn",
                "classes are not generated as requested",
                f"A classifier of the real data recognizes the requested class too rarely in: {named}.",
                "Train longer; more images of these classes; a larger weight of the label in D.",
            )
        return
    real, fake = evidence.classes.real, evidence.classes.fake
    off = {name: fake[name] / share for name, share in real.items() if share > 0}
    rare = sorted((name for name, ratio in off.items() if ratio < RARE), key=lambda name: off[name])
    often = sorted((name for name, ratio in off.items() if ratio > OFTEN), key=lambda name: -off[name])
    if rare or often:
        parts = [f"{name} ({fake[name]:.1%} instead of {real[name]:.1%})" for name in (rare + often)[:6]]
        yield Finding(
            "bad" if any(off[name] < VERY_LOW for name in rare) else "warn",
            "classes are too rare or too frequent",
            f"By a classifier of the real data: {', '.join(parts)}.",
            "Ask for classes (a conditional recipe such as cdcgan), or see what helps against collapse.",
        )


def gain(evidence: Evidence) -> Iterator[Finding]:
    """Whether a model of pairs does better than what can be had without one."""
    held = [figure for figure in evidence.figures if "baseline" in figure.get("detail", {})]
    if not held:
        return
    of = held[0]["detail"]["baseline"]["of"]
    steps = [(figure["name"], figure["detail"]["baseline"]["value"], figure["value"]) for figure in held]
    said = "; ".join(f"{name} {then:.4g} → {now:.4g}" for name, then, now in steps)
    better = [meaning_of(name).is_better(now, then) for name, then, now in steps]
    stems = [stem_of(name) for name, *_ in steps]
    if better[stems.index("psnr") if "psnr" in stems else 0]:
        yield Finding("good", f"better than {of}", f"{said}.")
    elif any(one and stem in LOOKS for one, stem in zip(better, stems, strict=True)):
        yield Finding(
            "note",
            f"looks more like the real images than {of}, and is further from them",
            f"{said}.",
            "That is what a game against a critic is for: it gives up decibels for detail, partly invented. Look at "
            "the images. For the most decibels train without a critic.",
        )
    else:
        yield Finding(
            "warn",
            f"no better than {of}",
            f"{said}.",
            "Train longer; and evaluate on images that were degraded like those of the training.",
        )


def counts(evidence: Evidence) -> Iterator[Finding]:
    protocols = [figure["protocol"] for figure in evidence.figures if figure["protocol"].get("pictures") != "whole"]
    smallest = min((min(p.get("n_real", FEW), p.get("n_fake", FEW)) for p in protocols), default=FEW)
    far = evidence.value("fd") is not None or evidence.value("fid") is not None
    biased = "Fréchet distances come out too large with few; kid does not. " if far else ""
    if smallest < FEW:
        yield Finding(
            "warn" if smallest < VERY_FEW else "note",
            "few samples",
            f"The figures rest on {smallest:,} samples of one side. {biased}"
            "Compare only with figures of the same counts.",
            "More samples: -n 10000; of the real side, more data.",
        )


def health(evidence: Evidence) -> Iterator[Finding]:
    """What the run itself noticed."""
    states = [event for event in evidence.events if event["event"] == "health"]
    last = states[-1] if states else None
    if last is not None and last["state"] not in ("healthy", "unsettled"):
        advice = "; ".join(last.get("advice", ())[:2])
        yield Finding(
            "bad" if last["state"] in ("collapsing", "diverging") else "warn",
            f"training ended in the state “{last['state']}”",
            f"Since {last['samples']:,} samples: {last.get('why') or 'see events.jsonl'}.",
            f"Try: {advice}." if advice else "",
        )
    else:
        trouble = [event for event in states if event["state"] not in ("healthy", "unsettled")]
        if trouble:
            said = ", ".join(f"{event['state']} at {event['samples']:,}" for event in trouble[-3:])
            yield Finding("note", "training had trouble and recovered", f"{said} samples.")
    back = [event for event in evidence.events if event["event"] == "rollback"]
    if back:
        yield Finding(
            "note", f"the run went back to a checkpoint {len(back)} time{'s' * (len(back) > 1)}", back[-1]["why"]
        )
    if any(event["event"] == "failed" for event in evidence.events[-3:]):
        failed = [event for event in evidence.events if event["event"] == "failed"][-1]
        yield Finding("bad", "training stopped with an error", str(failed.get("message", "")))
    skipped = sum(event.get("count", 0) for event in evidence.events if event["event"] == "skipped")
    if skipped:
        yield Finding("note", f"{skipped:,} samples of the data could not be read", "They were left out of training.")
    if 0 < evidence.samples < evidence.wanted:
        yield Finding(
            "note",
            "training is not finished",
            f"{evidence.samples:,} of {evidence.wanted:,} samples have been seen.",
            "Resume with: ganforge train --resume RUN",
        )


def trend(evidence: Evidence) -> Iterator[Finding]:
    """Whether an earlier model was better than the last one."""
    measured = [event for event in evidence.events if event["event"] == "evaluate" and event.get("results")]
    best = [event for event in measured if event.get("best")]
    if not best or not measured:
        return
    last, top = measured[-1], best[-1]
    name = top["results"][0]["name"]
    now, then = last.get(f"metric/{name}"), top[f"metric/{name}"]
    if last is not top and now is not None:
        yield Finding(
            "note",
            "an earlier model was better",
            f"{name} was {then:.4g} at {top['samples']:,} samples and is {now:.4g} at {last['samples']:,}.",
            "It was kept: ganforge evaluate RUN/best.safetensors --out FOLDER",
        )


def said(evidence: Evidence) -> Iterator[Finding]:
    for note in evidence.notes:
        yield Finding("note", "how the comparison was made", note)


FIRST, LAST = (quality, memory), (balance, gain, counts, health, trend, said)
"""What stands before the rules of the signal, and after them."""
