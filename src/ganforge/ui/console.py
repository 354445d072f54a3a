"""The two consoles that the commands write to: results to stdout, everything else to stderr.

Neither interprets markup: a path like `data[1]` is shown unchanged.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import TYPE_CHECKING

from ganforge.core.surroundings import print_anything

if TYPE_CHECKING:
    from rich.console import Console


WIDE = 10_000  # columns


@functools.cache
def stderr() -> Console:
    """For progress and notices. A single object, so that notices appear above a live progress bar instead of breaking
    it."""
    from rich.console import Console

    print_anything(sys.stderr)
    return Console(stderr=True, markup=False, highlight=False)


def say(text: str, console: Console, style: str = "") -> None:
    """Prints a sentence: broken between words on a terminal, on one line in a pipe or a file.

    Commands to be pasted are printed with `soft_wrap` instead: no line break is put into them.
    """
    console.print(text, style=style, soft_wrap=not console.is_terminal)


def stdout() -> Console:
    """For results. When piped or redirected to a file, lines are not wrapped or truncated."""
    from rich.console import Console

    print_anything(sys.stdout)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    return console
