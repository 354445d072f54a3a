"""A model file from a stranger: an error that says so, never a crash, nor memory that the file does not account for."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from mutated import joined, mutated, parts_of, with_fields

import ganforge as gf
from ganforge.core.allowance import Allowance, Exceeded
from refused import refused

FAST = {"samples": 32, "batch": 16, "log_every": 16, "callbacks": []}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Small trained models of images and of a table, and one whose generator holds constants of its own."""
    folder = tmp_path_factory.mktemp("models")
    draws = np.random.default_rng(0)
    np.savez(folder / "x.npz", images=draws.integers(0, 255, (32, 8, 8, 1), dtype=np.uint8), labels=np.arange(32) % 3)
    rows = ["a,b,c", *(f"{x:.3f},{'xyz'[k % 3]},{k}" for k, x in enumerate(draws.normal(size=120)))]
    (folder / "t.csv").write_text("\n".join(rows))
    narrow = {"task.generator.channels": 8, "task.discriminator.channels": 8, "task.generator.latent": 8}
    images = gf.train("cdcgan", data=folder / "x.npz", run_dir=folder / "i", progress=False, **narrow, **FAST)
    quick = FAST | {"statistics.size": 50}
    table = gf.train("ctgan-fast", data=folder / "t.csv", run_dir=folder / "t", progress=False, **quick)
    return [Path(model.folder) / "model.safetensors" for model in (images, table)]


def tried(file: Path) -> str:
    """What comes of a file: "loaded", or the code of the error."""
    try:
        gf.load(file, device="cpu").sample(2)
    except gf.UserError as error:
        return error.code
    return "loaded"


def test_nets_that_the_weights_do_not_account_for_are_not_built(models, tmp_path):
    evil = tmp_path / "evil.safetensors"
    for fields in ({"channels": 20_000, "max_channels": 60_000}, {"latent": 10**11}, {"latent": 10**30}):
        evil.write_bytes(with_fields(models[0], "recipe", **{f"task__generator__{k}": v for k, v in fields.items()}))
        with pytest.raises(gf.UserError) as caught:
            gf.load(evil, device="cpu")
        assert caught.value.code in ("model.weights_do_not_fit", "model.header_does_not_fit")


def test_critics_are_not_built_to_sample(models, tmp_path):
    evil = tmp_path / "evil.safetensors"
    evil.write_bytes(with_fields(models[0], "recipe", task__discriminator__channels=30_000))
    model = gf.load(evil, device="cpu")  # the critic would take 100 GB, and nobody asks it
    assert (model.sample(3) == gf.load(models[0], device="cpu").sample(3)).all()


def test_a_header_of_more_than_16_mib_is_not_read(models, tmp_path):
    evil = tmp_path / "evil.safetensors"
    header, body = parts_of(models[0])
    header["__metadata__"]["more"] = "x" * 2**24
    evil.write_bytes(joined(header, body))
    with refused("model.damaged", "16,777,216"):
        gf.load(evil)


def test_more_classes_than_labels_are_refused(models, tmp_path):
    evil = tmp_path / "evil.safetensors"
    for classes, labels in ((10**12, []), (5, ["a"]), ("3", [])):
        evil.write_bytes(with_fields(models[0], "spec", classes=classes, labels=labels))
        with refused("model.header_does_not_fit", "classes"):
            gf.load(evil)


@pytest.mark.parametrize("seed", range(60))
def test_mutated_files_load_or_are_refused(models, tmp_path, seed):
    file = tmp_path / "model.safetensors"
    file.write_bytes(mutated(models[seed % len(models)], seed))
    assert tried(file)


@pytest.mark.slow
def test_two_thousand_mutated_files(models, tmp_path):
    """In a process of its own, whose peak of memory can be read."""
    code = """
        import resource, sys
        from pathlib import Path
        from mutated import mutated
        from test_stranger_models import tried
        models, file = [Path(name) for name in sys.argv[2:]], Path(sys.argv[1])
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        for model in models:
            tried(model)
        before, outcomes = peak(), {}
        for seed in range(1000, 3000):
            file.write_bytes(mutated(models[seed % len(models)], seed))
            outcome = tried(file)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            assert peak() - before < 3 * file.stat().st_size + 2**28, f"seed {seed}: {peak() - before:,} bytes"
        print(outcomes)
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "model.safetensors"), *map(str, models)]
    paths = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    done = subprocess.run(command, env=paths, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "'loaded'" in done.stdout
    assert "'model.header_does_not_fit'" in done.stdout


def test_an_allowance_is_for_all_tensors_together():
    import torch

    with Allowance(1000, 10):
        torch.zeros(100)
        torch.empty(10**12, device="meta")
        with pytest.raises(Exceeded):
            torch.zeros(151)
    with Allowance(10**9, 2):
        torch.zeros(1)
        torch.zeros(1)
        with pytest.raises(Exceeded):
            torch.zeros(1)
