"""Weather of several places: days asked for by place and by season, beside the real ones.

Trains `series-small` on a long table (a place, a date, columns of numbers and words) with the place and the time of the
year as conditions, asks it for windows of every place in the middle of January, April, July and October, and compares
means of all columns of numbers, and the share of each word, with those of the real windows that begin within two weeks
of that day.

    python examples/series/weather.py weather.csv --minutes 5
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import ganforge as gf
from ganforge.modalities.series.files import to_frame

DAYS, WINDOWS = 16, 200
MONTHS = {"January": 0.5, "April": 3.5, "July": 6.5, "October": 9.5}  # counted from 0, the first of January


def train(data: Path, minutes: float, seed: int, out: Path) -> None:
    """A run, unless it is there."""
    if (out / "model.safetensors").is_file():
        return
    words = ["series-small", f"data={data}", f"signal.window={DAYS}", "task.conditional=true", f"seed={seed}"]
    words += ["signal.conditions=[location, month]", "--minutes", f"{minutes:g}", "--run-dir", str(out)]
    subprocess.run([sys.executable, "-m", "ganforge", "train", *words], check=True)


def facts(days: Any) -> dict[str, float]:
    """Means of numbers; of words their shares."""
    found = {str(c): float(days[c].mean()) for c in days.select_dtypes("number")}
    for c in days.select_dtypes(exclude=["number", "datetime"]):
        if c not in ("location", "date"):
            found |= {f"{c}={word}": float(share) for word, share in days[c].value_counts(normalize=True).items()}
    return found


def real_days(table: pd.DataFrame, place: str, month: float) -> pd.DataFrame:
    """The rows of all windows of a place that begin within two weeks of a time of the year."""
    days: Any = table[table["location"] == place].reset_index(drop=True)
    share = (days["date"].dt.day_of_year - 1) / 365.25 * 12
    starts = np.flatnonzero(np.abs((share - month + 6) % 12 - 6) < 0.5)
    return pd.concat([days.iloc[k : k + DAYS] for k in starts])


def compared(table: pd.DataFrame, run: Path) -> pd.DataFrame:
    """What is said of real and of generated days, a row each for every place and season."""
    model = gf.load(run)
    found = {}
    for place in table["location"].unique():
        for name, month in MONTHS.items():
            samples: Any = model.sample(WINDOWS, where=[f"location={place}", f"month={month}"])
            found[place, name, "real"] = facts(real_days(table, place, month))
            found[place, name, "generated"] = facts(to_frame(samples, model.spec))
    return pd.DataFrame(found).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="columns location, date, numbers and words")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/weather"))
    asked = parser.parse_args()
    train(asked.data, asked.minutes, asked.seed, asked.out)
    print(compared(pd.read_csv(asked.data, parse_dates=["date"]), asked.out).round(2).to_string())


if __name__ == "__main__":
    main()
