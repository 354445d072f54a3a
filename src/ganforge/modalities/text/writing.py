"""A trained model that makes texts from others, at work on texts and on files of them.

A file of lines gives a file with as many lines, in the same order; a line without text stays one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ganforge.core.errors import UserError
from ganforge.core.files import atomic_file, check_new, refuse_input
from ganforge.core.progress import Stages
from ganforge.data.files_at import ending_of
from ganforge.modalities.text import reading, tokens
from ganforge.modalities.text.source import COLUMNS, ENTRIES, LINES, TABLES, found_pair

if TYPE_CHECKING:
    from ganforge.artifacts.bundle import Bundle

TOGETHER = 64
READ = (*LINES, *ENTRIES, *TABLES)


class TextWriter:
    """A model that makes a text of another one.

    Args:
        bundle: the trained model.
        name: what the user calls it, for messages.
    """

    def __init__(self, bundle: Bundle, name: str):
        self.bundle, self.name, self.spec = bundle, name, bundle.spec
        self.signal = bundle.recipe.signal.at(bundle.spec)

    def translated(self, source: Any, mask: Any = None) -> str:
        """The text that the model makes of one.

        Raises:
            UserError: no text, or a mask.
        """
        if mask is not None:
            raise UserError(f"{self.name}: texts take no mask: leave it out", code="translate.mask_not_taken")
        if not isinstance(source, (str, np.ndarray)) or not str(source).strip():
            raise UserError(f"{self.name}: this model makes texts from texts; give it a str", code="data.not_text")
        return self.written([str(source)])[0]

    @property
    def longest(self) -> int:
        """The most tokens of a source."""
        return self.spec.state["source"]

    def encoded(self, known: Tensor) -> Tensor:
        """Sources as the task takes them, from tokens [N, S]."""
        return tokens.to_bits(known, self.spec.shape[0])

    @torch.inference_mode()
    def written(self, sources: list[str]) -> list[str]:
        """A text for each source; empty for empty ones."""
        codec = tokens.Codec(self.spec.state)
        clean = [reading.normalized(text) for text in sources]
        rows = [k for k, text in enumerate(clean) if text]
        found = [""] * len(sources)
        with Stages(delay=1.0) as progress:
            for start in range(0, len(rows), TOGETHER):
                some = rows[start : start + TOGETHER]
                known = torch.from_numpy(np.stack([codec.padded(clean[k], self.longest) for k in some]))
                made = self.bundle.translated(self.encoded(known), "")
                for k, text in zip(some, self.signal.decode(made, self.spec).tolist(), strict=True):
                    found[k] = text
                progress("texts", start + len(some), len(rows))
        return found

    def translate_files(self, inputs: Path, out: Path, *, ending: str | None, skip: bool, force: bool) -> str:
        """Makes a text of each line or entry of a file; returns what to say of it.

        Raises:
            UserError: nothing to do, or an output that cannot be written.
        """
        if not inputs.is_file():
            raise UserError(f"{inputs}: no such file; give a .txt, .jsonl or .csv file", code="data.not_found")
        kind = "." + ending.lower().lstrip(".") if ending else ending_of(out.name) or ".txt"
        if ending_of(inputs.name) not in READ or kind not in (*LINES, *ENTRIES):
            raise UserError(
                f"{inputs} to {kind}: texts are read from {', '.join(READ)} and written to "
                f"{', '.join((*LINES, *ENTRIES))}",
                code="output.unsupported_format",
            )
        target = out if out.suffix else out / f"{inputs.stem}{kind}"
        refuse_input(target, inputs)
        if target.exists() and skip:
            return f"{target}: is there already"
        check_new(target, force=force)
        sources = self.sources_in(inputs)
        made = [" ".join(text.split()) for text in self.written(sources)]
        lines = [json.dumps({"text": text}, ensure_ascii=False) for text in made] if kind in ENTRIES else made
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as file:
            file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return f"{len(made):,} texts: {target}"

    def sources_in(self, file: Path) -> list[str]:
        """The sources of a file: its lines, or the column of its table that the training data had or that is usual."""
        text = reading.decode(file.read_bytes(), file.name).text
        kind = ending_of(file.name)
        if kind in LINES:
            return text.rstrip("\n").split("\n")
        rows = list(reading.table_rows(text)) if kind in TABLES else reading.json_lines(text, file.name)[0]
        columns = list(dict.fromkeys(key for row in rows[:100] for key in row.values))
        data = self.bundle.recipe.data
        own = getattr(data, "source", None) or getattr(data, "column", None)
        column = own if own in columns else found_pair(columns)[0]
        column = column or next((one for one in columns if one.lower() in COLUMNS), None)
        if column is None and len(columns) == 1:
            column = columns[0]
        if column is None:
            raise UserError(
                f"{file}: none of its columns ({', '.join(columns)}) is named {own or 'article or text'}; give a .txt "
                "file with a source a line",
                code="text.no_such_column",
            )
        return [row.values.get(column, "") for row in rows]
