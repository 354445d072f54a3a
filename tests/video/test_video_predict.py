"""Films that go on: the task, the net, the scores, and `ganforge predict` as a user goes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from clips import squares, write_gif, write_mp4
from PIL import Image

import ganforge as gf
from ganforge.core.rng import Rng
from ganforge.core.types import Batch, Nets, Spec
from ganforge.metrics.base import Comparison, SampleSet, measure
from ganforge.modalities.video.example import write_example
from ganforge.modalities.video.nets.predictor import Predictor, moved
from ganforge.modalities.video.predict_metric import PredictScores, scores
from ganforge.modalities.video.predicting import predict
from ganforge.modalities.video.tasks.predict import Labeled, Predict, pixel_crps
from ganforge.recipes import get, make_recipe
from ganforge.registry import load_all
from given_file import used
from refused import refused

load_all()

SMALL = ["task.channels=8", "task.discriminator.channels=8", "batch=4", "samples=8", "checkpoint_every=8"]
SPEC = Spec((3, 16, 16, 16), state={"fps": 10.0})


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return Path(write_example(tmp_path_factory.mktemp("films"), 24))


@pytest.fixture(scope="module")
def run(data, tmp_path_factory, request) -> Path:
    folder = tmp_path_factory.mktemp("predict") / "run"
    recipe = make_recipe("predict-video", (), [f"data={data}", *SMALL, "callbacks=[previews]"], ())
    return gf.train(recipe, run_dir=folder, progress=False).folder


def task(**fields) -> Predict:
    made = make_recipe("predict-video", (), [*SMALL[:2], *(f"task.{k}={v}" for k, v in fields.items())], ()).task
    assert isinstance(made, Predict)
    return made


# --- the net and the task


def test_a_new_net_repeats_the_last_frame_and_then_depends_on_everything():
    torch.manual_seed(0)
    net = Predictor(3, 4, 4, 8, 6, classes=2)
    past, z, c = torch.randn(2, 3, 4, 16, 24), torch.randn(2, 6), torch.tensor([0, 1])
    assert torch.allclose(net(past, z, c), past[:, :, -1:].expand(-1, -1, 4, -1, -1), atol=1e-5)
    torch.nn.init.normal_(net.out.weight, 0, 0.1)
    made = net(past, z, c)
    assert made.shape == (2, 3, 4, 16, 24)
    for other in (net(past, z + 1, c), net(past, z, 1 - c), net(past.flip(2), z, c)):
        assert not torch.allclose(made, other)


def test_parameter_counts():
    """Of the recipe at 64 px."""
    players = get("predict-video").task.players(Spec((3, 32, 64, 64)))
    assert {name: sum(p.numel() for p in net.parameters()) for name, net in players.items()} == {
        "G": 954_576,
        "D": 171_584,
    }


def test_frames_are_moved_by_the_flow():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    across = torch.zeros(1, 2, 3, 4)
    across[:, 0] = 1
    assert moved(x, across)[0, 0].round().tolist() == [[1, 2, 3, 3], [5, 6, 7, 7], [9, 10, 11, 11]]
    down = across.flip(1) / 2
    assert moved(x, down)[0, 0, :, 0].tolist() == pytest.approx([2, 6, 8]), "half a pixel is the mean of two"


def test_windows_are_consecutive_frames_or_a_single_one_repeated():
    x = torch.arange(16.0).view(1, 1, 16, 1, 1).expand(500, 1, 16, 1, 1)
    past, future = task(single=0.5).windows(x, Rng(0))
    times = torch.cat([past, future], 2)[:, 0, :, 0, 0]
    assert (times[:, 3:].diff(dim=1) == 1).all(), "the future follows the last frame"
    still = (past[:, 0, :, 0, 0].diff(dim=1) == 0).all(1)
    assert 0.4 < still.float().mean() < 0.6
    assert (past[~still][:, 0, :, 0, 0].diff(dim=1) == 1).all()
    assert {int(t) for t in times[:, 3]} == set(range(3, 8)), "everywhere in the clip"


def test_pieces_follow_from_each_other():
    whole = torch.arange(12.0).view(1, 1, 12, 1, 1)
    found = task().pieces(whole[:, :, :4], whole[:, :, 4:])
    assert found[..., 0, 0].tolist() == [list(range(8)), list(range(4, 12))]


def test_the_score_of_draws():
    real = torch.zeros(1, 1, 1, 2, 2)
    apart = torch.stack([torch.full((1, 1, 2, 2), v) for v in (-1.0, 1.0)])[None]
    assert pixel_crps(apart, real).item() == pytest.approx(0.0), "E|Y| − ½ E|Y − Y′| of distinct draws = 1 − ½ · 2"
    same = torch.ones(1, 2, 1, 1, 2, 2)
    assert pixel_crps(same, real).item() == 1


def test_d_knows_the_label_of_each_piece():
    seen = []

    class Watching(torch.nn.Module):
        def forward(self, x, c):
            seen.append(c.tolist())

    Labeled(Watching(), torch.tensor([3, 5]))(torch.zeros(4, 1))
    assert seen == [[3, 5, 3, 5]]


def test_losses_are_one_a_film_and_reach_both_nets():
    own, spec = task(conditional=True), Spec(SPEC.shape, 2, ("a", "b"), SPEC.state)
    nets = Nets(own.players(spec), own.memory(spec))
    batch = Batch(torch.rand(4, *spec.shape) * 2 - 1, torch.tensor([0, 1, 0, 1]))
    terms = own.g_loss(nets, batch, Rng(0))
    assert {name: tuple(loss.shape) for name, loss in terms.losses.items()} == {"adversarial": (4,), "crps": (4,)}
    sum(loss.mean() for loss in terms.losses.values()).backward()
    assert nets.G.out.weight.grad.abs().sum() > 0
    d = own.d_loss(nets, batch, Rng(0))
    assert all(len(loss) == 8 for loss in d.losses.values()), "a loss for each of the two pieces of a film"


@pytest.mark.parametrize(
    ("fields", "shape", "code"),
    [({}, (3, 16, 16), "task.not_for_shape"), ({"rollout": 4}, (3, 16, 16, 16), "task.clips_too_short")],
)
def test_what_the_task_cannot_do_is_refused(fields, shape, code):
    with refused(code):
        task(**fields).adapt(Spec(shape))


# --- the scores


def test_scores_of_known_frames():
    real = np.zeros((1, 2, 16, 16, 3), np.uint8)
    made = np.stack([np.full((2, 16, 16, 3), v, np.uint8) for v in (10, 20)])[None]  # two draws
    found = scores(made, real, 15.0, None, 1.0)
    assert found["psnr"][0, :, 0] == pytest.approx([20 * np.log10(255 / 10), 20 * np.log10(255 / 20)])
    assert found["crps"][0, 0] == pytest.approx([15 - 0.5 * 5] * 2), "E|Y| − ½ E|Y − Y′| over all pairs"
    hits, misses, false = found["csi"][0, :, 0]
    assert (hits, misses, false) == (0, 0, 128), "one draw of two is above the threshold everywhere"


@pytest.mark.slow
def test_better_predictions_score_better():
    real = squares(16)
    past, horizon = 4, 12
    exact = np.repeat(real[:, None, past:], 2, 1)
    noise = np.random.default_rng(0).integers(-8, 9, exact.shape)
    noisy = np.clip(exact.astype(int) + noise, 0, 255).astype(np.uint8)
    others = exact[::-1].copy()

    def values(made):
        results = measure([PredictScores(threshold=100)], Comparison(SampleSet.of(real), SampleSet.of(made)))
        return {one.name.split("[")[0]: one for one in results}

    best, near, far = (values(made) for made in (exact, noisy, others))
    assert set(best) == set(PredictScores.values)
    assert best["predict_psnr"].value == 100
    assert best["predict_ssim"].value == pytest.approx(1)
    assert best["csi"].value == 1
    assert best["predict_crps"].value == best["predict_features"].value == 0
    for name, better in (("psnr", 1), ("ssim", 1), ("crps", -1), ("features", -1)):
        key = f"predict_{name}"
        assert better * near[key].value > better * far[key].value, key
        assert near[key].detail["by_lead_time"]["persistence"] == pytest.approx(
            far[key].detail["by_lead_time"]["persistence"]
        )
    assert near["csi"].value > far["csi"].value
    assert len(near["csi"].detail["by_lead_time"]["model"]) == horizon
    assert near["predict_psnr"].protocol["draws"] == 2


def test_the_best_of_several_draws_is_chosen_by_film():
    real = np.zeros((2, 5, 16, 16, 3), np.uint8)
    made = np.full((2, 2, 4, 16, 16, 3), 50, np.uint8)
    made[0, 1], made[1, 0] = 1, 1
    results = measure([PredictScores(features=False)], Comparison(SampleSet.of(real), SampleSet.of(made)))
    by = {one.name.split("[")[0]: one.value for one in results}
    assert by["predict_psnr_best"] == pytest.approx(20 * np.log10(255))
    assert by["predict_psnr"] < by["predict_psnr_best"]
    assert "predict_features" not in by
    assert "csi" not in by


# --- a run in use


def test_a_report_shows_predictions_beside_persistence(run, tmp_path):
    found = gf.evaluate(run, out=tmp_path / "report", progress=False, metrics=["predict(features=false)"])
    page = found.html.read_text(encoding="utf-8")
    assert page.count("<video controls") == 1
    assert "persistence" in page
    assert {one.name.split("[")[0] for one in found.results} >= {"predict_crps", "predict_psnr_best"}
    assert all("persistence" in one.detail for one in found.results)


def test_previews_are_films(run):
    assert {file.suffix for file in (run / "previews").glob("latest.*")} == {".png", ".mp4"}


def test_films_go_on_as_files(ganforge, run, tmp_path):
    start = write_mp4(tmp_path / "start.mp4", squares(1)[0])
    told = ganforge("predict", run, "--data", start, "--frames", 10, "-n", 2, "--out", tmp_path / "next.mp4")
    assert told.status == 0, told.err
    assert "1 film, 2 continuations of 10 frames each" in told.out
    assert (tmp_path / "next.mp4").stat().st_size
    again = ganforge("predict", run, "--data", start, "--out", tmp_path / "next.mp4")
    assert (again.status, "already exists" in again.err) == (2, True)
    ganforge("predict", run, "--data", start, "--frames", 6, "--with-start", "--out", tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").shape == (1, 10, 16, 16, 3)
    np.save(tmp_path / "radar.npy", squares(3))
    folder = tmp_path / "futures"
    ganforge("predict", run, "--data", tmp_path / "radar.npy", "-n", 2, "--out", folder, "--format", "gif")
    assert len(list(folder.glob("*.gif"))) == 6


def test_draws_differ_and_do_not_depend_on_how_far_one_looks(run, tmp_path):
    start = write_gif(tmp_path / "a.gif", squares(1)[0])
    near, far = predict(run, start, frames=6, n=3), predict(run, start, frames=30, n=3)
    assert far.shape == (3, 30, 16, 16, 3)
    assert np.array_equal(near, far[:, :6])
    assert np.array_equal(predict(run, start, frames=6, n=3), near)
    assert not np.array_equal(predict(run, start, frames=6, n=3, seed=1), near)


def test_a_single_image_goes_on(run, tmp_path):
    Image.fromarray(squares(1)[0, 0]).resize((40, 30)).save(tmp_path / "a.png")
    assert predict(run, tmp_path / "a.png", frames=5).shape == (1, 5, 16, 16, 3)


def test_what_is_continued_is_the_end_of_a_film_at_the_rate_of_the_model(run, tmp_path):
    from ganforge.inference.model import load
    from ganforge.modalities.video.predicting import starts_of

    model = load(run)
    clip = np.zeros((30, 16, 16, 3), np.uint8) + (8 * np.arange(30, dtype=np.uint8))[:, None, None, None]
    (start,) = starts_of(model, write_gif(tmp_path / "a.gif", clip, 40))  # 25 frames a second; the model has 12.5
    assert (start.frames[:, 0, 0, 0] // 8).tolist() == [23, 25, 27, 29]
    (short,) = starts_of(model, write_gif(tmp_path / "b.gif", clip[:3], 40))
    assert (short.frames[:, 0, 0, 0] // 8).tolist() == [0, 2]


def test_a_page_shows_the_frames_after_those_that_were_given(run, tmp_path):
    start = write_gif(tmp_path / "a.gif", squares(1)[0])
    use, made, names = used(run, start, tmp_path, frames=6, n=2)
    assert use.verb == "predict"
    assert names["frames"].shape == (2, 6, 16, 16, 3)
    assert made.file.suffix in (".mp4", ".gif")
    assert made.file.stat().st_size > 0
    assert [one.mime for one in made.media][1] == "image/png"
    assert "then 6 new ones" in made.says[0]


def test_errors(ganforge, run, data, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no image")
    for words, code in (
        ((run, tmp_path / "bad.png"), "data.unreadable"),
        ((run, tmp_path / "none.mp4"), "data.not_found"),
    ):
        with refused(code):
            predict(*words)
    start = write_gif(tmp_path / "a.gif", squares(1)[0])
    for fields, code in (({"frames": 0}, "predict.out_of_range"), ({"label": "left"}, "sample.no_labels")):
        with refused(code):
            predict(run, start, **fields)
    with refused("predict.several_films", "24 films"):
        predict(run, data)
    with refused("predict.not_a_translator", "ganforge predict"):
        gf.load(run).translate(start)
    told = ganforge("predict", run, "--data", start, "--out", start, "--force")
    assert told.status == 2
    assert "never overwritten" in told.err
    assert Image.open(start).n_frames == 16


def test_other_models_do_not_continue_films(tmp_path, data):
    recipe = make_recipe(
        "r3gan-video-small",
        (),
        [f"data={data}", "task.generator.channels=4", "task.discriminator.channels=4", "samples=4", "batch=4",
         "callbacks=[]"],
        (),
    )  # fmt: skip
    folder = gf.train(recipe, run_dir=tmp_path / "run", progress=False).folder
    with refused("predict.not_a_predictor", "predict-video"):
        predict(folder, data / "left" / "0000.gif")


@pytest.mark.parametrize("ending", [".avi", ".mkv", ".mp4"])
def test_a_film_that_breaks_off_goes_on_from_the_break(run, tmp_path, ending):
    """Its last frames are those before the break."""
    import subprocess

    import imageio_ffmpeg

    clip = np.zeros((40, 64, 64, 3), np.uint8) + (5 * np.arange(40, dtype=np.uint8))[:, None, None, None]
    noise = np.random.default_rng(0).integers(0, 50, clip.shape, np.uint8)
    whole = write_mp4(tmp_path / "whole.mp4", clip + noise, 12.5)
    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-i", whole, "-g", "5"]
    subprocess.run([*program, "-movflags", "faststart", tmp_path / f"a{ending}"], check=True, timeout=60)
    data = (tmp_path / f"a{ending}").read_bytes()
    (tmp_path / f"broken{ending}").write_bytes(data[: len(data) * 6 // 10])
    from ganforge.inference.model import load
    from ganforge.modalities.video.predicting import starts_of

    (start,) = starts_of(load(run), tmp_path / f"broken{ending}")
    levels = start.frames.mean((1, 2, 3))
    assert len(levels) == 4
    assert 60 < levels[-1] < 200, "from the middle of the film"
    assert (np.diff(levels) >= 0).all()
    assert levels[-1] - levels[0] > 5
