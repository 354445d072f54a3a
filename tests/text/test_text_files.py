"""Files of texts: which are, how they are read, and what is repaired, said or refused."""

from __future__ import annotations

import gzip
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from ganforge.core.choice import Machine
from ganforge.data import objects
from ganforge.data.path import PathData
from ganforge.modalities.text import choose
from ganforge.modalities.text.example import sentences
from ganforge.modalities.text.signal import Text
from ganforge.modalities.text.source import TextFile
from ganforge.modalities.text.text_set import TextSet
from refused import refused

LINES = sentences(60)
POEM = ["床前明月光，疑是地上霜。", "举头望明月，低头思故乡。", "春眠不觉晓，处处闻啼鸟。", "夜来风雨声，花落知多少。"]
TRADITIONAL = [
    "床前明月光，疑是地上霜。",
    "舉頭望明月，低頭思故鄉。",
    "春眠不覺曉，處處聞啼鳥。",
    "夜來風雨聲，花落知多少。",
]


def written(folder: Path, content: str | bytes, name: str = "texts.txt") -> str:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def opened(path: str, holdout: float = 0.0, **fields) -> TextSet:
    found = TextFile(path=path, holdout=holdout, **fields).open()
    assert isinstance(found, TextSet)
    return found


def said(dataset: TextSet) -> str:
    return "; ".join(dataset.understood)


@pytest.mark.parametrize("name", ["texts.txt", "texts.text", "notes.md", "texts.jsonl"])
def test_files_of_texts_are_found(tmp_path, name):
    lines = [json.dumps(line) for line in LINES] if name.endswith("l") else LINES
    dataset = PathData(path=written(tmp_path, ("\n\n" if name.endswith("md") else "\n").join(lines), name)).open()
    assert dataset.signal == "texts"
    test = PathData(path=str(tmp_path / name), split="test").open()
    assert isinstance(dataset, TextSet)
    assert isinstance(test, TextSet)
    assert sorted(dataset.texts + test.texts) == sorted(LINES)
    assert not set(dataset.texts) & set(test.texts)


def test_a_table_is_one_unless_texts_are_asked_for(tmp_path):
    rows = ["mood,line", *(f"{'glad' if k % 2 else 'sad'},{line}" for k, line in enumerate(LINES))]
    path = written(tmp_path, "\n".join(rows), "lines.csv")
    assert PathData(path=path).open().signal == "table"
    asked = PathData(path=path, signal="texts", holdout=0.0).open()
    assert isinstance(asked, TextSet)
    assert asked.texts == LINES
    assert asked.classes == ("glad", "sad")
    assert opened(path, column="mood", labels="none").texts[:2] == ["sad", "glad"]
    with refused("text.no_such_column", "poem", "mood, line"):
        opened(path, column="poem")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
def test_encodings_are_found(tmp_path, encoding):
    path = written(tmp_path, "\n".join(POEM * 5).encode(encoding))
    assert opened(path).texts == POEM * 5


def test_big5_is_found(tmp_path):
    assert opened(written(tmp_path, "\n".join(TRADITIONAL * 5).encode("big5"))).texts == TRADITIONAL * 5


def test_western_letters_are_read_as_windows_1252(tmp_path):
    dataset = opened(written(tmp_path, "caf\xe9 au lait\nna\xefve id\xe9e".encode("cp1252")))
    assert dataset.texts == ["café au lait", "naïve idée"]
    assert "Windows-1252" in said(dataset)


def test_an_encoding_that_does_not_fit_is_refused(tmp_path):
    path = written(tmp_path, "\n".join(POEM).encode("gb18030"))
    with refused("text.wrong_encoding", "utf-8"):
        opened(path, encoding="utf-8")
    with refused("text.unknown_encoding", "klingon"):
        opened(path, encoding="klingon")


def test_line_ends_marks_and_spaces_are_normalized(tmp_path):
    dataset = opened(written(tmp_path, "\ufeffone\r\n two\u200b \rthree\n\n\ncafe\u0301\n"))
    assert dataset.texts == ["one", "two", "three", "café"]
    assert "3 empty ones left out" in said(dataset)


def test_spaces_between_chinese_characters_are_left_out(tmp_path):
    dataset = opened(written(tmp_path, "\n".join(" ".join(line) + " " for line in POEM)))
    assert dataset.texts == POEM
    assert "spaces between Chinese characters left out" in said(dataset)
    mixed = ["我喜欢 Python 编程"] * 3
    assert opened(written(tmp_path, "\n".join(mixed))).texts == mixed, "spaces around words of other scripts stay"


def test_emoji_and_right_to_left_texts_stay_as_they_are(tmp_path):
    texts = ["👩‍👩‍👧 family 🏳️‍🌈", "שלום עולם", "مرحبا بالعالم", "می‌خواهم", "नमस्ते"]
    dataset = opened(written(tmp_path, "\n".join(texts)))
    assert dataset.texts == texts
    signal = Text()
    spec = signal.spec(dataset, lambda shape: shape)
    stored = signal.prepare_all(dataset, spec)
    assert signal.present(torch.from_numpy(stored), spec).tolist() == texts


@pytest.mark.parametrize(
    "content",
    [b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, bytes(range(256)) * 40, b"\0" * 999, b"\x1f\x01\x02\x03" * 500],
    ids=["png", "bytes", "zeros", "controls"],
)
def test_binary_data_is_refused(tmp_path, content):
    with refused("text.binary", "texts.txt"):
        PathData(path=written(tmp_path, content)).open()


def test_a_damaged_gzip_is_refused(tmp_path):
    packed = gzip.compress("\n".join(LINES).encode())
    assert opened(written(tmp_path, packed, "a.txt.gz")).texts == LINES
    with refused("data.damaged", "b.txt.gz"):
        opened(written(tmp_path, packed[:-20], "b.txt.gz"))


def test_empty_files_are_refused(tmp_path):
    for content in ("\n\n  \n", "\ufeff"):
        with refused("data.empty", "texts.txt"):
            opened(written(tmp_path, content))


@pytest.mark.slow
def test_one_line_of_ten_megabytes_becomes_sentences(tmp_path):
    dataset = opened(written(tmp_path, " ".join(LINES) * (10_000_000 // len(" ".join(LINES)))))
    assert len(dataset) > 100_000
    assert dataset.texts[:3] == LINES[:3]
    assert "cut into sentences" in said(dataset)


def test_a_line_without_sentences_is_cut_and_counted(tmp_path, notices):
    dataset = opened(written(tmp_path, "x" * 1_000_000 + "\n" + "\n".join(LINES * 2)))
    spec = Text(length=50, tokenizer="characters").spec(dataset, lambda shape: shape)
    assert spec.shape[1] == 50
    assert spec.state["cut"] == sum(len(text) >= 50 for text in dataset.texts)
    assert "are longer than 50 tokens and cut there" in notices.text


def test_a_file_of_one_line_is_too_little_to_learn_from(tmp_path):
    dataset = opened(written(tmp_path, "just this one"))
    assert dataset.texts == ["just this one"]
    with refused("text.too_few", "1 texts", "data.unit=sentence"):
        choose.choose(dataset, Machine())


def test_broken_entries_of_jsonl_are_skipped_and_named(tmp_path):
    good = [json.dumps({"form": "ab"[k % 2], "text": line}) for k, line in enumerate(LINES)]
    dataset = opened(written(tmp_path, "\n".join([*good, "{broken", "[1]", '{"form": "a"}']), "texts.jsonl"))
    assert dataset.texts == LINES
    assert dataset.classes == ("a", "b")
    assert [where for where, _ in dataset.skipped] == [f"texts.jsonl, line {n}" for n in (61, 62, 63)]
    with refused("text.no_json", "none.jsonl"):
        opened(written(tmp_path, "not json\nat all", "none.jsonl"))


def test_markdown_is_read_by_paragraphs_without_code(tmp_path):
    text = "---\ntitle: x\n---\n# Title\n\nFirst line\nsecond line.\n\n```python\ncode()\n```\n\nLast one."
    assert opened(written(tmp_path, text, "a.md")).texts == ["# Title", "First line second line.", "Last one."]


def test_files_by_class_are_labels(tmp_path):
    with zipfile.ZipFile(tmp_path / "names.zip", "w") as archive:
        for k, name in enumerate(("Czech", "Greek")):
            archive.writestr(f"names/{name}.txt", "\n".join(LINES[30 * k : 30 * k + 30]))
    dataset = opened(str(tmp_path / "names.zip"))
    assert dataset.classes == ("Czech", "Greek")
    assert dataset.labels is not None
    assert dataset.labels.tolist() == [0] * 30 + [1] * 30
    assert opened(str(tmp_path / "names.zip"), labels="none").labels is None
    assert PathData(path=str(tmp_path / "names.zip")).open().signal == "texts"


def test_class_folders_of_many_files_hold_a_text_each(tmp_path):
    for k, line in enumerate(LINES):
        folder = tmp_path / "set" / ("good" if k % 2 else "bad")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{k:03d}.txt").write_text(f"{line}\n{line}")
    dataset = PathData(path=str(tmp_path / "set"), holdout=0.0).open()
    assert isinstance(dataset, TextSet)
    assert dataset.classes == ("bad", "good")
    assert sorted(dataset.texts) == sorted(f"{line}\n{line}" for line in LINES)


def test_equal_texts_are_held_back_together(tmp_path):
    path = written(tmp_path, "\n".join(LINES * 3))
    train, test = opened(path, holdout=0.3), opened(path, holdout=0.3, split="test")
    assert len(train) + len(test) == 180
    assert 0 < len(test) < 90
    assert not set(train.texts) & set(test.texts)
    assert "120 repeat an earlier one" in said(train)


def test_lines_of_numbers_are_no_texts_unless_asked(tmp_path):
    path = written(tmp_path, "1 2 3 4\n5 6 7 8\n" * 99)
    with refused("data.unsupported_format", "data.signal=texts"):
        PathData(path=path).open()
    assert PathData(path=path, signal="texts").open().signal == "texts"


def test_texts_in_memory_are_data():
    dataset = objects.source_of((LINES, np.arange(60) % 2)).open()
    assert isinstance(dataset, TextSet)
    assert dataset.texts == LINES
