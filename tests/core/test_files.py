"""Files that are whole or not there."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ganforge.core.files import PREFIX, atomic_file, atomic_files, check_new, output_to, refuse_input
from refused import refused


def fail(writing: AbstractContextManager[Path], text: str, name: str = "") -> None:
    with writing as path:
        (path / name if name else path).write_text(text)
        raise OSError("the disk is full")


@pytest.mark.parametrize("durable", [False, True])
class TestOneFile:
    def test_it_is_replaced_in_one_step_and_keeps_its_ending(self, tmp_path, durable):
        path = tmp_path / "new" / "a.txt"
        with atomic_file(path, durable) as file:
            assert file.suffix == ".txt"
            file.write_text("one")
            assert not path.exists()
        with atomic_file(path, durable) as file:
            file.write_text("two")
            assert path.read_text() == "one"
        assert path.read_text() == "two"
        assert [p.name for p in path.parent.iterdir()] == ["a.txt"]

    def test_what_was_there_stays_when_writing_fails(self, tmp_path, durable):
        path = tmp_path / "a.txt"
        path.write_text("one")
        with pytest.raises(OSError, match="full"):
            fail(atomic_file(path, durable), "tw")
        assert path.read_text() == "one"
        assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_what_a_killed_process_left_is_removed_by_the_one_that_writes_there(tmp_path):
    for name in ("a.txt", "b.txt"):
        (tmp_path / f"{PREFIX}123456-{name}").write_text("half")
    with atomic_file(tmp_path / "a.txt", durable=True) as file:
        file.write_text("whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{PREFIX}123456-b.txt", "a.txt"]


def test_several_files(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "c.txt").write_text("other")
    with atomic_files(tmp_path) as folder:
        (folder / "a.txt").write_text("new")
        (folder / "b.txt").write_text("new")
        assert (tmp_path / "a.txt").read_text() == "old"
    assert {p.name: p.read_text() for p in tmp_path.iterdir()} == {"a.txt": "new", "b.txt": "new", "c.txt": "other"}
    with pytest.raises(OSError, match="full"):
        fail(atomic_files(tmp_path), "half", "d.txt")
    assert not (tmp_path / "d.txt").exists()


def test_outputs_are_checked_before_anything_is_computed(tmp_path):
    there = tmp_path / "a.txt"
    there.write_text("one")
    check_new(None, tmp_path / "new" / "b.txt", force=False)
    assert not (tmp_path / "new").exists()
    check_new(there, force=True)
    with refused("output.exists", str(there), "--force"):
        check_new(tmp_path / "b.txt", there, force=False)
    with refused("output.not_a_folder", str(there)):
        check_new(there / "b.txt", force=True)


def test_inputs_are_no_outputs(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    refuse_input(tmp_path / "b.txt", tmp_path / "a.txt")
    refuse_input(tmp_path / "a.txt", tmp_path / "none.txt")
    with refused("output.is_the_input", "a.txt"):
        refuse_input(tmp_path / "." / "a.txt", tmp_path / "a.txt")
    with refused("output.is_the_input", "folder"):
        refuse_input(tmp_path, tmp_path / ".")


def test_errors_of_writing_name_the_output(tmp_path):
    with refused("output.not_writable", str(tmp_path / "a.txt"), "the disk is full"), output_to(tmp_path / "a.txt"):
        fail(atomic_file(tmp_path / "a.txt"), "half")
    assert not list(tmp_path.iterdir())
