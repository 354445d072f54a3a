"""`ganforge translate` as a person uses it: files, folders, zips, films, and everything that can go wrong."""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from translate_models import TwoWays, model_file, photo_like, save, spec_of

import ganforge as gf
from ganforge.artifacts import bundle
from ganforge.cli.main import main
from ganforge.core.types import Spec
from ganforge.modalities.pair.nets.gated import Gated
from ganforge.modalities.pair.nets.resnet import ResnetTranslator

SMALL = ResnetTranslator(channels=4, blocks=1, norm="batch")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    model_file(folder / "color.safetensors", SMALL, spec_of())
    model_file(folder / "filler.safetensors", Gated(channels=2), spec_of(mask=True))
    spec = Spec((3, 32, 32), state={"mode": "RGB", "depth": 8})
    model_file(folder / "both.safetensors", SMALL, spec, TwoWays(translator=SMALL))
    return folder


@pytest.fixture
def ganforge(models, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")

    def run(model: str, *arguments: object) -> tuple[int, str, str]:
        status = 0
        try:
            main(["translate", str(models / f"{model}.safetensors"), *map(str, arguments), "--device", "cpu"])
        except SystemExit as stop:
            status = int(stop.code or 0)
        out, err = capsys.readouterr()
        return status, out, err

    return run


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_one_file(ganforge, tmp_path):
    source = save(tmp_path / "a.png", photo_like(20, 30))
    status, out, _ = ganforge("color", source, "--out", tmp_path / "made" / "b.png")
    assert status == 0
    assert "1 image" in out
    assert pixels(tmp_path / "made" / "b.png").shape == (20, 30, 3)


def test_a_folder_keeps_its_structure_and_a_bad_file_stops_nothing(ganforge, tmp_path):
    folder = tmp_path / "in"
    save(folder / "a.png", photo_like(20, 30))
    save(folder / "deep" / "down" / "b.jpg", photo_like(24, 20, seed=1))
    save(folder / "deep" / "c.bmp", photo_like(24, 20, seed=2))
    save(folder / "deep" / "c.png", photo_like(24, 20, seed=3))
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not asked for")
    save(folder / ".hidden.png", photo_like(8, 8))
    status, out, err = ganforge("color", folder, "--out", tmp_path / "out")
    found = sorted(p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert found == ["a.png", "deep/c.bmp.png", "deep/c.png.png", "deep/down/b.jpg", "refused.json"]
    assert status == 3, "a script can see that something is missing"
    (listed,) = json.loads((tmp_path / "out" / "refused.json").read_text())
    assert (listed["what"], listed["why"]) == ("broken.png", "not an image that can be read")
    assert "4 images, 1 failed" in out
    assert "broken.png: not an image" in err


def test_further_frames_are_not_dropped_without_a_word(ganforge, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    pages = [Image.fromarray(photo_like(20, 30, seed=k)) for k in range(3)]
    for name in ("a.gif", "b.tif"):
        pages[0].save(folder / name, save_all=True, append_images=pages[1:])
    status, _, err = ganforge("color", folder, "--out", tmp_path / "out")
    assert status == 0
    assert "4 further frames of 2 files not used, only the first of each" in err
    _, _, err = ganforge("color", save(tmp_path / "one.png", photo_like(20, 30)), "--out", tmp_path / "one_made.png")
    assert "not used" not in err


def test_a_zip_and_the_same_as_a_folder(ganforge, tmp_path):
    for k in range(3):
        save(tmp_path / "in" / f"{k}.png", photo_like(20, 20 + k, seed=k))
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for file in sorted((tmp_path / "in").iterdir()):
            archive.write(file, f"sub/{file.name}")
    assert ganforge("color", tmp_path / "in.zip", "--out", tmp_path / "a")[0] == 0
    assert ganforge("color", tmp_path / "in", "--out", tmp_path / "b")[0] == 0
    for k in range(3):
        np.testing.assert_array_equal(pixels(tmp_path / "a" / "sub" / f"{k}.png"), pixels(tmp_path / "b" / f"{k}.png"))


def test_going_on_after_a_break(ganforge, tmp_path):
    for k in range(3):
        save(tmp_path / "in" / f"{k}.png", photo_like(20, 20, seed=k))
    save(tmp_path / "out" / "1.png", np.zeros((4, 4, 3), np.uint8))
    status, _, err = ganforge("color", tmp_path / "in", "--out", tmp_path / "out")
    assert status == 2
    assert "--skip-existing" in err
    assert not (tmp_path / "out" / "0.png").exists(), "nothing is begun"
    status, out, _ = ganforge("color", tmp_path / "in", "--out", tmp_path / "out", "--skip-existing")
    assert status == 0
    assert "2 images, 1 already existed" in out
    assert pixels(tmp_path / "out" / "1.png").shape == (4, 4, 3)
    assert ganforge("color", tmp_path / "in", "--out", tmp_path / "out", "--force")[0] == 0
    assert pixels(tmp_path / "out" / "1.png").shape == (20, 20, 3)


def test_an_output_folder_within_the_input_is_not_read(ganforge, tmp_path):
    save(tmp_path / "in" / "a.png", photo_like(20, 20))
    for _ in range(2):
        assert ganforge("color", tmp_path / "in", "--out", tmp_path / "in" / "out", "--force")[0] == 0
    assert [p.name for p in (tmp_path / "in" / "out").rglob("*.png")] == ["a.png"]


def test_a_source_is_never_overwritten(ganforge, tmp_path):
    file = save(tmp_path / "a.png", photo_like(20, 20))
    before = file.read_bytes()
    for arguments in ((file, "--out", file), (tmp_path, "--out", tmp_path)):
        status, _, err = ganforge("color", *arguments, "--force")
        assert status == 2
        assert "never overwritten" in err
    assert file.read_bytes() == before


def test_filling_a_hole(ganforge, tmp_path):
    picture, mask = photo_like(60, 80), np.zeros((60, 80, 1), np.uint8)
    mask[10:30, 10:30] = 255
    save(tmp_path / "a.jpg", picture, quality=90)
    save(tmp_path / "mask.png", mask)
    assert ganforge("filler", tmp_path / "a.jpg", "--mask", tmp_path / "mask.png", "--out", tmp_path / "b.png")[0] == 0
    before, after = pixels(tmp_path / "a.jpg"), pixels(tmp_path / "b.png")
    hidden = mask[..., 0] > 0
    np.testing.assert_array_equal(after[~hidden], before[~hidden])
    assert (after[hidden] != before[hidden]).mean() > 0.8
    status, _, err = ganforge(
        "filler", tmp_path / "a.jpg", "--mask", tmp_path / "mask.png", "--out", tmp_path / "b.jpg"
    )
    assert status == 2
    assert ".png" in err


def test_a_folder_of_masks(ganforge, tmp_path):
    for k in range(2):
        save(tmp_path / "in" / f"{k}.jpg", photo_like(40, 40, seed=k))
        save(tmp_path / "masks" / f"{k}.png", np.full((40, 40, 1), 255 * k, np.uint8))
    assert ganforge("filler", tmp_path / "in", "--mask", tmp_path / "masks", "--out", tmp_path / "out")[0] == 0
    np.testing.assert_array_equal(pixels(tmp_path / "out" / "0.png"), pixels(tmp_path / "in" / "0.jpg"))
    (tmp_path / "masks" / "1.png").unlink()
    status, _, err = ganforge("filler", tmp_path / "in", "--mask", tmp_path / "masks", "--out", tmp_path / "more")
    assert status == 2
    assert "1.jpg" in err


@pytest.mark.parametrize(
    ("model", "arguments", "said"),
    [
        ("color", ["nowhere.png", "--out", "b.png"], "no such file or folder"),
        ("color", ["a.png", "--out", "b.gif"], "must end in one of .png"),
        ("color", ["a.png", "--out", "."], "is a folder"),
        ("color", ["in", "--out", "b.png"], "--out b.png: must be a folder"),
        ("color", ["empty", "--out", "out"], "empty: contains no images"),
        ("color", ["a.png", "--out", "b.png", "--mask", "mask.png"], "takes no mask"),
        ("filler", ["a.png", "--out", "b.png"], "--mask FILE"),
        ("filler", ["a.png", "--out", "b.png", "--mask", "mask.png"], "10×10 px and the image 20×20"),
        ("color", ["a.png", "--out", "b.png", "--direction", "ba"], "one way"),
        ("both", ["a.png", "--out", "b.png", "--direction", "bb"], "ab, ba"),
        ("color", ["broken.png", "--out", "b.png"], "broken.png: not an image"),
        ("color", ["a.png", "--out", "b.png", "--tile", "3"], "at least 16"),
        ("color", ["in", "--out", "out", "--format", "tiff"], "png, jpg or webp"),
        ("filler", ["in", "--out", "out", "--mask", "mask.png", "--format", "jpg"], "outside the mask"),
        ("color", ["film.mp4", "--out", "b.png"], "--out b.png: films are written as .mp4"),
    ],
)
def test_mistakes_are_reported_and_cost_nothing(ganforge, tmp_path, monkeypatch, model, arguments, said):
    monkeypatch.chdir(tmp_path)
    save(Path("a.png"), photo_like(20, 20))
    save(Path("in/a.png"), photo_like(20, 20))
    save(Path("mask.png"), np.zeros((10, 10, 1), np.uint8))
    Path("empty").mkdir()
    Path("broken.png").write_bytes(b"?")
    Path("film.mp4").write_bytes(b"?")
    before = sorted(Path().rglob("*"))
    status, _, err = ganforge(model, *arguments)
    assert status == 2, err
    assert said in err
    assert sorted(Path().rglob("*")) == before


def test_a_model_that_samples_is_sent_to_the_other_verb(ganforge, models, tmp_path):
    recipe, spec = gf.recipe("dcgan"), Spec((1, 8, 8), state={"mode": "L", "depth": 8})
    generator = recipe.task.players(spec)["G"]
    bundle.save(models / "dcgan.safetensors", recipe, spec, {"G": generator}, samples=0)
    status, _, err = ganforge("dcgan", save(tmp_path / "a.png", photo_like(20, 20)), "--out", tmp_path / "b.png")
    assert status == 2
    assert "ganforge sample" in err


def film(path: Path, sound: str = "") -> Path:
    """Four frames of 48×32 px, ten a second, with a tone where a codec is named."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    silent = path.with_name(f"silent-{path.name}") if sound else path
    writer = ffmpeg.write_frames(str(silent), (48, 32), fps=10, macro_block_size=2)
    writer.send(None)
    for k in range(4):
        writer.send(np.full((32, 48, 3), 40 * k, np.uint8).tobytes())
    writer.close()
    if sound:
        tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.4"]
        command = [ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", silent, *tone, "-c:v", "copy", "-c:a", sound, path]
        subprocess.run(list(map(str, command)), check=True)
    return path


@pytest.mark.parametrize(
    ("name", "sound"),
    [
        ("a.mp4", ""),
        *(pytest.param(*film, marks=pytest.mark.slow) for film in (("a.mov", "aac"), ("a.mkv", "pcm_s16le"))),
    ],
)
def test_a_film_frame_by_frame(ganforge, tmp_path, name, sound):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    status, out, err = ganforge("color", film(tmp_path / name, sound), "--out", tmp_path / "b.mp4")
    assert status == 0, err
    assert "4 frames" in out
    about = next(ffmpeg.read_frames(str(tmp_path / "b.mp4")))
    assert about["size"] == (48, 32)
    assert about["fps"] == pytest.approx(10)
    assert about.get("audio_codec", "") == ("aac" if sound else "")


def test_a_film_that_cannot_be_read_leaves_nothing(ganforge, tmp_path):
    pytest.importorskip("imageio_ffmpeg")
    (tmp_path / "a.mp4").write_bytes(b"no film")
    status, _, err = ganforge("color", tmp_path / "a.mp4", "--out", tmp_path / "c.mp4")
    assert status == 2
    assert "a.mp4: cannot be read as a film" in err
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_outscale_suffix_and_quality(ganforge, tmp_path):
    for name in ("a.png", "in/b.png"):
        save(tmp_path / "photos" / name, photo_like(20, 30))
    out = tmp_path / "made"
    status, _, err = ganforge("color", tmp_path / "photos", "--out", out, "--outscale", "1.5", "--suffix", "x2")
    assert status == 0, err
    assert pixels(out / "a_x2.png").shape == (30, 45, 3)
    assert (out / "in" / "b_x2.png").is_file()
    sizes = []
    for quality in (30, 95):
        words = ("--out", tmp_path / f"{quality}", "--format", "jpg", "--suffix", "-low", "--quality", quality)
        assert ganforge("color", tmp_path / "photos", *words)[0] == 0
        sizes.append((tmp_path / f"{quality}" / "a-low.jpg").stat().st_size)
    assert sizes[0] < sizes[1]


def test_what_is_resized_is_what_the_net_made(ganforge, tmp_path):
    source = save(tmp_path / "a.png", photo_like(32, 32))
    ganforge("color", source, "--out", tmp_path / "plain.png")
    ganforge("color", source, "--out", tmp_path / "half.png", "--outscale", "0.5")
    plain = Image.open(tmp_path / "plain.png")
    assert (pixels(tmp_path / "half.png") == np.asarray(plain.resize((16, 16), Image.Resampling.LANCZOS))).all()
    ganforge("color", source, "--out", tmp_path / "same.png", "--outscale", "1")
    assert (pixels(tmp_path / "same.png") == np.asarray(plain)).all()


@pytest.mark.parametrize(
    "words",
    [("--outscale", "0"), ("--outscale", "65"), ("--quality", "0"), ("--quality", "101"), ("--suffix", "../x")],
)
def test_options_out_of_range_are_refused(ganforge, tmp_path, words):
    save(tmp_path / "photos" / "a.png", photo_like(20, 30))
    status, _, err = ganforge("color", tmp_path / "photos", "--out", tmp_path / "made", *words)
    assert status == 2
    assert words[0] in err
    assert not (tmp_path / "made").exists()


def test_a_suffix_is_for_folders(ganforge, tmp_path):
    source = save(tmp_path / "a.png", photo_like(20, 30))
    status, _, err = ganforge("color", source, "--out", tmp_path / "b.png", "--suffix", "x")
    assert status == 2
    assert "--suffix x" in err


def test_interrupted_it_says_how_to_go_on(ganforge, tmp_path, monkeypatch):
    from ganforge.modalities.pair.translate import ImageTranslator

    for k in range(4):
        save(tmp_path / "my photos" / f"{k}.png", photo_like(20, 30))
    whole, calls = ImageTranslator.__call__, []

    def interrupted(self, image, mask=None):
        calls.append(image)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(self, image, mask)

    monkeypatch.setattr(ImageTranslator, "__call__", interrupted)
    words = (tmp_path / "my photos", "--out", tmp_path / "made", "--suffix", "x")
    status, _, err = ganforge("color", *words)
    assert status == 130
    assert "2 of 4 images" in err
    assert f"'{tmp_path / 'my photos'}' --out {tmp_path / 'made'} --suffix x" in err
    assert "--skip-existing" in err
    status, out, _ = ganforge("color", *words, "--skip-existing")
    assert status == 0
    assert "2 images, 2 already existed" in out


def test_quiet_prints_nothing(ganforge, tmp_path):
    source = save(tmp_path / "a.png", photo_like(20, 30))
    assert ganforge("color", source, "--out", tmp_path / "b.png", "-q") == (0, "", "")


@pytest.mark.slow
def test_several_processes_write_the_same(ganforge, tmp_path):
    for k in range(11):
        save(tmp_path / "in" / f"{k}.png", photo_like(20 + k, 30, seed=k))
    (tmp_path / "in" / "broken.png").write_bytes(b"no image")
    archive = tmp_path / "in.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for file in (tmp_path / "in").iterdir():
            made.write(file, file.name)
    assert ganforge("color", tmp_path / "in", "--out", tmp_path / "one")[0] == 3
    for source, out in ((tmp_path / "in", "two"), (archive, "zip")):
        status, said, err = ganforge("color", source, "--out", tmp_path / out, "--procs", 2)
        assert status == 3, err
        assert "11 images, 1 failed" in said
        for k in range(11):
            same = pixels(tmp_path / out / f"{k}.png").astype(int) - pixels(tmp_path / "one" / f"{k}.png")
            assert np.abs(same).max() <= 1
