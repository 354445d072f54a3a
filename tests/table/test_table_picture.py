"""Previews of tables show columns with names in any script, and names that span lines."""

from types import SimpleNamespace

import pandas as pd

from ganforge.modalities.table import drawing


def test_a_card_shows_each_value_and_names_what_is_missing():
    spec = SimpleNamespace(state={"names": ["价格", "two\nlines", "x"]})
    rows = [pd.Series(row) for row in (["1", "a", None], ["1", "a", "b"])]
    empty, full = (drawing.card(row, spec) for row in rows)
    assert empty.shape == full.shape == (3 * drawing.LINE + 20, drawing.CARD, 3)
    assert (empty != full).any()
