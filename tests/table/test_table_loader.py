"""A table is prepared whole: the loader gives the rows that one by one would have given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from ganforge.data.loader import Loader
from ganforge.data.prepared import Prepared
from ganforge.modalities.table.signal import Table
from ganforge.modalities.table.source import from_frame

FRAME = pd.DataFrame({"x": np.arange(90) * 7 % 31 / 10, "c": ["a", "b", "c"] * 30, "n": np.arange(90) ** 2})


@pytest.mark.parametrize("kept", [True, False])
def test_a_table_prepared_whole_gives_the_batches_of_rows_prepared_one_by_one(kept):
    signal, data = Table(), from_frame("t", FRAME)
    spec = signal.spec(data, lambda shape: shape)
    whole = signal.prepare_all(data, spec)
    quick = Loader(Prepared(data, whole), lambda item: item, whole.shape[1:], batch=16, seed=3, in_memory=kept)
    slow = Loader(data, lambda item: signal.prepare(item, spec), whole.shape[1:], batch=16, seed=3, in_memory=True)
    for position in (0, 16, 80, 800):
        assert torch.equal(quick.batch(position)[0], slow.batch(position)[0])
    assert torch.equal(torch.cat([x for _, x, _ in quick.sweep()]), torch.from_numpy(whole))
    quick.close()
    slow.close()
