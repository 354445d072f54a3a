"""What is asked for: metrics and extractors by their names, a run or two sets, and where the report goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ganforge.core.component import build, to_plain
from ganforge.core.errors import UserError
from ganforge.core.files import check_folder
from ganforge.data.objects import is_object
from ganforge.evaluation.subject import FEWEST
from ganforge.inference.model import Model
from ganforge.metrics.base import Extractor, Metric


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


@dataclass(frozen=True)
class Settings:
    """What `Model.with_settings` is given before samples are evaluated; None: as trained."""

    temperature: float | None = None
    guidance: float | None = None
    reject: float | None = None

    def given(self) -> dict[str, float]:
        """Those that are not None, by name."""
        return {name: value for name, value in vars(self).items() if value is not None}


AS_TRAINED = Settings()


def settings_of(model: Model) -> Settings:
    """The settings of a model.

    Raises:
        UserError: it has others, with which it would not make new samples of what it was trained on.
    """
    if model.codes is not None or model.moves is not None or model.extra:
        raise UserError(
            f"{model.folder}: new samples are evaluated, of the length that was trained: leave saved latents, "
            "directions, frames and fps out",
            code="evaluate.adjusted_model",
        )
    return Settings(
        None if model.temperature == 1 else model.temperature,
        None if model.guidance == 1 else model.guidance,
        None if model.rejection is None else model.rejection.percentile,
    )


def refuse_arguments(
    source: Any,
    against: Any,
    features: str | Extractor | None,
    weights: Path | str | None,
    n: int | None,
    settings: Settings,
) -> None:
    """Raises UserError for arguments that cannot go together, before anything is read."""
    given = settings.given()
    if given and against is not None:
        raise UserError(
            f"{', '.join(f'{name} {value:g}' for name, value in given.items())}: two sets are compared, and only a run "
            "makes samples with such settings: leave it out",
            code="sample.rejection_of_given" if "reject" in given else "evaluate.settings_of_given",
        )
    if features is None and weights is not None:
        raise UserError(
            f"weights {weights}: name the extractor they belong to: --features inception, dinov2, clip, ...",
            code="evaluate.weights_without_features",
        )
    if features is not None:
        read_extractor(features, weights)
    if n is not None and n < FEWEST:
        raise UserError(
            f"{n} generated samples are too few to evaluate: at least {FEWEST} are needed",
            code="evaluate.too_few_samples",
        )
    if is_object(source) and against is None:
        raise UserError(
            "one set of samples alone cannot be evaluated: give the generated samples as well, "
            "gf.evaluate(real, generated)",
            code="evaluate.one_set",
        )
    for first, second in ((source, against), (against, source)):
        if is_object(first) and isinstance(second, (str, Path)) and is_model(Path(second)):
            raise UserError(
                f"{second}: to evaluate a run on other samples, call gf.evaluate({str(second)!r}, data=...)",
                code="evaluate.run_among_sets",
            )


def report_folder(source: Any, against: Any, data: Any, out: Path | str | None) -> Path | None:
    """Where the report goes; None where sets in memory are compared and no place is given.

    Raises:
        UserError: neither one run nor two sets, no place for the report, or permission denied.
    """
    folder = Path(out) if out is not None else None
    if not is_object(source) and not is_object(against):
        refuse_mixtures(Path(source), against, data)
        return target_folder(Path(source), folder, against is None)
    return None if folder is None else target_folder(folder, folder, False)


def refuse_mixtures(source: Path, against: Path | str | None, data: str | None) -> None:
    """Raises UserError where the arguments are neither one run nor two sets."""
    if against is None:
        if not is_model(source):
            raise UserError(not_a_run(source), code="run.not_found")
        return
    if is_model(source) or is_model(Path(against)):
        raise UserError(
            f"{source} and {against}: two sets of samples are compared here, but one of these is a run or a "
            "bundle. Give runs only, or write the samples of the run first: ganforge sample RUN -n 10000 "
            "--out FOLDER",
            code="evaluate.run_among_sets",
        )
    if data is not None:
        raise UserError(
            "--data replaces the data of a run; of two sets the first is the real one, so leave --data out",
            code="evaluate.data_not_used",
        )


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
        UserError: no place is given, or permission denied.
    """
    if out is None and not (run and source.is_dir()):
        what = "a bundle" if run else "two sets"
        raise UserError(f"no place for the report of {what}: add --out FOLDER", code="output.not_given")
    folder = out if out is not None else source / "evaluation"
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file, but the reports need a folder", code="output.not_a_folder")
    check_folder(folder)
    return folder
