"""Sentences of pages in more than one language.

A sentence is written once, in English, where it is used: `phrase("{n} runs", n=3)` is the text "3 runs", and code that
knows nothing of languages treats it as such. A page in another language asks for `translated(text, "zh")`: the pattern
is looked up in the catalog of that language (`core/languages/`) and filled with the same values. A text that the
catalog does not have stays as it is: names of data, classes and columns, and what a plugin says.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganforge.core.errors import UserError

LANGUAGES = {"en": "en", "zh": "zh-CN"}
"""Languages of reports and model cards, with the tag that HTML has for each."""
VARIABLE = "GANFORGE_LANG"
CATALOGS = Path(__file__).with_name("languages")


class Phrase(str):
    """An English text that remembers its pattern and the values in it."""

    pattern: str
    values: Mapping[str, Any]


def phrase(pattern: str, /, **values: Any) -> Phrase:
    """`phrase("{n:,} of {name}", n=1200, name="mnist")` is "1,200 of mnist". Values may be phrases themselves."""
    text = Phrase(pattern.format(**values))
    text.pattern, text.values = pattern, values
    return text


def translated(text: str, language: str) -> str:
    """A text in a language; as it is where the catalog does not have it."""
    catalog = catalog_of(language)
    if not isinstance(text, Phrase):
        return catalog.get(text, text)
    values = {k: translated(v, language) if isinstance(v, Phrase) else v for k, v in text.values.items()}
    return catalog.get(text.pattern, text.pattern).format(**values)


def named(text: str) -> str:
    """A text for a place in a phrase, where it is looked up too."""
    if isinstance(text, Phrase) or "{" in text or "}" in text:
        return text
    return phrase(text)


@functools.cache
def catalog_of(language: str) -> Mapping[str, str]:
    """English patterns with what they are in a language; empty for English."""
    if language == "en":
        return {}
    sections = json.loads((CATALOGS / f"{language}.json").read_text(encoding="utf-8"))
    return {pattern: text for section in sections.values() for pattern, text in section.items()}


def language_for(asked: str | None) -> str:
    """The language to write in: the one asked for, else that of the environment variable GANFORGE_LANG, else English.

    `zh`, `zh-CN` and `zh_CN.UTF-8` are all Chinese.

    Raises:
        UserError: there is no catalog for it.
    """
    where, name = ("--lang", asked) if asked else (VARIABLE, os.environ.get(VARIABLE, ""))
    short = name.replace("_", "-").partition("-")[0].partition(".")[0].lower() if name else "en"
    if short not in LANGUAGES:
        raise UserError(
            f"{where}={name}: reports and model cards are written in {', '.join(LANGUAGES)}", code="language.unknown"
        )
    return short


def joined(parts: Sequence[str]) -> str:
    """Parts of a list, separated as the language does it."""
    text = parts[0] if parts else ""
    for part in parts[1:]:
        text = phrase("{first}, {rest}", first=text, rest=part)
    return text


def listed(parts: Sequence[str], most: int) -> str:
    """The first `most` parts of a list and how many more there are."""
    if len(parts) <= most:
        return joined(parts)
    return phrase("{shown} and {count:,} more", shown=joined(parts[:most]), count=len(parts) - most)


def sentences(parts: Sequence[str]) -> str:
    """Sentences, one after the other; empty ones are left out."""
    parts = [part for part in parts if part]
    text = parts[0] if parts else ""
    for part in parts[1:]:
        text = phrase("{before} {after}", before=text, after=part)
    return text
