"""Which samples a test of something learned keeps back: whole groups of them, such as all that one speaker says."""

from __future__ import annotations

import numpy as np


def groups_kept_back(groups: np.ndarray, labels: np.ndarray, share: float, draws: np.random.Generator) -> np.ndarray:
    """The names of some groups, drawn until they hold a share of all samples.

    They never hold more than half of all samples, or the last of those with some label.

    Args:
        groups: of each sample, str [n].
        labels: of each sample, int64 [n].

    Returns:
        Their names, str [k]; none where no group can be spared, as where there is only one.
    """
    kept = np.zeros(len(groups), bool)
    for name in draws.permutation(np.unique(groups)):
        more = kept | (groups == name)
        if 2 * more.sum() <= len(groups) and len(np.unique(labels[~more])) == len(np.unique(labels)):
            kept = more
        if kept.mean() >= share:
            break
    return np.unique(groups[kept])
