"""Tables for people who know pandas and scikit-learn: `TableGAN().fit(df).sample(1000)`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ganforge import api
from ganforge.core.errors import UserError
from ganforge.core.extras import need
from ganforge.core.files import atomic_file, output_to
from ganforge.evaluation.evaluate import Evaluation, evaluate
from ganforge.inference.model import Model, load
from ganforge.inference.where import Where
from ganforge.metrics.base import Result
from ganforge.modalities.table.completing import completed
from ganforge.modalities.table.rows import renumbered
from ganforge.modalities.table.source import FrameData
from ganforge.recipes import make_recipe
from ganforge.recipes.base import Recipe

if TYPE_CHECKING:
    import pandas as pd

need("sklearn", "TableGAN")
from sklearn.base import BaseEstimator  # noqa: E402  # the error above says how to install it
from sklearn.utils.validation import check_array, validate_data  # noqa: E402


class TableGAN(BaseEstimator):
    """Learns a table and makes new rows of it.

        model = TableGAN(minutes=10, seed=0).fit(df)      # or a path: CSV, TSV, Parquet
        rows = model.sample(1000)                          # a DataFrame with the columns and types of df
        model.sample(100, where=["education=Bachelors", "age>40"])
        model.save("adult.safetensors");  TableGAN.load("adult.safetensors")

    Args:
        recipe: ctgan-fast, ctgan, tvae or table-gan, or another recipe for tables. Of dp-ctgan the columns must be
            described (fields={"signal.public": "adult.columns.yaml"}); `model_.privacy` tells what was spent.
        epochs: passes over the table; by default as many as the recipe's samples make.
        minutes: stop after so much training.
        seed: decides every draw of the training.
        columns: what columns are, where what is found is wrong: {"zip": "categorical", "id": "identifier"}.
        target: the column that a model would be asked to predict; figures of usefulness need it.
        fields: further fields of the recipe by their dotted path: {"batch": 1000, "optimizers.G.lr": 1e-4}.
        run_dir: keep the run directory there, with its log, previews and checkpoints; else it is removed.
        device: "cpu", "cuda", ...; by default the best there is.
        progress: show a progress bar on stderr.

    Attributes:
        model_: the trained model, after `fit` or `load`.
        losses_: the losses of the training, a DataFrame, after `fit`.
        n_features_in_, feature_names_in_: the columns of the table, after `fit`.
    """

    def __init__(
        self,
        recipe: str = "ctgan-fast",
        *,
        epochs: int | None = None,
        minutes: float | None = None,
        seed: int = 0,
        columns: Mapping[str, str] | None = None,
        target: str | None = None,
        fields: Mapping[str, Any] | None = None,
        run_dir: Path | str | None = None,
        device: str | None = None,
        progress: bool = True,
    ):
        self.recipe = recipe
        self.epochs = epochs
        self.minutes = minutes
        self.seed = seed
        self.columns = columns
        self.target = target
        self.fields = fields
        self.run_dir = run_dir
        self.device = device
        self.progress = progress

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.categorical = tags.input_tags.string = True
        return tags

    def fit(self, X: pd.DataFrame | Path | str, y: Any = None) -> TableGAN:
        """Trains on a table: a DataFrame, an array of numbers [N, columns], or the path of a CSV, TSV or Parquet file.

        Args:
            X: the table, all of which is learned: hold out rows for evaluation yourself. Its index is not used.
            y: not used; scikit-learn's pipelines pass it.

        Raises:
            UserError: the table or a setting cannot be used.
            ValueError, TypeError: an array that is no table, as scikit-learn's other estimators raise them.
        """
        given = X
        X = self._table(X)
        if self.epochs is not None and self.epochs < 1:
            raise UserError(f"epochs={self.epochs}: it must be at least 1", code="table.epochs_too_few")
        recipe = self._recipe(X)
        scratch = None if self.run_dir is not None else Path(tempfile.mkdtemp(prefix="ganforge-"))
        try:
            self.model_ = api.train(
                recipe,
                minutes=self.minutes,
                run_dir=self.run_dir if scratch is None else scratch / "run",
                device=self.device,
                progress=self.progress,
            )
            self.losses_ = self.model_.losses()
            self.bundle_ = (self.model_.folder / "model.safetensors").read_bytes()
        finally:
            if scratch is not None:
                shutil.rmtree(scratch, ignore_errors=True)
        self._describe_columns(given)
        return self

    def sample(self, n: int = 1000, where: Where = (), seed: int = 0) -> pd.DataFrame:
        """New rows, with the columns, types, precision and bounds of the table that was learned.

        A table that was given as an array comes back as a DataFrame too, its columns called "0", "1", ...

        Args:
            n: how many.
            where: what rows: "education=Bachelors", ["sex=Female", "age>40"], {"education": "Bachelors"}. Every row
                that is returned meets it; where the model makes such rows too seldom there are fewer, and a warning
                says so.
            seed: which rows; row k of a seed is always the same.

        Raises:
            UserError: not trained yet, or a `where` that names what is not in the table or that no row meets.
        """
        return self._model().sample(n, seed=seed, where=where)

    def complete(self, X: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
        """Fills in the missing cells of rows, and the columns that they do not have: each as rows with the given cells
        have it.

        Given cells come back exactly as they are, also values that were never seen, which inform nothing. A filled cell
        is never missing. How it is done, and its limits: docs/tables.md, "Complete rows".

        Args:
            X: rows with any of the columns of the table, at least one row; the index is kept.
            seed: which of the possible values; row k of a seed and of the same cells is always the same.

        Raises:
            UserError: not trained yet, no rows, a column that the table does not have, or a cell that is no number or
                date where all others are.
        """
        return completed(self._model(), self._table(X), seed).rows

    def evaluate(self, real: pd.DataFrame, seed: int = 0, **options: Any) -> Evaluation:
        """Compares as many new rows with real ones, best with rows that were held out of `fit`.

        Args:
            real: a table with the same columns.
            seed: which rows are made, and every draw of a metric.
            options: those of `gf.evaluate`: metrics, heldout, out, ...

        Raises:
            UserError: not trained yet, or the tables do not fit.
        """
        self._model()
        if one_kind_of_names(real):
            validate_data(self, cast(Any, real), skip_check_array=True, reset=False)
        real = self._table(real)
        made = self.sample(len(real), seed=seed)
        return evaluate(real, made, seed=seed, **{"target": self.target, "progress": self.progress} | options)

    def score(self, X: pd.DataFrame, y: Any = None) -> float:
        """How similar new rows are to real ones, from 0 to 1, which is best.

        The mean of how similar columns are (1 less the Kolmogorov-Smirnov distance of numbers or the total variation of
        categories) and of how similar pairs of columns are (correlations and contingencies).

        Args:
            X: real rows, best such as were held out of `fit`.
            y: not used.

        Raises:
            UserError: as `evaluate`.
        """
        return overall(self.evaluate(X, metrics=["columns", "pairwise"], progress=False).results)

    def batches(self, n: int, seed: int = 0) -> Iterator[pd.DataFrame]:
        """The rows of `sample(n, seed=seed)`, some thousands at a time, for more rows than memory holds.

        Raises:
            UserError: not trained yet.
        """
        model, made = self._model(), 0
        for part, _ in model.batches(n, seed):
            yield model.recipe.signal.returned(renumbered(part, made, model.spec), model.spec)
            made += len(part)

    def save(self, path: Path | str) -> Path:
        """Writes the model as one file (.safetensors) to load or to share. It holds no row of the table.

        Raises:
            UserError: not trained yet, or the file cannot be written.
        """
        self._model()
        path = Path(path)
        with output_to(path), atomic_file(path) as file:
            file.write_bytes(self.bundle_)
        return path

    @classmethod
    def load(cls, path: Path | str, device: str | None = None) -> TableGAN:
        """A trained model from a file that `save` wrote, or from a run directory of `ganforge train`.

        Raises:
            UserError: nothing there, or a model of something else than tables.
        """
        model = load(path, device)
        if model.recipe.signal.kind != "table":
            raise UserError(
                f"{path}: a model of the signal {model.recipe.signal.kind!r}, not of tables",
                code="model.signal_differs",
            )
        self = cls(model.recipe.name, seed=model.recipe.seed, device=device)
        self.model_ = model
        self._describe_columns(path)
        file = Path(path)
        self.bundle_ = (file / "model.safetensors" if file.is_dir() else file).read_bytes()
        return self

    def _recipe(self, table: pd.DataFrame | Path | str) -> Recipe:
        fields: dict[str, Any] = {"seed": self.seed}
        if self.columns:
            fields["signal.columns"] = dict(self.columns)
        if self.target is not None:
            fields["signal.target"] = self.target
        if self.run_dir is None:
            fields["callbacks"] = []  # nobody would see what they draw
        if isinstance(table, (Path, str)):
            fields |= {"data": str(table), "data.holdout": 0}  # what is given is learned, as elsewhere in scikit-learn
        fields |= dict(self.fields or {})
        recipe = make_recipe(self.recipe, (), api.as_items(fields))
        if recipe.signal.kind != "table":
            raise UserError(
                f"recipe={self.recipe!r} is not for tables. Use ctgan-fast, ctgan, tvae or table-gan",
                code="recipe.not_for_tables",
            )
        if not isinstance(table, (Path, str)):
            recipe = replace(recipe, data=_source(table, named=recipe.privacy.kind == "off"))
        if self.epochs is not None:
            recipe = replace(recipe, samples=self.epochs * len(recipe.data.open()), max_passes=None)
        return recipe

    def _table(self, table: Any) -> Any:
        """A DataFrame of an array of numbers; a DataFrame or a path as it is."""
        if isinstance(table, (Path, str)) or hasattr(table, "columns"):
            return table
        import pandas as pd

        if isinstance(table, list) and not all(isinstance(row, (list, tuple)) for row in table):
            return table  # `_source` says what would be a table
        dtype: Any = None
        finite: Any = "allow-nan"  # both known to scikit-learn, not to its types
        values = check_array(
            table, dtype=dtype, ensure_all_finite=finite, ensure_min_samples=2, estimator=self, input_name="X"
        )
        if values.dtype.kind == "O":
            values = pd.DataFrame(values).infer_objects()
        frame = pd.DataFrame(values)
        return frame.set_axis([str(k) for k in range(frame.shape[1])], axis=1)

    def _describe_columns(self, table: Any) -> None:
        """What scikit-learn's estimators say of what they were fitted on."""
        if isinstance(table, (Path, str)):
            names = [column["name"] for column in self.model_.spec.state["columns"]]
            self.n_features_in_, self.feature_names_in_ = len(names), np.array(names, dtype=object)
        elif one_kind_of_names(table):
            validate_data(self, table, skip_check_array=True)
        else:
            self.n_features_in_ = len(table.columns)

    def _model(self) -> Model:
        if not hasattr(self, "model_"):
            raise UserError(
                "this TableGAN has not been trained: call fit(table) first, or TableGAN.load(path)",
                code="model.not_trained",
            )
        return self.model_


def one_kind_of_names(table: Any) -> bool:
    """Whether the column names are all strings or all none; scikit-learn refuses a mixture, which a table may have."""
    return len({isinstance(name, str) for name in getattr(table, "columns", ())}) < 2


def overall(results: Sequence[Result]) -> float:
    """One score of a table from the values of `columns` and `pairwise`, from 0 to 1, which is best."""
    values = {result.name.partition("[")[0].rstrip("0123456789"): result.value for result in results}
    columns = [1 - values[name] for name in ("ks", "tv") if name in values]
    pairs = [values[name] for name in ("correlation", "contingency") if name in values]
    return float(np.mean([float(np.mean(part)) for part in (columns, pairs) if part]))


def _source(table: Any, named: bool) -> FrameData:
    import pandas as pd

    if not isinstance(table, pd.DataFrame):
        raise UserError(
            f"fit: a {type(table).__name__} is not a table. Give a DataFrame, or the path of a CSV file",
            code="table.type_not_supported",
        )
    return FrameData.of(table, named)
