"""Tables: rows of numbers, categories, dates and more as vectors that nets can learn.

`Spec.state` of a table, all of it JSON:

    names       every column's name, in order
    target      the column that a model would be asked to predict, or None
    columns     one a column, in order: {"name", "kind", "dtype", "encoding", "missing": rate, ...what decode needs}
    measured    whether the columns were measured from the rows; where they were described by hand (`public`), "counts",
                "weights" and "missing" only tell what there is, all as likely as each other
    blocks      the encoded vector, in order: {"column": name, "role", "start", "width", "activation"}
                role "value" (width 1, "tanh": a number within its mode), "mode" (softmax over the modes of a number,
                the last one for a missing value where there are any) or "category" (softmax over values)
    conditions  the columns with a category block: {"column", "start": in the vector of conditions, "width",
                "block_start": in the encoded vector, "frequencies": rows of each value, "values": as text};
                none where frequencies are not known

A column under "onehot" has "values" and "counts" (those of its category block; a missing value as null at "missing_at",
the bucket of rare values as null at "other_at", which draws from "rare"). One under "mixture", "mixed", "ranges",
"minmax" or "quantile" has "modes" (means and scales within [-1, 1]; "exact": without a grid, the number of each mode
that holds but one), "range", "grid", "low", "high" and a small histogram, "bins".
Constants, identifiers and names have the encoding "none" and no block; names are drawn from "rare".
"""
