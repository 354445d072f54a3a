"""Balance a rare class: a classifier trained with new rows of it, beside one trained on the table as it is.

    python examples/tables/balance.py adult.csv income --minutes 10

Rows of the rare class are asked of the model by name, so all that is made is of use. Whether they help is measured on
rows that neither the model nor the classifiers have seen; where the classes are told apart well already, they may not.
"""

from __future__ import annotations

import argparse
from typing import Any

import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

import ganforge as gf


def report(train: Any, test: Any, target: str) -> str:
    """How well a classifier that is trained on one table does on the other, class by class."""
    table: Any = pd.concat([train, test]).drop(columns=target)
    for name in table.columns:
        if not pd.api.types.is_numeric_dtype(table[name]):
            table[name] = table[name].astype("category").cat.codes
    model = HistGradientBoostingClassifier(random_state=0).fit(table[: len(train)], train[target])
    return str(classification_report(test[target], model.predict(table[len(train) :]), zero_division="warn"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a CSV file")
    parser.add_argument("target", help="the column with the classes")
    parser.add_argument("--minutes", type=float, default=10)
    options = parser.parse_args()

    df = pd.read_csv(options.table, skipinitialspace=True)
    parts: Any = train_test_split(df, test_size=0.25, random_state=0, stratify=df[options.target])
    train, test = parts
    counts = train[options.target].value_counts()
    rare = counts.idxmin()

    model = gf.TableGAN(target=options.target, minutes=options.minutes).fit(train)
    new = model.sample(int(counts.max() - counts.min()), where={options.target: rare})
    print(f"{len(new):,} new rows of {rare!r}, which has {counts.min():,} of {len(train):,}\n")
    print("as it is\n" + report(train, test, options.target))
    print("balanced\n" + report(pd.concat([train, new]), test, options.target))


if __name__ == "__main__":
    main()
