"""Whole images of any size, each held against the very one that it should be: what papers on restoration report."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganforge.engine.train import train
from ganforge.evaluation.asked import read_metric, text_of
from ganforge.evaluation.evaluate import evaluate
from ganforge.evaluation.report.evidence import Evidence
from ganforge.evaluation.report.findings import find
from ganforge.inference.model import load
from ganforge.modalities.pair.degrade.base import Degrade
from ganforge.modalities.pair.degrade.resample import bicubic
from ganforge.modalities.pair.full_images import translated
from ganforge.recipes import make_recipe
from refused import refused

SIZES = [(40, 53), (61, 40), (48, 48), (37, 70)]  # height, width: no multiples of 4 among most of them


def pictures(folder: Path, sizes=SIZES, seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    draws = np.random.default_rng(seed)
    for k, (height, width) in enumerate(sizes):
        coarse = Image.fromarray(draws.integers(0, 256, (height // 5, width // 5, 3), np.uint8))
        coarse.resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{k}.png")
    return folder


def trained(recipe: str, data: Path, folder: Path, *items: str) -> Path:
    small = [
        f"data={data}", "signal.size=16", "signal.jitter=0", "task.translator.channels=4", "task.translator.blocks=1",
        "batch=4", "samples=8", "callbacks=[]", *items,
    ]  # fmt: skip
    return train(make_recipe(recipe, overrides=small), run_dir=folder, device="cpu").folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    return pictures(tmp_path_factory.mktemp("whole") / "photos")


@pytest.fixture(scope="module")
def larger(photos, tmp_path_factory) -> Path:
    """A run that enlarges four times."""
    return trained("srresnet-small", photos, tmp_path_factory.mktemp("whole") / "larger")


@pytest.fixture(scope="module")
def cleaner(photos, tmp_path_factory) -> Path:
    """A run that takes noise away."""
    folder = tmp_path_factory.mktemp("whole") / "cleaner"
    return trained("denoise-small", photos, folder, "degrade=gaussian(sigma=25)")


def decibels(x: np.ndarray, y: np.ndarray, crop: int = 0, luma: bool = False) -> float:
    x, y = (z.astype(float)[crop : z.shape[0] - crop, crop : z.shape[1] - crop] for z in (x, y))
    if luma:
        x, y = (z @ np.array([65.481, 128.553, 24.966]) / 255 for z in (x, y))
    return 10 * np.log10(255**2 / np.mean((x - y) ** 2))


def figures(evaluation) -> dict[str, float]:
    return {result.name: result.value for result in evaluation.results}


def test_an_enlarger_is_judged_as_papers_do(larger, photos, tmp_path):
    """Cut to a multiple of 4, made small by the recipe's degradation, enlarged as `translate` does, 4 px cut off."""
    model, made, naive = load(larger, "cpu"), [], []
    for file in sorted(photos.iterdir()):
        item = np.array(Image.open(file))
        target = item[: item.shape[0] // 4 * 4, : item.shape[1] // 4 * 4]
        source = Degrade.parse("bicubic4").apply_to_images(target)
        x = torch.from_numpy(source).permute(2, 0, 1)[None].float()
        cubic = bicubic(x, *target.shape[:2]).round().clamp(0, 255)[0].permute(1, 2, 0).numpy()
        made.append(decibels(target, model.translate(source), crop=4, luma=True))
        naive.append(decibels(target, cubic, crop=4, luma=True))
    found = evaluate(larger, out=tmp_path, progress=False, device="cpu")
    by_name = {result.name: result for result in found.results}
    for name in ("psnr4[RGB, crop 4]", "ssim4[RGB, crop 4]", "ssim4[Y, crop 4]", "sharpness4", "texture4"):
        assert name in by_name
    result = by_name["psnr4[Y, crop 4]"]
    assert result.value == pytest.approx(np.mean(made), abs=1e-6)
    assert result.detail["baseline"]["value"] == pytest.approx(np.mean(naive), abs=1e-6)
    assert result.detail["baseline"]["of"] == "bicubic ×4"
    assert result.protocol["pictures"] == "whole"
    assert result.protocol["n_real"] == 4, "fewer than ten whole pictures are enough, unlike samples of a generator"
    page = found.html.read_text()
    assert "at full resolution. Columns: source, bicubic ×4, made, real." in page
    heads = re.search(r'<div class="heads" aria-hidden="true">(.*?)</div>', page)[1]
    assert re.findall("<span>(.*?)</span>", heads) == ["source", "bicubic ×4", "made", "real"]
    assert "few samples" not in page


def test_the_report_says_from_where_to_where(larger, ganforge, tmp_path):
    said = ganforge(
        "evaluate", larger, "--metrics", "psnr(channel=Y,crop=4),ssim", "--out", tmp_path, "--device", "cpu"
    )
    assert said.status == 0, said.err
    plain = json.loads((tmp_path / "report.json").read_text())["results"]
    assert [figure["name"] for figure in plain] == ["psnr4[Y, crop 4]", "ssim4[RGB]"]
    then, now = plain[0]["detail"]["baseline"]["value"], plain[0]["value"]
    assert f"{then:.4g} → {now:.4g}" in said.out
    page = (tmp_path / "report.html").read_text()
    assert f"{then:.4g} → {now:.4g}" in page
    assert "psnr(channel=Y,crop=4),ssim" in page, "the command that gives these figures again"


def test_sources_may_lie_in_a_folder_of_their_own(larger, tmp_path):
    """Made by the same degradation and stored, they give the same figures as when they are made on the way."""
    targets, sources = pictures(tmp_path / "large", [(40, 52), (60, 40), (48, 48)]), tmp_path / "small"
    sources.mkdir()
    for file in targets.iterdir():
        small = Degrade.parse("bicubic4").apply_to_images(np.array(Image.open(file)))
        Image.fromarray(small).save(sources / file.name)
    items = ["data=pairs", f"data.source={sources}", f"data.target={targets}", "signal.degrade=null"]
    run = trained("srresnet-small", targets, tmp_path / "run", *items)
    stored = evaluate(run, metrics=["psnr", "texture"], progress=False, device="cpu")
    made = evaluate(
        larger, metrics=["psnr", "texture"], data=targets, out=tmp_path / "out", progress=False, device="cpu"
    )
    for one, other in zip(stored.results, made.results, strict=True):
        assert one.detail["baseline"] == other.detail["baseline"]
        assert one.value != other.value, "another model"


def test_photos_from_label_maps_are_judged_whole_without_a_baseline(tmp_path):
    """Classes are shown in grays, evenly apart."""
    photos, maps = pictures(tmp_path / "photos", [(40, 52), (36, 44)]), tmp_path / "maps"
    maps.mkdir()
    for k, shape in enumerate([(40, 52), (36, 44)]):
        levels = np.random.default_rng(k).integers(0, 3, shape, np.uint8)
        Image.fromarray(levels * 2).save(maps / f"{k}.png")  # 0, 2, 4
    items = [
        "data=pairs",
        f"data.source={maps}",
        f"data.target={photos}",
        "signal.degrade=null",
        "signal.source=classes",
    ]
    model = load(trained("denoise-small", photos, tmp_path / "run", *items), "cpu")
    found = translated(model.translator(), model.recipe.data.open(), "run", 0, None, None)
    assert found.baseline is None
    assert found.source is not None
    (first, _) = found.source.draw(1)
    assert np.unique(first).tolist() == [0, 127, 255]
    assert [part.shape for part in found.made.draw(1)] == [(1, 40, 52, 3), (1, 36, 44, 3)]


def test_noise_is_the_same_in_every_evaluation_and_is_what_the_model_is_held_against(cleaner, tmp_path):
    first, again = (evaluate(cleaner, out=tmp_path / str(k), progress=False, device="cpu") for k in range(2))
    assert figures(first) == figures(again)
    other = evaluate(cleaner, metrics=["psnr"], seed=1, out=tmp_path / "other", progress=False, device="cpu")
    assert other.results[0].value != figures(first)["psnr4[RGB]"]
    baseline = next(r for r in first.results if r.name == "psnr4[RGB]").detail["baseline"]
    assert baseline["of"] == "the source itself"
    assert baseline["value"] == pytest.approx(20.4, abs=0.4)  # 20.17 dB, a little more for what is cut at 0 and 255


def test_pictures_from_elsewhere_and_one_that_is_damaged(cleaner, photos, tmp_path):
    others = pictures(tmp_path / "others", [(40, 40), (50, 31)], seed=1)
    shutil.copy(photos / "0.png", others / "cut.png")
    (others / "cut.png").write_bytes((others / "cut.png").read_bytes()[:2000])
    found = evaluate(cleaner, metrics=["psnr"], data=others, out=tmp_path / "out", progress=False, device="cpu")
    assert found.results[0].protocol["n_fake"] == 2
    assert "Left out because they cannot be read: cut.png" in found.html.read_text()


@pytest.mark.slow
def test_what_looks_at_sets_still_sees_patches_of_one_size(cleaner, tmp_path):
    found = evaluate(cleaner, metrics=["psnr", "swd"], out=tmp_path, progress=False, device="cpu")
    pair, sets = found.results[0], found.results[-1]
    assert (pair.protocol["pictures"], pair.protocol["n_fake"]) == ("whole", 4)
    assert sets.protocol["pictures"] == "patches"
    assert sets.protocol["n_fake"] > 20


def test_holes_are_filled_as_translate_fills_them(photos, tmp_path):
    """With a mask every other pixel stays bit for bit, and there is no baseline to hold the model against."""
    run = trained("denoise-small", photos, tmp_path / "run", "degrade=boxes")
    found = evaluate(run, metrics=["psnr"], out=tmp_path / "out", progress=False, device="cpu")
    assert "baseline" not in found.results[0].detail
    assert found.results[0].value > 12


@pytest.mark.parametrize(
    ("psnr", "texture", "level", "title"),
    [
        (29.6, 0.15, "good", "better than bicubic ×4"),
        (26.0, 0.08, "note", "looks more like the real images than bicubic ×4, but has a lower PSNR"),
        (26.0, 0.15, "warn", "no better than bicubic ×4"),
    ],
)
def test_what_a_model_is_worth_is_said_in_words(psnr, texture, level, title):
    def figure(name: str, then: float, now: float) -> dict:
        detail = {"baseline": {"of": "bicubic ×4", "value": then, "sd": 0.0}}
        return {"name": name, "value": now, "protocol": {"pictures": "whole", "n_real": 5}, "detail": detail}

    figures = [
        figure("psnr5[Y, crop 4]", 28.43, psnr),
        figure("sharpness5", 0.17, 0.18),
        figure("texture5", 0.11, texture),
    ]
    (found,) = find(Evidence(results=figures))
    assert (found.level, found.title) == (level, title)
    assert f"psnr5[Y, crop 4] 28.43 → {psnr:g}" in found.why


# --- two sets


@pytest.fixture
def restored(photos, tmp_path) -> Path:
    """The photos with other errors in each, under the same names and another ending."""
    folder = tmp_path / "restored"
    folder.mkdir()
    for k, file in enumerate(sorted(photos.iterdir())):
        item = np.array(Image.open(file)).astype(int) + 2 * (k + 1)
        Image.fromarray(np.clip(item, 0, 255).astype(np.uint8)).save(folder / f"{file.stem}.bmp")
    return folder


def test_two_folders_are_paired_by_name(photos, restored, ganforge, tmp_path):
    said = ganforge("evaluate", photos, restored, "--metrics", "psnr(crop=2), ssim", "--out", tmp_path / "out")
    assert said.status == 0, said.err
    psnr, ssim = json.loads((tmp_path / "out" / "report.json").read_text())["results"]
    files = [(photos / f"{k}.png", restored / f"{k}.bmp") for k in range(4)]
    wanted = [decibels(*(np.array(Image.open(file)) for file in pair), crop=2) for pair in files]
    assert psnr["name"] == "psnr4[RGB, crop 2]"
    assert psnr["value"] == pytest.approx(np.mean(wanted), abs=1e-6)
    assert 0.9 < ssim["value"] < 1
    assert "baseline" not in psnr["detail"]


def test_gray_and_color_are_held_against_each_other_in_color(photos, restored, tmp_path):
    """A gray image given to a model of colors comes back in color."""
    Image.open(restored / "1.bmp").convert("L").save(restored / "1.bmp")
    item, gray = (np.array(Image.open(folder)) for folder in (photos / "1.png", restored / "1.bmp"))
    for k in (0, 2, 3):
        (restored / f"{k}.bmp").unlink()
    shutil.copytree(photos, tmp_path / "photos")
    for k in (0, 2, 3):
        (tmp_path / "photos" / f"{k}.png").unlink()
    found = evaluate(tmp_path / "photos", restored, metrics=["psnr"], size=20, out=tmp_path / "out", progress=False)
    assert found.results[0].value == pytest.approx(decibels(item, gray[..., None].repeat(3, axis=2)), abs=1e-6)
    assert "at their own sizes; --size applies only to" in found.html.read_text()


def test_what_does_not_belong_together_is_named(photos, restored, ganforge, tmp_path):
    (restored / "2.bmp").rename(restored / "two.bmp")
    said = ganforge("evaluate", photos, restored, "--metrics", "psnr", "--out", tmp_path / "out")
    assert said.status == 2
    assert "restored: two" in said.err
    assert "photos: 2" in said.err
    (restored / "two.bmp").rename(restored / "2.bmp")
    Image.open(restored / "3.bmp").resize((70, 36)).save(restored / "3.bmp")
    said = ganforge("evaluate", photos, restored, "--metrics", "psnr", "--out", tmp_path / "out")
    assert said.status == 2
    assert "1 of 4 pairs differ in size" in said.err
    assert "3: 70×37" in said.err
    assert "70×36" in said.err
    assert not (tmp_path / "out" / "report.json").exists()


def test_sets_compared_as_wholes_need_no_names(photos, restored, tmp_path):
    with refused("data.sizes_differ", "images of different sizes"):
        evaluate(photos, restored, metrics=["psnr", "fd"], features="raw", out=tmp_path / "out", progress=False)


def test_fields_of_a_metric_can_be_typed():
    metric = read_metric("psnr12(channel=Y, crop=4)")
    assert (metric.n, metric.channel, metric.crop) == (12, "Y", 4)  # type: ignore[attr-defined]
    assert text_of(metric) == "psnr12(channel=Y,crop=4)"
    assert read_metric(text_of(metric)) == metric
    assert text_of(read_metric("fd5k")) == "fd5000"
    with refused("config.unknown_field", "'chanel'; did you mean 'channel'?"):
        read_metric("psnr(chanel=Y)")
    with refused("config.unknown_kind", "psnr(Y)"):
        read_metric("psnr(Y)")


# --- against what is published


@pytest.mark.slow
def test_bicubic_has_the_published_figures_on_set5(real_data, photos, tmp_path):
    """28.42 to 28.43 dB and 0.8104 to 0.8109 in all tables since Timofte et al. 2014."""
    run = trained("srresnet-small", photos, tmp_path / "run")
    high = tmp_path / "Set5"
    high.mkdir()
    for file in (real_data / "sr" / "Set5").glob("*_HR.png"):
        shutil.copy(file, high)
    found = evaluate(
        run, metrics=["psnr(channel=Y,crop=4)", "ssim(channel=Y,crop=4)"], data=high, out=tmp_path / "out",
        progress=False, device="cpu",
    )  # fmt: skip
    psnr, ssim = (result.detail["baseline"]["value"] for result in found.results)
    assert psnr == pytest.approx(28.43, abs=0.02)
    assert ssim == pytest.approx(0.8109, abs=0.001)
