"""Texts at a path: files of lines, .jsonl files, folders and zips of text files."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from pathlib import Path

import numpy as np

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError
from ganforge.data.files_at import ending_of
from ganforge.data.given import Given, MemoryData
from ganforge.data.opener import Head, Opener
from ganforge.data.store import is_hidden
from ganforge.data.zip_store import ZipStore
from ganforge.modalities.text import reading
from ganforge.modalities.text.source import (
    ENDINGS,
    ENTRIES,
    SUMMARIES,
    TABLES,
    TextFile,
    found_pair,
    is_text,
)
from ganforge.modalities.text.text_set import TextSet

CLEAR = 0.8
SURE = 0.97  # names of columns that say what they are
NUMBERS = 0.05  # lines of numbers are rather points, edges or a table
LONGEST = 2**20  # bytes of a first line
ASKED = 0.01  # a table, which is one of texts only where the user says so
NUMERIC = re.compile(rb"[\d\s.,;:+\-eE#%]+")


class TextOpener(Opener, kind="texts"):
    """Texts, a line each, in .txt, .md and .jsonl files, or in folders and zips of them."""

    signal = "texts"
    takes = "texts: .txt, .md, .jsonl, a folder or zip of them"
    endings = (*ENDINGS,)

    def claims(self, path: Path, head: Head) -> float:
        names = [name for name in head.names if not is_hidden(name)]
        if names:
            texts = sum(is_text(name) for name in names)
            return CLEAR if texts * 2 > len(names) and (texts > 1 or head.store is None) else 0.0
        if head.store is not None:
            return 0.0
        if ending_of(path.name) in TABLES:
            return ASKED
        if not is_text(path.name) or not head.start:
            return 0.0
        return NUMBERS if NUMERIC.fullmatch(head.start) else CLEAR

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        part = "test" if split in ("test", "val") else "all" if split == "all" else "train"
        source = TextFile(path=name, split=part, holdout=holdout, labels=head.labels)
        if head.store is not None or head.names:
            return source.of_store(head.store or ZipStore(path, head.name_encoding))
        if NUMERIC.fullmatch(head.start) and not asked:
            raise UserError(
                f"data {name}: lines of numbers. If they are texts to you: data.signal=texts",
                code="data.unsupported_format",
            )
        return source.open()

    def source_of(self, given: Given) -> MemoryData | None:
        """Texts in memory: a list of str."""
        texts = given.samples
        if not isinstance(texts, (list, tuple)) or not texts or not all(isinstance(text, str) for text in texts):
            return None
        kept = [(k, clean) for k, text in enumerate(texts) if (clean := reading.normalized(text))]
        if not kept:
            raise UserError("data: all of these texts are empty", code="data.empty")
        if given.labels is None:
            return MemoryData.of(TextSet("the texts", [text for _, text in kept]))
        names, labels = np.unique(given.labels[[k for k, _ in kept]], return_inverse=True)
        classes = given.classes or tuple(map(str, names.tolist()))
        numbers = given.labels[[k for k, _ in kept]].astype(np.int64) if given.classes else labels
        return MemoryData.of(TextSet("the texts", [text for _, text in kept], numbers, classes))


class TextPairOpener(Opener, kind="text_pairs"):
    """Pairs of texts in the columns of a .csv, .tsv or .jsonl file: an article and its summary."""

    signal = "text_pairs"
    takes = "pairs of texts: columns such as article and summary of a .csv, .tsv or .jsonl file"
    endings = (*TABLES, *ENTRIES)

    def claims(self, path: Path, head: Head) -> float:
        if head.store is not None or ending_of(path.name) not in self.endings:
            return 0.0
        source, target = found_pair(columns_of(path))
        plain = source is not None and source.lower() != "source" and str(target).lower() in SUMMARIES
        return SURE if plain else ASKED  # "source, target" may be edges, "title, text" a table

    def open(self, path: Path, head: Head, name: str, *, split: str, holdout: float, asked: bool) -> Dataset:
        source, target = found_pair(columns_of(path))
        if source is None or target is None:
            raise UserError(
                f"data {name}: no columns of sources and of the texts made from them, such as article and summary. "
                "Name them: data.kind=texts data.path=FILE data.column=SUMMARY data.source=ARTICLE",
                code="text.not_paired",
            )
        part = "test" if split in ("test", "val") else "all" if split == "all" else "train"
        return TextFile(path=name, split=part, holdout=holdout, column=target, source=source, labels="none").open()


def columns_of(path: Path) -> list[str]:
    """The names of columns in the first line of a table, or the keys of the first entry of a .jsonl file."""
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            first = file.readline(LONGEST).decode("utf-8", "ignore").removeprefix("\ufeff").strip()
        if first.startswith("{"):
            return list(json.loads(first))
    except (OSError, EOFError, ValueError, zlib.error):  # damaged: who reads it says so
        return []
    return [column.strip().strip('"') for column in re.split(r"[,;\t|]", first)]
