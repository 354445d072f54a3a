"""Edge lists: a line an edge, `from to` and perhaps a third column, apart by spaces, tabs, commas or semicolons.

Lines that begin with #, % or // are comments. A line of one word is a node without edges. Ids are any numbers from 0
on, with gaps, or words. The file is read in blocks: of ten million edges at most about 1 GB is held at a time.

E lines.  codes int64 [E, 2]: ids from 0 on as they are, words as −1, −2, ... in the order of their appearance.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from ganforge.core.errors import UserError

BLOCK = 2**24  # bytes
LONGEST_LINE = 2**22  # bytes
COMMENT = re.compile(rb"^[ \t]*(?:#|%|//)[^\n]*\n?", re.MULTILINE)
SPLIT = re.compile(r"[\s,;]+")
NUMBERS = b"0123456789 \t\r\n,;.+-eE"
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
        third: the third column as words, one a line, or None if there is none or it holds numbers (weights).
        weighted: whether a third column of numbers was left out.
        gaps: whether the ids are not 0 ... nodes − 1, or 1 ... nodes.
    """

    nodes: int
    edges: np.ndarray
    third: list[str] | None
    weighted: bool
    gaps: bool


def columns_of(line: str) -> tuple[int, int] | None:
    """The columns of the ends of an edge by the names in a first line; None if it is no such line."""
    names = [word.strip(" \"'").lower() for word in re.split(r"[,;\t]|\s+", line.strip())]
    first = next((names.index(name) for name in SOURCES if name in names), None)
    second = next((names.index(name) for name in TARGETS if name in names), None)
    return None if first is None or second is None else (first, second)


def read(file: BinaryIO, name: str) -> Listed:
    """Reads an edge list.

    Raises:
        UserError: the file is not text, or a line has no second column that it should have.
    """
    blocks, thirds, words, alone = [], [], {}, []
    columns, weighted, ragged = (0, 1), False, False
    for number, block in enumerate(_blocks(file, name)):
        if number == 0:
            start = COMMENT.sub(b"", block.lstrip(b"\xef\xbb\xbf"))
            head = start.split(b"\n", 1)[0].decode("utf-8", "replace")
            found = columns_of(head)
            columns, block = (columns, start) if found is None else (found, start.split(b"\n", 1)[-1])
        block = COMMENT.sub(b"", block) if b"#" in block or b"%" in block or b"//" in block else block
        fast = _numbers(block)
        if fast is not None:
            if fast.shape[1] == 1:
                alone.append(fast[:, 0].astype(np.int64))
                continue
            weighted |= fast.shape[1] > 2
            blocks.append(fast[:, list(columns)].astype(np.int64))
            ragged |= bool(thirds)
            continue
        edges, lonely, third = _lines(block, columns, words, name)
        blocks.append(edges)
        alone.append(lonely)
        thirds += third
    codes = np.concatenate(blocks) if blocks else np.zeros((0, 2), np.int64)
    blocks.clear()
    lonely = np.concatenate(alone) if alone else np.zeros(0, np.int64)
    typed = len(thirds) == len(codes) > 0 and not ragged and all(thirds)
    if typed and all(_is_number(word) for word in thirds[:1000]):
        typed, weighted = False, True
    nodes, edges, gaps = _renumbered(codes, lonely)
    return Listed(nodes, edges, thirds if typed else None, weighted, gaps)


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
    block: bytes, columns: tuple[int, int], words: dict[str, int], name: str
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Lines one by one: codes of edges, codes of nodes without edges, third columns."""
    edges, alone, thirds = [], [], []
    last = max(columns)

    def code(word: str) -> int:
        word = word.strip("\"'")
        return int(word) if WHOLE.fullmatch(word) else words.setdefault(word, -1 - len(words))

    for line in block.decode("utf-8", "replace").split("\n"):
        parts = [part for part in SPLIT.split(line.strip(), last + 2) if part]
        if not parts:
            continue
        if len(parts) == 1:
            alone.append(code(parts[0]))
            continue
        if len(parts) <= last:
            raise UserError(
                f"data {name}: the line {line[:60]!r} has {len(parts)} columns; edges are in columns "
                f"{columns[0] + 1} and {columns[1] + 1}",
                code="graph.line_too_short",
            )
        edges.append((code(parts[columns[0]]), code(parts[columns[1]])))
        thirds.append(parts[2] if len(parts) > 2 and columns == (0, 1) and not parts[2].startswith("{") else "")
    return np.array(edges, np.int64).reshape(-1, 2), np.array(alone, np.int64), thirds


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _renumbered(codes: np.ndarray, alone: np.ndarray) -> tuple[int, np.ndarray, bool]:
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
