"""`precision=fp64`: everything is float64, starts from the same draws as float32, and can be used as any other run."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
import toys
from safetensors.torch import load_file

import ganforge as gf
from ganforge.artifacts import bundle, checkpoint
from ganforge.core.device import building, weights_dtype
from ganforge.core.errors import UserError
from ganforge.core.rng import Rng, normal_like, normals
from ganforge.core.types import Request
from ganforge.engine.build import make_loader, make_nets, open_data
from ganforge.engine.precision import dtype_for
from ganforge.engine.resume import resume_recipe
from ganforge.engine.train import train
from ganforge.engine.trainer import Trainer
from ganforge.modalities.image.extractors import fit
from ganforge.recipes import make_recipe
from refused import refused

CPU = torch.device("cpu")
SHAPES = [(3,), (15,), (16,), (17,), (31,), (4, 8), (5, 7, 11), (64, 100)]


def in_float64(recipe):
    return dataclasses.replace(recipe, precision="fp64")


def trainer_of(recipe) -> Trainer:
    dataset, spec = open_data(recipe)
    return Trainer(recipe, spec, make_loader(recipe, dataset, spec, CPU), CPU)


# --- draws


@pytest.mark.parametrize("shape", SHAPES)
def test_draws_are_those_of_float32(shape):
    single, double = Rng(3, 640, "G"), Rng(3, 640, "G", dtype=torch.float64)
    for low, high in ((0.0, 1.0), (-0.3, 2.7)):
        a, b = (rng.uniform("u", shape, low, high) for rng in (single, double))
        assert (a.dtype, b.dtype) == (torch.float32, torch.float64)
        assert torch.equal(a.double(), b)
    assert torch.equal(single.integers("k", shape, 1000), double.integers("k", shape, 1000))
    a, b = (rng.normal("z", shape) for rng in (single, double))
    assert (a.dtype, b.dtype) == (torch.float32, torch.float64)
    # torch computes its normals in float32, with the rounding of this processor: a few units of the last place
    assert torch.allclose(a.double(), b, rtol=1e-5, atol=1e-6)


def test_normals_take_as_many_numbers_as_float32():
    """What is drawn next from one generator is the same too."""
    for shape in SHAPES:
        one, other = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
        torch.randn(shape, generator=one)
        normals(shape, torch.float64, other)
        assert torch.equal(one.get_state(), other.get_state()), shape


def test_normals_are_exact():
    """Box and Muller's formula in numpy, from the same uniforms: nothing of float32 is left in them."""
    u = torch.rand(32, generator=torch.Generator().manual_seed(5)).double().numpy().reshape(2, 2, 8)
    radius = np.sqrt(-2 * np.log(1 - u[:, 0]))
    wanted = np.stack([radius * np.cos(2 * np.pi * u[:, 1]), radius * np.sin(2 * np.pi * u[:, 1])], 1).ravel()
    found = normals((32,), torch.float64, torch.Generator().manual_seed(5)).numpy()
    assert np.allclose(found, wanted, rtol=1e-13, atol=1e-15)


def test_parts_of_a_batch_draw_their_rows():
    whole = Rng(1, dtype=torch.float64).normal("z", (6, 10))
    parts = [Rng(1, shard=(k, 3), dtype=torch.float64).normal("z", (2, 10)) for k in range(3)]
    assert torch.equal(whole, torch.cat(parts))


def test_what_a_net_draws_by_itself_is_that_of_float32():
    x = torch.zeros(5, 9)
    torch.manual_seed(2)
    single = normal_like(x)
    torch.manual_seed(2)
    double = normal_like(x.double())
    assert double.dtype == torch.float64
    assert torch.allclose(single.double(), double, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["dcgan", "dcgan-article", "biggan", "r3gan-small", "stylegan2-small", "vae", "sngan"])
def test_runs_start_from_the_same_weights(name):
    """Normal, uniform and orthogonal first weights, and those that torch gives its own layers."""
    small = [] if name in ("vae", "dcgan-article") else ["task.generator.channels=4", "task.discriminator.channels=4"]
    recipes = [make_recipe(name, overrides=["data=digits", *small, f"precision={p}"]) for p in ("fp32", "fp64")]
    _, spec = open_data(recipes[0])
    single, double = (make_nets(recipe, spec, CPU) for recipe in recipes)
    compared = 0
    for player in single:
        theirs = double[player].state_dict()
        for key, tensor in single[player].state_dict().items():
            if tensor.is_floating_point():
                assert theirs[key].dtype == torch.float64
                near = 1e-5 * tensor.abs().max().item()
                assert torch.allclose(tensor.double(), theirs[key], rtol=0, atol=near), f"{player}.{key}"
                compared += 1
    assert compared > 4


def test_building_leaves_no_default_behind():
    def build_badly():
        with building(torch.float64):
            assert torch.get_default_dtype() == torch.float64
            raise UserError("these nets cannot be built", code="nets.not_for_shape")

    with refused("nets.not_for_shape"):
        build_badly()
    assert torch.get_default_dtype() == torch.float32


# --- runs


@pytest.mark.parametrize("make", [toys.toy_gan, toys.toy_crowd])
def test_all_of_a_run_is_float64(make):
    trainer = trainer_of(in_float64(make()))
    trace = trainer.iterate(probe=True)
    assert trace is not None
    real = {name: tensor for name, tensor in trainer.state().items() if tensor.is_floating_point()}
    counters = {name for name in real if name.startswith("optim.") and name.endswith(".step")}  # torch's own
    assert {tensor.dtype for name, tensor in real.items() if name not in counters} == {torch.float64}
    assert any(name.startswith("ema.") for name in real)
    assert trace.batch.x.dtype == torch.float64


def test_losses_are_those_of_float32_but_for_rounding():
    losses = {}
    for precision in ("fp32", "fp64"):
        trainer = trainer_of(dataclasses.replace(toys.toy_gan(), precision=precision))
        trainer.iterate()
        losses[precision] = trainer.stats.take()
    assert losses["fp64"] == pytest.approx(losses["fp32"], rel=1e-4, abs=1e-5)
    assert losses["fp64"] != losses["fp32"]
    assert any(float(np.float32(v)) != v for v in losses["fp64"].values()), (
        "a loss that float32 could hold was cut to it"
    )


def test_a_stopped_run_goes_on_bit_for_bit(tmp_path):
    recipe = in_float64(toys.toy_gan())
    train(recipe, run_dir=tmp_path / "whole")
    train(dataclasses.replace(recipe, samples=320), run_dir=tmp_path / "parts")
    train(resume_recipe(tmp_path / "parts", None, ["samples=640"]), resume=tmp_path / "parts")
    states = []
    for folder in (tmp_path / "whole", tmp_path / "parts"):
        point = checkpoint.newest(folder / "checkpoints")
        assert point is not None
        states.append(checkpoint.read(point)[0] | load_file(folder / "model.safetensors"))
    assert states[0].keys() == states[1].keys()
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
    assert {
        t.dtype for name, t in states[0].items() if name.startswith(("net.", "ema.")) and t.is_floating_point()
    } == {torch.float64}


def test_precision_cannot_change_on_resume(tmp_path):
    train(dataclasses.replace(toys.toy_gan(), samples=64), run_dir=tmp_path / "run")
    with refused("run.recipe_differs", "precision"):
        resume_recipe(tmp_path / "run", None, ["precision=fp64"])


def test_a_model_file_makes_the_samples_of_its_run(tmp_path):
    trainer = trainer_of(in_float64(toys.toy_gan()))
    for _ in range(3):
        trainer.iterate()
    path = tmp_path / "model.safetensors"
    bundle.save(path, trainer.recipe, trainer.spec, trainer.to_share(), trainer.samples)
    assert {t.dtype for t in load_file(path).values() if t.is_floating_point()} == {torch.float64}
    loaded = bundle.load(path, "cpu")
    assert loaded.dtype == torch.float64
    for request in (Request(9, seed=4), Request(5, seed=4, start=3, truncation=0.5)):
        assert np.array_equal(loaded.generate(request), trainer.generate(request))
    for name, tensor in loaded.nets.G.state_dict().items():
        assert torch.equal(tensor, trainer.to_share().G.state_dict()[name])


def test_a_run_may_start_from_weights_of_another_precision(tmp_path):
    train(dataclasses.replace(toys.toy_gan(), samples=64), run_dir=tmp_path / "single")
    there = bundle.load(tmp_path / "single", "cpu")
    recipe = make_like(toys.toy_gan(), init=str(tmp_path / "single"), samples=64, precision="fp64")
    result = train(recipe, run_dir=tmp_path / "double")
    here = bundle.load(result.folder, "cpu")
    assert (there.dtype, here.dtype) == (torch.float32, torch.float64)
    near = torch.cat([p.flatten() for p in there.nets.G.parameters()]).double()
    far = torch.cat([p.flatten() for p in make_nets(toys.toy_gan(), there.spec, CPU).G.parameters()]).double()
    found = torch.cat([p.flatten() for p in here.nets.G.parameters()])
    assert (found - near).abs().mean() < (found - far).abs().mean()


def make_like(recipe, **fields):
    from ganforge.core.component import build, to_plain
    from ganforge.recipes.base import Recipe

    return build(Recipe, to_plain(recipe) | fields)


def test_apple_gpus_have_no_float64():
    with refused("device.no_float64", "precision=fp64", "--device cpu"):
        weights_dtype("fp64", torch.device("mps"))
    assert weights_dtype("fp32", torch.device("mps")) == torch.float32
    assert dtype_for("fp64", CPU) == torch.float64


# --- for users


def test_the_command_line_does_all_of_it(tmp_path, monkeypatch, ganforge):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fit, "steps_for", lambda n: 5)  # of the net that evaluates: its values are tested elsewhere
    small = ["task.generator.channels=4", "task.discriminator.channels=4", "batch=8", "checkpoint_every=16"]
    said = ganforge("train", "dcgan", "data=digits", "precision=fp64", "samples=16", *small)
    assert said.status == 0, said.err
    run = tmp_path / "runs" / "0001-dcgan"
    assert ganforge("train", "--resume", run, "samples=32").status == 0
    assert ganforge("sample", run, "-n", "4", "--grid", tmp_path / "grid.png").status == 0
    assert (tmp_path / "grid.png").is_file()
    assert ganforge("evaluate", run, "-n", "64", "metrics=[kid,ppl]").status == 0
    model = gf.load(run)
    assert model.sample(3, seed=1).shape == (3, 8, 8, 1)
    assert model.walk([1, 2], frames=4).shape == (4, 8, 8, 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words", [["--metrics", "psnr,ssim"], pytest.param([], marks=pytest.mark.slow)], ids=["pairwise", "usual"]
)
def test_a_translator_in_float64(tmp_path, monkeypatch, ganforge, words):
    monkeypatch.chdir(tmp_path)
    small = ["task.translator.channels=4", "task.translator.blocks=1", "batch=4", "task.alone=0", "signal.size=16"]
    small += ["signal.patches=false", "signal.jitter=0", "signal.mode=auto"]
    said = ganforge("train", "srresnet-small", "data=digits", "precision=fp64", "samples=8", *small)
    assert said.status == 0, said.err
    picture = np.random.default_rng(0).integers(0, 256, (20, 24, 1), np.uint8)
    run = tmp_path / "runs" / "0001-srresnet-small"
    made = gf.load(run).translate(picture)
    assert made.shape == (80, 96, 1)
    assert ganforge("evaluate", run, "-n", "16", *words).status == 0
