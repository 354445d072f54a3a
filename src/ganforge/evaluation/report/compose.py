"""From what was measured to what the page shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ganforge.core.events import read_events
from ganforge.core.language import phrase
from ganforge.engine.callbacks import curves
from ganforge.evaluation.report import gallery
from ganforge.evaluation.report.classes import Classes, classes_of
from ganforge.evaluation.report.content import Bars, Report
from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.report.findings import find
from ganforge.evaluation.subject import Subject
from ganforge.metrics.base import Comparison, Result

MOST_CLASSES = 50


def report(subject: Subject, comparison: Comparison, results: Sequence[Result], command: str) -> Report:
    """The report of one comparison."""
    plain = [result.to_plain() for result in results]
    events = list(read_events(subject.folder / "events.jsonl")) if subject.folder is not None else []
    classes = classes_of(comparison) if any("extractor" in result.protocol for result in results) else None
    evidence = Evidence(
        results=plain,
        appearance=appearance_of(subject),
        classes=classes,
        events=events,
        samples=subject.model.samples if subject.model else 0,
        wanted=subject.model.recipe.samples if subject.model else 0,
        notes=subject.notes,
        run=str(subject.folder or ""),
    )
    pairs: list[dict[str, Any]] = next(
        (result.detail["neighbors"] for result in results if "neighbors" in result.detail), []
    )
    return Report(
        title=subject.title,
        lead=lead_of(subject),
        facts=facts_of(subject),
        results=plain,
        findings=find(evidence, subject.signal.rules),
        panels=list(gallery.panels(subject, pairs, comparison.seed)),
        charts=curves.charts(events),
        bars=bars_of(plain, classes),
        plots=[plot for result in results for plot in result.detail.get("plots", ())],
        command=command,
    )


def lead_of(subject: Subject) -> str:
    if subject.lead:
        return subject.lead
    them = subject.signal.noun.many
    if subject.model is None:
        return phrase(
            "{n:,} {them} of {fake} against {count:,} of {real}.",
            n=subject.fake.n, them=phrase(them), fake=subject.fake.name, count=subject.real.n, real=subject.real.name,
        )  # fmt: skip
    recipe = subject.model.recipe
    return phrase(
        "{n:,} generated {them} against {real:,} real {them} of {name}. Recipe {recipe}, {seen:,} real {them} seen in "
        "training.",
        n=subject.fake.n, them=phrase(them), real=subject.real.n, name=subject.real.name, recipe=recipe.name,
        seen=subject.model.samples,
    )  # fmt: skip


def facts_of(subject: Subject) -> dict[str, str]:
    facts = dict(subject.facts) or {"sample": subject.signal.describe(subject.spec)}
    if subject.model is None:
        facts |= {"real": subject.real.name, "evaluated": subject.fake.name}
    else:
        recipe = subject.model.recipe
        facts |= {"recipe": recipe.name}
        if not subject.facts:
            facts |= {"trained on": subject.real.name}
        facts |= {"samples seen": phrase("{seen:,} of {all:,}", seen=subject.model.samples, all=recipe.samples)}
        if subject.heldout is not None:
            facts["unseen"] = phrase("{n:,} of {name}", n=subject.heldout.n, name=subject.heldout.name)
    if subject.classes:
        facts["classes"] = str(len(subject.classes))
    return facts


def appearance_of(subject: Subject) -> Any:
    """`Signal.compare_appearance` of both sides; None for signals without it, and for samples of different sizes."""
    signal = subject.signal
    if not signal.appearance_samples or subject.sizes:
        return None
    sides = (subject.real, subject.fake)
    return signal.compare_appearance(
        *(gallery.pick(subject, side, gallery.spread(side.n, signal.appearance_samples)) for side in sides)
    )


def bars_of(results: Sequence[Mapping[str, Any]], classes: Classes | None) -> list[Bars]:
    """Whatever there is class by class."""
    found = []
    if classes is not None and classes.obeyed is not None:
        found.append(
            Bars(
                "generated as requested",
                "share that a classifier of the real data assigns to the requested class",
                classes.obeyed,
            )
        )
    elif classes is not None:
        found.append(Bars("share of the fakes", "by a classifier of the real data", classes.fake))
        found.append(Bars("share of the reals", "by their labels", classes.real))
    for result in results:
        values = result.get("detail", {}).get("per_class")
        if values and all(isinstance(value, (int, float)) for value in values.values()):
            found.append(Bars(result["name"], "within each class", values))
    return [Bars(b.title, b.caption, dict(list(b.values.items())[:MOST_CLASSES])) for b in found]
