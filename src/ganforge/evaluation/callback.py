"""Evaluates a run while it trains, and keeps the best model so far.

An evaluation falls on a multiple of `every` and on the end of a run, depends on the weights and the recipe alone, and
changes neither. What was best before is read from `events.jsonl`, which a resume or a rollback cuts to where it goes on
from: a run that was killed finds the same best as the one that was not. Several processes share the work
(`evaluation/shares.py`).
"""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from ganforge.core.component import Count, PositiveCount, build
from ganforge.core.dataset import Dataset
from ganforge.core.device import pick_device
from ganforge.core.events import read_events
from ganforge.core.progress import Stages
from ganforge.core.words import counted
from ganforge.engine.callbacks.guard import Guard
from ganforge.evaluation.comparison import comparison_of, encoder_for, refuse_other_signals
from ganforge.evaluation.heldout import held_out
from ganforge.evaluation.output import plain_number, plain_result
from ganforge.evaluation.reader import Items, Reader, Stored
from ganforge.evaluation.shares import agrees, features_in, known_items, looks_at_samples, shared, with_samples
from ganforge.evaluation.sides import (
    MOST_REAL,
    chosen_items,
    generated_samples,
    labels_like,
    real_samples,
    translated_samples,
)
from ganforge.evaluation.subject import Subject
from ganforge.metrics.base import (
    CHUNK,
    Comparison,
    Encoded,
    Extractor,
    Metric,
    Result,
    SampleSet,
    keeps_features,
    measure,
)
from ganforge.recipes.callback import Callback, Listener, RunView, due

log = logging.getLogger("ganforge")

BEST = "best.safetensors"


class Evaluation(Callback, kind="evaluation"):
    """Measures metrics at a regular interval, logs them, and keeps the best model so far as `best.safetensors`.

    The fields `metrics`, `every` and `patience` of a recipe are short for one of these.
    """

    everywhere: ClassVar[bool] = True

    metrics: tuple[Metric, ...] = Field(default=("fd5k",), validate_default=True, min_length=1)
    """What is measured, by name: fd5k, kid5k, pr, ... The first decides which model is the best."""
    every: PositiveCount = 50_000
    """Samples between two evaluations; there is one more at the end."""
    patience: PositiveCount | None = None
    """Stop training after this many measurements in a row in which the first metric did not improve."""
    n: PositiveCount = 5_000
    """Generated samples for metrics whose name does not give a number."""
    extractor: Extractor | None = None
    """The feature extractor; by default the signal's own: for images `small`, trained once on the data."""
    seed: Count = 0
    """Random seed of the latents."""

    def build(self, run: RunView) -> Listener:
        return Evaluator(self, run)


class Evaluator(Listener):
    """Logs `evaluate` events: each value as `metric/NAME`, whether it is the `best`, and `results` with protocols."""

    def __init__(self, config: Evaluation, run: RunView):
        self.config, self.run = config, run
        self.world = run.world
        self.guard = Guard(run, "the evaluation")
        self.n = max(metric.n or config.n for metric in config.metrics)

    def on_start(self) -> None:
        """Opens the data and the extractor, so that what cannot work says so before hours of training."""
        recipe, dataset = self.run.recipe, self.run.dataset
        if self.world.leads:
            self._stop_without_progress()  # a run that was killed between its last measurement and its end
        extractor = self.config.extractor or build(Extractor, {"kind": recipe.signal.extractor})
        refuse_other_signals(self.config.metrics, extractor, recipe.signal)
        self.device = pick_device(None)
        with Stages(quiet=not self.world.leads) as progress:
            self.sources, wanted, self.split, kept = dataset, dataset, "train", None
            translates = recipe.task.mode == "translate"
            if translates:
                _, kept, _ = held_out(recipe.data, recipe.signal, dataset)
                self.split = "train" if kept is None else "test"
                self.sources, wanted = recipe.task.sources_and_targets(dataset if kept is None else kept, self.run.spec)
            self.paired = translates and wanted is self.sources
            most = self.n if translates else MOST_REAL
            items = self._readable(wanted, most, progress)
            self.real: SampleSet = real_samples(recipe.signal, wanted, self.run.spec, most=most, items=items)
            if translates:
                self.source_items = items if self.paired else self._readable(self.sources, self.n, progress)
            self.train = functools.cache(lambda: self.real if kept is None else self._trained_on(dataset))
            self.encoder = self.world.in_turn(
                lambda: encoder_for(self.config.metrics, extractor, self.real, dataset.classes, self.device, progress)
            )
            self.agree = agrees(self.world, self.encoder)

    def on_step(self, before: int, after: int) -> None:
        if due(before, after, self.config.every):
            self._evaluate()

    def on_end(self) -> None:
        if self.run.samples < self.run.recipe.samples:
            return
        lacking = self.world.leads and not any(event["samples"] == self.run.samples for event in self._past())
        if self.world.most(int(lacking)):
            self._evaluate()

    def _evaluate(self) -> None:
        with self.guard():
            started = time.perf_counter()
            comparison = self._comparison()
            if not self.world.leads:
                return
            results = measure(self.config.metrics, comparison)
            best = self._is_best(results[0])
            if best:  # before the log says so: a process killed between the two evaluates again
                self.run.write_bundle(BEST)
            values = {f"metric/{result.name}": plain_number(result.value) for result in results}
            self.run.log(
                "evaluate",
                **values,
                best=best,
                seconds=round(time.perf_counter() - started, 3),
                results=[plain_result(result) for result in results],
            )
            self._stop_without_progress()

    def _stop_without_progress(self) -> None:
        """Ends the training where the first metric has not improved for `patience` measurements.

        The count is that of the log, so a resumed run ends where one that was never stopped does.
        """
        measured = [bool(event.get("best")) for event in self._past()]
        since = len(measured) - 1 - max((k for k, best in enumerate(measured) if best), default=-1)
        if self.config.patience is not None and since >= self.config.patience:
            log.info(
                "stopping early at %s samples: %s has not improved in %s. To go on: a larger patience, "
                "or patience=null", f"{self.run.samples:,}", self.config.metrics[0].kind, counted(since, "measurement"),
            )  # fmt: skip
            self.run.stop_early("patience")

    def _comparison(self) -> Comparison:
        """Both sides. Several processes compute them together; the others' are then of no use to them."""
        run, world, metrics = self.run, self.world, self.config.metrics
        comparison = self._sides(self._fake())
        if world.size == 1:
            return comparison
        fake, encoder = comparison.fake, self.encoder if self.agree else None
        comparison.keep = keeps_features(metrics)
        streams = {}
        if encoder is not None and world.most(int(world.leads and not comparison.is_cached("real"))):
            blocks = shared(world, run.recipe.signal, self.real, encoder, False, comparison.progress)
            streams["real"] = features_in(blocks, self.real.unit or CHUNK)
        blocks = shared(
            world, run.recipe.signal, fake, encoder, looks_at_samples(metrics) or encoder is None, comparison.progress
        )
        if encoder is not None:
            streams["fake"] = features_in(blocks, fake.unit or CHUNK)
        return self._sides(with_samples(fake, blocks), streams)

    def _sides(self, fake: SampleSet, streams: Mapping[str, Sequence[Encoded]] | None = None) -> Comparison:
        run, config = self.run, self.config
        subject = Subject(
            title=run.folder.name,
            signal=run.recipe.signal,
            spec=run.spec,
            real=self.real,
            fake=fake,
            provenance={"samples": run.samples, "split": self.split, "ema": run.recipe.ema.half_life > 0},
            classes=run.dataset.classes,
            paired=self.paired,
            train=self.train,
        )

        def on_progress(title: str, done: int, total: int) -> None:
            run.tell({"event": "evaluating", "title": title, "done": done, "total": total})

        return comparison_of(
            subject, config.metrics, self.encoder, config.seed, self.device, on_progress, streams=streams
        )

    def _trained_on(self, dataset: Dataset) -> SampleSet:
        _, wanted = self.run.recipe.task.sources_and_targets(dataset, self.run.spec)
        return real_samples(self.run.recipe.signal, wanted, self.run.spec, stored=self._stored(wanted))

    def _readable(self, dataset: Dataset, most: int, progress: Stages) -> Items | None:
        """The items of a data set that can be read, which process 0 finds out; None: see `known_items`."""
        reader = Reader(self.run.recipe.signal, dataset, self.run.spec, self._stored(dataset))
        return known_items(
            self.world, reader.signal, reader, lambda: Items.read_once(reader, chosen_items(dataset, most, 0), progress)
        )

    def _stored(self, dataset: Dataset) -> Stored | None:
        """How prepared items are had that the run keeps in memory: read and decoded once, they are not read again."""
        run, rows = self.run, dataset.rows_in(self.run.dataset)
        if rows is None or run.stored(rows[:0]) is None:
            return None
        return lambda items: run.stored(rows[items]) or []

    def _fake(self) -> SampleSet:
        run, config = self.run, self.config
        if run.recipe.task.mode == "translate":
            return translated_samples(
                run.recipe.signal, self.sources, run.spec, run.translate, run.folder.name, most=self.n,
                items=self.source_items,
            )  # fmt: skip
        labels = labels_like(self.real, run.spec, self.n, config.seed)
        batch, signal = run.recipe.signal.batch_size(run.spec), run.recipe.signal
        return generated_samples(
            signal,
            lambda requests: map(run.generate, requests),
            run.folder.name,
            self.n,
            seed=config.seed,
            labels=labels,
            batch=batch,
        )

    def _past(self) -> list[dict[str, Any]]:
        return list(read_events(self.run.folder / "events.jsonl", "evaluate"))

    def _is_best(self, result: Result) -> bool:
        meaning, best = self.config.metrics[0].meaning_of(result.name), None
        for event in self._past():
            value = event.get(f"metric/{result.name}")
            best = value if meaning.is_better(value, best) else best
        return meaning.is_better(result.value, best)
