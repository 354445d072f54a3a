"""Where texts come from: a file of lines, a .jsonl file or a column of a table, a folder or a zip of text files.

What was assumed or repaired is said (`TextSet.understood`); entries that cannot be used are named (`skipped`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from ganforge.core.errors import UserError
from ganforge.core.names import readable
from ganforge.data import layout
from ganforge.data.base import HOLDOUT, DataSource
from ganforge.data.files_at import at_path, content, ending_of, has_parts
from ganforge.data.store import Store, is_hidden
from ganforge.modalities.text import reading
from ganforge.modalities.text.reading import Unit
from ganforge.modalities.text.text_set import PairedTexts, TextSet, part_of

LINES, ENTRIES, TABLES, MARKDOWN = (".txt", ".text"), (".jsonl", ".ndjson"), (".csv", ".tsv"), (".md", ".markdown")
ENDINGS = (*LINES, *MARKDOWN, *ENTRIES)
MOST_LABELS = 100
PER_LABEL = 10  # texts a label, on average, below which a column or the names of files are no labels
COLUMNS = ("text", "content", "sentence", "body", "caption", "poem")

SOURCES = ("article", "document", "dialogue", "body", "content", "text", "source")
SUMMARIES = ("summary", "highlights", "abstract", "headline")
TARGETS = (*SUMMARIES, "title", "target")


class TextFile(DataSource, kind="texts"):
    """Texts from a .txt, .md, .jsonl or .csv file (also .gz), or from a folder or zip of them; for more say than
    `data=FILE` gives."""

    path: str
    """The file, folder or zip."""
    unit: Unit = "auto"
    """What one text is: a line, a paragraph (up to an empty line), a sentence, or a whole file. auto: a line; of
    Markdown a paragraph; of a few very long lines a sentence; of class folders of many files a file."""
    column: str | None = None
    """The column of a table, or the key of a .jsonl file, that holds the texts; found by default."""
    source: str | None = None
    """The column or key that holds what each text is to be made from, such as the article of a summary (`column`)."""
    label: str | None = None
    """The column or key that holds the labels; found by default. For none: data.labels=none."""
    labels: layout.Labels = "auto"
    """Which folder is the label; none: no labels, not from columns either."""
    encoding: str | None = None
    """Of the files, such as utf-8, gb18030 or big5; found by default."""
    split: Literal["train", "test", "all"] = "train"
    """Which part to take: the texts to train on, those that are held back (test), or all."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """The share of the texts that is held back for `ganforge evaluate`; equal texts are on the same side."""

    @property
    def held_back(self) -> float:
        return self.holdout

    def open(self) -> TextSet:
        at = at_path(self.path)
        if not isinstance(at, Path):
            return self.of_store(at)
        found = Found()
        found.add(at.read_bytes(), at.name, self)
        return self.finished(found)

    def of_store(self, store: Store) -> TextSet:
        """The texts of all files in a folder or zip.

        Raises:
            UserError: there is none.
        """
        names = sorted(name for name in store.names() if not is_hidden(name) and is_text(name))
        if not names:
            raise UserError(
                f"data {self.path}: no texts here. Expected files that end in {', '.join(ENDINGS)}",
                code="text.no_files",
            )
        split = self.split if has_parts(names) else "all"
        folders = layout.read(names, split, self.labels, self.path)
        found, counts = Found(), []
        whole = self.unit == "auto" and folders.classes and len(folders.files) >= PER_LABEL * len(folders.classes)
        unit: Unit = "file" if whole else self.unit
        for file in folders.files:
            before = len(found.texts)
            found.add(content(store, file) if store.size(file) else b"", file, self, unit)
            counts.append(len(found.texts) - before)
        found.notes += list(folders.sentences)
        if folders.labels is not None:
            found.labels = [
                folders.classes[k] for k, many in zip(folders.labels, counts, strict=True) for _ in range(many)
            ]
        elif self.labels == "auto" and 2 <= len(names) <= MOST_LABELS and len(found.texts) >= PER_LABEL * len(names):
            stems = [readable(Path(file).stem) for file in folders.files]
            if len(set(stems)) == len(stems):
                found.labels = [stem for stem, many in zip(stems, counts, strict=True) for _ in range(many)]
                found.notes.append(f"labels from the names of its {len(stems)} files (data.labels=none: no labels)")
        return self.finished(found, parted=split != "all")

    def finished(self, found: Found, parted: bool = False) -> TextSet:
        """The set, with what there is to say of it.

        Raises:
            UserError: no text is left.
        """
        texts, kept = [], []
        joined = reading.unspaced(found.texts)
        if joined is not None:
            found.notes.append("spaces between Chinese characters left out")
        for k, text in enumerate(joined or found.texts):
            if (text := reading.normalized(text)) and (not found.sources or reading.normalized(found.sources[k])):
                texts.append(text)
                kept.append(k)
        if not texts:
            raise UserError(f"data {self.path}: it holds no text", code="data.empty")
        empty = len(found.texts) - len(texts)
        if empty:
            found.notes.append(f"{empty:,} empty ones left out")
        doubles = len(texts) - len(set(texts))
        if doubles:
            found.notes.append(f"{doubles:,} repeat an earlier one (kept)")
        labels, classes = None, ()
        if found.labels and self.labels != "none":
            names = [found.labels[k] for k in kept]
            classes = tuple(sorted(set(names)))
            labels = np.array([classes.index(name) for name in names], np.int64)
        dataset = TextSet(self.path, texts, labels, classes)
        if found.sources:
            sources = reading.unspaced(found.sources) or found.sources
            dataset = PairedTexts(self.path, texts, [reading.normalized(sources[k]) for k in kept])
        elif self.source is not None:
            raise UserError(
                f"data.source={self.source}: {self.path} has no columns; pairs are read from .csv, .tsv and "
                ".jsonl files",
                code="text.no_such_column",
            )
        dataset.skipped = found.skipped
        encodings = sorted(set(found.encodings))
        dataset.understood = (
            f"{', '.join(encodings)}, normalized (NFC)", f"a text is a {found.unit}", *dict.fromkeys(found.notes),
        )  # fmt: skip
        return dataset if parted else part_of(dataset, self.split, self.holdout)


@dataclass
class Found:
    """What files hold, as it is collected."""

    texts: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    encodings: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unit: str = "line"

    def add(self, data: bytes, name: str, source: TextFile, unit: Unit | None = None) -> None:
        """The texts of one file."""
        ending = ending_of(name)
        decoded = reading.decode(data, name, source.encoding)
        self.encodings.append({"cp1252": "Windows-1252", "utf-8": "UTF-8"}.get(decoded.encoding, decoded.encoding))
        if decoded.damaged:
            self.notes.append(f"{decoded.damaged:,} damaged characters of {name} read as \ufffd")
        if ending in ENTRIES or ending in TABLES:
            self.unit = "column" if ending in TABLES else "line"
            self._rows(decoded.text, name, ending, source)
            return
        texts, used = reading.cut(decoded.text, unit or source.unit, ending in MARKDOWN)
        self.unit = used
        if used == "sentence" and source.unit == "auto":
            self.notes.append("a few very long lines, cut into sentences (data.kind=texts data.unit=line: not cut)")
        self.texts += texts

    def _rows(self, text: str, name: str, ending: str, source: TextFile) -> None:
        if ending in TABLES:
            rows = list(reading.table_rows(text))
        else:
            rows, skipped = reading.json_lines(text, name)
            self.skipped += [(f"{name}, {where}", why) for where, why in skipped]
        if not rows:
            raise UserError(f"data {name}: it has no rows", code="data.empty")
        columns = list(dict.fromkeys(key for row in rows[:100] for key in row.values))
        column = source.column or _text_column(rows, columns)
        label = source.label or (_label_column(rows, columns, column) if source.labels == "auto" else None)
        label = None if source.source else label
        for asked, given in (("column", source.column), ("source", source.source), ("label", source.label)):
            if given is not None and given not in columns:
                raise UserError(
                    f"data.{asked}={given}: {name} has no such column (it has {', '.join(columns)})",
                    code="text.no_such_column",
                )
        used = [row for row in rows if row.values.get(column, "").strip() and (label is None or label in row.values)]
        self.skipped += [(f"{name}, {row.place}", f"no {column}") for row in rows if column not in row.values]
        if source.source is not None:
            used = [row for row in used if row.values.get(source.source, "").strip()]
            self.sources += [row.values[source.source] for row in used]
        self.texts += [row.values[column] for row in used]
        self.notes.append(f"texts from {column!r}" + (f", sources from {source.source!r}" if source.source else ""))
        if len(rows) > len(used):
            self.notes.append(f"{len(rows) - len(used):,} entries without one left out")
        if label is not None:
            self.labels += [row.values[label] for row in used]
            self.notes.append(f"labels from {label!r} (data.labels=none: no labels)")


def found_pair(columns: Sequence[str]) -> tuple[str | None, str | None]:
    """The columns of sources and of the texts made from them, by their usual names."""
    small = {column.lower(): column for column in reversed(columns)}
    source, target = (next((small[name] for name in names if name in small), None) for names in (SOURCES, TARGETS))
    return source, target


def _text_column(rows: list[reading.Row], columns: list[str]) -> str:
    """The column that holds the texts: one of the usual names, else the one with the longest values."""
    named = next((column for column in columns if column.lower() in COLUMNS), None)
    return named or max(columns, key=lambda column: sum(len(row.values.get(column, "")) for row in rows[:500]))


def _label_column(rows: list[reading.Row], columns: list[str], text: str) -> str | None:
    """The column with the fewest values, of those with few enough to be labels."""
    counts = {
        column: len(Counter(row.values.get(column) for row in rows))
        for column in columns
        if column != text and all(column in row.values for row in rows)
    }
    few = {column: n for column, n in counts.items() if 2 <= n <= min(MOST_LABELS, len(rows) / PER_LABEL)}
    return min(few, key=few.__getitem__) if few else None


def is_text(name: str) -> bool:
    """Whether a name is that of a file of texts (a table only where it is asked for)."""
    return ending_of(name) in ENDINGS
