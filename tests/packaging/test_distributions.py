"""What is published: a wheel and a source distribution that install and work, with complete metadata."""

from __future__ import annotations

import email
import importlib.util
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
URL = "https://github.com/someone/ganforge"
BUILDER = all(importlib.util.find_spec(name) for name in ("build", "hatchling"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BUILDER, reason="needs the packages build and hatchling"),
    pytest.mark.skipif(not (ROOT / "pyproject.toml").is_file(), reason="needs the sources of the project"),
]


def run(*words: str | Path, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in words],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> dict[str, Path]:
    """A source distribution, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("dist")
    run(
        sys.executable,
        "-m",
        "build",
        "--no-isolation",
        "--skip-dependency-check",
        "--outdir",
        folder,
        ROOT,
        GANFORGE_URL=URL,
    )
    (wheel,), (source,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": source}


def test_the_metadata_is_complete_and_links_work_on_an_index_page(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        (name,) = (n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))
        said = email.message_from_bytes(wheel.read(name))
    assert said["Author"] == "ganforge developers"
    assert {line.split(",")[0] for line in said.get_all("Project-URL")} >= {"Homepage", "Issues", "Changelog"}
    classifiers = said.get_all("Classifier")
    assert "Typing :: Typed" in classifiers
    assert any(line.startswith("Operating System") for line in classifiers)
    assert {"tables", "sound", "hub", "studio", "all"} <= set(said.get_all("Provides-Extra"))
    base = {re.split(r"[<>=]", line)[0] for line in said.get_all("Requires-Dist") if "extra ==" not in line}
    wanted = {"torch", "numpy", "pillow", "safetensors", "pydantic", "pyyaml", "typer", "rich", "filelock"}
    assert base == wanted
    text = said.get_payload()
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert all(link.startswith(("https://", "#")) for link in links)
    (image,) = re.findall(r"!\[Digits[^\]]*\]\(([^)]+)\)", text)
    assert image.startswith(f"{URL}/raw/v")


def test_the_wheel_holds_the_package_alone_and_the_source_its_tests_too(built):
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
    assert all(name.startswith(("ganforge/", "ganforge-")) for name in names)
    assert {"ganforge/py.typed", "ganforge/modalities/image/sources/digits.npz"} <= set(names)
    pages = ("index.html", "style.css", "app.js", "pages/index.js", "words/zh.json")
    assert {f"ganforge/web/studio/static/{name}" for name in pages} <= set(names)
    with tarfile.open(built["sdist"]) as source:
        inside = {name.partition("/")[2] for name in source.getnames()}
    assert {"tests/refused.py", "docs/python.md", "hatch_build.py", "LICENSE"} <= inside


@pytest.mark.parametrize("what", ["wheel", "sdist"])
def test_what_is_built_installs_and_trains(built, what, tmp_path):
    """In a folder of its own: what it needs, it finds in the environment of the tests."""
    target = tmp_path / "site"
    words = ["--no-deps", "--no-index", "--no-build-isolation", "--target", target, built[what]]
    run(sys.executable, "-m", "pip", "install", "--quiet", *words)
    code = (
        f"import ganforge, pathlib\nassert pathlib.Path(ganforge.__file__).is_relative_to({str(target)!r})\n"
        f"model = ganforge.train('demo', samples=64, progress=False, callbacks=[], run_dir={str(tmp_path / 'r')!r})\n"
        "print(model.sample(3).shape)"
    )
    assert run(sys.executable, "-c", code, PYTHONPATH=str(target)).split("\n")[0] == "(3, 8, 8, 1)"
    assert "ganforge 0." in run(sys.executable, "-m", "ganforge", "--version", PYTHONPATH=str(target))
