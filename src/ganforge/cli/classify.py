"""`ganforge classify`: classes of files, predicted by a model that was trained to."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ganforge.core.files import check_new, output_to
from ganforge.ui.common import Common, with_common
from ganforge.ui.options import Language, Source, examples
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from ganforge.evaluation.classify import Classified

EPILOG = examples(
    "ganforge classify runs/0004-sgan photos/ --out classes.csv",
    "ganforge classify runs/0004-sgan a.png b.png",
    "ganforge classify model.safetensors photos.zip --calibrate labeled/ --out classes.csv --report report.html",
    "ganforge classify runs/0004-sgan split=test --out classes.csv",
)


@with_common
def classify(
    source: Source,
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILES...",
            help="What to classify: files, folders, zips, arrays or named sets; or fields of the run's own data, as "
            "split=test.",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="FILE.csv: a row per sample with its class and all probabilities.", show_default=False
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", help="FILE.html: accuracy, confusion and calibration on labeled samples.", show_default=False
        ),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(
            "--calibrate",
            help="Labeled samples that the model was not trained on, to calibrate the probabilities. By default the "
            "test part of the run's data, or the calibration stored beside the model.",
            show_default=False,
        ),
    ] = None,
    language: Language = None,
    *,
    common: Common,
) -> None:
    """Predict the classes of files with a trained classifier (recipe sgan)."""
    from ganforge.core.language import language_for
    from ganforge.core.refusals import PartlyDone, Refusal
    from ganforge.evaluation import class_report
    from ganforge.evaluation.classify import classify as predicted

    written_in = language_for(language)
    check_new(out, report, force=common.force)
    one = files[0] if len(files) == 1 or all("=" in word for word in files) else None
    found = predicted(source, " ".join(files) if one is not None else files, calibrate=calibrate, device=common.device)
    if out is not None:
        write_csv(found, out)
    if report is not None:
        class_report.write_page(found, source.name or str(source), report, written_in)
    places = [path for path in (out, report) if path is not None]
    common.report(class_report.summary(found) | {"out": out, "report": report}, [*lines(found, out is None), *places])
    if found.skipped:
        raise PartlyDone([Refusal(where, why) for where, why in found.skipped])


def write_csv(found: Classified, path: Path) -> None:
    """A row per sample: its name, class, probability, and the probabilities of all classes.

    Raises:
        UserError: the file cannot be written.
    """
    from ganforge.core.files import atomic_file
    from ganforge.core.names import writable

    with output_to(path), atomic_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["sample", "class", "probability", *(f"p({name})" for name in found.names)])
        for name, most, p in zip(found.samples, found.classes, found.probabilities, strict=True):
            writer.writerow([writable(name), most, f"{p.max():.6g}", *(f"{value:.6g}" for value in p)])


def lines(found: Classified, each: bool) -> list[str]:
    """What there is to say, line by line; with `each`, the class of every sample of a few."""
    calibration, own = found.calibration, found.quality
    predicted = found.classes
    shown = []
    if each and len(found.samples) <= 50:
        tops = found.probabilities.max(1)
        shown = [f"{s}: {c} ({p:.1%})" for s, c, p in zip(found.samples, predicted, tops, strict=True)]
    counts = ", ".join(f"{name} {count:,}" for name in found.names if (count := predicted.count(name)))
    shown.append(f"{len(found.samples):,} samples: {counts}")
    if calibration.data:
        shown.append(
            f"probabilities calibrated on {calibration.n:,} samples of {calibration.data}, which the model was not "
            f"trained on (temperature {calibration.temperature:.3g})"
        )
    else:
        shown.append("probabilities are not calibrated: no labeled samples that the model was not trained on "
                     "(--calibrate DATA)")  # fmt: skip
    measured = own or calibration.quality
    if measured is not None:
        of = "of these samples" if own else f"of {measured.n:,} others of them"
        shown.append(
            f"accuracy {of}: {measured.accuracy:.2%}, calibration error {measured.calibration_error:.3f}, "
            f"−log p {measured.log_loss:.4g}"
        )
    return shown


VERB = Verb(classify, order=45, epilog=EPILOG)
"""After `walk`."""
