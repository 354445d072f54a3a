"""Names of notes: A4 is 440 Hz; Cs3, C#3 and Db3 are the same."""

from __future__ import annotations

import re

STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
NOTE = re.compile(r"([A-Ga-g])(s|#|♯|b|♭)?(-?\d)(?![\dA-Za-z])")
STRICT = re.compile(r"[A-G](s|#|b)?-?\d")
"""A field of a file's name that is a note and hardly anything else."""


def frequency_of(label: str) -> float | None:
    """The pitch in Hz that a label names; None where it names none."""
    found = NOTE.search(label)
    if found is None:
        return None
    letter, sign, octave = found.groups()
    shift = {"s": 1, "#": 1, "♯": 1, "b": -1, "♭": -1}.get(sign or "", 0)
    return 440.0 * 2 ** ((STEPS[letter.upper()] + shift - 9) / 12 + int(octave) - 4)
