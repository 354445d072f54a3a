"""`ganforge evaluate`: metrics of a run, of two sets of samples, or of several runs side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganforge.ui.options import Device, Guidance, Language, Plugins, Procs, Quiet, Reject, Temperature, examples
from ganforge.ui.output import AsJson, emit
from ganforge.ui.verb import Verb

if TYPE_CHECKING:
    from ganforge.evaluation.evaluate import Evaluation

EPILOG = examples(
    "ganforge evaluate runs/0003-dcgan",
    "ganforge evaluate runs/0003-dcgan --metrics fid50k,kid,is,pr,dc --features inception --weights FILE",
    "ganforge evaluate photos/ generated/ --out report/",
    "ganforge evaluate photos/ restored/ --metrics 'psnr(channel=Y,crop=4),ssim' --out report/",
    "ganforge evaluate adult.csv synthetic.csv --target income --out report/",
    "ganforge evaluate runs/0003-dcgan --reject 80 --out rejected/",
    "ganforge evaluate runs/*",
)


def evaluate(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN... | REAL OTHER",
            help="A run directory or model file; several of them, to compare them; or two data sets (folders, zips, "
            "arrays, tables, named sets), the real one first.",
            show_default=False,
        ),
    ],
    metrics: Annotated[
        str | None,
        typer.Option(
            "--metrics",
            help="Metrics, separated by commas, with options in parentheses: fd10k,kid,pr or "
            "'psnr(channel=Y,crop=4),ssim'. Default: those that suit the data. For psnr, ssim, lpips, texture and "
            "sharpness, the images of two data sets are paired by file name.",
            show_default=False,
        ),
    ] = None,
    features: Annotated[
        str | None,
        typer.Option(
            "--features",
            help="Feature extractor: inception, dinov2, clip, ... Default: a small net that is trained once on the "
            "real samples and needs no download.",
            show_default=False,
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option("--weights", help="Weights file of the extractor.", show_default=False)
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for report.html and report.json, which are replaced. Default: RUN/evaluation; for several "
            "runs, the folder `comparison` next to them. With --out, the reports in RUN/evaluation do not change.",
            show_default=False,
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "-n",
            "--number",
            help="Number of generated samples. Default: 10,000, or as set by the metrics (fd50k); for a table, its "
            "number of rows.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option("--seed", help="Random seed; the same seed gives the same values on the same machine.")
    ] = 0,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            help="Real samples to evaluate runs against, instead of the training data. For pairs: "
            '"source=FOLDER target=FOLDER".',
            show_default=False,
        ),
    ] = None,
    heldout: Annotated[
        str | None,
        typer.Option(
            "--heldout",
            help="Real samples that were not used in training; needed only if the data has no test part.",
            show_default=False,
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option("--size", help="Resize the images of two data sets to this size in pixels.", show_default=False),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option("--mode", help="Convert the images of two data sets to L, RGB or RGBA.", show_default=False),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            help="For tables: the column that models learn to predict (metric `usefulness`). Default: the target "
            "set in training.",
            show_default=False,
        ),
    ] = None,
    saliency: Annotated[
        bool,
        typer.Option(
            "--saliency",
            help="For runs that generate images: show in the report which parts of samples the critic looks at.",
        ),
    ] = False,
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch", help="Samples generated at a time. Default: 64, or 4,096 rows or points.", show_default=False
        ),
    ] = None,
    device: Device = None,
    procs: Procs = 1,
    reject: Reject = None,
    temperature: Temperature = None,
    guidance: Guidance = None,
    lang: Language = None,
    plugins: Plugins = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a run, or compare two data sets or several runs. Prints metrics and writes an HTML report."""
    from dataclasses import replace

    from ganforge.core.progress import Stages
    from ganforge.core.refusals import PartlyDone
    from ganforge.evaluation import compare as comparison
    from ganforge.evaluation.asked import is_model
    from ganforge.evaluation.evaluate import evaluate as run_evaluation
    from ganforge.registry import load_all
    from ganforge.ui.console import stdout
    from ganforge.ui.scores import show_one, show_several

    load_all()
    names = None if metrics is None else split(metrics)
    options = {
        "metrics": names, "features": features, "weights": weights, "n": n, "seed": seed, "data": data,
        "heldout": heldout, "size": size,
        "mode": mode, "target": target, "batch": batch, "device": device, "procs": procs, "reject": reject,
        "temperature": temperature, "guidance": guidance, "language": lang,
    }  # fmt: skip
    if saliency:
        from ganforge.ui.saliency_panel import saliency_panel

        options["extra"] = saliency_panel
    runs = [source for source in sources if is_model(Path(source))]
    with Stages(quiet=quiet) as progress:
        if len(sources) == 1 or (len(sources) == 2 and not runs):
            done = run_evaluation(sources[0], *sources[1:], out=out, progress=progress, **options)
        else:
            done = comparison.compare([Path(source) for source in sources], out, progress, **options)
    several = isinstance(done, comparison.RunComparison)
    each = done.evaluations if isinstance(done, comparison.RunComparison) else (done,)
    if as_json:
        emit(plain_results(each))
    elif isinstance(done, comparison.RunComparison):
        show_several(done, stdout())
    else:
        show_one(done, stdout())
    refused = [replace(one, what=f"{e.title}: {one.what}" if several else one.what) for e in each for one in e.refused]
    if refused:
        places = ", ".join(str(e.json.with_name("refused.json")) for e in each if e.refused and e.json is not None)
        raise PartlyDone(refused, places)


def plain_results(evaluations: Sequence[Evaluation]) -> list[dict[str, Any]]:
    """All results in the format of `report.json`, each with the name of its run."""
    from ganforge.evaluation.output import plain_result

    return [{"run": one.title, **plain_result(result)} for one in evaluations for result in one.results]


def split(text: str) -> list[str]:
    """`fd50k, psnr(channel=Y, crop=4)` → ["fd50k", "psnr(channel=Y, crop=4)"].

    Raises:
        UserError: an empty name.
    """
    from ganforge.core.errors import UserError
    from ganforge.core.overrides import parts

    names = parts(text, ",")
    if not all(names):
        raise UserError(
            f"--metrics {text}: expected names separated by commas, for example fd10k,kid,pr", code="metric.empty_name"
        )
    return names


VERB = Verb(evaluate, order=50, epilog=EPILOG)
