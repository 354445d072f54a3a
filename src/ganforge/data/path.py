"""Data at a path, whose format is detected."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

from pydantic import Field

from ganforge.core.dataset import Dataset
from ganforge.core.errors import UserError, did_you_mean
from ganforge.core.names import readable
from ganforge.core.text_condition import MOST_TOKENS
from ganforge.data import captions as sentences
from ganforge.data import column_files, layout, shards
from ganforge.data import opener as openers
from ganforge.data.base import HOLDOUT, DataSource
from ganforge.data.columns import Columns
from ganforge.data.labels import Choices, attach
from ganforge.registry import load_all

SIDECARS = "sidecars"
EXIF = "exif"
BESIDE = (SIDECARS, EXIF)
"""Where conditions may be, other than in a table: in a file beside each sample, and in its own file."""
NAMES = "(file)"
"""The column of the names of samples, in a table made of sidecars."""


class PathData(DataSource, kind="path"):
    """A folder or zip of images (class folders become labels), a folder of tar shards (WebDataset), MNIST idx, .npy,
    .npz or CIFAR-10 binary files, or a table (.csv, .tsv, .parquet, .arff)."""

    path: str
    """The folder or file. A folder inside a zip is appended: photos.zip/horses. Tar shards on a server:
    https://host/photos-{000000..000127}.tar, or the ganforge.json beside them."""
    split: Literal["train", "val", "test", "all"] = "train"
    """Which part to use if the data has several (folders train, val, test); if there is no test, val is used for it,
    and vice versa. For a table: the rows to train on, or the held-out ones (test)."""
    labels: layout.Labels | str = "auto"
    """Which folder is the label, for images in folders: auto: the folder of each image, if all are one folder deep;
    first or last: the first or last of several folders; names: the names of sounds or films, whatever their
    folders; none: no labels. Or where conditions of any kind are: a table
    (labels.csv, .parquet, .jsonl) that names the files, an .npz of columns, or sidecars: a .json beside each file; or
    exif: year, day of the year and hour of photos."""
    columns: tuple[str, ...] = ()
    """The columns of that table to use as conditions; by default all that can be."""
    column_kinds: dict[str, str] = Field(default={})
    """What columns of that table are, where it is not as detected: category, labels, ordinal, number, angle (degrees),
    radians, hours, days, ignore; or the values of an ordinal in their order: small<medium<large."""
    captions: str = ""
    """A sentence for each file: a table with a column of file names and one of texts (captions.csv, .jsonl), sidecars
    (a .txt beside each file), or unicode (of files that are named after code points, as emoji are: 1f600.png)."""
    caption_column: str = ""
    """The column of that table that holds the sentences; by default the one that is called caption, text, ..."""
    caption_words: int = Field(default=32, ge=1, le=MOST_TOKENS)
    """Words of a sentence, at most; longer ones are cut. Each Chinese character counts as one."""
    name_encoding: str | None = None
    """Encoding of file names in a zip that does not specify it, such as gb18030 or shift_jis; detected by default."""
    generated: bool = False
    """For images: also use those that `ganforge sample` or `walk` wrote, if they lie among others."""
    holdout: float = Field(default=HOLDOUT, ge=0, lt=1)
    """Of tables, sounds and films: fraction of rows or files held out for `ganforge evaluate`, in [0, 1); 0 trains on
    all."""
    signal: str | None = None
    """The signal of the samples (image, table, points), if the data is ambiguous; detected by default."""

    @property
    def free_on_resume(self) -> tuple[str, ...]:
        return (*super().free_on_resume, "signal", "name_encoding")

    @property
    def places(self) -> tuple[str, ...]:  # type: ignore[override]  # one of them is only sometimes a path
        tables = {"labels": self._table, "captions": self.captions not in ("", sentences.SIDECARS, sentences.UNICODE)}
        of_path = () if shards.is_url(self.path) else ("path",)
        return (*of_path, *(field for field, given in tables.items() if given))

    @property
    def _table(self) -> str:
        """The file of conditions; empty if there is none."""
        return "" if self.labels in (*get_args(layout.Labels), *BESIDE) else self.labels

    def open(self) -> Dataset:
        folders: layout.Labels = (
            "none" if self._table or self.labels in BESIDE or self.captions else self.labels  # type: ignore[assignment]
        )
        if not self.path.strip():
            raise UserError(
                "data: the path is empty: is a variable not set? (The current folder is data=.)", code="data.empty_path"
            )
        load_all()  # so that all openers are registered
        path = Path(self.path).expanduser()
        try:
            table = self._labels(path)
            if shards.is_url(self.path):
                store = shards.remote(self.path)
                head = openers.Head(path, store=store, labels=folders, generated=self.generated)
            else:
                head = openers.read_head(path, folders, self.name_encoding, self.generated)
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
            dataset = opener.open(
                path, head, self.path, split=self.split, holdout=self.holdout, asked=self.signal is not None
            )
            if self.labels == "names" and not dataset.classes:
                raise UserError(
                    f"data {self.path}: labels=names, and the names of its files hold no labels. Names of sounds and "
                    "films do whose first field is one (seven_anna_3.wav), or a note (oboe_A4_1.wav). Or name a table: "
                    "labels=labels.csv",
                    code="data.no_labels_in_names",
                )
            if self.labels in BESIDE:
                table = sidecars(head, dataset) if self.labels == SIDECARS else records(dataset)
            if table is not None:
                attach(dataset, table, Choices(self.columns, self.column_kinds))
            if self.captions:
                given = sentences.Captions(self.captions, self.caption_column, self.caption_words)
                sentences.attach(dataset, given, head)
            return dataset
        except PermissionError as error:
            raise UserError(
                f"data {self.path}: permission denied: {error.filename}", code="data.permission_denied"
            ) from None
        except OSError as error:
            raise UserError(
                f"data {self.path}: cannot be opened ({error.strerror or error})", code="data.cannot_be_opened"
            ) from None

    def _labels(self, path: Path) -> Columns | None:
        """The table of conditions, if one is named.

        Raises:
            UserError: there is no such file, or fields of a table are given without one.
        """
        if self._table:
            return column_files.read(Path(self._table).expanduser(), self._table)
        if self.labels not in BESIDE and (self.columns or self.column_kinds):
            name = "columns" if self.columns else "column_kinds"
            raise UserError(
                f"data.{name}: is for a table of conditions, and none is named: labels=labels.csv",
                code="data.labels_not_named",
            )
        return None


def records(dataset: Dataset) -> Columns:
    """What the files of the samples say of them, such as the dates of photos, one row per sample.

    Raises:
        UserError: no file says anything.
    """
    found = [{NAMES: dataset.describe(k)} | dict(dataset.record(k)) for k in range(len(dataset))]
    if all(len(one) == 1 for one in found):
        raise UserError(
            f"data.labels={EXIF}: no file of {dataset.name} says when it was made. Many programs remove the date; name "
            "a table of conditions instead (labels=labels.csv)",
            code="data.labels_match_nothing",
        )
    return column_files.of_records(found, EXIF)


def sidecars(head: openers.Head, dataset: Dataset) -> Columns:
    """The objects in the .json files beside the samples, one row per sample.

    Raises:
        UserError: there are none, or one cannot be read.
    """
    names = {readable(name): name for name in head.names if name.lower().endswith(".json")}
    records = []
    for item in (dataset.describe(k) for k in range(len(dataset))):
        beside = names.get(str(PurePosixPath(item).with_suffix(".json")), names.get(f"{item}.json"))
        if beside is not None and head.store is not None:
            source = head.store.open(beside)
            text = source.read_bytes() if isinstance(source, Path) else source.read()
            records.append({NAMES: item} | column_files.record_of(text, f"data.labels={SIDECARS}, {beside}"))
    if not records:
        raise UserError(
            f"data.labels={SIDECARS}: no sample of {dataset.name} has a .json file of its name beside it",
            code="data.labels_match_nothing",
        )
    return column_files.of_records(records, SIDECARS)


def _near(path: Path, text: str) -> str:
    """A suggestion which set or file was meant."""
    named = did_you_mean(text.lower(), [k for k in DataSource.kinds if k not in ("path", "hub")])
    if named and os.sep not in text:
        return named.replace("did you mean", "did you mean the named set")
    beside = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    return did_you_mean(path.name, beside)
