"""The two consoles that the verbs write to: results on stdout, all else on stderr.

Neither reads markup: a path like `data[1]` is to be shown as it is.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from ganforge.core.surroundings import print_anything

if TYPE_CHECKING:
    from rich.console import Console


@functools.cache
def stderr() -> Console:
    """For progress and notices. One object, so that notices appear above a live bar and not through it."""
    from rich.console import Console

    print_anything(sys.stderr)
    return Console(stderr=True, markup=False, highlight=False)


def stdout() -> Console:
    """For results."""
    from rich.console import Console

    print_anything(sys.stdout)
    return Console(markup=False, highlight=False)
