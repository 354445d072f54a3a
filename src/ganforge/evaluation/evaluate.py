"""Judging a trained model, or one set of samples against another: figures, their protocols, and a report of them.

    subject → Comparison → metrics → results → report.json, report.html

A subject is a run (its generator against its own data) or two sets (the first is taken for the real one). Where each
picture has one that it should be, and they are of many sizes, whole ones are held against each other pair by pair; what
looks at a set as a whole (fd, kid) then sees patches of one size. Everything that decides a figure hangs on the
arguments: one seed gives the same digits again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ganforge.artifacts import checkpoint
from ganforge.core.component import build, to_plain
from ganforge.core.dataset import Dataset
from ganforge.core.device import pick_device
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.overrides import apply
from ganforge.core.progress import Stages
from ganforge.core.types import Request, Spec
from ganforge.data.base import DataSource
from ganforge.data.download import cache_folder
from ganforge.engine.build import fingerprint
from ganforge.evaluation.heldout import held_out
from ganforge.evaluation.report import compose
from ganforge.evaluation.report.content import Report
from ganforge.evaluation.report.page import render
from ganforge.evaluation.sides import (  # fmt: skip
    MOST_REAL,
    fake_side,
    labels_like,
    looks_at_features,
    open_encoder,
    real_side,
    refuse_other_signals,
    rows_at_a_time,
    source_and_wanted,
    translated_side,
)
from ganforge.evaluation.subject import Subject
from ganforge.inference.film import check_folder
from ganforge.inference.model import Model, load
from ganforge.metrics.base import Comparison, Extractor, Latents, Metric, Progress, Result, Side, measure
from ganforge.modalities.image.metrics.lpips import at_hand
from ganforge.modalities.image.metrics.pairwise import WINDOW
from ganforge.modalities.image.metrics.sharpness import SMALLEST
from ganforge.modalities.pair import full_images as whole
from ganforge.modalities.pair.signal import Pair
from ganforge.recipes.base import Recipe
from ganforge.recipes.sampling import encoded
from ganforge.registry import load_all
from ganforge.signals import Signal

OTHER_DATA = (
    "This is not known to be the table that the run was trained on (its rows, their content or its form differ), so "
    "nobody can say which of these rows it has seen."
)
HELD_BACK = "These are pictures that were held back from training (data.holdout={share:g})."
NO_HELDOUT = "The data has no part that was kept for tests: each training sample in turn stands for an unseen one."
SEEN = (
    "These are the pictures that it was trained on, for the data has no part that was kept for tests: judge it by "
    "others with --data."
)
NOT_RESIZED = "Pairs were held against each other at their own sizes; --size is for what compares sets as wholes."
FEWEST = 10
"""Samples below which no figure means anything."""
JSON, HTML = "report.json", "report.html"


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    Attributes:
        title: what was judged.
        results: the figures.
        report: all that the page shows.
        json, html: the files that were written.
    """

    title: str
    results: tuple[Result, ...]
    report: Report
    json: Path
    html: Path


def evaluate(
    source: Path | str,
    against: Path | str | None = None,
    *,
    metrics: Sequence[str | Metric] | None = None,
    features: str | Extractor | None = None,
    weights: Path | str | None = None,
    n: int | None = None,
    seed: int = 0,
    data: Path | str | None = None,
    heldout: Path | str | None = None,
    size: int | None = None,
    mode: str | None = None,
    target: str | None = None,
    out: Path | str | None = None,
    batch: int | None = None,
    device: str | None = None,
    progress: Progress | bool = True,
) -> Evaluation:
    """Judges a run by its own data, or a set of samples by another, and writes `report.html` and `report.json`.

        gf.evaluate("runs/0003-dcgan").results
        gf.evaluate("photos/", "generated/", metrics=["fd", "kid", "pr"], out="report/")
        gf.evaluate("photos/", "restored/", metrics=["psnr(channel=Y)", "ssim"], out="report/")  # of the same names
        gf.evaluate("adult.csv", "synthetic.csv", target="income", out="report/")

    Args:
        source: a run directory or a bundle; or the real samples, where two sets are compared: a folder, a zip, a CSV
            file, ...
        against: the samples to judge by those in `source`.
        metrics: names such as "fd50k", "kid", "psnr(channel=Y, crop=4)"; by default those that suit the signal. Two
            sets are paired by their names for those that hold a picture against the one that it should be.
        features: the extractor: small (trained on the real samples, the default), inception, dinov2, clip, ...
        weights: the extractor's file of weights, where it is not in the cache.
        n: how many generated samples; by default what the metrics ask for, or 10,000, and of a table as many rows as
            the real one has.
        seed: which latents, and every draw of a metric.
        data: real samples in place of those that the run was trained on.
        heldout: real samples that the generator was never trained on, where the data has no such part of its own.
        size: side in pixels to which the pictures of two sets are brought; by default they must agree already.
        mode: L, RGB or RGBA, as `size`.
        target: of a table, the column that models learn to predict; by default the one that the recipe names.
        out: where the reports go; by default the folder `evaluation` in the run directory. Reports there are replaced.
        batch: samples that are made at a time; by default 64, and 4,096 rows or points.
        device: "cpu", "cuda", ...; by default the best there is.
        progress: show bars on stderr; or what is told how far long work has come.

    Raises:
        UserError: nothing there, sets that do not fit, too few samples, a metric without what it needs, no right to
            write. Nothing is written then.
    """
    load_all()
    asked = None if metrics is None else [read_metric(metric) for metric in metrics]
    if features is None and weights is not None:
        raise UserError(f"weights {weights}: say whose weights they are: --features inception, dinov2, clip, ...")
    if features is not None:
        read_extractor(features, weights)  # a typo is told at once
    if n is not None and n < FEWEST:
        raise UserError(f"{n} generated samples are too few to judge by: at least {FEWEST}")
    run = against is None
    data = None if data is None else str(data)
    refuse_mixtures(Path(source), against, data)
    folder = target_folder(Path(source), None if out is None else Path(out), run)
    with contextlib.ExitStack() as stack:
        told = stack.enter_context(Stages(quiet=not progress)) if isinstance(progress, bool) else progress
        in_pairs = any(metric.any_size for metric in asked or ())
        if against is None:
            said = [metric.n or n for metric in asked or ()] or [n]
            wholes = asked is None or in_pairs
            subject = subject_of_run(Path(source), said, seed, data, batch, device, told, wholes)
        elif in_pairs:
            subject = subject_of_pairs(str(source), str(against), n, seed, size, mode, told)
        else:
            subject = subject_of_sets(str(source), str(against), n, seed, size, mode, told)
        subject = with_target(subject, target)
        if heldout is not None:
            subject = with_heldout(subject, str(heldout), seed, told)
        if asked is not None and n is not None:
            asked = [metric if metric.n is not None else replace(metric, n=n) for metric in asked]
        chosen = asked if asked is not None else usual(subject)
        extractor = read_extractor(features or subject.signal.extractor, weights)
        looks = [
            (comparison_of(part, some, extractor, seed, device, told), some) for part, some in parts_of(subject, chosen)
        ]
        if asked is None:  # of the defaults, those that can be had
            lacking = [said for comparison, some in looks for said in left_out(some, comparison)]
            subject = replace(subject, notes=(*subject.notes, *lacking))
            looks = [(c, [metric for metric in some if not metric.lacks(c)]) for c, some in looks]
        results = [result for comparison, some in looks for result in measure(some, comparison)]
        more = {"--data": data, "--heldout": heldout, "--target": target}
        command = command_of(source, against, asked, features, n, seed, more)
        report = compose.report(subject, looks[-1][0], results, command)
    html, plain = write(report, results, folder)
    return Evaluation(subject.title, tuple(results), report, plain, html)


def usual(subject: Subject) -> list[Metric]:
    """What is measured where nobody says otherwise."""
    task = None if subject.model is None else subject.model.recipe.task
    if task is None or task.mode != "translate":
        return [read_metric(name) for name in subject.signal.metrics]
    if not subject.paired:
        return [read_metric("fd"), read_metric("kid")]
    crop = subject.spec.state["source"]["scale"]
    crop = crop if crop > 1 else 0  # papers on super-resolution cut the factor of enlargement from each edge
    kinds = ["psnr", "ssim"] if subject.least - 2 * crop >= WINDOW else ["psnr"]
    channels = ["RGB", "Y"] if subject.spec.shape[0] > 1 else ["RGB"]
    fields = [{"kind": kind, "channel": channel, "crop": crop} for kind in kinds for channel in channels]
    lpips = [read_metric("lpips")] if at_hand("alex", cache_folder() / "evaluation") else []
    looks = ["sharpness", "texture"] if subject.least >= SMALLEST else []
    maps = ["segmentation"] if subject.spec.state["source"]["mode"] == "classes" else []
    sets = ["fd"] if subject.wholes is None else []  # whole pictures are few, and the field judges them one by one
    names = [*looks, *maps, *sets]
    return [*(build(Metric, plain) for plain in fields), *lpips, *(read_metric(name) for name in names)]


def parts_of(subject: Subject, metrics: Sequence[Metric]) -> list[tuple[Subject, list[Metric]]]:
    """What each metric looks at: of whole pictures those that go pair by pair, of patches of one size the others."""
    if subject.as_sets is None:
        return [(subject, list(metrics))]
    found = [(subject, [metric for metric in metrics if metric.any_size])]
    rest = [metric for metric in metrics if not metric.any_size]
    if rest:
        sets = subject.as_sets()
        found.append((replace(sets, heldout=subject.heldout or sets.heldout), rest))
    return found


def comparison_of(
    subject: Subject, metrics: Sequence[Metric], extractor: Extractor, seed: int, device: str | None, told: Progress
) -> Comparison:
    """Both sides with all that metrics may ask for.

    Raises:
        UserError: no metrics, or a metric or an extractor that means nothing for these samples.
    """
    if not metrics:
        raise UserError(f"samples of the kind {subject.signal.kind!r} have no metrics of their own yet: name some")
    for part in (*metrics, extractor) if looks_at_features(metrics) else metrics:
        refuse_other_signals(part, subject.signal)
    place, cache = pick_device(device), cache_folder() / "evaluation"
    encoder = open_encoder(
        metrics, extractor, subject.real, classes=subject.classes, cache=cache, device=place, progress=told
    )
    return Comparison(
        subject.real,
        subject.fake,
        encoder,
        train=subject.train or (subject.real if subject.model is not None else None),
        heldout=subject.heldout,
        classes=subject.classes,
        latents=latents_of(subject.model, seed) if subject.model is not None else None,
        facts=subject.spec.state if subject.target is None else subject.spec.state | {"target": subject.target},
        paired=subject.paired,
        baseline=None if subject.wholes is None else subject.wholes.baseline,
        seed=seed,
        device=place,
        cache=cache,
        stamp=subject.stamp,
        progress=told,
    )


def left_out(metrics: Sequence[Metric], comparison: Comparison) -> list[str]:
    """A sentence for each of a table's metrics that cannot be had; of pictures what is missing explains itself."""
    lacking = [(metric, metric.lacks(comparison)) for metric in metrics if "table" in metric.signals]
    return [f"Not measured: {metric.kind}. It needs {why}." for metric, why in lacking if why]


# --- what is meant


def read_metric(text: str | Metric) -> Metric:
    """A metric from its name.

    Raises:
        UserError: there is none of that name.
    """
    return text if isinstance(text, Metric) else build(Metric, Metric.from_text(text.strip()), what="metrics")


def text_of(metric: Metric) -> str:
    """What `read_metric` reads as this metric: `psnr12(channel=Y,crop=4)`."""
    usual = to_plain(type(metric)())
    fields = [f"{name}={value}" for name, value in to_plain(metric).items() if name != "n" and value != usual[name]]
    return f"{metric.kind}{metric.n or ''}" + (f"({','.join(fields)})" if fields else "")


def read_extractor(text: str | Extractor, weights: Path | str | None) -> Extractor:
    """An extractor from its name, with its file of weights."""
    if isinstance(text, Extractor):
        return text
    fields = {} if weights is None else {"weights": str(weights)}
    return build(Extractor, {"kind": text, **fields}, what="features")


def is_model(path: Path) -> bool:
    """Whether a path is a run directory or a bundle."""
    return (path.is_dir() and (path / "recipe.yaml").is_file()) or path.suffix == ".safetensors"


def refuse_mixtures(source: Path, against: Path | str | None, data: str | None) -> None:
    """Raises UserError where the arguments are neither one run nor two sets."""
    if against is None:
        if not is_model(source):
            raise UserError(not_a_run(source))
        return
    if is_model(source) or is_model(Path(against)):
        raise UserError(
            f"{source} and {against}: two sets of samples are compared here, and one of these is a run or a bundle. "
            "Give runs alone, or write a run's samples first: ganforge sample RUN -n 10000 --out FOLDER"
        )
    if data is not None:
        raise UserError("--data takes the place of a run's data; of two sets the first is the real one")


def not_a_run(path: Path) -> str:
    if not path.exists():
        return f"{path}: no such run, bundle or folder. A run directory looks like runs/0001-dcgan"
    return (
        f"{path}: no run here (there is no recipe.yaml). To compare two sets of samples give both, the real one first: "
        f"ganforge evaluate REAL {path} --out DIR"
    )


def target_folder(source: Path, out: Path | None, run: bool) -> Path:
    """Where the reports go. Found out before anything is computed.

    Raises:
        UserError: nowhere is said, or there is no right to write there.
    """
    if out is None and not (run and source.is_dir()):
        what = "a bundle" if run else "two sets"
        raise UserError(f"say where the report of {what} goes: --out FOLDER")
    folder = out if out is not None else source / "evaluation"
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; the reports need a folder")
    check_folder(folder)
    return folder


# --- subjects


def subject_of_run(
    path: Path,
    said: Sequence[int | None],
    seed: int,
    data: str | None,
    batch: int | None,
    device: str | None,
    progress: Progress | None,
    wholes: bool = True,
) -> Subject:
    """A trained generator against real samples.

    Args:
        said: how many generated samples each metric wants; None: as many as the signal says.
        wholes: judge whole pictures where it was trained on patches of pictures of many sizes.

    Raises:
        UserError: no run, no model in it yet, data that is gone or too small.
    """
    model = load(path, device)
    recipe = model.recipe
    source = recipe.data if data is None else named_data(data, recipe.data)
    try:
        dataset = recipe.signal.items(source.open())
    except UserError as error:
        if data is not None:
            raise
        raise UserError(f"{error}. If the data of this run has moved, say where it is: --data PATH") from None
    if recipe.task.mode == "translate":
        if wholes and isinstance(recipe.signal, Pair) and recipe.signal.patches:
            return subject_of_wholes(path, model, source, dataset, said, seed, progress)
        return subject_of_translator(path, model, source, dataset, seed, progress)
    if recipe.signal.known(dataset) is not None and trained_on(path) not in (None, fingerprint(dataset)):
        source = source.whole()
        dataset, heldout, why = source.open(), None, OTHER_DATA
        real = real_side(recipe.signal, dataset, model.spec, seed=seed, fewest=FEWEST, progress=progress)
    else:
        real = real_side(recipe.signal, dataset, model.spec, seed=seed, fewest=FEWEST, progress=progress)
        heldout, why = unseen(source, recipe.signal, dataset, model.spec, seed, progress)
    n = max(wanted or recipe.signal.judged or real.n for wanted in said)
    batch = batch or rows_at_a_time(model.spec.shape)
    labels = labels_like(real.labels, n, seed) if model.spec.classes else None
    name = path.name or str(path)
    fake = fake_side(model.bundle.generate, name, n, seed=seed, labels=labels, batch=batch, progress=progress)
    return Subject(
        title=name,
        signal=recipe.signal,
        spec=model.spec,
        real=real,
        fake=fake,
        stamp=stamp_of(path, model, source.part_name) | {"truncation": 1.0},
        heldout=heldout,
        classes=dataset.classes,
        model=model,
        folder=path if path.is_dir() else None,
        notes=(why,) if why else (),
    )


def named_data(text: str, own: DataSource) -> DataSource:
    """The data that `--data` means: a path or a name; or fields of the run's own, as in "source=A target=B".

    Raises:
        UserError: no such data.
    """
    words = shlex.split(text)
    if words and all("=" in word for word in words):
        return build(DataSource, apply(to_plain(own), words), what=f"--data {text}")
    return build(DataSource, DataSource.from_text(text), what=f"--data {text}")


def subject_of_translator(
    path: Path, model: Model, source: DataSource, dataset: Dataset, seed: int, progress: Progress | None
) -> Subject:
    """A trained translator against the pictures that its sources should become: unseen ones where the data has a part
    that was kept for tests.

    Raises:
        UserError: too few.
    """
    signal, spec, task = model.recipe.signal, model.spec, model.recipe.task
    notes: tuple[str, ...] = (SEEN,) if source == model.recipe.data else ()
    split = source.part_name
    own = dataset if notes else opened(model.recipe)
    _, kept, _ = held_out(source, signal, dataset) if notes else (None, None, "")
    if kept is not None:
        dataset, split, notes = kept, "test", held_back(source)
    sources, wanted = source_and_wanted(dataset, spec)
    way = task.directions()[0]

    @torch.inference_mode()
    def translate(x: Tensor) -> Tensor:
        return model.bundle.translated(x, way)

    def train() -> Side:
        assert own is not None
        return real_side(signal, source_and_wanted(own, spec)[1], spec, seed=seed, progress=progress)

    name = path.name or str(path)
    real = real_side(signal, wanted, spec, seed=seed, fewest=FEWEST, progress=progress)
    fake = translated_side(signal, sources, spec, translate, name, seed=seed, fewest=FEWEST, progress=progress)
    stamp = stamp_of(path, model, split) | ({"direction": way} if way else {})
    return Subject(
        name, signal, spec, replace(real, labels=None), fake, stamp,
        model=model, folder=path if path.is_dir() else None, notes=notes, paired=sources is wanted,
        train=None if own is None or own is dataset else train,
    )  # fmt: skip


def subject_of_wholes(
    path: Path,
    model: Model,
    source: DataSource,
    dataset: Dataset,
    said: Sequence[int | None],
    seed: int,
    progress: Progress | None,
) -> Subject:
    """As `subject_of_translator`, of whole pictures, each through the model as `ganforge translate` takes it.

    Raises:
        UserError: none of them can be read.
    """
    name, signal, opening = path.name or str(path), model.recipe.signal, source
    notes, split = (SEEN,) if source == model.recipe.data else (), source.part_name
    kept, *_ = held_out(source, signal, dataset) if notes else (None, None, "")
    if kept is not None:
        opening, split, notes = kept, "test", held_back(source)
    most = None if None in said else max(n for n in said if n is not None)
    wholes = whole.translated(model.translator(), opening.open(), name, seed, most, progress)
    if wholes.left_out:
        notes = (*notes, unread(wholes.left_out))

    def as_sets() -> Subject:
        sets = subject_of_translator(path, model, source, dataset, seed, progress)
        return replace(sets, stamp=sets.stamp | {"pictures": "patches"})

    return Subject(
        name, signal, model.spec, wholes.real, wholes.made, stamp_of(path, model, split) | {"pictures": "whole"},
        model=model, folder=path if path.is_dir() else None, notes=notes, paired=True, wholes=wholes, as_sets=as_sets,
    )  # fmt: skip


def unread(reasons: Sequence[str]) -> str:
    """A sentence on pictures that could not be read."""
    more = f"; and {len(reasons) - 3} more" if len(reasons) > 3 else ""
    return f"Left out, for they cannot be read: {'; '.join(reasons[:3])}{more}."


def held_back(source: DataSource) -> tuple[str, ...]:
    """A sentence on pictures that were held back by their names; none where the data has a test part of its own."""
    return (HELD_BACK.format(share=source.held_back),) if source.held_back else ()


def stamp_of(path: Path, model: Model, split: str) -> dict[str, Any]:
    """What every protocol says of a model and of the part of the data that it is judged by."""
    file = path / "model.safetensors" if path.is_dir() else path
    return {
        "split": split,
        "model": hashlib.sha256(file.read_bytes()).hexdigest()[:16],
        "samples": model.samples,
        "ema": model.recipe.ema.half_life > 0,
    }


def opened(recipe: Recipe) -> Dataset | None:
    """What a run was trained on; None where it is gone."""
    try:
        return recipe.signal.items(recipe.data.open())
    except UserError:
        return None


def trained_on(path: Path) -> str | None:
    """The fingerprint of the data that a run was trained on; None where that is not known, as of a bundle."""
    point = checkpoint.newest(path / "checkpoints") if path.is_dir() else None
    if point is None:
        return None
    return json.loads((point / "state.json").read_text(encoding="utf-8")).get("data")


def with_target(subject: Subject, target: str | None) -> Subject:
    """A table with another column to predict.

    Raises:
        UserError: these samples are no table, or it has no such column.
    """
    if target is None:
        return subject
    names = subject.spec.state.get("names")
    if names is None:
        raise UserError(f"--target {target}: that is a column of a table, and these samples have none")
    if target not in names:
        raise UserError(f"--target {target}: the table has no such column{did_you_mean(target, names)}")
    return replace(subject, target=target)


def with_heldout(subject: Subject, text: str, seed: int, progress: Progress | None) -> Subject:
    """A subject with unseen samples that the user names.

    Raises:
        UserError: nothing there, or too few samples.
    """
    source = build(DataSource, DataSource.from_text(text), what=f"--heldout {text}")
    dataset = subject.signal.items(source.whole().open())
    side = real_side(subject.signal, dataset, subject.spec, seed=seed, fewest=FEWEST, progress=progress)
    notes = tuple(note for note in subject.notes if not note.startswith((NO_HELDOUT, OTHER_DATA)))
    return replace(subject, heldout=replace(side, name=text), notes=notes)


def unseen(
    source: DataSource, signal: Signal, dataset: Dataset, spec: Spec, seed: int, progress: Progress | None
) -> tuple[Side | None, str]:
    """Samples of the part of the data that was kept for tests; or None, and why."""
    _, kept, why = held_out(source, signal, dataset)
    if kept is not None:
        try:
            side = real_side(signal, kept, spec, seed=seed, fewest=FEWEST, progress=progress)
            return replace(side, name=f"{side.name} (test)"), ""
        except UserError as error:
            why = str(error)
    return None, f"{NO_HELDOUT} ({why})" if why else NO_HELDOUT


def subject_of_sets(
    first: str, second: str, n: int | None, seed: int, size: int | None, mode: str | None, progress: Progress | None
) -> Subject:
    """A set of samples against another that is taken for real.

    Raises:
        UserError: not two sets of samples of one size and mode, or too few.
    """
    sources = [build(DataSource, DataSource.from_text(text), what=text) for text in (first, second)]
    sets = [source.whole().open() for source in sources]
    signal = signal_for(sets, size, mode)
    spec = signal.spec(sets[0], lambda shape: shape)
    if signal.known(sets[0]) is None and signal.spec(sets[1], lambda shape: shape).shape != spec.shape:
        raise UserError(f"{first} and {second}: samples of different shapes cannot be compared")
    real = real_side(signal, sets[0], spec, seed=seed, fewest=FEWEST, progress=progress)
    fake = real_side(
        signal, sets[1], spec, seed=seed, most=n or MOST_REAL, fewest=FEWEST, shuffled=True, progress=progress
    )
    labelled = sets[0].classes == sets[1].classes
    return Subject(
        title=f"{Path(second).name or second} against {Path(first).name or first}",
        signal=signal,
        spec=spec,
        real=replace(real, name=first),
        fake=replace(fake, name=second, labels=fake.labels if labelled else None),
        stamp={"split": "all"} | ({} if size is None else {"size": size}) | ({} if mode is None else {"mode": mode}),
        classes=sets[0].classes,
    )


def subject_of_pairs(
    first: str, second: str, n: int | None, seed: int, size: int | None, mode: str | None, progress: Progress | None
) -> Subject:
    """Pictures of one set held against those of the same names in another that is taken for real.

    Raises:
        UserError: names without a partner, pairs whose sizes differ, none that can be read.
    """
    sources = [build(DataSource, DataSource.from_text(text), what=text) for text in (first, second)]
    sets = [source.open() for source in sources]
    wholes = whole.by_name(sets[0], sets[1], mode, progress)
    signal = build(Signal, {"kind": "image", "mode": mode or "auto"})
    return Subject(
        title=f"{Path(second).name or second} against {Path(first).name or first}",
        signal=signal,
        spec=signal.spec(sets[0], lambda shape: shape),
        real=wholes.real,
        fake=wholes.made,
        stamp={"split": "all", "pictures": "whole"} | ({} if mode is None else {"mode": mode}),
        notes=((unread(wholes.left_out),) if wholes.left_out else ()) + ((NOT_RESIZED,) if size is not None else ()),
        paired=True,
        wholes=wholes,
        as_sets=lambda: subject_of_sets(first, second, n, seed, size, mode, progress),
    )


def signal_for(sets: Sequence[Dataset], size: int | None, mode: str | None) -> Signal:
    """What the samples of two sets are, if they are the same.

    Raises:
        UserError: they are not: says how they differ, and what brings them together.
    """
    shapes = [dataset.shapes() for dataset in sets]
    for dataset, found in zip(sets, shapes, strict=True):
        if not found:
            raise UserError(f"{dataset.name}: none of its {len(dataset)} samples can be read")
    of_rows = [any(dtype == "object" for _, dtype in found) for found in shapes]
    if all(of_rows):
        return build(Signal, {"kind": "table", "numbers": "minmax"})  # nothing is encoded, so no modes are needed
    if any(of_rows):
        raise UserError(f"{sets[0].name} and {sets[1].name}: one is a table and the other one is not")
    if any(len(shape) != 3 for found in shapes for shape, _ in found):
        return build(Signal, {"kind": "points"})
    sizes = [{shape[:2] for shape, _ in found} for found in shapes]
    modes = [{MODES[shape[2]] for shape, _ in found} for found in shapes]
    fields: dict[str, Any] = {"size": size, "mode": mode}
    if size is None:
        if len(sizes[0] | sizes[1]) > 1:
            raise UserError(
                f"pictures of different sizes cannot be compared: {told(sets, sizes, lambda s: f'{s[0]}×{s[1]}')}. "
                "Resizing changes the figures, so say so if it is meant: --size 64"
            )
        ((height, width),) = sizes[0]
        fields["size"] = [height, width]
    if mode is None:
        if len(modes[0] | modes[1]) > 1:
            raise UserError(
                f"pictures of different modes cannot be compared: {told(sets, modes, str)}. "
                "If they should be brought to one: --mode L (grey) or --mode RGB"
            )
        (fields["mode"],) = modes[0]
    return build(Signal, {"kind": "image", **fields})


MODES = {1: "L", 2: "RGBA", 3: "RGB", 4: "RGBA"}


def told(sets: Sequence[Dataset], values: Sequence[set[Any]], say: Any) -> str:
    """`a holds 28×28, b holds 32×32 and 64×64`."""
    parts = []
    for dataset, found in zip(sets, values, strict=True):
        shown = [say(value) for value in sorted(found)]
        more = f" and {len(shown) - 3} more" if len(shown) > 3 else ""
        parts.append(f"{dataset.name} holds {', '.join(shown[:3])}{more}")
    return "; ".join(parts)


def latents_of(model: Model, seed: int) -> Latents | None:
    """The generator as path lengths see it; None where it does not make pictures from latents."""
    task, bundle = model.recipe.task, model.bundle
    if not task.can_sample or len(model.spec.shape) != 3 or task.latents(Request(1, seed)).ndim != 2:
        return None

    def draw(first: int, count: int) -> Tensor:
        return task.latents(Request(count, seed, first)).cpu()

    @torch.inference_mode()
    def render(latents: Tensor) -> Tensor:
        labels = torch.arange(len(latents)) % model.spec.classes if model.spec.classes else None
        request = Request(len(latents), labels=labels, latents=latents)
        return encoded(model.recipe, bundle.nets, request, bundle.device).float()

    return Latents(draw, render)


# --- what is written


def write(report: Report, results: Sequence[Result], folder: Path) -> tuple[Path, Path]:
    """Writes both files, whole or not at all; those of an earlier evaluation are replaced.

    Raises:
        UserError: the disk is full, or there is no right to write.
    """
    plain = json.dumps([plain_result(result) for result in results], ensure_ascii=False, indent=2, allow_nan=False)
    return write_pair(folder, render(report), plain)


def plain_result(result: Result) -> dict[str, Any]:
    """For report.json, where a figure that is not finite is null."""
    return result.to_plain() | {"value": float(result.value) if np.isfinite(result.value) else None}


def write_pair(folder: Path, page: str, plain: str) -> tuple[Path, Path]:
    """Both files under other names first, then in place."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".writing-", dir=folder))
        try:
            (partial / HTML).write_text(page, encoding="utf-8")
            (partial / JSON).write_text(plain + "\n", encoding="utf-8")
            for name in (HTML, JSON):
                (partial / name).replace(folder / name)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror or error})") from None
    return folder / HTML, folder / JSON


def command_of(
    source: Path | str,
    against: Path | str | None,
    metrics: Sequence[Metric] | None,
    features: str | Extractor | None,
    n: int | None,
    seed: int,
    more: Mapping[str, Path | str | None],
) -> str:
    """The command that gives these figures again; of `more` options those that have a value."""
    words = ["ganforge evaluate", str(source)]
    if against is not None:
        words.append(str(against))
    if metrics is not None:
        words.append(f"--metrics {shlex.quote(','.join(text_of(metric) for metric in metrics))}")
    if isinstance(features, str):
        words.append(f"--features {features}")
    options = {"-n": n, **more}
    words += [f"{name} {value}" for name, value in options.items() if value is not None]
    return " ".join([*words, f"--seed {seed}"])
