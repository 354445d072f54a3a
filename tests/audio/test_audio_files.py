"""Sound files of every depth and form come out as the sound that went in; what is no sound says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from ganforge.core.dataset import BadItem
from ganforge.data.path import PathData
from ganforge.data.store import FolderStore
from ganforge.modalities.audio import files
from ganforge.modalities.audio.source import open_store
from refused import refused

RATE = 8_000
TONE = (0.5 * np.sin(2 * np.pi * 440 / RATE * np.arange(RATE)))[:, None]


@pytest.mark.parametrize(
    ("name", "subtype", "within"),
    [("a.wav", "PCM_U8", 0.01), ("a.wav", "PCM_16", 1e-4), ("a.wav", "PCM_24", 1e-6), ("a.wav", "PCM_32", 1e-6),
     ("a.wav", "FLOAT", 1e-6), ("a.wav", "ALAW", 0.02), ("a.flac", "PCM_16", 1e-4), ("a.aiff", "PCM_16", 1e-4)],
)  # fmt: skip
@pytest.mark.parametrize("channels", [1, 2])
def test_every_depth(tmp_path, name, subtype, within, channels):
    sound = TONE * np.array([1.0, -0.5][:channels])
    soundfile.write(tmp_path / name, sound, RATE, subtype=subtype)
    found, rate = files.decode(tmp_path / name, name)
    assert rate == RATE
    assert found.dtype == np.float32
    assert np.abs(found - sound).max() < within
    assert files.header(tmp_path / name, name) == (RATE, channels, RATE, False, True)
    part, _ = files.decode(tmp_path / name, name, 100, 50)
    assert np.array_equal(part, found[100:150])


def test_what_is_no_sound_says_so(tmp_path):
    soundfile.write(tmp_path / "nan.wav", np.full((10, 1), np.nan), RATE, subtype="FLOAT")
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), RATE)
    (tmp_path / "text.wav").write_text("this is a note")
    for name, why in (("nan.wav", "not finite"), ("none.wav", "no samples"), ("text.wav", "holds text")):
        with pytest.raises(BadItem, match=why):
            files.decode(tmp_path / name, name)


def test_a_truncated_file_is_read_as_far_as_it_goes(tmp_path):
    soundfile.write(tmp_path / "a.wav", TONE, RATE, subtype="PCM_16")
    (tmp_path / "a.wav").write_bytes((tmp_path / "a.wav").read_bytes()[: 44 + 2 * 500])
    found, _ = files.decode(tmp_path / "a.wav", "a.wav")
    assert found.shape == (500, 1)
    assert np.abs(found - TONE[:500]).max() < 1e-4


def written(folder: Path, names: list[str]) -> FolderStore:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(folder / name, TONE[:100], RATE)
    return FolderStore(folder)


def test_labels_come_from_folders_or_names(tmp_path):
    found = open_store(written(tmp_path / "folders", ["cat/a.wav", "dog/b.wav", "dog/c.flac"]), "x", "train")
    assert found is not None
    assert found.classes == ("cat", "dog")
    assert found.labels is not None
    assert found.labels.tolist() == [0, 1, 1]
    names = [f"{digit}_{who}_{k}.wav" for digit in (0, 7) for who in ("anna", "ben") for k in range(3)]
    found = open_store(written(tmp_path / "names", names), "x", "train")
    assert found is not None
    assert found.classes == ("zero", "seven")
    found = open_store(written(tmp_path / "other", ["a_1.wav", "b_2.wav", "c.wav"]), "x", "train")
    assert found is not None
    assert found.labels is None


def test_notes_in_the_names_are_labels(tmp_path):
    names = [f"{who}_{note}_{k}.wav" for who in ("oboe", "horn") for note in ("A4", "Cs3", "C4") for k in range(3)]
    found = open_store(written(tmp_path, names), "x", "train")
    assert found is not None
    assert found.classes == ("Cs3", "C4", "A4")
    assert found.labels is not None
    assert [found.classes[k] for k in found.labels] == [name.split("_")[1] for name in sorted(names)]


def test_names_are_labels_where_folders_would_be(tmp_path):
    names = [f"{who}/{who}_{note}_{k}.wav" for who in ("oboe", "horn") for note in ("A4", "C4") for k in range(3)]
    store = written(tmp_path / "notes", names)
    for labels, classes in (("auto", ("horn", "oboe")), ("names", ("C4", "A4")), ("none", ())):
        found = open_store(store, "x", "train", labels)
        assert found is not None
        assert found.classes == classes
    written(tmp_path / "others", ["cat/a.wav", "dog/b.wav"])
    with refused("data.no_labels_in_names", "labels.csv"):
        PathData(path=str(tmp_path / "others"), labels="names").open()


def test_none_that_can_be_read(tmp_path):
    (tmp_path / "a.wav").write_text("words")
    found = open_store(FolderStore(tmp_path), "x", "train")
    assert found is not None
    with refused("data.mostly_unreadable", "holds text"):
        found.shapes()
