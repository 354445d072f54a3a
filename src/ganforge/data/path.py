"""Data at a path, whose format is detected."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.data import layout
from ganforge.data import opener as openers
from ganforge.data.base import HOLDOUT, DataSource
from ganforge.registry import load_all


class PathData(DataSource, kind="path"):
    """A folder or zip of images (class folders become labels), MNIST idx, .npy, .npz or CIFAR-10 binary files, or a
    table (.csv, .tsv, .parquet)."""

    path: str
    """The folder or file. A folder inside a zip is appended: photos.zip/horses."""
    split: Literal["train", "val", "test", "all"] = "train"
    """Which part to use if the data has several (folders train, val, test); if there is no test, val is used for it,
    and vice versa. For a table: the rows to train on, or the held-out ones (test)."""
    labels: layout.Labels = "auto"
    """For images in folders: which folder is the label. auto: the folder of each image, if all are one folder deep;
    first or last: the first or last of several folders; none: no labels."""
    name_encoding: str | None = None
    """Encoding of file names in a zip that does not specify it, such as gb18030 or shift_jis; detected by default."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """Of tables, sounds and films: fraction of rows or files held out for `ganforge evaluate`, in [0, 1); 0 trains on
    all."""
    signal: str | None = None
    """The signal of the samples (image, table, points), if the data is ambiguous; detected by default."""

    @property
    def free_on_resume(self) -> tuple[str, ...]:
        return (*super().free_on_resume, "signal", "name_encoding")

    def open(self) -> Dataset:
        if not self.path.strip():
            raise UserError(
                "data: the path is empty: is a variable not set? (The current folder is data=.)", code="data.empty_path"
            )
        load_all()  # so that all openers are registered
        path = Path(self.path).expanduser()
        try:
            head = openers.read_head(path, self.labels, self.name_encoding)
            if head is None:
                raise UserError(
                    f"data {self.path}: no such file or folder{_near(path, self.path)}", code="data.not_found"
                )
            opener = openers.choose(path, head, self.path, self.signal)
            if opener is None:
                if not head.start:
                    raise UserError(f"data {self.path}: the file is empty", code="data.empty")
                raise UserError(
                    f"data {self.path}: unsupported file format. Expected {openers.supported_formats()}",
                    code="data.unsupported_format",
                )
            return opener.open(
                path, head, self.path, split=self.split, holdout=self.holdout, asked=self.signal is not None
            )
        except PermissionError as error:
            raise UserError(
                f"data {self.path}: permission denied: {error.filename}", code="data.permission_denied"
            ) from None
        except OSError as error:
            raise UserError(
                f"data {self.path}: cannot be opened ({error.strerror or error})", code="data.cannot_be_opened"
            ) from None


def _near(path: Path, text: str) -> str:
    """A suggestion which set or file was meant."""
    named = did_you_mean(text.lower(), [k for k in DataSource.kinds if k not in ("path", "hub")])
    if named and os.sep not in text:
        return named.replace("did you mean", "did you mean the named set")
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    return did_you_mean(path.name, beside)
