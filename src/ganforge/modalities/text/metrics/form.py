"""Whether generated verse keeps the form of real verse: how many characters stand between its marks.

    form of a text = (characters up to the first mark, the mark, ...): 5，5。5，5。 for a quatrain

N: texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import ClassVar

from ganforge.core.language import phrase
from ganforge.metrics.base import Comparison, Meaning, Metric, Result
from ganforge.modalities.text.bleu import Words
from ganforge.modalities.text.metrics import sides

MARK = re.compile(r"[^\w\s]")


class TextForm(Metric, kind="text_form"):
    """Share of texts with a form (characters between marks) that training texts have."""

    signals: ClassVar[tuple[str, ...]] = ("texts",)
    values: ClassVar[Mapping[str, Meaning]] = {
        "text_form": Meaning(
            "Share of texts with as many characters between their marks as a real text has.", "higher", 1.0
        )
    }

    def compute(self, comparison: Comparison) -> list[Result]:
        learned, unseen = sides.parted(comparison)
        fake = sides.side(comparison, "fake", self.n)
        known = {form(text) for text in learned}
        real = sum(form(text) in known for text in unseen) / len(unseen)
        often = Counter(map(form, fake)).most_common(1)[0][0]
        notes = [phrase("of unseen real texts {share:.2%}", share=real)]
        detail = {"of_heldout": real, "most_often": often, "notes": notes}
        value = sum(form(text) in known for text in fake) / len(fake)
        return [Result(f"text_form[{len(fake)}]", value, comparison.protocol(self.n), detail)]


def form(text: Words) -> str:
    """The numbers of words between marks, and the marks: 5，5。"""
    found, count = [], 0
    for word in text:
        if MARK.fullmatch(word):
            found.append(f"{count}{word}" if count else word)
            count = 0
        else:
            count += 1
    return "".join(found) + (str(count) if count else "")
