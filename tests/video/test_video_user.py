"""Films from a folder to samples of any length, as a user goes; and the task and the nets that make them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ganforge as gf
from ganforge.cli.main import main
from ganforge.cli.sample import sample
from ganforge.core.choice import Machine
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Request, Spec
from ganforge.data.path import PathData
from ganforge.modalities.video import writing
from ganforge.modalities.video.example import write_example
from ganforge.modalities.video.nets.motion import MotionGenerator
from ganforge.modalities.video.signal import Video
from ganforge.modalities.video.tasks.filming import Filming
from ganforge.recipes import get, make_recipe
from ganforge.recipes.choice import choose
from refused import refused

SMALL = ["task.generator.channels=8", "task.discriminator.channels=8", "batch=8", "callbacks.0.columns=2"]


def run_cli(*words: object) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    assert ended.value.code in (0, None)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return Path(write_example(tmp_path_factory.mktemp("films"), 32))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    run_cli("train", data, "--run-dir", folder, "samples=32", "checkpoint_every=32", *SMALL)
    return folder


def test_data_is_inspected_and_a_recipe_chosen(data, capsys):
    run_cli("data", "inspect", data)
    said = capsys.readouterr().out
    assert "32 films, 512 frames in all" in said
    assert "left (16), right (16)" in said
    choice = choose(PathData(path=str(data)).open(), Machine())
    assert choice.recipe == "r3gan-video-small"
    assert choice.fields == ("task.conditional=true", "batch=14")


def test_previews_are_a_sheet_and_a_film(run):
    assert {file.suffix for file in (run / "previews").glob("latest.*")} == {".png", ".mp4"}


def test_samples_in_every_form(run, tmp_path):
    for form, ending, count in (("mp4", ".mp4", 2), ("gif", ".gif", 2), ("npy", ".npy", 2), ("frames", ".png", 32)):
        run_cli("sample", run, "-n", 2, "--label", "left", "--out", tmp_path / form, "--format", form)
        files = sorted(file for file in (tmp_path / form).iterdir() if file.name != "labels.csv")
        assert [file.suffix for file in files] == [ending] * count
    clips = np.load(tmp_path / "npy" / "000000.npy")
    assert clips.shape == (16, 16, 16, 3)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "frames" / "000000-0003.png")), clips[3])
    for name in ("all.mp4", "all.gif", "all.npy"):
        run_cli("sample", run, "-n", 2, "--out", tmp_path / name)
        assert (tmp_path / name).stat().st_size
    run_cli("sample", run, "-n", 4, "--grid", tmp_path / "sheet.png")
    assert Image.open(tmp_path / "sheet.png").width > 200


def test_samples_of_another_length_and_rate(run, tmp_path):
    run_cli("sample", run, "-n", 1, "--out", tmp_path / "long", "--format", "gif", "--frames", 40, "--fps", 25)
    found = PathData(path=str(tmp_path / "long" / "000000.gif")).open()
    assert found.readable()[0].frames == 40
    assert found.readable()[0].fps == pytest.approx(25)
    model = gf.load(run)
    usual = model.sample(2, seed=3)
    longer = model.lasting(frames=40).sample(2, seed=3)
    assert model.lasting(frames=40).walk((3, 4), frames=2).shape == longer.shape
    assert longer.shape == (2, 40, 16, 16, 3)
    assert np.abs(longer[:, :16].astype(int) - usual).max() <= 1, "a longer film goes on from the shorter one"
    slow = model.lasting(frames=8, fps=model.spec.state["fps"] / 2).sample(2, seed=3)
    assert np.abs(slow.astype(int) - usual[:, ::2]).max() <= 1, "at half the rate it is every other frame"
    assert model.sample(2, seed=3).shape[1] == 16, "the model itself stays as it was"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--frames", 1], "sample.frames_out_of_range"),
        (["--frames", 100_000], "sample.frames_out_of_range"),
        (["--fps", 0], "sample.fps_out_of_range"),
        (["--format", "avi"], "output.unknown_format"),
    ],
)
def test_numbers_and_forms_that_cannot_be(run, tmp_path, words, code):
    options = {
        str(k).removeprefix("--").replace("format", "form"): v for k, v in zip(words[::2], words[1::2], strict=True)
    }
    with refused(code):
        sample(run, n=1, out=tmp_path / "x", **options)
    assert not (tmp_path / "x").exists()


def test_images_have_no_frames(tmp_path):
    signal = get("dcgan").signal
    with refused("signal.no_frames", "--frames"):
        signal.lasting(Spec((1, 28, 28)), 10, None)


def test_a_model_of_a_fixed_length_says_so(data, tmp_path):
    mlp = ["task.generator=mlp", "task.discriminator=mlp", "task.generator.widths=[8]", "task.discriminator.widths=[8]"]
    recipe = ["gan", f"data={data}", "signal=film", *mlp, "samples=8", "batch=8", "callbacks=[]"]
    run_cli("train", *recipe, "--run-dir", tmp_path / "run")
    with refused("model.fixed_length", "fixed length"):
        gf.load(tmp_path / "run").lasting(frames=20)


def test_a_report_plays_films(run, tmp_path):
    found = gf.evaluate(run, out=tmp_path / "report", progress=False, metrics=["motion"])
    page = found.html.read_text(encoding="utf-8")
    assert page.count("<video controls") >= 2
    assert {"motion", "pace", "frozen", "looping", "flicker"} <= {
        one.name.rstrip("0123456789") for one in found.results
    }


def test_too_few_clips_are_refused(tmp_path):
    write_example(tmp_path, 4)
    with refused("video.too_few_clips", "4 films make 4 clips", "signal.frames=8"):
        choose(PathData(path=str(tmp_path)).open(), Machine())


# --- the task


def filming(**fields) -> Filming:
    plain = [f"task.{name}={value}" for name, value in fields.items()]
    task = make_recipe("r3gan-video-small", (), [*SMALL[:2], *plain], ()).task
    assert isinstance(task, Filming)
    return task


def test_times_are_within_the_clip_and_ascend():
    task = filming()
    times = task.times(4_000, 32, Rng(0))
    gaps = times.diff(dim=1)
    assert times.min() == 0
    assert times.max() == 31
    assert gaps.min() == 1
    assert gaps.max() == 8
    shares = torch.bincount(gaps.flatten(), minlength=9)[1:] / gaps.numel()
    assert shares[0] == pytest.approx(np.log(2) / np.log(9), abs=0.02)
    assert (shares.diff() < 0).all(), "short gaps are the more frequent"
    assert filming(frames=2).times(100, 2, Rng(0)).tolist() == [[0, 1]] * 100


def test_d_sees_real_and_generated_frames_of_the_same_times():
    task, spec = filming(), Spec((3, 8, 16, 16), state={"fps": 10.0})
    seen = []

    class Watching(torch.nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x, c=None, *, gaps):
            seen.append((x.detach(), gaps))
            return self.net(x, c, gaps=gaps)

    players = task.players(spec)
    players["D"] = Watching(players["D"])
    level = torch.linspace(-1, 1, 8)[None, None, :, None, None]
    batch = Batch(level.expand(4, 3, 8, 16, 16).contiguous())
    task.d_loss(Nets(players, task.memory(spec)), batch, Rng(0))
    (real, gaps), (fake, same) = seen[:2]
    assert real.shape == fake.shape == (4, 12, 16, 16)
    assert torch.equal(gaps, same)
    shown = real[:, ::3, 0, 0].sub(-1).div(2 / 7).round().long()  # the frame numbers, which the levels tell
    assert torch.equal(shown.diff(dim=1), gaps)


@pytest.mark.parametrize("augment", ["diffaugment", "{kind: ada, start: 1, limit: 1}"])
@pytest.mark.parametrize("colors", [1, 3, 4])
def test_an_augmentation_changes_all_frames_of_a_film_alike(augment, colors):
    task, spec = filming(augment=augment), Spec((colors, 8, 16, 16), state={"fps": 10.0})
    assert task.adapt(spec).shape == spec.shape
    nets = Nets(task.players(spec), task.memory(spec))
    seen = []
    nets["D"].register_forward_pre_hook(lambda net, given: seen.append(given[0]))
    still = torch.rand(4, colors, 1, 16, 16).expand(-1, -1, 8, -1, -1) - 0.5
    task.d_loss(nets, Batch(still), Rng(0))
    real = seen[0].unflatten(1, (4, colors))
    torch.testing.assert_close(real, real[:, :1].expand_as(real))
    changed = (real[:, 0] - still[:, :, 0]).flatten(1)
    assert (changed.abs().amax(1) > 0.01).sum() >= 3
    assert (changed.diff(dim=0).abs().amax(1) > 0.01).all(), "each film has its own draws"


def test_d_sees_how_much_each_pixel_changes_if_asked():
    task, spec = filming(differences="true"), Spec((3, 8, 16, 16), state={"fps": 10.0})
    D, seen = task.players(spec)["D"], []
    D.net.register_forward_pre_hook(lambda net, given: seen.append(given[0]))
    x = torch.randn(2, 12, 16, 16)
    D(x, gaps=torch.full((2, 3), 2))
    assert seen[0].shape == (2, 12 + 3 + 3, 16, 16), "frames, gaps, changes"
    for k in range(3):
        torch.testing.assert_close(
            seen[0][:, 15 + k], (x[:, 3 * k + 3 : 3 * k + 6] - x[:, 3 * k : 3 * k + 3]).abs().mean(1)
        )


def test_penalties_do_not_count_the_planes_of_gaps():
    task, spec = filming(), Spec((3, 8, 16, 16), state={"fps": 10.0})
    D = task.players(spec)["D"]
    x = torch.randn(2, 12, 16, 16, requires_grad=True)
    near, far = (D(x, gaps=torch.full((2, 3), gap)).logits for gap in (1, 8))
    assert not torch.allclose(near, far), "D knows how far apart frames are"
    (gradient,) = torch.autograd.grad(near.sum(), x)
    assert gradient.shape == x.shape


@pytest.mark.parametrize(
    ("fields", "shape", "code"),
    [
        ({}, (3, 16, 16), "task.not_for_shape"),
        ({"frames": 6}, (3, 5, 16, 16), "task.clips_too_short"),
        ({"pack": 2}, (3, 8, 16, 16), "task.pack_not_for_films"),
        ({"generator": "mlp"}, (3, 8, 16, 16), "task.generator_without_time"),
        ({"augment": "ada"}, (5, 8, 16, 16), "task.not_for_shape"),
    ],
)
def test_what_the_task_cannot_do_is_refused(fields, shape, code):
    if fields == {"generator": "mlp"}:
        task = make_recipe("r3gan-video-small", (), ["task.generator=mlp"], ()).task
    else:
        task = filming(**fields)
    with refused(code):
        task.adapt(Spec(shape))


def test_frames_of_a_film_do_not_depend_on_which_others_are_made():
    spec = Spec((3, 16, 16, 16))
    net = MotionGenerator(latent=8, channels=4).build(spec).eval()
    z = torch.randn(2, 8)
    whole = net(z)
    some = net(z, times=torch.tensor([[0, 5, 11]] * 2))
    assert torch.allclose(some, whole[:, :, [0, 5, 11]], atol=1e-5)
    between = net(z, times=torch.tensor([[4.0, 4.5, 5.0]] * 2))
    assert (between[:, :, 1] - between[:, :, 0]).abs().mean() < (whole[:, :, 5] - whole[:, :, 4]).abs().mean()


def test_motion_depends_on_its_noise_and_content_does_not():
    task, spec = filming(), Spec((3, 16, 16, 16))
    nets = Nets({"G": task.generator.build(spec).eval()})
    z = torch.randn(1, task.generator.latent).expand(2, -1)
    walk = task.sample(nets, Request(n=2, latents=z, seed=1))
    assert torch.equal(walk[0], walk[1]), "a walk keeps to one motion"
    other = task.sample(nets, Request(n=2, latents=z, seed=2))
    assert not torch.allclose(walk, other)


def test_parameter_counts():
    """Of the recipe at 64 px."""
    players = get("r3gan-video-small").task.players(Spec((3, 32, 64, 64)))
    counts = {name: sum(p.numel() for p in net.parameters()) for name, net in players.items()}
    assert counts == {"G": 863_283, "D": 171_008}


# --- writing


def test_gifs_keep_their_pace(tmp_path):
    clip = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8)
    for fps, length in ((12, 2.5), (30, 1.0), (100, 0.6)):  # no browser plays a gif faster than 50 frames a second
        (tmp_path / "a.gif").write_bytes(writing.gif(clip, fps))
        with Image.open(tmp_path / "a.gif") as image:
            total = 0
            for k in range(30):
                image.seek(k)
                total += image.info["duration"]
        assert total / 1000 == pytest.approx(length, abs=0.02)


def test_without_pyav_previews_are_gifs(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    clips = np.random.default_rng(0).integers(0, 256, (2, 4, 8, 8, 3), np.uint8)
    assert [one.mime for one in Video().render(clips, Spec((3, 4, 8, 8), state={"fps": 10.0}), 2)] == [
        "image/png",
        "image/gif",
    ]
