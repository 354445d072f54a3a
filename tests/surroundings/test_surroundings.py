"""Homes that cannot be written to, outputs of other encodings, variables that are not set, full disks."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganforge
from ganforge.cli.main import main, refuse_empty
from ganforge.core import surroundings
from ganforge.core.cache import cache_folder
from ganforge.core.files import atomic_file
from ganforge.core.surroundings import help_for, print_anything
from ganforge.data.path import PathData
from ganforge.modalities.image import files
from refused import refused


@pytest.mark.parametrize(
    "words",
    [
        ["train", "dcgan", "data="], ["train", "dcgan", "data= "], ["sample", "runs/1", "--out", ""],
        ["sample", "runs/1", "--out="], ["translate", "runs/1", "", "--out", "made"], ["train", "signal.target="],
    ],
    ids=" ".join,
)  # fmt: skip
def test_empty_variables_are_errors(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "is a variable not set?" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_condition_may_ask_for_an_empty_text():
    refuse_empty(["sample", "r", "--where", "note=", "--out", "a.csv"])
    with refused("cli.empty_value", "--out"):
        refuse_empty(["sample", "r", "--where", "note=", "--out", ""])


@pytest.mark.parametrize("path", ["", "  "])
def test_an_empty_path_is_not_the_current_folder(path):
    with refused("data.empty_path", "data=."):
        PathData(path=path).open()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk", "latin-1"])
def test_any_sign_can_be_printed_in_any_encoding(encoding):
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    print_anything(stream)
    stream.write("→ − 猫 ✓ \udcff 5 × 5")
    stream.flush()
    assert b"5" in stream.buffer.getvalue()


def test_names_that_are_no_text_are_escaped_in_utf_8():
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    print_anything(stream)
    stream.write("b\udcff.png 猫")
    stream.flush()
    assert stream.buffer.getvalue().decode() == "b\\udcff.png 猫"


@pytest.mark.parametrize("words", [["recipes"], pytest.param(["recipes", "show", "dcgan"], marks=pytest.mark.slow)])
def test_verbs_print_where_output_is_not_utf_8(words):
    env = {**os.environ, "PYTHONIOENCODING": "cp1252", "PYTHONPATH": str(Path(ganforge.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-m", "ganforge", *words], env=env, capture_output=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode("cp1252").strip()


def test_an_evaluation_goes_on_without_a_cache(tmp_path, monkeypatch, notices):
    draws = np.random.default_rng(0)
    sets = [draws.integers(0, 256, (80, 8, 8, 1), dtype=np.uint8) for _ in "ab"]
    (tmp_path / "file").write_text("here a folder cannot be made")
    monkeypatch.setenv("GANFORGE_CACHE", str(tmp_path / "file" / "cache"))
    done = ganforge.evaluate(*sets, metrics=["fd"], progress=False)
    assert np.isfinite(done.results[0].value)
    assert "could not be saved" in notices.text


def test_a_user_without_a_home_has_a_cache(monkeypatch):
    for name in ("GANFORGE_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    assert cache_folder().name == "ganforge"


def test_a_limit_of_open_files_is_not_blamed_on_the_images(tmp_path, monkeypatch):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")

    def full(*_, **__):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), "a.png")

    monkeypatch.setattr(Image, "open", full)
    for read in (files.decode, files.header):
        with refused("machine.cannot_read", "ulimit -n", "a.png"):
            read(tmp_path / "a.png", "a.png")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.EIO])
def test_a_fault_of_the_machine_is_one_line(number, monkeypatch, capsys, tmp_path):
    from ganforge.cli import main as module

    def broken(*_, **__):
        raise OSError(number, os.strerror(number), str(tmp_path / "out.png"))

    monkeypatch.delenv("GANFORGE_DEBUG", raising=False)
    monkeypatch.setattr(module, "command", lambda: broken)
    with pytest.raises(SystemExit) as ended:
        main(["recipes"])
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {tmp_path / 'out.png'}: ")
    assert said.count("\n") == 1


def test_a_full_disk_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(OSError, match="No space left") as caught, atomic_file(path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))
    assert "Free some space" in help_for(caught.value)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize(
    ("says", "before", "asked"),
    [
        ("always [madvise] never", None, "1"),
        ("always [madvise] never", "0", "0"),
        ("[always] madvise never", None, None),
        (None, None, None),
    ],
)
def test_huge_pages_are_asked_for_where_that_has_an_effect(says, before, asked, tmp_path, monkeypatch):
    """Elsewhere torch would warn that the kernel refused; and the user's own word counts."""
    monkeypatch.setattr(surroundings, "HUGE_PAGES", tmp_path / "enabled")
    if says is not None:
        (tmp_path / "enabled").write_text(says)
    monkeypatch.setenv("THP_MEM_ALLOC_ENABLE", before or "")
    if before is None:
        monkeypatch.delenv("THP_MEM_ALLOC_ENABLE")
    surroundings.ask_for_huge_pages()
    assert os.environ.get("THP_MEM_ALLOC_ENABLE") == asked
