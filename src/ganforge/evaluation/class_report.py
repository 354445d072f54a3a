"""The report of predicted classes: accuracy, confusion, calibration, as a page and as JSON."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ganforge.core.files import atomic_file, output_to
from ganforge.core.language import phrase
from ganforge.core.plot.charts import PAD, frame, heat
from ganforge.core.plot.drawing import Drawing
from ganforge.evaluation.calibration import Calibration
from ganforge.evaluation.classify import Classified
from ganforge.evaluation.measured import Quality
from ganforge.evaluation.report.content import Bars, Finding, Report
from ganforge.evaluation.report.page import render

SIDE = 260  # px of the calibration chart
HIGH_ERROR = 0.05


def summary(found: Classified) -> dict[str, Any]:
    """For JSON: counts by class, the calibration, and the quality where the classes of samples are known."""
    predicted = found.classes
    return {
        "samples": len(found.samples),
        "classes": {name: predicted.count(name) for name in found.names},
        "calibration": asdict(found.calibration),
        "quality": None if found.quality is None else asdict(found.quality),
        "skipped": [f"{where}: {why}" for where, why in found.skipped],
    }


def write_page(found: Classified, model: str, path: Path, language: str) -> None:
    """Writes the page; a file that is there is replaced.

    Raises:
        UserError: it cannot be written.
    """
    page = render(report(found, model), language)
    with output_to(path), atomic_file(path) as file:
        file.write_text(page, encoding="utf-8")


def report(found: Classified, model: str) -> Report:
    """The content of the page: of the samples themselves if their classes are known, else of the held-out ones."""
    calibration, own = found.calibration, found.quality
    shown = own or calibration.quality
    measured_on = phrase("the classified samples, whose classes are known") if own else calibration.data
    facts: dict[str, str] = {
        phrase("classified"): phrase("{n:,} samples", n=len(found.samples)),
        phrase("temperature"): f"{calibration.temperature:.3g}",
        phrase("calibrated on"): (
            phrase("{n:,} samples of {data}", n=calibration.n, data=calibration.data)
            if calibration.data
            else phrase("nothing")
        ),
    }
    bars: list[Bars] = []
    plots: list[dict[str, Any]] = []
    if shown is not None:
        facts |= {
            phrase("measured on"): measured_on,
            phrase("accuracy"): phrase("{value:.2%} of {n:,}", value=shown.accuracy, n=shown.n),
            phrase("calibration error"): f"{shown.calibration_error:.3f}",
            phrase("−log p of the class"): f"{shown.log_loss:.4g}",
        }
        bars.append(Bars(phrase("Accuracy of each class"), phrase("share of its samples"), shown.per_class))
        under = phrase("Confusion and calibration")
        confusion = heat(list(shown.per_class), shown.confusion)
        plots = [
            {"title": phrase("Predicted class (column) of each class (row)"), "drawing": confusion, "under": under},
            {"title": phrase("Accuracy by probability"), "drawing": reliability(shown), "under": under},
        ]
    lead = phrase("Classes of {n:,} samples, predicted by {model}.", n=len(found.samples), model=model)
    return Report(model, lead, facts, (), findings(calibration, shown), bars=bars, plots=plots)


def findings(calibration: Calibration, shown: Quality | None) -> list[Finding]:
    if not calibration.data:
        return [
            Finding(
                "warn",
                phrase("not calibrated"),
                phrase("There are no labeled samples that the model was not trained on."),
                phrase("Name some: --calibrate DATA. Until then, do not read probabilities as frequencies."),
            )
        ]
    if shown is not None and shown.calibration_error > HIGH_ERROR:
        return [
            Finding(
                "warn",
                phrase("probabilities are not what they say"),
                phrase("On average, they differ from the accuracy by {value:.3f}.", value=shown.calibration_error),
                phrase("Calibrate on labeled samples like these: --calibrate DATA."),
            )
        ]
    return []


def reliability(found: Quality) -> Drawing:
    """Accuracy of the samples of each bin of probability; on the diagonal, probabilities are what they say."""
    drawing = Drawing(SIDE + 60, SIDE + 40)
    left, top, right, bottom = 40, PAD, 40 + SIDE, PAD + SIDE
    frame(drawing, (left, top, right, bottom), (0, 0), (1, 1))
    drawing.line("label", [(left, bottom), (right, top)], dashed=True)
    places = [(left + said * SIDE, bottom - right_share * SIDE) for said, right_share, _ in found.bins]
    drawing.line("fake", places, 1.5)
    most = max((n for *_, n in found.bins), default=1)
    for (x, y), (*_, n) in zip(places, found.bins, strict=True):
        drawing.dot("fake", x, y, 2 + 4 * math.sqrt(n / most))
    return drawing
