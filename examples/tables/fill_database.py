"""Fill a test database: as many rows as you like, that look like those of production and are none of them.

    python examples/tables/fill_database.py customers.csv test.sqlite --rows 100000 --identifier customer_id

An identifier is not learned but made again, each one once, in the style of the real ones, so it can be a primary key.
The model is kept beside the database: the next one takes seconds, another seed gives other rows.
"""

from __future__ import annotations

import argparse
import sqlite3
from contextlib import closing
from pathlib import Path

import ganforge as gf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", help="a CSV file")
    parser.add_argument("database", type=Path, help="the SQLite file to write")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--identifier", help="the column that tells rows apart")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=0, help="which rows")
    options = parser.parse_args()

    kept = options.database.with_suffix(".safetensors")
    if kept.exists():
        model = gf.TableGAN.load(kept)
    else:
        columns = {options.identifier: "identifier"} if options.identifier else None
        model = gf.TableGAN(columns=columns, minutes=options.minutes).fit(options.table)
        model.save(kept)

    rows, name = model.sample(options.rows, seed=options.seed), Path(options.table).stem
    with closing(sqlite3.connect(options.database)) as database:
        rows.to_sql(name, database, if_exists="replace", index=False)
        if options.identifier:
            database.execute(f'CREATE UNIQUE INDEX "{name}_id" ON "{name}" ("{options.identifier}")')
        (count,) = database.execute(f'SELECT COUNT(*) FROM "{name}"').fetchone()
        database.commit()
    print(f"{count:,} rows in table {name!r} of {options.database}; the model is {kept}")


if __name__ == "__main__":
    main()
