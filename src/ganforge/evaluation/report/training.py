"""Findings about the training of a run, from its log: health, progress, and whether an earlier model was better."""

from __future__ import annotations

from collections.abc import Iterator

from ganforge.artifacts.health_words import STATES, explained
from ganforge.core.commands import command
from ganforge.core.language import joined, listed, phrase
from ganforge.evaluation.report.content import Finding
from ganforge.evaluation.report.evidence import Evidence

BEGUN = 0.05
"""Share of the planned samples below which faults say that a run is young, and little more."""


def resuming(evidence: Evidence) -> str:
    return command("train", "--resume", evidence.run or "RUN")


def health(evidence: Evidence) -> Iterator[Finding]:
    """What the run itself noticed."""
    states = [event for event in evidence.events if event["event"] == "health"]
    last = states[-1] if states else None
    if last is not None and last["state"] not in ("healthy", "unsettled"):
        advice = [phrase(text) for text in last.get("advice", ())[:2] if "{" not in text]
        why = (
            joined([explained(part) for part in last["why"].split(", ")])
            if last.get("why")
            else phrase("see events.jsonl")
        )
        yield Finding(
            "bad" if last["state"] in ("collapsing", "diverging") else "warn",
            phrase("training ended in the state “{state}”", state=STATES.get(last["state"], last["state"])),
            phrase("Since {samples:,} samples: {why}.", samples=last["samples"], why=why),
            phrase("Try: {advice}.", advice=joined(advice)) if advice else "",
        )
    else:
        trouble = [event for event in states if event["state"] not in ("healthy", "unsettled")]
        if trouble:
            at = "{state} at {samples:,} samples"
            names = [phrase(at, state=event["state"], samples=event["samples"]) for event in trouble]
            yield Finding(
                "note",
                phrase("training had trouble and recovered"),
                phrase("{states}.", states=listed(names, 3)),
            )
    back = [event for event in evidence.events if event["event"] == "rollback"]
    if back:
        yield Finding(
            "note",
            phrase("times that the run was rolled back to a checkpoint: {count}", count=len(back)),
            back[-1]["why"],
        )
    if any(event["event"] == "failed" for event in evidence.events[-3:]):
        failed = [event for event in evidence.events if event["event"] == "failed"][-1]
        yield Finding("bad", phrase("training stopped with an error"), str(failed.get("message", "")))
    skipped = sum(event.get("count", 0) for event in evidence.events if event["event"] == "skipped")
    if skipped:
        yield Finding(
            "note",
            phrase("{n:,} samples of the data could not be read", n=skipped),
            phrase("They were left out of training."),
        )
    if 0 < evidence.samples < evidence.wanted:
        begun = evidence.samples < BEGUN * evidence.wanted
        yield Finding(
            "note",
            phrase("training has only begun") if begun else phrase("training is not finished"),
            phrase(
                "{seen:,} of {all:,} planned samples have been seen ({share:.1%}).",
                seen=evidence.samples, all=evidence.wanted, share=evidence.samples / evidence.wanted,
            ),
            phrase("Resume with: {command}", command=resuming(evidence)),
        )  # fmt: skip


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
        kept = command("evaluate", f"{evidence.run or 'RUN'}/best.safetensors", "--out", "best")
        yield Finding(
            "note",
            phrase("an earlier model was better"),
            phrase(
                "{name} was {then:.4g} at {before:,} samples and is {now:.4g} at {at:,}.",
                name=name, then=then, before=top["samples"], now=now, at=last["samples"],
            ),
            phrase("It was kept: {command}", command=kept),
        )  # fmt: skip
