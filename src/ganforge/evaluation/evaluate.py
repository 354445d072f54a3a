"""Evaluates a trained model, or one set of samples against another: metric values with their protocols, and a report.

    subject → Comparison → metrics → results → report.json, report.html

A subject is a run (its generator against its own data) or two sets (the first is taken for the real one). Paired
samples of different sizes are compared pair by pair at full size; metrics of whole sets (fd, kid) then see them resized
to one size. Every result is determined by the arguments: the same seed gives exactly the same values.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ganforge.core import html as pieces
from ganforge.core.device import pick_device
from ganforge.core.errors import UserError
from ganforge.core.language import language_for, named, phrase
from ganforge.core.progress import Stages
from ganforge.core.refusals import Refusal, listed
from ganforge.data.base import DataSource
from ganforge.data.objects import is_object
from ganforge.evaluation.asked import (
    Settings,
    read_extractor,
    read_metric,
    refuse_arguments,
    report_folder,
    settings_of,
)
from ganforge.evaluation.comparison import comparison_of, encoder_for, looks_at_features, refuse_other_signals
from ganforge.evaluation.output import command_of, write
from ganforge.evaluation.report import compose
from ganforge.evaluation.report.content import Panel, Report
from ganforge.evaluation.runs import of_run, with_heldout
from ganforge.evaluation.sets import of_sets
from ganforge.evaluation.subject import Subject
from ganforge.inference.model import Model
from ganforge.inference.workers import spread
from ganforge.metrics.base import Comparison, Extractor, Metric, Progress, Result, measure
from ganforge.registry import load_all


@dataclass(frozen=True, repr=False)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        title: what was evaluated.
        results: the metric values.
        report: the content of the page.
        refused: metrics that could not be had, with the reason; also in `refused.json` beside the report.
        json, html: the files that were written; None where two sets in memory are compared and `out` is not given.
    """

    title: str
    results: tuple[Result, ...]
    report: Report
    json: Path | None
    html: Path | None
    refused: tuple[Refusal, ...] = ()

    def __repr__(self) -> str:
        values = ", ".join(f"{result.name} {result.value:.4g}" for result in self.results)
        return f"<Evaluation of {self.title}: {values}>"

    def _repr_html_(self) -> str:
        """For notebooks: the values; the page has more."""
        return pieces.table({result.name: f"{result.value:.4g}" for result in self.results} | {"report": self.html})


def evaluate(
    source: Any,
    against: Any = None,
    *,
    metrics: Sequence[str | Metric] | None = None,
    features: str | Extractor | None = None,
    weights: Path | str | None = None,
    n: int | None = None,
    seed: int = 0,
    data: Any = None,
    heldout: Any = None,
    size: int | None = None,
    mode: str | None = None,
    target: str | None = None,
    out: Path | str | None = None,
    batch: int | None = None,
    device: str | None = None,
    procs: int = 1,
    reject: float | None = None,
    temperature: float | None = None,
    guidance: float | None = None,
    progress: Progress | bool = True,
    language: str | None = None,
    extra: Callable[[Subject], Iterable[Panel]] | None = None,
) -> Evaluation:
    """Evaluates a run on its own data, or a set of samples against another, and writes `report.html` and `report.json`.

        gf.evaluate("runs/0003-dcgan").results
        gf.evaluate("photos/", "generated/", metrics=["fd", "kid", "pr"], out="report/")
        gf.evaluate("photos/", "restored/", metrics=["psnr(channel=Y)", "ssim"], out="report/")  # of the same names
        gf.evaluate("adult.csv", "synthetic.csv", target="income", out="report/")
        gf.evaluate(real_frame, synthetic_frame).results

    Args:
        source: a run directory, a bundle or a `Model`, which keeps its temperature, guidance and rejection; or the real
            samples, where two sets are compared: a folder, a zip, a CSV file, ..., or samples in memory, as `gf.train`
            takes them.
        against: the samples to evaluate against those in `source`.
        metrics: names such as "fd50k", "kid", "psnr(channel=Y, crop=4)"; by default those that suit the signal. Two
            sets are paired by their names for those that hold an image against the one that it should be.
        features: the extractor: small (trained on the real samples, the default), inception, dinov2, clip, ...
        weights: the extractor's file of weights, where it is not in the cache.
        n: how many generated samples; by default what the metrics ask for, or 10,000, and of a table as many rows as
            the real one has.
        seed: which latents, and every draw of a metric.
        data: real samples in place of those that the run was trained on.
        heldout: real samples that the generator was never trained on, where the data has no such part of its own.
        size: side in pixels to which the images of two sets are brought; by default they must agree already.
        mode: L, RGB or RGBA, as `size`.
        target: of a table, the column that models learn to predict; by default the one that the recipe names.
        out: where the reports go; by default the folder `evaluation` in the run directory. Reports there are replaced.
        batch: samples that are made at a time; by default 64, and 4,096 rows or points.
        device: "cpu", "cuda", ...; by default the best there is.
        procs: processes that generate the samples, on this machine.
        reject: discriminator rejection sampling with this percentile, as `Model.rejecting`; the figures are those of
            the samples that are kept.
        temperature: of the draws of models that take one, as `Model.tempered`.
        guidance: the weight of conditions, as `Model.guided`.
        progress: show bars on stderr; or a callback that receives (title, done, total).
        language: of the page, "en" or "zh"; by default what the environment variable GANFORGE_LANG says, else English.
        extra: makes more panels of the report.

    Raises:
        UserError: nothing there, sets that do not fit, too few samples, a metric without what it needs, no
            permission to write. Nothing is written then.
    """
    load_all()
    written_in = language_for(language)
    asked = None if metrics is None else [read_metric(metric) for metric in metrics]
    settings = Settings(temperature, guidance, reject)
    if isinstance(source, Model):
        settings = replace(settings_of(source), **settings.given())
        source = source.folder
    if isinstance(data, Path):
        data = str(data)
    refuse_arguments(source, against, features, weights, n, settings)
    folder = report_folder(source, against, data, out)
    in_memory = any(is_object(value) or isinstance(value, DataSource) for value in (source, against, data, heldout))
    with contextlib.ExitStack() as stack:
        on_progress = stack.enter_context(Stages(quiet=not progress)) if isinstance(progress, bool) else progress
        if against is None:
            subject = of_run(Path(source), asked, n, seed, data, batch, device, on_progress, settings)
        else:
            subject = of_sets(source, against, asked, n, seed, {"size": size, "mode": mode}, on_progress)
        if subject.model is not None:
            stack.enter_context(spread(subject.model, procs))
        subject = subject.targeting(target)
        if heldout is not None:
            subject = with_heldout(subject, heldout, seed, on_progress)
        if asked is not None and n is not None:
            asked = [metric if metric.n is not None else replace(metric, n=n) for metric in asked]
        extractor = read_extractor(features or subject.signal.extractor, weights)
        subject, comparisons = all_compared(subject, asked, extractor, seed, device, on_progress)
        refused: list[Refusal] = []
        results = [result for comparison, some in comparisons for result in measure(some, comparison, refused)]
        lacking = [phrase("Not measured: {metric}. {why}", metric=one.what, why=one.why) for one in refused]
        subject = replace(subject, notes=(*subject.notes, *lacking))
        measured = [metric for _, some in comparisons for metric in some]
        more = {
            "--weights": weights, "-n": n or subject.fake.n, "--data": data, "--heldout": heldout, "--size": size,
            "--mode": mode, "--target": target, "--batch": batch,
            **{f"--{name}": value for name, value in settings.given().items()},
            "--out": None if against is None else folder,
        }  # fmt: skip
        used = (features or subject.signal.extractor) if looks_at_features(measured) else ""
        command = "" if in_memory else command_of(source, against, measured, used, seed, more)
        report = compose.report(subject, comparisons[-1][0], results, command)
        if extra is not None:
            report = replace(report, panels=[*report.panels, *extra(subject)])
    html, plain = (None, None) if folder is None else write(report, results, folder, written_in)
    if folder is not None:
        listed(refused, folder / "refused.json")
    return Evaluation(subject.title, tuple(results), report, plain, html, tuple(refused))


def all_compared(
    subject: Subject,
    asked: list[Metric] | None,
    extractor: Extractor,
    seed: int,
    device: str | None,
    on_progress: Progress,
) -> tuple[Subject, list[tuple[Comparison, list[Metric]]]]:
    """Each part of the subject with the metrics that see it: those asked for, or else the default ones that can be
    computed. The notes of the subject name the others.

    Raises:
        UserError: as `compared`.
    """
    parts = parts_of(subject, asked if asked is not None else usual(subject))
    found = [(compared(part, some, extractor, seed, device, on_progress), some) for part, some in parts]
    if asked is not None:
        return subject, found
    lacking = [why for comparison, some in found for why in left_out(subject, some, comparison)]
    subject = replace(subject, notes=(*subject.notes, *lacking))
    return subject, [(one, [metric for metric in some if not metric.lacks(one)]) for one, some in found]


def usual(subject: Subject) -> list[Metric]:
    """The default metrics."""
    translates = subject.model is not None and subject.model.recipe.task.mode == "translate"
    names = subject.signal.default_metrics(
        subject.spec, translates=translates, paired=subject.paired, sizes=subject.sizes
    )
    return [read_metric(name) for name in names]


def parts_of(subject: Subject, metrics: Sequence[Metric]) -> list[tuple[Subject, list[Metric]]]:
    """Which subject each metric sees: pairwise metrics samples of any size, all others samples of one size."""
    if subject.as_sets is None:
        return [(subject, list(metrics))]
    found = [(subject, [metric for metric in metrics if metric.any_size])]
    rest = [metric for metric in metrics if not metric.any_size]
    if rest:
        sets = subject.as_sets()
        found.append((replace(sets, heldout=subject.heldout or sets.heldout), rest))
    return found


def compared(
    subject: Subject,
    metrics: Sequence[Metric],
    extractor: Extractor,
    seed: int,
    device: str | None,
    on_progress: Progress,
) -> Comparison:
    """Both sides with everything that metrics may need.

    Raises:
        UserError: no metrics, or a metric or an extractor that does not apply to these samples.
    """
    if not metrics:
        raise UserError(
            f"samples of the kind {subject.signal.kind!r} have no default metrics: name some with --metrics",
            code="evaluate.no_metrics",
        )
    refuse_other_signals(metrics, extractor, subject.signal)
    place = pick_device(device)
    encoder = encoder_for(metrics, extractor, subject.real, subject.classes, place, on_progress)
    return comparison_of(subject, metrics, encoder, seed, place, on_progress)


def left_out(subject: Subject, metrics: Sequence[Metric], comparison: Comparison) -> list[str]:
    """A sentence for each metric that cannot be computed, if the signal reports those."""
    if not subject.signal.names_left_out:
        return []
    lacking = [(metric, metric.lacks(comparison)) for metric in metrics]
    return [
        phrase("Not measured: {metric}. It needs {why}.", metric=metric.kind, why=named(why))
        for metric, why in lacking
        if why
    ]
