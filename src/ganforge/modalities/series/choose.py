"""Which recipe for time series, where nobody names one."""

from __future__ import annotations

from ganforge.core.choice import Choice, Machine
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.modalities.series.source import SeriesSet

WINDOW = 24
FEWEST = 32  # windows
USUAL_BATCH = 128
MANY, SHORT = 100, 200  # series and steps: that many series, none longer, are learned whole


def choose(dataset: Dataset, machine: Machine) -> Choice:
    """The recipe for time series.

    Raises:
        UserError: too few steps for any.
    """
    assert isinstance(dataset, SeriesSet)
    lengths = [len(values) for values in dataset.series.values()]
    if len(lengths) >= MANY and max(lengths) <= SHORT and len(set(lengths)) > 1:
        facts = f"{len(lengths):,} series of {min(lengths)} to {max(lengths)} steps; {machine}"
        reasons = (
            "series-latent: an autoencoder and a GAN on its latents, for series of unequal length",
            "signal.window=0: each series whole, since all are short",
        )
        label = ("task.conditional=true",) if 2 <= len(dataset.kinds) <= len(lengths) // 10 else ()
        batch = () if len(lengths) >= 2 * USUAL_BATCH else (f"batch={max(8, len(lengths) // 2)}",)
        return Choice(facts, "series-latent", ("signal.window=0", *label, *batch), reasons)
    fields, reasons = [], ["series-small: convolutions along time, for windows of columns of numbers"]
    window = WINDOW
    while window > 8 and sum(max(0, length - window + 1) for length in lengths) < FEWEST:
        window //= 2
    windows = sum(max(0, length - window + 1) for length in lengths)
    if windows < FEWEST:
        raise UserError(
            f"data {dataset.name}: {len(dataset):,} rows make {windows} windows of {window} steps, too few to learn "
            f"from; at least {FEWEST} are needed",
            code="series.too_few_rows",
        )
    if window != WINDOW:
        fields.append(f"signal.window={window}")
        reasons.append(f"signal.window={window}: the series are too short for windows of {WINDOW} steps")
    if windows < 2 * USUAL_BATCH:
        batch = max(8, windows // 2)
        fields.append(f"batch={batch}")
        reasons.append(f"batch={batch}: its usual {USUAL_BATCH} would be most of {windows} windows")
    many = f"{len(lengths)} series, " if len(lengths) > 1 else ""
    facts = f"{many}{len(dataset):,} rows of {len(dataset.columns)} columns of numbers; {machine}"
    return Choice(facts, "series-small", tuple(fields), tuple(reasons))
