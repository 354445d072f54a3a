"""Any table goes the whole way: to a file, read, learned for two steps, sampled, and it comes back as it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from ganforge import api
from ganforge.core.errors import UserError
from ganforge.modalities.table.source import TableFile, from_frame
from ganforge.recipes import make_recipe
from strategies.tables import tables

SMALL = {
    "samples": 32, "batch": 16, "callbacks": [], "metrics": [], "task.generator.widths": [8], "data.holdout": 0,
    "task.generator.latent": 8, "task.discriminator.widths": [8], "signal.fit_rows": 100, "signal.modes": 3,
    "statistics.size": 50,
}  # fmt: skip
EXPECTED = {
    "table.nothing_to_learn", "table.no_rows", "table.too_few_rows", "data.empty_file", "table.no_header",
    "column.type_not_supported",
}  # fmt: skip
"""Refusals that some tables deserve: a table of one constant, a file whose only column of names is numbers."""


def whole_way(frame: pd.DataFrame, ending: str, folder: Path) -> None:
    path = folder / f"t{ending}"
    try:
        if ending == ".csv":
            frame.to_csv(path, index=False)
            read = TableFile(path=str(path), holdout=0).read()
        else:
            read = from_frame(str(path), frame)
            read.frame.to_parquet(path, index=False)
        recipe = make_recipe("ctgan-fast", (), api.as_items(SMALL | {"data": str(path), "data.signal": "table"}))
        model = api.train(recipe, run_dir=folder / "run", progress=False)
    except UserError as error:
        if error.code not in EXPECTED:
            raise
        return
    made = model.sample(30)
    assert made.columns.tolist() == read.frame.columns.tolist()
    known_kinds = {c["name"]: c["kind"] for c in model.spec.state["columns"]}
    for name in made:
        real, new = read.frame[name], made[name]
        kind = known_kinds[name]
        if kind == "identifier":
            continue
        assert new.isna().any() <= real.isna().any(), f"{name}: missing where none was"
        if (
            pd.api.types.is_numeric_dtype(real.dtype)
            and not pd.api.types.is_bool_dtype(real.dtype)
            and kind != "datetime"
        ):
            assert pd.api.types.is_numeric_dtype(new.dtype), f"{name}: {real.dtype} became {new.dtype}"
            if len(known := real.dropna()) and len(new.dropna()):
                low, high = np.float64(known.min()), np.float64(known.max())
                slack = 1e-6 * max(abs(low), abs(high))
                assert low - slack <= np.float64(new.dropna().min()), f"{name}: below the least"
                assert np.float64(new.dropna().max()) <= high + slack, f"{name}: above the most"
        elif kind in ("categorical", "boolean", "ordinal", "name", "constant"):
            assert set(map(str, new.dropna())) <= set(map(str, real.dropna())), f"{name}: a value that never was"


def examples(ending: str, most: int):
    @settings(
        max_examples=most,
        deadline=None,
        derandomize=most < 100,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(frame=tables())
    def run(frame: pd.DataFrame) -> None:
        with tempfile.TemporaryDirectory() as folder:
            whole_way(frame, ending, Path(folder))

    return run


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_any_table_comes_back_as_it_was(ending):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    examples(ending, 4)()


@pytest.mark.slow
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_many_tables_come_back_as_they_were(ending):
    if ending == ".parquet":
        pytest.importorskip("pyarrow")
    examples(ending, 300)()
