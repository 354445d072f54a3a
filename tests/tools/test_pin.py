"""The tool that compares two commits runs, gives the same twice, and notices what differs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ganforge import recipes
from ganforge.registry import load_all

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow
TOOL = ROOT / "tools" / "pin.py"


def pin(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(TOOL), *map(str, words)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("pins") / "before.json"
    ended = pin(out, "--only", "losses", "samples", "--recipes", "ctgan", "toy")
    assert ended.returncode == 0, ended.stderr
    return out


def changed(written: Path, to: Path, name: str, value: str | None) -> Path:
    """A copy of a result with one value replaced, or left out."""
    result = json.loads(written.read_text())
    assert name in result["values"]
    del result["values"][name]
    if value is not None:
        result["values"][name] = value
    to.write_text(json.dumps(result))
    return to


def test_what_it_writes(written):
    result = json.loads(written.read_text())
    losses = {name: value for name, value in result["values"].items() if name.startswith("losses/toy/step")}
    for step in ("01", "05", "20", "50"):
        assert 0 < float.fromhex(losses[f"losses/toy/step {step}/loss/D"]) < 100
    assert len({value for name, value in losses.items() if name.endswith("loss/D")}) == 4
    hashes = {name: value for name, value in result["values"].items() if "/state/" in name or "samples/" in name}
    assert {"losses/ctgan/state/net.G", "samples/ctgan/made", "samples/ctgan/all.csv", "samples/toy/preview.png"} <= {
        *hashes
    }
    assert all(len(value) == 64 for value in hashes.values())
    assert result["time"] == {}


def test_a_second_run_is_equal_and_one_other_digit_is_noticed(written, tmp_path):
    again = tmp_path / "again.json"
    assert pin(again, "--only", "losses", "--recipes", "toy").returncode == 0
    ended = pin("--compare", written, again)
    assert ended.returncode == 0, ended.stdout
    assert "0 differ" in ended.stdout
    name = "losses/toy/step 20/loss/D"
    value = json.loads(again.read_text())["values"][name]
    mantissa, _, exponent = value.partition("p")
    near = f"{mantissa[:-1]}{'1' if mantissa[-1] == '0' else '0'}p{exponent}"
    ended = pin("--compare", written, changed(again, tmp_path / "near.json", name, near))
    assert ended.returncode == 1
    assert name in ended.stdout
    assert "1 differ" in ended.stdout


def test_what_is_missing_on_one_side_is_a_difference(written, tmp_path):
    less = changed(written, tmp_path / "less.json", "samples/ctgan/all.csv", None)
    for sides in ((written, less), (less, written)):
        ended = pin("--compare", *sides)
        assert ended.returncode == 1
        assert "samples/ctgan/all.csv" in ended.stdout


def test_every_recipe_has_a_small_form():
    load_all()
    golden = ROOT / "tests" / "golden"
    program = f"import sys; sys.path.insert(0, {str(golden)!r}); from systems import SYSTEMS; print(*sorted(SYSTEMS))"
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours = [name for name in recipes.names() if recipes.RECIPES[name].__module__.startswith("ganforge.")]  # no plugin's
    assert said.stdout.split() == ours
