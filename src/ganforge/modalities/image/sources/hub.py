"""Sets of images from the Hugging Face Hub, using the package `datasets`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from ganforge.core.dataset import BadItem, Dataset
from ganforge.core.errors import MissingExtra, UserError, did_you_mean
from ganforge.data import column_files
from ganforge.data.base import DataSource
from ganforge.data.columns import Columns
from ganforge.data.labels import Choices, attach
from ganforge.modalities.image import files as pictures


class Hub(DataSource, kind="hub"):
    """A data set from the Hugging Face Hub, or one saved to a folder by the package `datasets`. Requires the extra
    `hub`."""

    name: str
    """Name on the Hub (`owner/set`), or path of a folder."""
    config: str | None = None
    """Name of the configuration, if the data set has several."""
    split: str = "train"
    """Name of the split."""
    image_column: str | None = None
    """Name of the image column; not needed if there is only one."""
    label_column: str | None = None
    """Name of the label column; not needed if there is only one."""
    columns: tuple[str, ...] = ()
    """Columns to use as conditions instead of a label; `all`: every one that can be."""
    column_kinds: dict[str, str] = Field(default={})
    """What these columns are, where it is not as detected: category, labels, ordinal, number, angle (degrees), radians,
    hours, days, ignore; or the values of an ordinal in their order: small<medium<large."""

    @property
    def hub_id(self) -> str:
        return "" if Path(self.name).expanduser().exists() else self.name

    def open(self) -> Dataset:
        try:
            import datasets
        except ImportError:
            raise MissingExtra("datasets", "hub", f"data {self.name} from the Hugging Face hub") from None

        return self.images_of(self._table(datasets), datasets)

    def images_of(self, table: Any, datasets: Any) -> HubDataset:
        """The images of a `datasets.Dataset`.

        Raises:
            UserError: there are no images, or the column is ambiguous.
        """
        images = self._column(table, self.image_column, "image_column", datasets.Image)
        if images is None:
            raise UserError(
                f"data {self.name}: no column of images (it has: {', '.join(table.column_names)})",
                code="data.no_images",
            )
        label = self._column(table, self.label_column, "label_column", datasets.ClassLabel)
        if len(table) == 0:
            raise UserError(f"data {self.name}: the split {self.split!r} is empty", code="data.empty")
        labels, classes = (None, ()) if label is None or self.columns else self._labels(table, label)
        if not isinstance(table.features[images], datasets.Image):
            raise UserError(
                f"data {self.name}: the column {images!r} holds {table.features[images]}, not images",
                code="data.not_images",
            )
        # The original files: our decoder handles 16 bits, alpha and EXIF.
        found = HubDataset(self.name, table.cast_column(images, datasets.Image(decode=False)), images, labels, classes)
        if self.columns:
            attach(found, self._conditions(table, images, datasets), self._choices(), in_order=True)
        return found

    def _choices(self) -> Choices:
        return Choices(() if self.columns == ("all",) else self.columns, self.column_kinds)

    def _conditions(self, table: Any, images: str, datasets: Any) -> Columns:
        """The columns beside the images; numbers of class labels as their names."""
        values: dict[str, list[Any]] = {}
        for name, feature in table.features.items():
            if name == images or isinstance(feature, datasets.Image):
                continue
            column = list(table[name])
            if isinstance(feature, datasets.ClassLabel):
                column = [None if v is None or v < 0 else feature.int2str(v) for v in column]
            values[name] = column
        return column_files.of_arrays(values, self.name)

    def _table(self, datasets: Any) -> Any:
        folder = Path(self.name).expanduser()
        try:
            if (folder / "dataset_dict.json").is_file() or (folder / "state.json").is_file():
                found = datasets.load_from_disk(str(folder))
                if isinstance(found, datasets.DatasetDict):
                    if self.split not in found:
                        raise UserError(
                            f"data {self.name}: no split {self.split!r} (it has: {', '.join(found)})",
                            code="data.split_not_found",
                        )
                    return found[self.split]
                return found
            return datasets.load_dataset(self.name, self.config, split=self.split)
        except UserError:
            raise
        except Exception as error:  # many possible exceptions: no network, no such data set, a gated one, ...
            text = " ".join(str(error).split())
            raise UserError(
                f"data {self.name}: could not be loaded: {text[:300] or type(error).__name__}", code="data.not_loaded"
            ) from None

    def _column(self, table: Any, wanted: str | None, field: str, feature: type) -> str | None:
        if wanted is not None:
            if wanted not in table.column_names:
                known = table.column_names
                raise UserError(
                    f"data.{field}: no column {wanted!r}{did_you_mean(wanted, known)} (it has: {', '.join(known)})",
                    code="column.not_found",
                )
            return wanted
        found = [name for name, kind in table.features.items() if isinstance(kind, feature)]
        if len(found) > 1:
            raise UserError(
                f"data {self.name}: several columns are possible ({', '.join(found)}); set data.{field}",
                code="data.ambiguous_column",
            )
        return found[0] if found else None

    def _labels(self, table: Any, column: str) -> tuple[np.ndarray | None, tuple[str, ...]]:
        values = table[column]
        names = getattr(table.features[column], "names", None)
        if names is not None:
            labels = np.asarray(values, dtype=np.int64)
            if labels.min() < 0:
                raise UserError(
                    f"data {self.name}: labels are missing (-1) in {self.split}; choose another data.split",
                    code="data.labels_missing",
                )
            return labels, tuple(names)
        found = sorted(set(values), key=lambda v: (str(type(v)), v))
        number = {value: k for k, value in enumerate(found)}
        return np.array([number[v] for v in values], np.int64), tuple(str(v) for v in found)


def table_of_images(table: Any) -> HubDataset | None:
    """The images of a `datasets.Dataset` in memory; None if it has no image column."""
    import datasets

    if not isinstance(table, datasets.Dataset):
        raise UserError(
            f"data: a {type(table).__name__} is not one set of samples; choose one of its splits, as in data['train']",
            code="data.type_not_supported",
        )
    if not any(isinstance(feature, datasets.Image) for feature in table.features.values()):
        return None
    return Hub(name="the Dataset").images_of(table, datasets)


class HubDataset(Dataset):
    """Rows of a table whose `column` contains image files."""

    signal = "image"

    def __init__(self, name: str, table: Any, column: str, labels: np.ndarray | None, classes: tuple[str, ...]):
        self.name, self.table, self.column, self.labels, self.classes = name, table, column, labels, classes
        self.skipped: list[tuple[str, str]] = []
        self._shapes: dict[tuple[tuple[int, ...], str], int] | None = None

    def __len__(self) -> int:
        return len(self.table)

    def read(self, index: int) -> np.ndarray:
        return pictures.decode(self._file(index), self.describe(index))

    def shapes(self) -> dict[tuple[tuple[int, ...], str], int]:
        if self._shapes is None:
            counts: dict[tuple[tuple[int, ...], str], int] = {}
            for index in range(len(self)):
                try:
                    found = pictures.header(self._file(index), self.describe(index))
                except BadItem:  # reported when it is read
                    continue
                counts[found] = counts.get(found, 0) + 1
            self._shapes = counts
        return self._shapes

    def _file(self, index: int) -> Path | io.BytesIO:
        value = self.table[index][self.column]
        if value is None:
            raise BadItem(self.describe(index), "no image in this row")
        if value.get("bytes"):
            return io.BytesIO(value["bytes"])
        if value.get("path") and Path(value["path"]).is_file():
            return Path(value["path"])
        raise BadItem(self.describe(index), "its file no longer exists")
