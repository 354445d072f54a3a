"""What makes tests cheaper, without another result.

Imported by the processes that run tests, before the tests themselves.
"""

from __future__ import annotations

import copy
import functools
import gc
import os
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ganforge.modalities.audio.extractors import fit as sound_fit
from ganforge.modalities.image.extractors import fit as image_fit
from ganforge.modalities.table.columns import modes
from ganforge.modalities.video.extractors import fit as film_fit

gc.set_threshold(20_000, 20, 20)  # by default (700, 10, 10) the search for garbage takes a twelfth of the time
os.fsync = lambda fd: None  # only a power failure could tell; with it the disk is waited for ten thousand times
if not torch.cuda.is_available():
    # The other one also keeps a stack trace for each kind of device that is not there, which costs more than seeding.
    torch.manual_seed = torch.default_generator.manual_seed


def remembered(fit: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """`modes.fit`, which depends on its arguments alone: the columns of a table are fitted once for all tests.

    A test of the fit itself unwraps it (`inspect.unwrap`).
    """
    found: dict[tuple[object, ...], dict[str, Any]] = {}

    @functools.wraps(fit)
    def fitted(v: np.ndarray, *options: float) -> dict[str, Any]:
        if len(v) > 10_000:
            return fit(v, *options)
        case = (v.tobytes(), *options)
        if case not in found:
            found[case] = fit(v, *options)
        return copy.deepcopy(found[case])

    return fitted


modes.fit = remembered(modes.fit)


def with_onednn(train: Callable[..., Any]) -> Callable[..., Any]:
    """A training that is long enough to earn back what oneDNN compiles."""

    @functools.wraps(train)
    def trained(*args: Any, **options: Any) -> Any:
        before, torch.backends.mkldnn.enabled = torch.backends.mkldnn.enabled, True
        try:
            return train(*args, **options)
        finally:
            torch.backends.mkldnn.enabled = before

    return trained


for module, name in ((image_fit, "descend"), (film_fit, "trained"), (sound_fit, "fit")):  # nets that metrics train
    setattr(module, name, with_onednn(getattr(module, name)))
