"""Captions of files: tables, text files beside them, code points; and all that can be wrong with them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ganforge.api import choose_recipe
from ganforge.core.choice import Machine
from ganforge.data.captions import unicode_name
from ganforge.data.path import PathData
from ganforge.modalities.image.choose import Facts, choose
from refused import refused

SAID = ["a red heart", "a blue moon", "黑夜里的月亮", ""]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for k in range(4):
        Image.fromarray(np.full((8, 8, 3), 60 * k, np.uint8)).save(folder / f"{k}.png")
    return folder


def told(folder, **fields):
    dataset = PathData(path=str(folder), **fields).open()
    return [row[0] for row in dataset.conditions.decode(dataset.vectors)], " ".join(r.text for r in dataset.reading())


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_table_in_any_encoding(photos, encoding):
    table = photos.parent / "captions.csv"
    rows = "".join(f'{k}.png,"{text}",{k}\n' for k, text in enumerate(SAID))
    table.write_bytes(f"file,caption,size\n{rows}9.png,no such file,1\n".encode(encoding))
    found, said = told(photos, captions=str(table))
    assert found == ["a red heart", "a blue moon", "黑夜里的月亮", None]
    assert "1 of 4 samples with an empty caption" in said
    assert "1 row of" in said
    assert "9.png" in said


def test_json_lines_and_conditions_beside_captions(photos):
    lines = photos.parent / "captions.jsonl"
    records = [{"file": f"{k}.png", "text": text} for k, text in enumerate(SAID[:3])]
    lines.write_text("\n".join(map(json.dumps, records)))
    labels = photos.parent / "labels.csv"
    labels.write_text("file,color\n" + "".join(f"{k}.png,{'red' if k % 2 else 'blue'}\n" for k in range(4)))
    dataset = PathData(path=str(photos), captions=str(lines), labels=str(labels)).open()
    assert dataset.conditions.names == ("color", "text")
    assert dataset.conditions.decode(dataset.vectors)[1] == ("red", "a blue moon")
    assert "1 of 4 samples without a caption" in dataset.reading()[0].text


def test_text_files_beside_images(photos):
    (photos / "0.txt").write_text("a red heart\n")
    (photos / "1.png.txt").write_bytes("黑夜里的一个红色的月亮".encode("gb18030"))
    found, said = told(photos, captions="sidecars")
    assert found == ["a red heart", "黑夜里的一个红色的月亮", None, None]
    assert "2 of 4 samples without a caption" in said
    (photos / "2.txt").write_bytes(b"caf\xe9 cr\xe8me")
    with refused("captions.unknown_encoding", "2.txt"):
        told(photos, captions="sidecars")


def test_names_of_code_points(photos):
    shutil.copy(photos / "0.png", photos / "1f98a.png")
    found, said = told(photos, captions="unicode", in_memory=True)
    assert "fox face" in found
    assert "4 of 5 samples without a caption" in said
    assert unicode_name("1f44d-1f3fd") == "thumbs up sign medium skin"
    assert unicode_name("1f1e9-1f1ea") == "flag d e"
    assert unicode_name("2764-fe0f") == "red heart"
    assert unicode_name("photo") is None
    assert unicode_name("ffff") is None, "no character"


def test_data_with_captions_gets_a_recipe_that_reads_them(photos):
    table = photos.parent / "captions.csv"
    table.write_text("file,text\n" + "".join(f"{k}.png,number {k}\n" for k in range(4)))
    dataset = PathData(path=str(photos), captions=str(table)).open()
    facts = replace(Facts.of(dataset, Machine()), count=500)
    assert choose(facts).recipe == "text2image-small"
    assert choose(replace(facts, captions=False)).recipe == "conditions-small"
    for k in range(4, 110):
        shutil.copy(photos / "0.png", photos / f"{k}.png")
    assert choose_recipe(str(photos), [f"captions={table}"]).recipe == "text2image-small", "also in short"


def test_long_captions_are_cut(photos):
    table = photos.parent / "captions.csv"
    table.write_text("file,text\n" + "".join(f"{k}.png,{'one two ' * (k + 1)}x{k}\n" for k in range(4)))
    found, said = told(photos, captions=str(table), caption_words=5)
    assert found[0] == "one two x0"
    assert found[3] == "one two one two one"
    assert "2 of 4 samples with a caption of more than 5 words" in said


def test_captions_that_cannot_be_used(photos):
    table = photos.parent / "captions.csv"

    def refuses(code, text, *named, **fields):
        table.write_text(text)
        with refused(code, *named):
            told(photos, captions=str(table), **fields)

    refuses("data.labels_match_nothing", "file,text\nx.png,a heart\ny.png,a moon\n", "data.captions", "0.png")
    refuses("captions.empty", "file,text\n0.png,...\n1.png,!\n2.png,?\n", "data.captions")
    rows = "".join(f"{k}.png,word {k},other {k}\n" for k in range(4))
    refuses("captions.which_column", f"file,first,second\n{rows}", "data.caption_column=")
    refuses("captions.no_column", f"file,first,second\n{rows}", "did you mean 'first'", caption_column="frist")
    refuses("data.labels_duplicate", "file,text\n0.png,a heart\n0.png,a moon\n1.png,x\n", "0.png")
    with refused("data.labels_not_found", "data.captions"):
        told(photos, captions="nowhere.csv")
    for k in range(4):
        (photos / f"{k}.png").rename(photos / f"photo {k}.png")
    for source in ("unicode", "sidecars"):
        with refused("captions.match_nothing", source):
            told(photos, captions=source)
