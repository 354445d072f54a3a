"""Captions: a sentence for each sample, from a table, from text files beside the samples, or from their file names.

    table       a column of file names and a column of texts (CSV, TSV, Parquet, JSON lines), paired as conditions are
    sidecars    a .txt beside each file, of the same name
    unicode     the Unicode name of the characters whose code points the file is named after: 1f408-200d-2b1b.png

The captions become the condition `text` (`core.text_condition`), in addition to those of a table of conditions.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ganforge.core.condition_kinds import Value
from ganforge.core.conditions import Conditions
from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.names import likeliest, readable
from ganforge.core.text_condition import Text, joined, tokens_of
from ganforge.data import column_files
from ganforge.data.column_conditions import listed
from ganforge.data.columns import Columns
from ganforge.data.labels import paired
from ganforge.data.opener import Head

SIDECARS, UNICODE = "sidecars", "unicode"
NAME = "text"
"""The name of the condition."""
COLUMNS = re.compile(r"(?i)captions?|text|sentences?|descriptions?|prompt|title|name|描述|文本|标题|句子")
POINT = re.compile(r"(?i)^(?:emoji_?)?u?\+?([0-9a-f]{2,6}(?:[-_ ][0-9a-f]{2,6})*)$")
SILENT = {0x200D, 0xFE0E, 0xFE0F, 0x20E3}
"""Joiners and marks that say how characters are drawn."""
LETTER = "regional indicator symbol letter"
"""Two of these are the flag of a country."""
SKINS = ("light skin", "medium light skin", "medium skin", "medium dark skin", "dark skin")
CALLED = {0x2764: "red heart", 0x1F5A4: "black heart"}
"""Characters whose Unicode name is of another color: before there were colors, black meant filled."""


@dataclass(frozen=True)
class Captions:
    """Where the captions are, and how they are read.

    Attributes:
        source: a table, `sidecars` or `unicode`.
        column: of the table; empty: the one that holds texts.
        words: of a caption, at most; longer ones are cut.
    """

    source: str
    column: str = ""
    words: int = 32

    @property
    def where(self) -> str:
        return f"data.captions={self.source}"


def attach(dataset: Dataset, captions: Captions, head: Head) -> None:
    """Sets the condition `text` of a data set, and says in its reading how the captions were understood.

    Raises:
        UserError: no caption belongs to a sample, none has words, or the table cannot be used.
    """
    texts, said = _READERS.get(captions.source, _of_table)(dataset, captions, head)
    _attach(dataset, captions, texts, said)


def _attach(dataset: Dataset, captions: Captions, texts: Sequence[str | None], said: list[str]) -> None:
    split = [tokens_of(text or "") for text in texts]
    items = [dataset.describe(k) for k in range(len(dataset))]
    empty = [item for item, text, tokens in zip(items, texts, split, strict=True) if text is not None and not tokens]
    bare = [item for item, text in zip(items, texts, strict=True) if text is None]
    if not any(split):
        raise UserError(
            f"{captions.where}: none of the {len(dataset):,} samples of {dataset.name} has a caption with words in it "
            f"({len(empty):,} are empty)",
            code="captions.empty",
        )
    long = [item for item, tokens in zip(items, split, strict=True) if len(tokens) > captions.words]
    for group, what in (
        (bare, "without a caption, so that theirs counts as unknown"),
        (empty, "with an empty caption, which counts as unknown"),
        (long, f"with a caption of more than {captions.words} words, which is cut (data.caption_words)"),
    ):
        if group:
            said.append(f"{len(group):,} of {len(dataset):,} samples {what}: {listed(group)}")
    kept = [joined(tokens[: captions.words]) for tokens in split]
    text = Text.of(NAME, [one for one in kept if one], captions.words)
    given = dataset.conditions
    if NAME in given.names:
        raise UserError(
            f"{captions.where}: the table of conditions has a column {NAME!r} too; rename it, or leave it out with "
            "data.columns",
            code="captions.name_taken",
        )
    rows: list[tuple[Value, ...]] = given.decode(dataset.vectors) if dataset.vectors is not None else [()] * len(kept)
    rows = [(*row, one or None) for row, one in zip(rows, kept, strict=True)]
    conditions = Conditions((*given.each, text)).with_observed(rows)
    dataset.labels, dataset.classes, dataset.no_labels = None, (), ""
    dataset.conditions, dataset.vectors = conditions, conditions.encode(rows)
    dataset.understood = (*dataset.understood, f"captions from {captions.source}: {text.said()}", *said)
    dataset.left_out = dataset.left_out or bool(said)


Texts = tuple[list[str | None], list[str]]
"""The caption of each sample, None without one; and what there is to say of the source."""


def _of_table(dataset: Dataset, captions: Captions, head: Head) -> Texts:
    table = column_files.read(Path(captions.source).expanduser(), captions.source, "captions")
    table = Columns(table.name, table.each, table.notes, "captions")
    rows, names, said = paired(dataset, table)
    texts = [column for column in table.each if column.name != names]
    by_name = {column.name: column for column in texts}
    if captions.column and captions.column not in by_name:
        raise UserError(
            f"{captions.where}: no column {captions.column!r}{did_you_mean(captions.column, by_name)} "
            f"(columns: {', '.join(by_name) or 'none'})",
            code="captions.no_column",
        )
    called = [column.name for column in texts if COLUMNS.fullmatch(column.name)]
    usual = called or [c.name for c in texts if any(isinstance(v, str) for v in c.values)] or list(by_name)
    if not captions.column and len(usual) != 1:
        raise UserError(
            f"{captions.where}: which column holds the captions? Name it: "
            f"data.caption_column={next(iter(usual), 'NAME')} (columns: {', '.join(by_name) or 'none'})",
            code="captions.which_column",
        )
    values = by_name[captions.column or usual[0]].values
    found = [None if row < 0 else _text(values[row]) for row in rows.tolist()]
    return found, [*table.notes, *(line for line in said if "no row" not in line)]


def _text(value: object) -> str:
    """A cell as a caption; of several captions the first. Empty if it is missing."""
    first = next(iter(value), "") if isinstance(value, list) else value
    return "" if first is None else f"{first:g}" if isinstance(first, float) else str(first)


def _of_sidecars(dataset: Dataset, captions: Captions, head: Head) -> Texts:
    names = {readable(name): name for name in head.names if name.lower().endswith(".txt")}
    texts: list[str | None] = []
    for item in (dataset.describe(k) for k in range(len(dataset))):
        beside = names.get(str(PurePosixPath(item).with_suffix(".txt")), names.get(f"{item}.txt"))
        if beside is None or head.store is None:
            texts.append(None)
            continue
        source = head.store.open(beside)
        texts.append(decoded(source.read_bytes() if isinstance(source, Path) else source.read(), captions, beside))
    if all(text is None for text in texts):
        raise UserError(
            f"{captions.where}: no sample of {dataset.name} has a .txt file of its name beside it",
            code="captions.match_nothing",
        )
    return texts, []


def decoded(data: bytes, captions: Captions, name: str) -> str:
    """The text of a file: UTF-8, or else the likeliest encoding of Chinese or Japanese.

    Raises:
        UserError: it is in none of these.
    """
    for encoding in ("utf-16", "utf-8-sig") if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    encoding = likeliest([data])
    if encoding is None:
        raise UserError(
            f"{captions.where}, {name}: in no encoding that is known here (UTF-8, GB 18030, Big5, Shift JIS). Save it "
            "as UTF-8",
            code="captions.unknown_encoding",
        )
    return data.decode(encoding)


def _of_code_points(dataset: Dataset, captions: Captions, head: Head) -> Texts:
    texts = [unicode_name(PurePosixPath(dataset.describe(k)).stem) for k in range(len(dataset))]
    if all(text is None for text in texts):
        raise UserError(
            f"{captions.where}: no file of {dataset.name} is named after code points, as 1f600.png is (the first: "
            f"{dataset.describe(0)})",
            code="captions.match_nothing",
        )
    return texts, []


def unicode_name(stem: str) -> str | None:
    """The name of the characters whose code points a file is named after: `1f44d-1f3fd` → `thumbs up sign medium skin`.

    None if it is not named after code points of characters that have names.
    """
    match = POINT.match(stem)
    if match is None:
        return None
    words = []
    for point in (int(part, 16) for part in re.split(r"[-_ ]", match[1])):
        if point in SILENT:
            continue
        if 0x1F3FB <= point <= 0x1F3FF:
            words.append(SKINS[point - 0x1F3FB])
            continue
        name = CALLED.get(point) or (unicodedata.name(chr(point), "") if point < 0x110000 else "")
        if not name:
            return None
        name = name.lower().replace("-", " ")
        words.append(name.replace(LETTER, "flag" if words == [] else ""))
    return " ".join(" ".join(words).split()) if words else None


_READERS: dict[str, Callable[[Dataset, Captions, Head], Texts]] = {SIDECARS: _of_sidecars, UNICODE: _of_code_points}
