"""The two consoles that the verbs write to: results on stdout, all else on stderr.

Neither reads markup: a path like `data[1]` is to be shown as it is.
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
    """For progress and notices. One object, so that notices appear above a live bar and not through it."""
    from rich.console import Console

    print_anything(sys.stderr)
    return Console(stderr=True, markup=False, highlight=False)


def say(text: str, console: Console, style: str = "") -> None:
    """Prints a sentence: broken between words on a terminal, on one line in a pipe or a file.

    Commands to be pasted are printed with `soft_wrap` instead: no line break is put into them.
    """
    console.print(text, style=style, soft_wrap=not console.is_terminal)


def stdout() -> Console:
    """For results. In a pipe or a file lines are as long as they need to be, so that no value is cut."""
    from rich.console import Console

    print_anything(sys.stdout)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = WIDE
    return console
