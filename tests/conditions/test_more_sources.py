"""Conditions from EXIF data, and of samples that are parts of files."""

from __future__ import annotations

import numpy as np
import pytest
from labeled import write_table
from PIL import Image

from ganforge.core.dataset import BadItem
from ganforge.data.path import PathData
from ganforge.modalities.audio.signal import Audio
from ganforge.modalities.image.exif import CHANGED, EXIF, TAKEN, taken
from ganforge.modalities.image.sources.hub import Hub
from ganforge.modalities.video.example import write_example
from ganforge.modalities.video.signal import Video
from refused import refused


def photo(path, date=None, tag=TAKEN):
    exif = Image.Exif()
    if date is not None:
        (exif.get_ifd(EXIF) if tag == TAKEN else exif)[tag] = date
    pixels = np.random.default_rng(0).integers(0, 255, (8, 8, 3), np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)
    return path


@pytest.mark.parametrize(
    ("date", "tag", "found"),
    [
        ("2021:03:01 13:30:00", TAKEN, {"year": 2021, "day_of_year": 60, "hour": 13.5}),
        ("2020:12:31 00:00:59", CHANGED, {"year": 2020, "day_of_year": 366, "hour": 0}),
        ("0000:00:00 00:00:00", TAKEN, {}),
        ("yesterday", TAKEN, {}),
        (None, TAKEN, {}),
    ],
)
def test_the_date_of_a_photo(tmp_path, date, tag, found):
    assert taken(photo(tmp_path / "a.jpg", date, tag)) == found


def test_dates_are_conditions_and_photos_without_one_are_unknown(tmp_path):
    for k in range(24):
        photo(tmp_path / f"{k:02d}.jpg", f"20{10 + k % 3}:{k % 12 + 1:02d}:11 {k:02d}:15:00" if k != 5 else None)
    found = PathData(path=str(tmp_path), labels="exif").open()
    kinds = {one.name: one.kind for one in found.conditions.each}
    assert kinds == {"year": "number", "day_of_year": "angle", "hour": "angle"}
    rows = found.conditions.decode(found.vectors)
    assert rows[5] == (None, None, None)
    assert rows[23] == pytest.approx((2012, 346, 23.25), abs=0.01)
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff no photo")
    again = PathData(path=str(tmp_path), labels="exif").open()
    assert again.conditions.decode(again.vectors)[-1] == (None, None, None)
    with pytest.raises(BadItem):
        again.read(len(again) - 1)


def test_photos_without_any_date_are_refused(tmp_path):
    photo(tmp_path / "a.jpg")
    photo(tmp_path / "b.jpg")
    with refused("data.labels_match_nothing", "exif"):
        PathData(path=str(tmp_path), labels="exif").open()


def test_clips_of_sounds_have_the_conditions_of_their_recordings(tmp_path):
    Audio.example(tmp_path, 8)
    whole = PathData(path=str(tmp_path), holdout=0.0).open()
    rows = [{"file": whole.describe(k), "mood": ("calm", "loud")[k % 2]} for k in range(len(whole))]
    labels = write_table(tmp_path / "labels.csv", rows)
    whole = PathData(path=str(tmp_path), holdout=0.0, labels=str(labels)).open()
    clips = Audio(rate=4000, seconds=0.128).items(whole)
    assert len(clips) > len(whole)
    moods = [mood for (mood,) in clips.conditions.decode(clips.vectors)]
    assert moods == [rows[file]["mood"] for file, _ in clips.pieces]


def test_clips_of_films_have_the_conditions_of_their_films(tmp_path):
    source = write_example(tmp_path, 8)
    whole = PathData(path=str(source), holdout=0.0).open()
    rows = [{"file": whole.describe(k), "speed": str(k)} for k in range(len(whole))]
    labels = write_table(tmp_path / "labels.csv", rows)
    whole = PathData(path=str(source), holdout=0.0, labels=str(labels)).open()
    clips = Video(frames=4, size=16).items(whole)
    speeds = [value for (value,) in clips.conditions.decode(clips.vectors)]
    assert speeds == pytest.approx([film for film, _ in clips.pieces], abs=1e-3)


class Columns:
    """A table of the package `datasets`, of which only what is read here is there."""

    def __init__(self, features, rows):
        self.features, self.rows, self.column_names = features, rows, list(features)

    def __len__(self):
        return len(next(iter(self.rows.values())))

    def __getitem__(self, name):
        return self.rows[name]

    def cast_column(self, name, feature):
        return self


class Package:
    """Names of the package `datasets`."""

    class Image:
        def __init__(self, decode=True):
            pass

    class ClassLabel:
        names = ("dog", "cat")

        def int2str(self, number):
            return self.names[number]


def test_columns_of_the_hub_are_conditions():
    features = {"picture": Package.Image(), "kind": Package.ClassLabel(), "word": "string", "age": "float"}
    rows = {
        "picture": [None] * 6,
        "kind": [0, 1, 1, 0, -1, 0],
        "word": list("bacabc"),
        "age": [1.5, 2.25, 3, 4, 5, 6.5],
    }
    table = Columns(features, rows)
    found = Hub(name="some/set", columns=("all",)).images_of(table, Package)
    assert {one.name: one.kind for one in found.conditions.each} == {
        "kind": "category",
        "word": "category",
        "age": "number",
    }
    kinds = [row[0] for row in found.conditions.decode(found.vectors)]
    assert kinds == ["dog", "cat", "cat", "dog", None, "dog"]
    some = Hub(name="some/set", columns=("word",), column_kinds={"word": "a<b<c"}).images_of(table, Package)
    assert [one.kind for one in some.conditions.each] == ["ordinal"]
    with refused("data.labels_no_column", "'word'"):
        Hub(name="some/set", columns=("words",)).images_of(table, Package)


@pytest.mark.parametrize("form", ["{y}-{m:02d}-11 {h:02d}:15", "11.{m:02d}.{y}"])
def test_columns_of_dates_are_years_days_and_hours(tmp_path, form):
    rows = []
    (tmp_path / "set").mkdir()
    for k in range(48):
        photo(tmp_path / "set" / f"{k:02d}.jpg")
        rows.append({"file": f"{k:02d}.jpg", "taken": form.format(y=2010 + k % 3, m=k % 12 + 1, h=k % 24)})
    rows[5]["taken"] = None
    labels = write_table(tmp_path / "labels.csv", rows)
    found = PathData(path=str(tmp_path / "set"), labels=str(labels)).open()
    kinds = {one.name: one.kind for one in found.conditions.each}
    hours = {"taken_hour": "angle"} if "{h" in form else {}
    assert kinds == {"taken_year": "number", "taken_day_of_year": "angle", **hours}
    values = found.conditions.decode(found.vectors)
    assert values[5] == (None,) * len(kinds)
    assert values[23][:2] == pytest.approx((2012, 346), abs=0.01)
    assert not hours or values[23][2] == pytest.approx(23.25, abs=0.01)
    some = PathData(path=str(tmp_path / "set"), labels=str(labels), columns=("taken_year",)).open()
    assert some.conditions.names == ("taken_year",)
    whole = PathData(path=str(tmp_path / "set"), labels=str(labels), columns=("taken",)).open()
    assert whole.conditions.names == found.conditions.names
    for k, row in enumerate(rows):
        row["taken_year"] = 1900 + k % 2
    labels = write_table(tmp_path / "own.csv", rows)
    own = PathData(path=str(tmp_path / "set"), labels=str(labels)).open()
    assert dict(zip(own.conditions.names, own.conditions.decode(own.vectors)[1], strict=True))["taken_year"] in (
        1901,
        "1901",
    )
