"""Edge lists whose columns have names: tables with a header and two columns or more besides the ends of an edge, and
lines of networkx, `a b {'weight': 0.5, 'distance': 3}`.

Named columns are what attributes are in GraphML: one of them may be the type of the edge, the others are its numbers.
A line of one word is a node without edges; # and % begin comments.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ganforge.core.errors import UserError
from ganforge.modalities.graph.files import edge_lists
from ganforge.modalities.graph.files.written import attributes, words_of
from ganforge.modalities.graph.graphs import Graph, Repairs, simple
from ganforge.modalities.graph.numbers import as_number

HEAD = 2**16
"""Bytes of a file that tell what it is."""
FEWEST = 4
"""Columns of a table."""
NOT_A_NUMBER = re.compile(r"\bnan\b")
ENDLESS = re.compile(r"\binf\b")
WHOLE = re.compile(r"[+-]?\d{1,15}")


def are_at(path: Path) -> bool:
    """Whether a file is such a list."""
    with edge_lists.opened(path) as file:
        start = file.read(HEAD).removeprefix(b"\xef\xbb\xbf")
    text = edge_lists.COMMENT.sub(b"", start).decode("utf-8", "replace").lstrip()
    return _is_table(text.split("\n", 1)[0]) or "{" in text


def _is_table(head: str) -> bool:
    return edge_lists.columns_of(head) is not None and len(edge_lists.names_in(head)) >= FEWEST


def read(
    path: Path, name: str, repairs: Repairs, directed: bool | None, edge_type: str | None, as_numbers: frozenset[str]
) -> Graph:
    """The graph of a file.

    Args:
        directed: whether edges have a direction; None: as a comment at the start says.
        edge_type: the column that is the type, where the user names it.
        as_numbers: columns that are no types since the user wants them as numbers.

    Raises:
        UserError: a line has no second end, or is no line of networkx.
    """
    with edge_lists.opened(path) as file:
        content = file.read().removeprefix(b"\xef\xbb\xbf")
    if b"\0" in content:
        raise UserError(f"data {name}: not an edge list: the file is binary", code="graph.not_an_edge_list")
    lines = edge_lists.COMMENT.sub(b"", content).decode("utf-8", "replace").split("\n")
    lines = [line for line in map(str.strip, lines) if line]
    words: dict[str, int] = {}
    edges, alone, rows = [], [], []
    for one, other, row in _table(lines, name) if _is_table(lines[0]) else _networkx(lines, name):
        if other:
            edges.append((edge_lists.code_of(one, words), edge_lists.code_of(other, words)))
            rows.append(row)
        else:
            alone.append(edge_lists.code_of(one, words))
    codes = np.array(edges, np.int64).reshape(-1, 2)
    nodes, numbered, gaps = edge_lists.renumbered(codes, np.array(alone, np.int64))
    if gaps:
        repairs.notes.append("ids have gaps: nodes are renumbered")
    kind, numbers = attributes(rows, name, "edge", edge_type, as_numbers, repairs)
    stated = edge_lists.STATED.match(content) is not None
    return simple(
        nodes, numbered, repairs, directed=stated if directed is None else directed, edge_types=words_of(rows, kind),
        edge_numbers=numbers, typed_by=("", kind or ""),
    )  # fmt: skip


def _table(lines: list[str], name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Both ends of an edge, the second empty for a node without edges, and what stands beside them."""
    apart = next((sign for sign in ",;\t" if sign in lines[0]), None)
    split = list(csv.reader(lines, delimiter=apart)) if apart else [line.split() for line in lines]
    names = [word.strip(" \"'") for word in split[0]]
    columns = edge_lists.columns_of(lines[0])
    assert columns is not None
    for number, parts in enumerate(split[1:], 2):
        cells = [cell.strip(" \"'") for cell in parts]
        if len(cells) == 1:
            yield cells[0], "", {}
            continue
        if len(cells) <= max(columns) or not all(cells[k] for k in columns):
            raise UserError(
                f"data {name}: line {number} without comments, {lines[number - 1][:60]!r}, lacks an end of an edge; "
                f"they are in columns {columns[0] + 1} and {columns[1] + 1}",
                code="graph.line_too_short",
            )
        row = {key: _value(cell) for k, (key, cell) in enumerate(zip(names, cells, strict=False)) if k not in columns}
        yield cells[columns[0]], cells[columns[1]], row


def _value(cell: str) -> Any:
    """A cell as a whole number, a number, nothing or a word."""
    number = as_number(cell)
    if number is None:
        return cell
    return None if np.isnan(number) else int(cell) if WHOLE.fullmatch(cell) else number


def _networkx(lines: list[str], name: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """As `_table`."""
    for line in lines:
        ends, brace, rest = line.partition("{")
        parts = [part for part in edge_lists.SPLIT.split(ends) if part]
        if not brace and len(parts) == 1:
            yield parts[0], "", {}
            continue
        written = ENDLESS.sub("1e999", NOT_A_NUMBER.sub("None", "{" + rest))
        try:
            row = ast.literal_eval(written) if brace else {}
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            row = None
        if len(parts) != 2 or not isinstance(row, dict) or not all(isinstance(key, str) for key in row):
            raise UserError(
                f"data {name}: the line {line[:60]!r} is not two ids and perhaps attributes, as in "
                "1 2 {'weight': 0.5, 'time': 3}",
                code="graph.unreadable_line",
            )
        yield parts[0], parts[1], row
