"""Pairs of images: how two sets are put together, how files without a partner are reported, what a batch of them is."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganforge.core.component import build
from ganforge.core.dataset import Dataset
from ganforge.core.rng import Rng
from ganforge.core.types import Spec
from ganforge.data.base import DataSource
from ganforge.data.loader import Loader
from ganforge.modalities.pair.coloring import COLORS
from ganforge.modalities.pair.signal import Pair
from ganforge.modalities.pair.source import Domains, Pairs
from ganforge.registry import load_all
from refused import refused

load_all()


def same(shape):
    return shape


def noise(seed: int, height: int = 12, width: int = 16, channels: int = 3) -> np.ndarray:
    picture = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return picture[..., 0] if channels == 1 else picture


def save(folder: Path, name: str, array: np.ndarray, **kwargs) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(folder / name, **kwargs)


@pytest.fixture
def folders(tmp_path) -> tuple[str, str]:
    """Six photos, and the same in gray as .bmp files."""
    for k in range(6):
        save(tmp_path / "photo", f"{k}.png", noise(k))
        save(tmp_path / "grey", f"{k}.bmp", noise(k).mean(2).astype(np.uint8))
    return str(tmp_path / "grey"), str(tmp_path / "photo")


def opened(source: DataSource, signal: Pair) -> tuple[Dataset, Spec]:
    items = signal.items(source.open())
    return items, signal.spec(items, same)


def batch_of(source: DataSource, signal: Pair, n: int | None = None, seed: int = 0):
    items, spec = opened(source, signal)
    rows = np.stack([signal.prepare(items.read(k), spec) for k in range(n or len(items))])
    assert rows.shape[1:] == signal.stored(spec)
    return signal.batch(torch.from_numpy(rows), None, spec, Rng(seed)), spec


def pixels(x: torch.Tensor) -> np.ndarray:
    """[N, C, H, W] in [-1, 1] → uint8 [N, H, W, C]."""
    return ((x + 1) * 127.5).round().byte().permute(0, 2, 3, 1).numpy()


# --- two sets


def test_folders_are_paired_by_name(folders):
    source, target = folders
    batch, spec = batch_of(Pairs(source=source, target=target), Pair())
    assert spec.shape == (3, 12, 16)
    assert spec.state["source"] == {"shape": [1, 12, 16], "mode": "L", "classes": [], "scale": 1, "mask": False}
    for k in range(6):
        assert np.array_equal(pixels(batch.x)[k], noise(k))
        assert np.array_equal(pixels(batch.extra["source"])[k, ..., 0], noise(k).mean(2).astype(np.uint8))


def test_names_without_a_partner_are_listed(folders, tmp_path):
    source, target = folders
    save(tmp_path / "photo", "lonely.png", noise(9))
    save(tmp_path / "grey", "alone.png", noise(9))
    with refused("data.unpaired_files", "2 files", f"{target}: lonely", f"{source}: alone", "data.unpaired=skip"):
        Pairs(source=source, target=target).open()
    pairs = Pairs(source=source, target=target, unpaired="skip").open()
    assert len(pairs) == 6
    assert [Path(pairs.describe(k)).stem for k in range(6)] == [
        Path(pairs.source.describe(k)).stem  # type: ignore[union-attr]
        for k in range(6)
    ]


def test_sets_that_have_no_name_in_common(folders, tmp_path):
    save(tmp_path / "other", "x.png", noise(0))
    with refused("data.no_pairs", str(tmp_path / "other"), folders[1]):
        Pairs(source=str(tmp_path / "other"), target=folders[1]).open()


def test_two_files_of_one_name(folders, tmp_path):
    save(tmp_path / "photo", "0.bmp", noise(0))
    with refused("data.duplicate_names", "0.bmp", "0.png"):
        Pairs(source=folders[0], target=folders[1]).open()


def test_sizes_that_differ_within_a_pair(folders, tmp_path):
    save(tmp_path / "grey", "3.bmp", noise(0, 10, 16))
    with refused("data.sizes_differ", "10×16", "3.bmp", "12×16") as caught:
        opened(Pairs(source=folders[0], target=folders[1]), Pair())
    assert "0.bmp" not in str(caught.value)


def test_smaller_sources(tmp_path):
    """A folder of images half as large is a folder of sources of super-resolution."""
    for k in range(4):
        save(tmp_path / "high", f"{k}.png", noise(k, 16, 24))
        save(tmp_path / "low", f"{k}.png", noise(k, 16, 24)[::2, ::2])
    pairs = Pairs(source=str(tmp_path / "low"), target=str(tmp_path / "high"))
    whole, spec = batch_of(pairs, Pair())
    assert spec.state["source"]["scale"] == 2
    assert np.array_equal(pixels(whole.extra["source"]), pixels(whole.x)[:, ::2, ::2])
    # Patches and crops of both are of the same place, however they are drawn, mirrored and turned.
    cut, spec = batch_of(pairs, Pair(size=8, jitter=4, patches=True))
    assert spec.state["source"]["shape"] == [3, 4, 4]
    assert np.array_equal(pixels(cut.extra["source"]), pixels(cut.x)[:, ::2, ::2])
    with refused("signal.size_not_a_multiple", "signal.size: ", "2 times", "9 px", "signal.size=8"):
        opened(pairs, Pair(size=9, patches=True))


def test_side_by_side(tmp_path):
    for k in range(3):
        save(tmp_path / "both", f"{k}.png", np.concatenate([noise(k), noise(10 + k)], axis=1))
    path = str(tmp_path / "both")
    batch, spec = batch_of(Pairs(path=path), Pair())
    assert spec.shape == (3, 12, 16)
    assert np.array_equal(pixels(batch.extra["source"])[1], noise(1))
    assert np.array_equal(pixels(batch.x)[1], noise(11))
    batch, _ = batch_of(Pairs(path=path, sides="target,source"), Pair())
    assert np.array_equal(pixels(batch.x)[1], noise(1))


def test_folders_in_a_zip(folders, tmp_path):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for folder in folders:
            for file in Path(folder).iterdir():
                archive.write(file, f"set/{Path(folder).name}/{file.name}")
    inside = f"{tmp_path / 'all.zip'}/set"
    pairs = Pairs(source=f"{inside}/grey", target=f"{inside}/photo").open()
    assert len(pairs) == 6
    assert np.array_equal(pairs.read(2), noise(2))
    with refused("data.folder_not_found", "'set/photos'", "did you mean 'set/photo'"):
        Pairs(source=f"{inside}/grey", target=f"{inside}/photos").open()


def test_one_word_is_asked_for_what_is_missing(folders):
    with refused("data.field_missing", "data.source=FOLDER data.target=FOLDER"):
        Pairs().open()
    with refused("data.given_twice", "data.path", "data.source", "data.target"):
        Pairs(path="x", source="y").open()
    with refused("signal.no_source", "data.source=FOLDER", "degrade=bicubic4"):
        opened(build(DataSource, {"kind": folders[1]}), Pair())
    with refused("signal.two_sources", "signal.degrade=null"):
        opened(Pairs(source=folders[0], target=folders[1]), Pair(degrade="bicubic2"))  # type: ignore[arg-type]


def test_a_damaged_half_leaves_its_pair_out(folders, tmp_path):
    """A file whose pixels are cut short is found when it is read; the next good pair takes its place."""
    whole = (tmp_path / "grey" / "4.bmp").read_bytes()
    (tmp_path / "grey" / "4.bmp").write_bytes(whole[:-50])
    signal = Pair()
    items, spec = opened(Pairs(source=folders[0], target=folders[1]), signal)
    loader = Loader(items, lambda item: signal.prepare(item, spec), signal.stored(spec), batch=2)
    try:
        assert len(loader) == 5
        assert [where for where, _ in loader.skipped] == ["4.bmp"]
    finally:
        loader.close()


# --- label maps


def maps(folder: Path, ids: list[int], mode: str = "L") -> None:
    """Label maps with these classes in stripes, and photos."""
    for k in range(3):
        stripes = np.repeat(np.array(ids, np.uint8), 16 // len(ids) + 1)[:16]
        array = np.tile(np.roll(stripes, k), (12, 1))
        save(folder / "photo", f"{k}.png", noise(k))
        if mode == "P":
            picture = Image.fromarray(array, "P")
            picture.putpalette([value for j in range(16) for value in (j * 15, 255 - j, 10)])
            (folder / "label").mkdir(exist_ok=True)
            picture.save(folder / "label" / f"{k}.png")
        else:
            save(folder / "label", f"{k}.png", array)


@pytest.mark.parametrize(("mode", "classes"), [("L", [0, 3, 7]), ("P", ["#00ff0a", "#2dfc0a", "#69f80a"])])
def test_label_maps_become_one_hot(tmp_path, mode, classes):
    maps(tmp_path, [0, 3, 7], mode)
    pairs = Pairs(source=str(tmp_path / "label"), target=str(tmp_path / "photo"))
    batch, spec = batch_of(pairs, Pair(size=[24, 32]))  # type: ignore[arg-type]
    assert spec.state["source"]["mode"] == "classes"
    assert spec.state["source"]["classes"] == classes
    one_hot = batch.extra["source"]
    assert one_hot.shape == (3, 3, 24, 32)  # enlarged, and no class between two others has come in
    assert torch.equal(one_hot.sum(1), torch.ones(3, 24, 32))
    assert set(one_hot.unique().tolist()) == {0, 1}
    # The same map after training.
    picture = pairs.open().source.read(1)  # type: ignore[union-attr]
    again = Pair().source_of(picture, spec)
    assert torch.equal(again, one_hot[1, :, ::2, ::2])


def test_a_map_with_classes_that_were_not_seen(tmp_path):
    maps(tmp_path, [0, 3, 7])
    _, spec = opened(Pairs(source=str(tmp_path / "label"), target=str(tmp_path / "photo")), Pair())
    with refused("data.unknown_class", "the label map: ", " 9,", "(0, 3, 7)"):
        Pair().source_of(np.full((12, 16, 1), 9, np.uint8), spec)
    with refused("data.wrong_label_map_mode", "the label map: ", "(0, 3, 7)"):
        Pair().source_of(noise(0), spec)


def test_classes_may_be_listed(tmp_path):
    maps(tmp_path, [0, 3, 7])
    pairs = Pairs(source=str(tmp_path / "label"), target=str(tmp_path / "photo"))
    listed, spec = batch_of(pairs, Pair(classes=("7", "0", "3", "5")))
    found, _ = batch_of(pairs, Pair())
    assert spec.state["source"]["classes"] == [7, 0, 3, 5]
    assert torch.equal(listed.extra["source"][:, [1, 2, 0]], found.extra["source"])
    with refused("data.unknown_class", "0.png: ", " 3, 7,", "(0, 1)"):
        batch_of(pairs, Pair(classes=("0", "1")))
    with refused("signal.invalid_classes", "signal.classes", "[0, 1, 2]"):
        opened(pairs, Pair(classes=("0", "#ffffff")))


def test_drawings_and_photos_are_no_label_maps(folders, tmp_path):
    for k in range(3):
        drawing = np.where(noise(k)[..., 0] > 128, 255, 0).astype(np.uint8)
        save(tmp_path / "line", f"{k}.png", drawing)
        save(tmp_path / "rgb", f"{k}.png", np.repeat(drawing[..., None], 3, axis=2))
        save(tmp_path / "some", f"{k}.png", noise(k))
    for folder, mode in (("line", "L"), ("rgb", "RGB"), ("some", "RGB")):
        _, spec = opened(Pairs(source=str(tmp_path / folder), target=str(tmp_path / "some")), Pair())
        assert spec.state["source"]["mode"] == mode
    with refused("data.too_many_classes", "255 colors", "signal.source=RGB"):
        opened(Pairs(source=str(tmp_path / "some"), target=str(tmp_path / "some")), Pair(source="classes"))


# --- a source that is made from the target


def test_a_degraded_source_is_drawn_anew(folders):
    signal = Pair(degrade="gaussian25", size=12, fit="crop")  # type: ignore[arg-type]
    one, spec = batch_of(build(DataSource, {"kind": folders[1]}), signal)
    two, _ = batch_of(build(DataSource, {"kind": folders[1]}), signal, seed=1)
    assert torch.equal(one.x, two.x)
    assert not torch.equal(one.extra["source"], two.extra["source"])
    assert spec.state["source"]["shape"] == [3, 12, 12]
    assert 10 / 127.5 < (one.extra["source"] - one.x).std() < 30 / 127.5


@pytest.mark.parametrize(
    ("text", "shape", "mode", "scale", "mask"),
    [
        ("bicubic4", [3, 3, 4], "RGB", 4, False),
        ("grey", [1, 12, 16], "L", 1, False),
        ("boxes", [4, 12, 16], "RGB", 1, True),
        ("grey+area2+strokes", [2, 6, 8], "L", 2, True),
    ],
)
def test_the_spec_says_what_the_source_is(folders, text, shape, mode, scale, mask):
    batch, spec = batch_of(build(DataSource, {"kind": folders[1]}), Pair(degrade=text))
    assert spec.state["source"] == {"shape": shape, "mode": mode, "classes": [], "scale": scale, "mask": mask}
    assert list(batch.extra["source"].shape[1:]) == shape
    assert Spec.from_plain(spec.to_plain()) == spec


def test_what_is_hidden_is_zero_and_the_mask_says_where(folders):
    batch, spec = batch_of(build(DataSource, {"kind": folders[1]}), Pair(degrade="boxes"))  # type: ignore[arg-type]
    picture, mask = batch.extra["source"].split([3, 1], dim=1)
    assert set(mask.unique().tolist()) == {0, 1}
    assert torch.equal(picture, batch.x * (1 - mask))
    # After training the same, with a mask of the user's own.
    white = (mask[0, 0] * 255).byte().numpy()
    again = Pair().source_of(noise(0), spec, mask=white)
    assert torch.equal(again, batch.extra["source"][0])
    with refused("translate.mask_size_differs", "5×16 px", "12×16"):
        Pair().source_of(noise(0), spec, mask=white[:5])
    with refused("translate.mask_missing", "mask"):
        Pair().source_of(noise(0), spec)


def test_a_mask_for_a_model_that_takes_none(folders):
    _, spec = opened(build(DataSource, {"kind": folders[1]}), Pair(degrade="grey"))  # type: ignore[arg-type]
    assert Pair().source_of(noise(0, 5, 7), spec).shape == (1, 5, 7)  # any size, any mode
    with refused("translate.mask_not_taken", "mask"):
        Pair().source_of(noise(0), spec, mask=np.zeros((12, 16), np.uint8))


def test_pictures_with_alpha_are_degraded_over_a_background(tmp_path):
    clear = noise(0, channels=4)
    clear[..., 3] = 0
    save(tmp_path, "a.png", clear)
    data = build(DataSource, {"kind": str(tmp_path)})
    batch, spec = batch_of(data, Pair(degrade="area2", background=255))  # type: ignore[arg-type]
    assert spec.shape == (3, 12, 16)
    assert (batch.extra["source"] == 1).all()
    with refused("signal.alpha_not_supported", "signal.degrade", "signal.mode=RGBA", "signal.background"):
        opened(data, Pair(degrade="area2", mode="RGBA"))  # type: ignore[arg-type]


# --- crops, mirrors, turns


def test_source_and_target_move_alike(folders, tmp_path):
    """Both are the same image here, so every draw shows at once where it is not shared."""
    signal = Pair(size=8, jitter=4, flip=True, turn=True, fit="crop")
    pairs = Pairs(source=folders[1], target=folders[1])
    seen = set()
    for seed in range(6):
        batch, _ = batch_of(pairs, signal, seed=seed)
        assert batch.x.shape == (6, 3, 8, 8)
        assert torch.equal(batch.x, batch.extra["source"])
        seen.add(batch.x[0].numpy().tobytes())
    assert len(seen) > 4
    deterministic = signal.deterministic()
    one, two = (batch_of(pairs, deterministic, seed=seed)[0] for seed in (1, 2))
    assert torch.equal(one.x, two.x)


def test_crops_reach_every_place_and_nothing_else(folders):
    signal = Pair(size=[8, 16], jitter=4, degrade="blur1", fit="crop")  # type: ignore[arg-type]
    _, spec = opened(build(DataSource, {"kind": folders[1]}), signal)
    item = np.zeros((12, 20, 3), np.uint8)
    item[..., 0], item[..., 1] = np.arange(12)[:, None], np.arange(20)
    row = torch.from_numpy(signal.prepare(item, spec))[None].expand(200, -1)
    corners = pixels(signal.batch(row, None, spec, Rng(0)).x)[:, 0, 0, :2]
    assert {tuple(c) for c in corners.tolist()} == {(y, x) for y in range(5) for x in range(5)}


def test_a_source_made_from_the_crop_sets_no_bounds_to_where_that_lies(folders):
    """Kept sources can be cropped at whole pixels of theirs alone, drawn ones anywhere."""
    signal = Pair(size=8, jitter=3, degrade="area4")  # type: ignore[arg-type]
    batch, _ = batch_of(build(DataSource, {"kind": folders[1]}), signal)
    assert batch.extra["source"].shape[1:] == (3, 2, 2)
    assert np.abs(pixels(batch.extra["source"])[2, 0, 0] - pixels(batch.x)[2, :4, :4].mean((0, 1))).max() < 0.51
    with refused("signal.size_not_a_multiple", "multiple of 4: signal.size=8"):
        opened(build(DataSource, {"kind": folders[1]}), Pair(size=9, degrade="area4"))  # type: ignore[arg-type]


def test_only_squares_are_turned(folders):
    with refused("signal.not_square", "signal.turn", "12×16"):
        opened(Pairs(source=folders[0], target=folders[1]), Pair(turn=True))


# --- patches


def test_patches_hold_every_pixel_of_pictures_of_any_size(tmp_path):
    sizes = [(30, 21), (8, 8), (5, 40), (17, 9)]
    for k, size in enumerate(sizes):
        save(tmp_path, f"{k}.png", noise(k, *size))
    signal = Pair(size=6, jitter=2, patches=True, degrade="area2")  # type: ignore[arg-type]
    items, spec = opened(build(DataSource, {"kind": str(tmp_path)}), signal)
    assert spec.shape == (3, 6, 6)
    covered = [np.zeros((max(8, h), max(8, w)), bool) for h, w in sizes]
    for index, (k, top, left) in enumerate(items.places.tolist()):  # type: ignore[attr-defined]
        part = items.read(index)
        assert part.shape == (8, 8, 3)
        h, w = min(8, sizes[k][0] - top), min(8, sizes[k][1] - left)
        assert np.array_equal(part[:h, :w], noise(k, *sizes[k])[top : top + h, left : left + w])
        covered[k][top : top + 8, left : left + 8] = True
    assert all(c.all() for c in covered)
    assert len(items) == 5 * 4 + 1 + 1 * 7 + 3 * 2  # ⌈(H − 8) / 6⌉ + 1 rows of ⌈(W − 8) / 6⌉ + 1


def test_patches_need_a_size(folders):
    with refused("signal.size_missing", "signal.patches", "signal.size=96"):
        opened(build(DataSource, {"kind": folders[1]}), Pair(patches=True, degrade="area2"))  # type: ignore[arg-type]


# --- domains


def test_domains_are_two_classes(folders):
    joined = Domains(a=folders[0], b=folders[1]).open()
    assert joined.classes == ("grey", "photo")
    assert joined.labels is not None
    assert joined.labels.tolist() == [0] * 6 + [1] * 6
    assert np.array_equal(joined.read(8), noise(2))
    assert joined.read(2).shape == (12, 16, 1)
    assert [len(shape or ()) for shape in joined.each_shape()] == [3] * 12


def test_a_domain_may_be_one_picture(folders):
    joined = Domains(a=f"{folders[0]}/1.bmp", b=f"{folders[1]}/2.png").open()
    assert len(joined) == 2
    assert joined.classes == ("1", "2")
    assert np.array_equal(joined.read(1), noise(2))
    with refused("data.field_missing", "data.a=FOLDER data.b=FOLDER"):
        Domains(a=folders[0]).open()


def test_label_maps_of_a_domain_come_in_colours(tmp_path):
    """As they are they would be all but black: CamVid's levels go from 0 to 11."""
    maps(tmp_path, [0, 3, 7])
    plain = Domains(a=str(tmp_path / "label"), b=str(tmp_path / "photo"), maps="levels").open()
    shown = Domains(a=str(tmp_path / "label"), b=str(tmp_path / "photo")).open()
    level, colour = plain.read(1)[..., 0], shown.read(1)
    # PASCAL VOC's colors: 3 is olive, 7 gray.
    for number, rgb in ((0, (0, 0, 0)), (3, (128, 128, 0)), (7, (128, 128, 128))):
        assert (colour[level == number] == rgb).all()
    assert shown.each_shape()[0] == (12, 16, 3)
    assert np.array_equal(shown.read(4), plain.read(4)), "photos stay as they are"
    assert (plain.coloured, shown.coloured) == ((), ("label",)), "so that a model knows what it was shown"


def test_every_level_has_a_colour_of_its_own():
    assert len(np.unique(COLORS, axis=0)) == 256
