"""What is not installed is named, with the command that installs it."""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest

import ganforge as gf
from ganforge.cli.doctor import check_extras, requirements
from ganforge.core.extras import EXTRAS, missing
from refused import refused

PROJECT = Path(__file__).parents[2] / "pyproject.toml"


def declared() -> dict[str, set[str]]:
    """The packages of each extra, and under "" those that are always installed."""
    if not PROJECT.is_file():
        pytest.skip("needs the sources of the project")
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    lines = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: {re.split(r"[<>=\[]", line)[0] for line in some} for extra, some in lines.items()}


def test_every_optional_package_is_in_the_extra_that_its_error_names():
    extras = declared()
    for package, extra in EXTRAS.values():
        assert package in extras[extra]
        assert package not in extras[""]


def needed(packages: set[str], seen: set[str]) -> set[str]:
    """Installed packages and those that they need, by their canonical names."""
    for name in packages - seen:
        seen.add(name)
        lines = metadata.requires(name) or []
        lines = [line for line in lines if "extra ==" not in line and "_version <" not in line]
        more = {re.split(r"[<>=!~;\[( ]", line)[0] for line in lines}
        needed({re.sub(r"[-_.]+", "-", one).lower() for one in more}, seen)
    return seen


def test_the_studio_adds_little():
    """At most 8 packages and 5 MB."""
    extras = declared()
    added = needed(extras["studio"], set()) - needed({"typing-extensions"}, set())
    assert len(added) <= 8, added
    files = [file for name in added for file in metadata.files(name) or [] if file.suffix != ".pyc"]
    assert sum(file.size or 0 for file in files) <= 5_000_000


def test_all_holds_every_extra():
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    (line,) = project["all"]
    assert set(re.findall(r"\w+", line.partition("[")[2])) == set(project) - {"all", "dev", "browser"}


@pytest.fixture
def absent(monkeypatch):
    """Makes packages look as if they were not installed."""
    return lambda *names: [monkeypatch.setitem(sys.modules, name, None) for name in names]


def test_a_table_names_its_extra(absent, tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a,b\n1,x\n2,y\n3,x\n")
    absent("pandas")
    with refused("extra.tables", "'pandas'", "pip install 'ganforge[tables]'", "pip install -e '.[tables]'"):
        gf.train("ctgan-fast", data=str(tmp_path / "t.csv"), run_dir=tmp_path / "r", progress=False)
    with refused("extra.tables"):
        gf.train(data=str(tmp_path / "t.csv"), run_dir=tmp_path / "r", progress=False, minutes=1)
    assert not (tmp_path / "r").exists()


def test_a_frame_without_scikit_learn_names_the_extra(absent, tmp_path):
    pd = pytest.importorskip("pandas")
    absent("sklearn")
    frame = pd.DataFrame({"a": np.arange(50.0), "b": ["x", "y"] * 25})
    with refused("extra.tables", "'scikit-learn'"):
        gf.train("ctgan-fast", data=frame, run_dir=tmp_path / "r", progress=False)


def test_a_sound_names_its_extra(absent, tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.wav").write_bytes((Path(__file__).parents[1] / "golden" / "tones.wav").read_bytes())
    absent("soundfile")
    with refused("extra.sound", "'soundfile'"):
        gf.train(data=str(tmp_path / "s"), run_dir=tmp_path / "r", progress=False, minutes=1)


def test_an_import_that_fails_says_which_extra_is_missing():
    assert "ganforge[tables]" in str(missing(ModuleNotFoundError("no pandas", name="pandas.io")))
    assert missing(ModuleNotFoundError("no such thing", name="nosuch")) is None


def test_doctor_lists_every_extra_with_a_command(monkeypatch):
    extras = declared()
    lines = [f"{name}>=1; extra == '{extra}'" for extra, some in extras.items() if extra for name in some]
    lines += ["nosuchpackage>=1; extra == 'metrics'"]
    monkeypatch.setattr("importlib.metadata.requires", lambda name: lines)
    assert set(requirements()) == {extra for extra in extras if extra}
    found = {one.what.removeprefix("extra "): one for one in check_extras()}
    assert set(found) == {extra for extra in extras if extra} - {"all", "dev"}
    assert "pip install -e '.[metrics]'" in found["metrics"].fix
