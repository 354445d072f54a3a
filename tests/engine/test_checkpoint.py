"""A checkpoint is whole or not there; what is not one is refused, not loaded."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import pickle  # noqa: TID251  # to make the file that must be refused

import pytest
import torch
import toys
from safetensors.torch import save_file

from ganforge.artifacts import bundle, checkpoint
from ganforge.core.errors import TrainingError
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from refused import refused


@pytest.fixture
def run(tmp_path):
    return train(dataclasses.replace(toys.toy_gan(), samples=320), run_dir=tmp_path / "run").folder


def test_full_disk_leaves_the_last_checkpoint_whole(tmp_path, monkeypatch):
    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) > 5:  # the second checkpoint
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        TrainingError, match=r"could not be written: No space left on device.*last good checkpoint is .*000000000160"
    ):
        train(toys.toy_gan(), run_dir=tmp_path / "run")
    monkeypatch.undo()
    assert not list((tmp_path / "run" / "checkpoints").glob(".writing-*"))
    result = train(resume_recipe(tmp_path / "run"), resume=tmp_path / "run")
    assert result.samples == 640, "with room again, the run goes on"


def test_leftovers_of_a_killed_process_are_cleared(tmp_path):
    left = tmp_path / ".writing-000000000016"
    left.mkdir()
    (left / "state.safetensors").write_bytes(b"half")
    folder = checkpoint.write(tmp_path, 32, {"x": torch.ones(3)}, {}, keep=1)
    assert [p.name for p in tmp_path.iterdir()] == [folder.name]


@pytest.mark.parametrize("cut", [0, 10, 300, -1])
def test_a_cut_checkpoint_is_refused(run, cut):
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    data = (point / "state.safetensors").read_bytes()
    (point / "state.safetensors").write_bytes(data[:cut])
    with refused("checkpoint.damaged", "state.safetensors"):
        train(resume_recipe(run, None, ["samples=480"]), resume=run)
    for file in point.iterdir():
        file.unlink()
    point.rmdir()
    assert train(resume_recipe(run), resume=run).samples == 320, "the earlier checkpoint is still good"


def test_an_altered_checkpoint_is_refused(run):
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    data = bytearray((point / "state.safetensors").read_bytes())
    data[-1] ^= 1
    (point / "state.safetensors").write_bytes(data)
    with refused("checkpoint.damaged", str(point)):
        checkpoint.read(point)


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("[]", "checkpoint.other_format"),
        ('"text"', "checkpoint.other_format"),
        ('{"format": 1}', "checkpoint.damaged"),
        (json.dumps({"format": 1, "sha256": hashlib.sha256(b"no tensors").hexdigest()}), "checkpoint.damaged"),
    ],
    ids=["a list", "a text", "no digest", "the digest of what holds no tensors"],
)
def test_what_somebody_wrote_into_a_checkpoint_is_refused(run, state, code):
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    (point / "state.safetensors").write_bytes(b"no tensors")
    (point / "state.json").write_text(state)
    with refused(code, str(point)):
        checkpoint.read(point)


class Trap:
    def __reduce__(self):
        return (os.mkdir, ("pwned",))


def test_pickles_are_refused_and_not_run(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.pt").write_bytes(pickle.dumps(Trap()))
    torch.save({"x": torch.ones(2)}, tmp_path / "weights.pt")
    for name in ("bad.pt", "weights.pt"):
        with refused("weights.pickle", name):
            bundle.load(tmp_path / name)
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    (point / "state.safetensors").write_bytes(pickle.dumps(Trap()))
    with refused("weights.pickle", "state.safetensors"):
        train(resume_recipe(run, None, ["samples=480"]), resume=run)
    assert not (tmp_path / "pwned").exists()


def test_what_is_no_bundle_is_said_so(run, tmp_path):
    with refused("model.not_found", "nothing.safetensors"):
        bundle.load(tmp_path / "nothing.safetensors")
    with refused("run.not_found", str(tmp_path), "recipe.yaml"):
        bundle.load(tmp_path)
    save_file({"x": torch.ones(2)}, tmp_path / "other.safetensors")
    with refused("model.not_a_bundle", "other.safetensors"):
        bundle.load(tmp_path / "other.safetensors")
    data = (run / "model.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[:-10])
    with refused("model.damaged", "cut.safetensors"):
        bundle.load(tmp_path / "cut.safetensors")
    (run / "model.safetensors").unlink()
    with refused("model.not_written_yet", str(run)):
        bundle.load(run)


def test_a_bundle_tells_where_it_comes_from(run):
    from safetensors import safe_open

    with safe_open(run / "model.safetensors", "pt") as file:
        header = file.metadata()
        names = set(file.keys())
    assert json.loads(header["recipe"])["name"] == "toy-gan"
    assert json.loads(header["spec"]) == {
        "shape": [2],
        "classes": 4,
        "labels": ["east", "north", "west", "south"],
        "state": {},
    }
    assert json.loads(header["classes"]) == {"G": "ToyG"}
    assert all(name.startswith("G.") for name in names), "the averaged generator alone"
    assert bundle.load(run / "model.safetensors").samples == 320


def test_a_state_of_other_nets_is_refused(run):
    point = checkpoint.newest(run / "checkpoints")
    assert point is not None
    tensors, _ = checkpoint.read(point)
    net = toys.ToyGenerator(latent=9).build(bundle.load(run).spec)
    with refused("model.weights_do_not_fit", "here", "net.G"):
        checkpoint.load_module("net.G", net, tensors, "here")
