"""Films in all the forms that users have them, and films that cannot be used."""

from __future__ import annotations

import io
import subprocess
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest
from clips import clip, number, write_gif, write_mp4, write_strip
from PIL import Image

from ganforge.core.dataset import BadItem
from ganforge.core.errors import MissingExtra
from ganforge.data.path import PathData
from ganforge.modalities.video import container, film, inspect
from ganforge.modalities.video.clips import Clips
from ganforge.modalities.video.signal import Video
from ganforge.modalities.video.source import Films
from refused import refused


def opened(path: Path, **fields) -> Films:
    found = PathData(path=str(path), **fields).open()
    assert isinstance(found, Films)
    return found


def cut(path: Path, **fields) -> Clips:
    found = Video(**fields).items(opened(path))
    assert isinstance(found, Clips)
    return found


def numbers(clips: Clips, index: int = 0) -> list[int]:
    return [number(frame) for frame in clips.read(index)]


def ffmpeg(*words: object) -> None:
    import imageio_ffmpeg

    program = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    subprocess.run([*program, *map(str, words)], check=True, timeout=60)


# --- forms


@pytest.mark.parametrize("ending", [".mp4", ".mov", ".avi", ".webm", ".mkv"])
def test_containers(tmp_path, ending):
    file = write_mp4(tmp_path / "a.mp4", clip())
    if ending != ".mp4":
        ffmpeg("-i", file, "-b:v", "2M", tmp_path / f"b{ending}")
        file = tmp_path / f"b{ending}"
    header = opened(file).readable()[0]
    assert (header.frames, header.height, header.width) == (12, 24, 32)
    assert header.fps == pytest.approx(10, rel=0.02)
    assert numbers(cut(file, frames=12)) == list(range(12))


@pytest.mark.parametrize("ending", [".gif", ".apng", ".webp"])
def test_animations(tmp_path, ending):
    file = write_gif(tmp_path / f"a{ending}", clip())
    assert opened(file).readable()[0] == film.Header(12, 24, 32, 10.0)
    assert numbers(cut(file, frames=12)) == list(range(12))


def test_frames_of_a_gif_that_last_longer_are_shown_longer(tmp_path):
    file = write_gif(tmp_path / "a.gif", clip(4), [100, 300, 100, 100])
    assert numbers(cut(file, frames=6, fps=10)) == [0, 1, 1, 1, 2, 3]


def test_a_film_of_variable_rate_is_read_by_its_times(tmp_path):
    file = write_mp4(tmp_path / "a.mp4", clip(8))
    ffmpeg("-i", file, "-vf", "setpts='if(lt(N,4),N,4+3*(N-4))*0.1/TB'", "-fps_mode", "vfr", tmp_path / "b.mp4")
    assert numbers(cut(tmp_path / "b.mp4", frames=10, fps=10)) == [0, 1, 2, 3, 4, 4, 4, 5, 5, 5]


def test_other_rates_become_the_most_frequent_one(tmp_path):
    for k in range(2):
        write_mp4(tmp_path / f"slow{k}.mp4", clip(8), 10)
    write_mp4(tmp_path / "z.mp4", clip(12), 20)
    clips = cut(tmp_path, frames=6)
    assert clips.fps == 10
    assert numbers(clips, len(clips) - 1) == [0, 2, 4, 6, 8, 10]


def test_a_stride_and_a_rate(tmp_path):
    write_gif(tmp_path / "a.gif", clip())
    assert numbers(cut(tmp_path / "a.gif", frames=4, stride=3)) == [0, 3, 6, 9]
    assert numbers(cut(tmp_path / "a.gif", frames=4, fps=5)) == [0, 2, 4, 6]
    spec = Video(frames=4, stride=2).spec(opened(tmp_path / "a.gif"), lambda shape: shape)
    assert spec.shape == (3, 4, 24, 32)
    assert spec.state["fps"] == 5.0


@pytest.mark.parametrize(("turn", "place"), [(90, (0, 0, -1)), (180, (0, -1, -1)), (270, (0, -1, 0))])
def test_a_rotation_flag_turns_the_film_upright(tmp_path, turn, place):
    upright = clip()
    file = write_mp4(tmp_path / "a.mp4", np.ascontiguousarray(np.rot90(upright, turn // 90, (1, 2))))
    ffmpeg("-display_rotation", -turn, "-i", file, "-c", "copy", tmp_path / "b.mp4")
    found = opened(tmp_path / "b.mp4")
    assert found.readable()[0][1:3] == (24, 32)
    assert found.read(0)[3, 0, 0].mean() > 200, "the white corner is at the top left again"
    assert found.read(0)[(3, *place[1:])].mean() < 120


def test_odd_sizes(tmp_path):
    file = write_gif(tmp_path / "a.gif", clip(size=(25, 37)))
    assert cut(file, size=(16, 24)).read(0).shape == (12, 16, 24, 3)
    assert cut(write_mp4(tmp_path / "b.mp4", clip(size=(25, 37)))).read(0).shape == (12, 26, 38, 3)


def test_strips_named_jpg_with_alpha_in_class_folders(tmp_path):
    for label in ("walk", "wave"):
        (tmp_path / label).mkdir()
        for k in range(3):
            frames = np.concatenate([clip(6, (16, 16)), np.full((6, 16, 16, 1), 255, np.uint8)], 3)
            write_strip(tmp_path / label / f"{k}.jpg", frames)
    found = opened(tmp_path)
    assert found.classes == ("walk", "wave")
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert [one.frames for one in found.readable()] == [6] * 6
    assert numbers(cut(tmp_path, frames=6), 5) == list(range(6))


def test_folders_of_frames_are_read_in_the_order_of_their_numbers(tmp_path):
    for label, level in (("a", 0), ("b", 0)):
        (tmp_path / label / "one").mkdir(parents=True)
        for t, frame in enumerate(clip(12, level=level)):
            Image.fromarray(frame).save(tmp_path / label / "one" / f"{t + 1}.png")  # 1, 10, 11, 12, 2: sorted as text
    found = opened(tmp_path, signal="film")
    assert found.classes == ("a", "b")
    clips = Video(frames=12).items(found)
    assert [number(frame) for frame in clips.read(0)] == list(range(12))


def test_a_folder_of_the_frames_of_one_film(tmp_path):
    for t, frame in enumerate(clip(8)):
        Image.fromarray(frame).save(tmp_path / f"frame_{t}.png")
    found = opened(tmp_path, signal="film")
    assert len(found) == 1
    assert [number(frame) for frame in found.read(0)] == list(range(8))
    assert PathData(path=str(tmp_path)).open().signal == "image", "without being asked, images are images"


@pytest.mark.parametrize("layout", ["channels last", "channels second", "gray", "alpha", "npz"])
def test_arrays(tmp_path, layout):
    films = np.stack([clip(), clip()])
    if layout == "channels second":
        films = np.moveaxis(films, 4, 1)
    if layout == "gray":
        films = films[..., :1]
    if layout == "alpha":
        films = np.concatenate([films, np.full_like(films[..., :1], 255)], 4)
    file = tmp_path / ("a.npz" if layout == "npz" else "a.npy")
    np.savez(file, clips=films, labels=np.array([1, 0])) if layout == "npz" else np.save(file, films)
    found = opened(file)
    assert len(found) == 2
    assert numbers(cut(file, frames=12), 1) == list(range(12))
    assert found.classes == (("0", "1") if layout == "npz" else ())


@pytest.mark.parametrize("films", [1, 2])
def test_gray_arrays_without_channels(tmp_path, films):
    maps = np.stack([clip()[..., 0]] * films)
    np.save(tmp_path / "rain.npy", maps if films > 1 else maps[0])
    found = opened(tmp_path / "rain.npy", signal="film")
    assert len(found) == films
    assert [number(frame) for frame in found.read(films - 1)] == list(range(12))
    assert found.read(0).shape == (12, 24, 32, 3)


def test_labels_from_names(tmp_path):
    for k in range(4):
        for label in ("walk", "run"):
            write_gif(tmp_path / f"{label}_{k}.gif", clip(4))
    assert opened(tmp_path).classes == ("run", "walk")


def test_a_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for k in range(2):
            archive.write(write_mp4(tmp_path / f"{k}.mp4", clip()), f"set/{k}.mp4")
    found = opened(tmp_path / "a.zip")
    assert len(found) == 2
    assert [number(frame) for frame in found.read(1)] == list(range(12))


def test_long_films_are_cut_half_a_clip_apart(tmp_path):
    np.save(tmp_path / "a.npy", np.stack([clip(12)]))
    clips = cut(tmp_path / "a.npy", frames=4)
    assert [numbers(clips, k)[0] for k in range(len(clips))] == [0, 2, 4, 6, 8]
    assert [numbers(cut(tmp_path / "a.npy", frames=12), 0)[k] for k in (0, 11)] == [0, 11]


def test_a_clip_from_the_middle_of_a_film_is_found_by_seeking(tmp_path):
    file = write_mp4(tmp_path / "a.mp4", np.concatenate([clip(12), clip(12), clip(12)]))
    clips = cut(file, frames=6)
    last = len(clips) - 1
    assert clips.pieces[last] == (0, 30)
    assert numbers(clips, last) == [6, 7, 8, 9, 10, 11]


# --- films held back for evaluation


def shown(films: Films) -> set[str]:
    return {films.describe(k) for k in range(len(films))}


def test_whole_films_are_held_back_and_each_by_its_name(tmp_path):
    for label in ("walk", "wave"):
        (tmp_path / label).mkdir()
        for k in range(15):
            write_gif(tmp_path / label / f"{k}.gif", clip(12))
    train, test, every = (opened(tmp_path, **fields) for fields in ({}, {"split": "test"}, {"split": "all"}))
    assert shown(train) | shown(test) == shown(every)
    assert not shown(train) & shown(test)
    assert 1 <= len(test) <= 8
    assert train.classes == test.classes == ("walk", "wave")
    assert [test.films[k].name.startswith("wave") for k in range(len(test))] == test.labels.astype(bool).tolist()
    assert f"{len(test)} of 30 films are held back" in " ".join(train.understood)
    assert len(opened(tmp_path, holdout=0)) == 30
    pieces = Video(frames=4).items(test)
    assert len(pieces) == 5 * len(test), "all clips of a film are on one side"
    write_gif(tmp_path / "wave" / "99.gif", clip(12))
    assert shown(opened(tmp_path, split="test")) - {"wave/99.gif"} == shown(test)
    assert train.identity() != test.identity()


def test_films_of_an_array_are_held_back(tmp_path):
    np.save(tmp_path / "a.npy", np.stack([clip(level=k) for k in range(20)]))
    train, test = opened(tmp_path / "a.npy"), opened(tmp_path / "a.npy", split="test")
    levels = [int(np.median(part.read(k)[0])) for part in (train, test) for k in range(len(part))]
    assert sorted(levels) == list(range(20))
    assert len(test) >= 1
    assert train.identity() != test.identity()


def test_folders_named_test_and_small_sets_hold_back_nothing_else(tmp_path):
    for part, count in (("train", 20), ("test", 3)):
        (tmp_path / part).mkdir()
        for k in range(count):
            write_gif(tmp_path / part / f"{k}.gif", clip(4))
    assert len(opened(tmp_path)) == 20
    assert len(opened(tmp_path, split="test")) == 3
    few = tmp_path / "test"
    assert len(opened(few)) == 3
    with refused("data.split_not_found", "none of its 3 films"):
        opened(few, split="test")


# --- sizes


def test_mixed_sizes_become_one(tmp_path):
    for k, size in enumerate([(24, 32), (24, 32), (48, 24)]):
        write_gif(tmp_path / f"{k}.gif", clip(size=size))
    for fit in ("crop", "pad", "stretch"):
        clips = cut(tmp_path, fit=fit)
        assert clips.size == (24, 32)
        assert {clips.read(k).shape for k in range(3)} == {(12, 24, 32, 3)}
    assert "Several sizes" in " ".join(inspect.inspection(opened(tmp_path)).hints)


def test_fits():
    frame = np.zeros((10, 20, 3), np.uint8)
    frame[:, 5:15] = 200
    assert film.fitted(frame, (10, 10), "crop").min() == 200, "the middle"
    padded = film.fitted(frame, (20, 20), "pad")
    assert padded[:5].max() == padded[15:].max() == 0
    assert padded[10, 10].min() == 200
    assert film.fitted(frame, (10, 10), "stretch")[5, 0].max() < 20, "the sides are there"


# --- what cannot be used


@pytest.mark.parametrize("ending", [".avi", ".mkv", ".webm", ".mp4"])
def test_a_film_that_breaks_off_gives_what_lies_before(tmp_path, ending):
    noise = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)
    file = write_mp4(tmp_path / "whole.mp4", noise)
    ffmpeg("-i", file, "-g", 5, "-movflags", "faststart", tmp_path / f"a{ending}")
    whole = (tmp_path / f"a{ending}").read_bytes()
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / f"broken{ending}").write_bytes(whole[: len(whole) // 2])
    found = opened(tmp_path / "set")
    header = found.readable()[0]
    assert 10 <= header.frames <= 30
    assert header.claimed == pytest.approx(4.0, rel=0.1)
    clips = Video(frames=8).items(found)
    assert clips.read(0).shape == (8, 32, 32, 3)
    assert "break off before their end" in " ".join(inspect.inspection(found).hints)


def test_a_film_cut_before_its_index_is_named(tmp_path):
    whole = write_mp4(tmp_path / "a.mp4", clip()).read_bytes()
    write_gif(tmp_path / "b.gif", clip())
    (tmp_path / "a.mp4").write_bytes(whole[: len(whole) // 2])
    found = opened(tmp_path)
    assert inspect.inspection(found).facts["unreadable"] == ["a.mp4"]
    with pytest.raises(BadItem, match=r"a\.mp4: not a film that can be read; it may be cut off"):
        found.header(0)


def test_frames_missing_at_the_end_are_named():
    frames = ((k / 10, np.zeros((8, 8, 3), np.uint8)) for k in range(5))
    with pytest.raises(BadItem, match=r"breaks off after 0\.40 s"):
        film.picked(frames, [k / 10 for k in range(9)], (8, 8), "crop", "a.mp4")


def test_sound_alone_is_no_film(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(16_000))
    (tmp_path / "set").mkdir()
    ffmpeg("-i", tmp_path / "a.wav", tmp_path / "set" / "a.mp4")
    found = opened(tmp_path / "set")
    with pytest.raises(BadItem, match="it holds sound and no video"):
        found.header(0)
    with refused("data.mostly_unreadable", "none of its 1 films can be read", "sound and no video"):
        Video().items(found)


def test_single_frames_are_left_out_and_named(tmp_path):
    write_mp4(tmp_path / "one.mp4", clip(1))
    for k in range(3):
        write_mp4(tmp_path / f"z{k}.mp4", clip(8))
    clips = cut(tmp_path, frames=4)
    with pytest.raises(BadItem, match=r"one\.mp4: it is a single frame"):
        clips.read(0)
    assert "hold a single frame" in " ".join(inspect.inspection(opened(tmp_path)).hints)


def test_single_frames_alone_are_refused(tmp_path):
    write_mp4(tmp_path / "one.mp4", clip(1))
    with refused("video.films_too_short", "no film has 4 frames", "use the image signal"):
        cut(tmp_path)


def test_films_shorter_than_asked_are_refused_with_the_longest(tmp_path):
    write_gif(tmp_path / "a.gif", clip(8))
    with refused("video.films_too_short", "the longest has 8", "signal.frames=8"):
        cut(tmp_path / "a.gif", frames=20)


def test_text_named_mp4(tmp_path):
    (tmp_path / "a.mp4").write_text("not a film")
    with refused("data.mostly_unreadable", "a.mp4"):
        cut(tmp_path / "a.mp4")


def test_an_empty_file(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"")
    with refused("data.empty", "a.mp4"):
        opened(tmp_path / "a.mp4")


def test_a_folder_without_films(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with refused("data.no_films", "no films here"):
        opened(tmp_path, signal="film")


def test_arrays_of_other_numbers(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((2, 6, 8, 8, 3)))
    with refused("data.not_films", "float64", "astype"):
        opened(tmp_path / "a.npy", signal="film")
    np.savez(tmp_path / "b.npz", clips=np.zeros((2, 6, 8, 8, 3), np.uint8), labels=np.arange(3))
    with refused("data.labels_do_not_fit", "2 films"):
        opened(tmp_path / "b.npz")


def test_without_pyav_the_extra_is_named(monkeypatch, tmp_path):
    file = write_mp4(tmp_path / "a.mp4", clip())
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtra, match=r"ganforge\[video\]"):
        opened(file).readable()
    assert not container.is_there()


def test_written_films_come_back(tmp_path):
    frames = clip(size=(25, 31))
    (tmp_path / "a.mp4").write_bytes(container.encode(list(frames), 12.5))
    found = opened(tmp_path / "a.mp4")
    assert found.readable()[0].fps == pytest.approx(12.5)
    assert found.read(0).shape == (12, 26, 32, 3), "odd sides repeat their last line"
    assert np.abs(found.read(0)[:, :25, :31].astype(int) - frames).mean() < 6
    assert [seconds for seconds, _ in container.frames(io.BytesIO((tmp_path / "a.mp4").read_bytes()), "a")][1] == 0.08
