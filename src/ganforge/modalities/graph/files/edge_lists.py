"""Edge lists: a line an edge, `from to`, perhaps a weight and a type, apart by spaces, tabs, commas or semicolons.

The third column is the weight if it holds numbers, and a fourth one of words the type; or the third is the type if it
holds words. In a table with a header the weight is the column `weight`. networkx writes it as `{'weight': 0.5}`.
`edge_tables` reads several numbers with names.

Lines that begin with #, % or // are comments; those at the start can say `directed` (or `asym`), as files of SNAP and
KONECT do. A line of one word is a node without edges. Ids are any numbers from 0
on, with gaps, or words. The file is read in blocks: of ten million edges at most about 1 GB is held at a time.

E lines.  codes int64 [E, 2]: ids from 0 on as they are, words as −1, −2, ... in the order of their appearance.
"""

from __future__ import annotations

import gzip
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from ganforge.core.errors import UserError
from ganforge.modalities.graph.numbers import as_number

BLOCK = 2**24  # bytes
LONGEST_LINE = 2**22  # bytes
COMMENT = re.compile(rb"^[ \t]*(?:#|%|//)[^\n]*\n?", re.MULTILINE)
STATED = re.compile(rb"\A(?:[ \t]*(?:#|%|//)[^\n]*\n)*?[ \t]*(?:#|%|//)[^\n]*?\b(?:directed|asym)\b", re.IGNORECASE)
SPLIT = re.compile(r"[\s,;]+")
NUMBERS = b"0123456789 \t\r\n,;.+-eE"
NETWORKX = re.compile(r"\{.*?['\"]weight['\"]: *([^,} ]+)")
WHOLE = re.compile(r"\d{1,15}")
DENSE = 8
"""Ids up to this many times the number of lines are renumbered by a table, without sorting."""
SOURCES = ("source", "from", "src", "node1", "node_1", "id_1", "u", "head", "follower", "user1", "a")
TARGETS = ("target", "to", "dst", "node2", "node_2", "id_2", "v", "tail", "followee", "user2", "b")


@dataclass
class Listed:
    """What an edge list holds.

    Attributes:
        nodes: how many different ids.
        edges: int64 [E, 2] of numbers 0 ... nodes − 1.
        third: types as words, one a line, or None if there are none.
        weighted: whether there are weights.
        directed: whether a comment at the start says that edges have a direction.
        gaps: whether the ids are not 0 ... nodes − 1, or 1 ... nodes.
        weights: float64 [E], NaN where one is missing; None if there are none, or they are not asked for.
    """

    nodes: int
    edges: np.ndarray
    third: list[str] | None
    weighted: bool
    directed: bool
    gaps: bool
    weights: np.ndarray | None = None


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file, unpacked if its name ends in .gz."""
    with cast(BinaryIO, gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb") as file:
        try:
            yield file
        except (EOFError, gzip.BadGzipFile) as error:
            raise UserError(f"data {path.name}: a damaged .gz file ({error})", code="graph.unreadable_file") from None


def columns_of(line: str) -> tuple[int, int] | None:
    """The columns of the ends of an edge by the names in a first line; None if it is no such line."""
    names = names_in(line)
    first = next((names.index(name) for name in SOURCES if name in names), None)
    second = next((names.index(name) for name in TARGETS if name in names), None)
    return None if first is None or second is None else (first, second)


def names_in(line: str) -> list[str]:
    return [word.strip(" \"'").lower() for word in re.split(r"[,;\t]|\s+", line.strip())]


def weight_column(line: str, columns: tuple[int, int]) -> int | None:
    """The column of the weight by the names in a first line: `weight`, or the third of three; None if there is none."""
    names = names_in(line)
    if "weight" in names:
        return names.index("weight")
    return next(iter({0, 1, 2} - set(columns)), None) if len(names) == 3 else None


def read(file: BinaryIO, name: str, weights: bool = False) -> Listed:
    """Reads an edge list.

    Args:
        weights: whether to keep the weights; of large networks they take memory.

    Raises:
        UserError: the file is not text, or a line has no second column that it should have.
    """
    blocks, thirds, fourths, words, alone = [], [], [], {}, []
    columns, at, ragged, directed = (0, 1), 2, False, False
    third_of: list[np.ndarray | list[str]] = []  # of each block; words where lines were read one by one
    for number, block in enumerate(_blocks(file, name)):
        if number == 0:
            directed = STATED.match(block.removeprefix(b"\xef\xbb\xbf")) is not None
            start = COMMENT.sub(b"", block.lstrip(b"\xef\xbb\xbf"))
            head = start.split(b"\n", 1)[0].decode("utf-8", "replace")
            found = columns_of(head)
            columns, block = (columns, start) if found is None else (found, start.split(b"\n", 1)[-1])
            at = 2 if found is None else weight_column(head, columns)
        block = COMMENT.sub(b"", block) if b"#" in block or b"%" in block or b"//" in block else block
        fast = _numbers(block)
        if fast is not None:
            if fast.shape[1] == 1:
                alone.append(fast[:, 0].astype(np.int64))
                continue
            blocks.append(fast[:, list(columns)].astype(np.int64))
            third = fast[:, at] if at is not None and at < fast.shape[1] else np.full(len(fast), np.nan)
            third_of.append(third.copy() if weights else third[:1].copy())  # the first says whether there are any
            ragged |= bool(thirds)
            continue
        edges, lonely, third, fourth = _lines(block, columns, at, words, name)
        blocks.append(edges)
        alone.append(lonely)
        thirds += third
        fourths += fourth
        third_of.append(third)
    codes = np.concatenate(blocks) if blocks else np.zeros((0, 2), np.int64)
    blocks.clear()
    lonely = np.concatenate(alone) if alone else np.zeros(0, np.int64)
    alike = len(thirds) == len(codes) > 0 and not ragged
    numeric = all(as_number(word) is not None for word in thirds[:1000])
    types = fourths if numeric else thirds
    typed = alike and columns == (0, 1) and all(types) and not all(as_number(word) is not None for word in types[:1000])
    weighted = any(_has_numbers(part) for part in third_of) and not (typed and types is thirds)
    found = _weights(third_of, name) if weights and weighted else None
    nodes, edges, gaps = renumbered(codes, lonely)
    return Listed(nodes, edges, types if typed else None, weighted, directed, gaps, found)


def _has_numbers(part: np.ndarray | list[str]) -> bool:
    if isinstance(part, np.ndarray):
        return bool(np.isfinite(part).any())
    return any(math.isfinite(as_number(word) or 0.0) for word in part if word and as_number(word) is not None)


def _weights(parts: list[np.ndarray | list[str]], name: str) -> np.ndarray:
    """Third columns as float64 [E], NaN where there is none."""
    found: list[np.ndarray] = []
    for part in parts:
        if isinstance(part, np.ndarray):
            found.append(part)
            continue
        values = [as_number(word) for word in part]
        if None in values:
            raise UserError(
                f"data {name}: {part[values.index(None)]!r} stands among the weights. Write a number there, or nothing "
                "(then the median is taken)",
                code="graph.words_among_numbers",
            )
        found.append(np.array(values, float))
    return np.concatenate(found)


def _blocks(file: BinaryIO, name: str) -> Iterator[bytes]:
    """The file in parts that end with whole lines."""
    rest = b""
    while part := file.read(BLOCK):
        if b"\0" in part[:4096]:
            raise UserError(f"data {name}: not an edge list: the file is binary", code="graph.not_an_edge_list")
        part = rest + part
        cut = part.rfind(b"\n") + 1
        if not cut and len(part) > LONGEST_LINE:
            raise UserError(
                f"data {name}: not an edge list: a line of more than {LONGEST_LINE:,} bytes",
                code="graph.not_an_edge_list",
            )
        rest = part[cut:]
        if cut:
            yield part[:cut]
    if rest.strip():
        yield rest + b"\n"


def _numbers(block: bytes) -> np.ndarray | None:
    """Lines of as many numbers each as float64 [lines, columns], if the ends of edges are whole numbers; else None."""
    if block.translate(None, NUMBERS) or not block.strip():
        return None
    text = block.translate(bytes.maketrans(b",;", b"  "))
    lines = text.count(b"\n")
    width = len(text.lstrip().split(b"\n", 1)[0].split())
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            found = np.fromstring(text.decode("ascii"), sep=" ")
        except (DeprecationWarning, ValueError):  # a word such as 1-2, which is no number
            return None
    if len(found) != lines * width:  # lines of unequal length: one by one
        return None
    found = found.reshape(lines, width)
    ends = found[:, :2]
    return found if (ends == np.floor(ends)).all() and ends.min() >= 0 and ends.max() < 2**53 else None


def _lines(
    block: bytes, columns: tuple[int, int], at: int | None, words: dict[str, int], name: str
) -> tuple[np.ndarray, np.ndarray, list[str], list[str]]:
    """Lines one by one: codes of edges, codes of nodes without edges, the columns of the weight and the one after."""
    edges, alone, thirds, fourths = [], [], [], []
    last = max(*columns, at or 0)

    for line in block.decode("utf-8", "replace").split("\n"):
        parts = [part for part in SPLIT.split(line.strip(), last + 3) if part]
        if not parts:
            continue
        if len(parts) == 1:
            alone.append(code_of(parts[0], words))
            continue
        if len(parts) <= max(columns):
            raise UserError(
                f"data {name}: the line {line[:60]!r} has {len(parts)} columns; edges are in columns "
                f"{columns[0] + 1} and {columns[1] + 1}",
                code="graph.line_too_short",
            )
        edges.append((code_of(parts[columns[0]], words), code_of(parts[columns[1]], words)))
        third = parts[at].strip("\"'") if at is not None and len(parts) > at else ""
        if third.startswith("{"):
            written = NETWORKX.search(line)
            third = "" if written is None else written[1]
        thirds.append(third)
        fourths.append(parts[3].strip("\"'") if at == 2 and len(parts) > 3 else "")
    return np.array(edges, np.int64).reshape(-1, 2), np.array(alone, np.int64), thirds, fourths


def code_of(word: str, words: dict[str, int]) -> int:
    """The code of an id; words that are met for the first time are added."""
    word = word.strip("\"'")
    return int(word) if WHOLE.fullmatch(word) else words.setdefault(word, -1 - len(words))


def renumbered(codes: np.ndarray, alone: np.ndarray) -> tuple[int, np.ndarray, bool]:
    """Numbers without gaps, in the order of the ids: how many, the edges [E, 2], and whether there were gaps."""
    if not len(codes) and not len(alone):
        return 0, codes, False
    low = min(int(part.min()) for part in (codes, alone) if part.size)
    high = max(int(part.max()) for part in (codes, alone) if part.size)
    if low >= 0 and high < DENSE * (codes.size + len(alone)) + 1000:
        there = np.zeros(high + 1, bool)
        there[codes.ravel()] = True
        there[alone] = True
        number = np.cumsum(there, dtype=np.int64) - 1
        count = int(number[-1]) + 1
        return count, number[codes], count < high + 1 - (low == 1)
    known, found = np.unique(np.concatenate([codes.ravel(), alone]), return_inverse=True)
    if low < 0:  # words in the order of their appearance, after numbers
        order = np.argsort(np.where(known < 0, 2**60 - known, known))
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        found = place[found]
    return len(known), found[: codes.size].reshape(-1, 2), low >= 0
