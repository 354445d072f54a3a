"""Rhyme and tones of Chinese verse, by the sounds of today's standard Chinese (`pypinyin`).

    text_rhyme   share of poems whose second and fourth line end in the same final
    text_level   share of these ends that have a level tone (the first or second), as verse with level rhymes asks for

Finals are compared with their glides: ang and iang do not rhyme here. A line ends at a mark. Only texts of four lines
or more count, and of longer ones the first four lines. Sounds have changed since the Tang, so real poems reach less
than 1: theirs is beside, and by chance, with ends of other poems.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ganforge.core.errors import UserError
from ganforge.core.extras import need
from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.text.bleu import Words
from ganforge.modalities.text.metrics import sides
from ganforge.modalities.text.metrics.form import MARK
from ganforge.modalities.text.reading import IDEOGRAPH

RHYMING = (1, 3)  # the lines that rhyme, from 0
End = tuple[str, str]
"""(final, tone) of a character: ("ang", "1")."""


def known() -> bool:
    """Whether sounds can be looked up."""
    return importlib.util.find_spec("pypinyin") is not None


class TextVerse(Metric, kind="text_verse"):
    """Rhyme and level tones of the second and fourth line of Chinese verse."""

    signals: ClassVar[tuple[str, ...]] = ("texts",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "text_rhyme": Meaning("Share of poems whose second and fourth lines rhyme.", "higher"),
        "text_level": Meaning("Share of the ends of these lines that have a level tone.", "higher"),
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        need("pypinyin", "the metric text_verse")
        learned, unseen = sides.parted(comparison)
        fake = sides.side(comparison, "fake", self.n)
        real = ends(unseen) or ends(learned)
        made = ends(fake)
        if not real:
            raise UserError(
                "metric text_verse: the real texts are no verse: none has four lines that end at marks",
                code="metric.not_for_data",
            )
        rows = comparison.draws("verse").permutation(len(real))
        chance = rhyming([(one[0], real[k][1]) for one, k in zip(real, rows, strict=True)])
        protocol = comparison.protocol(self.n)
        rhyme: dict[str, Any] = {"of_heldout": rhyming(real), "by_chance": chance, "poems": len(made)}
        level: dict[str, Any] = {"of_heldout": leveled(real), "poems": len(made)}
        rhyme["notes"] = [phrase("of unseen real texts {share:.2%}", share=rhyme["of_heldout"])]
        level["notes"] = [phrase("of unseen real texts {share:.2%}", share=level["of_heldout"])]
        share = len(made) / len(fake)  # texts that are no poem do not rhyme
        return [
            Result(f"text_rhyme[{len(fake)}]", rhyming(made) * share, protocol, rhyme),
            Result(f"text_level[{len(fake)}]", leveled(made) * share, protocol, level),
        ]


def rhyming(found: Sequence[tuple[End, End]]) -> float:
    return float(np.mean([a[0] == b[0] for a, b in found])) if found else 0.0


def leveled(found: Sequence[tuple[End, End]]) -> float:
    return float(np.mean([end[1] in "12" for both in found for end in both])) if found else 0.0


def ends(texts: Sequence[Words]) -> list[tuple[End, End]]:
    """The ends of the rhyming lines of each text that has as many lines."""
    found = []
    for text in texts:
        lines = lines_of(text)
        if len(lines) > max(RHYMING):
            found.append(tuple(sound(lines[k]) for k in RHYMING))
    return found


def lines_of(text: Words) -> list[str]:
    """The lines of a text: what stands between its marks."""
    found = [""]
    for word in text:
        if MARK.fullmatch(word):
            found.append("")
        else:
            found[-1] += word
    return [line for line in found if line]


def sound(line: str) -> End:
    """(final, tone) of the last character of a line, read as its words ask for; the character where it has none."""
    from pypinyin import Style, pinyin

    final = pinyin(line, style=Style.FINALS_TONE3, neutral_tone_with_five=True)[-1][0]
    known = IDEOGRAPH.fullmatch(line[-1]) and final[-1:].isdigit() and len(final) > 1
    return (final[:-1], final[-1]) if known else (line[-1], "")
